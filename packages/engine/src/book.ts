import type { BookInstrument, BookLegs, Calendar, Db } from "@stratctl/sdk/internal";
import { readLegs } from "@stratctl/sdk/internal";
import { BookShelf, firstAtLeast } from "./shelf.ts";

/**
 * The legs of all active strategies at an instant, ready to be priced. Strategy s has the legs from leg_from[s] up to, not
 * including, leg_from[s + 1]; money in units (1 = 0.0001 rupee).
 */
export interface Book extends Omit<BookLegs, "due_strategy_ids"> {
  /** The same array as long as it holds the same, so that what is kept by place stays where it is. */
  readonly instruments: readonly BookInstrument[];
  readonly strategy_count: number;
  /** Exchanges of the legs; those that the calendar does not have are one, which never opens. */
  readonly exchanges: readonly string[];
  /** Place in `exchanges` of each instrument. */
  readonly instrument_exchange: Uint8Array;
  /** The number of the last day on which each instrument may be priced (days since 1970-01-01). */
  readonly instrument_last_day: Int32Array;
  /** Bit i: an open leg of the strategy is on exchange i; without an open leg, the last one to be closed was. */
  readonly strategy_exchanges: Int32Array;
}

/** The book as of an instant, or with null as the legs are now. */
export async function readBook(
  db: Db,
  calendar: Calendar,
  query: { as_of_ms: number | null; strategy_ids?: readonly number[] | undefined },
): Promise<Book> {
  return bookOf(await readLegs(db, query), calendar);
}

export function bookOf(legs: BookLegs, calendar: Calendar): Book {
  return new BookShelf(calendar).put(legs.strategy_id, legs);
}

/** Open legs of a strategy. */
export function legCount(book: Book, strategy: number): number {
  return (book.leg_from[strategy + 1] ?? 0) - (book.leg_from[strategy] ?? 0);
}

/** The place of a strategy in the book, or −1. */
export function placeOf({ strategy_id: ids }: Book, strategy_id: number): number {
  const place = firstAtLeast(ids, strategy_id, 0);
  return ids[place] === strategy_id ? place : -1;
}
