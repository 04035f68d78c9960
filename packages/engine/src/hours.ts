import { dayOf, sessionOn, type Calendar } from "@stratctl/sdk/internal";

/** The sessions of one day, by exchange: place i everywhere is `exchanges[i]` of whoever asked. */
export interface Hours {
  /** The exchanges' day, `2025-07-31`, and its number: days since 1970-01-01. */
  readonly day: string;
  readonly day_number: number;
  /** Its midnight, as all instants in milliseconds since the epoch. */
  readonly day_from_ms: number;
  /** NaN where the exchange has no session that day; endless where it never closes, so that midnight is no open. */
  readonly open_ms: Float64Array;
  readonly close_ms: Float64Array;
}

/** Exchanges are bits of a number. */
export const EXCHANGES_MAX = 31;

/** The hours of the day that an instant lies in; `before` is given back while the day lasts. */
export function hoursAt(calendar: Calendar, exchanges: readonly string[], at_ms: number, before: Hours | null): Hours {
  const day = dayOf(calendar, at_ms);
  return before !== null && before.day === day ? before : hoursOn(calendar, exchanges, day);
}

export function hoursOn(calendar: Calendar, exchanges: readonly string[], day: string): Hours {
  const day_number = dayNumber(day);
  const day_from_ms = day_number * DAY_MS - calendar.zone.offset_minutes * 60_000;
  if (calendar.is_always_open) {
    const endless = (at_ms: number): Float64Array => new Float64Array(exchanges.length).fill(at_ms);
    return { day, day_number, day_from_ms, open_ms: endless(Number.NEGATIVE_INFINITY), close_ms: endless(Number.POSITIVE_INFINITY) };
  }
  const sessions = exchanges.map((exchange) => sessionOn(calendar, exchange, day));
  return {
    day,
    day_number,
    day_from_ms,
    open_ms: Float64Array.from(sessions, (found) => found?.open_ms ?? Number.NaN),
    close_ms: Float64Array.from(sessions, (found) => found?.close_ms ?? Number.NaN),
  };
}

/** Exchanges that are open: open ≤ t < close. Bit i is exchange i. */
export function openMask({ open_ms, close_ms }: Hours, at_ms: number): number {
  let mask = 0;
  for (let exchange = 0; exchange < open_ms.length; exchange += 1)
    if (at_ms >= (open_ms[exchange] ?? Number.NaN) && at_ms < (close_ms[exchange] ?? Number.NaN)) mask |= 1 << exchange;
  return mask;
}

/** The first open and the last close within the day; null where no exchange has a session. */
export function spanOf({ open_ms, close_ms, day_from_ms }: Hours): { open_ms: number; close_ms: number } | null {
  const opens = [...open_ms].filter((at_ms) => !Number.isNaN(at_ms));
  const closes = [...close_ms].filter((at_ms) => !Number.isNaN(at_ms));
  if (opens.length === 0) return null;
  return { open_ms: Math.max(day_from_ms, Math.min(...opens)), close_ms: Math.min(day_from_ms + DAY_MS, Math.max(...closes)) };
}

/** Days since 1970-01-01 of a calendar day. */
export function dayNumber(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) / DAY_MS;
}

const DAY_MS = 86_400_000;
