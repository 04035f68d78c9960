import {
  partOfCandles,
  settleStrategies,
  StratctlError,
  upsertCandles,
  upsertMarks,
  upsertQuotes,
  type CandleBatch,
  type CandleUpsert,
  type Db,
  type MarkBatch,
  type QuoteBatch,
} from "@stratctl/sdk/internal";
import { joined } from "./joined.ts";
import { countsAt, numbersAt } from "./minute.ts";

export interface WriterOptions {
  readonly db: Db;
  /** True: a minute replaces the row of another book or source instead of being left out. */
  readonly overwrite: boolean;
  /** Candles of finished minutes that wait for a database that is away, at most: the oldest are given up first. */
  readonly candles_max: number;
}

/** Candles of finished minutes. */
export interface WriterCounts {
  /** Brought to the database. */
  carried: number;
  /** Of those, rows that were added or changed by it. */
  written: number;
  /** Minutes whose row is of another book or source, or whose strategy is gone. */
  left_out: number;
  /** Given up because too many waited. */
  dropped: number;
  /** Given up because the database refuses their values. */
  refused: number;
}

/** What the minute under way has to say. */
export interface Latest {
  readonly candles?: CandleBatch | undefined;
  readonly marks?: MarkBatch | null | undefined;
  readonly quotes?: QuoteBatch | undefined;
}

interface Carried extends CandleUpsert {
  readonly refused: number;
}

/** Rows of one statement, about: enough to make the round trip cheap, few enough that a small minute need not wait. */
const ROWS_A_WRITE = 5_000;

/**
 * Carries candles, latest marks and last prices to the database, in bulk. What a failed write did not bring over waits for the
 * next one; a candle that is written twice changes nothing, since rows merge.
 */
export class Writer {
  readonly #options: WriterOptions;
  readonly counts: WriterCounts = { carried: 0, written: 0, left_out: 0, dropped: 0, refused: 0 };
  #finished: CandleBatch[] = [];
  /** Of those, the batches of the statement that is under way. */
  #under_way: readonly CandleBatch[] = [];
  #marks: MarkBatch[] = [];
  #is_settled = true;
  #waiting_count = 0;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /** Candles of finished minutes that wait. */
  get waiting_count(): number {
    return this.#waiting_count;
  }

  /** Keeps a finished minute, and the marks of its last sample, until they are written. */
  finish(candles: CandleBatch, marks: MarkBatch | null): void {
    if (candles.length > 0) this.#finished.push(candles);
    this.#waiting_count += candles.length;
    if (marks !== null) this.#marks = [...outdated(this.#marks, marks), marks];
    this.#is_settled &&= marks === null;
    this.#giveUpOldest();
  }

