import { StratctlError, type ErrorParts } from "../errors.ts";
import { EXCHANGES } from "../market/instrument.ts";
import { isDay } from "../market/day.ts";
import { InstrumentType } from "../model/leg.ts";
import { amountOf, roundUnits } from "../model/money.ts";
import { fieldsOf } from "../quotes/recording-rows.ts";
import type { ListingRow } from "../store/listing.ts";

/** What a line of a dump turned out to be. */
export type DumpLine = { readonly row: ListingRow } | { readonly fault: string } | { readonly other_exchange: string };

const NEEDED = ["instrument_token", "tradingsymbol", "expiry", "strike", "tick_size", "lot_size", "instrument_type", "exchange"] as const;
const FURTHER = ["exchange_token", "name", "segment"] as const;
type Column = (typeof NEEDED)[number] | (typeof FURTHER)[number];

/** A file that is no dump of instruments. */
export function dumpInvalid({ path, line }: { path: string; line?: number }, what: string, parts: ErrorParts = {}): StratctlError {
  const place = line === undefined ? `${path} ` : `${path}:${line}: `;
  return new StratctlError("file_unusable", place + what, { ...parts, details: { path, line: line ?? null } });
}

/** Reads the first line: columns by their names, in any order, and others beside them. Gives what reads the lines below it. */
export function dumpReader(path: string, header: string): (line: string) => DumpLine {
  const names = fieldsOf(header).map((name) => name.trim().toLowerCase());
  const missing = NEEDED.filter((name) => !names.includes(name));
  if (missing.length > 0)
    throw dumpInvalid({ path, line: 1 }, `no column ${missing.join(", ")}: not a dump of instruments`, {
      hint: `a dump has the columns ${NEEDED.join(", ")}, and may have others`,
    });
  const places = new Map(names.map((name, place) => [name, place]));
  return (line) => {
    const fields = fieldsOf(line);
    if (fields.length !== names.length) return { fault: `${fields.length} fields where the header has ${names.length}` };
    return lineOf((name) => fields[places.get(name) ?? fields.length]?.trim() ?? "");
  };
}

function lineOf(field: (name: Column) => string): DumpLine {
  const exchange = field("exchange").toUpperCase();
  if (exchange === "") return { fault: "no exchange" };
  if (!EXCHANGES.some((known) => known === exchange)) return { other_exchange: exchange };
  const tradingsymbol = field("tradingsymbol").toUpperCase();
  if (!SYMBOL.test(tradingsymbol)) return { fault: `tradingsymbol ${JSON.stringify(field("tradingsymbol"))} is not a symbol` };
  const type = InstrumentType.safeParse(field("instrument_type").toUpperCase());
  if (!type.success) return { fault: `instrument_type ${JSON.stringify(field("instrument_type"))} is not EQ, FUT, CE or PE` };
  const instrument_type = type.data;
  const is_option = instrument_type === "CE" || instrument_type === "PE";
  const numbers = {
    instrument_token: wholeOf(field("instrument_token"), Number.MAX_SAFE_INTEGER),
    exchange_token: wholeOf(field("exchange_token"), Number.MAX_SAFE_INTEGER),
    lot_size: wholeOf(field("lot_size"), 2_147_483_647),
    strike: amountIn(field("strike")),
    tick_size: amountIn(field("tick_size")),
  };
  for (const name of ["instrument_token", "exchange_token", "lot_size", "strike", "tick_size"] as const)
    if (Number.isNaN(numbers[name])) return { fault: `${name} ${JSON.stringify(field(name))} is not a ${WHAT[name]} of 0 or more` };
  const { instrument_token } = numbers;
  if (instrument_token === null) return { fault: "no instrument_token" };
  const expiry = field("expiry") === "" ? null : field("expiry");
  if (expiry !== null && !isDay(expiry)) return { fault: `expiry ${JSON.stringify(expiry)} is not a day like 2026-08-25` };
  if (expiry === null && instrument_type !== "EQ") return { fault: `no expiry, and it is a ${instrument_type}` };
  if (numbers.strike === null && is_option) return { fault: `no strike, and it is a ${instrument_type}` };
  const strike = is_option ? numbers.strike : null;
  for (const name of ["name", "segment"] as const)
    if (/\p{Cc}/u.test(field(name))) return { fault: `${name} ${JSON.stringify(field(name))} holds a control character` };
  const text = (name: "name" | "segment"): string | null => (field(name) === "" ? null : field(name));
  return {
    row: {
      exchange,
      tradingsymbol,
      instrument_type,
      ...numbers,
      instrument_token,
      strike,
      expiry,
      name: text("name"),
      segment: text("segment"),
    },
  };
}

/** As the table takes it: up to 50 characters, no blank at its ends, nothing that a terminal would act on. */
const SYMBOL = /^[^\s\p{Cc}:](?:[^\p{Cc}:]{0,48}[^\s\p{Cc}:])?$/u;

const WHAT = {
  instrument_token: "whole number",
  exchange_token: "whole number",
  lot_size: "whole number",
  strike: "number",
  tick_size: "number",
} as const;

/** Kite writes 0 for what there is not. Null for that and for nothing, NaN for anything that is no whole number. */
function wholeOf(text: string, max: number): number | null {
  const whole = /^\d{1,16}(?:\.0+)?$/.test(text) ? Number(text) : text === "" ? 0 : Number.NaN;
  return whole === 0 ? null : whole <= max ? whole : Number.NaN;
}

/** As above; a strike as floating point wrote it is rounded to four decimals. */
function amountIn(text: string): number | null {
  const rounded = text === "" ? { units: 0 } : roundUnits(text);
  if (rounded === null || rounded.units < 0) return Number.NaN;
  return rounded.units === 0 ? null : amountOf(rounded.units);
}
