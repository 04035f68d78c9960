import { describe, expect, test } from "vitest";
import { StratctlError } from "../errors.ts";
import { retried } from "./failure.ts";

describe("a statement that met another writer", () => {
  const failure = (sqlstate: string): StratctlError => new StratctlError("database_refused", sqlstate, { details: { sqlstate } });
  const inTurn = (outcomes: readonly (string | null)[]): (() => Promise<number>) => {
    let calls = 0;
    return async () => {
      const sqlstate = outcomes[calls] ?? null;
      calls += 1;
      if (sqlstate !== null) throw failure(sqlstate);
      return calls;
    };
  };

  test("is run again, five times at most; any other failure at once", async () => {
    expect(await retried(inTurn(["40P01", "23503", "40001", "40P01"]))).toBe(5);
    await expect(retried(inTurn(Array.from({ length: 9 }, () => "40P01")))).rejects.toMatchObject({ details: { sqlstate: "40P01" } });
    await expect(retried(inTurn(["23514"]))).rejects.toMatchObject({ details: { sqlstate: "23514" } });
  });

  test("in a transaction, which it ended, fails with what ended it", async () => {
    await expect(retried(inTurn(["40P01", "25P02"]))).rejects.toMatchObject({ details: { sqlstate: "40P01" } });
  });
});
