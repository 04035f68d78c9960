import * as fc from "fast-check";
import { expect, test } from "vitest";
import { alwaysOpen, builtinCalendar } from "./days.ts";
import { expiryNotice, isDelivered, settlementUnits, type HeldContract } from "./settlement.ts";

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

test("stocks are delivered; indices, currencies and commodities are not", () => {
  const of = (underlying: string | null, instrument_type: "FUT" | "CE" | "EQ" | null = "CE", exchange = "NFO"): boolean =>
    isDelivered({ exchange, underlying, instrument_type });
  expect([of("USDINR", "FUT", "CDS"), of("CRUDEOIL", "FUT", "MCX"), of("RELIANCE", "FUT", "BFO")]).toEqual([false, false, true]);
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

const calendar = builtinCalendar();
const STOCK: HeldContract = { instrument: "NFO:RELIANCE26OCTFUT", exchange: "NFO", expiry: null };

/** `code` at ten in the morning of a day. */
const on = (day: string, held: HeldContract = STOCK, clock = "10:00"): string | null =>
  expiryNotice(calendar, held, Date.parse(`${day}T${clock}:00+05:30`))?.code ?? null;

test("shares that will be due are told of from the third session before the last day, so that a weekend shortens nothing", () => {
  // Tuesday 27 October 2026: Monday, Friday and Thursday are sessions before it.
  expect(["2026-10-21", "2026-10-22", "2026-10-24", "2026-10-26"].map((day) => on(day))).toEqual([
    null,
    "delivery_due",
    "delivery_due",
    "delivery_due",
  ]);
});

test("of an option shares are due only where it ends in the money, and its line says so", () => {
  const line = (instrument: string, day: string): string | undefined =>
    expiryNotice(calendar, { ...STOCK, instrument }, Date.parse(`${day}T10:00:00+05:30`))?.text;
  expect([line("NFO:INFY26OCT1500CE", "2026-10-26"), line("NFO:INFY26OCTFUT", "2026-10-26")]).toEqual([
    "expires 2026-10-27 and is delivered: shares will be due unless it is closed or ends out of the money",
    "expires 2026-10-27 and is delivered: shares will be due unless it is closed",
  ]);
  expect([line("NFO:INFY26OCT1500CE", "2026-10-28"), line("NFO:INFY26OCTFUT", "2026-10-28")]).toEqual([
    "expired 2026-10-27 and waits for its settlement; shares are due where it ended in the money",
    "expired 2026-10-27 and waits for its settlement; shares are due",
  ]);
});

test("on the last day until its session has ended; from then on it waits for its settlement", () => {
  expect([on("2026-10-27", STOCK, "15:39"), on("2026-10-27", STOCK, "15:40"), on("2026-12-01")]).toEqual([
    "delivery_due",
    "settlement_due",
    "settlement_due",
  ]);
});

test("an index's contract is told of only once it is over, and a share or what has no known end never", () => {
  const index = { ...STOCK, instrument: "NFO:NIFTY26OCTFUT" };
  expect([on("2026-10-26", index), on("2026-10-28", index)]).toEqual([null, "settlement_due"]);
  expect([
    on("2026-10-26", { instrument: "NSE:RELIANCE", exchange: "NSE", expiry: null }),
    on("2026-10-26", { ...STOCK, instrument: "NFO:ODD" }),
  ]).toEqual([null, null]);
});

test("what a dump told of a contract counts before what its symbol says", () => {
  const odd: HeldContract = {
    instrument: "NFO:ODD",
    exchange: "NFO",
    expiry: "2026-10-27",
    instrument_type: "FUT",
    underlying_symbol: "ACME",
  };
  expect([on("2026-10-26", odd), on("2026-10-26", { ...odd, underlying_symbol: "NIFTY" })]).toEqual(["delivery_due", null]);
});

test("an exchange of which no session is known counts days, and a market that never closes has one each day", () => {
  const held: HeldContract = { ...STOCK, exchange: "BFO", expiry: "2026-10-27" };
  const empty = { ...calendar, exchanges: new Map() };
  const at = (day: string): number => Date.parse(`${day}T10:00:00+05:30`);
  for (const known of [empty, alwaysOpen(calendar)])
    expect(["2026-10-23", "2026-10-24"].map((day) => expiryNotice(known, held, at(day))?.code ?? null)).toEqual([null, "delivery_due"]);
});
