import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { builtinCalendar, StratctlError } from "@stratctl/sdk";
import { amountOrNull, complaintOf, dayTyped, instantOf, priceOf, quantityOf, spanOf, speedOf } from "./typed.ts";

const NOW_MS = Date.parse("2025-07-31T20:00:00Z"); // 1 Aug 01:30 in India
const calendar = builtinCalendar();

describe("quantity", () => {
  test("is units, or lots", () => {
    expect(["75", "2lots", "1lot", "2 lots", "1 LOT", " 75 "].map((text) => quantityOf(text))).toEqual([
      { quantity: 75 },
      { lots: 2 },
      { lots: 1 },
      { lots: 2 },
      { lots: 1 },
      { quantity: 75 },
    ]);
  });

  test("that is none is refused with its value", () => {
    const said = (text: string) => refused(() => quantityOf(text)).message;
    expect(["0", "-5", "1.5", "0lots", "ten", "1e3", "0x10", "", "2147483648"].map(said)).toEqual([
      "quantity must be a whole number above 0, not 0",
      "quantity must be a whole number above 0, not -5",
      "quantity must be a whole number above 0, not 1.5",
      'lots must be a whole number above 0, not "0lots"',
      'quantity must be a whole number above 0, not "ten"',
      'quantity must be a whole number above 0, not "1e3"',
      'quantity must be a whole number above 0, not "0x10"',
      'quantity must be a whole number above 0, not ""',
      "quantity must be a whole number above 0, not 2147483648",
    ]);
  });
});

describe("price", () => {
  test("goes from text to amount exactly", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000_000_000_000_000 }), (units) => {
        const whole = Math.floor(units / 10_000);
        const text = `${whole}.${String(units - whole * 10_000).padStart(4, "0")}`;
        expect(priceOf(text)).toBe(Number(text));
      }),
    );
  });

  test("that is none is refused by what is wrong with it", () => {
    const said = (text: string) => refused(() => priceOf(text)).message;
    expect(
      ["NaN", "-5", "0", "0.0000", "", "1,234.50", "1e3", "Infinity", "1.23456", "101.55000", "600000000000"].map((text) => {
        try {
          return String(priceOf(text));
        } catch {
          return said(text);
        }
      }),
    ).toEqual([
      'price "NaN" is not a number above 0',
      'price "-5" is not a number above 0',
      'price "0" is not a number above 0',
      'price "0.0000" is not a number above 0',
      'price "" is not a number above 0',
      'price "1,234.50" is not a number above 0',
      'price "1e3" is not a number above 0',
      'price "Infinity" is not a number above 0',
      "price 1.23456 has more than four decimals",
      "101.55",
      "price 600000000000 is beyond what can be kept, 500,000,000,000",
    ]);
  });

  test("says what leaving it out would mean", () => {
    expect(refused(() => priceOf("NaN", { otherwise: "leave --price out to enter at the last quote" })).hint).toBe(
      "write it like 101.55, or leave --price out to enter at the last quote",
    );
  });
});

test("an amount may be unknown, and may not be negative", () => {
  expect([amountOrNull("", "--capital"), amountOrNull("250000.50", "--capital"), amountOrNull("0", "--capital")]).toEqual([
    null,
    250_000.5,
    0,
  ]);
  expect(refused(() => amountOrNull("-1", "--capital")).message).toBe('--capital "-1" is not an amount of rupees');
});

test("spans and speeds", () => {
  expect(["1s", "500ms", "2m", "1h"].map((text) => spanOf(text, "--every"))).toEqual([1000, 500, 120_000, 3_600_000]);
  expect(["1", "0s", "s", "1 day"].map((text) => refused(() => spanOf(text, "--every")).code)).toEqual(Array(4).fill("input_invalid"));
  expect(["max", "1", "60x", "0.5"].map(speedOf)).toEqual(["max", 1, 60, 0.5]);
  expect(["0", "fast", "-1"].map((text) => refused(() => speedOf(text)).code)).toEqual(Array(3).fill("input_invalid"));
});

describe("times", () => {
  const at = (text: string, edge: "from" | "to" = "from") => instantOf(text, { name: "--from", calendar, day: "2025-07-31", edge });

  test("without a zone are the exchange's, whatever that of the machine", () => {
    expect(at("09:15")).toBe("2025-07-31T03:45:00Z");
    expect(at("2025-07-30 15:29:30")).toBe("2025-07-30T09:59:30Z");
    expect(at("2025-07-30T10:00")).toBe("2025-07-30T04:30:00Z");
    expect(at("2025-07-30")).toBe("2025-07-29T18:30:00Z");
    expect(at("2025-07-30", "to")).toBe("2025-07-30T18:29:59.999Z");
  });

  test("with a zone, or as epochs, are what they say", () => {
    const texts = ["2025-07-31T09:15:00+05:30", "2025-07-31T03:45:00Z", "1753933500", "1753933500000"];
    expect(texts.map((text) => at(text))).toEqual(texts.map(() => "2025-07-31T03:45:00Z"));
  });

  test("that are none are refused", () => {
    expect(["", "noon", "25:00", "2025-13-01", "9:15", "2025-07-31T25:00:00Z"].map((text) => refused(() => at(text)).code)).toEqual(
      Array(6).fill("input_invalid"),
    );
  });

  test("days are the exchange's", () => {
    expect(dayTyped("today", calendar, NOW_MS)).toBe("2025-08-01");
    expect(dayTyped("yesterday", calendar, NOW_MS)).toBe("2025-07-31");
    expect(dayTyped("2025-07-31", calendar, NOW_MS)).toBe("2025-07-31");
    expect(["31-07-2025", "2025-02-30", "2025-13-45", ""].map((text) => refused(() => dayTyped(text, calendar, NOW_MS)).code)).toEqual(
      Array(4).fill("input_invalid"),
    );
  });
});

test("what is wrong is said for a question that is asked again; a fault is not swallowed", () => {
  expect(complaintOf(() => quantityOf("0"))).toBe(
    "quantity must be a whole number above 0, not 0; write units, like 75, or lots, like 2lots",
  );
  expect(complaintOf(() => quantityOf("75"))).toBeNull();
  expect(() => complaintOf(() => JSON.parse("{"))).toThrow(SyntaxError);
});

function refused(parse: () => unknown): StratctlError {
  try {
    parse();
  } catch (error) {
    if (error instanceof StratctlError) return error;
    throw error;
  }
  throw new Error("was not refused");
}
