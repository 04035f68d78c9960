import { z } from "zod";
import { StratctlError } from "../errors.ts";
import { Day } from "../model/instant.ts";
import builtin from "./calendar.json" with { type: "json" };
import { dayAt, WEEKDAYS, weekdayAt } from "./day.ts";

/** Days and hours of exchanges, as parseCalendar made it: what every question in calendar.ts takes first. */
export interface Calendar {
  readonly zone: Zone;
  readonly exchanges: ReadonlyMap<string, ExchangeDays>;
  /** Every exchange is open on every day from midnight to midnight, whatever the lists say: alwaysOpen made it. */
  readonly is_always_open: boolean;
}

/**
 * The calendar that comes with stratctl: three lists of days, one for NSE, BSE, NFO and BFO, one for MCX with the mornings and
 * evenings that it opens on others' holidays, one for CDS and BCD. Hours, holidays and weekdays of expiry are dated data
 * (calendar.json), from the exchanges' circulars; what MCX's evening owes to daylight saving in the United States too.
 *
 * @example
 * import { builtinCalendar, knownUntil } from "@stratctl/sdk";
 *
 * console.log(knownUntil(builtinCalendar(), "NFO", "2026-08-03")); // 2026-12-31
 */
export function builtinCalendar(): Calendar {
  return (parsed ??= parseCalendar(builtin));
}
let parsed: Calendar | undefined;

/** The data that builtinCalendar is made of. */
export function builtinData(): CalendarData {
  return CalendarData.parse(builtin);
}

/**
 * The same calendar for a market that never closes: every day is a session of every exchange, from midnight to midnight of the
 * calendar's zone, and nothing is unknown. Expiries stay.
 *
 * @example
 * import { alwaysOpen, builtinCalendar, openAt } from "@stratctl/sdk";
 *
 * const sunday = Date.parse("2026-08-02T03:00:00+05:30");
 * console.log(openAt(alwaysOpen(builtinCalendar()), "NFO", sunday)?.day); // 2026-08-02
 */
export function alwaysOpen(calendar: Calendar): Calendar {
  return { ...calendar, is_always_open: true };
}

/**
 * A calendar from data of calendar.json's form.
 *
 * @throws StratctlError input_invalid: names the first thing that is wrong and lists all in `details.issues`
 * @example
 * import { parseCalendar, sessionOn } from "@stratctl/sdk";
 *
 * const calendar = parseCalendar({
 *   zone: { name: "Asia/Kolkata", offset_minutes: 330 },
 *   days: { mine: { listed_years: [], closed: [], special: [], traded: [] } },
 *   exchanges: { NFO: { days: "mine", hours: [{ open: "09:15", close: "15:30" }], expiries: [] } },
 * });
 * console.log(sessionOn(calendar, "NFO", "2026-08-03")?.day); // 2026-08-03
 */
export function parseCalendar(data: unknown): Calendar {
  const result = CalendarData.safeParse(data);
  if (result.success) return calendarOf(result.data);
  const issues = result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new StratctlError("input_invalid", `calendar: ${issues[0] ?? "is not a calendar"}`, { details: { issues } });
}

export function calendarOf(data: CalendarData): Calendar {
  return { zone: data.zone, exchanges: indexed(data), is_always_open: false };
}

/** True on a weekday that is no holiday, as far as the calendar knows. The day is given by its start as if it were UTC's. */
export function isOrdinary(days: ExchangeDays, start_ms: number): boolean {
  const weekday = weekdayAt(start_ms);
  return weekday !== "saturday" && weekday !== "sunday" && !days.closed.has(dayAt(start_ms));
}

/** The entry in force on a day; a first entry without `from` holds for all time before the second. */
export function inForce<Dated extends { readonly from?: string | undefined }>(entries: readonly Dated[], day: string): Dated | undefined {
  return entries.findLast(({ from }) => from === undefined || from <= day);
}

