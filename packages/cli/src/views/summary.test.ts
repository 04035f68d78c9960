import { expect, test } from "vitest";
import { candlesOf, OPEN_MS } from "../../../../test/cli/made-up.ts";
import { summaryOf } from "./summary.ts";

const at = (minute: number): number => OPEN_MS + minute * 60_000;

test("a drawdown is the greatest fall from the highest before it, with both its times", () => {
  const pnl = [0, 100, 50, 300, -200, 250, 260];
  const summary = summaryOf(candlesOf(pnl.length, (minute) => pnl[minute] ?? null));
  expect(summary).toEqual({
    open: { amount: 0, at_ms: at(0) },
    high: { amount: 300, at_ms: at(3) },
    low: { amount: -200, at_ms: at(4) },
    last: { amount: 260, at_ms: at(6) },
    drawdown: { amount: 500, from_ms: at(3), to_ms: at(4) },
  });
});

test("within a candle nobody knows whether its high or its low came first: its own high is no peak for its own low", () => {
  const [candle] = candlesOf(1, () => 0);
  if (candle === undefined) throw new Error("no candle");
  const summary = summaryOf([{ ...candle, pnl_open: 0, pnl_high: 100, pnl_low: -40, pnl_close: 10 }]);
  expect(summary?.drawdown).toEqual({ amount: 40, from_ms: at(0), to_ms: at(0) });
});

test("what only rises has no drawdown, and nothing has no summary", () => {
  expect(summaryOf(candlesOf(5, (minute) => minute))?.drawdown).toBeNull();
  expect(summaryOf([])).toBeNull();
});

test("falls are told exactly", () => {
  const pnl = [0.3, 0.1];
  expect(summaryOf(candlesOf(2, (minute) => pnl[minute] ?? null))?.drawdown?.amount).toBe(0.2);
});

test("a fall beyond what money can be is not known, though it happened", () => {
  const pnl = [400_000_000_000, -400_000_000_000];
  expect(summaryOf(candlesOf(2, (minute) => pnl[minute] ?? null, { entry_value: 0 }))?.drawdown?.amount).toBe(null);
});
