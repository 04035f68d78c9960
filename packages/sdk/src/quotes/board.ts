import { assert } from "../errors.ts";
import { amountOf } from "../model/money.ts";
import { isoOf } from "../model/instant.ts";
import type { Quote } from "../model/quote.ts";
import type { InstrumentRef } from "./source.ts";

/** A quote stamped further ahead of now than this is refused: one of the two clocks is wrong. */
export const AHEAD_MS_MAX = 2_000;

/**
 * What became of a quote: `new` (price or time moved), `same` (what is held, told again), `late` (older than what is
 * held, which stays), `ahead` (its time lies in the future: refused).
 */
export type Outcome = "new" | "same" | "late" | "ahead";

export interface BoardCounts {
  /** Quotes that moved a price or its time. */
  accepted: number;
  /** Values that were not prices, and quotes from the future. */
  refused: number;
  /** Prices of more than four decimals, rounded half to even. */
  rounded: number;
  /** Quotes older than the one held; the same one told again counts once. */
  late: number;
}

/** The last delivery of one source, per instrument: how a price without a time is known to be an old one told again. */
interface Seen {
  readonly name: string;
  price_units: Float64Array;
  at_ms: Float64Array;
}

/**
 * The last quote held of each instrument, as a structure of arrays: index i everywhere is `instruments[i]`.
 *
 * The law: what is held has the newest time of all quotes accepted so far (of equal times the later told). A quote
 * without a time happened when this process first saw its value: at `now_ms` where the value differs from the one held
 * and from the last that its source told, otherwise when that one did.
 */
export class QuoteBoard {
  #instruments: readonly InstrumentRef[] = [];
  #seen: Seen[] = [];
  #said: Map<number, string>[] = [];
  /** Last price in units (1 = 0.0001 rupee); NaN where none is held. */
  price_units = new Float64Array(0);
  /** When it was traded, milliseconds since the epoch; NaN where none is held. */
  at_ms = new Float64Array(0);
  /** Which of `sources` told it; −1 where none is held. */
  source = new Int8Array(0);
  readonly counts: BoardCounts = { accepted: 0, refused: 0, rounded: 0, late: 0 };

  constructor(instruments: readonly InstrumentRef[] = []) {
    this.rebook(instruments);
  }

  get instruments(): readonly InstrumentRef[] {
    return this.#instruments;
  }

  get length(): number {
    return this.#instruments.length;
  }

  /** Names of the sources that told something, by the numbers in `source`. */
  get sources(): readonly string[] {
    return this.#seen.map(({ name }) => name);
  }

  /** Takes another list of instruments. Those in both keep what is held of them, by name; the others are forgotten. */
  rebook(instruments: readonly InstrumentRef[]): void {
    const before = new Map(this.#instruments.map(({ instrument }, index) => [instrument, index]));
    const from = Int32Array.from(instruments, ({ instrument }) => before.get(instrument) ?? -1);
    this.price_units = moved(this.price_units, from);
    this.at_ms = moved(this.at_ms, from);
    this.source = Int8Array.from(from, (index) => this.source[index] ?? -1);
    for (const seen of this.#seen) {
      seen.price_units = moved(seen.price_units, from);
      seen.at_ms = moved(seen.at_ms, from);
    }
    this.#said = this.#said.map(() => new Map());
    this.#instruments = instruments;
  }

  /** Offers a quote: price in units above 0; `at_ms` null where the source gives no time; `now_ms` is the sample's instant. */
  accept(index: number, price_units: number, at_ms: number | null, now_ms: number, source: string): Outcome {
    const number = this.#numberOf(source);
    const seen = this.#seen[number];
    const held_at_ms = this.at_ms[index];
    assert(seen !== undefined && held_at_ms !== undefined, `accept: ${index} is not on the board`);
    if (at_ms !== null && at_ms > now_ms + AHEAD_MS_MAX) {
      this.counts.refused += 1;
      return "ahead";
    }
    const again = seen.price_units[index] === price_units;
    const at = at_ms ?? this.#firstSeen(index, price_units, now_ms, again ? seen.at_ms[index] : undefined);
    const told = again && seen.at_ms[index] === at;
    seen.price_units[index] = price_units;
    seen.at_ms[index] = at;
    if (at < held_at_ms) {
      if (!told) this.counts.late += 1;
      return "late";
    }
    const same = at === held_at_ms && price_units === this.price_units[index];
    this.price_units[index] = price_units;
    this.at_ms[index] = at;
    this.source[index] = number;
    if (!same) this.counts.accepted += 1;
    return same ? "same" : "new";
  }

  /** The wall clock was set back: what is held happened by now at the latest, or every true quote would be late. */
  clampTo(now_ms: number): void {
    clamp(this.at_ms, now_ms);
    for (const seen of this.#seen) clamp(seen.at_ms, now_ms);
  }

  /** The source was away: whether its values moved meanwhile is unknown, so the next ones count as seen for the first time. */
  forget(source: string): void {
    const seen = this.#seen[this.#numberOf(source)];
    seen?.price_units.fill(Number.NaN);
  }

  /** Age of the price held, at least 0; NaN where none is held. */
  ageOf(index: number, now_ms: number): number {
    return Math.max(0, now_ms - (this.at_ms[index] ?? Number.NaN));
  }

  /** Keeps why a source gave no price of an instrument (null: it gave one). */
  note(index: number, source: string, why: string | null): void {
    const said = this.#said[this.#numberOf(source)];
    if (why === null) said?.delete(index);
    else said?.set(index, why);
  }

  /** What each source that gave no price said: `redis: no key; ticker: 404`. Null where none has complained. */
  why(index: number): string | null {
    const said = this.#said.flatMap((of, number) => {
      const why = of.get(index);
      return why === undefined ? [] : [`${this.#seen[number]?.name ?? ""}: ${why}`];
    });
    return said.length === 0 ? null : said.join("; ");
  }

  /** The quote as the API shows it. */
  quote(index: number, now_ms: number): Quote {
    const instrument = this.#instruments[index]?.instrument;
    assert(instrument !== undefined, `quote: ${index} is not on the board`);
    const price_units = this.price_units[index] ?? Number.NaN;
    if (Number.isNaN(price_units))
      return { instrument, price: null, at: null, age_ms: null, source: null, reason: this.why(index) ?? "no source was asked" };
    return {
      instrument,
      price: amountOf(price_units),
      at: isoOf(this.at_ms[index] ?? Number.NaN),
      age_ms: Math.round(this.ageOf(index, now_ms)),
      source: this.#seen[this.source[index] ?? -1]?.name ?? null,
      reason: null,
    };
  }

  #firstSeen(index: number, price_units: number, now_ms: number, before_ms: number | undefined): number {
    if (price_units === this.price_units[index]) return this.at_ms[index] ?? now_ms;
    return before_ms ?? now_ms;
  }

  #numberOf(source: string): number {
    const number = this.#seen.findIndex(({ name }) => name === source);
    if (number >= 0) return number;
    const none = (): Float64Array => new Float64Array(this.length).fill(Number.NaN);
    this.#said.push(new Map());
    return this.#seen.push({ name: source, price_units: none(), at_ms: none() }) - 1;
  }
}

function moved(values: Float64Array, from: Int32Array): Float64Array<ArrayBuffer> {
  return Float64Array.from(from, (index) => values[index] ?? Number.NaN);
}

function clamp(values: Float64Array, max: number): void {
  for (let index = 0; index < values.length; index += 1) if ((values[index] ?? 0) > max + AHEAD_MS_MAX) values[index] = max;
}
