import { z } from "zod";
import { StratctlError } from "../errors.ts";
import { Day } from "../model/instant.ts";
import builtin from "./calendar.json" with { type: "json" };

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

/** Days and hours of exchanges, as parseCalendar made it. */
export interface Calendar {
  readonly zone: Zone;
  readonly exchanges: ReadonlyMap<string, ExchangeDays>;
}

/**
 * The calendar that comes with stratctl: NSE, BSE, NFO and BFO with the holidays of the years in its list, MCX and CDS with
 * their hours only. Hours and days are dated data (calendar.json), collected from the exchanges' circulars.
 *
 * @example
 * import { builtinCalendar, session } from "@stratctl/sdk";
 *
 * const today = session(builtinCalendar(), "NFO", "2026-08-03");
 * console.log(today && new Date(today.close_ms).toISOString()); // 2026-08-03T10:10:00.000Z
 */
export function builtinCalendar(): Calendar {
  return (parsed ??= parseCalendar(builtin));
}
let parsed: Calendar | undefined;

/**
 * A calendar from data of calendar.json's form.
 *
 * @throws StratctlError input_invalid: names the first thing that is wrong and lists all in `details.issues`
 */
export function parseCalendar(data: unknown): Calendar {
  const result = CalendarData.safeParse(data);
  if (result.success) return { zone: result.data.zone, exchanges: indexed(result.data) };
  const issues = result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new StratctlError("input_invalid", `calendar: ${issues[0] ?? "is not a calendar"}`, { details: { issues } });
}

/**
 * The session of an exchange's day, or null where there is none: a holiday, a weekend, a day whose special session is
 * announced without its time, an exchange that the calendar does not have. In a year without a list of holidays every
 * weekday has one; knownDay tells.
 */
export function session(calendar: Calendar, exchange: string, day: string): Session | null {
  const days = calendar.exchanges.get(exchange);
  if (days === undefined) return null;
  const special = days.special.get(day);
  if (special === undefined && !ordinary(days, day)) return null;
  const hours = special === undefined || special.hours === "ordinary" ? hoursOn(days, day) : special.hours;
  if (hours === "announced") return null;
  const midnight_ms = startOf(day) - calendar.zone.offset_minutes * MINUTE_MS;
  return {
    exchange,
    day,
    open_ms: midnight_ms + minutesOf(hours.open) * MINUTE_MS,
    close_ms: midnight_ms + minutesOf(hours.close) * MINUTE_MS,
    special: special?.name ?? null,
  };
}

/** The sessions of the days from from_day to to_day, both included, ascending. */
export function sessionsBetween(calendar: Calendar, exchange: string, range: { from_day: string; to_day: string }): Session[] {
  const sessions: Session[] = [];
  for (let day = range.from_day; day <= range.to_day; day = plusDays(day, 1)) {
    const found = session(calendar, exchange, day);
    if (found !== null) sessions.push(found);
  }
  return sessions;
}

/**
 * The exchange's day at an instant, whatever the zone of the machine: 18:30Z is midnight in India. India has kept UTC+5:30
 * since 1945, so the zone is an offset; an exchange with a daylight saving time would need more.
 */
export function dayOf(calendar: Calendar, at_ms: number): string {
  return dayAt(at_ms + calendar.zone.offset_minutes * MINUTE_MS);
}

/** The session that is open at an instant (open_ms ≤ at_ms < close_ms), or null. */
export function openAt(calendar: Calendar, exchange: string, at_ms: number): Session | null {
  const found = session(calendar, exchange, dayOf(calendar, at_ms));
  return found !== null && found.open_ms <= at_ms && at_ms < found.close_ms ? found : null;
}

/** The session that is open at an instant or was the last to begin before it; null where a month has none. */
export function lastSession(calendar: Calendar, exchange: string, at_ms: number): Session | null {
  const today = dayOf(calendar, at_ms);
  for (let back = 0; back <= SEARCH_DAYS_MAX; back++) {
    const found = session(calendar, exchange, plusDays(today, -back));
    if (found !== null && found.open_ms <= at_ms) return found;
  }
  return null;
}

