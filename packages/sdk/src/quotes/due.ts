import { placesBefore, valuesFrom } from "./places.ts";
import type { InstrumentRef } from "./source.ts";

/** What an answer about an instrument was worth: a price of now, an old one, or none. */
export type Worth = "fresh" | "old" | "none";

/** An instrument that a source does not know is asked about after 1 s, 2 s, 4 s … 30 s. */
const UNKNOWN_MS = { first: 1_000, max: 30_000 };

/**
 * When a source that pays for every instrument may be asked about each again. The law: about one whose price is old at
 * most once in `old_ms`, about one it does not know with growing waits, about the others in every pass; and where it may
 * not be asked about all that are due, each gets its turn.
 */
export class Due {
  #instruments: readonly InstrumentRef[] = [];
  /** Monotonic time from which on it may be asked; −Infinity: at once. */
  #from_ms = new Float64Array(0);
  /** Answers without a price in a row. */
  #misses = new Uint8Array(0);
  /** Where the next turn begins. */
  #cursor = 0;

  /** Takes another list of instruments; those in both keep their waits. */
  follow(instruments: readonly InstrumentRef[]): void {
    if (instruments === this.#instruments) return;
    const from = placesBefore(instruments, this.#instruments);
    const { length } = instruments;
    this.#from_ms = valuesFrom(this.#from_ms, from, { into: new Float64Array(length), none: Number.NEGATIVE_INFINITY });
    this.#misses = valuesFrom(this.#misses, from, { into: new Uint8Array(length), none: 0 });
    this.#instruments = instruments;
  }

  /** Of the wanted instruments (ascending) those that are due, `count` at most, beginning where the last turn ended. */
  take(wanted: readonly number[], monotonic_ms: number, count: number): number[] {
    const due = wanted.filter((index) => (this.#from_ms[index] ?? Number.POSITIVE_INFINITY) <= monotonic_ms);
    if (due.length <= count) return due;
    // A pass in which nothing may be asked is nobody's turn.
    if (count === 0) return [];
    const begin = due.findIndex((index) => index >= this.#cursor);
    const taken = Array.from({ length: count }, (_, place) => due[(Math.max(begin, 0) + place) % due.length] ?? 0);
    this.#cursor = (taken.at(-1) ?? -1) + 1;
    return taken;
  }

  /** Notes what asking at `monotonic_ms` brought; `old_ms` is the least time between two questions about an old price. */
  answered(index: number, monotonic_ms: number, { worth, old_ms }: { worth: Worth; old_ms: number }): void {
    const misses = worth === "none" ? Math.min((this.#misses[index] ?? 0) + 1, 100) : 0;
    const unknown_ms = misses === 0 ? 0 : Math.min(UNKNOWN_MS.first * 2 ** (misses - 1), UNKNOWN_MS.max);
    const wait_ms = worth === "fresh" ? 0 : Math.max(unknown_ms, old_ms);
    this.#misses[index] = misses;
    this.#from_ms[index] = monotonic_ms + wait_ms;
  }
}
