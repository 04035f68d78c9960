import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Candle, CandleSource } from "../model/candle.ts";
import { instantOfColumn } from "../model/instant.ts";
import { formatUnits, MONEY_MAX_UNITS } from "../model/money.ts";
import { CANDLE_COLUMNS, jsonOf } from "./candle-json.ts";

/** Amounts as numeric(18,4) and their sums are written, and instants of a session in UTC. */
const amount = fc
  .oneof(fc.integer({ min: -MONEY_MAX_UNITS, max: MONEY_MAX_UNITS }), fc.integer({ min: -200_000, max: 200_000 }))
  .map((units) => {
    const [whole, decimals = ""] = formatUnits(units).split(".");
    return `${whole}.${decimals.padEnd(4, "0")}`;
  });
const instant = fc
  .tuple(
    fc.date({ min: new Date("2000-01-01"), max: new Date("2999-12-31"), noInvalidDate: true }),
    fc.constantFrom("", ".5", ".123", ".000001"),
  )
  .map(([at, part]) => `${at.toISOString().slice(0, 19).replace("T", " ")}${part}+00`);
const whole = fc.integer({ min: 0, max: 2_147_483_647 }).map(String);
const row = fc
  .record({
    strategy_id: whole,
    timestamp: instant,
    open: amount,
    high: amount,
    low: amount,
    close: amount,
    pnl_open: amount,
    pnl_high: amount,
    pnl_low: amount,
    pnl_close: amount,
    entry_value: amount,
    realized_pnl: amount,
    instrument_count: whole,
    minute_count: whole,
    sample_count: whole,
    stale_count: whole,
    oldest_age_ms: whole,
    sampled: fc.option(fc.stringMatching(/^[0-9a-f]{15}$/)),
    first_at: instant,
    last_at: instant,
    source: fc.option(fc.constantFrom(...CandleSource.options)),
  })
  .map((fields) => new Map<string, string | null>(Object.entries(fields)));
type Row = ReadonlyMap<string, string | null>;

const textsOf = (fields: Row): (string | null)[] => CANDLE_COLUMNS.map((name) => fields.get(name) ?? null);
const candleOf = (fields: Row, { is_pnl }: { is_pnl: boolean }): unknown =>
  Object.fromEntries(
    CANDLE_COLUMNS.map((name) => {
      const text = fields.get(is_pnl && /^(open|high|low|close)$/.test(name) ? `pnl_${name}` : name) ?? null;
      if (text === null || name === "sampled" || name === "source") return [name, text];
      return [name, text.includes(":") ? instantOfColumn(text) : Number(text) + 0];
    }),
  );
const written = (rows: readonly (string | null)[][], basis: "m2m" | "pnl" = "m2m"): string => `[${jsonOf(rows, basis).bytes.toString()}]`;

describe("candles as JSON", () => {
  test("a law: what is written is what JSON.stringify makes of the candles, on either basis", () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 200 }), fc.boolean(), (rows, is_pnl) => {
        const candles = rows.map((fields) => candleOf(fields, { is_pnl }));
        expect(written(rows.map(textsOf), is_pnl ? "pnl" : "m2m")).toBe(JSON.stringify(candles));
        for (const candle of candles) Candle.parse(candle);
        const [first, last] = [rows[0], rows.at(-1)].map((fields) => instantOfColumn(fields?.get("timestamp") ?? ""));
        expect(jsonOf(rows.map(textsOf), "m2m")).toMatchObject({ count: rows.length, first, last });
      }),
      { numRuns: 200 },
    );
  });

  const [sound = new Map<string, string | null>()] = fc.sample(row, { numRuns: 1, seed: 7 });
  const bad = CANDLE_COLUMNS.flatMap((name) => {
    const nullable = name === "sampled" || name === "source";
    const texts = [
      "",
      "NaN",
      "1e3",
      "0x10",
      "--1",
      "1.",
      '1"',
      "01",
      "null",
      "1\n",
      " 1",
      "2026-11-25 03:45:00+05:30",
      "2026-11-25",
      "\u0661",
    ];
    return [...texts, ...(nullable ? [] : [null])].map((text) => ({ name, text }));
  }).filter(({ name, text }) => !(text === "01" && name.search(/open|high|low|close|value|realized/) >= 0));

  test.each(bad)("a $name of $text is a fault, not a candle", ({ name, text }) => {
    const rows = [textsOf(sound), textsOf(new Map([...sound, [name, text]]))];
    expect(() => jsonOf(rows, "m2m")).toThrow(expect.objectContaining({ code: "internal" }));
  });

  test("a row that is too short is a fault", () => {
    expect(() => jsonOf([textsOf(sound).slice(0, 5)], "m2m")).toThrow(expect.objectContaining({ code: "internal" }));
  });
});
