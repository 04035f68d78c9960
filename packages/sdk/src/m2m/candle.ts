import { assert, StratctlError } from "../errors.ts";
import type { Candle, CandleSource } from "../model/candle.ts";
import { isoOf } from "../model/instant.ts";
import { amountOf, MONEY_MAX } from "../model/money.ts";
import type { BookOfMinute, MinuteCandle, SampledMark } from "./minute.ts";
import { pnlUnits } from "./pnl.ts";

/**
 * The start of the minute that an instant lies in: [start, start + 60 000), in milliseconds since the epoch.
 *
 * @example
 * import { minuteOf } from "@stratctl/sdk";
 *
 * console.log(new Date(minuteOf(Date.parse("2026-11-25T04:00:59.999Z"))).toISOString()); // 2026-11-25T04:00:00.000Z
 */
export function minuteOf(at_ms: number): number {
  return Math.floor(at_ms / MINUTE_MS) * MINUTE_MS;
}

/**
 * A minute's candle with one more Mark in it; null begins one. A law: it is merge with the candle of that one Mark, so the
 * order in which Marks come does not matter, and the same Mark twice counts once.
 *
 * @throws StratctlError internal: the Mark is of another strategy or minute, or the book or source is another
 * @example
 * import { fold, toCandle, type MinuteCandle } from "@stratctl/sdk";
 *
 * const book = { instrument_count: 1, entry_value_units: -49_000_000, realized_pnl_units: 0 };
 * let candle: MinuteCandle | null = null;
 * for (const [second, m2m_units] of [-50_000_000, -49_500_000, -50_500_000].entries()) {
 *   const at_ms = Date.parse("2026-11-25T04:00:00Z") + second * 1000;
 *   candle = fold(candle, { strategy_id: 7, at_ms, m2m_units, stale_count: 0, oldest_age_ms: 300 }, book, "live");
 * }
 * const { open, high, low, close, pnl_close } = toCandle(candle!);
 * console.log(open, high, low, close, pnl_close); // -5000 -4950 -5050 -5050 150
 */
export function fold(candle: MinuteCandle | null, mark: SampledMark, book: BookOfMinute, source: CandleSource): MinuteCandle {
  const minute_ms = minuteOf(mark.at_ms);
  const alone = checked({
    strategy_id: mark.strategy_id,
    minute_ms,
    open_units: mark.m2m_units,
    high_units: mark.m2m_units,
    low_units: mark.m2m_units,
    close_units: mark.m2m_units,
    entry_value_units: book.entry_value_units,
    realized_pnl_units: book.realized_pnl_units,
    instrument_count: book.instrument_count,
    sampled: 1n << BigInt(Math.floor((mark.at_ms - minute_ms) / SECOND_MS)),
    stale_count: mark.stale_count,
    oldest_age_ms: mark.oldest_age_ms,
    first_at_ms: mark.at_ms,
    last_at_ms: mark.at_ms,
    source,
  });
  return candle === null ? alone : merge(candle, alone);
}

/** True where two candles are of one strategy, minute, book and source: only those merge. */
export function mergeable(a: MinuteCandle, b: MinuteCandle): boolean {
  return (
    a.strategy_id === b.strategy_id &&
    a.minute_ms === b.minute_ms &&
    a.source === b.source &&
    a.instrument_count === b.instrument_count &&
    a.entry_value_units === b.entry_value_units &&
    a.realized_pnl_units === b.realized_pnl_units
  );
}

/**
 * One minute of one strategy, seen in two parts. Laws: merge(a, b) equals merge(b, a); merge(a, merge(b, c)) equals
 * merge(merge(a, b), c); merge(a, a) equals a. Open is that of the earlier first_at, close that of the later last_at; of
 * equal times the greater value.
 *
 * @throws StratctlError internal: they are not mergeable
 * @example
 * import { fold, merge, toCandle } from "@stratctl/sdk";
 *
 * const book = { instrument_count: 1, entry_value_units: 0, realized_pnl_units: 0 };
 * const [before, after] = ["2026-11-25T04:00:10Z", "2026-11-25T04:00:50Z"].map((at, place) => {
 *   const mark = { strategy_id: 7, at_ms: Date.parse(at), m2m_units: place * 10_000, stale_count: 0, oldest_age_ms: 0 };
 *   return fold(null, mark, book, "live");
 * });
 * const { open, close, sample_count } = toCandle(merge(after!, before!));
 * console.log(open, close, sample_count); // 0 1 2
 */
export function merge(a: MinuteCandle, b: MinuteCandle): MinuteCandle {
  assert(mergeable(a, b), `merge: ${keyOf(a)} and ${keyOf(b)} are not one minute of one strategy, book and source`);
  return checked({
    ...a,
    open_units: earlier(a, b).open_units,
    high_units: Math.max(a.high_units, b.high_units),
    low_units: Math.min(a.low_units, b.low_units),
    close_units: later(a, b).close_units,
    sampled: a.sampled | b.sampled,
    stale_count: Math.max(a.stale_count, b.stale_count),
    oldest_age_ms: Math.max(a.oldest_age_ms, b.oldest_age_ms),
    first_at_ms: Math.min(a.first_at_ms, b.first_at_ms),
    last_at_ms: Math.max(a.last_at_ms, b.last_at_ms),
  });
}

