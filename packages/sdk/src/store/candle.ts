import { z } from "zod";
import { StratctlError } from "../errors.ts";
import { Candle, CandleSource, type Basis, type Interval } from "../model/candle.ts";
import { instantOfColumn } from "../model/instant.ts";
import { amountOfColumn, MONEY_MAX_UNITS } from "../model/money.ts";
import { bitsArray, instantArray, int4Array, int8Array } from "./array.ts";
import { ordered, part, type CandleBatch } from "./candle-batch.ts";
import { CANDLE_COLUMNS, jsonOf, type CandlesJson } from "./candle-json.ts";
import type { Db, Param } from "./db.ts";
import { retried } from "./failure.ts";
import { fenced, fenceParams, isFenced, type Fence } from "./leader.ts";
import { inSlices } from "./slices.ts";

export { batchOf, type CandleBatch } from "./candle-batch.ts";
export type { CandlesJson } from "./candle-json.ts";

export interface CandleUpsert {
  /** Rows added or changed. A minute whose row says all of it already is neither written nor left out. */
  readonly written: number;
  /** Minutes left alone: their row is of another book, source or recording, their strategy is gone, or their P&L is beyond what money can be. */
  readonly left_out: number;
}

export interface CandleUpsertOptions {
  readonly overwrite: boolean;
  readonly fence?: Fence | undefined;
}

/**
 * Merges minutes into the table, by the law of m2m/candle.ts: in any order and any number of times, the rows come out the same.
 * A row of another book or source is left alone and counted, and so is a replayed minute whose row has all its seconds with other
 * values: two recordings of one minute do not mix; with `overwrite` the minute replaces whatever is there. A large
 * batch is committed in slices: where it rejects, some are written and some are not, and writing it again is safe. Rejects with
 * leadership_lost where another engine leads by now than the one of the fence.
 */
export async function upsertMany(db: Db, given: CandleBatch, options: CandleUpsertOptions): Promise<CandleUpsert> {
  const { batch, left_out } = ordered(given, options);
  const slices = await fenced(() => inSlices(db, batch.length, (slice) => upsertSlice(db, part(batch, slice), options)));
  return {
    written: slices.reduce((sum, slice) => sum + slice.written, 0),
    left_out: slices.reduce((sum, slice) => sum + slice.left_out, left_out),
  };
}

async function upsertSlice(db: Db, batch: CandleBatch, { overwrite, fence }: CandleUpsertOptions): Promise<CandleUpsert> {
  const params = paramsOf(batch);
  const [name, sql] = overwrite ? (["candle.replace", REPLACE] as const) : (["candle.merge", MERGE] as const);
  const [first, last] = [batch.strategy_id[0] ?? 0, batch.strategy_id[batch.length - 1] ?? 0];
  const others =
    batch.source === "replay" && !overwrite ? await db.one(Count, "candle.otherRecording", OTHER_RECORDING, params) : { count: 0 };
  const written = await retried(() => db.run(name, sql, [...params, first, last, ...fenceParams(fence)]));
  if (written === batch.length) return { written, left_out: 0 };
  const { count } = await db.one(Count, "candle.leftOut", LEFT_OUT, params);
  return { written, left_out: count + others.count };
}

const Count = z.object({ count: z.int() });

function paramsOf({ length, source, ...batch }: CandleBatch): Param[] {
  return [
    int4Array(batch.strategy_id, length),
    instantArray(batch.minute_ms, length),
    int8Array(batch.open_units, length),
    int8Array(batch.high_units, length),
    int8Array(batch.low_units, length),
    int8Array(batch.close_units, length),
    int8Array(batch.entry_value_units, length),
    int8Array(batch.realized_pnl_units, length),
    int4Array(batch.instrument_count, length),
    int4Array(batch.stale_count, length),
    int4Array(batch.oldest_age_ms, length),
    bitsArray(batch.sampled, length),
    instantArray(batch.first_at_ms, length),
    instantArray(batch.last_at_ms, length),
    source,
  ];
}

