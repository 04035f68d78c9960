import { z } from "zod";

/** What vitest's JSON reporter writes, as far as it is read here. */
const Report = z.object({
  numPassedTests: z.int(),
  numFailedTests: z.int(),
  numPendingTests: z.int(),
  numTodoTests: z.int(),
  testResults: z.array(z.object({ status: z.string(), assertionResults: z.array(z.object({ status: z.string() })) })),
});

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

/**
 * The counts of a run. A file that does not load has no test that could fail, so it counts as one that did; a run that
 * left no report (null) counts as one failure.
 */
export function tally(report: string | null): Tally {
  if (report === null) return { passed: 0, failed: 1, skipped: 0 };
  const told = Report.parse(JSON.parse(report));
  const broken = told.testResults.filter(
    ({ status, assertionResults }) => status === "failed" && !assertionResults.some((result) => result.status === "failed"),
  );
  return { passed: told.numPassedTests, failed: told.numFailedTests + broken.length, skipped: told.numPendingTests + told.numTodoTests };
}

/** The last line of a run, alone on its line: read by people and by CI. */
export function closingLine({ passed, failed, skipped }: Tally): string {
  return `tests: ${passed} passed, ${failed} failed, ${skipped} skipped`;
}
