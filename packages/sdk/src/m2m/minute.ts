import type { CandleSource } from "../model/candle.ts";

/**
 * A strategy's Mark at a sample, in units (1 = 0.0001 rupee) and milliseconds since the epoch: every open leg was priced.
 */
export interface SampledMark {
  readonly strategy_id: number;
  readonly at_ms: number;
  readonly m2m_units: number;
  readonly stale_count: number;
  readonly oldest_age_ms: number;
}

/** What the legs of a minute have in common: a minute has one book, that of its start. */
export interface BookOfMinute {
  readonly instrument_count: number;
  readonly entry_value_units: number;
  readonly realized_pnl_units: number;
}

/** One minute of one strategy, in units and milliseconds: what the engine folds and the table keeps. */
export interface MinuteCandle extends BookOfMinute {
  readonly strategy_id: number;
  /** The minute's start; the candle covers [minute_ms, minute_ms + 60 000). */
  readonly minute_ms: number;
  readonly open_units: number;
  readonly high_units: number;
  readonly low_units: number;
  readonly close_units: number;
  /** Bit n: second n of the minute was sampled. */
  readonly sampled: bigint;
  readonly stale_count: number;
  readonly oldest_age_ms: number;
  readonly first_at_ms: number;
  readonly last_at_ms: number;
  readonly source: CandleSource;
}