/** The first session to open after an instant; null where a month has none. */
export function nextSession(calendar: Calendar, exchange: string, at_ms: number): Session | null {
  const today = dayOf(calendar, at_ms);
  for (let ahead = 0; ahead <= SEARCH_DAYS_MAX; ahead++) {
    const found = session(calendar, exchange, plusDays(today, ahead));
    if (found !== null && found.open_ms > at_ms) return found;
  }
  return null;
}

/** Whether the calendar was told about a day, or (false) only assumes that weekdays trade. */
export function knownDay(calendar: Calendar, exchange: string, day: string): boolean {
  const days = calendar.exchanges.get(exchange);
  if (days === undefined || days.special.get(day)?.hours === "announced") return false;
  return days.special.has(day) || days.closed.has(day) || days.traded.has(day) || days.listed_years.has(Number(day.slice(0, 4)));
}

/**
 * Until when the calendar knows an exchange's holidays, seen from a day: the end of the unbroken listed years that begin with
 * that day's (`2026-12-31`). Null where its year has no list: plain weekdays are assumed.
 */
export function knownUntil(calendar: Calendar, exchange: string, day: string): string | null {
  const listed = calendar.exchanges.get(exchange)?.listed_years;
  let year = Number(day.slice(0, 4));
  if (!listed?.has(year)) return null;
  while (listed.has(year + 1)) year++;
  return `${year}-12-31`;
}

/** Special sessions that the exchange has announced without their time: no session until a calendar gives it. */
export function announcedDays(calendar: Calendar, exchange: string): { day: string; name: string }[] {
  const special = [...(calendar.exchanges.get(exchange)?.special.values() ?? [])];
  return special.filter(({ hours }) => hours === "announced").map(({ day, name }) => ({ day, name }));
}

/**
 * The day on which the contracts of a week (Monday to Sunday, named by any day of it) or of a month (its last) expire: the
 * exchange's weekday in force then, or on a holiday the trading day before. Null where no rule is known for that time.
 * NSE: Thursday up to 2025-08-28, Tuesday since; BSE: Thursday since then. Of indices that once had a weekday of their own
 * (FINNIFTY, BANKNIFTY weeklies) the symbol or the dump tells. A special session on a holiday is no trading day here.
 */
export function expiryOf(calendar: Calendar, exchange: string, contract: { week_of: string } | { month: string }): string | null {
  const days = calendar.exchanges.get(exchange);
  if (days === undefined) return null;
  const nominal = days.expiries
    .map(({ weekday }) => ("month" in contract ? lastOfMonth(contract.month, weekday) : ofWeek(contract.week_of, weekday)))
    .findLast((day, rule) => ruleOn(days, day) === rule);
  if (nominal === undefined) return null;
  for (let back = 0; back <= SEARCH_DAYS_MAX; back++) {
    const day = plusDays(nominal, -back);
    if (ordinary(days, day)) return day;
  }
  return null;
}

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
/** The longest closure is a long weekend; past a month the calendar is wrong, and a search should end. */
const SEARCH_DAYS_MAX = 31;

const WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"] as const;
type Weekday = (typeof WEEKDAYS)[number];

const Clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, { error: "is not a time like 09:15" });
const Hours = z.strictObject({ open: Clock, close: Clock }).refine(({ open, close }) => open < close, { error: "closes before it opens" });
type Hours = z.infer<typeof Hours>;

const Zone = z.strictObject({ name: z.string(), offset_minutes: z.int().min(-840).max(840) });
type Zone = z.infer<typeof Zone>;

const Special = z.strictObject({ day: Day, name: z.string().min(1), hours: z.union([z.enum(["ordinary", "announced"]), Hours]) });
type Special = z.infer<typeof Special>;

const DayList = z.strictObject({
  /** Years whose holidays are all in `closed`. */
  listed_years: z.array(z.int().min(1990).max(9998)),
  closed: z.array(z.strictObject({ day: Day, name: z.string().optional() })),
  /** Sessions on a weekend, on a holiday or at other hours; the day may be closed otherwise. */
  special: z.array(Special),
  /** Ordinary sessions known to have been held, of years without a list. */
  traded: z.array(Day),
});

