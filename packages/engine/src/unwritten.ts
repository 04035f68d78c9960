import type { QuoteBatch, QuoteBoard } from "@stratctl/sdk/internal";

/** Prices of a board that the database does not have yet. */
export class UnwrittenQuotes {
  readonly #board: QuoteBoard;
  #instruments: QuoteBoard["instruments"] = [];
  #price_units = new Float64Array(0);
  #at_ms = new Float64Array(0);

  constructor(board: QuoteBoard) {
    this.#board = board;
  }

  /** A copy of them; call `confirm` once it is written, or they are told again. */
  take(): { batch: QuoteBatch; confirm: () => void } {
    this.#followBook();
    const { instruments, price_units, at_ms, source, sources } = this.#board;
    const places = Int32Array.from(instruments.keys()).filter((place) => this.#isUnwritten(place));
    const prices = Float64Array.from(places, (place) => price_units[place] ?? Number.NaN);
    const ats = Float64Array.from(places, (place) => at_ms[place] ?? Number.NaN);
    const batch: QuoteBatch = {
      length: places.length,
      exchange: Array.from(places, (place) => instruments[place]?.exchange ?? ""),
      tradingsymbol: Array.from(places, (place) => instruments[place]?.tradingsymbol ?? ""),
      price_units: prices,
      at_ms: ats,
      source: Array.from(places, (place) => sources[source[place] ?? -1] ?? ""),
    };
    return { batch, confirm: () => this.#confirm(instruments, places, { prices, ats }) };
  }

  #isUnwritten(place: number): boolean {
    const price = this.#board.price_units[place] ?? Number.NaN;
    return !Number.isNaN(price) && (price !== this.#price_units[place] || this.#board.at_ms[place] !== this.#at_ms[place]);
  }

  /** With another list of instruments all are told once more: only forward in time, so it does no harm. */
  #followBook(): void {
    if (this.#instruments === this.#board.instruments) return;
    this.#instruments = this.#board.instruments;
    this.#price_units = new Float64Array(this.#board.length).fill(Number.NaN);
    this.#at_ms = new Float64Array(this.#board.length).fill(Number.NaN);
  }

  #confirm(instruments: QuoteBoard["instruments"], places: Int32Array, written: { prices: Float64Array; ats: Float64Array }): void {
    if (instruments !== this.#instruments) return;
    for (const [index, place] of places.entries()) {
      this.#price_units[place] = written.prices[index] ?? Number.NaN;
      this.#at_ms[place] = written.ats[index] ?? Number.NaN;
    }
  }
}
