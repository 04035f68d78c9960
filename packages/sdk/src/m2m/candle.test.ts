import { Decimal } from "decimal.js";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Candle, CandleSource } from "../model/candle.ts";
import { isoOf } from "../model/instant.ts";
import { amountOf, MONEY_MAX_UNITS, unitsOf } from "../model/money.ts";
import { fold, merge, mergeable, minuteOf, pnlOf, sampleCount, toCandle } from "./candle.ts";
import type { BookOfMinute, MinuteCandle, SampledMark } from "./minute.ts";

const BOOK: BookOfMinute = { instrument_count: 2, entry_value_units: 0, realized_pnl_units: 0 };

function markAt(at: string | number, m2m: number, more: Partial<SampledMark> = {}): SampledMark {
  const at_ms = typeof at === "number" ? at : Date.parse(at);
  return { strategy_id: 7, at_ms, m2m_units: unitsOf(m2m), stale_count: 0, oldest_age_ms: 0, ...more };
}

/** Marks to candles, as the engine would: one at a time. */
function foldAll(marks: readonly SampledMark[], book = BOOK): MinuteCandle[] {
  const minutes = new Map<number, MinuteCandle>();
  for (const mark of marks) {
    const minute_ms = minuteOf(mark.at_ms);
    minutes.set(minute_ms, fold(minutes.get(minute_ms) ?? null, mark, book, "live"));
  }
  return [...minutes.values()];
}

/** timestamp, open, high, low, close, sample_count */
const shortly = (candle: MinuteCandle): (string | number)[] => {
  const { timestamp, open, high, low, close, sample_count } = toCandle(candle);
  return [timestamp, open, high, low, close, sample_count];
};

describe("fold", () => {
  test("boundary-belongs-to-the-next-minute", () => {
    const candles = foldAll([
      markAt("2026-11-25T04:00:30.000Z", -1000),
      markAt("2026-11-25T04:00:59.999Z", -1010),
      markAt("2026-11-25T04:01:00.000Z", -990),
      markAt("2026-11-25T04:01:30.000Z", -995),
    ]);
    expect(candles.map(shortly)).toEqual([
      ["2026-11-25T04:00:00Z", -1000, -1000, -1010, -1010, 2],
      ["2026-11-25T04:01:00Z", -990, -990, -995, -995, 2],
    ]);
  });

  test("one-mark-a-minute-is-one-candle-a-minute", () => {
    const candles = foldAll([
      markAt("2026-11-25T04:00:00Z", -100),
      markAt("2026-11-25T04:01:00Z", -200),
      markAt("2026-11-25T04:02:00Z", -300),
    ]);
    expect(candles.map(shortly)).toEqual([
      ["2026-11-25T04:00:00Z", -100, -100, -100, -100, 1],
      ["2026-11-25T04:01:00Z", -200, -200, -200, -200, 1],
      ["2026-11-25T04:02:00Z", -300, -300, -300, -300, 1],
    ]);
  });

  test("late-tick-never-replaces-a-newer-one: the marks of the three samples", () => {
    const [candle] = foldAll([
      markAt("2026-11-25T04:02:05Z", -5050),
      markAt("2026-11-25T04:02:10Z", -5050),
      markAt("2026-11-25T04:02:15Z", -5100),
    ]);
    expect(candle && shortly(candle)).toEqual(["2026-11-25T04:02:00Z", -5050, -5050, -5100, -5100, 3]);
  });

  test("the candle keeps the most stale legs and the greatest age", () => {
    const [candle] = foldAll([
      markAt("2026-11-25T04:02:05Z", 1, { stale_count: 2, oldest_age_ms: 65_000 }),
      markAt("2026-11-25T04:02:06Z", 1, { stale_count: 1, oldest_age_ms: 90_000 }),
      markAt("2026-11-25T04:02:07Z", 1),
    ]);
    expect(candle).toMatchObject({ stale_count: 2, oldest_age_ms: 90_000 });
  });

  test("a mark of another minute, strategy or book, or a mark that is none, is a fault of ours", () => {
    const candle = fold(null, markAt("2026-11-25T04:00:30Z", 1), BOOK, "live");
    const fault = expect.objectContaining({ code: "internal" });
    expect(() => fold(candle, markAt("2026-11-25T04:01:00Z", 1), BOOK, "live")).toThrow(fault);
    expect(() => fold(candle, markAt("2026-11-25T04:00:31Z", 1, { strategy_id: 8 }), BOOK, "live")).toThrow(fault);
    expect(() => fold(candle, markAt("2026-11-25T04:00:31Z", 1), { ...BOOK, instrument_count: 3 }, "live")).toThrow(fault);
    expect(() => fold(candle, markAt("2026-11-25T04:00:31Z", 1), BOOK, "replay")).toThrow(fault);
    expect(() => fold(null, markAt("2026-11-25T04:00:31Z", 1, { m2m_units: Number.NaN }), BOOK, "live")).toThrow(fault);
  });
});

