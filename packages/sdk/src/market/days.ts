import { z } from "zod";
import { StratctlError } from "../errors.ts";
import { Day } from "../model/instant.ts";
import builtin from "./calendar.json" with { type: "json" };
import { dayAt, WEEKDAYS, weekdayAt } from "./day.ts";

/** Days and hours of exchanges, as parseCalendar made it: what every question in calendar.ts takes first. */
export interface Calendar {
  readonly zone: Zone;
  readonly exchanges: ReadonlyMap<string, ExchangeDays>;
}

/**
 * The calendar that comes with stratctl: NSE, BSE, NFO and BFO with the holidays of the years in its list; MCX and CDS with
 * their hours and no list. Hours, holidays and weekdays of expiry are dated data (calendar.json), from the exchanges'
 * circulars.
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
  if (result.success) return { zone: result.data.zone, exchanges: indexed(result.data) };
  const issues = result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new StratctlError("input_invalid", `calendar: ${issues[0] ?? "is not a calendar"}`, { details: { issues } });
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

const Clock = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, { error: "is not a time like 09:15" });
const opensFirst = ({ open, close }: { open: string; close: string }): boolean => open < close;
const OPENS_FIRST = { error: "closes before it opens" };
const Hours = z.strictObject({ open: Clock, close: Clock }).refine(opensFirst, OPENS_FIRST);
const DatedHours = z.strictObject({ from: Day.optional(), open: Clock, close: Clock }).refine(opensFirst, OPENS_FIRST);
const Expiry = z.strictObject({ from: Day.optional(), weekday: z.enum(WEEKDAYS) });

const Special = z.strictObject({
  day: Day,
  name: z.string().min(1),
  /** The exchange's hours of that time; hours of its own; or announced, with the time to follow by circular. */
  hours: z.union([z.enum(["ordinary", "announced"]), Hours]),
});

const DayList = z.strictObject({
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

const CalendarData = z
  .strictObject({ zone: Zone, days: z.record(z.string(), DayList), exchanges: z.record(z.string(), ExchangeData) })
  .refine(({ days, exchanges }) => Object.values(exchanges).every((exchange) => Object.hasOwn(days, exchange.days)), {
    error: "names a list of days that is not there",
    path: ["exchanges"],
  });

export interface ExchangeDays {
  readonly listed_years: ReadonlySet<number>;
  readonly closed: ReadonlySet<string>;
  readonly special: ReadonlyMap<string, z.infer<typeof Special>>;
  readonly traded: ReadonlySet<string>;
  readonly hours: readonly z.infer<typeof DatedHours>[];
  readonly expiries: readonly z.infer<typeof Expiry>[];
}

function indexed(data: z.infer<typeof CalendarData>): Map<string, ExchangeDays> {
  const lists = new Map(
    Object.entries(data.days).map(([name, { listed_years, closed, special, traded }]) => [
      name,
      {
        listed_years: new Set(listed_years),
        closed: new Set(closed.map(({ day }) => day)),
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
