import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { builtinCalendar, sessionOn } from "../market/calendar.ts";
import { Candle, Interval } from "../model/candle.ts";
import { amountOf, unitsOf } from "../model/money.ts";
import { fold, merge, toCandle } from "./candle.ts";
import { bucketsOf, rollUp, type BucketRule } from "./rollup.ts";

const MINUTE_MS = 60_000;
const india = { offset_minutes: 330 };
const session = sessionOn(builtinCalendar(), "NFO", "2026-11-25");
if (session === null) throw new Error("no session");
const sessions = [session];

/** A minute's candle from open, high, low and close in rupees. */
function minute(
  at: string | number,
  [open, high, low, close]: readonly [number, number, number, number],
  more: Partial<Candle> = {},
): Candle {
  const minute_ms = typeof at === "number" ? at : Date.parse(at);
  const book = { instrument_count: 1, entry_value_units: 0, realized_pnl_units: 0 };
  const [first, second, third, last] = [open, high, low, close].map((m2m, place) =>
    fold(
      null,
      { strategy_id: 7, at_ms: minute_ms + place * 1000, m2m_units: unitsOf(m2m), stale_count: 0, oldest_age_ms: 0 },
      book,
      "live",
    ),
  );
  if (!first || !second || !third || !last) throw new Error("no candle");
  return { ...toCandle(merge(merge(first, second), merge(third, last))), ...more };
}

const flat = (at_ms: number): Candle => minute(at_ms, [1, 1, 1, 1]);
const wholeSession = Array.from({ length: 385 }, (_, place) => flat(session.open_ms + place * MINUTE_MS));
const by = (interval: Interval, more: Partial<BucketRule> = {}): ((at_ms: number) => number) =>
  bucketsOf({ interval, sessions, ...india, ...more });

describe("rollUp", () => {
  test.each([
    ["5m", 77, "2026-11-25T03:45:00Z", "2026-11-25T10:05:00Z", 5],
    ["15m", 26, "2026-11-25T03:45:00Z", "2026-11-25T10:00:00Z", 10],
    ["30m", 13, "2026-11-25T03:45:00Z", "2026-11-25T09:45:00Z", 25],
    ["1h", 7, "2026-11-25T03:45:00Z", "2026-11-25T09:45:00Z", 25],
    ["1d", 1, "2026-11-25T03:45:00Z", "2026-11-25T03:45:00Z", 385],
  ] as const)("roll-up-starts-at-the-session-open: %s", (interval, count, first, last, minutes) => {
    const rolled = rollUp(wholeSession, by(interval));
    expect(rolled).toHaveLength(count);
    expect(rolled[0]?.timestamp).toBe(first);
    expect(rolled.at(-1)).toMatchObject({ timestamp: last, minute_count: minutes, sample_count: 4 * minutes });
  });

  test("a-gap-is-not-filled", () => {
    const day = "2026-11-25T";
    const rolled = rollUp(
      [
        minute(`${day}04:20Z`, [-10, -5, -12, -8]),
        minute(`${day}04:23Z`, [-20, -18, -25, -19]),
        minute(`${day}04:24Z`, [-19, -15, -19, -16]),
        minute(`${day}04:30Z`, [-1, -1, -1, -1]),
      ],
      by("5m"),
    );
    expect(rolled.map(({ timestamp, open, high, low, close, minute_count }) => [timestamp, open, high, low, close, minute_count])).toEqual([
      ["2026-11-25T04:20:00Z", -10, -5, -25, -16, 3],
      ["2026-11-25T04:30:00Z", -1, -1, -1, -1, 1],
    ]);
  });

  test("each minute's P&L is by its own book; the book shown is the last one's", () => {
    const day = "2026-11-25T";
    const rolled = rollUp(
      [
        minute(`${day}04:30Z`, [-5000, -5000, -5100, -5000], {
          pnl_open: 100,
          pnl_high: 200,
          pnl_low: 100,
          pnl_close: 100,
          entry_value: -4900,
        }),
        minute(`${day}04:31Z`, [-1000, -900, -1000, -900], {
          pnl_open: 100,
          pnl_high: 100,
          pnl_low: 0,
          pnl_close: 0,
          entry_value: -900,
          instrument_count: 2,
          stale_count: 1,
          oldest_age_ms: 61_000,
          source: "replay",
        }),
      ],
      by("5m"),
    );
    expect(rolled).toEqual([
      {
        strategy_id: 7,
        timestamp: "2026-11-25T04:30:00Z",
        open: -5000,
        high: -900,
        low: -5100,
        close: -900,
        pnl_open: 100,
        pnl_high: 200,
        pnl_low: 0,
        pnl_close: 0,
        entry_value: -900,
        realized_pnl: 0,
        instrument_count: 2,
        minute_count: 2,
        sample_count: 8,
        stale_count: 1,
        oldest_age_ms: 61_000,
        sampled: null,
        first_at: "2026-11-25T04:30:00Z",
        last_at: "2026-11-25T04:31:03Z",
        source: null,
      },
    ]);
  });

  const ohlc = fc
    .array(fc.integer({ min: -50_000_000, max: 50_000_000 }).map(amountOf), { minLength: 4, maxLength: 4 })
    .map((values): [number, number, number, number] => {
      const [a = 0, b = 0, c = 0, d = 0] = values.toSorted((x, y) => x - y);
      return [b, d, a, c];
    });
  /** Minutes from so many after the open on. */
  const minutesFrom = (min: number, max: number): fc.Arbitrary<Candle[]> =>
    fc
      .uniqueArray(fc.record({ place: fc.integer({ min, max }), values: ohlc }), { maxLength: 60, selector: ({ place }) => place })
      .map((some) =>
        some.toSorted((a, b) => a.place - b.place).map(({ place, values }) => minute(session.open_ms + place * MINUTE_MS, values)),
      );

  test("within a session buckets of buckets are buckets", () => {
    fc.assert(
      fc.property(minutesFrom(0, 384), (candles) => {
        for (const [short, long] of [
          ["5m", "15m"],
          ["5m", "1h"],
          ["15m", "30m"],
          ["30m", "1h"],
          ["1h", "1d"],
        ] as const)
          expect(rollUp(rollUp(candles, by(short)), by(long))).toEqual(rollUp(candles, by(long)));
      }),
      { numRuns: 50 },
    );
  });

  test("nothing is lost and nothing invented: counts add up, extremes are those of the minutes, all are candles", () => {
    fc.assert(
      fc.property(minutesFrom(-90, 500), fc.constantFrom(...Interval.options), (candles, interval) => {
        const rolled = rollUp(candles, by(interval));
        const total = (some: readonly Candle[], of: (candle: Candle) => number): number =>
          some.reduce((sum, candle) => sum + of(candle), 0);
        expect(total(rolled, ({ minute_count }) => minute_count)).toBe(candles.length);
        expect(total(rolled, ({ sample_count }) => sample_count)).toBe(total(candles, ({ sample_count }) => sample_count));
        for (const of of ["high", "pnl_high"] as const)
          expect(Math.max(...rolled.map((candle) => candle[of]))).toBe(Math.max(...candles.map((candle) => candle[of])));
        for (const of of ["low", "pnl_low"] as const)
          expect(Math.min(...rolled.map((candle) => candle[of]))).toBe(Math.min(...candles.map((candle) => candle[of])));
        const starts = rolled.map((candle) => Date.parse(Candle.parse(candle).timestamp));
        expect(starts).toEqual([...new Set(starts)].toSorted((a, b) => a - b));
      }),
      { numRuns: 50 },
    );
  });

  test("candles of two strategies, or out of order, are a fault of ours", () => {
    const [first, second] = [flat(0), flat(MINUTE_MS)];
    const fault = expect.objectContaining({ code: "internal" });
    expect(() => rollUp([second, first], by("5m"))).toThrow(fault);
    expect(() => rollUp([first, first], by("5m"))).toThrow(fault);
    expect(() => rollUp([first, { ...second, strategy_id: 8 }], by("5m"))).toThrow(fault);
    expect(rollUp([], by("5m"))).toEqual([]);
  });
});

