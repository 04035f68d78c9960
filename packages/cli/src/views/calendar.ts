import type { AlmanacDay } from "@stratctl/sdk";
import type { ViewOptions } from "../output.ts";
import { clean, counted, joined, paint, UNKNOWN, type Tone } from "../terminal/format.ts";
import { dayText, minuteText, ZONE } from "../terminal/moment.ts";
import { table, type Column } from "../terminal/table.ts";

/** One day of several exchanges. */
export function dayView(days: readonly AlmanacDay[], { width, color }: ViewOptions): string {
  const columns: Column<AlmanacDay>[] = [
    { title: "exchange", cell: ({ exchange }) => exchange },
    { title: `session (${ZONE})`, cell: hoursText },
    { title: "minutes", align: "right", cell: ({ session }) => (session === null ? "" : String(minutesOf(session))) },
    { title: "expires", cell: ({ expires }) => expires ?? "" },
    { title: "", cell: (day) => noteOf(day), shrink: { to: 20 } },
  ];
  const head = days[0] === undefined ? "" : dayText(days[0].day);
  return [head, "", table(columns, days, { width, color })].join("\n");
}

function hoursText({ session, state }: AlmanacDay): string {
  if (session === null) return state === "announced" ? UNKNOWN : "closed";
  return spanText(session);
}

function spanText({ open_ms, close_ms }: { open_ms: number; close_ms: number }): string {
  const close = minuteText(close_ms);
  return `${minuteText(open_ms)}–${close === "00:00" ? "24:00" : close}`;
}

function minutesOf({ open_ms, close_ms }: { open_ms: number; close_ms: number }): number {
  return (close_ms - open_ms) / 60_000;
}

function noteOf({ state, name, is_known }: AlmanacDay): string {
  const named = name === null ? [] : [clean(name)];
  if (state === "announced") return [...named, "its time is not known: no session"].join(": ");
  if (state === "unknown") return "the calendar does not have it";
  if (state === "weekend") return ["weekend", ...named].join(" · ");
  return [...named, ...(is_known ? [] : ["taken for granted: no list"])].join(" · ");
}

const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
const MONTHS = "January February March April May June July August September October November December".split(" ");
const CELL = 5;

/** A month of one exchange as weeks, and below it what a number in a cell cannot tell. */
export function monthView(
  days: readonly AlmanacDay[],
  { today, known_until, options }: { today: string; known_until: string | null; options: ViewOptions },
): string {
  const [first] = days;
  if (first === undefined) return "";
  const { width, color } = options;
  const month = `${MONTHS[Number(first.day.slice(5, 7)) - 1] ?? ""} ${first.day.slice(0, 4)} · ${first.exchange}`;
  return [
    paint(month, "strong", color),
    "",
    paint(WEEKDAYS.map((weekday) => weekday.padStart(CELL)).join(""), "faint", color),
    ...weeksOf(days, { today, color }),
    "",
    joined(ordinaryText(days), width, " "),
    ...days.filter(isTold).map((day) => ` ${dayText(day.day).slice(0, -5).padEnd(10)}  ${lineOf(day)}`),
    ...expiryLines(days, width),
    ` ${knownText(days, known_until)}`,
  ].join("\n");
}

function weeksOf(days: readonly AlmanacDay[], { today, color }: { today: string; color: boolean }): string[] {
  const before = (new Date(`${days[0]?.day ?? ""}T00:00:00Z`).getUTCDay() + 6) % 7;
  const blank = " ".repeat(CELL);
  const cells = [...Array.from({ length: before }, () => blank), ...days.map((day) => cellOf(day, { today, color }))];
  return Array.from({ length: Math.ceil(cells.length / 7) }, (_, week) =>
    cells
      .slice(week * 7, week * 7 + 7)
      .join("")
      .trimEnd(),
  );
}

/** `-` no session, `*` a special one, `?` not known, `e` weekly and `E` monthly expiry; today in brackets. */
function cellOf(day: AlmanacDay, { today, color }: { today: string; color: boolean }): string {
  const number = String(Number(day.day.slice(8)));
  const text = `${day.day === today ? `[${number}]` : number}${markOf(day)}`;
  return `${" ".repeat(Math.max(0, CELL - text.length))}${paint(text, toneOf(day), color)}`;
}

function markOf({ state, expires, is_known }: AlmanacDay): string {
  if (state === "weekend") return "-";
  if (!is_known) return "?";
  if (state === "holiday") return "-";
  if (expires !== null) return expires === "monthly" ? "E" : "e";
  return state === "special" ? "*" : "";
}

function toneOf({ state, is_known }: AlmanacDay): Tone | undefined {
  if (!is_known && state !== "weekend") return "warning";
  return state === "weekend" || state === "holiday" ? "faint" : undefined;
}

/** Ordinary sessions, by the hours that they have. */
function ordinaryText(days: readonly AlmanacDay[]): string[] {
  const ordinary = days.flatMap(({ state, session }) => (state === "session" && session !== null ? [spanText(session)] : []));
  const parts = [...Map.groupBy(ordinary, (hours) => hours)].map(([hours, all]) => `${counted(all.length, "session")} ${hours} ${ZONE}`);
  return parts.length === 0 ? ["no ordinary sessions"] : parts;
}

function isTold({ state }: AlmanacDay): boolean {
  return state === "holiday" || state === "special" || state === "announced";
}

function lineOf(day: AlmanacDay): string {
  const note = noteOf(day);
  if (day.session !== null) return `${spanText(day.session)} ${note}`.trimEnd();
  return day.state === "holiday" ? `closed ${note}`.trimEnd() : note;
}

function knownText(days: readonly AlmanacDay[], known_until: string | null): string {
  const guessed = days.some(({ state, is_known }) => state === "session" && !is_known);
  if (guessed) return "no list of holidays: a weekday with ? is taken for a session";
  return known_until === null ? "only these days are known of this year" : `holidays are known until ${known_until}`;
}

function expiryLines(days: readonly AlmanacDay[], width: number): string[] {
  const expiring = days.filter(({ expires }) => expires !== null);
  if (expiring.length === 0) return [];
  const parts = expiring.map(({ day, expires }) => `${Number(day.slice(8))}${expires === "monthly" ? " (monthly)" : ""}`);
  return [joined([`expiries ${parts.join(", ")}`], width, " ")];
}
