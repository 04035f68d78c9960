import { builtinCalendar, dayOf, type Calendar, type Candle, type Interval, type Strategy } from "@stratctl/sdk";
import type { ViewOptions } from "../output.ts";
import { timeAxis } from "../terminal/axis.ts";
import { chart } from "../terminal/chart.ts";
import { counted, displayWidth, joined, paint, rupees, toneOf } from "../terminal/format.ts";
import { dayText, minuteText, shortDayText, ZONE } from "../terminal/moment.ts";
import { levelOf, rangeOf, signBars, sparkline } from "../terminal/sparkline.ts";
import { headline, reasonLine } from "./headline.ts";
import { unlistedYears } from "./holidays.ts";
import { summaryOf, type Summary } from "./summary.ts";
import { gapsOf, pnlSeries, type Timeline } from "./timeline.ts";

export interface History {
  readonly strategy: Strategy;
  readonly candles: readonly Candle[];
  readonly timeline: Timeline;
  readonly interval: Interval;
  /** The time that was asked for, and the exchanges whose sessions count in it. */
  readonly from_ms: number;
  readonly to_ms: number;
  readonly exchanges: readonly string[];
  /** The built-in one unless said. */
  readonly calendar?: Calendar | undefined;
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
    joined([spanText(history), NAMES[interval], `P&L ₹, ${ZONE}`], options.width),
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
  const parts = legend(series);
  const fits = parts.every((part) => indent.length + displayWidth(part) <= width);
  return [`${paint(label.trimEnd(), toneOf(last), color)}  ${bars}`.trimEnd(), indent + axis, joined(parts, width, fits ? indent : " ")]
    .filter((line) => line.trim() !== "")
    .join("\n");
}

/** Which bars are which amounts; where zero lies between them, which are losses and which are gains. */
function legend(series: readonly (number | null)[]): string[] {
  const range = rangeOf(series);
  if (range === null || range.low === range.high) return [];
  const [low, high] = [range.low, range.high].map((value) => rupees(value, { signed: true }));
  const signs = signBars(range);
  if (signs === null) return [`${levelOf(range.low, range)} ${low}`, `${levelOf(range.high, range)} ${high}`];
  const bars = ([from, to]: readonly [string, string]) => (from === to ? from : `${from}–${to}`);
  return [`${bars(signs.losses)} loss to ${low}`, `${bars(signs.gains)} gain to ${high}`];
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

function nothing({ strategy, timeline, ...asked }: History, { now_ms }: ViewOptions): string {
  if ((timeline.starts[0] ?? asked.from_ms) > now_ms) return "no candles: that time has not come yet";
  if (strategy.instrument_count === 0 && strategy.current_pnl === null) return "no candles: the strategy has no legs to mark";
  const days = daysText(asked);
  const what =
    timeline.starts.length > 0
      ? `no candles for ${days}`
      : `no candles for ${days}: no session ${days.includes("–") ? "then" : "that day"}`;
  const unlisted = unlistedYears(asked.exchanges, daysOf(asked), asked.calendar);
  const why = [
    ...(strategy.reason !== null && holds(timeline, strategy.marked_at) ? [strategy.reason] : []),
    ...(unlisted.length === 0 ? [] : [`holidays of ${unlisted.join(", ")} are not listed`]),
  ];
  return why.length === 0 ? what : `${what} (${why.join("; ")})`;
}

/** The days of what there is or could be; where that is nothing, those that were asked for. */
function spanText({ timeline: { starts, end_ms }, ...asked }: History): string {
  const [first] = starts;
  return first === undefined ? `${daysText(asked)}, no session` : daysText({ from_ms: first, to_ms: end_ms - 1 });
}

interface Asked {
  readonly from_ms: number;
  readonly to_ms: number;
}

function daysText({ from_ms, to_ms }: Asked): string {
  const [from, to] = [dayText(from_ms), dayText(to_ms)];
  return from === to ? from : `${from} – ${to}`;
}

function daysOf({ from_ms, to_ms }: Asked): { from_day: string; to_day: string } {
  const calendar = builtinCalendar();
  return { from_day: dayOf(calendar, from_ms), to_day: dayOf(calendar, to_ms) };
}

/** Times of one day; with their day where the history has several. */
function timeTextOf({ starts, end_ms }: Timeline): (at_ms: number) => string {
  const { from_day, to_day } = daysOf({ from_ms: starts[0] ?? end_ms, to_ms: end_ms - 1 });
  return from_day === to_day ? minuteText : (at_ms) => `${shortDayText(at_ms, end_ms)} ${minuteText(at_ms)}`;
}