  /**
   * Writes what waits and the minute under way. Rejects where a statement fails, once all have ended; what was not written still
   * waits. Candles, prices and marks go at once: each waits for the disk at its commit, together they wait about as long as one.
   */
  async write({ candles, marks, quotes }: Latest = {}): Promise<void> {
    const outcomes = await Promise.allSettled([this.#writeCandles(candles), this.#writeQuotes(quotes), this.#writeMarks(marks)]);
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
    if (this.#is_settled) return;
    this.#is_settled = true; // a minute that ends meanwhile asks again
    await settleStrategies(this.#options.db).catch((error: unknown) => {
      this.#is_settled = false;
      throw error;
    });
  }

  async #writeCandles(candles: CandleBatch | undefined): Promise<void> {
    while (this.#finished.length > 0) await this.#writeFinished();
    if (candles !== undefined) await this.#carry(candles);
  }

  async #writeQuotes(quotes: QuoteBatch | undefined): Promise<void> {
    if (quotes !== undefined) await upsertQuotes(this.#options.db, quotes);
  }

  async #writeMarks(latest: MarkBatch | null | undefined): Promise<void> {
    for (let first = this.#marks[0]; first !== undefined; first = this.#marks[0]) {
      const written = first;
      await upsertMarks(this.#options.db, written);
      this.#marks = this.#marks.filter((waiting) => waiting !== written);
    }
    if (latest) await upsertMarks(this.#options.db, latest);
  }

  async #writeFinished(): Promise<void> {
    const batches = leading(this.#finished, ROWS_A_WRITE);
    const batch = joined(batches);
    this.#under_way = batches;
    const outcome = await this.#carry(batch).finally(() => {
      this.#under_way = [];
    });
    this.counts.carried += batch.length - outcome.left_out - outcome.refused;
    this.counts.written += outcome.written;
    this.counts.left_out += outcome.left_out;
    this.counts.refused += outcome.refused;
    this.#finished = this.#finished.slice(batches.length);
    this.#waiting_count -= batch.length;
  }

  /** A candle whose values the database refuses is given up, and costs no other: the batch goes in halves, down to it. */
  async #carry(batch: CandleBatch): Promise<Carried> {
    try {
      return { ...(await upsertCandles(this.#options.db, batch, { overwrite: this.#options.overwrite })), refused: 0 };
    } catch (error) {
      if (!isOfTheData(error)) throw error;
      if (batch.length <= 1) return { written: 0, left_out: 0, refused: batch.length };
    }
    const middle = batch.length >>> 1;
    const first = await this.#carry(partOfCandles(batch, { from: 0, to: middle }));
    const second = await this.#carry(partOfCandles(batch, { from: middle, to: batch.length }));
    return {
      written: first.written + second.written,
      left_out: first.left_out + second.left_out,
      refused: first.refused + second.refused,
    };
  }

  /** But for what is under way, which may arrive yet, and the newest. */
  #giveUpOldest(): void {
    const first = this.#under_way.length;
    while (this.#waiting_count > this.#options.candles_max && this.#finished.length > first + 1) {
      const length = this.#finished.splice(first, 1)[0]?.length ?? 0;
      this.#waiting_count -= length;
      this.counts.dropped += length;
    }
  }
}

/** The first batches up to about `rows` rows, at least one. */
function leading(batches: readonly CandleBatch[], rows: number): CandleBatch[] {
  let count = 0;
  const end = batches.findIndex(({ length }) => (count += length) >= rows);
  return batches.slice(0, end === -1 ? batches.length : end + 1);
}

/** What later marks leave of earlier ones: a strategy waits with its last mark alone, however the book changes meanwhile. */
function outdated(waiting: readonly MarkBatch[], later: MarkBatch): MarkBatch[] {
  const others = waiting.filter((batch) => !sameStrategies(batch, later));
  if (others.length === 0) return [];
  const marked = new Set(later.strategy_id);
  return others.map((batch) => marksWhere(batch, (strategy_id) => !marked.has(strategy_id))).filter(({ length }) => length > 0);
}

function sameStrategies(a: MarkBatch, b: MarkBatch): boolean {
  return a.length === b.length && a.strategy_id.every((id, place) => id === b.strategy_id[place]);
}

function marksWhere(batch: MarkBatch, isMeant: (strategy_id: number) => boolean): MarkBatch {
  const places = Int32Array.from(batch.strategy_id.keys()).filter((place) => isMeant(batch.strategy_id[place] ?? 0));
  return {
    length: places.length,
    at_ms: batch.at_ms,
    strategy_id: countsAt(batch.strategy_id, places),
    m2m_units: numbersAt(batch.m2m_units, places),
    entry_value_units: numbersAt(batch.entry_value_units, places),
    realized_pnl_units: numbersAt(batch.realized_pnl_units, places),
    instrument_count: countsAt(batch.instrument_count, places),
    priced: countsAt(batch.priced, places),
    stale: countsAt(batch.stale, places),
    oldest_age_ms: numbersAt(batch.oldest_age_ms, places),
    reason: Array.from(places, (place) => batch.reason[place] ?? null),
  };
}

/** SQLSTATE classes 22 (data exception) and 23 (integrity constraint). */
function isOfTheData(error: unknown): boolean {
  const sqlstate = error instanceof StratctlError ? error.details["sqlstate"] : null;
  return typeof sqlstate === "string" && /^2[23]/.test(sqlstate);
}
