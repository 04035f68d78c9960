import { InstantColumn } from "../model/instant.ts";
import { Mark } from "../model/mark.ts";
import { MONEY_MAX_UNITS, MoneyColumn } from "../model/money.ts";
import { int4Array, int8Array } from "./array.ts";
import { WholeColumn } from "./column.ts";
import type { Db } from "./db.ts";
import { retried } from "./failure.ts";

/** The marks of one sample as a structure of arrays; the first `length` places count. Money in units (1 = 0.0001 rupee). */
export interface MarkBatch {
  readonly length: number;
  readonly at_ms: number;
  /** Each once. */
  readonly strategy_id: Int32Array;
  /** NaN: no Mark; `reason` then says why. */
  readonly m2m_units: Float64Array;
  readonly entry_value_units: Float64Array;
  readonly realized_pnl_units: Float64Array;
  readonly instrument_count: Int32Array;
  readonly priced: Int32Array;
  readonly stale: Int32Array;
  /** NaN: no leg is priced. */
  readonly oldest_age_ms: Float64Array;
  readonly reason: readonly (string | null)[];
}

/**
 * Brings the latest marks up to date, only forward in time (of equal instants the later call wins). Left alone: a strategy that
 * is gone, and one whose money is beyond what money can be. How many rows it wrote.
 */
export async function upsertMany(db: Db, batch: MarkBatch): Promise<number> {
  const { length } = batch;
  if (length === 0) return 0;
  const params = [
    batch.at_ms,
    int4Array(batch.strategy_id, length),
    int8Array(batch.m2m_units, length),
    int8Array(batch.entry_value_units, length),
    int8Array(batch.realized_pnl_units, length),
    int4Array(batch.instrument_count, length),
    int4Array(batch.priced, length),
    int4Array(batch.stale, length),
    int8Array(batch.oldest_age_ms, length),
    batch.reason.slice(0, length),
  ];
  return retried(() => db.run("mark.upsert", UPSERT, params));
}

/** Rows are taken in the order of their ids, so that two writers do not wait for each other; what is unchanged is not written. */
const UPSERT = `insert into strategy_mark as kept
    (strategy_id, at, m2m, pnl, entry_value, realized_pnl, instrument_count, priced, stale, oldest_age_ms, reason)
  select given.strategy_id, to_timestamp($1::float8 / 1000), m2m_units * 0.0001,
    (realized_pnl_units + entry_value_units - m2m_units) * 0.0001, entry_value_units * 0.0001, realized_pnl_units * 0.0001,
    instrument_count, priced, stale, oldest_age_ms, reason
  from unnest($2::int4[], $3::int8[], $4::int8[], $5::int8[], $6::int4[], $7::int4[], $8::int4[], $9::int8[], $10::text[])
    as given (strategy_id, m2m_units, entry_value_units, realized_pnl_units, instrument_count, priced, stale, oldest_age_ms, reason)
  where exists (select from strategy where strategy.strategy_id = given.strategy_id)
    and entry_value_units is not null and realized_pnl_units is not null
    and (m2m_units is null or greatest(abs(realized_pnl_units + entry_value_units - m2m_units), abs(entry_value_units - m2m_units))
      <= ${MONEY_MAX_UNITS})
  order by given.strategy_id
  on conflict (strategy_id) do update set
    at = excluded.at, m2m = excluded.m2m, pnl = excluded.pnl, entry_value = excluded.entry_value,
    realized_pnl = excluded.realized_pnl, instrument_count = excluded.instrument_count, priced = excluded.priced,
    stale = excluded.stale, oldest_age_ms = excluded.oldest_age_ms, reason = excluded.reason
  where kept.at <= excluded.at
    and (kept.at, kept.m2m, kept.entry_value, kept.realized_pnl, kept.instrument_count, kept.priced, kept.stale, kept.oldest_age_ms,
        kept.reason)
      is distinct from
      (excluded.at, excluded.m2m, excluded.entry_value, excluded.realized_pnl, excluded.instrument_count, excluded.priced,
        excluded.stale, excluded.oldest_age_ms, excluded.reason)`;

const Row = Mark.omit({ age_ms: true }).extend({
  at: InstantColumn,
  m2m: MoneyColumn.nullable(),
  pnl: MoneyColumn.nullable(),
  unrealized_pnl: MoneyColumn.nullable(),
  entry_value: MoneyColumn,
  realized_pnl: MoneyColumn,
  oldest_age_ms: WholeColumn.nullable(),
});

/** The latest mark with its age at `now_ms`, or null where the strategy was never marked. */
export async function find(db: Db, key: { strategy_id: number }, now_ms: number): Promise<Mark | null> {
  const mark = await db.maybeOne(
    Row,
    "mark.find",
    `select strategy_id, at, m2m, pnl, entry_value - m2m as unrealized_pnl, entry_value, realized_pnl, instrument_count, priced,
       stale, oldest_age_ms, reason
     from strategy_mark where strategy_id = $1`,
    [key.strategy_id],
  );
  if (mark === null) return null;
  // A mark of another machine, or of a replay of today, may lie a little ahead of this clock: it is then 0 old.
  return { ...mark, age_ms: Math.max(0, now_ms - Date.parse(mark.at)) };
}

/**
 * Brings strategy.current_m2m and total_pnl, which others read with SQL, to the latest marks: NULL after one that is none. Only
 * rows that differ are written. How many.
 */
export function settleStrategies(db: Db): Promise<number> {
  return retried(() => db.run("mark.settle", SETTLE));
}

/** Rows are locked in the order of their ids first: two that settle at once do not deadlock. */
const SETTLE = `with differing as (
    select strategy.strategy_id, mark.m2m, mark.pnl
    from strategy join strategy_mark mark using (strategy_id)
    where (strategy.current_m2m, strategy.total_pnl) is distinct from (mark.m2m, mark.pnl)
    order by strategy.strategy_id
    for no key update of strategy
  )
  update strategy set current_m2m = differing.m2m, total_pnl = differing.pnl
  from differing where differing.strategy_id = strategy.strategy_id`;
