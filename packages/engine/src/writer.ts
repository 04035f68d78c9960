import {
  isOfTheRow,
  MINUTE_MS,
  partOfCandles,
  partOfMarks,
  partOfQuotes,
  settleStrategies,
  upsertCandles,
  upsertGaps,
  upsertMarks,
  upsertQuotes,
  type CandleBatch,
  type CandleUpsert,
  type Db,
  type Fence,
  type GapBatch,
  type MarkBatch,
  type QuoteBatch,
} from "@stratctl/sdk/internal";
import { apart, type Apart, type Rows } from "./apart.ts";
import { joined } from "./joined.ts";
import { isFull, type Spool } from "./spool.ts";
import { SpooledFiles, type Carried, type SetAside, type VainFile } from "./spooled.ts";
import { candleCount, lastMinutes, leading, without } from "./waiting-candles.ts";
import { outdated } from "./waiting-marks.ts";
import { failureOf } from "./within.ts";

export interface WriterOptions {
  readonly db: Db;
  /** True: a minute replaces the row of another book or source instead of being left out. */
  readonly overwrite: boolean;
  /** Candles of finished minutes that wait in memory, at most: past that the oldest go to the spool, or are given up. */
  readonly candles_max: number;
  /** Where finished minutes wait while the database is away: on disk they outlive this process. Null: in memory alone. */
  readonly spool?: Spool | null | undefined;
  /** What the engine leads under; null: it does not lead, and what there is to write waits. Left out: nobody else writes. */
  readonly fence?: (() => Fence | null) | undefined;
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
  /** Put on disk to wait there; what becomes of them counts once more. */
  spooled: number;
  /** Lost on disk: their file was cut short, or damaged. */
  torn: number;
  /** In files that were set aside on disk: nobody tries them any more. */
  aside: number;
}

/** What went wrong and did not end the write. */
export interface WriterTroubles {
  /** Marks and prices of the last write that the database refuses. */
  readonly refused_marks: number;
  readonly refused_quotes: number;
  /** Why the database refused a row, the last time it did; null: it never did. */
  readonly refused_why: string | null;
  /** Why nothing can be put on disk, or why its folder cannot be read, `ENOSPC`; null where it could the last time. */
  readonly spool_failure: string | null;
  /** Files that are refused, or cannot be read, and are tried again. */
  readonly vain_files: readonly VainFile[];
  /** Files that are tried no more. */
  readonly aside_files: readonly SetAside[];
}

const NO_TROUBLES: WriterTroubles = {
  refused_marks: 0,
  refused_quotes: 0,
  refused_why: null,
  spool_failure: null,
  vain_files: [],
  aside_files: [],
};

/** What the minute under way has to say. */
export interface Latest {
  readonly candles?: CandleBatch | undefined;
  readonly marks?: MarkBatch | null | undefined;
  readonly quotes?: QuoteBatch | undefined;
  /** Why strategies got no candle. */
  readonly gaps?: GapBatch | undefined;
}

/** Waits for a write, and goes on where it was refused by rows. */
type Attempt = (work: Promise<unknown>) => Promise<void>;

/** Rows of one statement, about: enough to make the round trip cheap, few enough that a small minute need not wait. */
const ROWS_A_WRITE = 5_000;

/** A server that took over may lack what another one had confirmed last: so many minutes are told to it again. */
const MINUTES_TOLD_AGAIN = 2;

/** Of a database that comes and goes without end so many minutes are kept to be told again, at most. */
const DOUBTED_MAX = 10;

/**
 * Carries candles, latest marks and last prices to the database, in bulk. What a failed write did not bring over waits for the
 * next one, on disk where there is a spool; a candle that is written twice changes nothing, since rows merge.
 */
