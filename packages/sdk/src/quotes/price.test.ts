import { Decimal } from "decimal.js";
import * as fc from "fast-check";
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { quickUnits, quickUnitsOfBytes, quickUnitsOfNumber, roundUnits } from "../model/money.ts";
import { isoOf } from "../model/instant.ts";
import { instantOf, isoMs, tellBody, tellText } from "./price.ts";

interface Told {
  readonly price_units?: number;
  readonly at_ms?: number | null;
  readonly rounded?: boolean;
  readonly refused?: string;
}

function told(tell: (sink: Parameters<typeof tellText>[0]) => boolean): Told {
  const heard: Told[] = [];
  const isPrice = tell({
    quote: (_index, price_units, at_ms, rounded) => heard.push({ price_units, at_ms, rounded: rounded ?? false }),
    refused: (_index, why) => heard.push({ refused: why }),
    absent: () => heard.push({}),
  });
  expect(heard).toHaveLength(1);
  expect(isPrice).toBe(heard[0]?.price_units !== undefined);
  return heard[0] ?? {};
}

const ofText = (text: string): Told => told((sink) => tellText(sink, 0, text));
const ofBody = (body: unknown): Told => told((sink) => tellBody(sink, 0, body));

describe("redis-values-that-are-not-prices", () => {
  test.each(["101.50", "101.5", '{"last_price":101.5,"timestamp":"2026-11-25T03:50:05Z"}', '{"ltp":101.5}', "101.5\n"])(
    "%j is a price",
    (text) => {
      expect(ofText(text)).toMatchObject({ price_units: 1_015_000, rounded: false });
    },
  );

  const not_prices = [
    ["", "   ", "\n", "null", "NaN", "Infinity", "-Infinity", "0", "0.00", "-5", "abc", "0x10", "1,234.50", "[]", "[101.5]", "{}"],
    ['{"last_price":null}', '{"last_price":0}', '{"last_price":', "true", "0.00004", "1e400", "1e2", ".5", "5.", "+5", "٣", "9".repeat(30)],
    ['{"last_price":[101.5]}', '{"last_price":true}', '{"last_price":"x"}', '{"last_price":{"price":1}}', '{"last_price":-1}', '"101.5"'],
  ].flat();
  test.each(not_prices)("%j is none, and refused", (text) => {
    expect(ofText(text).refused).toMatch(/is not a price|no last_price/);
  });

  test("of last_price and ltp the first goes before, unless it is null", () => {
    expect(ofBody({ ltp: 1, last_price: 2 })).toMatchObject({ price_units: 20_000 });
    expect(ofBody({ ltp: 1, last_price: null })).toMatchObject({ price_units: 10_000 });
    expect(ofBody({ ltp: 1, last_price: 0 }).refused).toBe('"0" is not a price');
  });

  test.each([true, 1, "true", "True", " TRUE ", "1"])("is_mock: %j is none, unless it is allowed", (is_mock) => {
    const body = { last_price: 101.5, is_mock };
    const why = { refused: "it calls itself made up (is_mock)" };
    expect([ofBody(body), ofText(JSON.stringify(body))]).toEqual([why, why]);
    const allowed = { price_units: 1_015_000, at_ms: null, rounded: false };
    expect(told((sink) => tellText(sink, 0, JSON.stringify(body), true))).toEqual(allowed);
    expect(told((sink) => tellBody(sink, 0, body, true))).toEqual(allowed);
  });

  test.each([false, 0, "false", "0", "", null, undefined, 2, "no"])("is_mock: %j is a price like any other", (is_mock) => {
    expect(ofBody({ last_price: 101.5, is_mock })).toMatchObject({ price_units: 1_015_000 });
  });

  test("what is refused is shown, but not at any length", () => {
    expect(ofText("NaN").refused).toBe('"NaN" is not a price');
    expect(ofText("x".repeat(10_000)).refused?.length).toBeLessThan(60);
  });
});

