import { announcedDays, dayOf, knownUntil } from "./calendar.ts";
import { DAY_MS, startOfDay } from "./day.ts";
import type { Calendar } from "./days.ts";

/** Something that the calendar does not know, or soon will not. */
export interface CalendarWarning {
  readonly exchange: string;
  /**
   * `exchange_unknown`: it has no hours of it; `year_unlisted`: nor the holidays of this year; `list_ends`: the holidays that it
   * knows end within 30 days; `time_unknown`: a special session within 30 days is announced without its time.
   */
  readonly kind: "exchange_unknown" | "year_unlisted" | "list_ends" | "time_unknown";
  /** The last known day of `list_ends`, the day of the session of `time_unknown`; null of the others. */
  readonly day: string | null;
  /** One line for a reader. */
  readonly text: string;
}

/** How long before it matters it is said: a circular and a file are found by then. */
const WARNING_DAYS = 30;

/**
 * What whoever runs a daemon at an instant (milliseconds since the epoch) must be told of the days ahead, an exchange after the
 * other; nothing where all is known.
 *
 * @example
 * import { builtinCalendar, calendarWarnings } from "@stratctl/sdk";
 *
 * const [warning] = calendarWarnings(builtinCalendar(), ["NFO"], Date.parse("2026-12-01T09:00:00+05:30"));
 * console.log(warning?.kind, warning?.day); // list_ends 2026-12-31
 */
export function calendarWarnings(calendar: Calendar, exchanges: readonly string[], at_ms: number): CalendarWarning[] {
  if (calendar.is_always_open) return [];
  const today = dayOf(calendar, at_ms);
  return exchanges.flatMap((exchange) => [...listWarning(calendar, exchange, today), ...timeWarnings(calendar, exchange, today)]);
}

function listWarning(calendar: Calendar, exchange: string, today: string): CalendarWarning[] {
  if (!calendar.exchanges.has(exchange))
    return [{ exchange, kind: "exchange_unknown", day: null, text: `legs on ${exchange} are never marked` }];
  const until = knownUntil(calendar, exchange, today);
  if (until === null) {
    const text = `${exchange} has no list of holidays for ${today.slice(0, 4)}: every weekday is taken for a session`;
    return [{ exchange, kind: "year_unlisted", day: null, text }];
  }
  if (!isNear(until, today)) return [];
  const text = `the holidays of ${exchange} are known until ${until}; after it every weekday is taken for a session`;
  return [{ exchange, kind: "list_ends", day: until, text }];
}

function timeWarnings(calendar: Calendar, exchange: string, today: string): CalendarWarning[] {
  const near = announcedDays(calendar, exchange).filter(({ day }) => isNear(day, today));
  return near.map(({ day, name }) => ({
    exchange,
    kind: "time_unknown",
    day,
    text: `the time of ${name} on ${day} at ${exchange} is not known: no session until a calendar file gives it`,
  }));
}

function isNear(day: string, today: string): boolean {
  const ahead_ms = startOfDay(day) - startOfDay(today);
  return ahead_ms >= 0 && ahead_ms <= WARNING_DAYS * DAY_MS;
}
