import { DAY_MS, dayAt, MINUTE_MS, startOfDay } from "./day.ts";
import { inForce, isOrdinary, type Calendar } from "./days.ts";

export { builtinCalendar, parseCalendar, type Calendar } from "./days.ts";

/** One session of one exchange: samples are taken at open_ms ≤ t < close_ms (milliseconds since the epoch). */
export interface Session {
  readonly exchange: string;
  /** The exchange's day: `2026-02-01`. */
  readonly day: string;
  readonly open_ms: number;
  readonly close_ms: number;
  /** What makes the day special ("Union Budget", "Muhurat"); null on an ordinary day. */
  readonly special: string | null;
}

/**
 * The session of an exchange's day, or null where there is none: a holiday, a weekend, a day whose special session is
 * announced without its time, an exchange that the calendar does not have. In a year without a list of holidays every
 * weekday has one; knownDay tells.
 *
 * @throws StratctlError input_invalid: there is no such day
 * @example
 * import { builtinCalendar, sessionOn } from "@stratctl/sdk";
 *
 * const session = sessionOn(builtinCalendar(), "NFO", "2026-08-03");
 * console.log(session && new Date(session.close_ms).toISOString()); // 2026-08-03T10:10:00.000Z
 */
export function sessionOn(calendar: Calendar, exchange: string, day: string): Session | null {
  return sessionFrom(calendar, exchange, startOfDay(day));
}

/**
 * The sessions of the days from from_day to to_day, both included, ascending.
 *
 * @throws StratctlError input_invalid: there is no such day
 * @example
 * import { builtinCalendar, sessionsBetween } from "@stratctl/sdk";
 *
 * const sessions = sessionsBetween(builtinCalendar(), "NFO", { from_day: "2026-01-30", to_day: "2026-02-02" });
 * console.log(sessions.map(({ day }) => day).join(" ")); // 2026-01-30 2026-02-01 2026-02-02
 */
export function sessionsBetween(calendar: Calendar, exchange: string, range: { from_day: string; to_day: string }): Session[] {
  const sessions: Session[] = [];
  const last_ms = startOfDay(range.to_day);
  for (let at_ms = startOfDay(range.from_day); at_ms <= last_ms; at_ms += DAY_MS) {
    const session = sessionFrom(calendar, exchange, at_ms);
    if (session !== null) sessions.push(session);
  }
  return sessions;
}

/** The exchange whose hours count where nothing names one: a strategy without legs. */
export const EXCHANGE_DEFAULT = "NFO";

/**
 * One span a day over several exchanges' sessions, ascending: from the first open to the last close. What a strategy on all of
 * them can be marked in.
 */
export function daySpans(
  calendar: Calendar,
  exchanges: readonly string[],
  range: { from_day: string; to_day: string },
): { day: string; open_ms: number; close_ms: number }[] {
  const sessions = exchanges.flatMap((exchange) => sessionsBetween(calendar, exchange, range));
  const days = [...Map.groupBy(sessions, ({ day }) => day)].map(([day, ofDay]) => ({
    day,
    open_ms: Math.min(...ofDay.map(({ open_ms }) => open_ms)),
    close_ms: Math.max(...ofDay.map(({ close_ms }) => close_ms)),
  }));
  return days.toSorted((a, b) => a.open_ms - b.open_ms);
}

/**
 * The exchanges' day at an instant, whatever the zone of the machine: 18:30 UTC is midnight in India.
 *
 * @example
 * import { builtinCalendar, dayOf } from "@stratctl/sdk";
 *
 * console.log(dayOf(builtinCalendar(), Date.parse("2026-11-25T18:30:00Z"))); // 2026-11-26
 */
export function dayOf(calendar: Calendar, at_ms: number): string {
  return dayAt(at_ms + calendar.zone.offset_minutes * MINUTE_MS);
}

/**
 * The session that is open at an instant (open_ms ≤ at_ms < close_ms), or null.
 *
 * @example
 * import { builtinCalendar, openAt } from "@stratctl/sdk";
 *
 * const calendar = builtinCalendar();
 * console.log(openAt(calendar, "NFO", Date.parse("2026-07-31T15:29:59+05:30"))?.day); // 2026-07-31
 * console.log(openAt(calendar, "NFO", Date.parse("2026-07-31T15:30:00+05:30"))); // null
 */
export function openAt(calendar: Calendar, exchange: string, at_ms: number): Session | null {
  const session = sessionOn(calendar, exchange, dayOf(calendar, at_ms));
  return session !== null && session.open_ms <= at_ms && at_ms < session.close_ms ? session : null;
}

/**
 * The session that is open at an instant, else the last one before it; null where a month has none.
 *
 * @example
 * import { builtinCalendar, lastSession } from "@stratctl/sdk";
 *
 * const monday = Date.parse("2026-08-03T09:14:59+05:30");
 * console.log(lastSession(builtinCalendar(), "NFO", monday)?.day); // 2026-07-31
 */
