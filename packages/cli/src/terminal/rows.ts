import { paint, toneOf } from "./format.ts";

/** What a cell holds before anybody decided how to show it: numbers are plain, the unknown is null. */
export type Value = string | number | boolean | null | readonly string[];
export type Row = Readonly<Record<string, Value>>;

/**
 * Rows for cut, awk and sort: a tab between cells, a row a line, ISO times, plain numbers, nothing where nothing is known.
 * A tab or a line break within a text becomes a blank; who needs the text whole takes csv or json.
 */
export function tsv(rows: readonly Row[], fields: readonly string[], { header = false, color = false } = {}): string {
  const lines = rows.map((row) => fields.map((field) => tinted(field, row[field], color)).join("\t"));
  return lined(header ? [fields.join("\t"), ...lines] : lines, "\n");
}

/**
 * RFC 4180 with a header: CRLF, quotes where a cell holds a comma, a quote or a line break. A text that a spreadsheet
 * would take for a formula gets an apostrophe; a number never does, so that a column of losses stays one of numbers.
 */
export function csv(rows: readonly Row[], fields: readonly string[]): string {
  const lines = rows.map((row) => fields.map((field) => quoted(guarded(row[field]))).join(","));
  return lined([fields.join(","), ...lines], "\r\n");
}

/**
 * JSON on lines of its own: spread out for a reader, else an element a line. C1 controls are escaped as well, since a
 * terminal obeys them and JSON.stringify lets them through.
 */
export function json(data: unknown, { spread = false } = {}): string {
  const text = spread ? JSON.stringify(data, null, 2) : Array.isArray(data) ? elementsOf(data) : JSON.stringify(data);
  return `${text.replaceAll(/[\u007F-\u009F]/g, (control) => `\\u${control.charCodeAt(0).toString(16).padStart(4, "0")}`)}\n`;
}

function elementsOf(data: readonly unknown[]): string {
  return data.length === 0 ? "[]" : `[\n${data.map((element) => JSON.stringify(element)).join(",\n")}\n]`;
}

function lined(lines: readonly string[], end: string): string {
  return lines.map((line) => line + end).join("");
}

/** Colour in a pipe is for who forces it: gains and losses, as at a terminal. */
function tinted(field: string, value: Value | undefined, color: boolean): string {
  const text = plainText(value).replaceAll(/\p{Cc}+/gu, " ");
  return color && typeof value === "number" && field.includes("pnl") ? paint(text, toneOf(value), true) : text;
}

function plainText(value: Value | undefined): string {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? value.join(",") : String(value);
}

const FORMULA = /^[=+\-@\t\r\n]/;

function guarded(value: Value | undefined): string {
  const text = plainText(value);
  return typeof value !== "number" && FORMULA.test(text) ? `'${text}` : text;
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
