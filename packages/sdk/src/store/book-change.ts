import { z } from "zod";
import { Id } from "../model/strategy.ts";
import type { Db } from "./db.ts";
import { inShard, shardParams, type Shard } from "./shard.ts";

/** A moment of a database that runs without a break: what was visible then is known. */
export interface Look {
  readonly snapshot: string;
  readonly started: string;
}

export interface BookChanges {
  readonly look: Look;
  /** Strategies, ascending, whose legs changed since, or that came or went; null: anything may have (no look, or a database started anew). */
  readonly strategy_ids: readonly number[] | null;
}

/**
 * Which strategies changed since a look at the database; it misses nothing that committed after it, in whatever order.
 * Reading them comes after: what changes in between is told again by the next call.
 */
export async function changedSince(db: Db, look: Look | null): Promise<BookChanges> {
  const { strategy_ids, ...now } = await db.one(Row, "book.changed", CHANGED, [look?.snapshot ?? null, look?.started ?? null]);
  return { look: now, strategy_ids };
}

/** Strategies that a book may have, ascending: those with a leg or a latest mark. */
export async function bookStrategies(db: Db, shard?: Shard): Promise<number[]> {
  const { strategy_ids } = await db.one(Strategies, "book.strategies", STRATEGIES, shardParams(shard));
  return strategy_ids === null ? [] : strategy_ids.split(",").map(Number);
}

const Strategies = z.object({ strategy_ids: z.string().nullable() });

const Row = z.object({ snapshot: z.string(), started: z.string(), strategy_ids: z.array(Id).nullable() });

/** A changed_by of the future was brought along by a dump of another database, and means nothing here. */
const CHANGED = `with now as materialized (select pg_current_snapshot() as snapshot, pg_postmaster_start_time()::text as started)
  select now.snapshot::text as snapshot, now.started, case when now.started = $2 then array(
      select strategy_id from book_change
      where changed_by >= pg_snapshot_xmin($1::pg_snapshot) and not pg_visible_in_snapshot(changed_by, $1::pg_snapshot)
        and changed_by < pg_snapshot_xmax(now.snapshot)
      order by strategy_id) end as strategy_ids
  from now`;

const STRATEGIES = `select string_agg(strategy_id::text, ',' order by strategy_id) as strategy_ids from strategy
  where (exists (select from strategy_instruments leg where leg.strategy_id = strategy.strategy_id)
      or exists (select from strategy_mark mark where mark.strategy_id = strategy.strategy_id))
    and ${inShard("$1", "$2")}`;
