import { z } from "zod";
import { AccountId } from "./account.ts";
import { Day, Instant, InstantInput } from "./instant.ts";
import { Money } from "./money.ts";
import { Id, Limit } from "./strategy.ts";

export const CandleSource = z.enum(["live", "replay", "backfill"]);
export type CandleSource = z.infer<typeof CandleSource>;

/** OHLC of a strategy's M2M through [timestamp, timestamp + interval), and of its P&L. Money in rupees. */
export const Candle = z.object({
  strategy_id: z.int(),
  /** The start, UTC. */
  timestamp: Instant,
  open: Money,
  high: Money,
  low: Money,
  close: Money,
  /** pnl = realized_pnl + entry_value − m2m, so pnl_high follows from low. */
  pnl_open: Money,
  pnl_high: Money,
  pnl_low: Money,
  pnl_close: Money,
  /** Of the book at the minute's start; of a longer interval, of its last minute. */
  entry_value: Money,
  realized_pnl: Money,
  instrument_count: z.int(),
  /** Minutes that have a candle within the interval. */
  minute_count: z.int(),
  /** Seconds sampled. */
  sample_count: z.int(),
  /** The most legs with a stale price at any sample, and the greatest age of a price. */
  stale_count: z.int(),
  oldest_age_ms: z.int(),
  /** Bit n, in 15 hex digits: second n of the minute was sampled. Null for a longer interval. */
  sampled: z
    .string()
    .regex(/^[0-9a-f]{15}$/)
    .nullable(),
  first_at: Instant,
  last_at: Instant,
  /** Null where a longer interval mixes sources. */
  source: CandleSource.nullable(),
});
export type Candle = z.infer<typeof Candle>;

export const Interval = z.enum(["1m", "5m", "15m", "30m", "1h", "1d"]);
export type Interval = z.infer<typeof Interval>;

/** Which sum open, high, low and close are of. */
export const Basis = z.enum(["m2m", "pnl"]);
export type Basis = z.infer<typeof Basis>;

/** Candles with from ≤ timestamp ≤ to. `to` is now and `from` the open of its exchange day when left out. */
export const M2mQuery = z
  .strictObject({
    account_id: AccountId.optional(),
    strategy_id: Id,
    from_time: InstantInput.optional(),
    to_time: InstantInput.optional(),
    /** The exchange's day instead of from_time and to_time. */
    day: Day.optional(),
    interval: Interval.optional(),
    /** Left out: m2m, unless a server is configured to draw the line that an older front end expects. */
    basis: Basis.optional(),
    /** The first so many of the range; left out, all. */
    limit: Limit.optional(),
  })
  .refine((query) => query.day === undefined || (query.from_time === undefined && query.to_time === undefined), {
    error: "give a day, or from_time and to_time",
    path: ["day"],
  })
  .refine(
    (query) => query.from_time === undefined || query.to_time === undefined || Date.parse(query.from_time) <= Date.parse(query.to_time),
    {
      error: "lies after to_time",
      path: ["from_time"],
    },
  );
export type M2mQuery = z.input<typeof M2mQuery>;
