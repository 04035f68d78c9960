import type { Candle, Interval, Strategy } from "@stratctl/sdk";
import type { ViewOptions } from "../output.ts";
import { timeAxis } from "../terminal/axis.ts";
import { chart } from "../terminal/chart.ts";
import { counted, displayWidth, joined, paint, rupees, toneOf } from "../terminal/format.ts";
import { dayText, minuteText, OFFSET_MINUTES, shortDayText, ZONE } from "../terminal/moment.ts";
import { levelOf, rangeOf, sparkline } from "../terminal/sparkline.ts";
import { headline, reasonLine } from "./headline.ts";
import { summaryOf, type Summary } from "./summary.ts";
import { gapsOf, pnlSeries, type Timeline } from "./timeline.ts";

export interface History {
  readonly strategy: Strategy;
  readonly candles: readonly Candle[];
  readonly timeline: Timeline;
  readonly interval: Interval;
}

const NAMES = { "1m": "1 min", "5m": "5 min", "15m": "15 min", "30m": "30 min", "1h": "1 hour", "1d": "1 day" } as const satisfies Record<
  Interval,
  string
>;

/** A history as one line of bars, or with `asChart` as a plot: P&L, with M2M beside it in words. */
export function historyView(history: History, { asChart }: { asChart: boolean }, options: ViewOptions): string {
  const { strategy, candles, timeline, interval } = history;
  const summary = summaryOf(candles);
  const last = candles.at(-1);
  const lines = [
    headline(
      { name: strategy.name, pnl: last?.pnl_close ?? null, m2m: last?.close ?? null, oldest_ms: last?.oldest_age_ms ?? null },
      options,
    ),
    joined([spanText(timeline), NAMES[interval], `P&L ₹, ${ZONE}`], options.width),
    "",
  ];
  if (summary === null || last === undefined) return [...lines.slice(0, 2), ` ${nothing(history, options)}`].join("\n");
  lines.push(asChart ? plotted(timeline, options) : barred(timeline, options));
  lines.push(summaryLines(summary, timeline, options));
  lines.push(joined(coverage(history, options.now_ms), options.width, " "));
  if (strategy.reason !== null && holds(timeline, strategy.marked_at)) lines.push(reasonLine("no mark now", strategy.reason));
  return lines.join("\n");
}

/** A reason is that of the latest mark, and has no place below another day. */
function holds({ starts, end_ms }: Timeline, marked_at: string | null): boolean {
  const marked_ms = marked_at === null ? Number.NaN : Date.parse(marked_at);
  return marked_ms >= (starts[0] ?? Number.NaN) && marked_ms < end_ms;
}

/** The last P&L, the bars, and the times under them. */
function barred(timeline: Timeline, { width, color }: ViewOptions): string {
  const series = pnlSeries(timeline);
  const last = series.findLast((value) => value !== null) ?? null;
  const label = ` ${rupees(last, { signed: true })}  `;
  const room = Math.max(width - displayWidth(label) - 1, 1);
  const bars = sparkline(series, { width: room, color });
  const axis = timeAxis(timeline, room);
  const indent = " ".repeat(displayWidth(label));
  return [`${paint(label.trimEnd(), toneOf(last), color)}  ${bars}`.trimEnd(), indent + axis, joined(legend(series), width, indent)]
    .filter((line) => line.trim() !== "")
    .join("\n");
}

/** Which bar is which amount; zero is named wherever the series reaches it. */
function legend(series: readonly (number | null)[]): string[] {
  const range = rangeOf(series);
  if (range === null || range.low === range.high) return [];
  const marks = [range.low, ...(range.low < 0 && range.high > 0 ? [0] : []), range.high];
  return marks.map((value) => `${levelOf(value, range)} ${rupees(value, { signed: true })}`);
}

/** Lines beside the plot: headline, span, summary, coverage and the shell's next prompt. */
const LINES_BESIDE = 8;

function plotted(timeline: Timeline, { width, height, color }: ViewOptions): string {
  const rows = Math.min(Math.max(height - LINES_BESIDE, 5), 20);
  return chart(pnlSeries(timeline), { width, height: rows, color, times: timeline, zone: ZONE });
}

function summaryLines({ open, high, low, last, drawdown }: Summary, timeline: Timeline, { width }: ViewOptions): string {
  const at = timeTextOf(timeline);
  const signed = (amount: number) => rupees(amount, { signed: true });
  return joined(
    [
      `open ${signed(open.amount)}`,
      `high ${signed(high.amount)} at ${at(high.at_ms)}`,
      `low ${signed(low.amount)} at ${at(low.at_ms)}`,
      `last ${signed(last.amount)} at ${at(last.at_ms)}`,
      drawdown === null ? "drawdown 0.00" : `drawdown ${rupees(drawdown.amount)} (${at(drawdown.from_ms)} → ${at(drawdown.to_ms)})`,
    ],
    width,
    " ",
  );
}

/** How much of the time there is, what of it is missing, and on how old prices it stands. */
function coverage({ candles, timeline, interval }: History, now_ms: number): string[] {
  const at = timeTextOf(timeline);
  const gaps = gapsOf(timeline, now_ms);
  const missing = gaps.reduce((sum, { count }) => sum + count, 0);
  const noun = interval === "1m" ? "minute" : "candle";
  const named = gaps.slice(0, 3).map(({ from_ms, to_ms, count }) => (count === 1 ? at(from_ms) : `${at(from_ms)}–${at(to_ms)}`));
  const stale = candles.filter(({ stale_count }) => stale_count > 0).length;
  return [
    `${candles.length} of ${counted(candles.length + missing, noun)}`,
    ...(gaps.length === 0 ? [] : [`no mark ${named.join(", ")}${gaps.length > 3 ? ` and ${gaps.length - 3} more` : ""}`]),
    stale === 0 ? "0 stale" : `${counted(stale, noun)} with stale prices`,
  ];
}

function nothing({ strategy, timeline }: History, { now_ms }: ViewOptions): string {
  const [first] = timeline.starts;
  if (first !== undefined && first > now_ms) return "no candles: that time has not come yet";
  if (strategy.instrument_count === 0 && strategy.current_pnl === null) return "no candles: the strategy has no legs to mark";
  return `no candles for that time${strategy.reason === null ? "" : ` (${strategy.reason})`}`;
}

function spanText({ starts, end_ms }: Timeline): string {
  const [first] = starts;
  if (first === undefined) return "no session";
  const [from, to] = [dayText(first), dayText(end_ms - 1)];
  return from === to ? from : `${from} – ${to}`;
}

/** Times of one day; with their day where the history has several. */
function timeTextOf({ starts, end_ms }: Timeline): (at_ms: number) => string {
  const day = (at_ms: number) => Math.floor((at_ms / 60_000 + OFFSET_MINUTES) / 1440);
  const first = starts[0] ?? end_ms;
  return day(first) === day(end_ms - 1) ? minuteText : (at_ms) => `${shortDayText(at_ms, end_ms)} ${minuteText(at_ms)}`;
}