describe("prices are exact", () => {
  const whole = fc.integer({ min: 0, max: 99_999_999_999 });
  const fraction = fc.option(
    fc.array(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 12 }).map((digits) => digits.join("")),
    { nil: null },
  );
  const decimal = fc.tuple(whole, fraction).map(([integer, digits]) => (digits === null ? String(integer) : `${integer}.${digits}`));

  test("a text is its decimal, rounded half to even at the fourth place", () => {
    fc.assert(
      fc.property(decimal, (text) => {
        const exact = new Decimal(text).mul(10_000);
        const units = exact.toDecimalPlaces(0, Decimal.ROUND_HALF_EVEN);
        if (units.isZero()) expect(ofText(text).refused).toBeDefined();
        else expect(ofText(text)).toEqual({ price_units: units.toNumber(), at_ms: null, rounded: !exact.isInteger() });
      }),
    );
  });

  test("the quick way says what the slow one says, or nothing", () => {
    fc.assert(
      fc.property(fc.oneof(decimal, fc.string(), fc.stringMatching(/^[0-9.+e-]{0,16}$/)), (text) => {
        const quick = quickUnits(text);
        if (!Number.isNaN(quick)) expect(roundUnits(text)).toEqual({ units: quick, rounded: false });
        expect(quickUnitsOfBytes(Buffer.from(text))).toBe(quick);
      }),
    );
    expect([quickUnits("101.50"), quickUnits("7"), quickUnits("0.0001"), quickUnits("99999999999.9999")]).toEqual([
      1_015_000, 70_000, 1, 999_999_999_999_999,
    ]);
  });

  test("of a number the quick way says what its text says, or nothing", () => {
    const number = fc.oneof(
      fc.tuple(fc.maxSafeInteger(), fc.integer({ min: 0, max: 8 })).map(([digits, decimals]) => digits / 10 ** decimals),
      fc.integer({ min: 1, max: 10 ** 9 }).map((units) => units / 10_000),
      fc.double(),
    );
    fc.assert(
      fc.property(number, (price) => {
        const quick = quickUnitsOfNumber(price);
        if (!Number.isNaN(quick)) expect(roundUnits(String(price))).toEqual({ units: quick, rounded: false });
      }),
      { numRuns: 2_000 },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10 ** 12 }), (units) => {
        expect(quickUnitsOfNumber(units / 10_000)).toBe(units);
      }),
    );
    expect([0, -1.5, 1.00005, Number.NaN, Number.POSITIVE_INFINITY, 5e11 + 1].map(quickUnitsOfNumber)).toEqual(
      Array.from({ length: 6 }).fill(Number.NaN),
    );
  });

  test("an index of 32 bits is rounded and says so", () => {
    expect(ofText("22545.900390625")).toEqual({ price_units: 225_459_004, at_ms: null, rounded: true });
    expect(ofBody({ last_price: 22545.900390625 })).toEqual({ price_units: 225_459_004, at_ms: null, rounded: true });
  });
});

