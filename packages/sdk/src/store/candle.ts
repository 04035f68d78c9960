import { StratctlError } from "../errors.ts";
import type { MinuteCandle } from "../m2m/minute.ts";
import type { Candle, CandleSource, Interval } from "../model/candle.ts";
import type { Db } from "./db.ts";

/**
 * Minutes as a structure of arrays, so that a hundred thousand strategies cost no object each. Money in units (1 = 0.0001
 * rupee), instants in ms since the epoch. The first `length` places count; the arrays may be longer. Any order, and a minute may
 * come more than once.
 */
export interface CandleBatch {
  readonly length: number;
  readonly strategy_id: Int32Array;
  readonly minute_ms: Float64Array;
  readonly open_units: Float64Array;
  readonly high_units: Float64Array;
  readonly low_units: Float64Array;
  readonly close_units: Float64Array;
  readonly entry_value_units: Float64Array;
  readonly realized_pnl_units: Float64Array;
  readonly instrument_count: Int32Array;
  readonly stale_count: Int32Array;
  /** At most 2^31 − 1. */
  readonly oldest_age_ms: Int32Array;
  /** Bit n: second n of the minute was sampled. */
  readonly sampled: BigInt64Array;
  readonly first_at_ms: Float64Array;
  readonly last_at_ms: Float64Array;
  readonly source: CandleSource;
}

export interface CandleUpsert {
  /** Minutes added or changed. A minute that already says all this is neither. */
  readonly written: number;
  /** Minutes left alone: their row is of another book or another source, or their strategy is gone. */
  readonly left_out: number;
}

/**
 * Merges minutes into the table, by the law of m2m/candle.ts: in any order, any number of times, the rows come out the same. A
 * row of another book or source is left alone and counted; `overwrite` replaces it.
 */
export function upsertMany(db: Db, batch: CandleBatch, options: { overwrite: boolean }): Promise<CandleUpsert> {
  throw new StratctlError("internal", "not built yet");
}

/** A batch of candles that are objects. */
export function batchOf(candles: readonly MinuteCandle[], source: CandleSource): CandleBatch {
  throw new StratctlError("internal", "not built yet");
}

export interface HistoryQuery {
  readonly strategy_id: number;
  /** Both ends count. */
  readonly from_ms: number;
  readonly to_ms: number;
  readonly interval: Interval;
  /** Exchange sessions [open, close) that the range touches: buckets are counted from their opens. */
  readonly sessions: readonly { readonly open_ms: number; readonly close_ms: number }[];
}

/**
 * Candles with from ≤ timestamp ≤ to, ascending; minutes without a Mark have none. Longer intervals are rolled up from the
 * session's open, whole, and count by their start; `1d` is stamped at the open. Minutes outside every session are counted from
 * midnight at UTC+5:30.
 */
export function history(db: Db, query: HistoryQuery): Promise<Candle[]> {
  throw new StratctlError("internal", "not built yet");
}
