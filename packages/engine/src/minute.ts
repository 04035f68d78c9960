import type { CandleBatch, CandleSource } from "@stratctl/sdk/internal";
import { legCount, type Book } from "./book.ts";

const AGE_MS_MAX = 2_147_483_647;
const MINUTE_MS = 60_000;

/**
 * The candles of one minute, one place a strategy of the minute's book. add() is fold() of the SDK on a structure of arrays:
 * in any order, and however often a Mark comes, the candle is the same.
 */
export class MinuteFold {
  readonly book: Book;
  readonly minute_ms: number;
  readonly #source: CandleSource;
  readonly #open: Float64Array;
  readonly #high: Float64Array;
  readonly #low: Float64Array;
  readonly #close: Float64Array;
  readonly #first_at: Float64Array;
  readonly #last_at: Float64Array;
  readonly #stale: Int32Array;
  readonly #oldest_age: Int32Array;
  readonly #sampled: BigInt64Array;
  /** The masks again, as words of 32 bits: a BigInt a Mark would be an object a Mark. */
  readonly #words: Uint32Array;
  readonly #changed: Uint8Array;

  constructor(book: Book, { minute_ms, source }: { minute_ms: number; source: CandleSource }) {
    const count = book.strategy_count;
    this.book = book;
    this.minute_ms = minute_ms;
    this.#source = source;
    this.#open = new Float64Array(count);
    this.#high = new Float64Array(count);
    this.#low = new Float64Array(count);
    this.#close = new Float64Array(count);
    this.#first_at = new Float64Array(count);
    this.#last_at = new Float64Array(count);
    this.#stale = new Int32Array(count);
    this.#oldest_age = new Int32Array(count);
    this.#sampled = new BigInt64Array(count);
    this.#words = new Uint32Array(this.#sampled.buffer);
    this.#changed = new Uint8Array(count);
  }

  holds(at_ms: number): boolean {
    return at_ms >= this.minute_ms && at_ms < this.minute_ms + MINUTE_MS;
  }

  has(strategy: number): boolean {
    return (this.#words[2 * strategy + LOW] ?? 0) !== 0 || (this.#words[2 * strategy + HIGH] ?? 0) !== 0;
  }

  /** A Mark of the strategy at that place of the book, M2M in units. */
  add(strategy: number, at_ms: number, m2m_units: number): void {
    const second = Math.floor((at_ms - this.minute_ms) / 1000);
    if (!this.has(strategy)) this.#begin(strategy, at_ms, m2m_units);
    else this.#extend(strategy, at_ms, m2m_units);
    const word = 2 * strategy + (second < 32 ? LOW : HIGH);
    this.#words[word] = (this.#words[word] ?? 0) | (1 << (second & 31));
    this.#changed[strategy] = 1;
  }

  /** How many of the Mark's legs were stale, and the age of its oldest price. */
  addAges(strategy: number, { stale_count, oldest_age_ms }: { stale_count: number; oldest_age_ms: number }): void {
    const age_ms = Math.min(oldest_age_ms, AGE_MS_MAX);
    if (stale_count > (this.#stale[strategy] ?? 0)) this.#stale[strategy] = stale_count;
    if (age_ms > (this.#oldest_age[strategy] ?? 0)) this.#oldest_age[strategy] = age_ms;
  }

  #begin(strategy: number, at_ms: number, m2m_units: number): void {
    this.#open[strategy] = m2m_units;
    this.#high[strategy] = m2m_units;
    this.#low[strategy] = m2m_units;
    this.#close[strategy] = m2m_units;
    this.#first_at[strategy] = at_ms;
    this.#last_at[strategy] = at_ms;
  }

  /** Of equal times the greater value counts, as in merge. */
  #extend(strategy: number, at_ms: number, m2m_units: number): void {
    const first_at = this.#first_at[strategy] ?? 0;
    const last_at = this.#last_at[strategy] ?? 0;
    if (m2m_units > (this.#high[strategy] ?? 0)) this.#high[strategy] = m2m_units;
    if (m2m_units < (this.#low[strategy] ?? 0)) this.#low[strategy] = m2m_units;
    if (at_ms > last_at || (at_ms === last_at && m2m_units > (this.#close[strategy] ?? 0))) {
      this.#close[strategy] = m2m_units;
      this.#last_at[strategy] = at_ms;
    }
    if (at_ms < first_at || (at_ms === first_at && m2m_units > (this.#open[strategy] ?? 0))) {
      this.#open[strategy] = m2m_units;
      this.#first_at[strategy] = at_ms;
    }
  }

  /** A copy of the candles there are, in the order of strategy_id; with `changed` only of those that moved since the last copy. */
  take({ changed }: { changed: boolean }): CandleBatch {
    const places = this.#places(changed);
    const sampled = new BigInt64Array(places.length);
    for (let row = 0; row < places.length; row += 1) sampled[row] = this.#sampled[places[row] ?? -1] ?? 0n;
    for (let row = 0; row < places.length; row += 1) this.#changed[places[row] ?? -1] = 0;
    return {
      length: places.length,
      strategy_id: countsAt(this.book.strategy_id, places),
      minute_ms: new Float64Array(places.length).fill(this.minute_ms),
      open_units: numbersAt(this.#open, places),
      high_units: numbersAt(this.#high, places),
      low_units: numbersAt(this.#low, places),
      close_units: numbersAt(this.#close, places),
      entry_value_units: numbersAt(this.book.entry_value_units, places),
      realized_pnl_units: numbersAt(this.book.realized_pnl_units, places),
      instrument_count: places.map((place) => legCount(this.book, place)),
      stale_count: countsAt(this.#stale, places),
      oldest_age_ms: countsAt(this.#oldest_age, places),
      sampled,
      first_at_ms: numbersAt(this.#first_at, places),
      last_at_ms: numbersAt(this.#last_at, places),
      source: this.#source,
    };
  }

  #places(changed: boolean): Int32Array {
    const places = new Int32Array(this.book.strategy_count);
    let length = 0;
    for (let strategy = 0; strategy < places.length; strategy += 1)
      if (changed ? this.#changed[strategy] === 1 : this.has(strategy)) places[length++] = strategy;
    return places.subarray(0, length);
  }
}

/** Rows of a column, by their places: loops, since an iterator a column costs a hundred thousand strategies a third of a second. */
export function numbersAt(column: Float64Array, places: Int32Array): Float64Array {
  const rows = new Float64Array(places.length);
  for (let row = 0; row < rows.length; row += 1) rows[row] = column[places[row] ?? -1] ?? Number.NaN;
  return rows;
}

export function countsAt(column: Int32Array, places: Int32Array): Int32Array {
  const rows = new Int32Array(places.length);
  for (let row = 0; row < rows.length; row += 1) rows[row] = column[places[row] ?? -1] ?? 0;
  return rows;
}

/** Which of the two words of a mask holds seconds 0 to 31, and which the rest: typed arrays have the machine's byte order. */
const [LOW, HIGH] = new Uint32Array(new BigInt64Array([1n]).buffer)[0] === 1 ? [0, 1] : [1, 0];
