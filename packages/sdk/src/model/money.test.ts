import { Decimal } from "decimal.js";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StratctlError } from "../errors.ts";
import {
  amountOf,
  amountTextOfColumn,
  formatUnits,
  Money,
  MONEY_MAX,
  MONEY_MAX_UNITS,
  MoneyColumn,
  parseUnits,
  Price,
  roundUnits,
  unitsOf,
  UNITS,
} from "./money.ts";

/** The independent sum: decimal.js with room for every digit that a test writes. */
const Exact = Decimal.clone({ precision: 60, toExpNeg: -60, toExpPos: 60, rounding: Decimal.ROUND_HALF_EVEN });

const anyUnits = fc.oneof(
  fc.integer({ min: -MONEY_MAX_UNITS, max: MONEY_MAX_UNITS }),
  fc.integer({ min: -200_000_000, max: 200_000_000 }),
  fc.constantFrom(0, 1, -1, MONEY_MAX_UNITS, -MONEY_MAX_UNITS, MONEY_MAX_UNITS - 1),
);

/** Decimal text as a feed may write it: any number of decimals, zeros at either end, halves more often than by chance. */
const decimalText = fc
  .record({
    sign: fc.constantFrom("", "-"),
    zeros: fc.constantFrom("", "0", "000"),
    whole: fc.oneof(fc.integer({ min: 0, max: 2 * MONEY_MAX }), fc.integer({ min: 0, max: 99_999 })).map(String),
    decimals: fc.oneof(
      fc.constantFrom("", ".0", ".5", ".00005", ".00015", ".12345", ".99995", ".99985000", ".000050000000001"),
      fc.stringMatching(/^\.\d{1,20}$/),
    ),
  })
  .map(({ sign, zeros, whole, decimals }) => sign + zeros + whole + decimals);

describe("units ↔ text", () => {
  test("a column's text becomes the JSON number of the amount that it is read as, or nothing where it is none", () => {
    const ofColumns = anyUnits.map((units) => new Exact(units).div(UNITS).toFixed(4));
    const odd = fc.constantFrom(
      "-0.0000",
      "0.0000",
      "00.5000",
      "-",
      "",
      ".5000",
      "1.5000 ",
      "1.50000",
      "1.00005",
      "1e3",
      "NaN",
      "Infinity",
    );
    fc.assert(
      fc.property(fc.oneof(ofColumns, decimalText, odd), (text) => {
        const amount = MoneyColumn.safeParse(text);
        expect(amountTextOfColumn(text)).toBe(amount.success ? JSON.stringify(amount.data) : null);
      }),
      { numRuns: 2_000 },
    );
  });

  test("whatever is formatted parses to itself, and says what decimal.js says", () => {
    fc.assert(
      fc.property(anyUnits, (units) => {
        const text = formatUnits(units);
        expect(parseUnits(text)).toBe(units);
        expect(text).toBe(new Exact(units).div(UNITS).toFixed());
      }),
    );
  });

  test("text of at most four decimals parses exactly; anything more is refused, not rounded", () => {
    fc.assert(
      fc.property(decimalText, (text) => {
        const units = new Exact(text).times(UNITS);
        const fits = units.isInteger() && units.abs().lte(MONEY_MAX_UNITS);
        expect(parseUnits(text)).toBe(fits ? units.toNumber() + 0 : null);
      }),
    );
  });

  test.each(["", " ", "1 ", "+1", "1.", ".5", "1e3", "0x10", "1,000", "NaN", "Infinity", "-", "--1", "1.0.0", "१", "1\n", "null"])(
    "%j is not a plain decimal",
    (text) => {
      expect(parseUnits(text)).toBeNull();
      expect(roundUnits(text)).toBeNull();
    },
  );

  test.each([
    ["500000000000", MONEY_MAX_UNITS],
    ["-500000000000", -MONEY_MAX_UNITS],
    ["500000000000.0001", null],
    ["-500000000000.0001", null],
    ["9".repeat(18), null],
    ["9".repeat(400), null],
    ["-0", 0],
    ["-0.0000", 0],
    ["101.5500000", 1_015_500],
    ["-1500.5", -15_005_000],
  ])("%s is %s units", (text, units) => {
    expect(parseUnits(text)).toBe(units);
  });

  test("minus zero prints as zero", () => {
    expect(formatUnits(-0)).toBe("0");
  });
});

