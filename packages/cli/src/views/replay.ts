import type { ReplayReport, StrategyNotes } from "@stratctl/engine";
import type { Strategy } from "@stratctl/sdk";
import type { ViewOptions } from "../output.ts";
import { clean, counted, grouped, joined, paint } from "../terminal/format.ts";
import { dayText, minuteText } from "../terminal/moment.ts";
import { table, type Column } from "../terminal/table.ts";
import { reasonLine } from "./headline.ts";
import { shellWord } from "./legs.ts";

/** A replay of thousands is told in sums; this many are named. */
export const STRATEGIES_SHOWN_MAX = 20;
/** Gaps of one strategy that are told one by one. */
const GAPS_SHOWN_MAX = 5;

export function replayView(report: ReplayReport, named: readonly Strategy[], options: ViewOptions): string {
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
    ...(shown.length === 0 ? [" no strategy has legs: stratctl leg add"] : [table(columns, shown, options)]),
    ...(left > 0 ? [` and ${grouped(String(left))} more`] : []),
    ...shown.flatMap(gapLines),
    "",
    ...replayNotes(report).map((line) => ` ${line}`),
    ...(next === null ? [] : [` next: ${next}`]),
  ].join("\n");
}

/** What concerns the whole replay: what was written, what was left out and why, what the recording lacks. */
export function replayNotes({ recording, sample_count, candle_count, written_count, left_out_count, unquoted }: ReplayReport): string[] {
  const { quote_count, instruments, refused_count, first_refused, rounded_count } = recording;
  return [
    `${counted(quote_count, "quote")} of ${counted(instruments.length, "instrument")}, ${counted(sample_count, "sample")}, ${counted(candle_count, "candle")}`,
    `${grouped(String(written_count))} written${written_count < candle_count - left_out_count ? ", the rest was there already" : ""}`,
    ...(left_out_count === 0
      ? []
      : [`${counted(left_out_count, "minute")} left out: another source or book wrote them; --overwrite replaces them`]),
    ...(unquoted.length === 0 ? [] : [`not in the recording: ${unquoted.map(clean).join(", ")}`]),
    ...(refused_count === 0
      ? []
      : [
          `${counted(refused_count, "value")} refused, being no prices${first_refused === null ? "" : `; the first: ${clean(first_refused)}`}`,
        ]),
    ...(rounded_count === 0 ? [] : [`${counted(rounded_count, "price")} of more than four decimals rounded`]),
  ];
}

function missing({ gaps }: StrategyNotes): number {
  return gaps.reduce((sum, { minute_count }) => sum + minute_count, 0);
}

/** When a strategy had no mark, and why. */
export function gapLines({ strategy_id, gaps }: StrategyNotes): string[] {
  const lines = gaps.slice(0, GAPS_SHOWN_MAX).map(({ from_ms, to_ms, minute_count, reason }) => {
    const span = minute_count === 1 ? minuteText(from_ms) : `${minuteText(from_ms)}–${minuteText(to_ms + 60_000)}`;
    return reasonLine(strategy_id, `no mark ${span} (${reason})`);
  });
  const left = gaps.length - GAPS_SHOWN_MAX;
  return left > 0 ? [...lines, reasonLine(strategy_id, `and ${counted(left, "gap")} more`)] : lines;
}
