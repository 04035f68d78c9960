import { builtinCalendar, Fallback, QuoteBoard, redisSource, type CandleBatch, type Db, type MarkBatch } from "@stratctl/sdk/internal";
import { readBook, type Book } from "../packages/engine/src/book.ts";
import { Sampler } from "../packages/engine/src/sample.ts";
import { UnwrittenQuotes } from "../packages/engine/src/unwritten.ts";
import { Writer } from "../packages/engine/src/writer.ts";

/** The parts of the minute's pass, wired as the daemon wires them, each to be called at will. */
export class Engine implements AsyncDisposable {
  readonly book: Book;
  readonly #db: Db;
  readonly #board: QuoteBoard;
  readonly #fallback: Fallback;
  readonly #sampler: Sampler;
  readonly #unwritten: UnwrittenQuotes;

  private constructor(db: Db, book: Book, redis_url: string) {
    this.book = book;
    this.#db = db;
    this.#board = new QuoteBoard(book.instruments);
    this.#fallback = new Fallback({ sources: [redisSource({ url: redis_url })], deadline_ms: 60_000 });
    this.#sampler = new Sampler({
      calendar: builtinCalendar(),
      board: this.#board,
      stale_ms_max: 60_000,
      carry_after_ms: 60_000,
      source: "live",
    });
    this.#unwritten = new UnwrittenQuotes(this.#board);
  }

  static async open({ db, redis_url, as_of_ms }: { db: Db; redis_url: string; as_of_ms: number }): Promise<Engine> {
    return new Engine(db, await readBook(db, builtinCalendar(), { as_of_ms }), redis_url);
  }

  begin(minute_ms: number): void {
    this.#sampler.start(this.book, minute_ms);
  }

  /** Read, mark, fold. Throws where a strategy got no mark: then something else was measured. */
  async sample(at_ms: number): Promise<void> {
    await this.#fallback.refresh(this.#board, at_ms, performance.now());
    const { marked_count } = this.#sampler.sample(at_ms);
    if (marked_count !== this.book.strategy_count) throw new Error(`${marked_count} of ${this.book.strategy_count} strategies got a mark`);
  }

  /** Ends the minute; what it came to goes to the database as at each minute's end: candles, marks, last prices, columns. */
  async write(): Promise<{ candles: CandleBatch; marks: MarkBatch | null }> {
    const writer = new Writer({ db: this.#db, overwrite: false, candles_max: Number.POSITIVE_INFINITY });
    const { candles, marks } = this.#sampler.finish({ with_marks: true });
    writer.finish(candles, marks);
    const { batch, confirm } = this.#unwritten.take();
    await writer.write({ quotes: batch });
    confirm();
    if (writer.counts.written !== candles.length) throw new Error(`${writer.counts.written} of ${candles.length} candles were written`);
    return { candles, marks };
  }

  /** Ends the minute and writes nothing. */
  drop(): void {
    this.#sampler.finish({ with_marks: false });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#fallback.close();
  }
}
