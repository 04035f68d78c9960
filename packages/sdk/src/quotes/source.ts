import type { RefusedFor } from "./tally.ts";

/** An instrument as a source needs it. */
export interface InstrumentRef {
  /** `NFO:NIFTY25N0424500CE` */
  readonly instrument: string;
  readonly exchange: string;
  readonly tradingsymbol: string;
  readonly instrument_token: number | null;
}

/** Quoted through every session: asked for where a source is only asked whether it answers. */
export const NIFTY_50: InstrumentRef = {
  instrument: "NSE:NIFTY 50",
  exchange: "NSE",
  tradingsymbol: "NIFTY 50",
  instrument_token: 256_265,
};

/** Where a source puts what it read; `index` is the place in the list that was asked for. */
export interface QuoteSink {
  /** `at_ms` is null where the source gives no time; `rounded` where the price had more than four decimals. */
  quote(index: number, price_units: number, at_ms: number | null, rounded?: boolean): void;
  /** A value that is not a price, with what was wrong: `"NaN" is not a price`. As good as absent, but counted, by `reason`. */
  refused(index: number, why: string, reason?: RefusedFor): void;
  /** The source answered and has nothing: `no key`, `404`. */
  absent(index: number, why: string): void;
}

export interface ReadOptions {
  /** What has not come within this time is absent; measured on the monotonic clock. */
  readonly deadline_ms: number;
  readonly signal?: AbortSignal | undefined;
}

/** Where prices come from: Redis, the ticker service, a recording. One bad value never loses another. */
export interface QuoteSource {
  readonly name: string;
  /** The most that a read of it may take, as somebody set it; an equal share of the time where it is left out. */
  readonly deadline_ms?: number | undefined;
  /**
   * Reads the last traded price of each instrument into the sink. Rejects with `source_unavailable` where the source as
   * a whole did not answer (refused, wrong password, past its deadline); what it had put in the sink until then counts.
   */
  read(instruments: readonly InstrumentRef[], sink: QuoteSink, options: ReadOptions): Promise<void>;
  /**
   * For a source that pays for every instrument (HTTP), not for the round trip (Redis): how many it may be asked for at
   * this moment, and why not more. Such a source is asked about what it does not know, or knows to be old, with
   * growing waits.
   */
  allowance?(): Allowance;
  /**
   * The same source for those who ask beside the one it was opened for, so that nothing they do costs it a read: where the service
   * may be asked so often only, they get a part of it and never the rest; where a connection is dropped for being late, they have
   * one of their own. Closed with the source.
   */
  forOthers?(): QuoteSource;
  close(): Promise<void>;
}

export interface Allowance {
  readonly instrument_count: number;
  /** Why it may not be asked at all, where that is more than its rate: `429, waits 3 s`, `connection refused`. */
  readonly why: string | null;
}

/** Time as the sources take it; the engine's clock is one. */
export interface SourceClock {
  /** Milliseconds since the epoch, by the wall clock. */
  now(): number;
  /** Milliseconds on a clock that only goes forward. */
  monotonic(): number;
}

export const systemClock: SourceClock = { now: () => Date.now(), monotonic: () => performance.now() };
