import type { CandleBatch } from "@stratctl/sdk/internal";
import { MINUTE_MS } from "./clock.ts";
import type { Gap } from "./sample.ts";
import type { UnwrittenGaps } from "./unwritten-gaps.ts";
import type { Writer } from "./writer.ts";

/** A minute that has ended: its candles, and why strategies have none. */
export interface FinishedMinute {
  readonly minute_ms: number;
  readonly candles: CandleBatch;
  readonly gaps: readonly Gap[];
}

export interface StandByOptions {
  /** Candles and gaps that are kept, at most: past that the oldest are given up. */
  readonly rows_max: number;
  readonly writer: Writer;
  readonly gaps: UnwrittenGaps;
}

/** Finished minutes of an engine that stands by, as far as the one that leads may not have brought them to the database. */
export class StandBy {
  readonly #options: StandByOptions;
  #minutes: readonly FinishedMinute[] = [];

  constructor(options: StandByOptions) {
    this.#options = options;
  }

  keep(minute: FinishedMinute): void {
    if (rowsOf(minute) === 0) return;
    this.#minutes = [...this.#minutes, minute];
    let count = this.#minutes.reduce((sum, kept) => sum + rowsOf(kept), 0);
    for (
      let [oldest] = this.#minutes;
      count > this.#options.rows_max && oldest !== undefined && oldest !== minute;
      [oldest] = this.#minutes
    ) {
      count -= rowsOf(oldest);
      this.#minutes = this.#minutes.slice(1);
    }
  }

  /** What was sampled up to that instant is in the tables by another's hand. */
  forget(written_to_ms: number): void {
    this.#minutes = this.#minutes.filter(({ minute_ms }) => minute_ms + MINUTE_MS > written_to_ms);
  }

  /** All of them go to the database: the other one leads no more, or may have lost them. */
  release(): void {
    const { writer, gaps } = this.#options;
    const minutes = this.#minutes;
    this.#minutes = [];
    for (const minute of minutes) {
      writer.finish(minute.candles, null);
      gaps.add(minute.minute_ms, minute.gaps);
    }
  }
}

function rowsOf({ candles, gaps }: FinishedMinute): number {
  return candles.length + gaps.length;
}