describe("bucketsOf", () => {
  test("outside every session buckets count from midnight in the exchange's zone", () => {
    const starts = (["5m", "1h", "1d"] as const).map((interval) =>
      ["2026-11-25T09:14:59+05:30", "2026-11-25T15:40:00+05:30"].map((at) => new Date(by(interval)(Date.parse(at))).toISOString()),
    );
    expect(starts).toEqual([
      ["2026-11-25T03:40:00.000Z", "2026-11-25T10:10:00.000Z"], // 09:10 and 15:40
      ["2026-11-25T03:30:00.000Z", "2026-11-25T09:30:00.000Z"], // 09:00 and 15:00
      ["2026-11-24T18:30:00.000Z", "2026-11-24T18:30:00.000Z"], // midnight
    ]);
  });

  test("of many sessions each instant finds its own", () => {
    const days = [0, 1, 2, 5].map((day) => ({
      open_ms: session.open_ms + day * 86_400_000,
      close_ms: session.close_ms + day * 86_400_000,
    }));
    const startOf = by("1h", { sessions: days });
    for (const { open_ms, close_ms } of days) {
      expect(
        [open_ms, open_ms + 3_599_999, open_ms + 3_600_000, close_ms - 1].map((at_ms) => (startOf(at_ms) - open_ms) / MINUTE_MS),
      ).toEqual([0, 0, 60, 360]);
    }
  });

  test("the start of a bucket is in the bucket, at or before the instant", () => {
    fc.assert(
      fc.property(fc.constantFrom(...Interval.options), fc.integer({ min: -2_000_000, max: 30_000_000 }), (interval, after_ms) => {
        const at_ms = session.open_ms + after_ms;
        const startOf = by(interval);
        const start_ms = startOf(at_ms);
        expect(start_ms <= at_ms).toBe(true);
        // Past the close the clock's buckets begin again, the first of them in part before it.
        if (start_ms >= session.close_ms || at_ms < session.close_ms) expect(startOf(start_ms)).toBe(start_ms);
        if (interval === "1m" && after_ms % MINUTE_MS === 0) expect(start_ms).toBe(at_ms);
      }),
    );
  });
});
