import { StratctlError, type Calendar, type Db } from "@stratctl/sdk/internal";
import { emptyBook, readBook, sameInstruments, type Book } from "./book.ts";
import type { Clock } from "./clock.ts";
import { within } from "./within.ts";

/** A database that answered last time is waited for this long, which costs samples; one that did not, this long. */
const WAIT_MS = { answering: 5_000, away: 500 };

/**
 * Keeps the book of the minute under way. While the database does not answer, the last one that was read goes on: legs that
 * are known are better marked than not at all.
 */
export class BookKeeper {
  readonly #db: Db;
  readonly #calendar: Calendar;
  readonly #clock: Clock;
  #book: Book;
  #reading: Promise<Book> | null = null;
  #was_read = false;
  #answers = true;

  constructor({ db, calendar, clock }: { db: Db; calendar: Calendar; clock: Clock }) {
    this.#db = db;
    this.#calendar = calendar;
    this.#clock = clock;
    this.#book = emptyBook(calendar);
  }

  get book(): Book {
    return this.#book;
  }

  /** False until the first book was read. */
  get was_read(): boolean {
    return this.#was_read;
  }

  /** Reads the legs as of a minute's start. Null, or why the book is still the one before. */
  async refresh(minute_ms: number, signal: AbortSignal): Promise<StratctlError | null> {
    const failure = await this.#read(minute_ms, signal);
    this.#answers = failure === null;
    return failure;
  }

  async #read(minute_ms: number, signal: AbortSignal): Promise<StratctlError | null> {
    // A read that hangs is not joined by another: what waits is bounded.
    if (this.#reading !== null) return new StratctlError("database_unreachable", "database does not answer: the last read still waits");
    const reading = readBook(this.#db, this.#calendar, { as_of_ms: minute_ms });
    this.#reading = reading;
    const ended = (): void => {
      this.#reading = null;
    };
    reading.then(ended, ended);
    try {
      const read = await within(reading, { ms: this.#answers ? WAIT_MS.answering : WAIT_MS.away, clock: this.#clock, signal });
      if (read === null) return new StratctlError("database_unreachable", "database does not answer in time");
      this.#take(read);
      return null;
    } catch (error) {
      if (error instanceof StratctlError && error.code !== "internal") return error;
      throw error;
    }
  }

  /** The same list of instruments, where it holds the same, so that what is kept by place stays where it is. */
  #take(read: Book): void {
    this.#book = sameInstruments(this.#book, read) ? { ...read, instruments: this.#book.instruments } : read;
    this.#was_read = true;
  }
}
