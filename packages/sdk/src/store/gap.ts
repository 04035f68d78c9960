import { z } from "zod";
import type { ToldSpan } from "../m2m/gap.ts";
import { InstantColumn } from "../model/instant.ts";
import { instantArray, int4Array, textArray } from "./array.ts";
import type { Db } from "./db.ts";
import { fenced, fenceParams, isFenced, type Fence } from "./leader.ts";
import { inSlices } from "./slices.ts";

/** Minutes on end in which a strategy got no candle, as a structure of arrays: the starts of the first and the last one. */
export interface GapBatch {
  readonly length: number;
  readonly strategy_id: Int32Array;
  readonly from_ms: Float64Array;
  readonly to_ms: Float64Array;
  readonly reason: readonly string[];
}

/**
 * Keeps why strategies got no candle. A span that begins with the minute after one kept, or within it, for the same reason goes on
 * with it, so that a day without a price is one row; written again it changes nothing. Of a strategy that is gone nothing is kept.
 */
export async function upsertMany(db: Db, batch: GapBatch, fence?: Fence): Promise<void> {
  await inSlices(db, batch.length, ({ from, to }) => {
    const length = to - from;
    return fenced(() =>
      db.run("gap.keep", KEEP, [
        int4Array(batch.strategy_id.subarray(from, to), length),
        instantArray(batch.from_ms.subarray(from, to), length),
        instantArray(batch.to_ms.subarray(from, to), length),
        textArray(batch.reason.slice(from, to), length),
        ...fenceParams(fence),
      ]),
    );
  });
}

/**
 * What touches for one reason is made one before it meets the table: of several spans that go on with one row an update takes a
 * single one. After a clock that was set back a minute may have ended twice: the longer span of two that begin together counts,
 * and a row that gets another reason by it is not made longer as well, since one statement changes a row once.
 */
const KEEP = `with told as (
    select unnest($1::int4[]) as strategy_id, unnest($2::timestamptz[]) as from_minute, unnest($3::timestamptz[]) as to_minute,
      unnest($4::text[]) as reason
      where ${isFenced("$5", "$6", "$7")}
  ), placed as (
    select *, from_minute > interval '1 minute' + max(to_minute) over (partition by strategy_id, reason
      order by from_minute, to_minute rows between unbounded preceding and 1 preceding) as begins from told
  ), numbered as (
    select *, count(*) filter (where begins) over (partition by strategy_id, reason order by from_minute, to_minute) as run from placed
  ), given as (
    select distinct on (strategy_id, from_minute) strategy_id, from_minute, to_minute, reason from (
      select strategy_id, reason, min(from_minute) as from_minute, max(to_minute) as to_minute
        from numbered group by strategy_id, reason, run
    ) as runs order by strategy_id, from_minute, to_minute desc
  ), matched as (
    select distinct on (given.strategy_id, given.from_minute) given.*, kept.from_minute as kept_from
      from given join strategy_gap kept on kept.strategy_id = given.strategy_id and kept.reason = given.reason
       and given.from_minute between kept.from_minute and kept.to_minute + interval '1 minute'
     where not exists (select from given as other where other.strategy_id = kept.strategy_id
       and other.from_minute = kept.from_minute and other.reason <> kept.reason)
     order by given.strategy_id, given.from_minute, kept.from_minute
  ), longer as (
    update strategy_gap kept set to_minute = greatest(kept.to_minute, reaching.to_minute)
      from (select strategy_id, kept_from, max(to_minute) as to_minute from matched group by strategy_id, kept_from) as reaching
     where kept.strategy_id = reaching.strategy_id and kept.from_minute = reaching.kept_from
  )
  insert into strategy_gap (strategy_id, from_minute, to_minute, reason)
  select strategy_id, from_minute, to_minute, reason from given
   where not exists (select from matched where matched.strategy_id = given.strategy_id and matched.from_minute = given.from_minute)
     and exists (select from strategy where strategy.strategy_id = given.strategy_id)
  on conflict (strategy_id, from_minute) do update set
    to_minute = greatest(strategy_gap.to_minute, excluded.to_minute), reason = excluded.reason`;

export interface SpanKey {
  readonly strategy_id: number;
  readonly from_ms: number;
  readonly to_ms: number;
}

/** Spans that have a minute in common with from ≤ minute ≤ to, ascending. */
export async function list(db: Db, { strategy_id, from_ms, to_ms }: SpanKey): Promise<ToldSpan[]> {
  const rows = await db.many(
    z.object({ from_minute: InstantColumn, to_minute: InstantColumn, reason: z.string() }),
    "gap.list",
    `select from_minute, to_minute, reason from strategy_gap
      where strategy_id = $1 and to_minute >= to_timestamp($2::float8 / 1000) and from_minute <= to_timestamp($3::float8 / 1000)
      order by from_minute`,
    [strategy_id, from_ms, to_ms],
  );
  return rows.map(({ from_minute, to_minute, reason }) => ({ from_ms: Date.parse(from_minute), to_ms: Date.parse(to_minute), reason }));
}

/** The starts of the minutes of from ≤ minute ≤ to that have a candle. */
export async function candleMinutes(db: Db, { strategy_id, from_ms, to_ms }: SpanKey): Promise<Set<number>> {
  const rows = await db.many(
    z.object({ timestamp: InstantColumn }),
    "gap.candleMinutes",
    `select timestamp from strategy_m2m_candles
      where strategy_id = $1 and timestamp >= to_timestamp($2::float8 / 1000) and timestamp <= to_timestamp($3::float8 / 1000)`,
    [strategy_id, from_ms, to_ms],
  );
  return new Set(rows.map(({ timestamp }) => Date.parse(timestamp)));
}
