import { paint, toneOf } from "./format.ts";

/** A value in each slot of time, or null for a gap: the form that sparkline and chart draw. */
export type Series = readonly (number | null)[];

const LEVELS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;

/**
 * One line of bars from the least value (▁) to the greatest (█), at most `width` columns. A gap is blank; where all values
 * are equal the line runs at half height. Nothing to draw gives an empty text. Where the values cross zero no bar stands for
 * both sides of it, so that gains are told from losses without colour; which bars are which, signBars says.
 */
export function sparkline(series: Series, { width, color }: { width: number; color: boolean }): string {
  const columns = spreadOver(series, width);
  const range = rangeOf(series);
  if (range === null) return "";
  let text = "";
  for (let start = 0; start < columns.length;) {
    const tone = toneOf(columns[start] ?? null);
    let end = start + 1;
    while (end < columns.length && toneOf(columns[end] ?? null) === tone) end++;
    text += paint(
      columns
        .slice(start, end)
        .map((value) => (value === null ? " " : levelOf(value, range)))
        .join(""),
      tone,
      color,
    );
    start = end;
  }
  return text;
}

export interface Range {
  readonly low: number;
  readonly high: number;
}

/** The least and the greatest value; null where there is none. */
export function rangeOf(series: Series): Range | null {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of series) {
    if (value === null) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return low <= high ? { low, high } : null;
}

/** The bar that a value has in a range. */
export function levelOf(value: number, range: Range): string {
  const { low, high } = range;
  const losing = levelsBelowZero(range);
  if (losing === 0) return barAt(high === low ? 0.5 : (value - low) / (high - low), LEVELS);
  return value < 0 ? barAt(1 - value / low, LEVELS.slice(0, losing)) : barAt(value / high, LEVELS.slice(losing));
}

/** The lowest and the highest bar of losses and of gains, in a range that crosses zero; null in another. */
export function signBars(
  range: Range,
): { losses: readonly [low: string, high: string]; gains: readonly [low: string, high: string] } | null {
  const losing = levelsBelowZero(range);
  if (losing === 0) return null;
  const ends = (levels: readonly string[]) => [levels[0] ?? " ", levels.at(-1) ?? " "] as const;
  return { losses: ends(LEVELS.slice(0, losing)), gains: ends(LEVELS.slice(losing)) };
}

/** How many of the bars are for losses: in proportion, and at least one for each side that there is. */
function levelsBelowZero({ low, high }: Range): number {
  if (low >= 0 || high <= 0) return 0;
  return Math.min(Math.max(Math.round((LEVELS.length * -low) / (high - low)), 1), LEVELS.length - 1);
}

function barAt(share: number, levels: readonly string[]): string {
  return levels[Math.max(Math.min(Math.floor(share * levels.length), levels.length - 1), 0)] ?? " ";
}

/**
 * A series over at most `width` columns: the last value within each, or null where all of its slots are gaps. A short
 * series gets as many whole columns a slot as there is room for, so that equal times stay equally wide.
 */
export function spreadOver(series: Series, width: number): (number | null)[] {
  const columns = columnsFor(series.length, width);
  return Array.from({ length: columns }, (_, column) => {
    for (let slot = slotAt(column + 1, series.length, columns) - 1; slot >= slotAt(column, series.length, columns); slot--) {
      const value = series[slot];
      if (value !== undefined && value !== null) return value;
    }
    return series.length < columns ? (series[slotAt(column, series.length, columns)] ?? null) : null;
  });
}

/** How many columns a number of slots takes of those that there are. */
export function columnsFor(slots: number, width: number): number {
  if (slots === 0 || width < 1) return 0;
  return slots > width ? width : slots * Math.floor(width / slots);
}

/** The first slot that a column shows. */
export function slotAt(column: number, slots: number, columns: number): number {
  return Math.floor((column * slots) / columns);
}
