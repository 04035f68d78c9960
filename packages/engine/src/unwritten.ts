import type { QuoteBatch, QuoteBoard } from "@stratctl/sdk/internal";

/** Prices of a board that the database does not have yet. */
export class UnwrittenQuotes {
  readonly #board: QuoteBoard;
  /** What the board had when the last batch that was written was taken. */
  #written_revision = 0;
  /** How often all was forgotten: what was taken before that confirms nothing after it. */
  #forgotten_count = 0;

  constructor(board: QuoteBoard) {
    this.#board = board;
  }

  /**
   * A copy of them; call `confirm` once it is written, or they are told again. With another list of instruments all are told once
   * more: only forward in time, so it does no harm.
   */
  take(): { batch: QuoteBatch; confirm: () => void } {
    const { price_units, revision } = this.#board;
    const places = this.#board.movedSince(this.#written_revision).filter((place) => !Number.isNaN(price_units[place]));
    const taken_at = this.#forgotten_count;
    const confirm = (): void => {
      if (taken_at === this.#forgotten_count) this.#written_revision = revision;
    };
    return { batch: batchOf(this.#board, places), confirm };
  }

  /** The database may have none of them: all are told once more. */
  forget(): void {
    this.#written_revision = 0;
    this.#forgotten_count += 1;
  }
}

/** Loops, since an iterator a column costs a hundred thousand instruments 20 ms. */
function batchOf({ instruments, price_units, at_ms, source, sources }: QuoteBoard, places: Int32Array): QuoteBatch {
  const { length } = places;
  const batch = {
    length,
    exchange: Array.from<string>({ length }),
    tradingsymbol: Array.from<string>({ length }),
    price_units: new Float64Array(length),
    at_ms: new Float64Array(length),
    source: Array.from<string>({ length }),
  };
  for (let row = 0; row < length; row += 1) {
    const place = places[row] ?? -1;
    batch.exchange[row] = instruments[place]?.exchange ?? "";
    batch.tradingsymbol[row] = instruments[place]?.tradingsymbol ?? "";
    batch.price_units[row] = price_units[place] ?? Number.NaN;
    batch.at_ms[row] = at_ms[place] ?? Number.NaN;
    batch.source[row] = sources[source[place] ?? -1] ?? "";
  }
  return batch;
}
