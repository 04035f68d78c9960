import type { QuoteBatch, QuoteBoard } from "@stratctl/sdk/internal";

/** Prices of a board that the database does not have yet. */
export class UnwrittenQuotes {
  readonly #board: QuoteBoard;
  /** What the board had when the last batch that was written was taken. */
  #written_revision = 0;

  constructor(board: QuoteBoard) {
    this.#board = board;
  }

  /**
   * A copy of them; call `confirm` once it is written, or they are told again. With another list of instruments all are told once
   * more: only forward in time, so it does no harm.
   */
  take(): { batch: QuoteBatch; confirm: () => void } {
    const { instruments, price_units, at_ms, source, sources, revision } = this.#board;
    const places = this.#board.movedSince(this.#written_revision).filter((place) => !Number.isNaN(price_units[place]));
    const batch: QuoteBatch = {
      length: places.length,
      exchange: Array.from(places, (place) => instruments[place]?.exchange ?? ""),
      tradingsymbol: Array.from(places, (place) => instruments[place]?.tradingsymbol ?? ""),
      price_units: new Float64Array(places).map((place) => price_units[place] ?? Number.NaN),
      at_ms: new Float64Array(places).map((place) => at_ms[place] ?? Number.NaN),
      source: Array.from(places, (place) => sources[source[place] ?? -1] ?? ""),
    };
    const confirm = (): void => {
      this.#written_revision = revision;
    };
    return { batch, confirm };
  }
}
