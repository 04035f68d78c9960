import Table from "cli-table3";
import { displayWidth, fit, paint, type Tone } from "./format.ts";

export interface Cell {
  readonly text: string;
  readonly tone?: Tone | undefined;
}

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string | Cell;
  readonly align?: "left" | "right";
  /** Left out where the width does not suffice, the highest first; without a rank it stays. From SPARE on before any text is cut. */
  readonly rank?: number;
  /** May be cut to this many columns, at the end that tells less. */
  readonly shrink?: { readonly to: number; readonly cut?: "start" | "end" };
}

export interface TableOptions<Row> {
  readonly width: number;
  readonly color: boolean;
  /** A last row, for sums: the text under each column's title. */
  readonly footer?: Partial<Readonly<Record<string, string | Cell>>>;
  /** Columns that the caller has drawn itself and that take what is left of the width. */
  readonly rest?: { readonly title: string; readonly least: number; readonly cell: (row: Row, width: number) => string };
}

/** Columns of this rank or a higher one are worth less than the whole of a text. */
export const SPARE = 5;

const GAP = 2;
const INDENT = 1;

/** A table without rules, fitted to the width: columns of high rank are left out first, then texts are cut. */
export function table<Row>(columns: readonly Column<Row>[], rows: readonly Row[], options: TableOptions<Row>): string {
  const cells = new Map(columns.map((column) => [column, cellsOf(column, rows, options)]));
  const kept = keptColumns(columns, cells, options);
  const widths = shrunk(
    kept,
    kept.map((column) => widest(cells.get(column) ?? [])),
    options.width,
  );
  const lines = rowsOf(kept.map((column) => cells.get(column) ?? []));
  const left = options.width - spanOf(widths) - GAP;
  const rest = options.rest !== undefined && left >= options.rest.least ? options.rest : undefined;
  const beside =
    rest === undefined ? [] : [paint(fit(rest.title, left), "faint", options.color), ...rows.map((row) => rest.cell(row, left))];
  return blocksOf(lines)
    .flatMap((block) => drawn(kept, widths, block, options))
    .map((line, index) => `${" ".repeat(INDENT)}${line}${" ".repeat(GAP)}${beside[index] ?? ""}`.trimEnd())
    .join("\n");
}

/** cli-table3 takes the square of the rows: 20,000 at once are 47 s, in blocks less than 2. */
const BLOCK = 100;

function blocksOf(lines: readonly Cell[][]): Cell[][][] {
  const painted = lines.map((line, index) => (index === 0 ? line.map(({ text }): Cell => ({ text, tone: "faint" })) : line));
  return Array.from({ length: Math.ceil(painted.length / BLOCK) }, (_, block) => painted.slice(block * BLOCK, (block + 1) * BLOCK));
}

function drawn<Row>(
  columns: readonly Column<Row>[],
  widths: readonly number[],
  lines: readonly Cell[][],
  { color }: TableOptions<Row>,
): string[] {
  const drawing = new Table({
    chars: NO_RULES,
    style: { "padding-left": 0, "padding-right": 0, head: [], border: [] },
    colWidths: [...widths],
    colAligns: columns.map(({ align }) => align ?? "left"),
  });
  for (const line of lines)
    drawing.push(line.map(({ text, tone }, place) => paint(fit(text, widths[place] ?? 0, columns[place]?.shrink?.cut), tone, color)));
  return drawing.toString().split("\n");
}

const NO_RULES = {
  top: "",
  "top-mid": "",
  "top-left": "",
  "top-right": "",
  bottom: "",
  "bottom-mid": "",
  "bottom-left": "",
  "bottom-right": "",
  left: "",
  "left-mid": "",
  mid: "",
  "mid-mid": "",
  right: "",
  "right-mid": "",
  middle: " ".repeat(GAP),
} as const;

/** Title, rows and footer of one column. */
function cellsOf<Row>(column: Column<Row>, rows: readonly Row[], { footer }: TableOptions<Row>): Cell[] {
  const cells = [column.title, ...rows.map((row) => column.cell(row)), ...(footer === undefined ? [] : [footer[column.title] ?? ""])];
  return cells.map((cell) => (typeof cell === "string" ? { text: cell } : cell));
}

function keptColumns<Row>(
  columns: readonly Column<Row>[],
  cells: ReadonlyMap<Column<Row>, readonly Cell[]>,
  { width, rest }: TableOptions<Row>,
): Column<Row>[] {
  const whole = (column: Column<Row>): number => widest(cells.get(column) ?? []);
  const least = (column: Column<Row>): number => Math.min(whole(column), column.shrink?.to ?? Number.POSITIVE_INFINITY);
  const beside = rest === undefined ? 0 : GAP + rest.least;
  const spared = without(columns, { from: SPARE, isTooWide: (kept) => spanOf(kept.map(whole)) + beside > width });
  return without(spared, { from: 1, isTooWide: (kept) => spanOf(kept.map(least)) > width });
}

/** Columns less those of the highest rank, one rank at a time, as long as they are too wide. */
function without<Row>(
  columns: readonly Column<Row>[],
  { from, isTooWide }: { from: number; isTooWide: (kept: readonly Column<Row>[]) => boolean },
): Column<Row>[] {
  const worst = Math.max(...columns.map(({ rank }) => rank ?? 0));
  if (worst < from || !isTooWide(columns)) return [...columns];
  return without(
    columns.filter(({ rank }) => rank !== worst),
    { from, isTooWide },
  );
}

function spanOf(widths: readonly number[]): number {
  return INDENT + sum(widths) + GAP * (widths.length - 1);
}

/** Widths with the cuttable columns cut, each in the order they come, as far as needed. */
function shrunk<Row>(columns: readonly Column<Row>[], widths: readonly number[], width: number): number[] {
  let over = spanOf(widths) - width;
  return widths.map((natural, place) => {
    const give = Math.max(Math.min(over, natural - (columns[place]?.shrink?.to ?? natural)), 0);
    over -= give;
    return natural - give;
  });
}

function rowsOf(columns: readonly (readonly Cell[])[]): Cell[][] {
  return (columns[0] ?? []).map((_, index) => columns.map((cells) => cells[index] ?? { text: "" }));
}

function widest(cells: readonly Cell[]): number {
  return cells.reduce((most, { text }) => Math.max(most, displayWidth(text)), 1);
}

function sum(widths: readonly number[]): number {
  return widths.reduce((total, width) => total + width, 0);
}
