import { grouped } from "./format.ts";
import type { Range } from "./sparkline.ts";

/**
 * The levels of a chart's rows, top first: multiples of a round step that hold the range, so that zero, wherever the values
 * reach it, has a row of its own. Equal values have one level. Where the height is too small for round ones the extremes
 * are the levels, and on a single row their middle.
 */
export function levelsOf({ low, high }: Range, height: number): number[] {
  if (low === high) return [low];
  if (height < 2) return [(low + high) / 2];
  for (const step of roundSteps((high - low) / (height - 1))) {
    const bottom = Math.floor(low / step + CLOSE);
    const count = Math.ceil(high / step - CLOSE) - bottom + 1;
    if (count <= height) return Array.from({ length: count }, (_, row) => multiple(bottom + count - 1 - row, step));
    if (step > high - low) break; // what zero splits takes three rows by any step
  }
  return Array.from({ length: height }, (_, row) => high - (row * (high - low)) / (height - 1));
}

/** 0.3 / 0.1 is 2.9999999999999996, which is 3. */
const CLOSE = 1e-9;

/** 1, 2, 2.5 and 5 times powers of ten, from the least that is not below `least`. */
function* roundSteps(least: number): Generator<number> {
  for (let power = 10 ** Math.floor(Math.log10(least)); ; power *= 10)
    for (const factor of [1, 2, 2.5, 5]) if (power * factor >= least) yield power * factor;
}

/** 3 × 0.1 is 0.30000000000000004, and −0 is no level. */
function multiple(count: number, step: number): number {
  return Number((count * step).toPrecision(12)) + 0;
}

/** Levels as text, all with the decimals that the finest needs. Drawing only: these are not amounts of money. */
export function fullLabels(levels: readonly number[]): string[] {
  const exact = [0, 2, 3, 4].find((decimals) => levels.every((level) => Number(level.toFixed(decimals)) === level));
  const apart = levels.length < 2 ? 1 : Math.abs((levels[0] ?? 0) - (levels[1] ?? 0));
  const decimals = exact ?? (apart >= 0.02 ? 2 : 6);
  return levels.map((level) => signed(level, level.toFixed(decimals)));
}

const SHORT = [
  [1e7, "Cr"],
  [1e5, "L"],
  [1e3, "k"],
] as const;

/** Levels in crore, lakh or thousand, where the full digits would leave the plot no room: "-1.2Cr". */
export function shortLabels(levels: readonly number[]): string[] {
  const greatest = Math.max(...levels.map(Math.abs));
  const found = SHORT.find(([least]) => greatest >= least);
  if (found === undefined) return fullLabels(levels).map(withoutZeros);
  const [size, unit] = found;
  return levels.map((level) => withoutZeros(signed(level, (level / size).toFixed(2))) + (level === 0 ? "" : unit));
}

function withoutZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** Grouped digits with an ASCII minus, which what rounds to nothing does not get. */
function signed(level: number, text: string): string {
  const [whole = "0", fraction] = text.replace("-", "").split(".");
  const digits = grouped(whole) + (fraction === undefined ? "" : `.${fraction}`);
  return level < 0 && /[1-9]/.test(digits) ? `-${digits}` : digits;
}
