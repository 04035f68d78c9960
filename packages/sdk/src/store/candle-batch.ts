import { merge, mergeable } from "../m2m/candle.ts";
import type { MinuteCandle } from "../m2m/minute.ts";
import type { CandleSource } from "../model/candle.ts";
import type { Slice } from "./slices.ts";

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

/** A batch of candles that are objects; their own `source` is not looked at. */
export function batchOf(candles: readonly MinuteCandle[], source: CandleSource): CandleBatch {
  const numbers = (read: (candle: MinuteCandle) => number): Float64Array => Float64Array.from(candles, read);
  const counts = (read: (candle: MinuteCandle) => number): Int32Array => Int32Array.from(candles, read);
  return {
    length: candles.length,
    strategy_id: counts((candle) => candle.strategy_id),
    minute_ms: numbers((candle) => candle.minute_ms),
    open_units: numbers((candle) => candle.open_units),
    high_units: numbers((candle) => candle.high_units),
    low_units: numbers((candle) => candle.low_units),
    close_units: numbers((candle) => candle.close_units),
    entry_value_units: numbers((candle) => candle.entry_value_units),
    realized_pnl_units: numbers((candle) => candle.realized_pnl_units),
    instrument_count: counts((candle) => candle.instrument_count),
    stale_count: counts((candle) => candle.stale_count),
    oldest_age_ms: counts((candle) => Math.min(candle.oldest_age_ms, AGE_MS_MAX)),
    sampled: BigInt64Array.from(candles, (candle) => candle.sampled),
    first_at_ms: numbers((candle) => candle.first_at_ms),
    last_at_ms: numbers((candle) => candle.last_at_ms),
    source,
  };
}

const AGE_MS_MAX = 2_147_483_647;

/**
 * The batch with each minute once, by strategy and minute: two writers that lock rows in one order do not deadlock, and a
 * statement that meets a row twice is refused by Postgres. Minutes seen in parts merge; a part from another book replaces the
 * earlier ones with `overwrite`, else it is left out and counted. Only a minute that comes twice costs an object.
 */
export function ordered(batch: CandleBatch, { overwrite }: { overwrite: boolean }): { batch: CandleBatch; left_out: number } {
  if (ascends(batch)) return { batch, left_out: 0 };
  const places = new Uint32Array(batch.length).map((_, place) => place).toSorted((a, b) => byKey(batch, a, b) || a - b);
  const once = emptyBatch(batch);
  let length = 0;
  let left_out = 0;
  for (const place of places) {
    copyRow(batch, place, once, length);
    if (length === 0 || byKey(once, length - 1, length) !== 0) {
      length += 1;
      continue;
    }
    const [last, next] = [candleAt(once, length - 1), candleAt(once, length)];
    if (mergeable(last, next)) copyRow(batchOf([merge(last, next)], batch.source), 0, once, length - 1);
    else {
      left_out += 1;
      if (overwrite) copyRow(once, length, once, length - 1);
    }
  }
  return { batch: { ...once, length }, left_out };
}

/** The rows of a slice, in the same memory. */
export function part(batch: CandleBatch, { from, to }: Slice): CandleBatch {
  return {
    length: to - from,
    strategy_id: batch.strategy_id.subarray(from, to),
    minute_ms: batch.minute_ms.subarray(from, to),
    open_units: batch.open_units.subarray(from, to),
    high_units: batch.high_units.subarray(from, to),
    low_units: batch.low_units.subarray(from, to),
    close_units: batch.close_units.subarray(from, to),
    entry_value_units: batch.entry_value_units.subarray(from, to),
    realized_pnl_units: batch.realized_pnl_units.subarray(from, to),
    instrument_count: batch.instrument_count.subarray(from, to),
    stale_count: batch.stale_count.subarray(from, to),
    oldest_age_ms: batch.oldest_age_ms.subarray(from, to),
    sampled: batch.sampled.subarray(from, to),
    first_at_ms: batch.first_at_ms.subarray(from, to),
    last_at_ms: batch.last_at_ms.subarray(from, to),
    source: batch.source,
  };
}

/** Zeros, to be filled. */
export function emptyBatch({ length, source }: Pick<CandleBatch, "length" | "source">): CandleBatch {
  return {
    length,
    strategy_id: new Int32Array(length),
    minute_ms: new Float64Array(length),
    open_units: new Float64Array(length),
    high_units: new Float64Array(length),
    low_units: new Float64Array(length),
    close_units: new Float64Array(length),
    entry_value_units: new Float64Array(length),
    realized_pnl_units: new Float64Array(length),
    instrument_count: new Int32Array(length),
    stale_count: new Int32Array(length),
    oldest_age_ms: new Int32Array(length),
    sampled: new BigInt64Array(length),
    first_at_ms: new Float64Array(length),
    last_at_ms: new Float64Array(length),
    source,
  };
}

function copyRow(from: CandleBatch, place: number, to: CandleBatch, target: number): void {
  to.strategy_id[target] = at(from.strategy_id, place);
  to.minute_ms[target] = at(from.minute_ms, place);
  to.open_units[target] = at(from.open_units, place);
  to.high_units[target] = at(from.high_units, place);
  to.low_units[target] = at(from.low_units, place);
  to.close_units[target] = at(from.close_units, place);
  to.entry_value_units[target] = at(from.entry_value_units, place);
  to.realized_pnl_units[target] = at(from.realized_pnl_units, place);
  to.instrument_count[target] = at(from.instrument_count, place);
  to.stale_count[target] = at(from.stale_count, place);
  to.oldest_age_ms[target] = at(from.oldest_age_ms, place);
  to.sampled[target] = from.sampled[place] ?? 0n;
  to.first_at_ms[target] = at(from.first_at_ms, place);
  to.last_at_ms[target] = at(from.last_at_ms, place);
}

/** True where it is ordered already, each minute once: what the engine's own batches are. */
function ascends(batch: CandleBatch): boolean {
  for (let place = 1; place < batch.length; place += 1) if (byKey(batch, place - 1, place) >= 0) return false;
  return true;
}

function byKey({ strategy_id, minute_ms }: CandleBatch, a: number, b: number): number {
  return at(strategy_id, a) - at(strategy_id, b) || at(minute_ms, a) - at(minute_ms, b);
}

function candleAt(batch: CandleBatch, place: number): MinuteCandle {
  return {
    strategy_id: at(batch.strategy_id, place),
    minute_ms: at(batch.minute_ms, place),
    open_units: at(batch.open_units, place),
    high_units: at(batch.high_units, place),
    low_units: at(batch.low_units, place),
    close_units: at(batch.close_units, place),
    entry_value_units: at(batch.entry_value_units, place),
    realized_pnl_units: at(batch.realized_pnl_units, place),
    instrument_count: at(batch.instrument_count, place),
    stale_count: at(batch.stale_count, place),
    oldest_age_ms: at(batch.oldest_age_ms, place),
    sampled: batch.sampled[place] ?? 0n,
    first_at_ms: at(batch.first_at_ms, place),
    last_at_ms: at(batch.last_at_ms, place),
    source: batch.source,
  };
}

/** NaN past the end, which the table's constraints refuse. */
function at(numbers: Float64Array | Int32Array, place: number): number {
  return numbers[place] ?? Number.NaN;
}