/** Arrays unpacked side by side in a select list are read row by row; in `from` each is stored whole first, at twice the cost. */
const GIVEN = `(select unnest($1::int4[]) as strategy_id, unnest($2::timestamptz[]) as minute, unnest($3::int8[]) as open_units,
      unnest($4::int8[]) as high_units, unnest($5::int8[]) as low_units, unnest($6::int8[]) as close_units,
      unnest($7::int8[]) as entry_value_units, unnest($8::int8[]) as realized_pnl_units, unnest($9::int4[]) as instrument_count,
      unnest($10::int4[]) as stale_count, unnest($11::int4[]) as oldest_age_ms, unnest($12::int8[]) as sampled,
      unnest($13::timestamptz[]) as first_at, unnest($14::timestamptz[]) as last_at) as given`;

/**
 * A strategy may be gone since the book was read, and a P&L beyond the bound would end the statement for the rows behind it.
 * Without the first and last strategy of the slice, each slice would read all strategies.
 */
const INSERT = `insert into strategy_m2m_candles as kept
    (strategy_id, timestamp, open, high, low, close, entry_value, realized_pnl, instrument_count, sample_count, stale_count,
     oldest_age_ms, sampled, first_at, last_at, source)
  select given.strategy_id, given.minute, open_units * 0.0001, high_units * 0.0001, low_units * 0.0001,
    close_units * 0.0001, entry_value_units * 0.0001, realized_pnl_units * 0.0001, instrument_count,
    bit_count(sampled::bit(64)), stale_count, oldest_age_ms, sampled, first_at,
    last_at, $15
  from ${GIVEN}
  where exists (
      select from strategy where strategy.strategy_id = given.strategy_id and strategy.strategy_id between $16::int4 and $17::int4
    )
    and greatest(realized_pnl_units + entry_value_units - low_units, high_units - realized_pnl_units - entry_value_units)
      <= ${MONEY_MAX_UNITS}
    and ${isFenced("$18", "$19", "$20")}
  order by given.strategy_id, given.minute
  on conflict (strategy_id, timestamp) do update set`;

const MERGE = `${INSERT}
    open = case when excluded.first_at < kept.first_at then excluded.open
      when excluded.first_at = kept.first_at then greatest(kept.open, excluded.open) else kept.open end,
    high = greatest(kept.high, excluded.high),
    low = least(kept.low, excluded.low),
    close = case when excluded.last_at > kept.last_at then excluded.close
      when excluded.last_at = kept.last_at then greatest(kept.close, excluded.close) else kept.close end,
    sample_count = bit_count((kept.sampled | excluded.sampled)::bit(64)),
    stale_count = greatest(kept.stale_count, excluded.stale_count),
    oldest_age_ms = greatest(kept.oldest_age_ms, excluded.oldest_age_ms),
    sampled = kept.sampled | excluded.sampled,
    first_at = least(kept.first_at, excluded.first_at),
    last_at = greatest(kept.last_at, excluded.last_at)
  where kept.source = excluded.source and kept.instrument_count = excluded.instrument_count
    and kept.entry_value = excluded.entry_value and kept.realized_pnl = excluded.realized_pnl
    and ($15 <> 'replay' or excluded.sampled & ~kept.sampled <> 0)
    and (excluded.sampled & ~kept.sampled <> 0
      or excluded.high > kept.high or excluded.low < kept.low
      or excluded.stale_count > kept.stale_count or excluded.oldest_age_ms > kept.oldest_age_ms
      or excluded.first_at < kept.first_at or (excluded.first_at = kept.first_at and excluded.open > kept.open)
      or excluded.last_at > kept.last_at or (excluded.last_at = kept.last_at and excluded.close > kept.close))`;

const REPLACE = `${INSERT}
    open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close,
    entry_value = excluded.entry_value, realized_pnl = excluded.realized_pnl, instrument_count = excluded.instrument_count,
    sample_count = excluded.sample_count, stale_count = excluded.stale_count, oldest_age_ms = excluded.oldest_age_ms,
    sampled = excluded.sampled, first_at = excluded.first_at, last_at = excluded.last_at, source = excluded.source
  where (kept.open, kept.high, kept.low, kept.close, kept.entry_value, kept.realized_pnl, kept.instrument_count, kept.stale_count,
      kept.oldest_age_ms, kept.sampled, kept.first_at, kept.last_at, kept.source)
    is distinct from
    (excluded.open, excluded.high, excluded.low, excluded.close, excluded.entry_value, excluded.realized_pnl,
      excluded.instrument_count, excluded.stale_count, excluded.oldest_age_ms, excluded.sampled, excluded.first_at,
      excluded.last_at, excluded.source)`;

