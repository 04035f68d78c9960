import { expect } from "vitest";
import { StratctlError, type ErrorCode } from "../../packages/sdk/src/index.ts";

/** The call rejects with that code, its message and hint hold the texts, and no password is in it (the tests' is "sesame"). */
export async function refused(call: Promise<unknown>, code: ErrorCode, message?: string, hint?: string): Promise<void> {
  const error = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StratctlError);
  if (!(error instanceof StratctlError)) return;
  expect({ code: error.code, message: error.message }).toEqual({ code, message: expect.stringContaining(message ?? "") });
  if (hint !== undefined) expect(error.hint).toContain(hint);
  expect(JSON.stringify(error)).not.toContain("sesame");
}
