/** An instrument as a source needs it. */
export interface InstrumentRef {
  /** `NFO:NIFTY25N0424500CE` */
  readonly instrument: string;
  readonly exchange: string;
  readonly tradingsymbol: string;
  readonly instrument_token: number | null;
}

/** Where a source puts what it read; `index` is the place in the list that was asked for. What is absent is not told. */
export interface QuoteSink {
  /** `at_ms` is null where the source gives no time. */
  quote(index: number, price_units: number, at_ms: number | null): void;
  /** A value that is not a price, with what was wrong: `redis: "NaN" is not a price`. As good as absent, but counted. */
  refused(index: number, why: string): void;
}

export interface ReadOptions {
  /** What has not come within this time is absent; measured on the monotonic clock. */
  readonly deadline_ms: number;
  readonly signal?: AbortSignal | undefined;
}

/** Where prices come from: Redis, the ticker service, a recording. One bad value never loses another. */
export interface QuoteSource {
  readonly name: string;
  /**
   * Reads the last traded price of each instrument into the sink. Rejects where the source as a whole did not answer
   * (refused, wrong password, past its deadline); what it had put in the sink until then counts.
   */
  read(instruments: readonly InstrumentRef[], sink: QuoteSink, options: ReadOptions): Promise<void>;
  close(): Promise<void>;
}
