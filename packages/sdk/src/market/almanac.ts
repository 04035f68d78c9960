import { knownDay, sessionOn, type Session } from "./calendar.ts";
import { DAY_MS, dayAt, plusDays, startOfDay, weekdayOf, type Weekday } from "./day.ts";
import type { Calendar } from "./days.ts";
import { expiryOf } from "./expiry.ts";

/** What a calendar says of one day of one exchange. */
export interface AlmanacDay {
  readonly exchange: string;
  readonly day: string;
  readonly weekday: Weekday;
  /**
   * `session`: an ordinary one; `special`: one at other hours, or on a day that else has none; `holiday`; `weekend`; `announced`:
   * a special session without its time, so that there is none; `unknown`: the calendar does not have the exchange.
   */
  readonly state: "session" | "special" | "holiday" | "weekend" | "announced" | "unknown";
  /** Null where there is none. */
  readonly session: Session | null;
  /** Of a holiday or a special session; null where nobody named it. */
  readonly name: string | null;
  /** What expires by the exchange's rule; null where nothing does, or no rule is known. */
  readonly expires: "weekly" | "monthly" | null;
  /** False where the calendar takes a weekday for granted, or lacks the time of a session. */
  readonly is_known: boolean;
}

/**
 * The days from from_day to to_day, both included, ascending.
 *
 * @throws StratctlError input_invalid: there is no such day
 * @example
 * import { almanac, builtinCalendar } from "@stratctl/sdk";
 *
 * const days = almanac(builtinCalendar(), "NFO", { from_day: "2026-11-23", to_day: "2026-11-24" });
 * console.log(days.map(({ day, state, expires }) => `${day} ${state} ${expires}`)); // [ '2026-11-23 session monthly', '2026-11-24 holiday null' ]
 */
export function almanac(calendar: Calendar, exchange: string, range: { from_day: string; to_day: string }): AlmanacDay[] {
  const days: AlmanacDay[] = [];
  const last_ms = startOfDay(range.to_day);
  for (let at_ms = startOfDay(range.from_day); at_ms <= last_ms; at_ms += DAY_MS) days.push(dayOfAlmanac(calendar, exchange, dayAt(at_ms)));
  return days;
}

function dayOfAlmanac(calendar: Calendar, exchange: string, day: string): AlmanacDay {
  const days = calendar.exchanges.get(exchange);
  const session = sessionOn(calendar, exchange, day);
  const weekday = weekdayOf(day);
  const special = days?.special.get(day);
  return {
    exchange,
    day,
    weekday,
    state: stateOf({ session, weekday, is_exchange: days !== undefined, is_announced: special?.hours === "announced" }),
    session,
    name: special?.name ?? days?.closed.get(day) ?? null,
    expires: expiresOn(calendar, exchange, day),
    is_known: knownDay(calendar, exchange, day),
  };
}

function stateOf({
  session,
  weekday,
  is_exchange,
  is_announced,
}: {
  session: Session | null;
  weekday: Weekday;
  is_exchange: boolean;
  is_announced: boolean;
}): AlmanacDay["state"] {
  if (session !== null) return session.special === null ? "session" : "special";
  if (!is_exchange) return "unknown";
  if (is_announced) return "announced";
  return weekday === "saturday" || weekday === "sunday" ? "weekend" : "holiday";
}

/** An expiry may have moved out of its own week or month, to a day before. */
function expiresOn(calendar: Calendar, exchange: string, day: string): AlmanacDay["expires"] {
  const later = plusDays(day, 7);
  const months = [...new Set([day.slice(0, 7), later.slice(0, 7)])];
  if (months.some((month) => expiryOf(calendar, exchange, { month }) === day)) return "monthly";
  return [day, later].some((week_of) => expiryOf(calendar, exchange, { week_of }) === day) ? "weekly" : null;
}
