import { Decimal } from "decimal.js";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Direction } from "../model/leg.ts";
import { amountOf, MONEY_MAX, MONEY_MAX_UNITS } from "../model/money.ts";
import { markOf } from "./mark.ts";
import { entryValueUnits, pnlUnits, realizedUnits, type LegCost } from "./pnl.ts";

/** The independent sum. */
const Exact = Decimal.clone({ precision: 80 });
type Exact = InstanceType<typeof Exact>;

const price = fc.integer({ min: 1, max: 300_000_000 }).map(amountOf);
const leg: fc.Arbitrary<LegCost> = fc
  .record({
    direction: fc.constantFrom<Direction>("BUY", "SELL"),
    quantity: fc.integer({ min: 1, max: 100_000 }),
    entry_price: price,
    exit_price: fc.oneof(fc.constant(null), fc.constant(undefined), fc.constant(0), price),
    spread: fc.integer({ min: -50_000, max: 50_000 }),
    averaged: fc.boolean(),
  })
  .map(({ averaged, spread, ...given }) => {
    // A cost that is not quantity × the price shown, by less than half of its last decimal a unit.
    const shift = new Exact(spread).times(given.quantity).div(100_000).round().div(10_000);
    return averaged ? { ...given, cost: new Exact(given.entry_price).times(given.quantity).add(shift).toNumber() } : given;
  });

const sign = ({ direction }: LegCost): number => (direction === "SELL" ? 1 : -1);
const costOf = ({ cost, entry_price, quantity }: LegCost): Exact =>
  cost === undefined ? new Exact(entry_price).times(quantity) : new Exact(cost);
const sum = (parts: readonly Exact[]): Exact => parts.reduce((total, part) => total.add(part), new Exact(0));
const entryValue = (legs: readonly LegCost[]): Exact =>
  sum(legs.filter(({ exit_price }) => exit_price == null).map((one) => costOf(one).times(sign(one))));
const realized = (legs: readonly LegCost[]): Exact =>
  sum(
    legs.flatMap((one) =>
      one.exit_price == null ? [] : [costOf(one).sub(new Exact(one.exit_price).times(one.quantity)).times(sign(one))],
    ),
  );

describe("entry_value and realized_pnl", () => {
  test("are what decimal.js adds up to", () => {
    fc.assert(
      fc.property(fc.array(leg, { maxLength: 10 }), (legs) => {
        expect(entryValueUnits(legs)).toBe(entryValue(legs).times(10_000).toNumber() + 0);
        expect(realizedUnits(legs)).toBe(realized(legs).times(10_000).toNumber() + 0);
      }),
    );
  });

  test("beyond the bound are null", () => {
    const one: LegCost = { direction: "SELL", quantity: 1, entry_price: MONEY_MAX };
    expect(entryValueUnits([one])).toBe(MONEY_MAX_UNITS);
    expect(entryValueUnits([one, { ...one, entry_price: 0.0001 }])).toBeNull();
    expect(entryValueUnits([one, one, { ...one, direction: "BUY" }])).toBe(MONEY_MAX_UNITS);
    expect(
      realizedUnits([
        { ...one, exit_price: 0 },
        { ...one, exit_price: 0 },
      ]),
    ).toBeNull();
  });
});

describe("pnlUnits", () => {
  const units = fc.oneof(
    fc.integer({ min: -MONEY_MAX_UNITS, max: MONEY_MAX_UNITS }),
    fc.integer({ min: -10_000_000, max: 10_000_000 }),
    fc.constantFrom(MONEY_MAX_UNITS, -MONEY_MAX_UNITS, 0),
  );

  test("is realized + entry_value − m2m, exactly, or NaN beyond the bound", () => {
    fc.assert(
      fc.property(units, units, units, (realized_pnl_units, entry_value_units, m2m_units) => {
        const exact = new Exact(realized_pnl_units).add(entry_value_units).sub(m2m_units);
        const expected = exact.abs().lte(MONEY_MAX_UNITS) ? exact.toNumber() + 0 : Number.NaN;
        expect(pnlUnits({ realized_pnl_units, entry_value_units, m2m_units })).toBe(expected);
      }),
      { numRuns: 1000 },
    );
  });

  test("without a mark there is none", () => {
    expect(pnlUnits({ realized_pnl_units: 1, entry_value_units: 2, m2m_units: Number.NaN })).toBeNaN();
  });
});

test("pnl = realized_pnl + unrealized_pnl, whatever the legs and prices, and closing at the market moves none of it", () => {
  const priced = fc.array(fc.record({ leg, price }), { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(priced, (given) => {
      const legs = given.map(({ leg: one }, place) => ({ ...one, instrument: `NFO:${place}` }));
      const prices = new Map(given.map(({ price: at }, place) => [`NFO:${place}`, at]));
      const { pnl, realized_pnl, unrealized_pnl, entry_value, m2m } = markOf(legs, prices, { realized_today: true });
      if (pnl === null || unrealized_pnl === null || m2m === null) throw new Error("no mark");
      expect(new Exact(realized_pnl).add(unrealized_pnl).eq(pnl)).toBe(true);
      expect(new Exact(entry_value).sub(m2m).eq(unrealized_pnl)).toBe(true);
      const closed = legs.map((one) => ({ ...one, exit_price: one.exit_price ?? prices.get(one.instrument) }));
      expect(markOf(closed, new Map(), { realized_today: true }).pnl).toBe(pnl);
    }),
  );
});