describe("merge", () => {
  test("restart-keeps-the-minutes-open", () => {
    const before = foldAll([
      markAt("2026-11-25T04:10:00Z", -1500),
      markAt("2026-11-25T04:10:05Z", -1200),
      markAt("2026-11-25T04:10:10Z", -1900),
      markAt("2026-11-25T04:10:15Z", -1700),
    ]);
    const after = foldAll([
      markAt("2026-11-25T04:10:40Z", -1650),
      markAt("2026-11-25T04:10:45Z", -1100),
      markAt("2026-11-25T04:10:50Z", -1680),
      markAt("2026-11-25T04:10:55Z", -1150),
    ]);
    const [row, rest] = [before[0], after[0]];
    if (!row || !rest) throw new Error("no candle");
    expect(shortly(merge(row, rest))).toEqual(["2026-11-25T04:10:00Z", -1500, -1100, -1900, -1150, 8]);
  });

  test("of equal times the greater value is open, and close", () => {
    const at = "2026-11-25T04:10:00Z";
    const [low, high] = [fold(null, markAt(at, -5), BOOK, "live"), fold(null, markAt(at, 3), BOOK, "live")];
    expect(shortly(merge(low, high))).toEqual([at, 3, 3, -5, 3, 1]);
    expect(shortly(merge(high, low))).toEqual([at, 3, 3, -5, 3, 1]);
  });

  test.each([
    ["strategy_id", { strategy_id: 8 }],
    ["minute_ms", { minute_ms: Date.parse("2026-11-25T04:11:00Z") }],
    ["source", { source: "replay" }],
    ["instrument_count", { instrument_count: 3 }],
    ["entry_value", { entry_value_units: 1 }],
    ["realized_pnl", { realized_pnl_units: 1 }],
  ] as const)("another %s does not merge", (_, other) => {
    const candle = fold(null, markAt("2026-11-25T04:10:00Z", 1), BOOK, "live");
    expect(mergeable(candle, candle)).toBe(true);
    expect(mergeable(candle, { ...candle, ...other })).toBe(false);
    expect(() => merge(candle, { ...candle, ...other })).toThrow(/not one minute of one strategy, book and source/);
  });

  const minute_ms = Date.parse("2026-11-25T04:10:00Z");
  /** Few instants and few values, so that equal times and equal values are common. */
  const mark = fc
    .record({
      at_ms: fc.oneof(fc.integer({ min: 0, max: 59_999 }), fc.constantFrom(0, 1000, 1500, 59_999)),
      m2m: fc.oneof(fc.integer({ min: -3, max: 3 }), fc.integer({ min: -MONEY_MAX_UNITS, max: MONEY_MAX_UNITS }).map(amountOf)),
      stale_count: fc.nat(3),
      oldest_age_ms: fc.nat(100_000),
    })
    .map(({ at_ms, m2m, ...more }) => markAt(minute_ms + at_ms, m2m, more));
  const marks = fc.array(mark, { minLength: 1, maxLength: 8 });
  const candleOf = (some: readonly SampledMark[]): MinuteCandle => {
    const [candle] = foldAll(some);
    if (!candle) throw new Error("no candle");
    return candle;
  };

  test("is commutative, associative and idempotent", () => {
    fc.assert(
      fc.property(marks.map(candleOf), marks.map(candleOf), marks.map(candleOf), (a, b, c) => {
        expect(merge(a, b)).toEqual(merge(b, a));
        expect(merge(a, merge(b, c))).toEqual(merge(merge(a, b), c));
        expect(merge(a, a)).toEqual(a);
        expect(merge(a, merge(a, b))).toEqual(merge(a, b));
      }),
      { numRuns: 500 },
    );
  });

  test("however the marks are cut, doubled and shuffled, the candle is that of the marks in order of time", () => {
    const cut = fc.record({ some: marks, parts: fc.array(fc.nat(7), { maxLength: 20 }), order: fc.infiniteStream(fc.nat()) });
    fc.assert(
      fc.property(cut, ({ some, parts, order }) => {
        const again = [...some, ...parts.map((place) => some[place % some.length] ?? markAt(minute_ms, 0))];
        const shuffled = again.map((one) => ({ one, key: order.next().value })).toSorted((a, b) => a.key - b.key);
        const pieces = shuffled.map(({ one }) => candleOf([one]));
        const folded = pieces.reduce((a, b) => merge(a, b));
        expect(folded).toEqual(expectedCandle(some));
        expect(candleOf(shuffled.map(({ one }) => one))).toEqual(folded);
      }),
      { numRuns: 500 },
    );
  });

  /** The sentence of the design, written anew: over marks, not over candles. */
  function expectedCandle(some: readonly SampledMark[]): MinuteCandle {
    const first_at_ms = Math.min(...some.map(({ at_ms }) => at_ms));
    const last_at_ms = Math.max(...some.map(({ at_ms }) => at_ms));
    const greatestAt = (instant_ms: number): number =>
      Math.max(...some.filter(({ at_ms }) => at_ms === instant_ms).map(({ m2m_units }) => m2m_units));
    const seconds = new Set(some.map(({ at_ms }) => new Date(at_ms).getUTCSeconds()));
    return {
      strategy_id: 7,
      minute_ms,
      open_units: greatestAt(first_at_ms),
      high_units: Math.max(...some.map(({ m2m_units }) => m2m_units)),
      low_units: Math.min(...some.map(({ m2m_units }) => m2m_units)),
      close_units: greatestAt(last_at_ms),
      sampled: [...seconds].reduce((mask, second) => mask + 2n ** BigInt(second), 0n),
      stale_count: Math.max(...some.map(({ stale_count }) => stale_count)),
      oldest_age_ms: Math.max(...some.map(({ oldest_age_ms }) => oldest_age_ms)),
      first_at_ms,
      last_at_ms,
      source: "live",
      ...BOOK,
    };
  }

  test.each([
    ["a high below the open", { high_units: -1, close_units: -1, low_units: -1 }],
    ["a high below the close", { high_units: -1, open_units: -1, low_units: -1 }],
    ["a low above the open", { low_units: 1, close_units: 1, high_units: 1 }],
    ["a low above the close", { low_units: 1, open_units: 1, high_units: 1 }],
    ["a first_at after the last_at", { first_at_ms: minute_ms + 1 }],
    ["a first_at of the minute before", { first_at_ms: minute_ms - 1 }],
    ["a last_at of the minute after", { last_at_ms: minute_ms + 60_000 }],
    ["no second sampled", { sampled: 0n }],
    ["a sixty-first second", { sampled: 1n << 60n }],
  ])("a broken law throws and is not repaired: %s", (_, broken) => {
    const candle = { ...candleOf([markAt(minute_ms, 0)]), ...broken };
    expect(() => merge(candle, candle)).toThrow(expect.objectContaining({ code: "internal" }));
  });
});

