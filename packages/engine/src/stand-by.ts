import type { CandleBatch } from "@stratctl/sdk/internal";
import { MINUTE_MS } from "./clock.ts";

/** Finished minutes of an engine that stands by, as far as the one that leads may not have brought them to the database. */
export class StandBy {
  readonly #candles_max: number;
  #minutes: readonly CandleBatch[] = [];

  constructor(candles_max: number) {
    this.#candles_max = candles_max;
  }

  keep(candles: CandleBatch): void {
    if (candles.length === 0) return;
    this.#minutes = [...this.#minutes, candles];
    let count = this.#minutes.reduce((sum, { length }) => sum + length, 0);
    while (count > this.#candles_max && this.#minutes.length > 1) {
      count -= this.#minutes[0]?.length ?? 0;
      this.#minutes = this.#minutes.slice(1);
    }
  }

  /** What was sampled up to that instant is in the tables by another's hand. */
  forget(written_to_ms: number): void {
    this.#minutes = this.#minutes.filter(({ minute_ms }) => (minute_ms[0] ?? 0) + MINUTE_MS > written_to_ms);
  }

  /** All of them, for who leads from now on. */
  take(): readonly CandleBatch[] {
    const minutes = this.#minutes;
    this.#minutes = [];
    return minutes;
  }
}