export class Writer {
  readonly #options: WriterOptions;
  readonly #spool: Spool | null;
  readonly #spooled: SpooledFiles | null;
  /** Under which the write that is under way leads. */
  #fence: Fence | undefined;
  readonly counts: WriterCounts = { carried: 0, written: 0, left_out: 0, dropped: 0, refused: 0, spooled: 0, torn: 0, aside: 0 };
  #troubles = NO_TROUBLES;
  /** Whether the tables have taken a row of the write that is under way. */
  #is_taken = false;
  #finished: readonly CandleBatch[] = [];
  /** Of those, the batches of the statement that is under way. */
  #under_way: readonly CandleBatch[] = [];
  /** The last that were brought over, and those of them that are to be told again. */
  #recent: readonly CandleBatch[] = [];
  /** Those that were brought over last when the database went away: which server comes back is known with the book of a later minute. */
  #doubted: readonly CandleBatch[] = [];
  #doubted_to_ms = Number.NEGATIVE_INFINITY;
  #newest_ms = Number.NEGATIVE_INFINITY;
  #again: readonly CandleBatch[] = [];
  #marks: MarkBatch[] = [];
  #is_settled = true;
  /** What goes to disk goes one after the other. */
  #spooling: Promise<void> = Promise.resolve();

  constructor(options: WriterOptions) {
    this.#options = options;
    this.#spool = options.spool ?? null;
    this.#spooled = this.#spool === null ? null : this.#spooledIn(this.#spool);
  }

