import type { Candle, CandleSource, Interval } from "../model/candle.ts";
import type { BookOfMinute, MinuteCandle, SampledMark } from "./minute.ts";

/** The start of the minute that an instant lies in: [start, start + 60 000), in milliseconds. */
export declare function minuteOf(at_ms: number): number;

/**
 * A minute's candle with one more Mark in it; null begins one. fold is merge with a candle of that one Mark, so the order of
 * Marks does not matter.
 */
export declare function fold(candle: MinuteCandle | null, mark: SampledMark, book: BookOfMinute, source: CandleSource): MinuteCandle;

/** True where two candles are of one strategy, minute, book and source: only those merge. */
export declare function mergeable(a: MinuteCandle, b: MinuteCandle): boolean;

/**
 * One minute of one strategy, seen in two parts. Laws: merge(a, b) equals merge(b, a); merge(a, merge(b, c)) equals
 * merge(merge(a, b), c); merge(a, a) equals a. Open is that of the earlier first_at, close that of the later last_at; equal
 * times: the greater value.
 */
export declare function merge(a: MinuteCandle, b: MinuteCandle): MinuteCandle;

/** OHLC of P&L in units, from M2M's: pnl = realized_pnl + entry_value − m2m turns it upside down. */
export interface PnlOhlc {
  readonly pnl_open_units: number;
  readonly pnl_high_units: number;
  readonly pnl_low_units: number;
  readonly pnl_close_units: number;
}
export declare function pnlOf(candle: MinuteCandle): PnlOhlc;

/** Seconds set in a mask of `sampled`. */
export declare function sampleCount(sampled: bigint): number;

/** The candle as the SDK and the wire show it: rupees, instants, with its P&L. */
export declare function toCandle(minute: MinuteCandle): Candle;

/**
 * Where the bucket of an instant starts: counted from the open of the session that it lies in; outside every session from
 * midnight in India (UTC+5:30). 1d is one bucket a session, stamped at its open. Sessions ascending.
 */
export declare function bucketsOf(sessions: readonly { open_ms: number; close_ms: number }[], interval: Interval): (at_ms: number) => number;

/**
 * Candles of one strategy, ascending, rolled up: those whose startOf is equal become one, stamped with it. Buckets without a
 * candle have none. Law: rolling up by quarter hours what was rolled up by five minutes is rolling up by quarter hours.
 */
export declare function rollUp(candles: readonly Candle[], startOf: (at_ms: number) => number): Candle[];
