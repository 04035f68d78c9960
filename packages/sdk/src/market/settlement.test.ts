import * as fc from "fast-check";
import { expect, test } from "vitest";
import { isDelivered, settlementUnits } from "./settlement.ts";

const close = fc.integer({ min: 1, max: 5_000_000_000 });

test("a call less a put of one strike is the close less the strike, and neither is below 0", () => {
  fc.assert(
    fc.property(close, close, (strike_units, close_units) => {
      const call = settlementUnits({ instrument_type: "CE", strike_units, underlying: "NIFTY" }, close_units) ?? Number.NaN;
      const put = settlementUnits({ instrument_type: "PE", strike_units, underlying: "NIFTY" }, close_units) ?? Number.NaN;
      expect([call - put, Math.min(call, put)]).toEqual([close_units - strike_units, 0]);
    }),
  );
});

test("a future is worth the figure itself; what is no contract, or has no strike, has none", () => {
  expect(settlementUnits({ instrument_type: "FUT", strike_units: null, underlying: "NIFTY" }, 7)).toBe(7);
  expect(settlementUnits({ instrument_type: "EQ", strike_units: null, underlying: "X" }, 7)).toBeNull();
  expect(settlementUnits({ instrument_type: "CE", strike_units: null, underlying: "X" }, 7)).toBeNull();
});

test("stocks are delivered, indices are not", () => {
  const of = (underlying: string | null, instrument_type: "FUT" | "CE" | "EQ" | null = "CE"): boolean =>
    isDelivered({ underlying, instrument_type });
  expect([of("NIFTY"), of("SENSEX"), of("RELIANCE"), of("M&M", "FUT"), of("RELIANCE", "EQ"), of(null), of("X", null)]).toEqual([
    false,
    false,
    true,
    true,
    false,
    false,
    false,
  ]);
});
