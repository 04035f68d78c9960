import type { BackfillReport, GapSpan, StrategyNotes } from "@stratctl/engine";
import { MINUTE_MS } from "@stratctl/sdk/internal";
import type { Failure } from "../commands/backfill.ts";
import type { ViewOptions } from "../output.ts";
import { clean, counted, grouped, joined, paint } from "../terminal/format.ts";
import { minuteText, shortDayText, ZONE } from "../terminal/moment.ts";
import { table, type Column } from "../terminal/table.ts";
import { reasonLine } from "./headline.ts";

export interface About {
  readonly names: ReadonlyMap<number, string>;
  readonly failures: readonly Failure[];
  readonly dry_run: boolean;
}

/** Gaps of one strategy that are told one by one. */
const GAPS_SHOWN_MAX = 5;

export function backfillView(report: BackfillReport, about: About, options: ViewOptions): string {
  const { width, color, now_ms } = options;
  if (report.wanted_count === 0) return "nothing to fill: every minute that was due has its candle";
  const columns: readonly Column<StrategyNotes>[] = [
    { title: "id", cell: ({ strategy_id }) => String(strategy_id), align: "right", rank: 3 },
    { title: "strategy", cell: ({ strategy_id }) => clean(about.names.get(strategy_id) ?? ""), shrink: { to: 12 } },
    { title: about.dry_run ? "to fill" : "filled", cell: ({ candle_count }) => grouped(String(candle_count)), align: "right" },
    { title: "with stale prices", cell: ({ stale_candle_count }) => grouped(String(stale_candle_count)), align: "right", rank: 2 },
    { title: "still missing", cell: ({ gaps }) => grouped(String(minutesOf(gaps))), align: "right" },
  ];
  const head = `${grouped(String(report.filled_count))} of ${counted(report.wanted_count, "minute")} ${about.dry_run ? "can be filled" : "filled"}`;
  const end = about.dry_run ? [" nothing was written: leave --dry-run out to fill them"] : [];
  return [
    paint(joined([head, ZONE], width), "strong", color),
    "",
    table(columns, report.strategies, { width, color }),
    "",
    ...backfillNotes(report, about, now_ms),
    ...end,
  ].join("\n");
}

/** What stays a gap and why, and what the bars lack. */
export function backfillNotes(report: BackfillReport, { failures }: About, now_ms: number): string[] {
  const gaps = report.strategies.flatMap(({ strategy_id, gaps: spans }) => [
    ...spans.slice(0, GAPS_SHOWN_MAX).map((span) => reasonLine(strategy_id, `still missing ${spanText(span, now_ms)} (${span.reason})`)),
    ...(spans.length > GAPS_SHOWN_MAX ? [reasonLine(strategy_id, `and ${counted(spans.length - GAPS_SHOWN_MAX, "gap")} more`)] : []),
  ]);
  const failed = new Set(failures.map(({ instrument }) => instrument));
  const unquoted = report.unquoted.filter((instrument) => !failed.has(instrument));
  return [
    ...gaps,
    ...failures.map(({ instrument, why }) => ` no bars of ${clean(instrument)}: ${clean(why)}`),
    ...(unquoted.length === 0 ? [] : [` not in the recordings: ${unquoted.map(clean).join(", ")}`]),
    ...(report.left_out_count === 0 ? [] : [` ${counted(report.left_out_count, "minute")} left alone: they have a candle meanwhile`]),
  ];
}

function minutesOf(gaps: readonly GapSpan[]): number {
  return gaps.reduce((sum, { minute_count }) => sum + minute_count, 0);
}

function spanText({ from_ms, to_ms, minute_count }: GapSpan, now_ms: number): string {
  const from = `${shortDayText(from_ms, now_ms)} ${minuteText(from_ms)}`;
  return minute_count === 1 ? from : `${from}–${minuteText(to_ms + MINUTE_MS)}`;
}