describe("prices of a feed", () => {
  test("are rounded half to even at the fourth decimal, and say so", () => {
    fc.assert(
      fc.property(decimalText, (text) => {
        const units = new Exact(text).times(UNITS);
        const rounded = units.toDecimalPlaces(0);
        const expected = rounded.abs().lte(MONEY_MAX_UNITS) ? { units: rounded.toNumber() + 0, rounded: !units.eq(rounded) } : null;
        expect(roundUnits(text)).toEqual(expected);
      }),
    );
  });

  test.each([
    ["22545.900390625", 225_459_004, true],
    ["0.00005", 0, true],
    ["0.00015", 2, true],
    ["0.00025", 2, true],
    ["0.000250001", 3, true],
    ["-0.00015", -2, true],
    ["-0.00005", 0, true],
    ["1.00010000", 10_001, false],
    ["499999999999.99995", MONEY_MAX_UNITS, true],
  ])("%s is %s units", (text, units, rounded) => {
    expect(roundUnits(text)).toEqual({ units, rounded });
  });

  test("the bound holds after rounding", () => {
    expect(roundUnits("500000000000.00005")).toEqual({ units: MONEY_MAX_UNITS, rounded: true });
    expect(roundUnits("500000000000.00006")).toBeNull();
  });
});

describe("units ↔ amounts", () => {
  test("an amount of four decimals survives JSON: no two units share a number", () => {
    fc.assert(
      fc.property(anyUnits, (units) => {
        const wire = JSON.stringify({ m2m: amountOf(units) });
        expect(wire).toBe(`{"m2m":${formatUnits(units)}}`);
        expect(unitsOf(Money.parse(JSON.parse(wire).m2m))).toBe(units);
      }),
      { numRuns: 2000 },
    );
  });

  test("every unit at the bound is a number of its own", () => {
    const top = Array.from({ length: 20_000 }, (_, below) => amountOf(MONEY_MAX_UNITS - below));
    expect(new Set(top).size).toBe(top.length);
    expect(top.every((amount, below) => unitsOf(amount) === MONEY_MAX_UNITS - below)).toBe(true);
  });

  test("minus zero never reaches the wire", () => {
    expect(Object.is(amountOf(-0), 0)).toBe(true);
    expect(Object.is(unitsOf(-0), 0)).toBe(true);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, 0.1 + 0.2, 1e-7, 101.55555, MONEY_MAX + 1, 1e21])("%d has no units", (amount) => {
    expect(() => unitsOf(amount)).toThrow(StratctlError);
    expect(() => unitsOf(amount)).toThrow(expect.objectContaining({ code: "money_too_large" }));
    expect(Money.safeParse(amount).success).toBe(false);
  });
});

describe("schemas", () => {
  test("Money takes what has units and nothing else", () => {
    fc.assert(
      fc.property(fc.oneof(fc.double(), anyUnits.map(amountOf), fc.constantFrom("1", null, undefined, true, 1n)), (given) => {
        const has = typeof given === "number" && parseUnits(String(given)) !== null;
        expect(Money.safeParse(given).success).toBe(has);
      }),
    );
  });

  test.each([0, -0, -101.55, 0.000_01])("%d is not a price", (amount) => {
    expect(Price.safeParse(amount).success).toBe(false);
  });

  test("0.0001 is the smallest price", () => {
    expect(Price.parse(0.0001)).toBe(0.0001);
  });

  test("a numeric column is parsed from its text", () => {
    expect(MoneyColumn.parse("-1500.5000")).toBe(-1500.5);
    for (const text of ["NaN", "Infinity", "1.00001", "500000000000.0001"]) expect(MoneyColumn.safeParse(text).success).toBe(false);
  });
});
