import { isOrdinary, type Calendar, type ExchangeDays } from "./days.ts";
import { parseInstrument, type Instrument } from "./instrument.ts";
import { dayAt, daysFromMonday, plusDays, startOfDay, weekdayOf, type Weekday } from "./day.ts";

/** Contracts that expire together: those of a week (Monday to Sunday, named by any day of it) or of a month (`2026-03`). */
export type ContractDate = { readonly week_of: string } | { readonly month: string };

/**
 * The day on which the contracts of a week or a month (on its last such weekday) expire: the exchange's weekday of that time,
 * or on a holiday the trading day before. NSE: Thursday up to 2025-08-28, Tuesday since; BSE: Thursday since then. Null where
 * no rule is known. Weeklies that once had a weekday of their own (FINNIFTY, BANKNIFTY) do not follow it: where the symbol or
 * the dump gives a day, that is the day. A Muhurat session does not make a holiday a trading day.
 *
 * @throws StratctlError input_invalid: no such day or month
 * @example
 * import { builtinCalendar, expiryOf } from "@stratctl/sdk";
 *
 * // Tuesday 31 March 2026 is a holiday.
 * console.log(expiryOf(builtinCalendar(), "NFO", { month: "2026-03" })); // 2026-03-30
 */
export function expiryOf(calendar: Calendar, exchange: string, contract: ContractDate): string | null {
  const days = calendar.exchanges.get(exchange);
  if (days === undefined) return null;
  const nominal = nominalDay(days, (weekday) =>
    "month" in contract ? lastOfMonth(contract.month, weekday) : ofWeek(contract.week_of, weekday),
  );
  if (nominal === undefined) return null;
  for (let back = 0; back <= CLOSURE_DAYS_MAX; back++) {
    const day = plusDays(nominal, -back);
    if (isOrdinary(days, startOfDay(day))) return day;
  }
  return null;
}

/**
 * The last day on which an instrument may be priced: its expiry where that is known; of a monthly contract, whose symbol does
 * not tell the day, the one by the exchange's rule, else its month's last, when it is over whatever the rule. Null for what
 * does not expire, and for a symbol of another form.
 *
 * @example
 * import { builtinCalendar, lastDayOf } from "@stratctl/sdk";
 *
 * console.log(lastDayOf(builtinCalendar(), { instrument: "NFO:NIFTY26OCT26000CE", expiry: null })); // 2026-10-27
 */
export function lastDayOf(calendar: Calendar, { instrument, expiry }: { instrument: string; expiry: string | null }): string | null {
  if (expiry !== null) return expiry;
  const known = parsed(instrument);
  if (known === null) return null;
  if (known.expiry !== null || known.month === null) return known.expiry;
  return expiryOf(calendar, known.exchange, { month: known.month }) ?? lastDayOfMonth(known.month);
}

function parsed(instrument: string): Instrument | null {
  try {
    return parseInstrument(instrument);
  } catch {
    return null;
  }
}

/** The longest closure is a long weekend; past two weeks the calendar is wrong, and the search ends. */
const CLOSURE_DAYS_MAX = 14;

/** The day by the rule that is in force on that very day: a week in which the weekday changes has one of them only. */
function nominalDay(days: ExchangeDays, dayOn: (weekday: Weekday) => string): string | undefined {
  const { expiries } = days;
  return expiries
    .map(({ weekday }) => dayOn(weekday))
    .findLast((day, place) => {
      const { from = "" } = expiries[place] ?? {};
      const until = expiries[place + 1]?.from;
      return from <= day && (until === undefined || day < until);
    });
}

function ofWeek(day: string, weekday: Weekday): string {
  return plusDays(day, daysFromMonday(weekday) - daysFromMonday(weekdayOf(day)));
}

function lastDayOfMonth(month: string): string {
  const next = new Date(startOfDay(`${month}-01`));
  next.setUTCMonth(next.getUTCMonth() + 1);
  return plusDays(dayAt(next.getTime()), -1);
}

function lastOfMonth(month: string, weekday: Weekday): string {
  const last = lastDayOfMonth(month);
  return plusDays(last, -((daysFromMonday(weekdayOf(last)) - daysFromMonday(weekday) + 7) % 7));
}