describe("toCandle", () => {
  test("pnl-high-comes-from-m2m-low", () => {
    const book = { instrument_count: 2, entry_value_units: unitsOf(6600), realized_pnl_units: unitsOf(250) };
    const [candle] = foldAll(
      [6500, 6800, 6100, 6300].map((m2m, place) => markAt(`2026-11-25T04:10:0${place}Z`, m2m)),
      book,
    );
    expect(candle && toCandle(candle)).toMatchObject({
      open: 6500,
      high: 6800,
      low: 6100,
      close: 6300,
      pnl_open: 350,
      pnl_high: 750,
      pnl_low: 50,
      pnl_close: 550,
    });
  });

  test("a-new-leg-waits-for-the-next-minute: adding a leg at the market moves m2m, not pnl", () => {
    const before = { instrument_count: 1, entry_value_units: unitsOf(-4900), realized_pnl_units: 0 };
    const after = { instrument_count: 2, entry_value_units: unitsOf(-900), realized_pnl_units: 0 };
    const candles = [
      ...foldAll([markAt("2026-11-25T04:30:00Z", -5000), markAt("2026-11-25T04:30:55Z", -5000)], before),
      ...foldAll([markAt("2026-11-25T04:31:00Z", -1000), markAt("2026-11-25T04:31:55Z", -1000)], after),
    ].map(toCandle);
    expect(candles.map(({ close, instrument_count, entry_value, pnl_close }) => [close, instrument_count, entry_value, pnl_close])).toEqual(
      [
        [-5000, 1, -4900, 100],
        [-1000, 2, -900, 100],
      ],
    );
  });

  test("shows the mask of seconds in 15 hex digits, and instants in UTC", () => {
    const [candle] = foldAll([markAt("2026-11-25T04:10:00.250Z", 1), markAt("2026-11-25T04:10:59Z", 1)]);
    expect(candle && toCandle(candle)).toEqual({
      strategy_id: 7,
      timestamp: "2026-11-25T04:10:00Z",
      open: 1,
      high: 1,
      low: 1,
      close: 1,
      pnl_open: -1,
      pnl_high: -1,
      pnl_low: -1,
      pnl_close: -1,
      entry_value: 0,
      realized_pnl: 0,
      instrument_count: 2,
      minute_count: 1,
      sample_count: 2,
      stale_count: 0,
      oldest_age_ms: 0,
      sampled: "800000000000001",
      first_at: "2026-11-25T04:10:00.250Z",
      last_at: "2026-11-25T04:10:59Z",
      source: "live",
    });
  });

  const units = fc.oneof(fc.integer({ min: -MONEY_MAX_UNITS, max: MONEY_MAX_UNITS }), fc.integer({ min: -100_000, max: 100_000 }));
  const minute = fc
    .record({
      values: fc.array(units, { minLength: 4, maxLength: 4 }),
      entry_value_units: units,
      realized_pnl_units: units,
      source: fc.constantFrom(...CandleSource.options),
    })
    .map(({ values, source, ...book }): MinuteCandle => {
      const [a = 0, b = 0, c = 0, d = 0] = values.toSorted((x, y) => x - y);
      const rest = { sampled: 0b101n, stale_count: 0, oldest_age_ms: 0, first_at_ms: 0, last_at_ms: 2000, instrument_count: 2 };
      return { strategy_id: 7, minute_ms: 0, low_units: a, open_units: b, close_units: c, high_units: d, ...book, ...rest, source };
    });

  test("every candle is one for the schema, its P&L upside down, or its P&L is beyond the bound", () => {
    fc.assert(
      fc.property(minute, (candle) => {
        const pnl = (m2m_units: number): Decimal => new Decimal(candle.realized_pnl_units).add(candle.entry_value_units).sub(m2m_units);
        const [lowest, highest] = [pnl(candle.high_units), pnl(candle.low_units)];
        if (lowest.abs().gt(MONEY_MAX_UNITS) || highest.abs().gt(MONEY_MAX_UNITS)) {
          expect(() => pnlOf(candle)).toThrow(expect.objectContaining({ code: "money_too_large" }));
          return;
        }
        const shown = Candle.parse(toCandle(candle));
        expect([shown.pnl_low, shown.pnl_high]).toEqual([lowest, highest].map((exact) => exact.div(10_000).toNumber() + 0));
        expect(pnlOf(candle).pnl_open_units).toBe(pnl(candle.open_units).toNumber() + 0);
        expect(pnlOf(candle).pnl_close_units).toBe(pnl(candle.close_units).toNumber() + 0);
      }),
    );
  });
});

test("minuteOf is the start of the minute, before 1970 too", () => {
  fc.assert(
    fc.property(fc.integer({ min: -8e12, max: 8e12 }), (at_ms) => {
      expect(isoOf(minuteOf(at_ms))).toBe(isoOf(at_ms).slice(0, 17) + "00Z");
    }),
  );
});

test("sampleCount counts the seconds of a mask", () => {
  expect([0n, 1n, 0b1011n, 2n ** 60n - 1n].map(sampleCount)).toEqual([0, 1, 3, 60]);
});
