import { assert } from "../errors.ts";
import { isoOf } from "../model/instant.ts";
import { amountOf } from "../model/money.ts";
import { STALE_MS_MAX, type Quote } from "../model/quote.ts";
import { Jumps } from "./jumps.ts";
import { placesBefore, valuesFrom } from "./places.ts";
import type { InstrumentRef } from "./source.ts";
import { Tally, type InstrumentQuotes, type RefusedFor, type SourceQuotes } from "./tally.ts";

/** A quote stamped further ahead of now than this is refused: one of the two clocks is wrong. */
export const AHEAD_MS_MAX = 2_000;

/**
 * What became of a quote: `new` (price or time moved), `same` (what is held, told again), `late` (older than what is
 * held, which stays), `ahead` (its time lies in the future: refused), `jump` (too far from what is held, before a second
 * quote says the same: refused).
 */
export type Outcome = "new" | "same" | "late" | "ahead" | "jump";

export interface BoardCounts {
  /** Quotes that moved a price or its time. */
  accepted: number;
  /** Values that were not prices, quotes from the future, and jumps; one that is told in every pass counts in every pass. */
  refused: number;
  /** Prices of more than four decimals, rounded half to even. */
  rounded: number;
  /** Quotes older than the one held; the same one told again counts once. */
  late: number;
}

/** What one source told last, per instrument: how a price without a time is known to be an old one told again. */
interface Told {
  readonly name: string;
  price_units: Float64Array;
  at_ms: Float64Array;
  /** Why it gave no price of the instrument. */
  why: (string | null)[];
  /** Why it gave none at all. */
  away: string | null;
  readonly tally: Tally;
}

export interface BoardOptions {
  /** A price older than this is counted as a stale one; 60 000. */
  readonly stale_ms_max?: number | undefined;
  /** A price further than this from the one held, in percent of it, waits for a second quote; off where it is null. */
  readonly jump_percent_max?: number | null | undefined;
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
  readonly #told: Told[] = [];
  #given = new Uint8Array(0);
  #revision = 0;
  /** The revision at which each place last moved: a double, for 32 bits last half a day at 100,000 moves a second. */
  #moved_at = new Float64Array(0);
  /** What `movedSince` answers in. */
  #moved_places = new Int32Array(0);
  /** Last price in units (1 = 0.0001 rupee); NaN where none is held. */
  price_units = new Float64Array(0);
  /** When it was traded, milliseconds since the epoch; NaN where none is held. */
  at_ms = new Float64Array(0);
  /** Which of `sources` told it; −1 where none is held. */
  source = new Int8Array(0);
  readonly counts: BoardCounts = { accepted: 0, refused: 0, rounded: 0, late: 0 };
  readonly #stale_ms_max: number;
  readonly #jumps: Jumps | null;

  constructor(instruments: readonly InstrumentRef[] = [], { stale_ms_max = STALE_MS_MAX, jump_percent_max = null }: BoardOptions = {}) {
    this.#stale_ms_max = stale_ms_max;
    this.#jumps = jump_percent_max === null ? null : new Jumps({ percent_max: jump_percent_max, stale_ms_max });
    this.rebook(instruments);
  }

  get instruments(): readonly InstrumentRef[] {
    return this.#instruments;
  }

  get length(): number {
    return this.#instruments.length;
  }

  /** Grows by one with every move of a price or of its time: as long as it stands, so does the whole board. */
  get revision(): number {
    return this.#revision;
  }

  /** Names of the sources that told something, by the numbers in `source`. */
  get sources(): readonly string[] {
    return this.#told.map(({ name }) => name);
  }

