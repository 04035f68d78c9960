import { z } from "zod";
import { StratctlError } from "../errors.ts";
import { weekdayOf } from "./day.ts";
import { builtinData, calendarOf, type CalendarData, DatedHours, DayList, Expiry, type Calendar } from "./days.ts";
import { EXCHANGES } from "./instrument.ts";

/** What a file may say, each part over the built-in calendar's: docs/calendar.md has it with an example. */
const CalendarFile = z.strictObject({
  days: z.record(z.string(), DayList.partial()).default({}),
  exchanges: z
    .partialRecord(
      z.enum(EXCHANGES),
      z.strictObject({
        days: z.string().optional(),
        hours: z.array(DatedHours).optional(),
        expiries: z.array(Expiry).optional(),
      }),
    )
    .default({}),
});
type CalendarFile = z.infer<typeof CalendarFile>;
type DaysOfFile = z.infer<ReturnType<typeof DayList.partial>>;

/** The fields that there are, by what they are in: for a word that is none of them. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  "": ["days", "exchanges"],
  days: ["listed_years", "closed", "special", "traded"],
  exchanges: ["days", "hours", "expiries"],
  closed: ["day", "name"],
  special: ["day", "name", "hours"],
  hours: ["from", "open", "close"],
  expiries: ["from", "weekday"],
};

/**
 * The built-in calendar with a user's file over it. A day of the file takes the place of whatever the built-in list said of that
 * day; years, hours and weekdays of expiry are added, and those of the same `from` replaced.
 *
 * @param text the file, JSON
 * @throws StratctlError input_invalid: names the first fault and lists all in `details.issues`
 * @example
 * import { calendarFrom, sessionOn } from "@stratctl/sdk";
 *
 * const special = [{ day: "2026-11-08", name: "Muhurat", hours: { open: "18:00", close: "19:00" } }];
 * const calendar = calendarFrom(JSON.stringify({ days: { equity: { special } } }));
 * console.log(sessionOn(calendar, "NFO", "2026-11-08")?.special); // Muhurat
 */
export function calendarFrom(text: string): Calendar {
  const { data, faults } = readFile(text);
  if (data !== null) return calendarOf(data);
  throw new StratctlError("input_invalid", faults[0] ?? "is not a calendar", { details: { issues: faults } });
}

/** All that is wrong with a calendar file, a line a fault that begins with its place; nothing where it can be used. */
export function calendarFaults(text: string): readonly string[] {
  return readFile(text).faults;
}

function readFile(text: string): { data: CalendarData | null; faults: readonly string[] } {
  const json = parseJson(text);
  if (typeof json === "string") return { data: null, faults: [json] };
  const file = CalendarFile.safeParse(json.value, { reportInput: true });
  if (!file.success) return { data: null, faults: file.error.issues.flatMap(linesOf) };
  const builtin = builtinData();
  const data = mergedData(builtin, file.data);
  const faults = [...listFaults(file.data, builtin), ...yearFaults(file.data, data)];
  return { data: faults.length === 0 ? data : null, faults };
}

function parseJson(text: string): { value: unknown } | string {
  try {
    return { value: JSON.parse(text.replace(/^\uFEFF/, "")) };
  } catch (cause) {
    const said = cause instanceof Error ? cause.message : "";
    const place = /\(line (\d+) column (\d+)\)/.exec(said);
    return place === null ? "the file is not JSON: it ends too early" : `line ${place[1]}, column ${place[2]}: is not JSON`;
  }
}

function mergedData(builtin: CalendarData, file: CalendarFile): CalendarData {
  const days = Object.fromEntries(Object.entries(file.days).map(([name, list]) => [name, mergedDays(builtin.days[name], list)]));
  const exchanges = Object.fromEntries(
    Object.entries(builtin.exchanges).map(([exchange, before]) => {
      const given = EXCHANGES.find((known) => known === exchange);
      const own = given === undefined ? undefined : file.exchanges[given];
      if (own === undefined) return [exchange, before];
      const hours = mergedByDate(before.hours, own.hours ?? []);
      return [exchange, { days: own.days ?? before.days, hours, expiries: mergedByDate(before.expiries, own.expiries ?? []) }];
    }),
  );
  return { zone: builtin.zone, days: { ...builtin.days, ...days }, exchanges };
}

function mergedDays(before: z.infer<typeof DayList> | undefined, file: DaysOfFile): z.infer<typeof DayList> {
  const { listed_years = [], closed = [], special = [], traded = [] } = file;
  const [of_closed, of_special, of_traded] = [closed, special, traded.map((day) => ({ day }))].map(
    (entries: readonly { day: string }[]) => new Set(entries.map(({ day }) => day)),
  );
  const stays = (day: string, ...sets: (ReadonlySet<string> | undefined)[]): boolean => sets.every((set) => set?.has(day) !== true);
  return {
    listed_years: [...new Set([...(before?.listed_years ?? []), ...listed_years])],
    // A special session may be held on a holiday, so it leaves one there.
    closed: [...(before?.closed ?? []).filter(({ day }) => stays(day, of_closed, of_traded)), ...closed],
    special: [...(before?.special ?? []).filter(({ day }) => stays(day, of_closed, of_special, of_traded)), ...special],
    traded: [...(before?.traded ?? []).filter((day) => stays(day, of_closed, of_traded)), ...traded],
  };
}

