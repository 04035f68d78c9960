import {
  builtinCalendar,
  Fallback,
  lead,
  QuoteBoard,
  redisSource,
  type CandleBatch,
  type Database,
  type DbSession,
  type Fence,
  type MarkBatch,
  type QuoteSink,
  type QuoteSource,
} from "@stratctl/sdk/internal";
import { readBook, type Book } from "../packages/engine/src/book.ts";
import { part } from "../packages/sdk/src/store/candle-batch.ts";
import { Sampler } from "../packages/engine/src/sample.ts";
import { UnwrittenQuotes } from "../packages/engine/src/unwritten.ts";
import { Writer } from "../packages/engine/src/writer.ts";

export interface EngineOptions {
  readonly db: Database;
  readonly redis_url: string;
  readonly as_of_ms: number;
  readonly shape?: Shape;
}

/** What is put back of the loop that this replaces, to see that the bench notices: a key, or a row, at a time. */
export interface Shape {
  readonly one_by_one?: "reads" | "writes";
}

interface Wired {
  readonly db: Database;
  readonly book: Book;
  readonly source: QuoteSource;
  readonly shape: Shape;
  readonly session: DbSession;
  readonly fence: Fence | null;
}

/** The parts of the minute's pass, wired as the daemon wires them, each to be called at will. */
export class Engine implements AsyncDisposable {
  readonly book: Book;
  readonly #db: Database;
  readonly #session: DbSession;
  readonly #fence: Fence | null;
  readonly #board: QuoteBoard;
  readonly #fallback: Fallback;
  readonly #sampler: Sampler;
  readonly #unwritten: UnwrittenQuotes;

  readonly #shape: Shape;

  private constructor({ db, book, source, shape, session, fence }: Wired) {
    this.book = book;
    this.#db = db;
    this.#session = session;
    this.#fence = fence;
    this.#board = new QuoteBoard(book.instruments);
    this.#fallback = new Fallback({ sources: [shape.one_by_one === "reads" ? oneByOne(source) : source], deadline_ms: 60_000 });
    this.#sampler = new Sampler({
      calendar: builtinCalendar(),
      board: this.#board,
      stale_ms_max: 60_000,
      carry_after_ms: 60_000,
      source: "live",
    });
    this.#shape = shape;
    this.#unwritten = new UnwrittenQuotes(this.#board);
  }

  static async open({ db, redis_url, as_of_ms, shape = {} }: EngineOptions): Promise<Engine> {
    const book = await readBook(db, builtinCalendar(), { as_of_ms });
    const session = await db.session({ name: "stratctl leader", timeout_ms: 30_000 });
    const { fence } = await lead(session, { shard: { shard: 1, of: 1 }, holder: "bench", own: null, silent_ms: 0 });
    return new Engine({ db, book, source: redisSource({ url: redis_url }), shape, session, fence });
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
    const writer = new Writer({ db: this.#db, overwrite: false, candles_max: Number.POSITIVE_INFINITY, fence: () => this.#fence });
    const { candles, marks } = this.#sampler.finish({ with_marks: true });
    if (this.#shape.one_by_one === "writes") await writeOneByOne(writer, candles);
    else writer.finish(candles, null);
    if (marks !== null) writer.finish(part(candles, { from: 0, to: 0 }), marks);
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
    this.#session.drop();
    return this.#fallback.close();
  }
}

function oneByOne(source: QuoteSource): QuoteSource {
  return {
    name: source.name,
    close: () => source.close(),
    async read(instruments, sink, options) {
      for (const [place, instrument] of instruments.entries()) {
        const one: QuoteSink = {
          quote: (_, price_units, at_ms, rounded) => sink.quote(place, price_units, at_ms, rounded),
          refused: (_, why) => sink.refused(place, why),
          absent: (_, why) => sink.absent(place, why),
        };
        await source.read([instrument], one, options);
      }
    },
  };
}

async function writeOneByOne(writer: Writer, candles: CandleBatch): Promise<void> {
  for (let place = 0; place < candles.length; place += 1) {
    writer.finish(part(candles, { from: place, to: place + 1 }), null);
    await writer.write();
  }
}
