import {
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
    if (marks !== null) this.#marks = [...this.#marks.filter((before) => !sameStrategies(before, marks)), marks];
    this.#is_settled &&= marks === null;
    this.#giveUpOldest();
  }

  /** Writes what waits, then the minute under way. Rejects at the first statement that fails; what was not written still waits. */
  async write({ candles, marks, quotes }: Latest = {}): Promise<void> {
    const { db } = this.#options;
    while (this.#finished.length > 0) await this.#writeFinished();
    if (candles !== undefined) await this.#carry(candles);
    if (quotes !== undefined) await upsertQuotes(db, quotes);
    while (this.#marks.length > 0) await this.#writeMarks();
    if (marks) await upsertMarks(db, marks);
    if (this.#is_settled) return;
    this.#is_settled = true; // a minute that ends meanwhile asks again
    await settleStrategies(db).catch((error: unknown) => {
      this.#is_settled = false;
      throw error;
    });
  }

  async #writeFinished(): Promise<void> {
    const batches = leading(this.#finished, ROWS_A_WRITE);
    const batch = joined(batches);
    const outcome = await this.#carry(batch);
    if (outcome === null) this.counts.refused += batch.length;
    this.counts.carried += batch.length - (outcome?.left_out ?? batch.length);
    this.counts.written += outcome?.written ?? 0;
    this.counts.left_out += outcome?.left_out ?? 0;
    // The oldest may have been given up meanwhile.
    this.#finished = this.#finished.filter((waiting) => !batches.includes(waiting));
    this.#waiting_count = this.#finished.reduce((count, { length }) => count + length, 0);
  }

  /** Null where the database refuses the values: no later try would get them through, and they must not hold up what follows. */
  async #carry(batch: CandleBatch): Promise<CandleUpsert | null> {
    try {
      return await upsertCandles(this.#options.db, batch, { overwrite: this.#options.overwrite });
    } catch (error) {
      if (isOfTheData(error)) return null;
      throw error;
    }
  }

  async #writeMarks(): Promise<void> {
    const [first] = this.#marks;
    if (first !== undefined) await upsertMarks(this.#options.db, first);
    this.#marks = this.#marks.filter((waiting) => waiting !== first);
  }

  #giveUpOldest(): void {
    while (this.#waiting_count > this.#options.candles_max && this.#finished.length > 1) {
      const length = this.#finished.shift()?.length ?? 0;
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

/** Later marks of the same strategies make earlier ones superfluous. */
function sameStrategies(a: MarkBatch, b: MarkBatch): boolean {
  return a.length === b.length && a.strategy_id.every((id, place) => id === b.strategy_id[place]);
}

/** SQLSTATE classes 22 (data exception) and 23 (integrity constraint). */
function isOfTheData(error: unknown): boolean {
  const sqlstate = error instanceof StratctlError ? error.details["sqlstate"] : null;
  return typeof sqlstate === "string" && /^2[23]/.test(sqlstate);
}