  /** Takes another list of instruments. Those in both keep what is held of them, by name; the others are forgotten. */
  rebook(instruments: readonly InstrumentRef[]): void {
    const from = placesBefore(instruments, this.#instruments);
    const { length } = instruments;
    const moved = (values: Float64Array): Float64Array<ArrayBuffer> =>
      valuesFrom(values, from, { into: new Float64Array(length), none: Number.NaN });
    this.#instruments = instruments;
    this.#given = new Uint8Array(length);
    this.price_units = moved(this.price_units);
    this.at_ms = moved(this.at_ms);
    this.source = valuesFrom(this.source, from, { into: new Int8Array(length), none: -1 });
    // What somebody noted by its place lies elsewhere now.
    this.#revision += 1;
    this.#moved_at = new Float64Array(length).fill(this.#revision);
    this.#moved_places = new Int32Array(length);
    for (const told of this.#told) {
      told.price_units = moved(told.price_units);
      told.at_ms = moved(told.at_ms);
      told.why = Array.from(from, (index) => told.why[index] ?? null);
      told.tally.rebook(from);
    }
    this.#jumps?.keepOnly(instruments);
  }

  /**
   * A pass over these sources begins, in the order in which they are asked. Where the wall clock was set back, what is
   * held happened by now at the latest, or every true quote would be late.
   */
  begin(sources: readonly string[], now_ms: number): void {
    for (const source of sources) this.#ofSource(source);
    this.#given.fill(0);
    const limit_ms = now_ms + AHEAD_MS_MAX;
    for (let index = 0; index < this.length; index += 1)
      if ((this.at_ms[index] ?? Number.NaN) > limit_ms) {
        this.at_ms[index] = now_ms;
        this.#moved(index);
      }
    for (const { tally } of this.#told) tally.begin();
    for (const { at_ms } of this.#told)
      for (let index = 0; index < this.length; index += 1) if ((at_ms[index] ?? Number.NaN) > limit_ms) at_ms[index] = now_ms;
  }

  /**
   * Places whose price or time moved after `revision` was read, ascending, and no others; from 0 on all of them, and all
   * of them after `rebook`. Each reader keeps the revision up to which it has looked, so that none takes a move away
   * from another. What comes back is valid until the next call.
   *
   * @example
   * const { revision } = board;
   * for (const place of board.movedSince(seen)) look(place);
   * seen = revision;
   */
  movedSince(revision: number): Int32Array {
    let count = 0;
    if (revision < this.#revision)
      for (let index = 0; index < this.length; index += 1)
        if ((this.#moved_at[index] ?? 0) > revision) {
          this.#moved_places[count] = index;
          count += 1;
        }
    return this.#moved_places.subarray(0, count);
  }

  /**
   * Offers a quote: price in units above 0; `at_ms` null where the source gives no time; `now_ms` is the sample's
   * instant; `source` its name.
   */
  accept(index: number, price_units: number, at_ms: number | null, now_ms: number, source: string): Outcome {
    const number = this.#ofSource(source);
    const told = this.#told[number];
    const held_at_ms = this.at_ms[index];
    // Without the index in it: a text made a hundred thousand times a pass costs more than all the rest of this.
    assert(told !== undefined && held_at_ms !== undefined, "accept: a place that is not on the board");
    if (at_ms !== null && at_ms > now_ms + AHEAD_MS_MAX) {
      const ahead_s = ((at_ms - now_ms) / 1000).toFixed(1);
      this.refuse(index, source, `its time is ${ahead_s} s ahead of this machine's clock`, "ahead");
      return "ahead";
    }
    const again = told.price_units[index] === price_units;
    const at = at_ms ?? this.#firstSeen(index, price_units, now_ms, again ? told.at_ms[index] : undefined);
    const repeated = again && told.at_ms[index] === at;
    told.price_units[index] = price_units;
    told.at_ms[index] = at;
    if (this.#jumps !== null && !(at < held_at_ms)) {
      const held_units = this.price_units[index] ?? Number.NaN;
      const { instrument = "" } = this.#instruments[index] ?? {};
      if (this.#jumps.holdsBack(instrument, { price_units, at_ms: at, has_time: at_ms !== null, source, now_ms }, held_units)) {
        this.refuse(index, source, this.#jumps.textOf(price_units, held_units), "jump");
        return "jump";
      }
    }
    this.#given[index] = 1;
    told.tally.gave(index, now_ms - at > this.#stale_ms_max);
    if (at < held_at_ms) {
      if (!repeated) this.counts.late += 1;
      return "late";
    }
    this.source[index] = number;
    if (at === held_at_ms && price_units === this.price_units[index]) return "same";
    this.price_units[index] = price_units;
    this.at_ms[index] = at;
    this.#moved(index);
    this.counts.accepted += 1;
    return "new";
  }

  /** A value that was not a price: counted, and kept as the reason. */
  refuse(index: number, source: string, why: string, reason: RefusedFor = "not_a_price"): void {
    const told = this.#told[this.#ofSource(source)];
    this.counts.refused += 1;
    if (told === undefined) return;
    told.why[index] = why;
    told.tally.refused(index, reason);
  }

  /** Keeps why a source has no price of an instrument. */
  note(index: number, source: string, why: string): void {
    const told = this.#told[this.#ofSource(source)];
    if (told === undefined) return;
    told.why[index] = why;
    told.tally.missed(index);
  }

  /**
   * A read of a source came to its end after `ms`: null, or why it did not answer; then what it was asked about and had not
   * told is missing (`asked` null: everything).
   */
  ended(source: string, { ms, why, asked }: { ms: number; why: string | null; asked: readonly number[] | null }): void {
    this.away(source, why);
    const told = this.#told[this.#ofSource(source)];
    told?.tally.readIn(ms);
    if (why !== null) told?.tally.leftOpen(asked);
  }

  /** How long a source took for its answer about an instrument, where each has its own. */
  answeredIn(index: number, source: string, ms: number): void {
    this.#told[this.#ofSource(source)]?.tally.answeredIn(index, ms);
  }

  /** What each source was asked for and told since the start, in the order in which they are asked. */
  bySource(): SourceQuotes[] {
    return this.#told.map(({ name, tally }) => ({ name, ...tally.total() }));
  }

  /** The same of one instrument, since it is on the board. */
  quotesOf(index: number): InstrumentQuotes[] {
    return this.#told.map(({ name, tally, why, away }) => {
      const reason = away ?? (tally.wasPrice(index) ? null : (why[index] ?? null));
      return { source: name, ...tally.of(index), why: reason };
    });
  }

  /**
   * Keeps why a source did not answer at all (null: it did). Whether its values moved meanwhile is unknown, so the next
   * ones without a time count as seen for the first time.
   */
  away(source: string, why: string | null): void {
    const told = this.#told[this.#ofSource(source)];
    if (told === undefined) return;
    told.away = why;
    if (why !== null) told.price_units.fill(Number.NaN);
  }

  /** Whether some source gave a price of it in this pass, were it the same or an older one. */
  given(index: number): boolean {
    return this.#given[index] === 1;
  }

  /** Age of the price held, at least 0; NaN where none is held. */
  ageOf(index: number, now_ms: number): number {
    return Math.max(0, now_ms - (this.at_ms[index] ?? Number.NaN));
  }

  /** What each source said that gave no price: `redis: no key; ticker: 404`. Null where one did in the last pass. */
  why(index: number): string | null {
    if (this.given(index)) return null;
    const said = this.#told.flatMap(({ name, why, away }) => {
      const reason = away ?? why[index] ?? null;
      return reason === null ? [] : [`${name}: ${reason}`];
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
      source: this.#told[this.source[index] ?? -1]?.name ?? null,
      reason: null,
    };
  }

  #moved(index: number): void {
    this.#revision += 1;
    this.#moved_at[index] = this.#revision;
  }

  #firstSeen(index: number, price_units: number, now_ms: number, before_ms: number | undefined): number {
    if (price_units === this.price_units[index]) return this.at_ms[index] ?? now_ms;
    return before_ms ?? now_ms;
  }

  /** The source's number, given at its first appearance. */
  #ofSource(source: string): number {
    for (let number = 0; number < this.#told.length; number += 1) if (this.#told[number]?.name === source) return number;
    const none = (): Float64Array => new Float64Array(this.length).fill(Number.NaN);
    const why = Array.from<null>({ length: this.length }).fill(null);
    const tally = new Tally(this.length);
    return this.#told.push({ name: source, price_units: none(), at_ms: none(), why, away: null, tally }) - 1;
  }
}
