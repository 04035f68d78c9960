import { Decimal } from "decimal.js";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Direction } from "../model/leg.ts";
import { amountOf, MONEY_MAX, MONEY_MAX_UNITS } from "../model/money.ts";
import { m2mUnits, markOf, TOO_LARGE, unpricedReason, type LegArrays, type MarkLeg } from "./mark.ts";

/** The independent sum. */
const Exact = Decimal.clone({ precision: 80 });
const signed = (direction: Direction, quantity: number): number => (direction === "SELL" ? quantity : -quantity);

const CE = "NFO:NIFTY26N1724500CE";
const PE = "NFO:NIFTY26N1724000PE";

describe("markOf", () => {
  test("the worked example: m2m and pnl run in opposite directions", () => {
    const legs: MarkLeg[] = [
      { instrument: "NFO:AAA25NOVFUT", direction: "BUY", quantity: 50, entry_price: 100 },
      { instrument: "NFO:BBB25NOVFUT", direction: "SELL", quantity: 50, entry_price: 150 },
      { instrument: "NFO:CCC25NOVFUT", direction: "BUY", quantity: 50, entry_price: 50 },
    ];
    const prices = new Map([
      ["NFO:AAA25NOVFUT", 120],
      ["NFO:BBB25NOVFUT", 130],
      ["NFO:CCC25NOVFUT", 40],
    ]);
    expect(markOf(legs, prices)).toEqual({
      m2m: -1500,
      entry_value: 0,
      realized_pnl: 0,
      unrealized_pnl: 1500,
      pnl: 1500,
      instrument_count: 3,
      priced: 3,
      reason: null,
    });
  });

  test("short-option-premium-is-not-profit", () => {
    const legs: MarkLeg[] = [{ instrument: CE, direction: "SELL", quantity: 75, entry_price: 152.9 }];
    expect(markOf(legs, new Map([[CE, 153.3]]))).toMatchObject({
      m2m: 11497.5,
      entry_value: 11467.5,
      realized_pnl: 0,
      unrealized_pnl: -30,
      pnl: -30,
    });
  });

  test("leg-without-a-price-makes-no-mark", () => {
    const missing = "NFO:NIFTY26N1723800PE";
    const legs: MarkLeg[] = [
      { instrument: CE, direction: "SELL", quantity: 75, entry_price: 120 },
      { instrument: "NFO:NIFTY26N1724700CE", direction: "BUY", quantity: 75, entry_price: 50 },
      { instrument: PE, direction: "SELL", quantity: 75, entry_price: 110 },
      { instrument: missing, direction: "BUY", quantity: 75, entry_price: 45 },
    ];
    const prices = new Map([
      [CE, 118],
      ["NFO:NIFTY26N1724700CE", 49],
      [PE, 112],
    ]);
    expect(markOf(legs, prices, { why: () => "redis: no key; ticker: 404" })).toEqual({
      m2m: null,
      pnl: null,
      unrealized_pnl: null,
      entry_value: 10_125,
      realized_pnl: 0,
      instrument_count: 4,
      priced: 3,
      reason: `no price for ${missing} (redis: no key; ticker: 404)`,
    });
  });

  test("closed-part-survives-the-next-price", () => {
    const legs: MarkLeg[] = [
      { instrument: CE, direction: "SELL", quantity: 75, entry_price: 60.2, exit_price: 88.45 },
      { instrument: CE, direction: "SELL", quantity: 75, entry_price: 60.2 },
    ];
    expect(markOf(legs, new Map([[CE, 71]]))).toMatchObject({
      m2m: 5325,
      entry_value: 4515,
      realized_pnl: -2118.75,
      unrealized_pnl: -810,
      pnl: -2928.75,
      instrument_count: 1,
    });
  });

  test("no-binary-dust-on-the-wire", () => {
    const legs: MarkLeg[] = [
      { instrument: "NFO:AAA26NOVFUT", direction: "BUY", quantity: 1, entry_price: 1 },
      { instrument: "NFO:BBB26NOVFUT", direction: "BUY", quantity: 1, entry_price: 2 },
    ];
    const prices = new Map([
      ["NFO:AAA26NOVFUT", 1.1],
      ["NFO:BBB26NOVFUT", 2.2],
    ]);
    const text = JSON.stringify(markOf(legs, prices));
    expect(JSON.parse(text)).toMatchObject({ m2m: -3.3, entry_value: -3, unrealized_pnl: 0.3, pnl: 0.3 });
    expect(text).toMatch(/"m2m":\s*-3\.3[,}]/);
    expect(text).toMatch(/"pnl":\s*0\.3[,}]/);
    expect(text).not.toMatch(/\d\.\d{5,}/);
  });

  test("multiplier-applied-once: quantity is units, and a lot is not asked for", () => {
    const instrument = "MCX:NATURALGAS26NOV400CE";
    const leg = { instrument, direction: "SELL", quantity: 2500, entry_price: 18.4, lot_size: 1250 } as const;
    expect(markOf([leg], new Map([[instrument, 19.15]]))).toMatchObject({ m2m: 47_875, entry_value: 46_000, pnl: -1875 });
  });

  test("lot-change-leaves-old-leg-alone", () => {
    const instrument = "NFO:NIFTY25DEC26000CE";
    const marks = [75, 65].map((lot_size) => {
      const leg = { instrument, direction: "BUY", quantity: 150, entry_price: 101, lot_size } as const;
      return markOf([leg], new Map([[instrument, 111]]));
    });
    expect(marks[0]).toMatchObject({ m2m: -16_650, entry_value: -15_150, unrealized_pnl: 1500, pnl: 1500 });
    expect(marks[1]).toEqual(marks[0]);
  });

  test("closed-leg-needs-no-price", () => {
    const legs: MarkLeg[] = [
      { instrument: CE, direction: "BUY", quantity: 65, entry_price: 50.55, exit_price: 47.15 },
      { instrument: PE, direction: "SELL", quantity: 65, entry_price: 88.2 },
    ];
    expect(markOf(legs, new Map([[PE, 80.1]]))).toMatchObject({
      m2m: 5206.5,
      entry_value: 5733,
      realized_pnl: -221,
      unrealized_pnl: 526.5,
      pnl: 305.5,
      reason: null,
    });
  });

  test("a leg that left at 0 is closed", () => {
    const legs: MarkLeg[] = [{ instrument: PE, direction: "SELL", quantity: 65, entry_price: 12.4, exit_price: 0 }];
    expect(markOf(legs, new Map(), { realized_today: true })).toMatchObject({ m2m: 0, pnl: 806, realized_pnl: 806, reason: null });
  });

  test("without an open leg there is no mark, except on the day that realized something", () => {
    const closed: MarkLeg[] = [{ instrument: CE, direction: "BUY", quantity: 65, entry_price: 50, exit_price: 47 }];
    const known = { entry_value: 0, realized_pnl: -195, instrument_count: 0, priced: 0 };
    expect(markOf(closed, new Map())).toEqual({ ...known, m2m: null, pnl: null, unrealized_pnl: null, reason: "no open legs" });
    expect(markOf(closed, new Map(), { realized_today: true })).toEqual({ ...known, m2m: 0, pnl: -195, unrealized_pnl: 0, reason: null });
    expect(markOf([], new Map()).reason).toBe("no open legs");
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("%d is no price", (price) => {
    const legs: MarkLeg[] = [{ instrument: CE, direction: "BUY", quantity: 1, entry_price: 1 }];
    expect(markOf(legs, new Map([[CE, price]]))).toMatchObject({ m2m: null, priced: 0, reason: `no price for ${CE}` });
  });

  test("what is beyond the bound is refused by name, never rounded", () => {
    const leg: MarkLeg = { instrument: CE, direction: "BUY", quantity: 2_147_483_647, entry_price: 1 };
    expect(markOf([leg], new Map([[CE, 232]]))).toMatchObject({ m2m: -498_216_206_104, reason: null });
    expect(markOf([leg], new Map([[CE, 233]]))).toMatchObject({ m2m: null, pnl: null, priced: 1, reason: TOO_LARGE });
    const dear = { ...leg, entry_price: 233 };
    expect(() => markOf([dear], new Map([[CE, 1]]))).toThrow(expect.objectContaining({ code: "money_too_large" }));
    expect(() => markOf([{ ...leg, entry_price: 1.000_01 }], new Map([[CE, 1]]))).toThrow(
      expect.objectContaining({ code: "money_too_large" }),
    );
  });

  test("where each part fits and what lies between them does not, there is no mark", () => {
    const half = 300_000_000_000;
    const open: MarkLeg = { instrument: CE, direction: "SELL", quantity: 1, entry_price: half };
    const gone = (direction: Direction): MarkLeg => ({ instrument: PE, direction, quantity: 1, entry_price: half, exit_price: 0 });
    const long: MarkLeg = { instrument: PE, direction: "BUY", quantity: 1, entry_price: 0 };
    const at = (price: number): ReadonlyMap<string, number> =>
      new Map([
        [CE, 1],
        [PE, price],
      ]);
    expect(markOf([open], at(1))).toMatchObject({ pnl: half - 1, reason: null });
    expect(markOf([open, gone("BUY")], at(1))).toMatchObject({ pnl: -1, unrealized_pnl: half - 1, reason: null });
    expect(markOf([open, gone("SELL")], at(1))).toMatchObject({ pnl: null, realized_pnl: half, reason: TOO_LARGE });
    // Unrealized 600 thousand million, of which a realized loss would leave half.
    expect(markOf([open, long, gone("BUY")], at(half))).toMatchObject({ m2m: null, unrealized_pnl: null, reason: TOO_LARGE });
  });

  test("a cost that is kept counts, not the average that is shown", () => {
    // 1 at 100 and 2 at 100.0001: 300.0002 for 3, shown as 100.0001.
    const leg: MarkLeg = { instrument: CE, direction: "BUY", quantity: 3, entry_price: 100.0001, cost: 300.0002 };
    expect(markOf([leg], new Map([[CE, 100]]))).toMatchObject({ entry_value: -300.0002, pnl: -0.0002 });
    expect(markOf([{ ...leg, exit_price: 100 }], new Map(), { realized_today: true })).toMatchObject({ realized_pnl: -0.0002 });
  });
});

