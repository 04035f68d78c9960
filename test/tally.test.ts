import { expect, test } from "vitest";
import { closingLine, tally } from "./tally.ts";

const counts = { numPassedTests: 5, numFailedTests: 1, numPendingTests: 2, numTodoTests: 1 };
const file = (status: string, ...tests: string[]) => ({ status, assertionResults: tests.map((one) => ({ status: one })) });
const report = (parts: object) => JSON.stringify({ ...counts, testResults: [], ...parts });

test("skipped and yet-to-be-written tests are told together", () => {
  expect(closingLine(tally(report({})))).toBe("tests: 5 passed, 1 failed, 3 skipped");
});

test("a file that does not load counts as a failure, one with a failed test is not counted twice", () => {
  const testResults = [file("failed"), file("failed", "passed", "failed"), file("passed", "passed")];
  expect(tally(report({ testResults }))).toEqual({ passed: 5, failed: 2, skipped: 3 });
});

test("a run without a report has failed", () => {
  expect(closingLine(tally(null))).toBe("tests: 0 passed, 1 failed, 0 skipped");
});

test("a report of another shape is an error, not a count of nothing", () => {
  expect(() => tally("{}")).toThrow(/numPassedTests/);
});
