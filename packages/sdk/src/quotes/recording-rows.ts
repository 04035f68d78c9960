import { StratctlError, type ErrorParts } from "../errors.ts";
import { quickUnits, roundUnits } from "../model/money.ts";
import { FIRST_TRADE_MS, isoMs, IST_OFFSET_MS } from "./price.ts";

/** One quote of a recording: milliseconds since the epoch, `EX:SYM`, units (1 = 0.0001 rupee). */
export interface RecordedQuote {
  readonly at_ms: number;
  readonly instrument: string;
  readonly price_units: number;
}

export interface RecordingSummary {
  readonly path: string;
  readonly form: "ticks" | "bars";
  /** Lines below the header that hold something. */
  row_count: number;
  quote_count: number;
  /** Values that were not prices. */
  refused_count: number;
  /** The first of them: `line 12: "NaN" is not a price`. */
  first_refused: string | null;
  /** Prices of more than four decimals, rounded half to even. */
  rounded_count: number;
  /** In the order in which they appear. */
  instruments: string[];
  /** Days (IST) with quotes, ascending: `2025-07-31`. A sentinel of 1970 is no day. */
  days: string[];
  /** How much of the file has been read, 0 to 1. */
  progress: number;
}

export interface Header {
  readonly form: "ticks" | "bars";
  readonly column_count: number;
  /** Columns, by their place. */
  readonly at: number;
  readonly instrument: number;
  /** Of a bar its open. */
  readonly price: number;
  /** −1 for ticks. */
  readonly close: number;
  readonly bar_ms: number;
}

/** What the time's column is called says what a row is. */
const FORMS = {
  at_utc: { form: "ticks", bar_ms: 0, prices: ["price"] },
  minute_utc: { form: "bars", bar_ms: 60_000, prices: ["open", "close"] },
  start_utc: { form: "bars", bar_ms: 5_000, prices: ["open", "close"] },
  timestamp: { form: "bars", bar_ms: 60_000, prices: ["open", "close"] },
} as const;

const TIMES = ["at_utc", "minute_utc", "start_utc", "timestamp"] as const;

const DAY_MS = 86_400_000;

export function recordingInvalid({ path, line }: { path: string; line?: number }, what: string, parts: ErrorParts = {}): StratctlError {
  const place = line === undefined ? `${path} ` : `${path}:${line}: `;
  return new StratctlError("recording_invalid", place + what, { ...parts, details: { path, line: line ?? null } });
}

/** Reads the first line. Columns may stand in any order, and others beside them. */
export function headerOf(path: string, line: string): Header {
  const names = fieldsOf(line).map((name) => name.trim().toLowerCase());
  const time = TIMES.find((name) => names.includes(name));
  const hint = "ticks have the columns at_utc,instrument,price; bars minute_utc,instrument,open,high,low,close";
  if (time === undefined)
    throw recordingInvalid({ path, line: 1 }, `no column at_utc, minute_utc or start_utc in ${shown(line)}`, { hint });
  const { form, bar_ms, prices } = FORMS[time];
  const missing = ["instrument", ...prices].filter((name) => !names.includes(name));
  if (missing.length > 0) throw recordingInvalid({ path, line: 1 }, `no column ${missing.join(", ")} in ${shown(line)}`, { hint });
  const [price = "", close = ""] = prices;
  const place = (name: string): number => names.indexOf(name);
  return {
    form,
    bar_ms,
    column_count: names.length,
    at: place(time),
    instrument: place("instrument"),
    price: place(price),
    close: place(close),
  };
}

/** Turns rows into quotes, ascending in time, and counts. */
export class RowReader {
  readonly summary: RecordingSummary;
  readonly #header: Header;
  readonly #every_ms: number;
  readonly #instruments = new Map<string, string>();
  /** Closes of bars that rows to come may still go before. */
  #closes: RecordedQuote[] = [];
  #quotes: RecordedQuote[] = [];
  #at_text = "";
  #at_ms = Number.NEGATIVE_INFINITY;
  #day_end_ms = Number.NEGATIVE_INFINITY;

  constructor(path: string, header: Header, every_ms: number) {
    const counts = { row_count: 0, quote_count: 0, refused_count: 0, first_refused: null, rounded_count: 0, progress: 0 };
    this.summary = { path, form: header.form, ...counts, instruments: [], days: [] };
    this.#header = header;
    this.#every_ms = every_ms;
  }

  /** Quotes of these lines, the first of which has the given number. */
  read(lines: readonly string[], first_number: number): RecordedQuote[] {
    for (let place = 0; place < lines.length; place += 1) {
      const line = lines[place] ?? "";
      if (line !== "") this.#row(line, first_number + place);
    }
    return this.#taken();
  }

  /** What is left when the last line has been read. */
  end(): RecordedQuote[] {
    this.#release(Number.POSITIVE_INFINITY);
    this.summary.progress = 1;
    const { path, quote_count, first_refused } = this.summary;
    if (quote_count === 0) throw recordingInvalid({ path }, `holds no price (${first_refused ?? "no row"})`);
    return this.#taken();
  }

