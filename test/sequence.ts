import path from "node:path";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Files that take tens of seconds, the longest first: begun before the others, or the run would end with one of them alone. Vitest
 * itself goes by what it remembers of the last run, and on a fresh machine by a file's size, which says little.
 */
const LONG = [
  "test/cli/scripts.test.ts",
  "test/engine/recorded.test.ts",
  "test/conformance/conformance.test.ts",
  "test/faults/failover.test.ts",
  "test/engine/several-days.test.ts",
  "demo/demo.test.ts",
  "test/conformance/streams.test.ts",
  "packages/sdk/src/store/embedded.test.ts",
  "test/service/system.test.ts",
  "test/faults/database.test.ts",
  "test/databases/adopt.test.ts",
  "test/engine/leader.test.ts",
  "test/pages.test.ts",
  "test/faults/sources-ticker.test.ts",
  "test/http/server-old-front-end.test.ts",
  "test/cli/remote.test.ts",
  "test/http/server-history.test.ts",
  "test/faults/soak.test.ts",
];

export class LongFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    // oxlint-disable-next-line unicorn/no-array-sort -- vitest's, which gives another array
    const rest = await super.sort(files);
    return rest.toSorted((a, b) => rank(a) - rank(b));
  }
}

function rank({ moduleId }: TestSpecification): number {
  const place = LONG.indexOf(path.relative(path.resolve(import.meta.dirname, ".."), moduleId));
  return place === -1 ? LONG.length : place;
}
