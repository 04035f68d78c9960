import type { QuoteBoard } from "@stratctl/sdk/internal";
import type { Book } from "./book.ts";
import type { Hours } from "./hours.ts";

export interface SeenOptions {
  /** Its instruments are the book's, in the book's order. */
  readonly board: QuoteBoard;
  /** A price older than this is stale: it still counts, and is counted. */
  readonly stale_ms_max: number;
  /** This long after the open, an instrument that has not traded since is carried at its last price before. */
  readonly carry_after_ms: number;
}

/**
 * The prices that a sample sees, by instrument. The law: at instant t an instrument has the price held on the board if it was
 * traded at or after its exchange's open that day; from open + carry_after_ms on, one from before the open, which is stale. It
 * has none before the open, on a day without a session, and past its expiry.
 */
export class SeenPrices {
  readonly #options: SeenOptions;
  readonly #book: Book;
  #hours: Hours | null = null;
  #at_ms = Number.NaN;
  /** Units; NaN where it has none. */
  readonly price_units: Float64Array;
  readonly age_ms: Float64Array;
  /** 1: older than stale_ms_max, or carried from before the open. */
  readonly stale: Uint8Array;

  constructor(book: Book, options: SeenOptions) {
    this.#book = book;
    this.#options = options;
    this.price_units = new Float64Array(book.instruments.length).fill(Number.NaN);
    this.age_ms = new Float64Array(book.instruments.length);
    this.stale = new Uint8Array(book.instruments.length);
  }

  /** Looks at the board at an instant, once an instrument however many legs hold it. */
  look(at_ms: number, hours: Hours): void {
    const { board, stale_ms_max, carry_after_ms } = this.#options;
    const { instrument_exchange, instrument_last_day } = this.#book;
    this.#at_ms = at_ms;
    this.#hours = hours;
    for (let place = 0; place < this.price_units.length; place += 1) {
      const since_open_ms = at_ms - (hours.open_ms[instrument_exchange[place] ?? -1] ?? Number.NaN);
      const age_ms = at_ms - (board.at_ms[place] ?? Number.NaN);
      const is_from_before = age_ms > since_open_ms;
      const has = since_open_ms >= (is_from_before ? carry_after_ms : 0) && hours.day_number <= (instrument_last_day[place] ?? 0);
      this.price_units[place] = has ? (board.price_units[place] ?? Number.NaN) : Number.NaN;
      this.age_ms[place] = Math.max(0, age_ms);
      this.stale[place] = is_from_before || age_ms > stale_ms_max ? 1 : 0;
    }
  }

  /** Why an instrument has no price, or null where nobody knows. */
  whyNone(place: number): string | null {
    const exchange = this.#book.instrument_exchange[place] ?? -1;
    const last_day = this.#book.instrument_last_day[place] ?? 0;
    const hours = this.#hours;
    if (hours === null) return null;
    if (hours.day_number > last_day) return `expired on ${new Date(last_day * DAY_MS).toISOString().slice(0, 10)}`;
    const open_ms = hours.open_ms[exchange] ?? Number.NaN;
    if (Number.isNaN(open_ms)) return `${this.#exchangeOf(place)} has no session on ${hours.day}`;
    if (this.#at_ms < open_ms) return `${this.#exchangeOf(place)} has not opened`;
    if (!Number.isNaN(this.#options.board.price_units[place])) return "not traded since the open";
    return this.#options.board.why(place);
  }

  #exchangeOf(place: number): string {
    return this.#book.instruments[place]?.exchange ?? "its exchange";
  }
}

const DAY_MS = 86_400_000;
