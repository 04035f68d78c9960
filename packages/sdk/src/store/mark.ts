import { z } from "zod";
import { InstantColumn } from "../model/instant.ts";
import { Mark } from "../model/mark.ts";
import { MONEY_MAX_UNITS, MoneyColumn } from "../model/money.ts";
import { int4Array, int8Array, textArray } from "./array.ts";
import { isForward, WholeColumn } from "./column.ts";
import type { Db, Param } from "./db.ts";
import { retried } from "./failure.ts";
import { fenced, fenceParams, isFenced, type Fence } from "./leader.ts";
import { abreast, inSlices, type Slice } from "./slices.ts";

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
 * is gone, and one whose money is beyond what money can be. How many rows it wrote. A large batch is committed in slices. Rejects
 * with leadership_lost where another engine leads by now than the one of the fence.
 */
export async function upsertMany(db: Db, batch: MarkBatch, fence?: Fence): Promise<number> {
  const counts = await fenced(() => inSlices(db, batch.length, (slice) => upsertSlice(db, batch, { slice, fence })));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** The rows of a slice, in the same memory. */
export function part(batch: MarkBatch, { from, to }: Slice): MarkBatch {
  return {
    length: to - from,
    at_ms: batch.at_ms,
    strategy_id: batch.strategy_id.subarray(from, to),
    m2m_units: batch.m2m_units.subarray(from, to),
    entry_value_units: batch.entry_value_units.subarray(from, to),
    realized_pnl_units: batch.realized_pnl_units.subarray(from, to),
    instrument_count: batch.instrument_count.subarray(from, to),
    priced: batch.priced.subarray(from, to),
    stale: batch.stale.subarray(from, to),
    oldest_age_ms: batch.oldest_age_ms.subarray(from, to),
    reason: batch.reason.slice(from, to),
  };
}

/** A strategy's row is there but for its first mark, and an update costs half of what an upsert does, which locks the row first. */
async function upsertSlice(db: Db, batch: MarkBatch, { slice, fence }: { slice: Slice; fence: Fence | undefined }): Promise<number> {
  const params = [...paramsOf(batch, slice), ...fenceParams(fence)];
  const updated = await retried(() => db.run("mark.update", UPDATE, params));
  if (updated === slice.to - slice.from) return updated;
  return updated + (await retried(() => db.run("mark.upsert", UPSERT, params)));
}

function paramsOf(whole: MarkBatch, slice: Slice): Param[] {
  const batch = part(whole, slice);
  const { length } = batch;
  return [
    batch.at_ms,
    int4Array(batch.strategy_id, length),
    int8Array(batch.m2m_units, length),
    int8Array(batch.entry_value_units, length),
    int8Array(batch.realized_pnl_units, length),
    int4Array(batch.instrument_count, length),
    int4Array(batch.priced, length),
    int4Array(batch.stale, length),
    int8Array(batch.oldest_age_ms, length),
    textArray(batch.reason, length),
    ...endsOf(batch.strategy_id),
  ];
}

function endsOf(ids: Int32Array): [number, number] {
  let [first, last] = [ids[0] ?? 0, ids[0] ?? 0];
  for (const id of ids) {
    first = Math.min(first, id);
    last = Math.max(last, id);
  }
  return [first, last];
}

/** As rows of strategy_mark; those whose money is known and within what money can be. */
const GIVEN = `(
    select strategy_id, to_timestamp($1::float8 / 1000) as at, m2m_units * 0.0001 as m2m,
      (realized_pnl_units + entry_value_units - m2m_units) * 0.0001 as pnl, entry_value_units * 0.0001 as entry_value,
      realized_pnl_units * 0.0001 as realized_pnl, instrument_count, priced, stale, oldest_age_ms, reason
    from (select unnest($2::int4[]) as strategy_id, unnest($3::int8[]) as m2m_units, unnest($4::int8[]) as entry_value_units,
      unnest($5::int8[]) as realized_pnl_units, unnest($6::int4[]) as instrument_count, unnest($7::int4[]) as priced,
      unnest($8::int4[]) as stale, unnest($9::int8[]) as oldest_age_ms, unnest($10::text[]) as reason) as units
    where entry_value_units is not null and realized_pnl_units is not null
      and (m2m_units is null or greatest(abs(realized_pnl_units + entry_value_units - m2m_units), abs(entry_value_units - m2m_units))
        <= ${MONEY_MAX_UNITS})
  ) as given`;

/** Only forward in time, but where a clock was ahead; what is unchanged is not written. */
const newer = (given: "given" | "excluded"): string => `${isForward("kept.at", `${given}.at`)}
    and (kept.at, kept.m2m, kept.entry_value, kept.realized_pnl, kept.instrument_count, kept.priced, kept.stale, kept.oldest_age_ms,
        kept.reason)
      is distinct from
      (${given}.at, ${given}.m2m, ${given}.entry_value, ${given}.realized_pnl, ${given}.instrument_count, ${given}.priced,
        ${given}.stale, ${given}.oldest_age_ms, ${given}.reason)`;

const set = (given: "given" | "excluded"): string => `set at = ${given}.at, m2m = ${given}.m2m, pnl = ${given}.pnl,
    entry_value = ${given}.entry_value, realized_pnl = ${given}.realized_pnl, instrument_count = ${given}.instrument_count,
    priced = ${given}.priced, stale = ${given}.stale, oldest_age_ms = ${given}.oldest_age_ms, reason = ${given}.reason`;

/** Without the first and last strategy of the slice, each slice would read all marks. */
const UPDATE = `update strategy_mark as kept ${set("given")}
  from ${GIVEN}
  where kept.strategy_id = given.strategy_id and kept.strategy_id between $11::int4 and $12::int4 and ${newer("given")}
    and ${isFenced("$13", "$14", "$15")}`;

/** Rows are taken in the order of their ids, so that two writers do not wait for each other. */
const UPSERT = `insert into strategy_mark as kept
    (strategy_id, at, m2m, pnl, entry_value, realized_pnl, instrument_count, priced, stale, oldest_age_ms, reason)
  select strategy_id, at, m2m, pnl, entry_value, realized_pnl, instrument_count, priced, stale, oldest_age_ms, reason
  from ${GIVEN}
  where exists (
      select from strategy where strategy.strategy_id = given.strategy_id and strategy.strategy_id between $11::int4 and $12::int4
    )
    and ${isFenced("$13", "$14", "$15")}
  order by strategy_id
  on conflict (strategy_id) do update ${set("excluded")}
  where ${newer("excluded")}`;

const Row = Mark.omit({ age_ms: true }).extend({
  at: InstantColumn,
  m2m: MoneyColumn.nullable(),
  pnl: MoneyColumn.nullable(),
  unrealized_pnl: MoneyColumn.nullable(),
  entry_value: MoneyColumn,
  realized_pnl: MoneyColumn,
  oldest_age_ms: WholeColumn.nullable(),
});

const COLUMNS = `mark.strategy_id, mark.at, mark.m2m, mark.pnl, mark.entry_value - mark.m2m as unrealized_pnl, mark.entry_value,
    mark.realized_pnl, mark.instrument_count, mark.priced, mark.stale, mark.oldest_age_ms, mark.reason`;

/** The latest mark with its age at `now_ms`, or null where the strategy was never marked. */
export async function find(db: Db, key: { strategy_id: number }, now_ms: number): Promise<Mark | null> {
  const mark = await db.maybeOne(Row, "mark.find", `select ${COLUMNS} from strategy_mark mark where strategy_id = $1`, [key.strategy_id]);
  return mark === null ? null : aged(mark, now_ms);
}

export interface MarksSince {
  readonly account_id: string;
  /** Marks of this instant and later ones; left out: all. */
  readonly since_ms?: number | undefined;
  /** Strategies whose mark of that instant is known already. */
  readonly known: readonly number[];
}

/**
 * Latest marks of an account's active strategies that are news to whoever knows those of `since_ms`, by instant and strategy, with
 * their ages at `now_ms`. A sample is written in parts: some of its marks may be there before others.
 */
export async function listSince(db: Db, { account_id, since_ms, known }: MarksSince, now_ms: number): Promise<Mark[]> {
  const marks = await db.many(Row, "mark.listSince", SINCE, [
    account_id,
    since_ms ?? null,
    int4Array(Int32Array.from(known), known.length),
  ]);
  return marks.map((mark) => aged(mark, now_ms));
}

/** To the millisecond, as instants are told; a finer one would be news to itself for ever. */
const SINCE = `select ${COLUMNS}
  from strategy join strategy_mark mark on mark.strategy_id = strategy.strategy_id
  where strategy.trading_account_id = $1 and strategy.status = 'active'
    and ($2::float8 is null or date_trunc('milliseconds', mark.at) >= to_timestamp($2 / 1000)
      and not (date_trunc('milliseconds', mark.at) = to_timestamp($2 / 1000) and mark.strategy_id = any ($3::int4[])))
  order by date_trunc('milliseconds', mark.at), mark.strategy_id`;

/** A mark of another machine, or of a replay of today, may lie a little ahead of this clock: it is then 0 old. */
function aged(mark: z.output<typeof Row>, now_ms: number): Mark {
  return { ...mark, age_ms: Math.max(0, now_ms - Date.parse(mark.at)) };
}

/**
 * Brings strategy.current_m2m and total_pnl, which others read with SQL, to the latest marks: NULL after one that is none. Only
 * rows that differ are written. How many. Rejects with leadership_lost as `upsertMany` does.
 */
export async function settleStrategies(db: Db, fence?: Fence): Promise<number> {
  const { first, past } = await db.one(Ids, "mark.ids", IDS);
  const width = Math.ceil((past - first) / db.lanes);
  const parts = Array.from({ length: db.lanes }, (_, lane) => first + lane * width);
  const settle = (from: number): Promise<number> =>
    retried(() => db.run("mark.settle", SETTLE, [from, from + width, ...fenceParams(fence)]));
  const counts = await fenced(() =>
    abreast(
      db,
      parts.map((from) => () => settle(from)),
    ),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}

const Ids = z.object({ first: z.int(), past: z.int() });
const IDS = `select coalesce(min(strategy_id), 0) as first, coalesce(max(strategy_id), 0) + 1 as past from strategy_mark`;

/** Two that settle at once go through the rows in one order; should they not, the one that Postgres ends is run again. */
const SETTLE = `update strategy set current_m2m = mark.m2m, total_pnl = mark.pnl
  from strategy_mark mark
  where mark.strategy_id = strategy.strategy_id and strategy.strategy_id >= $1::int8 and strategy.strategy_id < $2::int8
    and mark.strategy_id >= $1::int8 and mark.strategy_id < $2::int8
    and (strategy.current_m2m, strategy.total_pnl) is distinct from (mark.m2m, mark.pnl)
    and ${isFenced("$3", "$4", "$5")}`;