  #spooledIn(spool: Spool): SpooledFiles {
    return new SpooledFiles({
      spool,
      carry: (batch) => this.#carry(batch),
      onCarried: (batch, carried) => this.#count(batch, carried),
      onLost: (what, candle_count) => (this.counts[what] += candle_count),
      isTaken: () => this.#is_taken,
    });
  }

  /** Candles of finished minutes that wait in memory. */
  get waiting_count(): number {
    return candleCount(this.#finished);
  }

  /** Candles that wait on disk; null where there is no spool. */
  get spool_depth(): number | null {
    return this.#spool?.candle_count ?? null;
  }

  get troubles(): WriterTroubles {
    return { ...this.#troubles, vain_files: this.#spooled?.vain ?? [], aside_files: this.#spooled?.aside ?? [] };
  }

  /** The folder of what waits on disk; null where there is none. */
  get spool_folder(): string | null {
    return this.#spool?.folder ?? null;
  }

  /** How many candles of an earlier run wait on disk. A folder that nothing can be put into is known from now on. */
  async found(): Promise<number> {
    const why = (await this.#spool?.prepare()) ?? (await this.#spooled?.look()) ?? null;
    this.#troubles = { ...this.#troubles, spool_failure: why };
    return this.spool_depth ?? 0;
  }

  /** Keeps a finished minute, and the marks of its last sample, until they are written. */
  finish(candles: CandleBatch, marks: MarkBatch | null): void {
    if (candles.length > 0) this.#finished = [...this.#finished, candles];
    this.#newest_ms = Math.max(this.#newest_ms, candles.minute_ms[0] ?? Number.NEGATIVE_INFINITY);
    if (marks !== null) this.#marks = [...outdated(this.#marks, marks), marks];
    this.#is_settled &&= marks === null;
    if (this.#spool === null) this.#giveUpOldest();
    else this.#makeRoomIn(this.#spool);
  }

  /** The database may lack what it had: the last minutes are told once more with the next write. */
  tellAgain(): void {
    this.#again = [...this.#doubted, ...without(this.#recent, this.#doubted)];
  }

  /**
   * Writes what waits and the minute under way. Rejects where a statement fails, once all have ended; what was not written still
   * waits. Candles, prices and marks go at once: each waits for the disk at its commit, together they wait about as long as one.
   */
  async write({ candles, marks, quotes, gaps }: Latest = {}): Promise<void> {
    const fence = this.#options.fence?.();
    if (fence === null) return;
    this.#fence = fence;
    this.#troubles = { ...this.#troubles, refused_marks: 0, refused_quotes: 0 };
    this.#is_taken = false;
    const outcomes = await Promise.allSettled([
      this.#writeCandles(candles),
      this.#writeQuotes(quotes),
      this.#writeMarks(marks),
      this.#writeGaps(gaps),
    ]);
    const [carried] = outcomes;
    if (carried.status === "rejected" && failureOf(carried.reason).code !== "leadership_lost") await this.save();
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
    if (this.#is_settled) return;
    this.#is_settled = true; // a minute that ends meanwhile asks again
    await settleStrategies(this.#options.db, fence).catch((error: unknown) => {
      this.#is_settled = false;
      throw error;
    });
  }

  /**
   * The database is away, or the end has come: puts on disk all finished minutes that wait, those of a write that is under way
   * too, which may not arrive.
   */
  async save(): Promise<void> {
    this.#doubted = [...this.#doubted, ...without(this.#recent, this.#doubted)].slice(-DOUBTED_MAX);
    this.#doubted_to_ms = this.#newest_ms + MINUTES_TOLD_AGAIN * MINUTE_MS;
    const spool = this.#spool;
    if (spool === null) return;
    await this.#inTurn(async () => {
      while (this.#finished.length > 0) if (!(await this.#put(spool, leading(this.#finished, ROWS_A_WRITE)))) return;
    });
  }

  /** Rows of which the database refuses all hold up no other: what comes after them is written, then it rejects. */
  async #writeCandles(candles: CandleBatch | undefined): Promise<void> {
    const refused: unknown[] = [];
    const attempt: Attempt = async (work) => {
      try {
        await work;
      } catch (error) {
        if (!isOfTheRow(error)) throw error;
        refused.push(error);
      }
    };
    const tried: CandleBatch[] = [];
    for (let rest = this.#finished; rest.length > 0; rest = without(this.#finished, tried)) {
      const batches = leading(rest, ROWS_A_WRITE);
      tried.push(...batches);
      await attempt(this.#writeFinished(batches));
    }
    if (candles !== undefined) await attempt(this.#carry(candles));
    await this.#writeAgain(attempt);
    if (this.#spool !== null && this.#spooled !== null) await attempt(this.#writeSpooled(this.#spool, this.#spooled));
    if (refused.length > 0) throw refused[0];
  }

  async #writeAgain(attempt: Attempt): Promise<void> {
    const again = this.#again;
    if (again.length === 0) return;
    let is_carried = false;
    await attempt(this.#carry(joined(again)).then(() => (is_carried = true)));
    if (!is_carried && !this.#is_taken) return;
    // Another server may refuse what the one before took: while it takes other rows these are given up.
    if (!is_carried) this.counts.refused += candleCount(again);
    if (this.#again === again) this.#again = []; // else it is asked anew
  }

  async #writeGaps(gaps: GapBatch | undefined): Promise<void> {
    if (gaps === undefined || gaps.length === 0) return;
    // Why there is no candle is worth less than what waits behind it: what the database refuses of it is given up.
    await upsertGaps(this.#options.db, gaps, this.#fence).catch((error: unknown) => {
      if (!isOfTheRow(error)) throw error;
    });
  }

  async #writeQuotes(quotes: QuoteBatch | undefined): Promise<void> {
    if (quotes === undefined) return;
    const write = (rows: Rows): Promise<unknown> => upsertQuotes(this.#options.db, partOfQuotes(quotes, rows), this.#fence);
    const { refused } = await this.#apart(quotes.length, write);
    this.#troubles = { ...this.#troubles, refused_quotes: refused };
  }

  async #writeMarks(latest: MarkBatch | null | undefined): Promise<void> {
    for (let first = this.#marks[0]; first !== undefined; first = this.#marks[0]) {
      const written = first;
      await this.#carryMarks(written);
      this.#marks = this.#marks.filter((waiting) => waiting !== written);
    }
    if (latest) await this.#carryMarks(latest);
  }

  async #carryMarks(marks: MarkBatch): Promise<void> {
    const write = (rows: Rows): Promise<unknown> => upsertMarks(this.#options.db, partOfMarks(marks, rows), this.#fence);
    const { refused } = await this.#apart(marks.length, write);
    this.#troubles = { ...this.#troubles, refused_marks: this.#troubles.refused_marks + refused };
  }

  async #writeFinished(batches: readonly CandleBatch[]): Promise<void> {
    const batch = joined(batches);
    this.#under_way = batches;
    const outcome = await this.#carry(batch).finally(() => {
      this.#under_way = [];
    });
    this.#count(batch, outcome);
    this.#finished = without(this.#finished, batches);
    this.#recent = lastMinutes([...this.#recent, ...batches], MINUTES_TOLD_AGAIN);
    if (batches.some(({ minute_ms: [minute_ms = 0] }) => minute_ms > this.#doubted_to_ms)) this.#doubted = [];
  }

  /** Whether it takes files is asked again only after it did not. */
  async #writeSpooled(spool: Spool, files: SpooledFiles): Promise<void> {
    const why = this.#troubles.spool_failure === null ? null : await spool.prepare();
    const unread = await files.write();
    this.#troubles = { ...this.#troubles, spool_failure: why ?? unread };
  }

  #count({ length }: CandleBatch, { written, left_out, refused }: Carried): void {
    this.counts.carried += length - left_out - refused;
    this.counts.written += written;
    this.counts.left_out += left_out;
    this.counts.refused += refused;
  }

  async #carry(batch: CandleBatch): Promise<Carried> {
    const { db, overwrite } = this.#options;
    const { outcomes, refused } = await this.#apart(batch.length, (rows) =>
      upsertCandles(db, partOfCandles(batch, rows), { overwrite, fence: this.#fence }),
    );
    const sum = (read: (outcome: CandleUpsert) => number): number => outcomes.reduce((total, outcome) => total + read(outcome), 0);
    this.#is_taken ||= outcomes.some(({ written }) => written > 0);
    return { written: sum((one) => one.written), left_out: sum((one) => one.left_out), refused };
  }

  async #apart<Outcome>(length: number, write: (rows: Rows) => Promise<Outcome>): Promise<Apart<Outcome>> {
    const result = await apart(length, write);
    if (result.why !== null) this.#troubles = { ...this.#troubles, refused_why: result.why };
    return result;
  }

  #makeRoomIn(spool: Spool): void {
    if (this.waiting_count > this.#options.candles_max) this.#inTurn(() => this.#makeRoom(spool)).catch(() => this.#giveUpOldest());
  }

  /** Over what may wait in memory: the oldest to the spool, in the place of still older ones where that is full, or given up. */
  async #makeRoom(spool: Spool): Promise<void> {
    for (let part = this.#excess(); part.length > 0; part = this.#excess()) {
      if (await this.#put(spool, part)) continue;
      const needed = isFull(this.#troubles.spool_failure) ? candleCount(part) : 0;
      for (let freed = 0, dropped = 1; freed < needed && dropped > 0; freed += dropped) {
        dropped = await spool.dropOldest();
        this.counts.dropped += dropped;
      }
      if (needed === 0 || !(await this.#put(spool, part))) this.#giveUpOldest();
    }
  }

  /** The oldest finished minutes, where more wait than may; but for what is under way, which may arrive yet, and the newest. */
  #excess(): CandleBatch[] {
    if (this.waiting_count <= this.#options.candles_max) return [];
    return leading(without(this.#finished, this.#under_way).slice(0, -1), ROWS_A_WRITE);
  }

  #giveUpOldest(): void {
    for (let [oldest] = this.#excess(); oldest !== undefined; [oldest] = this.#excess()) {
      this.#finished = without(this.#finished, [oldest]);
      this.counts.dropped += oldest.length;
    }
  }

  /** True: the minutes wait on disk, and no longer in memory. */
  async #put(spool: Spool, minutes: readonly CandleBatch[]): Promise<boolean> {
    const batch = joined(minutes);
    const spool_failure = await spool.put(batch);
    this.#troubles = { ...this.#troubles, spool_failure };
    if (spool_failure !== null) return false;
    this.#finished = without(this.#finished, minutes);
    this.counts.spooled += batch.length;
    return true;
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#spooling.then(work);
    this.#spooling = turn.catch(() => undefined); // what comes after it is not stopped by it
    return turn;
  }
}