/** OHLC of P&L in units, from M2M's: pnl = realized_pnl + entry_value − m2m turns it upside down. */
export interface PnlOhlc {
  readonly pnl_open_units: number;
  readonly pnl_high_units: number;
  readonly pnl_low_units: number;
  readonly pnl_close_units: number;
}

/**
 * The P&L candle of an M2M candle: pnl_high comes from low and pnl_low from high, with the book that all of the minute's Marks
 * share.
 *
 * @throws StratctlError money_too_large: a P&L lies beyond ±MONEY_MAX; no Mark has such a one
 * @example
 * import { fold, pnlOf } from "@stratctl/sdk";
 *
 * const mark = { strategy_id: 7, at_ms: 0, m2m_units: -50_000_000, stale_count: 0, oldest_age_ms: 0 };
 * const book = { instrument_count: 1, entry_value_units: -49_000_000, realized_pnl_units: 250_000 };
 * console.log(pnlOf(fold(null, mark, book, "live")).pnl_close_units); // 1250000
 */
export function pnlOf(candle: MinuteCandle): PnlOhlc {
  const at = (m2m_units: number): number => {
    const pnl = pnlUnits({ ...candle, m2m_units });
    if (Number.isNaN(pnl)) throw new StratctlError("money_too_large", `the pnl of ${keyOf(candle)} lies beyond ±${MONEY_MAX} rupees`);
    return pnl;
  };
  return {
    pnl_open_units: at(candle.open_units),
    pnl_high_units: at(candle.low_units),
    pnl_low_units: at(candle.high_units),
    pnl_close_units: at(candle.close_units),
  };
}

/** Seconds set in a mask of `sampled`. */
export function sampleCount(sampled: bigint): number {
  let count = 0;
  for (let rest = sampled; rest > 0n; rest &= rest - 1n) count++;
  return count;
}

/**
 * The candle as the SDK and the wire show it: rupees, instants, with its P&L.
 *
 * @throws StratctlError money_too_large: as pnlOf
 * @example
 * import { fold, toCandle } from "@stratctl/sdk";
 *
 * const mark = { strategy_id: 7, at_ms: Date.parse("2026-11-25T04:00:05Z"), m2m_units: -15_005_000, stale_count: 0, oldest_age_ms: 0 };
 * const book = { instrument_count: 1, entry_value_units: 0, realized_pnl_units: 0 };
 * const { timestamp, close, pnl_close, sampled } = toCandle(fold(null, mark, book, "live"));
 * console.log(timestamp, close, pnl_close, sampled); // 2026-11-25T04:00:00Z -1500.5 1500.5 000000000000020
 */
export function toCandle(minute: MinuteCandle): Candle {
  const pnl = pnlOf(minute);
  return {
    strategy_id: minute.strategy_id,
    timestamp: isoOf(minute.minute_ms),
    open: amountOf(minute.open_units),
    high: amountOf(minute.high_units),
    low: amountOf(minute.low_units),
    close: amountOf(minute.close_units),
    pnl_open: amountOf(pnl.pnl_open_units),
    pnl_high: amountOf(pnl.pnl_high_units),
    pnl_low: amountOf(pnl.pnl_low_units),
    pnl_close: amountOf(pnl.pnl_close_units),
    entry_value: amountOf(minute.entry_value_units),
    realized_pnl: amountOf(minute.realized_pnl_units),
    instrument_count: minute.instrument_count,
    minute_count: 1,
    sample_count: sampleCount(minute.sampled),
    stale_count: minute.stale_count,
    oldest_age_ms: minute.oldest_age_ms,
    sampled: minute.sampled.toString(16).padStart(HEX_DIGITS, "0"),
    first_at: isoOf(minute.first_at_ms),
    last_at: isoOf(minute.last_at_ms),
    source: minute.source,
  };
}

const SECOND_MS = 1000;
const MINUTE_MS = 60_000;
const SECONDS = 60n;
const HEX_DIGITS = 15;

function keyOf({ strategy_id, minute_ms, source }: MinuteCandle): string {
  return `${source} candle ${strategy_id} ${isoOf(minute_ms)}`;
}

/** The part whose open counts. */
function earlier(a: MinuteCandle, b: MinuteCandle): MinuteCandle {
  if (a.first_at_ms !== b.first_at_ms) return a.first_at_ms < b.first_at_ms ? a : b;
  return a.open_units >= b.open_units ? a : b;
}

/** The part whose close counts. */
function later(a: MinuteCandle, b: MinuteCandle): MinuteCandle {
  if (a.last_at_ms !== b.last_at_ms) return a.last_at_ms > b.last_at_ms ? a : b;
  return a.close_units >= b.close_units ? a : b;
}

/** What holds for every candle: asserted, never repaired. */
function checked(candle: MinuteCandle): MinuteCandle {
  const { open_units, high_units, low_units, close_units, minute_ms, first_at_ms, last_at_ms, sampled } = candle;
  assert(low_units <= open_units && open_units <= high_units, `${keyOf(candle)}: open is outside low and high`);
  assert(low_units <= close_units && close_units <= high_units, `${keyOf(candle)}: close is outside low and high`);
  assert(minute_ms <= first_at_ms && first_at_ms <= last_at_ms, `${keyOf(candle)}: first_at is outside the minute`);
  assert(last_at_ms < minute_ms + MINUTE_MS, `${keyOf(candle)}: last_at is outside the minute`);
  assert(sampled > 0n && sampled < 1n << SECONDS, `${keyOf(candle)}: sampled is not a mask of its seconds`);
  return candle;
}