describe("unpricedReason", () => {
  test("names each instrument once, the first three, and counts the rest", () => {
    expect(unpricedReason(["A", "B"])).toBe("no price for A, B");
    expect(unpricedReason(["A", "A", "B", "C"])).toBe("no price for A, B, C");
    expect(unpricedReason(["A", "B", "C", "D", "E", "A"], (instrument) => (instrument === "B" ? "ticker: 404" : null))).toBe(
      "no price for A, B (ticker: 404), C and 2 more",
    );
  });
});

const leg = fc.record({
  direction: fc.constantFrom<Direction>("BUY", "SELL"),
  quantity: fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 1, max: 2_147_483_647 })),
  price_units: fc.oneof(fc.integer({ min: 1, max: 300_000_000 }), fc.integer({ min: 1, max: MONEY_MAX_UNITS })),
});

describe("m2mUnits", () => {
  function arrays(legs: readonly { direction: Direction; quantity: number; price_units: number }[]): LegArrays {
    return {
      price_units: Float64Array.from(legs.map(({ price_units }) => price_units)),
      instrument: Int32Array.from(legs.keys()),
      signed_quantity: Float64Array.from(legs.map(({ direction, quantity }) => signed(direction, quantity))),
    };
  }

  test("is Σ(price × quantity × direction) of any part of the legs, exactly, or NaN beyond the bound", () => {
    fc.assert(
      fc.property(fc.array(leg, { maxLength: 12 }), fc.nat(12), fc.nat(12), (legs, a, b) => {
        const [from, to] = [Math.min(a, b, legs.length), Math.min(Math.max(a, b), legs.length)];
        const sum = legs
          .slice(from, to)
          .reduce(
            (total, { direction, quantity, price_units }) => total.add(new Exact(price_units).times(signed(direction, quantity))),
            new Exact(0),
          );
        expect(m2mUnits(arrays(legs), from, to)).toBe(sum.abs().lte(MONEY_MAX_UNITS) ? sum.toNumber() + 0 : Number.NaN);
      }),
      { numRuns: 1000 },
    );
  });

  test("two products past 2^53 whose difference is one unit", () => {
    const [price_units, quantity] = [3_000_000_000_001, 2_147_483_647];
    const legs = arrays([
      { direction: "SELL", quantity, price_units },
      { direction: "BUY", quantity, price_units },
      { direction: "SELL", quantity: 1, price_units: 1 },
    ]);
    expect(m2mUnits(legs, 0, 3)).toBe(1);
    expect(m2mUnits(legs, 0, 2)).toBe(0);
    expect(m2mUnits(legs, 0, 1)).toBeNaN();
  });

  test("one leg without a price: NaN, even beside sums beyond the bound", () => {
    fc.assert(
      fc.property(fc.array(leg, { minLength: 1, maxLength: 6 }), fc.nat(), (legs, place) => {
        const some = arrays(legs);
        some.price_units[place % legs.length] = Number.NaN;
        expect(m2mUnits(some, 0, legs.length)).toBeNaN();
      }),
    );
  });

  test("no legs are worth 0, not minus 0", () => {
    expect(m2mUnits(arrays([]), 0, 0)).toBe(0);
    const even = arrays([
      { direction: "BUY", quantity: 1, price_units: 1 },
      { direction: "SELL", quantity: 1, price_units: 1 },
    ]);
    expect(m2mUnits(even, 0, 2)).toBe(0);
  });

  test("says what markOf says", () => {
    fc.assert(
      fc.property(fc.array(leg, { minLength: 1, maxLength: 8 }), (legs) => {
        const named = legs.map(({ direction, quantity }, place) => ({ instrument: `NFO:${place}`, direction, quantity, entry_price: 0 }));
        const prices = new Map(legs.map(({ price_units }, place) => [`NFO:${place}`, amountOf(price_units)]));
        const { m2m } = markOf(named, prices);
        const units = m2mUnits(arrays(legs), 0, legs.length);
        expect(m2m).toBe(Number.isNaN(units) ? null : amountOf(units));
      }),
    );
  });
});

test("the bound of the reason is the bound of the schemas", () => {
  expect(TOO_LARGE).toContain(String(MONEY_MAX));
});