const From = z.strictObject({ from: Day.optional() });
/** The first may leave `from` out: it holds for all time before the second. */
const ascending = (entries: readonly z.infer<typeof From>[]): boolean =>
  entries.every(({ from }, place) => place === 0 || (from !== undefined && from > (entries[place - 1]?.from ?? "")));
const ASCENDING = { error: "is not in the order of `from`" };

const DatedHours = z.strictObject({ from: Day.optional(), open: Clock, close: Clock });
const Expiry = z.strictObject({ from: Day.optional(), weekday: z.enum(WEEKDAYS) });

const CalendarData = z
  .strictObject({
    zone: Zone,
    days: z.record(z.string(), DayList),
    exchanges: z.record(
      z.string(),
      z.strictObject({
        days: z.string(),
        hours: z.array(DatedHours).min(1).refine(ascending, ASCENDING),
        expiries: z.array(Expiry).refine(ascending, ASCENDING),
      }),
    ),
  })
  .refine(({ days, exchanges }) => Object.values(exchanges).every((exchange) => Object.hasOwn(days, exchange.days)), {
    error: "names a list of days that is not there",
    path: ["exchanges"],
  });

interface ExchangeDays {
  readonly listed_years: ReadonlySet<number>;
  readonly closed: ReadonlySet<string>;
  readonly special: ReadonlyMap<string, Special>;
  readonly traded: ReadonlySet<string>;
  readonly hours: readonly z.infer<typeof DatedHours>[];
  readonly expiries: readonly z.infer<typeof Expiry>[];
}

function indexed(data: z.infer<typeof CalendarData>): Map<string, ExchangeDays> {
  const exchanges = new Map<string, ExchangeDays>();
  for (const [exchange, { days, hours, expiries }] of Object.entries(data.exchanges)) {
    const list = data.days[days];
    if (list === undefined) continue; // refused above
    exchanges.set(exchange, {
      listed_years: new Set(list.listed_years),
      closed: new Set(list.closed.map(({ day }) => day)),
      special: new Map(list.special.map((special) => [special.day, special])),
      traded: new Set(list.traded),
      hours,
      expiries,
    });
  }
  return exchanges;
}

function ordinary(days: ExchangeDays, day: string): boolean {
  const weekday = weekdayOf(day);
  return weekday !== "saturday" && weekday !== "sunday" && !days.closed.has(day);
}

function hoursOn(days: ExchangeDays, day: string): Hours {
  const found = days.hours.findLast(({ from }) => from === undefined || from <= day) ?? days.hours[0];
  if (found === undefined) throw new StratctlError("internal", "calendar: an exchange without hours");
  return found;
}

function ruleOn(days: ExchangeDays, day: string): number {
  return days.expiries.findLastIndex(({ from }) => from === undefined || from <= day);
}

function ofWeek(day: string, weekday: Weekday): string {
  const monday = plusDays(day, -((WEEKDAYS.indexOf(weekdayOf(day)) + 6) % 7));
  return plusDays(monday, (WEEKDAYS.indexOf(weekday) + 6) % 7);
}

function lastOfMonth(month: string, weekday: Weekday): string {
  const [year, number] = month.split("-").map(Number);
  const last = dayAt(Date.UTC(year ?? Number.NaN, number ?? Number.NaN, 0));
  return plusDays(last, -((WEEKDAYS.indexOf(weekdayOf(last)) - WEEKDAYS.indexOf(weekday) + 7) % 7));
}

function weekdayOf(day: string): Weekday {
  return WEEKDAYS[new Date(startOf(day)).getUTCDay()] ?? "sunday";
}

function plusDays(day: string, count: number): string {
  return dayAt(startOf(day) + count * DAY_MS);
}

/** Midnight of a day as if it were UTC's. */
function startOf(day: string): number {
  const start_ms = Date.parse(`${day}T00:00:00Z`);
  if (Number.isNaN(start_ms)) throw new StratctlError("input_invalid", `${JSON.stringify(day)} is not a day; write it like 2025-07-31`);
  return start_ms;
}

function dayAt(start_ms: number): string {
  return new Date(start_ms).toISOString().slice(0, 10);
}

function minutesOf(clock: string): number {
  return Number(clock.slice(0, 2)) * 60 + Number(clock.slice(3));
}
