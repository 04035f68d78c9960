import { assert } from "../errors.ts";
import type { Candle, Interval } from "../model/candle.ts";
import { isoOf } from "../model/instant.ts";

/**
 * Candles of one strategy, ascending, rolled up: those with an equal startOf become one, stamped with it. A bucket without a
 * candle has none: a gap stays a gap. Open is the first minute's and close the last's; entry_value, realized_pnl and
 * instrument_count are the last's; pnl_high is the highest of the minutes', each by its own book. `sampled` is null, since a
 * mask is of one minute. A law: where short buckets lie within longer ones, as those of a session do, buckets of
 * buckets are buckets: rollUp(rollUp(c, 5m), 15m) equals rollUp(c, 15m).
 *
 * @throws StratctlError internal: the candles are of several strategies, or not ascending
 * @example
 * import { rollUp } from "@stratctl/sdk";
 *
 * const minute = {
 *   ...{ strategy_id: 7, open: -10, high: -5, low: -12, close: -8, pnl_open: 10, pnl_high: 12, pnl_low: 5, pnl_close: 8 },
 *   ...{ entry_value: 0, realized_pnl: 0, instrument_count: 1, minute_count: 1, sample_count: 60, stale_count: 0 },
 *   ...{ oldest_age_ms: 900, sampled: "fffffffffffffff", source: "live" as const },
 * };
 * const candles = ["2026-11-25T04:20:00Z", "2026-11-25T04:21:00Z"].map((timestamp) => {
 *   return { ...minute, timestamp, first_at: timestamp, last_at: timestamp };
 * });
 * const [hour] = rollUp(candles, (at_ms) => Math.floor(at_ms / 3_600_000) * 3_600_000);
 * console.log(hour?.timestamp, hour?.minute_count, hour?.sample_count); // 2026-11-25T04:00:00Z 2 120
 */
export function rollUp(candles: readonly Candle[], startOf: (at_ms: number) => number): Candle[] {
  const buckets = new Map<number, Candle>();
  let before: Candle | undefined;
  let before_ms = Number.NEGATIVE_INFINITY;
  for (const candle of candles) {
    const at_ms = Date.parse(candle.timestamp);
    assert(before === undefined || before.strategy_id === candle.strategy_id, "rollUp: candles of more than one strategy");
    assert(at_ms > before_ms, `rollUp: candle ${candle.timestamp} is not after the one before it`);
    const start_ms = startOf(at_ms);
    const bucket = buckets.get(start_ms);
    buckets.set(start_ms, bucket === undefined ? { ...candle, timestamp: isoOf(start_ms), sampled: null } : joined(bucket, candle));
    before = candle;
    before_ms = at_ms;
  }
  return [...buckets].toSorted(([a_ms], [b_ms]) => a_ms - b_ms).map(([, candle]) => candle);
}

/** What buckets are counted from. */
export interface BucketRule {
  readonly interval: Interval;
  /** Ascending, and without overlap. */
  readonly sessions: readonly { readonly open_ms: number; readonly close_ms: number }[];
  /** The exchange's zone, for minutes outside every session: India is 330. */
  readonly offset_minutes: number;
}

/**
 * Where the bucket of an instant starts: counted from the open of the session that it lies in; outside every session from the
 * zone's midnight. 1d is one bucket a session, stamped at its open.
 *
 * @example
 * import { bucketsOf, builtinCalendar, sessionsBetween } from "@stratctl/sdk";
 *
 * const calendar = builtinCalendar();
 * const sessions = sessionsBetween(calendar, "NFO", { from_day: "2026-11-25", to_day: "2026-11-25" });
 * const startOf = bucketsOf({ interval: "1h", sessions, offset_minutes: calendar.zone.offset_minutes });
 * console.log(new Date(startOf(Date.parse("2026-11-25T10:14:59+05:30"))).toISOString()); // 2026-11-25T03:45:00.000Z
 */
export function bucketsOf({ interval, sessions, offset_minutes }: BucketRule): (at_ms: number) => number {
  const length_ms = INTERVAL_MS[interval];
  const offset_ms = offset_minutes * INTERVAL_MS["1m"];
  return (at_ms) => {
    const last = lastOpened(sessions, at_ms);
    const inside = last !== undefined && at_ms < last.close_ms;
    const from_ms = inside ? last.open_ms : floor(at_ms + offset_ms, INTERVAL_MS["1d"]) - offset_ms;
    return from_ms + floor(at_ms - from_ms, length_ms);
  };
}

/** How long a candle of each interval is. */
export const INTERVAL_MS = {
  "1m": 60_000,
  "5m": 300_000,
  "15m": 900_000,
  "30m": 1_800_000,
  "1h": 3_600_000,
  "1d": 86_400_000,
} as const satisfies Record<Interval, number>;

function joined(bucket: Candle, next: Candle): Candle {
  return {
    ...next,
    timestamp: bucket.timestamp,
    open: bucket.open,
    high: Math.max(bucket.high, next.high),
    low: Math.min(bucket.low, next.low),
    pnl_open: bucket.pnl_open,
    pnl_high: Math.max(bucket.pnl_high, next.pnl_high),
    pnl_low: Math.min(bucket.pnl_low, next.pnl_low),
    minute_count: bucket.minute_count + next.minute_count,
    sample_count: bucket.sample_count + next.sample_count,
    stale_count: Math.max(bucket.stale_count, next.stale_count),
    oldest_age_ms: Math.max(bucket.oldest_age_ms, next.oldest_age_ms),
    sampled: null,
    first_at: bucket.first_at,
    source: bucket.source === next.source ? next.source : null,
  };
}

function lastOpened(sessions: BucketRule["sessions"], at_ms: number): { open_ms: number; close_ms: number } | undefined {
  let low = 0;
  let high = sessions.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sessions[middle]?.open_ms ?? Number.POSITIVE_INFINITY) <= at_ms) low = middle + 1;
    else high = middle;
  }
  return sessions[low - 1];
}

function floor(value: number, step: number): number {
  return Math.floor(value / step) * step;
}
