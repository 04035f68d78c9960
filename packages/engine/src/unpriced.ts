import type { InstrumentQuotes, QuoteBoard } from "@stratctl/sdk/internal";

/** An instrument that keeps strategies from being marked. */
export interface UnpricedInstrument {
  readonly instrument: string;
  /** What is known of why: `expired on 2026-11-24`, `redis: no key; ticker: 404`. */
  readonly why: string | null;
  /** The sample since which it has had no price. */
  readonly since_ms: number;
  /** What each source was asked for it and told. */
  readonly quotes: readonly InstrumentQuotes[];
}

/** As many as somebody reads. */
const LISTED_MAX = 100;

/** Which instruments have no price at the last sample, and since when. */
export class Unpriced {
  readonly #board: QuoteBoard;
  #listed = new Map<string, Omit<UnpricedInstrument, "instrument" | "quotes">>();
  /** Where they are on the board, by name; looked for when somebody asks. */
  #places: ReadonlyMap<string, number> | null = null;
  #placed_on: QuoteBoard["instruments"] | null = null;

  constructor(board: QuoteBoard) {
    this.#board = board;
  }

  /** All of them at a sample; none outside sessions, when nothing is to be marked. */
  note(instruments: ReadonlyMap<string, string | null>, at_ms: number): void {
    const before = this.#listed;
    if (before.size === 0 && instruments.size === 0) return;
    this.#listed = new Map();
    // Those that are listed already stay so: a list that changes with each sample has no since.
    for (const [instrument, { since_ms }] of before) {
      const why = instruments.get(instrument);
      if (why === undefined) this.#places = null;
      else this.#listed.set(instrument, { why, since_ms });
    }
    for (const [instrument, why] of instruments) {
      if (this.#listed.size >= LISTED_MAX) return;
      if (this.#listed.has(instrument)) continue;
      this.#listed.set(instrument, { why, since_ms: at_ms });
      this.#places = null;
    }
  }

  /** At most 100. */
  list(): UnpricedInstrument[] {
    if (this.#listed.size === 0) return [];
    const places = this.#placesNow();
    return [...this.#listed].map(([instrument, known]) => {
      const place = places.get(instrument);
      return { instrument, ...known, quotes: place === undefined ? [] : this.#board.quotesOf(place) };
    });
  }

  #placesNow(): ReadonlyMap<string, number> {
    const { instruments } = this.#board;
    if (this.#places !== null && this.#placed_on === instruments) return this.#places;
    const places = new Map<string, number>();
    for (const [place, { instrument }] of instruments.entries()) if (this.#listed.has(instrument)) places.set(instrument, place);
    this.#places = places;
    this.#placed_on = instruments;
    return places;
  }
}
