import { createRecording, Fallback, QuoteBoard, type BoardCounts, type InstrumentRef, type QuoteSource } from "@stratctl/sdk/internal";
import { boundaries, systemClock, type Clock } from "./clock.ts";

export interface RecordOptions {
  /** In the order in which they are asked; closed by whoever opened them. */
  readonly sources: readonly QuoteSource[];
  readonly instruments: readonly InstrumentRef[];
  /** A new file, gzipped where its name ends in `.gz`. */
  readonly path: string;
  /** How often the sources are asked. 1000. */
  readonly interval_ms?: number | undefined;
  readonly clock?: Clock | undefined;
  /** Aborted: the file is closed, and record returns. */
  readonly signal: AbortSignal;
  readonly onPass?: ((pass: RecordPass) => void) | undefined;
}

export interface RecordPass {
  readonly at_ms: number;
  readonly quote_count: number;
  /** Instruments that have a price. */
  readonly priced_count: number;
}

export interface RecordReport {
  readonly path: string;
  readonly quote_count: number;
  /** Quotes told too late to be put in order of time: they are not in the file. */
  readonly late_count: number;
  readonly pass_count: number;
  readonly skipped_count: number;
  readonly quotes: Readonly<BoardCounts>;
  /** Instruments of which no source had a price. */
  readonly unquoted: readonly string[];
}

/** Quotes wait this long for others that were traded earlier and are told later. */
const HOLD_MS = 5_000;

/**
 * Writes what the sources say of the instruments into a recording, a line a quote, until the signal is aborted. A quote that
 * does not change is written once.
 *
 * @throws StratctlError file_unusable: the file exists already, or cannot be written
 * @example
 * import { record } from "@stratctl/engine";
 * import { openSources } from "@stratctl/sdk/internal";
 *
 * const nifty = { instrument: "NSE:NIFTY 50", exchange: "NSE", tradingsymbol: "NIFTY 50", instrument_token: null };
 * const signal = AbortSignal.timeout(600_000);
 * const { quote_count } = await record({ sources: openSources({}), instruments: [nifty], path: "ten-minutes.csv", signal });
 */
export async function record(options: RecordOptions): Promise<RecordReport> {
  const { sources, instruments, path, interval_ms = 1000, clock = systemClock, signal } = options;
  const board = new QuoteBoard(instruments);
  const fallback = new Fallback({ sources, deadline_ms: Math.min(0.8 * interval_ms, 2_000), clock });
  const told = new ToldQuotes(board);
  const file = await createRecording(path);
  let pass_count = 0;
  let skipped_count = 0;
  try {
    for await (const boundary of boundaries(clock, { interval_ms, late_ms_max: interval_ms / 2 }, signal)) {
      await fallback.refresh(board, boundary.at_ms, clock.monotonic(), { signal });
      for (const quote of told.news()) file.write(quote);
      await file.advance(boundary.at_ms - HOLD_MS);
      pass_count += 1;
      skipped_count += boundary.skipped_count;
      options.onPass?.({ at_ms: boundary.at_ms, quote_count: told.count, priced_count: told.priced_count });
    }
  } finally {
    await file.close();
  }
  const { written, late } = file.counts;
  return { path, quote_count: written, late_count: late, pass_count, skipped_count, quotes: board.counts, unquoted: told.unquoted() };
}

/** Which prices of a board were told already. */
class ToldQuotes {
  readonly #board: QuoteBoard;
  readonly #price_units: Float64Array;
  readonly #at_ms: Float64Array;
  count = 0;

  constructor(board: QuoteBoard) {
    this.#board = board;
    this.#price_units = new Float64Array(board.length).fill(Number.NaN);
    this.#at_ms = new Float64Array(board.length).fill(Number.NaN);
  }

  get priced_count(): number {
    return this.#price_units.filter((price) => !Number.isNaN(price)).length;
  }

  *news(): Generator<{ at_ms: number; instrument: string; price_units: number }> {
    for (const [place, { instrument }] of this.#board.instruments.entries()) {
      const price_units = this.#board.price_units[place] ?? Number.NaN;
      const at_ms = this.#board.at_ms[place] ?? Number.NaN;
      if (Number.isNaN(price_units) || (price_units === this.#price_units[place] && at_ms === this.#at_ms[place])) continue;
      this.#price_units[place] = price_units;
      this.#at_ms[place] = at_ms;
      this.count += 1;
      yield { at_ms, instrument, price_units };
    }
  }

  unquoted(): string[] {
    return this.#board.instruments.filter((_, place) => Number.isNaN(this.#price_units[place])).map(({ instrument }) => instrument);
  }
}