describe("times", () => {
  test.each([
    ["UTC", 0],
    ["Asia/Kolkata", 5],
    ["America/New_York", 19],
  ])("times-without-a-zone-are-indian, on a machine in %s", (zone, midnight) => {
    const before = process.env["TZ"];
    process.env["TZ"] = zone;
    try {
      expect(new Date("2026-11-25T00:00:00Z").getHours()).toBe(midnight); // the machine's zone did move
      const now_ms = Date.parse("2026-11-25T03:50:15Z");
      const { price_units, at_ms } = ofText('{"last_price":101.5,"last_trade_time":"2026-11-25 09:20:05"}');
      expect({ price_units, at: isoOf(at_ms ?? Number.NaN), age_ms: now_ms - (at_ms ?? Number.NaN) }).toEqual({
        price_units: 1_015_000,
        at: "2026-11-25T03:50:05Z",
        age_ms: 10_000,
      });
    } finally {
      process.env["TZ"] = before;
    }
  });

  test.each([
    ["2026-11-25T03:50:05Z", "2026-11-25T03:50:05Z"],
    ["2026-11-25T09:20:05+05:30", "2026-11-25T03:50:05Z"],
    ["2026-11-25T09:20:05+0530", "2026-11-25T03:50:05Z"],
    ["2026-11-24T22:20:05-05:30", "2026-11-25T03:50:05Z"],
    ["2026-11-25T09:20:05", "2026-11-25T03:50:05Z"],
    ["2026-11-25 09:20", "2026-11-25T03:50:00Z"],
    ["2026-11-25 09:20:05.123456", "2026-11-25T03:50:05.123Z"],
    ["2024-02-29 09:20:05", "2024-02-29T03:50:05Z"],
    [1_764_042_605, "2025-11-25T03:50:05Z"],
    ["1764042605", "2025-11-25T03:50:05Z"],
    [1_764_042_605_250, "2025-11-25T03:50:05.250Z"],
    ["1764042605.25", "2025-11-25T03:50:05.250Z"],
  ])("%j is %s", (value, iso) => {
    expect(isoOf(instantOf(value) ?? Number.NaN)).toBe(iso);
  });

  const no_times = [
    ["1970-01-01T05:30:00", "1970-01-01T00:00:00Z", 0, "0", -1, "1971-11-14 13:36:38"],
    ["2038-01-19T03:14:07Z", "2038-01-19 08:44:08", "2038-01-19 03:14:07", 2_147_483_647, 2_147_483_648],
    [null, undefined, true, {}, [[]], "", "yesterday", "NIFTY28JUL22C16600", "20-Dec-2024 09:12:54", "2026-11-25", "09:20:05", Number.NaN],
    ["2026-02-30 09:20:05", "2026-13-05 09:20:05", "2026-11-25 24:20:05", "2026-11-25 09:60:05", "2026-00-10 09:20:05"],
  ].flat();
  test.each(no_times)("%j is no time", (value) => {
    expect(instantOf(value)).toBeNull();
  });

  test("every instant is read back, in any zone; a day that is in no calendar is none", () => {
    const zone = fc.integer({ min: -14 * 60, max: 14 * 60 });
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), zone, (at_ms, minutes) => {
        expect(isoMs(new Date(at_ms).toISOString(), null)).toBe(at_ms);
        const text = new Date(at_ms + minutes * 60_000).toISOString().slice(0, -1);
        const [hours, rest] = [Math.floor(Math.abs(minutes) / 60), Math.abs(minutes) % 60].map((part) => String(part).padStart(2, "0"));
        expect(isoMs(`${text}${minutes < 0 ? "-" : "+"}${hours}:${rest}`, null)).toBe(at_ms);
        expect(isoMs(text, minutes * 60_000)).toBe(at_ms);
        expect(isoMs(text, null)).toBeNull();
      }),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1990, max: 2040 }),
        fc.integer({ min: 0, max: 13 }),
        fc.integer({ min: 0, max: 32 }),
        (year, month, day) => {
          const text = `${year}-${String(month).padStart(2, "0")}-${String(day).padStart(2, "0")}T09:20:05Z`;
          const is_day = month >= 1 && month <= 12 && day >= 1 && day <= new Date(year, month, 0).getDate();
          expect(isoMs(text, null)).toBe(is_day ? Date.UTC(year, month - 1, day, 9, 20, 5) : null);
        },
      ),
    );
  });

  test("the last trade goes before the exchange's time, and a sentinel before neither", () => {
    const body = { last_price: 1, last_trade_time: "2026-11-25 09:20:05", exchange_timestamp: "2026-11-25 09:20:09", ts: 1_764_042_605 };
    expect(ofBody(body)).toMatchObject({ at_ms: Date.parse("2026-11-25T03:50:05Z") });
    expect(ofBody({ ...body, last_trade_time: "1970-01-01T05:30:00" })).toMatchObject({ at_ms: Date.parse("2026-11-25T03:50:09Z") });
    expect(ofBody({ last_price: 1, timestamp: 0, ts: 1_764_042_605 })).toMatchObject({ at_ms: 1_764_042_605_000 });
    expect(ofBody({ last_price: 1, timestamp: "soon" })).toMatchObject({ at_ms: null });
  });
});

describe("bodies of vendors", () => {
  const folder = new URL("../../../../../shared/data/", import.meta.url);
  const missing = existsSync(folder) ? null : "skipped: no ../shared/data";
  if (missing !== null) console.warn(`price.test.ts ${missing}`);
  const Line = z.object({ vendor: z.string(), body: z.unknown() });
  const lines = (name: string): unknown[] =>
    readFileSync(new URL(name, folder), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as unknown);

  test.skipIf(missing)("a price where there is one under our names, never a sentinel's, never a previous close", () => {
    const bodies = new Map(lines("quotes/vendor_bodies.jsonl").map((line) => [Line.parse(line).vendor, Line.parse(line).body]));
    const seen = [...bodies].map(([vendor, body]) => [vendor, ofBody(body).price_units ?? null]);
    expect(Object.fromEntries(seen)).toEqual({
      "kite /quote/ltp": null, // an envelope: the batch form reads it
      "upstox v3 ltp": null,
      "upstox v3 ohlc": null,
      "fyers symbol update": 56_450_000,
      "noren touchline (Alice Blue, Shoonya, Flattrade)": null,
      "noren depth update": null,
      "angel one quote": 2_900_000,
      "pocketful-style market data": null, // paise, under another name
      "kotak neo index feed": 218_945_500,
    });
  });

  test.skipIf(missing)("full ticks: the last trade's time, in India", () => {
    const Tick = z.object({ last_price: z.number(), last_trade_time: z.string() });
    for (const line of lines("quotes/kite_full_ticks.jsonl")) {
      const { last_price, last_trade_time } = Tick.parse(line);
      expect(ofBody(line)).toEqual({
        price_units: new Decimal(String(last_price)).mul(10_000).toNumber(),
        at_ms: Date.parse(`${last_trade_time}+05:30`),
        rounded: false,
      });
    }
  });
});
