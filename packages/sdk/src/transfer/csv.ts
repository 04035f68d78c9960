import type { Cell } from "./cell.ts";

/**
 * CSV as RFC 4180 has it, of rows that come back exactly: what is not known is an empty field, an empty text a quoted one. A text
 * that a spreadsheet would take for a formula gets an apostrophe, as in every CSV of stratctl, and one that looks as if it had got
 * one gets another: so each comes off again.
 */

export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(field).join(",")}\r\n`;
}

const PLAIN_NUMBER = /^-?\d+(\.\d+)?$/;
const GUARDED = /^'*[=+\-@\t\r\n]/;

function field(cell: Cell): string {
  if (cell === null) return "";
  const text = GUARDED.test(cell) && !PLAIN_NUMBER.test(cell) ? `'${cell}` : cell;
  return text === "" || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function unguarded(text: string): string {
  return text.startsWith("'") && GUARDED.test(text) ? text.slice(1) : text;
}

/** A record: its cells, and the line that it begins on, counted from 1. */
export interface CsvRecord {
  readonly line: number;
  readonly cells: readonly Cell[];
}

/** What is no CSV, and on which line. */
export class CsvFault extends Error {
  readonly line: number;

  constructor(line: number, what: string) {
    super(what);
    this.line = line;
  }
}

/** Takes a text in pieces, and gives the records that are whole. Lines end with LF or CRLF. */
export class CsvReader {
  #rest = "";
  /** Of the first character of #rest. */
  #line = 1;

  read(text: string): CsvRecord[] {
    const records: CsvRecord[] = [];
    this.#rest += text;
    let start = 0;
    for (;;) {
      const end = recordEnd(this.#rest, start);
      if (end === -1) break;
      const record = this.#rest.slice(start, end);
      const line = this.#line;
      this.#line += record.includes('"') ? record.split("\n").length : 1;
      start = end + 1;
      const body = record.endsWith("\r") ? record.slice(0, -1) : record;
      if (body !== "") records.push({ line, cells: cellsOf(body, line) });
    }
    this.#rest = this.#rest.slice(start);
    if (this.#rest.length > RECORD_CHARS_MAX) throw new CsvFault(this.#line, "a quote is opened here, and not closed");
    return records;
  }

  /** What stands after the last line end: a record that is not whole. */
  end(): void {
    if (this.#rest !== "") throw new CsvFault(this.#line, "the file ends within a line: it was cut short");
  }
}

/** Far beyond any row; what is longer must not be collected without end. */
const RECORD_CHARS_MAX = 16_000_000;

/** Where the record that begins at `start` ends: the first LF outside quotes; −1 where that has not come yet. */
function recordEnd(text: string, start: number): number {
  let is_open = false;
  let from = start;
  for (;;) {
    const end = text.indexOf("\n", from);
    if (end === -1) return -1;
    for (let at = from; at < end; at += 1) if (text.charCodeAt(at) === QUOTE) is_open = !is_open;
    if (!is_open) return end;
    from = end + 1;
  }
}

const QUOTE = 34;

function cellsOf(record: string, line: number): Cell[] {
  if (!record.includes('"')) return record.split(",").map((text) => (text === "" ? null : unguarded(text)));
  const cells: Cell[] = [];
  let at = 0;
  for (;;) {
    if (record[at] === '"') {
      QUOTED.lastIndex = at;
      const [quoted = "", body = ""] = QUOTED.exec(record) ?? [];
      at += quoted.length;
      if (quoted === "" || (at < record.length && record[at] !== ","))
        throw new CsvFault(line, "something stands behind the quote that closes a field");
      cells.push(unguarded(body.replaceAll('""', '"')));
    } else {
      const comma = record.indexOf(",", at);
      const text = record.slice(at, comma === -1 ? undefined : comma);
      if (text.includes('"')) throw new CsvFault(line, `a quote within the field ${JSON.stringify(text)}, which does not begin with one`);
      cells.push(text === "" ? null : unguarded(text));
      at += text.length;
    }
    if (at >= record.length) return cells;
    at += 1;
    if (at === record.length) return [...cells, null];
  }
}

const QUOTED = /"((?:[^"]|"")*)"/y;
