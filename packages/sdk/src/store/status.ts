import { z } from "zod";
import { InstantColumn } from "../model/instant.ts";
import { Engine, EngineStanding } from "../model/status.ts";
import { int4Array } from "./array.ts";
import { WholeColumn } from "./column.ts";
import type { Db } from "./db.ts";
import type { Fence } from "./leader.ts";

/** Keeps how the engine that leads stands; that of one which does not lead any more is not kept. */
export async function tellStanding(db: Db, { shard, number }: Fence, standing: EngineStanding): Promise<void> {
  await db.run("status.tell", "update engine_leader set standing = $4::jsonb where shard = $1 and of = $2 and fence = $3::int8", [
    shard.shard,
    shard.of,
    number,
    JSON.stringify(standing),
  ]);
}

/** A leader is followed when it was not seen for less than this. */
const SEEN_WITHIN = "interval '10 seconds'";

const EngineRow = Engine.extend({
  fence: WholeColumn,
  since: InstantColumn,
  seen_at: InstantColumn.nullable(),
  // A later version's engine may tell more, or otherwise: then it is not known how it stands.
  standing: EngineStanding.nullable().catch(null),
});

/** The engine of each shard that ever had one. */
export function engines(db: Db): Promise<Engine[]> {
  return db.many(
    EngineRow,
    "status.engines",
    `select shard, of, holder, fence, since, nullif(seen_at, '-infinity') as seen_at, standing,
       seen_at > clock_timestamp() - ${SEEN_WITHIN} as is_leading
     from engine_leader order by of, shard`,
  );
}

/** A leg of an active strategy that was held within a day. */
export interface HeldLeg {
  readonly strategy_id: number;
  readonly name: string;
  readonly exchange: string;
  readonly added_at: string;
  readonly closed_at: string | null;
}

const HeldRow = z.object({
  strategy_id: z.int(),
  name: z.string(),
  exchange: z.string(),
  added_at: InstantColumn,
  closed_at: InstantColumn.nullable(),
});

/** Legs of an account's active strategies that are open or were closed since an instant, by strategy. */
export function heldLegs(db: Db, { account_id, since_ms }: { account_id: string; since_ms: number }): Promise<HeldLeg[]> {
  return db.many(
    HeldRow,
    "status.heldLegs",
    `select strategy_id, strategy.strategy_name as name, leg.exchange, leg.added_at, leg.closed_at
       from strategy_instruments leg join strategy using (strategy_id)
      where strategy.trading_account_id = $1 and strategy.status = 'active'
        and (leg.closed_at is null or leg.closed_at > to_timestamp($2::float8 / 1000))
      order by strategy_id, leg.id`,
    [account_id, since_ms],
  );
}

/** How many candles each of these strategies has with from ≤ minute ≤ to; one without any is left out. */
export async function candleCounts(
  db: Db,
  { strategy_ids, from_ms, to_ms }: { strategy_ids: readonly number[]; from_ms: number; to_ms: number },
): Promise<ReadonlyMap<number, number>> {
  const rows = await db.many(
    z.object({ strategy_id: z.int(), candle_count: z.int() }),
    "status.candleCounts",
    `select strategy_id, count(*)::int as candle_count from strategy_m2m_candles
      where strategy_id = any ($1::int4[]) and timestamp >= to_timestamp($2::float8 / 1000) and timestamp <= to_timestamp($3::float8 / 1000)
      group by strategy_id`,
    [int4Array(Int32Array.from(strategy_ids), strategy_ids.length), from_ms, to_ms],
  );
  return new Map(rows.map(({ strategy_id, candle_count }) => [strategy_id, candle_count]));
}

const UnmarkedRow = z.object({ strategy_id: z.int(), name: z.string(), at: InstantColumn, reason: z.string() });

/** Active strategies of an account with open legs whose latest mark is none, by id. */
export function unmarked(db: Db, { account_id, limit }: { account_id: string; limit: number }): Promise<z.output<typeof UnmarkedRow>[]> {
  return db.many(
    UnmarkedRow,
    "status.unmarked",
    `select strategy_id, strategy.strategy_name as name, mark.at, mark.reason
       from strategy_mark mark join strategy using (strategy_id)
      where strategy.trading_account_id = $1 and strategy.status = 'active' and mark.m2m is null and mark.instrument_count > 0
      order by strategy_id limit $2`,
    [account_id, limit],
  );
}
