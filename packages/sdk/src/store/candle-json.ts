import { StratctlError } from "../errors.ts";
import { Candle, CandleSource, type Basis } from "../model/candle.ts";
import { instantOfColumn } from "../model/instant.ts";
import { amountTextOfColumn } from "../model/money.ts";
import type { RowTexts } from "./db.ts";

/** Candles of a range as JSON. */
export interface CandlesJson {
  /** Objects in a row with a comma between two: what stands between the brackets of an array. */
  readonly bytes: Buffer;
  readonly count: number;
  /** The timestamp of the first and of the last; null where there is none. */
  readonly first: string | null;
  readonly last: string | null;
}

/** The columns of a candle, as its schema orders them. */
export const CANDLE_COLUMNS = Candle.keyof().options;

/**
 * Rows of candles as JSON, straight from the texts of their columns: each is held to its form and brought to that of a Candle. A
 * law: it is what `JSON.stringify` makes of the candles of these rows.
 *
 * @throws StratctlError internal: a column is not as the schema says
 */
export function jsonOf(rows: readonly RowTexts[], basis: Basis): CandlesJson {
  const writers = FIELDS[basis].map(writerOf);
  const chunks: Buffer[] = [];
  let text = "";
  for (const [at, row] of rows.entries()) {
    if (at > 0) text += ",";
    for (const write of writers) text += write(row);
    text += "}";
    if (text.length < CHUNK_CHARS) continue;
    chunks.push(bytesOf(text));
    text = "";
  }
  const bytes = Buffer.concat([...chunks, bytesOf(text)]);
  const timestampOf = (row: RowTexts | undefined): string | null => (row === undefined ? null : instantOfColumn(row[TIMESTAMP] ?? ""));
  return { bytes, count: rows.length, first: timestampOf(rows[0]), last: timestampOf(rows.at(-1)) };
}

/** A text that is put together of pieces takes many times its length until it is written out. */
const CHUNK_CHARS = 32 * 1024;

/** No form lets anything through but ASCII. */
const bytesOf = (text: string): Buffer => Buffer.from(text, "latin1");

/** The JSON of a column's text; null where it is not of that form. */
type Form = (text: string | null) => string | null;

const WHOLE = /^(?:0|-?[1-9]\d{0,14})$/;
const SECONDS = /^[0-9a-f]{15}$/;
const SOURCES: ReadonlySet<string> = new Set(CandleSource.options);

const quoted = (text: string | null): string | null => (text === null ? null : `"${text}"`);
const whole: Form = (text) => (text !== null && WHOLE.test(text) ? text : null);
const amount: Form = (text) => (text === null ? null : amountTextOfColumn(text));
const instant: Form = (text) => (text === null ? null : quoted(instantOfColumn(text)));

const FORMS: Readonly<Record<keyof Candle, Form>> = {
  strategy_id: whole,
  timestamp: instant,
  open: amount,
  high: amount,
  low: amount,
  close: amount,
  pnl_open: amount,
  pnl_high: amount,
  pnl_low: amount,
  pnl_close: amount,
  entry_value: amount,
  realized_pnl: amount,
  instrument_count: whole,
  minute_count: whole,
  sample_count: whole,
  stale_count: whole,
  oldest_age_ms: whole,
  sampled: (text) => (text === null ? "null" : SECONDS.test(text) ? `"${text}"` : null),
  first_at: instant,
  last_at: instant,
  source: (text) => (text === null ? "null" : SOURCES.has(text) ? `"${text}"` : null),
};

/** Half of the fields mostly say what they said a minute before: what is the same text is the same JSON. */
function writerOf({ before, place, json, name }: Field): (row: RowTexts) => string {
  let last: string | null | undefined;
  let text = "";
  return (row) => {
    const given = row[place] ?? null;
    if (given === last) return text;
    text = before + (json(given) ?? damaged(name, given));
    last = given;
    return text;
  };
}

interface Field {
  readonly name: keyof Candle;
  /** What stands before its value: a comma or the brace, and its name. */
  readonly before: string;
  /** The column that it is read from. */
  readonly place: number;
  readonly json: Form;
}

const FIELDS: Readonly<Record<Basis, readonly Field[]>> = { m2m: fieldsOf((name) => name), pnl: fieldsOf(pnlColumn) };
const TIMESTAMP = CANDLE_COLUMNS.indexOf("timestamp");

function fieldsOf(columnOf: (name: keyof Candle) => keyof Candle): Field[] {
  return CANDLE_COLUMNS.map((name, place) => ({
    name,
    before: `${place === 0 ? "{" : ","}"${name}":`,
    place: CANDLE_COLUMNS.indexOf(columnOf(name)),
    json: FORMS[name],
  }));
}

/** Open, high, low and close are the P&L's. */
function pnlColumn(name: keyof Candle): keyof Candle {
  return name === "open" || name === "high" || name === "low" || name === "close" ? `pnl_${name}` : name;
}

function damaged(name: string, text: string | null | undefined): never {
  throw new StratctlError("internal", `candle: ${name} ${JSON.stringify(text)} is not as the schema says`);
}
