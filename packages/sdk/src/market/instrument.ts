import { StratctlError } from "../errors.ts";
import type { InstrumentType } from "../model/leg.ts";
import { amountOf, parseUnits } from "../model/money.ts";
import { isDay } from "./day.ts";

/** Kite's names of exchanges: cash (NSE, BSE) and derivatives (the rest). */
export const EXCHANGES = ["NSE", "BSE", "NFO", "BFO", "MCX", "CDS", "BCD"] as const;
export type Exchange = (typeof EXCHANGES)[number];

/** What the text of an instrument tells by itself, without a dump of contracts. */
export interface Instrument {
  /** `NFO:NIFTY25N0424500CE`, in upper case: the key of its prices. */
  readonly instrument: string;
  readonly exchange: Exchange;
  readonly tradingsymbol: string;
  /** The underlying's name as symbols write it (`NIFTY`, `M&M`); of a share or an index its symbol. */
  readonly name: string;
  readonly instrument_type: InstrumentType;
  /** Rupees; null unless an option. */
  readonly strike: number | null;
  /** Null where the symbol does not tell: a monthly contract's day is known to the dump only. */
  readonly expiry: string | null;
  /** The month of the contract, `2025-11`; null for a share or an index. */
  readonly month: string | null;
}

/**
 * Reads `EXCHANGE:SYMBOL` in the form of Zerodha Kite; case and outer blanks do not matter.
 *
 * - weekly option NAME YY M DD STRIKE CE|PE, M in 1-9, O, N, D: `NFO:NIFTY25N0424500CE`
 * - monthly option NAME YY MMM STRIKE CE|PE: `NFO:NIFTY25NOV24500CE`
 * - future NAME YY MMM FUT: `NFO:NIFTY25NOVFUT`
 * - on NSE and BSE every symbol is EQ, whatever it ends in: `NSE:BAJFINANCE`, `NSE:NIFTY 50`
 *
 * Names may hold digits, & and -. Where several splits give a possible date the shortest name wins: `NIFTY2610624500CE`
 * is NIFTY, 6 January 2026, 24500, and SENSEX502610127000CE is SENSEX50, since no contract expires in 2050. The day need not be one on which anything expires.
 *
 * @throws StratctlError instrument_invalid: no or an unknown exchange, an impossible date, anything else that is no contract
 * @example
 * import { parseInstrument } from "@stratctl/sdk";
 *
 * const { name, expiry, strike, instrument_type } = parseInstrument("NFO:NIFTY25N0424500CE");
 * console.log(name, expiry, strike, instrument_type); // NIFTY 2025-11-04 24500 CE
 */
export function parseInstrument(text: string): Instrument {
  const given = text.trim().toUpperCase();
  const colon = given.indexOf(":");
  if (colon < 0) throw invalid(text, "names no exchange", "write EXCHANGE:SYMBOL, like NFO:NIFTY25N0424500CE or NSE:RELIANCE");
  const exchange = EXCHANGES.find((known) => known === given.slice(0, colon));
  if (exchange === undefined) throw invalid(text, "names no exchange that is known", `exchanges are ${EXCHANGES.join(", ")}`);
  const tradingsymbol = given.slice(colon + 1);
  if (exchange === "NSE" || exchange === "BSE") return share(text, exchange, tradingsymbol);
  return { instrument: `${exchange}:${tradingsymbol}`, exchange, tradingsymbol, ...contractOf(text, tradingsymbol) };
}

/**
 * An instrument as a person may type it, with its exchange: a bare symbol of a future or an option gets NFO, or BFO where
 * it is one of the BSE's indices (SENSEX, BANKEX, SENSEX50, FOCIT). What has an exchange keeps it.
 *
 * @throws StratctlError instrument_invalid: as parseInstrument, and for a bare symbol that is no future or option, since a
 * share may be listed on both exchanges
 * @example
 * import { withExchange } from "@stratctl/sdk";
 *
 * console.log(withExchange("nifty25n0424500ce")); // NFO:NIFTY25N0424500CE
 * console.log(withExchange("SENSEX2610185000CE")); // BFO:SENSEX2610185000CE
 */
export function withExchange(text: string): string {
  if (text.includes(":")) return parseInstrument(text).instrument;
  const tradingsymbol = text.trim().toUpperCase();
  const { name } = contractOf(text, tradingsymbol, BARE_FORMS);
  return `${BSE_INDICES.has(name) ? "BFO" : "NFO"}:${tradingsymbol}`;
}

/** Every name in the BFO segment of the dump of August 2026; none of them is on NFO. */
const BSE_INDICES = new Set(["SENSEX", "BANKEX", "SENSEX50", "FOCIT"]);

