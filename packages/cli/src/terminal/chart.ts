import { plot } from "asciichart";
import { timeAxis, type Times } from "./axis.ts";
import { displayWidth, paint, type Tone } from "./format.ts";
import { fullLabels, levelsOf, shortLabels } from "./scale.ts";
import { rangeOf, spreadOver, type Series } from "./sparkline.ts";

export interface ChartOptions {
  readonly width: number;
  /** Rows of the plot at most; the axis of time comes below. */
  readonly height: number;
  readonly color: boolean;
  readonly times?: Times;
  /** Said behind the axis of time where there is room: the zone. */
  readonly zone?: string;
}

/** What a chart of nothing says. */
export const NO_DATA = "no data";

/**
 * A plot of a series with labelled levels and an axis of time. Gaps are blank, zero is a dashed line, equal values are one
 * level line. Only this file calls asciichart, which by itself draws null as 0, throws on NaN and on nothing, takes a row a
 * rupee and a column a point, and cuts the sign off a long label: here it gets one unbroken run at a time, scaled to rows,
 * and neither its labels nor its axis are used.
 */
export function chart(series: Series, options: ChartOptions): string {
  const range = rangeOf(series);
  if (range === null) return NO_DATA;
  const levels = levelsOf(range, options.height);
  const labels = labelsOf(levels, options.width);
  const gutter = Math.max(...labels.map(displayWidth)) + 2;
  const columns = spreadOver(series, Math.max(options.width - gutter, 1));
  const lines = drawn(columns, levels).map((row, index) => {
    const isZero = levels[index] === 0;
    const line = isZero ? dashed(row, columns) : row.join("");
    return `${(labels[index] ?? "").padStart(gutter - 2)} ${isZero ? "┼" : "┤"}${paint(line, toneOfLevel(levels[index]), options.color)}`;
  });
  return [...lines.map((line) => line.trimEnd()), ...axisLine(options, gutter, columns.length)].join("\n");
}

/** All labels full, or where those would take half of the width, all short. */
function labelsOf(levels: readonly number[], width: number): string[] {
  const full = fullLabels(levels);
  return Math.max(...full.map(displayWidth)) + 2 <= width / 2 ? full : shortLabels(levels);
}

/** Rows of single characters, top first. */
function drawn(columns: Series, levels: readonly number[]): string[][] {
  const rows = levels.map(() => columns.map(() => " "));
  const bottom = levels.at(-1) ?? 0;
  const rise = (levels[0] ?? 0) - bottom;
  const heightOf = (value: number) => (rise === 0 ? 0 : ((value - bottom) / rise) * (levels.length - 1));
  for (const run of runsOf(columns))
    for (const [row, line] of plotted(run.values.map(heightOf), levels.length).entries())
      for (const [offset, character] of line.entries()) rows[row]?.splice(run.start + offset, 1, character);
  return rows;
}

/** Stretches without a gap. */
function runsOf(columns: Series): { start: number; values: number[] }[] {
  const runs: { start: number; values: number[] }[] = [];
  for (const [column, value] of columns.entries()) {
    if (value === null) continue;
    const run = runs.at(-1);
    if (run !== undefined && run.start + run.values.length === column) run.values.push(value);
    else runs.push({ start: column, values: [value] });
  }
  return runs;
}

/** A run as asciichart draws it, a column a point: it draws the steps between points, so the first stands twice. */
function plotted(heights: readonly number[], rows: number): string[][] {
  const within = heights.map((height) => Math.min(Math.max(height, 0), rows - 1));
  const text = plot([within[0] ?? 0, ...within], { min: 0, max: rows - 1, height: rows - 1, offset: 1, format: () => " " });
  return text.split("\n").map((line) => Array.from(line).slice(1, within.length + 1));
}

/** The row of zero, dashed where the series has values, so that a gap stays one. */
function dashed(row: readonly string[], columns: Series): string {
  return row.map((character, column) => (character === " " && columns[column] !== null ? "╌" : character)).join("");
}

function toneOfLevel(level: number | undefined): Tone | undefined {
  if (level === undefined || level === 0) return undefined;
  return level > 0 ? "gain" : "loss";
}

function axisLine({ times, zone, width }: ChartOptions, gutter: number, columns: number): string[] {
  if (times === undefined) return [];
  const axis = " ".repeat(gutter) + timeAxis(times, columns);
  if (zone === undefined || displayWidth(axis) + 1 + zone.length > width) return [axis.trimEnd()];
  return [`${axis} ${zone}`];
}