  #row(line: string, number: number): void {
    const { column_count, at, instrument: named, price, close, bar_ms } = this.#header;
    const fields = fieldsOf(line);
    if (fields.length !== column_count)
      throw this.#fault(number, `${fields.length} fields where the header has ${column_count}: ${shown(line)}`);
    const at_ms = this.#time(fields[at] ?? "", number);
    const instrument = this.#instrument(fields[named] ?? "", number);
    this.summary.row_count += 1;
    this.#release(at_ms);
    const price_units = this.#price(fields[price] ?? "", number);
    if (price_units !== null) this.#put({ at_ms, instrument, price_units });
    if (close < 0) return;
    const close_units = this.#price(fields[close] ?? "", number);
    if (close_units !== null) this.#closes.push({ at_ms: closeAt(at_ms, bar_ms, this.#every_ms), instrument, price_units: close_units });
  }

  #time(text: string, number: number): number {
    if (text === this.#at_text) return this.#at_ms; // many rows share a second
    const at_ms = isoMs(text, null);
    if (at_ms === null) {
      const why = isoMs(text, 0) === null ? "is not a time" : "has no zone";
      throw this.#fault(number, `${shown(text)} ${why}`, { hint: "write it like 2025-07-31T03:45:00Z" });
    }
    if (at_ms < this.#at_ms)
      throw this.#fault(number, `${text} is before the row above it: a recording ascends in time`, { hint: "sort it by its first column" });
    this.#at_text = text;
    this.#at_ms = at_ms;
    this.#day(at_ms);
    return at_ms;
  }

  #day(at_ms: number): void {
    if (at_ms < FIRST_TRADE_MS || at_ms < this.#day_end_ms) return;
    const day = Math.floor((at_ms + IST_OFFSET_MS) / DAY_MS);
    this.summary.days.push(new Date(day * DAY_MS).toISOString().slice(0, 10));
    this.#day_end_ms = (day + 1) * DAY_MS - IST_OFFSET_MS;
  }

  #instrument(text: string, number: number): string {
    const known = this.#instruments.get(text);
    if (known !== undefined) return known;
    if (!/^[A-Z]+:[^\s:][^:]*$/.test(text)) throw this.#fault(number, `${shown(text)} is not an instrument like NFO:NIFTY25N0424500CE`);
    const instrument = Buffer.from(text).toString(); // a copy: a piece of the chunk would keep all of the chunk
    this.#instruments.set(instrument, instrument);
    this.summary.instruments.push(instrument);
    return instrument;
  }

  /** Units, or null where it is no price, which is counted. */
  #price(text: string, number: number): number | null {
    const quick = quickUnits(text);
    if (quick > 0) return quick;
    const price = roundUnits(text.trim());
    if (price !== null && price.units > 0) {
      if (price.rounded) this.summary.rounded_count += 1;
      return price.units;
    }
    this.summary.refused_count += 1;
    this.summary.first_refused ??= `line ${number}: ${shown(text)} is not a price`;
    return null;
  }

  /** Closes at or before an instant: no row from there on goes before them. They ascend, as the starts of their bars do. */
  #release(until_ms: number): void {
    if ((this.#closes[0]?.at_ms ?? Number.POSITIVE_INFINITY) > until_ms) return;
    const later = this.#closes.findIndex(({ at_ms }) => at_ms > until_ms);
    const due = this.#closes.splice(0, later === -1 ? this.#closes.length : later);
    for (const quote of due) this.#put(quote);
  }

  #put(quote: RecordedQuote): void {
    this.summary.quote_count += 1;
    this.#quotes.push(quote);
  }

  #taken(): RecordedQuote[] {
    const quotes = this.#quotes;
    this.#quotes = [];
    return quotes;
  }

  #fault(line: number, what: string, parts: ErrorParts = {}): StratctlError {
    return recordingInvalid({ path: this.summary.path, line }, what, parts);
  }
}

/** The last sampling boundary inside the bar, else its last millisecond. */
function closeAt(start_ms: number, bar_ms: number, every_ms: number): number {
  const last_ms = start_ms + bar_ms - 1;
  const boundary_ms = Math.floor(last_ms / every_ms) * every_ms;
  return boundary_ms >= start_ms ? boundary_ms : last_ms;
}

/** A bar as the two quotes that it is: what is no price is left out. */
export function barQuotes(bar: {
  readonly at_ms: number;
  readonly instrument: string;
  readonly open_units: number | null;
  readonly close_units: number | null;
  readonly bar_ms: number;
  readonly every_ms: number;
}): RecordedQuote[] {
  const { at_ms, instrument, open_units, close_units, bar_ms, every_ms } = bar;
  const quote = (quoted_ms: number, units: number | null): RecordedQuote[] =>
    units !== null && units > 0 ? [{ at_ms: quoted_ms, instrument, price_units: units }] : [];
  return [...quote(at_ms, open_units), ...quote(closeAt(at_ms, bar_ms, every_ms), close_units)];
}

/** The fields of a line of CSV; quotes are rare, and only then looked at. */
export function fieldsOf(line: string): string[] {
  if (!line.includes('"')) return line.split(",");
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain = ""]) => quoted?.replaceAll('""', '"') ?? plain);
}

function shown(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}
