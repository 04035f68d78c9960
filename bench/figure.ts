import { spreadOf, type Spread } from "./measure.ts";

/** A bound that a figure is held to; `≥` where more is better. */
export interface Target {
  readonly sign: "≤" | "≥";
  readonly value: number;
}

export const atMost = (value: number): Target => ({ sign: "≤", value });
export const atLeast = (value: number): Target => ({ sign: "≥", value });

export interface Comparison {
  /** What it is measured against, in the same run. */
  readonly yardstick: string;
  readonly ratio: Spread;
  readonly target: Target | null;
}

export interface Figure {
  readonly name: string;
  /** Strategies, or whatever the name says; null where there is but one size. */
  readonly size: number | null;
  readonly unit: "ms" | "s" | "MB" | "B" | "ms/1,000" | "a second" | "samples";
  readonly value: Spread;
  readonly target: Target | null;
  readonly against: readonly Comparison[];
}

/** What one part of the bench came to. */
export interface PartResult {
  readonly figures: readonly Figure[];
  /** A sentence each: what a number needs to be understood. */
  readonly notes: readonly string[];
}

interface FigureOptions {
  readonly size?: number | null;
  readonly unit?: Figure["unit"];
  readonly target?: Target | null;
  readonly against?: readonly { readonly yardstick: string; readonly ratios: readonly number[]; readonly target?: Target | null }[];
}

export function figure(name: string, values: readonly number[], options: FigureOptions = {}): Figure {
  return {
    name,
    size: options.size ?? null,
    unit: options.unit ?? "ms",
    value: spreadOf(values),
    target: options.target ?? null,
    against: (options.against ?? []).map((one) => ({ yardstick: one.yardstick, ratio: spreadOf(one.ratios), target: one.target ?? null })),
  };
}

/** Medians decide; null where there is no target. */
export function isMet(target: Target | null, { median }: Spread): boolean | null {
  if (target === null) return null;
  return target.sign === "≤" ? median <= target.value : median >= target.value;
}

/** A line a figure and a line a further comparison. */
export function tableOf(figures: readonly Figure[]): string {
  const rows = figures.flatMap((one): string[][] => {
    const own = [one.name, one.size === null ? "" : count(one.size), `${number(one.value.median)} ${one.unit}`, range(one.value)];
    const lines: string[][] = [];
    if (one.target !== null || one.against.length === 0) lines.push([...own, "", "", "", ...verdict(one.target, one.value)]);
    for (const { yardstick, ratio, target } of one.against) {
      const first = lines.length === 0 ? own : ["", "", "", ""];
      lines.push([...first, yardstick, `${number(ratio.median)}×`, range(ratio), ...verdict(target, ratio)]);
    }
    return lines;
  });
  const head = ["figure", "size", "median", "min – max", "against", "ratio", "min – max", "target", ""];
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => pad(cell, widths[column] ?? 0, column))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

const LEFT = new Set([0, 4, 8]);

function pad(cell: string, width: number, column: number): string {
  return LEFT.has(column) ? cell.padEnd(width) : cell.padStart(width);
}

function verdict(target: Target | null, value: Spread): [string, string] {
  if (target === null) return ["", ""];
  return [`${target.sign} ${number(target.value)}`, isMet(target, value) === true ? "met" : "NOT MET"];
}

function range({ min, max, run_count }: Spread): string {
  return run_count === 1 ? "one run" : `${number(min)} – ${number(max)}`;
}

function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** Three digits that count. */
function number(value: number): string {
  if (!Number.isFinite(value)) return "–";
  const decimals = Math.max(0, 2 - Math.floor(Math.log10(Math.max(Math.abs(value), 0.01))));
  return value.toLocaleString("en-US", { maximumFractionDigits: Math.min(decimals, 3) });
}