/** The row of a given minute, by its key: a plain join would read a year's table for a slice of two thousand minutes. */
const KEPT = `(select * from strategy_m2m_candles as candle
    where candle.strategy_id = given.strategy_id and candle.timestamp = given.minute offset 0) as kept`;

/** Which of the minutes are not in the table, or are there from another book or source. */
const LEFT_OUT = `select count(*)::int as count
  from ${GIVEN}
  left join lateral ${KEPT} on true
  where kept.strategy_id is null or kept.source <> $15 or kept.instrument_count <> given.instrument_count
    or kept.entry_value <> given.entry_value_units * 0.0001 or kept.realized_pnl <> given.realized_pnl_units * 0.0001`;

/** Which replayed minutes say something else of seconds that their row has: it is of another recording. Told before they merge. */
const OTHER_RECORDING = `select count(*)::int as count
  from ${GIVEN}
  cross join lateral ${KEPT}
  where kept.source = $15 and kept.instrument_count = given.instrument_count
    and kept.entry_value = given.entry_value_units * 0.0001 and kept.realized_pnl = given.realized_pnl_units * 0.0001
    and given.sampled & ~kept.sampled = 0
    and (given.high_units * 0.0001 > kept.high or given.low_units * 0.0001 < kept.low
      or (given.first_at = kept.first_at and given.open_units * 0.0001 <> kept.open)
      or (given.last_at = kept.last_at and given.close_units * 0.0001 <> kept.close)
      or (given.sampled = kept.sampled and (given.high_units * 0.0001, given.low_units * 0.0001) <> (kept.high, kept.low)))`;

export interface HistoryQuery {
  readonly strategy_id: number;
  /** Both ends count. */
  readonly from_ms: number;
  readonly to_ms: number;
  readonly interval: Interval;
  /** The exchange's sessions [open, close) of the days from that of `from` to that of `to`, ascending: buckets are counted from their opens. */
  readonly sessions: readonly { readonly open_ms: number; readonly close_ms: number }[];
  /** The first so many; all where left out. */
  readonly limit?: number | undefined;
}

/**
 * Candles with from ≤ timestamp ≤ to, ascending; minutes without a Mark have none. Longer intervals are rolled up from the
 * session's open, whole, and count by their start; `1d` is stamped at the open. Minutes outside every session are counted from
 * midnight at UTC+5:30.
 */
export function history(db: Db, query: HistoryQuery): Promise<Candle[]> {
  return db.many(Row, ...statementOf(query));
}

/** The same candles as JSON: what `JSON.stringify` would make of them, at a fraction of the cost. */
export async function historyJson(db: Db, query: HistoryQuery, basis: Basis): Promise<CandlesJson> {
  return jsonOf(await db.texts(CANDLE_COLUMNS, ...statementOf(query)), basis);
}

function statementOf({
  strategy_id,
  from_ms,
  to_ms,
  interval,
  sessions,
  limit,
}: HistoryQuery): [name: string, sql: string, params: Param[]] {
  if (interval === "1m") return ["candle.minutes", MINUTES, [strategy_id, from_ms, to_ms, limit ?? null]];
  const opens = Float64Array.from(sessions, (session) => session.open_ms);
  const closes = Float64Array.from(sessions, (session) => session.close_ms);
  const params = [
    strategy_id,
    from_ms,
    to_ms,
    STEPS[interval],
    instantArray(opens, opens.length),
    instantArray(closes, closes.length),
    limit ?? null,
  ];
  return ["candle.rolled", ROLLED, params];
}

const STEPS = {
  "5m": "5 minutes",
  "15m": "15 minutes",
  "30m": "30 minutes",
  "1h": "1 hour",
  "1d": "1 day",
} as const satisfies Record<Exclude<Interval, "1m">, string>;