/** Long enough for any symbol of the dumps (29 characters), short enough to keep nonsense out of keys and tables. */
const SYMBOL_LENGTH_MAX = 50;

const SHARE = /^[A-Z0-9][A-Z0-9&._ -]*$/;
/** What may stand before the date: at least one letter in it. */
const NAME = /^(?=.*[A-Z])[A-Z0-9][A-Z0-9&-]*$/;
/** As exchanges write it: 287.5, never 287.50, which would be a second key for one contract. */
const STRIKE = String.raw`(0\.\d*[1-9]|[1-9]\d*(?:\.\d*[1-9])?)`;
const WEEKLY = new RegExp(String.raw`^(\d\d)([1-9OND])(\d\d)${STRIKE}(CE|PE)$`);
const MONTHLY = new RegExp(String.raw`^(\d\d)([A-Z]{3})(?:${STRIKE}(CE|PE)|FUT)$`);
const WEEKLY_MONTHS = "123456789OND";
const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

type Contract = Pick<Instrument, "name" | "instrument_type" | "strike" | "expiry" | "month">;

function share(text: string, exchange: Exchange, tradingsymbol: string): Instrument {
  if (tradingsymbol.length > SYMBOL_LENGTH_MAX || !SHARE.test(tradingsymbol))
    throw invalid(text, "is not a symbol", "write it as the exchange does, like NSE:RELIANCE or NSE:NIFTY 50");
  const instrument = `${exchange}:${tradingsymbol}`;
  return { instrument, exchange, tradingsymbol, name: tradingsymbol, instrument_type: "EQ", strike: null, expiry: null, month: null };
}

function contractOf(text: string, symbol: string, hint = FORMS): Contract {
  for (let end = 1; symbol.length <= SYMBOL_LENGTH_MAX && end < symbol.length; end++) {
    const name = symbol.slice(0, end);
    if (!NAME.test(name)) continue;
    const contract = monthly(name, symbol.slice(end)) ?? weekly(name, symbol.slice(end));
    if (contract === null) continue;
    // The next longer name might fit: NIFTY2522924500CE as NIFTY25, 24 September 2022, 500. That is not what was meant.
    if (typeof contract === "string") throw invalid(text, `expires on a day that does not exist, ${contract}`, FORMS);
    return contract;
  }
  throw invalid(text, "is not a future or an option", hint);
}

const FORMS = "weekly options are like NFO:NIFTY25N0424500CE, monthly ones NFO:NIFTY25NOV24500CE, futures NFO:NIFTY25NOVFUT";
const BARE_FORMS = "shares are like NSE:RELIANCE, options NFO:NIFTY25N0424500CE or NFO:NIFTY25NOV24500CE, futures NFO:NIFTY25NOVFUT";

function monthly(name: string, rest: string): Contract | null {
  const match = MONTHLY.exec(rest);
  const month = monthOf(match?.[1], MONTHS.indexOf(match?.[2] ?? ""));
  if (!match || month === null) return null;
  if (match[3] === undefined) return { name, instrument_type: "FUT", strike: null, expiry: null, month };
  return option(name, match[3], match[4], { month, expiry: null });
}

/** The contract, the text of its date where there is no such day, or null where it is no weekly contract at all. */
function weekly(name: string, rest: string): Contract | string | null {
  const match = WEEKLY.exec(rest);
  const month = monthOf(match?.[1], WEEKLY_MONTHS.indexOf(match?.[2] ?? " "));
  if (!match || month === null) return null;
  const expiry = `${month}-${match[3]}`;
  return isDay(expiry) ? option(name, match[4], match[5], { month, expiry }) : expiry;
}

/** `2025-11`; null for a month that is none, or a year in which no contract of Kite (founded 2010) expires. */
function monthOf(year = "", place: number): string | null {
  if (place < 0 || year < "10" || year > "49") return null;
  return `20${year}-${String(place + 1).padStart(2, "0")}`;
}

function option(name: string, strike = "", kind = "", due: Pick<Contract, "month" | "expiry">): Contract | null {
  const units = parseUnits(strike);
  if (units === null) return null;
  return { name, instrument_type: kind === "PE" ? "PE" : "CE", strike: amountOf(units), ...due };
}

function invalid(text: string, what: string, hint: string): StratctlError {
  const shown = text.length > SYMBOL_LENGTH_MAX ? `${text.slice(0, SYMBOL_LENGTH_MAX)}…` : text;
  return new StratctlError("instrument_invalid", `instrument ${JSON.stringify(shown)} ${what}`, { hint, details: { instrument: shown } });
}