function mergedByDate<Dated extends { from?: string | undefined }>(before: readonly Dated[], file: readonly Dated[]): Dated[] {
  const kept = before.filter(({ from }) => file.every((entry) => entry.from !== from));
  return [...kept, ...file].toSorted((a, b) => ((a.from ?? "") < (b.from ?? "") ? -1 : 1));
}

/** What no schema sees: the same thing told twice, or as two things; a list that is not there, or that nobody uses. */
function listFaults({ days, exchanges }: CalendarFile, builtin: CalendarData): string[] {
  const used = new Set([...Object.values(builtin.exchanges), ...Object.values(exchanges)].map((exchange) => exchange.days));
  const names = [...new Set([...Object.keys(builtin.days), ...Object.keys(days)])];
  return [
    ...Object.entries(days).flatMap(([name, list]) => [
      ...(used.has(name) ? [] : [`days.${name}: no exchange uses it; there are ${Object.keys(builtin.days).join(", ")}`]),
      ...dayFaults(`days.${name}`, list),
    ]),
    ...Object.entries(exchanges).flatMap(([exchange, { days: name, hours = [], expiries = [] }]) => [
      ...(name === undefined || names.includes(name)
        ? []
        : [`exchanges.${exchange}.days: ${JSON.stringify(name)} is no list; there are ${names.join(", ")}`]),
      ...twiceFaults(`exchanges.${exchange}.hours`, hours.map(fromText)),
      ...twiceFaults(`exchanges.${exchange}.expiries`, expiries.map(fromText)),
    ]),
  ];
}

function fromText({ from }: { from?: string | undefined }): string {
  return from === undefined ? "one without from" : `from ${from}`;
}

function dayFaults(at: string, { closed = [], special = [], traded = [] }: DaysOfFile): string[] {
  const lists = { closed: closed.map(({ day }) => day), special: special.map(({ day }) => day), traded };
  const twice = Object.entries(lists).flatMap(([list, all]) => twiceFaults(`${at}.${list}`, all));
  const both = traded.flatMap((day, place) => {
    const entry = `${at}.traded.${place}: ${day}`;
    if (lists.closed.includes(day)) return [`${entry} is also in closed`];
    if (lists.special.includes(day)) return [`${entry} is also in special`];
    const weekday = weekdayOf(day);
    return weekday === "saturday" || weekday === "sunday" ? [`${entry} is on a weekend: such a session belongs in special`] : [];
  });
  return [...twice, ...both];
}

function twiceFaults(at: string, entries: readonly string[]): string[] {
  return entries.flatMap((entry, place) => (entries.indexOf(entry) < place ? [`${at}.${place}: ${entry} is there already`] : []));
}

/** A year is listed by its holidays: without one it was forgotten to list them. */
function yearFaults(file: CalendarFile, merged: CalendarData): string[] {
  return Object.entries(file.days).flatMap(([name, { listed_years = [] }]) =>
    listed_years.flatMap((year, place) => {
      const is_empty = merged.days[name]?.closed.every(({ day }) => !day.startsWith(`${year}-`)) ?? true;
      return is_empty ? [`days.${name}.listed_years.${place}: ${year} has no day in closed`] : [];
    }),
  );
}

function linesOf(issue: z.core.$ZodIssue): string[] {
  if (issue.code === "unrecognized_keys") return issue.keys.map((key) => `${[...issue.path, key].join(".")}: ${strangeText(issue.path)}`);
  if (issue.path.length === 0) return [`the file ${faultText(issue)}`];
  const given = typeof issue.input === "string" || typeof issue.input === "number" ? `${JSON.stringify(issue.input)} ` : "";
  return [`${issue.path.join(".")}: ${given}${faultText(issue)}`];
}

function strangeText(path: readonly PropertyKey[]): string {
  if (path.length === 1 && path[0] === "exchanges") return `is no exchange; there are ${EXCHANGES.join(", ")}`;
  const fields = FIELDS[String(path[path.length < 3 ? 0 : 2] ?? "")] ?? [];
  return `is no field; there are ${fields.join(", ")}`;
}

const KINDS: Readonly<Record<string, string>> = { string: "text", number: "a number", int: "a whole number", array: "a list" };

function faultText(issue: z.core.$ZodIssue): string {
  if (issue.code === "invalid_type") return issue.input === undefined ? "is missing" : `is not ${KINDS[issue.expected] ?? "an object"}`;
  if (issue.code === "invalid_format" && issue.format === "date") return "is not a day like 2026-11-08";
  if (issue.code === "invalid_value") return `is none of ${issue.values.join(", ")}`;
  return issue.code === "too_small" && issue.origin === "string" ? "is empty" : issue.message;
}