export function lastSession(calendar: Calendar, exchange: string, at_ms: number): Session | null {
  const today_ms = startOfDay(dayOf(calendar, at_ms));
  for (let back = 0; back <= SEARCH_DAYS_MAX; back++) {
    const session = sessionFrom(calendar, exchange, today_ms - back * DAY_MS);
    if (session !== null && session.open_ms <= at_ms) return session;
  }
  return null;
}

/**
 * The first session to open after an instant; null where a month has none.
 *
 * @example
 * import { builtinCalendar, nextSession } from "@stratctl/sdk";
 *
 * const friday = Date.parse("2026-07-31T15:30:00+05:30");
 * console.log(nextSession(builtinCalendar(), "NFO", friday)?.day); // 2026-08-03
 */
export function nextSession(calendar: Calendar, exchange: string, at_ms: number): Session | null {
  const today_ms = startOfDay(dayOf(calendar, at_ms));
  for (let ahead = 0; ahead <= SEARCH_DAYS_MAX; ahead++) {
    const session = sessionFrom(calendar, exchange, today_ms + ahead * DAY_MS);
    if (session !== null && session.open_ms > at_ms) return session;
  }
  return null;
}

/**
 * Whether the calendar was told about a day. False: a year without a list of holidays, where it takes plain weekdays for
 * granted; a session announced without its time; an exchange that it does not have.
 *
 * @example
 * import { builtinCalendar, knownDay } from "@stratctl/sdk";
 *
 * console.log(knownDay(builtinCalendar(), "NFO", "2026-12-25"), knownDay(builtinCalendar(), "NFO", "2027-12-24")); // true false
 */
export function knownDay(calendar: Calendar, exchange: string, day: string): boolean {
  if (calendar.is_always_open) return true;
  const days = calendar.exchanges.get(exchange);
  if (days === undefined || days.special.get(day)?.hours === "announced") return false;
  return days.special.has(day) || days.closed.has(day) || days.traded.has(day) || days.listed_years.has(Number(day.slice(0, 4)));
}

/**
 * Until when the calendar knows an exchange's holidays, seen from a day: the end of the unbroken listed years that begin with
 * that day's. Null where its year has no list.
 *
 * @example
 * import { builtinCalendar, knownUntil } from "@stratctl/sdk";
 *
 * console.log(knownUntil(builtinCalendar(), "NFO", "2026-08-03"), knownUntil(builtinCalendar(), "NFO", "2027-01-04")); // 2026-12-31 null
 */
export function knownUntil(calendar: Calendar, exchange: string, day: string): string | null {
  const listed = calendar.exchanges.get(exchange)?.listed_years;
  let year = Number(day.slice(0, 4));
  if (!listed?.has(year)) return null;
  while (listed.has(year + 1)) year++;
  return `${year}-12-31`;
}

/**
 * Special sessions that an exchange has announced without their time: no session until a calendar gives it.
 *
 * @example
 * import { announcedDays, builtinCalendar } from "@stratctl/sdk";
 *
 * console.log(announcedDays(builtinCalendar(), "NFO")[0]?.day); // 2026-11-08
 */
export function announcedDays(calendar: Calendar, exchange: string): { day: string; name: string }[] {
  const special = [...(calendar.exchanges.get(exchange)?.special.values() ?? [])];
  return special.filter(({ hours }) => hours === "announced").map(({ day, name }) => ({ day, name }));
}

/** Exchanges close for a long weekend at most; past a month the calendar is wrong, and the search ends. */
const SEARCH_DAYS_MAX = 31;

/** The session of a day, given by its start as if it were UTC's. */
function sessionFrom(calendar: Calendar, exchange: string, start_ms: number): Session | null {
  const day = dayAt(start_ms);
  const midnight_ms = start_ms - calendar.zone.offset_minutes * MINUTE_MS;
  if (calendar.is_always_open) return { exchange, day, open_ms: midnight_ms, close_ms: midnight_ms + DAY_MS, special: null };
  const days = calendar.exchanges.get(exchange);
  if (days === undefined) return null;
  const special = days.special.get(day);
  if (special === undefined && !isOrdinary(days, start_ms)) return null;
  const hours = special === undefined || special.hours === "ordinary" ? inForce(days.hours, day) : special.hours;
  if (hours === undefined || hours === "announced") return null;
  return {
    exchange,
    day,
    open_ms: midnight_ms + minutesOf(hours.open) * MINUTE_MS,
    close_ms: midnight_ms + minutesOf(hours.close) * MINUTE_MS,
    special: special?.name ?? null,
  };
}

function minutesOf(clock: string): number {
  return Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3));
}
