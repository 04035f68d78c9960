import { fold, type MinuteCandle } from "@stratctl/sdk";
import { batchOf } from "@stratctl/sdk/internal";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { testBook } from "../../../test/support/book.ts";
import { joined } from "./joined.ts";
import { MinuteFold } from "./minute.ts";

const MINUTE_MS = Date.parse("2026-11-25T04:00:00Z");
const leg = { instrument: "NFO:NIFTY26DECFUT", direction: "BUY", quantity: 2, entry_units: 5 } as const;
const book = testBook([
  { strategy_id: 3, legs: [leg] },
  { strategy_id: 5, legs: [leg, leg], realized_pnl_units: -7 },
]);

const mark = fc.record({
  strategy: fc.integer({ min: 0, max: 1 }),
  // Few instants, so that some are equal: a clock that was set back comes by the same second again.
  at_ms: fc.integer({ min: 0, max: 119 }).map((half) => MINUTE_MS + half * 500),
  m2m_units: fc.integer({ min: -100, max: 100 }),
  stale_count: fc.integer({ min: 0, max: 2 }),
  oldest_age_ms: fc.oneof(fc.integer({ min: 0, max: 200_000 }), fc.constant(1e13)),
});

test("folding on arrays is fold() of the SDK, in any order of the Marks", () => {
  fc.assert(
    fc.property(fc.array(mark, { maxLength: 12 }), (marks) => {
      const minute = new MinuteFold(book, { minute_ms: MINUTE_MS, source: "live" });
      const candles = new Map<number, MinuteCandle>();
      for (const { strategy, at_ms, m2m_units, stale_count, oldest_age_ms } of marks) {
        minute.add(strategy, at_ms, m2m_units);
        minute.addAges(strategy, { stale_count, oldest_age_ms });
        const strategy_id = book.strategy_id[strategy] ?? 0;
        const sampled = { strategy_id, at_ms, m2m_units, stale_count, oldest_age_ms };
        const of = { instrument_count: strategy + 1, entry_value_units: -10 * (strategy + 1), realized_pnl_units: strategy === 0 ? 0 : -7 };
        candles.set(strategy, fold(candles.get(strategy) ?? null, sampled, of, "live"));
      }
      const expected = [...candles].toSorted(([a], [b]) => a - b).map(([, candle]) => candle);
      expect(minute.take({ changed: false })).toEqual(batchOf(expected, "live"));
    }),
    { numRuns: 1000 },
  );
});

test("what changed is told once", () => {
  const minute = new MinuteFold(book, { minute_ms: MINUTE_MS, source: "live" });
  const told = (changed: boolean): number[] => [...minute.take({ changed }).strategy_id];
  minute.add(0, MINUTE_MS, 1);
  minute.add(1, MINUTE_MS, 1);
  expect(told(true)).toEqual([3, 5]);
  expect(told(true)).toEqual([]);
  minute.add(1, MINUTE_MS + 1000, 1);
  expect(told(true)).toEqual([5]);
  expect(told(false)).toEqual([3, 5]);
});

test("a copy is a copy: the minute goes on under a write", () => {
  const minute = new MinuteFold(book, { minute_ms: MINUTE_MS, source: "live" });
  minute.add(0, MINUTE_MS, 1);
  const copy = minute.take({ changed: true });
  minute.add(0, MINUTE_MS + 1000, 2);
  expect([copy.close_units[0], copy.sampled[0]]).toEqual([1, 1n]);
});

test("batches joined are their rows one after the other", () => {
  const candle = (strategy_id: number, n: number): MinuteCandle => {
    const sampled = { strategy_id, at_ms: MINUTE_MS + n * 1000, m2m_units: n, stale_count: n % 2, oldest_age_ms: n };
    return fold(null, sampled, { instrument_count: 1, entry_value_units: n, realized_pnl_units: -n }, "live");
  };
  const parts = [[candle(1, 1), candle(2, 2)], [], [candle(1, 3)]];
  // The arrays of a batch may be longer than what counts of them.
  const batches = parts.map((part) => ({ ...batchOf([...part, candle(9, 9)], "live"), length: part.length }));
  expect(joined(batches)).toEqual(batchOf(parts.flat(), "live"));
  expect(() => joined([])).toThrow("no batch");
});
