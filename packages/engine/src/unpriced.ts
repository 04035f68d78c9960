/** An instrument that keeps strategies from being marked. */
export interface UnpricedInstrument {
  readonly instrument: string;
  /** What is known of why: `expired on 2026-11-24`, `redis: no key; ticker: 404`. */
  readonly why: string | null;
  /** The sample since which it has had no price. */
  readonly since_ms: number;
}

/** As many as somebody reads; of the others there is a count. */
const LISTED_MAX = 100;

/** Which instruments have no price at the last sample, and since when. */
export class Unpriced {
  #since = new Map<string, UnpricedInstrument>();
  #count = 0;

  /** All of them at a sample; none outside sessions, when nothing is to be marked. */
  note(instruments: ReadonlyMap<string, string | null>, at_ms: number): void {
    const before = this.#since;
    this.#count = instruments.size;
    if (before.size === 0 && instruments.size === 0) return;
    this.#since = new Map();
    // Those that are listed already stay so: a list that changes with each sample has no since.
    for (const [instrument, { since_ms }] of before) {
      const why = instruments.get(instrument);
      if (why !== undefined) this.#since.set(instrument, { instrument, why, since_ms });
    }
    for (const [instrument, why] of instruments) {
      if (this.#since.size >= LISTED_MAX) return;
      if (!this.#since.has(instrument)) this.#since.set(instrument, { instrument, why, since_ms: at_ms });
    }
  }

  get count(): number {
    return this.#count;
  }

  /** At most 100. */
  list(): UnpricedInstrument[] {
    return [...this.#since.values()];
  }
}
