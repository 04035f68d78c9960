import type { ReplayReport, StrategyNotes } from "@stratctl/engine";
import { builtinCalendar, type Calendar, type Strategy } from "@stratctl/sdk";
import { daySpans, MINUTE_MS } from "@stratctl/sdk/internal";
import type { ViewOptions } from "../output.ts";
import { clean, counted, grouped, joined, paint } from "../terminal/format.ts";
import { dayText, minuteText } from "../terminal/moment.ts";
import { table, type Column } from "../terminal/table.ts";
import { reasonLine } from "./headline.ts";
import { unlistedYears } from "./holidays.ts";
import { shellWord } from "./legs.ts";

/** A replay of thousands is told in sums; this many are named. */
export const STRATEGIES_SHOWN_MAX = 20;
/** Gaps of one strategy that are told one by one. */
const GAPS_SHOWN_MAX = 5;

/** What was asked for: those strategies, or with null all active ones. */
export type Asked = readonly Strategy[] | null;

export function replayView(
  report: ReplayReport,
  { named, asked, calendar }: { named: readonly Strategy[]; asked: Asked; calendar?: Calendar | undefined },
  options: ViewOptions,
): string {
  const names = new Map(named.map(({ strategy_id, name }) => [strategy_id, name]));
  const shown = report.strategies.filter(({ strategy_id }) => names.has(strategy_id));
  const columns: readonly Column<StrategyNotes>[] = [
    { title: "id", cell: ({ strategy_id }) => String(strategy_id), align: "right" },
    { title: "strategy", cell: ({ strategy_id }) => clean(names.get(strategy_id) ?? ""), shrink: { to: 12 } },
    { title: "candles", cell: ({ candle_count }) => grouped(String(candle_count)), align: "right" },
    { title: "with stale prices", cell: ({ stale_candle_count }) => grouped(String(stale_candle_count)), align: "right", rank: 1 },
    { title: "minutes without a mark", cell: (notes) => grouped(String(missing(notes))), align: "right", rank: 2 },
  ];
  const left = report.strategies.length - shown.length;
  const first = shown.find(({ candle_count }) => candle_count > 0);
  const next =
    first === undefined ? null : `stratctl m2m ${shellWord(names.get(first.strategy_id) ?? "")} --day ${report.days.at(-1) ?? ""}`;
  return [
    paint(
      joined([clean(report.recording.path), report.days.map((day) => dayText(day)).join(", ") || "no session"], options.width),
      "strong",
      options.color,
    ),
    "",
    ...(shown.length === 0 ? [] : [table(columns, shown, options)]),
    ...(left > 0 ? [` and ${grouped(String(left))} more`] : []),
    ...shown.flatMap((notes) => gapLines(notes)),
    ...(shown.length === 0 ? [] : [""]),
    ...idleNotes(report, { asked, now_ms: options.now_ms, calendar }).map((line) => ` ${line}`),
    ...replayNotes(report).map((line) => ` ${line}`),
    ...(next === null ? [] : [` next: ${next}`]),
  ].join("\n");
}

/** What concerns the whole replay: what was written, what was left out and why, what the recording lacks. */
export function replayNotes(report: ReplayReport, digits = grouped): string[] {
  const { recording, sample_count, candle_count, written_count, left_out_count, unquoted } = report;
  const { quote_count, instruments, refused_count, first_refused, rounded_count } = recording;
  const many = (count: number, noun: string) => counted(count, noun, digits);
  return [
    `${many(quote_count, "quote")} of ${many(instruments.length, "instrument")}, ${many(sample_count, "sample")}, ${many(candle_count, "candle")}`,
    `${digits(String(written_count))} written${written_count < candle_count - left_out_count ? ", the rest was there already" : ""}`,
    ...(left_out_count === 0
      ? []
      : [`${many(left_out_count, "minute")} left out: another source or book wrote them; --overwrite replaces them`]),
    ...(unquoted.length === 0 ? [] : [`not in the recording: ${unquoted.map(clean).join(", ")}`]),
    ...(refused_count === 0
      ? []
      : [
          `${many(refused_count, "value")} refused, being no prices${first_refused === null ? "" : `; the first: ${clean(first_refused)}`}`,
        ]),
    ...(rounded_count === 0 ? [] : [`${many(rounded_count, "price")} of more than four decimals rounded`]),
  ];
}

/** Why there was nothing to do: strategies without legs, and where no sample was taken at all, what is wrong with each day. */
export function idleNotes(
  { recording, strategies, sample_count }: ReplayReport,
  { asked, now_ms, calendar = builtinCalendar() }: { asked: Asked; now_ms: number; calendar?: Calendar | undefined },
): string[] {
  const held = new Set(strategies.map(({ strategy_id }) => strategy_id));
  const empty = (asked ?? []).filter(({ strategy_id }) => !held.has(strategy_id));
  const withoutLegs =
    asked === null && strategies.length === 0
      ? ["nothing to mark: no active strategy has legs; stratctl leg add"]
      : empty.map(({ strategy_id, name }) => `nothing to mark: ${clean(name)} (${strategy_id}) has no legs`);
  if (strategies.length === 0 || sample_count > 0) return withoutLegs;
  if (recording.days.length === 0) return [...withoutLegs, "nothing to sample: the recording has no quotes"];
  const exchanges = [...new Set(recording.instruments.map((instrument) => instrument.slice(0, instrument.indexOf(":"))))];
  const days = recording.days.slice(0, DAYS_SHOWN_MAX).map((day) => `nothing to sample: ${whyIdle(day, { exchanges, now_ms, calendar })}`);
  const left = recording.days.length - days.length;
  return [...withoutLegs, ...days, ...(left > 0 ? [`and nothing on ${left} more days`] : [])];
}

/** Days without a sample that are told one by one. */
const DAYS_SHOWN_MAX = 3;

function whyIdle(
  day: string,
  { exchanges, now_ms, calendar }: { exchanges: readonly string[]; now_ms: number; calendar: Calendar },
): string {
  const session = daySpans(calendar, exchanges, { from_day: day, to_day: day })[0];
  if (session === undefined) {
    const unlisted = unlistedYears(exchanges, { from_day: day, to_day: day }, calendar);
    return `${dayText(day)} has no session${unlisted.length === 0 ? "" : ` (holidays of ${unlisted.join(", ")} are not listed)`}`;
  }
  // The minute under way is no whole one yet.
  if (session.open_ms > now_ms - MINUTE_MS) return `the session of ${dayText(day)} has not come yet, and a replay stops at this moment`;
  return `no quote of ${dayText(day)} lies within a session of the legs' exchanges`;
}

function missing({ gaps }: StrategyNotes): number {
  return gaps.reduce((sum, { minute_count }) => sum + minute_count, 0);
}

/** When a strategy had no mark, and why. */
export function gapLines({ strategy_id, gaps }: StrategyNotes, digits = grouped): string[] {
  const lines = gaps.slice(0, GAPS_SHOWN_MAX).map(({ from_ms, to_ms, minute_count, reason }) => {
    const span = minute_count === 1 ? minuteText(from_ms) : `${minuteText(from_ms)}–${minuteText(to_ms + MINUTE_MS)}`;
    return reasonLine(strategy_id, `no mark ${span} (${reason})`);
  });
  const left = gaps.length - GAPS_SHOWN_MAX;
  return left > 0 ? [...lines, reasonLine(strategy_id, `and ${counted(left, "gap", digits)} more`)] : lines;
}
