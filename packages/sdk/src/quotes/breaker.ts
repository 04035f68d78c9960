/** So many reads in a row that cost their time and brought nothing: the source is left alone for a while. */
const SLOW_MAX = 3;
/** For 1, 2, 4, 5, 5 … s, each up to a quarter longer so that the clients of one server part: tried often enough to be found soon. */
const OPEN_MS = { first: 1_000, max: 5_000 };

/**
 * A circuit breaker for a source that does not say no but lets its callers wait: what it takes of every sample is better
 * spent on the others. Whoever says no at once costs nothing and is asked again.
 */
export class Breaker {
  readonly #random: () => number;
  /** Slow failures in a row. */
  #slow_count = 0;
  #until_ms = Number.NEGATIVE_INFINITY;

  /** `random`: 0 ≤ n < 1. */
  constructor(random: () => number) {
    this.#random = random;
  }

  /** Whether the source is left alone at that monotonic time; after it one read decides. */
  isOpen(monotonic_ms: number): boolean {
    return monotonic_ms < this.#until_ms;
  }

  /** It answered, or said at once that it does not. */
  quick(): void {
    this.#slow_count = 0;
  }

  /** It took its time and brought nothing. */
  slow(monotonic_ms: number): void {
    this.#slow_count += 1;
    if (this.#slow_count < SLOW_MAX) return;
    const wait_ms = Math.min(OPEN_MS.first * 2 ** Math.min(this.#slow_count - SLOW_MAX, 10), OPEN_MS.max);
    this.#until_ms = monotonic_ms + wait_ms * (1 + this.#random() / 4);
  }
}
