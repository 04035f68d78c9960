import { valuesFrom } from "./places.ts";

/**
 * Why a value was refused: text or a number that is no price; what a broker sends instead of one (999999); one that calls
 * itself made up; one from the future; one too far from the last, before a second said the same.
 */
export type RefusedFor = "not_a_price" | "placeholder" | "mock" | "ahead" | "jump";

/** What became of asking a source: a price of now, an old one, none, or a value that was refused. */
export interface QuoteCounts {
  readonly hit: number;
  readonly stale: number;
  readonly miss: number;
  readonly refused: number;
}

/** Of a source since the start, over all instruments. */
export interface SourceQuotes extends Omit<QuoteCounts, "refused"> {
  readonly name: string;
  readonly refused: Readonly<Record<RefusedFor, number>>;
  /** How long its last read took, and its longest; null before the first. Milliseconds. */
  readonly latency_ms: number | null;
  readonly latency_ms_max: number | null;
}

/** Of an instrument at a source, since it is on the board. */
export interface InstrumentQuotes extends QuoteCounts {
  readonly source: string;
  /** How long the source took for its last answer about it; null where it gave none. Milliseconds. */
  readonly latency_ms: number | null;
  /** Why it gave no price when it was last asked; null where it gave one. */
  readonly why: string | null;
}

/** What a source was asked for and told, by instrument: 25 bytes each. */
export class Tally {
  #hit: Uint32Array;
  #stale: Uint32Array;
  #miss: Uint32Array;
  #refused: Uint32Array;
  /** The pass in which something was last told of it. */
  #told_in: Uint32Array;
  /** 1: that was a price. */
  #was_price: Uint8Array;
  /** How long its own answer took; NaN where answers come all together. */
  #latency_ms: Float32Array;
  #pass = 0;
  #read_ms = Number.NaN;
  #read_ms_max = Number.NaN;
  readonly #total = { hit: 0, stale: 0, miss: 0 };
  readonly #refused_for: Record<RefusedFor, number> = { not_a_price: 0, placeholder: 0, mock: 0, ahead: 0, jump: 0 };

  constructor(length: number) {
    this.#hit = new Uint32Array(length);
    this.#stale = new Uint32Array(length);
    this.#miss = new Uint32Array(length);
    this.#refused = new Uint32Array(length);
    this.#told_in = new Uint32Array(length);
    this.#was_price = new Uint8Array(length);
    this.#latency_ms = new Float32Array(length).fill(Number.NaN);
  }

  /** Takes another list: of each instrument its place in the one before, or −1. */
  rebook(from: Int32Array): void {
    const { length } = from;
    const moved = (counts: Uint32Array): Uint32Array => valuesFrom(counts, from, { into: new Uint32Array(length), none: 0 });
    this.#hit = moved(this.#hit);
    this.#stale = moved(this.#stale);
    this.#miss = moved(this.#miss);
    this.#refused = moved(this.#refused);
    this.#told_in = moved(this.#told_in);
    this.#was_price = valuesFrom(this.#was_price, from, { into: new Uint8Array(length), none: 0 });
    this.#latency_ms = valuesFrom(this.#latency_ms, from, { into: new Float32Array(length), none: Number.NaN });
  }

  begin(): void {
    this.#pass += 1;
  }

  gave(index: number, is_stale: boolean): void {
    const counts = is_stale ? this.#stale : this.#hit;
    counts[index] = (counts[index] ?? 0) + 1;
    this.#told_in[index] = this.#pass;
    this.#was_price[index] = 1;
    if (is_stale) this.#total.stale += 1;
    else this.#total.hit += 1;
  }

  missed(index: number): void {
    this.#miss[index] = (this.#miss[index] ?? 0) + 1;
    this.#told_in[index] = this.#pass;
    this.#was_price[index] = 0;
    this.#total.miss += 1;
  }

  refused(index: number, why: RefusedFor): void {
    this.#refused[index] = (this.#refused[index] ?? 0) + 1;
    this.#told_in[index] = this.#pass;
    this.#was_price[index] = 0;
    this.#refused_for[why] += 1;
  }

  /** It was away: a miss of all that it was asked about (null: everything) and had not told by then. */
  leftOpen(asked: readonly number[] | null): void {
    const count = asked?.length ?? this.#told_in.length;
    for (let place = 0; place < count; place += 1) {
      const index = asked === null ? place : (asked[place] ?? -1);
      if (this.#told_in[index] !== this.#pass) this.missed(index);
    }
  }

  answeredIn(index: number, ms: number): void {
    this.#latency_ms[index] = ms;
  }

  readIn(ms: number): void {
    this.#read_ms = ms;
    this.#read_ms_max = this.#read_ms_max > ms ? this.#read_ms_max : ms;
  }

  /** Whether the last that was told of it was a price. */
  wasPrice(index: number): boolean {
    return this.#was_price[index] === 1;
  }

  of(index: number): QuoteCounts & { readonly latency_ms: number | null } {
    const own_ms = this.#latency_ms[index] ?? Number.NaN;
    const counts = { hit: this.#hit[index] ?? 0, stale: this.#stale[index] ?? 0, miss: this.#miss[index] ?? 0 };
    const latency_ms = !Number.isNaN(own_ms) ? own_ms : counts.hit + counts.stale > 0 ? this.#read_ms : Number.NaN;
    return { ...counts, refused: this.#refused[index] ?? 0, latency_ms: millisecondsOf(latency_ms) };
  }

  total(): Omit<SourceQuotes, "name"> {
    const latency = { latency_ms: millisecondsOf(this.#read_ms), latency_ms_max: millisecondsOf(this.#read_ms_max) };
    return { ...this.#total, refused: { ...this.#refused_for }, ...latency };
  }
}

function millisecondsOf(ms: number): number | null {
  return Number.isNaN(ms) ? null : Math.round(ms * 10) / 10;
}