/** Columns of text that the table's types hold to their form: read once a row, since a schema a column costs half of a history. */
const Row = Candle.extend({
  timestamp: z.string(),
  open: z.string(),
  high: z.string(),
  low: z.string(),
  close: z.string(),
  pnl_open: z.string(),
  pnl_high: z.string(),
  pnl_low: z.string(),
  pnl_close: z.string(),
  entry_value: z.string(),
  realized_pnl: z.string(),
  first_at: z.string(),
  last_at: z.string(),
  source: CandleSource.nullable(),
}).transform((row): Candle => ({
  ...row,
  timestamp: instantIn(row.timestamp),
  open: amountIn(row.open),
  high: amountIn(row.high),
  low: amountIn(row.low),
  close: amountIn(row.close),
  pnl_open: amountIn(row.pnl_open),
  pnl_high: amountIn(row.pnl_high),
  pnl_low: amountIn(row.pnl_low),
  pnl_close: amountIn(row.pnl_close),
  entry_value: amountIn(row.entry_value),
  realized_pnl: amountIn(row.realized_pnl),
  first_at: instantIn(row.first_at),
  last_at: instantIn(row.last_at),
}));

function amountIn(text: string): number {
  const amount = amountOfColumn(text);
  if (Number.isNaN(amount)) throw new StratctlError("internal", `candle: ${text} is not an amount of at most four decimals`);
  return amount;
}

function instantIn(text: string): string {
  const instant = instantOfColumn(text);
  if (instant === null) throw new StratctlError("internal", `candle: ${text} is not an instant in UTC`);
  return instant;
}

const MINUTES = `select strategy_id, timestamp, open, high, low, close,
    realized_pnl + entry_value - open as pnl_open, realized_pnl + entry_value - low as pnl_high,
    realized_pnl + entry_value - high as pnl_low, realized_pnl + entry_value - close as pnl_close,
    entry_value, realized_pnl, instrument_count, 1 as minute_count, sample_count, stale_count, oldest_age_ms,
    lpad(to_hex(sampled), 15, '0') as sampled, first_at, last_at, source
  from strategy_m2m_candles
  where strategy_id = $1
    and timestamp between to_timestamp($2::float8 / 1000) and to_timestamp($3::float8 / 1000)
  order by timestamp
  limit $4`;

/**
 * width_bucket finds the last session that opened by then, by halving; past its close the origin is a midnight in India. A
 * bucket may reach past `to` by its length, and is read whole.
 */
const ROLLED = `with session (opens, closes) as (values ($5::timestamptz[], $6::timestamptz[])), minute as materialized (
    select candle.timestamp, candle.open, candle.high, candle.low, candle.close, candle.entry_value, candle.realized_pnl,
      candle.instrument_count, candle.sample_count, candle.stale_count, candle.oldest_age_ms, candle.first_at, candle.last_at,
      candle.source,
      date_bin($4::interval, candle.timestamp,
        case when candle.timestamp < closes[width_bucket(candle.timestamp, opens)]
          then opens[width_bucket(candle.timestamp, opens)] else timestamptz '2000-01-01 00:00:00+05:30' end) as bucket
    from strategy_m2m_candles candle cross join session
    where candle.strategy_id = $1
      and candle.timestamp >= to_timestamp($2::float8 / 1000)
      and candle.timestamp < to_timestamp($3::float8 / 1000) + $4::interval
  ), rolled as (
    select bucket, min(timestamp) as first_minute, max(timestamp) as last_minute, max(high) as high, min(low) as low,
      max(realized_pnl + entry_value - low) as pnl_high, min(realized_pnl + entry_value - high) as pnl_low,
      count(*)::int as minute_count, sum(sample_count)::int as sample_count, max(stale_count) as stale_count,
      max(oldest_age_ms) as oldest_age_ms, case when min(source) = max(source) then min(source) end as source
    from minute
    where bucket between to_timestamp($2::float8 / 1000) and to_timestamp($3::float8 / 1000)
    group by bucket
    order by bucket
    limit $7
  )
  select $1::int as strategy_id, rolled.bucket as timestamp, first.open, rolled.high, rolled.low, last.close,
    first.realized_pnl + first.entry_value - first.open as pnl_open, rolled.pnl_high, rolled.pnl_low,
    last.realized_pnl + last.entry_value - last.close as pnl_close, last.entry_value, last.realized_pnl,
    last.instrument_count, rolled.minute_count, rolled.sample_count, rolled.stale_count, rolled.oldest_age_ms,
    null as sampled, first.first_at, last.last_at, rolled.source
  from rolled
  join minute first on first.timestamp = rolled.first_minute
  join minute last on last.timestamp = rolled.last_minute
  order by rolled.bucket`;
