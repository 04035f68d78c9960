import {
  bookStrategies,
  changedSince,
  readLegs,
  StratctlError,
  type Calendar,
  type Db,
  type Look,
  type Shard,
} from "@stratctl/sdk/internal";
import type { Book } from "./book.ts";
import type { Clock } from "./clock.ts";
import { BookShelf } from "./shelf.ts";
import { failureOf, within } from "./within.ts";

/** A database that answered last time is waited for this long, which costs samples; one that did not, so shortly that it costs none. */
const WAIT_MS = { answering: 5_000, away: 200 };
/** Strategies of one read: a slice that holds the event loop for some milliseconds. */
const STRATEGIES_A_READ = 2_000;

export interface BookKeeperOptions {
  readonly db: Db;
  readonly calendar: Calendar;
  readonly clock: Clock;
  readonly shard?: Shard | undefined;
  /** Called where a read finds another server than the one before, or the same one started anew. */
  readonly onAnew?: (() => void) | undefined;
}

/** What the last read left: where the next one goes on from. */
interface State {
  readonly shelf: BookShelf;
  readonly look: Look;
  /** Strategies with a leg that was dated ahead of the book's minute, ascending. */
  readonly due: readonly number[];
}

/**
 * Keeps the book of the minute under way. A minute reads what changed since the last one, and all of it where that is not known:
 * at the start, after a failure, from a database that was started anew. While the database does not answer, the last book goes
 * on: legs that are known are better marked than not at all.
 */
export class BookKeeper {
  readonly #db: Db;
  readonly #calendar: Calendar;
  readonly #clock: Clock;
  readonly #shard: Shard | undefined;
  #book: Book;
  #state: State | null = null;
  readonly #onAnew: () => void;
  /** When the server that was read last had been started, in its words. */
  #started: string | null = null;
  #reading: Promise<void> | null = null;
  #answers = true;
  #was_read = false;

  constructor({ db, calendar, clock, shard, onAnew = () => undefined }: BookKeeperOptions) {
    this.#db = db;
    this.#shard = shard;
    this.#calendar = calendar;
    this.#clock = clock;
    this.#onAnew = onAnew;
    this.#book = new BookShelf(calendar).book;
  }

  get book(): Book {
    return this.#book;
  }

  /** False until the first book was read. */
  get was_read(): boolean {
    return this.#was_read;
  }

  /** Reads the legs as of a minute's start. Null, or why the book is not of that minute. */
  async refresh(minute_ms: number, signal: AbortSignal): Promise<StratctlError | null> {
    const failure = await this.#readInTime(minute_ms, signal);
    this.#answers = failure === null;
    // What a read brought that came too late for its own minute is newer than what there was.
    if (this.#state === null) return failure;
    this.#book = this.#state.shelf.book;
    this.#was_read = true;
    return failure;
  }

  async #readInTime(minute_ms: number, signal: AbortSignal): Promise<StratctlError | null> {
    // A read that hangs is not joined by another: what waits is bounded.
    if (this.#reading !== null) return new StratctlError("database_unreachable", "database does not answer: the last read still waits");
    this.#reading = this.#read(minute_ms).finally(() => {
      this.#reading = null;
    });
    const done = this.#reading.then(() => true);
    try {
      const ms = this.#answers ? WAIT_MS.answering : WAIT_MS.away;
      if ((await within(done, { ms, clock: this.#clock, signal })) !== null) return null;
      return new StratctlError("database_unreachable", "database does not answer in time");
    } catch (error) {
      return failureOf(error);
    }
  }

  async #read(minute_ms: number): Promise<void> {
    const before = this.#state;
    this.#state = null; // until this read is through, nobody knows how far it came
    const { look, strategy_ids } = await changedSince(this.#db, before?.look ?? null);
    if (this.#started !== null && this.#started !== look.started) this.#onAnew();
    this.#started = look.started;
    const goes_on = before !== null && strategy_ids !== null;
    const shelf = goes_on ? before.shelf : new BookShelf(this.#calendar);
    const ids = goes_on ? ascending([...before.due, ...strategy_ids]) : await bookStrategies(this.#db, this.#shard);
    this.#state = { shelf, look, due: await this.#put(shelf, ids, minute_ms) };
  }

  /** Reads the strategies named as of the minute and puts them on the shelf; which of them will be due later. */
  async #put(shelf: BookShelf, strategy_ids: readonly number[], minute_ms: number): Promise<number[]> {
    const due: number[] = [];
    for (let from = 0; from < strategy_ids.length; from += STRATEGIES_A_READ) {
      const slice = strategy_ids.slice(from, from + STRATEGIES_A_READ);
      const legs = await readLegs(this.#db, { as_of_ms: minute_ms, strategy_ids: slice, shard: this.#shard });
      shelf.put(slice, legs);
      due.push(...legs.due_strategy_ids);
    }
    return ascending(due);
  }
}

function ascending(ids: readonly number[]): number[] {
  return [...new Set(ids)].toSorted((a, b) => a - b);
}