/** A fixed offset: India has kept UTC+5:30 since 1945. An exchange with a daylight saving time would need more. */
const Zone = z.strictObject({ name: z.string(), offset_minutes: z.int().min(-840).max(840) });
type Zone = z.infer<typeof Zone>;

const TIME = /^([01]\d|2[0-3]):[0-5]\d$/;
const Clock = z.string().regex(TIME, { error: "is not a time like 09:15" });
/** What is no time has its own fault. */
const opensFirst = ({ open, close }: { open: string; close: string }): boolean => open < close || !TIME.test(open) || !TIME.test(close);
const OPENS_FIRST = { error: "closes before it opens" };
export const Hours = z.strictObject({ open: Clock, close: Clock }).refine(opensFirst, OPENS_FIRST);
export const DatedHours = z.strictObject({ from: Day.optional(), open: Clock, close: Clock }).refine(opensFirst, OPENS_FIRST);
export const Expiry = z.strictObject({ from: Day.optional(), weekday: z.enum(WEEKDAYS) });

export const Special = z.strictObject({
  day: Day,
  name: z.string().min(1),
  /** The exchange's hours of that time; hours of its own; or announced, with the time to follow by circular. */
  hours: z.union([z.enum(["ordinary", "announced"]), Hours], {
    error: 'is neither "ordinary" nor "announced" nor { "open": "18:00", "close": "19:00" }, opening first',
  }),
});

export const DayList = z.strictObject({
  /** Years whose holidays are all in `closed`. */
  listed_years: z.array(z.int().min(1990).max(9998)),
  closed: z.array(z.strictObject({ day: Day, name: z.string().optional() })),
  /** Sessions on a weekend, on a holiday (Muhurat) or at other hours. */
  special: z.array(Special),
  /** Ordinary sessions that were held, of years without a list. */
  traded: z.array(Day),
});

const ascending = (entries: readonly { from?: string | undefined }[]): boolean =>
  entries.every(({ from }, place) => place === 0 || (from !== undefined && from > (entries[place - 1]?.from ?? "")));
const ASCENDING = { error: "is not in the order of `from`" };

const ExchangeData = z.strictObject({
  /** The name of a list in `days`. */
  days: z.string(),
  hours: z.array(DatedHours).min(1).refine(ascending, ASCENDING),
  /** The weekday on which derivatives expire. */
  expiries: z.array(Expiry).refine(ascending, ASCENDING),
});

export const CalendarData = z
  .strictObject({ zone: Zone, days: z.record(z.string(), DayList), exchanges: z.record(z.string(), ExchangeData) })
  .refine(({ days, exchanges }) => Object.values(exchanges).every((exchange) => Object.hasOwn(days, exchange.days)), {
    error: "names a list of days that is not there",
    path: ["exchanges"],
  });

export type CalendarData = z.infer<typeof CalendarData>;

export interface ExchangeDays {
  readonly listed_years: ReadonlySet<number>;
  /** Holidays, each with what it is called; null where nobody said. */
  readonly closed: ReadonlyMap<string, string | null>;
  readonly special: ReadonlyMap<string, z.infer<typeof Special>>;
  readonly traded: ReadonlySet<string>;
  readonly hours: readonly z.infer<typeof DatedHours>[];
  readonly expiries: readonly z.infer<typeof Expiry>[];
}

function indexed(data: CalendarData): Map<string, ExchangeDays> {
  const lists = new Map(
    Object.entries(data.days).map(([name, { listed_years, closed, special, traded }]) => [
      name,
      {
        listed_years: new Set(listed_years),
        closed: new Map(closed.map((holiday) => [holiday.day, holiday.name ?? null])),
        special: new Map(special.map((entry) => [entry.day, entry])),
        traded: new Set(traded),
      },
    ]),
  );
  const exchanges = new Map<string, ExchangeDays>();
  for (const [exchange, { days, hours, expiries }] of Object.entries(data.exchanges)) {
    const list = lists.get(days);
    if (list !== undefined) exchanges.set(exchange, { ...list, hours, expiries });
  }
  return exchanges;
}
