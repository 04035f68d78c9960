import { dayOf, sessionOn, sessionsBetween } from "./calendar.ts";
import { MINUTE_MS, plusDays, startOfDay } from "./day.ts";
import type { Calendar } from "./days.ts";
import { lastDayOf } from "./expiry.ts";
import { INDICES } from "./indices.ts";
import { parseInstrument } from "./instrument.ts";

/** What a contract is worth when it expires. */
export interface Expiring {
  readonly instrument_type: "CE" | "PE" | "FUT" | "EQ" | null;
  readonly strike_units: number | null;
  readonly underlying: string | null;
}

/**
 * The price at which a contract settles against the exchange's closing figure of its underlying for its last day, in units (1 =
 * 0.0001 rupee): of a call max(0, close − strike), of a put max(0, strike − close), of a future the figure itself (NSE Clearing:
 * final settlement of index contracts; the same value of a stock's, whose shares are delivered). Null where it is of no such kind.
 *
 * @example
 * import { settlementUnits } from "@stratctl/sdk";
 *
 * const call = { instrument_type: "CE", strike_units: 245_000_000, underlying: "NIFTY" } as const;
 * console.log(settlementUnits(call, 246_313_500)); // 1313500
 */
export function settlementUnits({ instrument_type, strike_units }: Expiring, close_units: number): number | null {
  if (instrument_type === "FUT") return close_units;
  if (strike_units === null) return null;
  if (instrument_type === "CE") return Math.max(0, close_units - strike_units);
  if (instrument_type === "PE") return Math.max(0, strike_units - close_units);
  return null;
}

/**
 * Whether shares change hands when it expires: derivatives of a stock are delivered, those of an index settle in cash. An option
 * that ends out of the money is worth nothing, and nothing is delivered.
 */
export function isDelivered({ exchange, instrument_type, underlying }: ContractKind): boolean {
  const is_derivative = instrument_type !== null && instrument_type !== "EQ";
  return is_derivative && SHARE_SEGMENTS.has(exchange) && underlying !== null && !INDICES.has(underlying);
}

export interface ContractKind extends Pick<Expiring, "instrument_type" | "underlying"> {
  readonly exchange: string;
}

/** What expires elsewhere is of a currency or a commodity. */
const SHARE_SEGMENTS: ReadonlySet<string> = new Set(["NFO", "BFO"]);

/** When the session of a day ends (milliseconds since the epoch); of a day without one, the day itself does. */
export function endOfDay(calendar: Calendar, exchange: string, day: string): number {
  const midnight_ms = startOfDay(plusDays(day, 1)) - calendar.zone.offset_minutes * MINUTE_MS;
  return sessionOn(calendar, exchange, day)?.close_ms ?? midnight_ms;
}

/** An instrument that somebody holds; what nobody told of it (null, or left out) is read from its symbol. */
export interface HeldContract {
  readonly instrument: string;
  readonly exchange: string;
  readonly expiry: string | null;
  readonly instrument_type?: Expiring["instrument_type"];
  readonly underlying_symbol?: string | null;
}

/** What whoever holds a contract must be told of its expiry. */
export interface ExpiryNotice {
  /** `delivery_due`: shares will be due unless it is closed; `settlement_due`: it is over, and waits for its settlement. */
  readonly code: "delivery_due" | "settlement_due";
  /** Its last day, YYYY-MM-DD. */
  readonly last_day: string;
  /** One line, without the instrument's name. */
  readonly text: string;
}

/** So many sessions before the last day it is said: days on which it can be closed, which a weekend has none of. */
const DELIVERY_SESSIONS = 3;
/** Three sessions lie within it, whatever the holidays. */
const NEAR_DAYS = 14;

/**
 * The notice of a contract at an instant (milliseconds since the epoch), or null: delivery of a stock's from the third session
 * before its last day on, and of any the settlement that it waits for once its last session has ended.
 *
 * @example
 * import { builtinCalendar, expiryNotice } from "@stratctl/sdk";
 *
 * const held = { instrument: "NFO:RELIANCE26OCTFUT", exchange: "NFO", expiry: null };
 * // Tuesday 27 October 2026 is its last day; Thursday is the third session before it.
 * console.log(expiryNotice(builtinCalendar(), held, Date.parse("2026-10-22T09:15:00+05:30"))?.code); // delivery_due
 */
export function expiryNotice(calendar: Calendar, contract: HeldContract, at_ms: number): ExpiryNotice | null {
  const last_day = lastDayOf(calendar, contract);
  const today = dayOf(calendar, at_ms);
  if (last_day === null || last_day > plusDays(today, NEAR_DAYS)) return null;
  const is_over = last_day <= today && endOfDay(calendar, contract.exchange, last_day) <= at_ms;
  const kind = kindOf(contract);
  const is_future = kind.instrument_type === "FUT";
  if (is_over) {
    const due = !isDelivered(kind) ? "" : `; shares are due${is_future ? "" : " where it ended in the money"}`;
    return { code: "settlement_due", last_day, text: `expired ${last_day} and waits for its settlement${due}` };
  }
  if (!isDelivered(kind) || today < toldFrom(calendar, contract.exchange, last_day)) return null;
  const unless = is_future ? "" : " or ends out of the money";
  return { code: "delivery_due", last_day, text: `expires ${last_day} and is delivered: shares will be due unless it is closed${unless}` };
}

function toldFrom(calendar: Calendar, exchange: string, last_day: string): string {
  const before = sessionsBetween(calendar, exchange, { from_day: plusDays(last_day, -NEAR_DAYS), to_day: plusDays(last_day, -1) });
  return before.at(-DELIVERY_SESSIONS)?.day ?? plusDays(last_day, -DELIVERY_SESSIONS);
}

function kindOf({ instrument, exchange, instrument_type = null, underlying_symbol = null }: HeldContract): ContractKind {
  if (instrument_type !== null && underlying_symbol !== null) return { exchange, instrument_type, underlying: underlying_symbol };
  try {
    const told = parseInstrument(instrument);
    return { exchange, instrument_type: instrument_type ?? told.instrument_type, underlying: underlying_symbol ?? told.name };
  } catch {
    // A symbol of no known form tells no kind.
    return { exchange, instrument_type, underlying: underlying_symbol };
  }
}
