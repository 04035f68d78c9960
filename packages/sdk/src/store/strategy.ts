import { z } from "zod";
import { StratctlError } from "../errors.ts";
import { InstantColumn } from "../model/instant.ts";
import { formatUnits, MoneyColumn, unitsOf } from "../model/money.ts";
import { Strategy, type StrategyStatus } from "../model/strategy.ts";
import type { Db } from "./db.ts";
import { refusing, type Refusals } from "./failure.ts";

const Row = Strategy.extend({
  current_pnl: MoneyColumn.nullable(),
  current_m2m: MoneyColumn.nullable(),
  total_capital_deployed: MoneyColumn.nullable(),
  total_margin_used: MoneyColumn.nullable(),
  marked_at: InstantColumn.nullable(),
  created_at: InstantColumn,
  updated_at: InstantColumn,
  archived_at: InstantColumn.nullable(),
});

/** What it is worth is the latest mark's: null without one. */
const SELECT = `select
    strategy.strategy_id, strategy.trading_account_id as account_id, strategy.strategy_name as name, strategy.description,
    strategy.tags, strategy.strategy_type, strategy.status, strategy.is_default,
    (select count(*)::int from strategy_instruments leg where leg.strategy_id = strategy.strategy_id and leg.closed_at is null)
      as instrument_count,
    mark.pnl as current_pnl, mark.m2m as current_m2m, mark.at as marked_at, mark.priced, mark.stale, mark.reason,
    strategy.total_capital_deployed, strategy.total_margin_used, strategy.created_by, strategy.created_at, strategy.updated_at,
    strategy.archived_at
  from strategy left join strategy_mark mark on mark.strategy_id = strategy.strategy_id`;

export interface StrategyFilter {
  readonly account_id: string;
  readonly status?: z.infer<typeof StrategyStatus> | undefined;
  readonly tag?: string | undefined;
  /** Part of the name or the description, in any case. */
  readonly search?: string | undefined;
}

/** Strategies of an account: the default first, then the newest. */
export function list(db: Db, filter: StrategyFilter): Promise<Strategy[]> {
  return db.many(
    Row,
    "strategy.list",
    `${SELECT}
      where strategy.trading_account_id = $1
        and ($2::text is null or strategy.status = $2)
        and ($3::text is null or $3 = any (strategy.tags))
        and ($4::text is null
          or strpos(lower(strategy.strategy_name), lower($4)) > 0 or strpos(lower(strategy.description), lower($4)) > 0)
      order by strategy.is_default desc, strategy.created_at desc, strategy.strategy_id desc`,
    [filter.account_id, filter.status ?? null, filter.tag ?? null, filter.search ?? null],
  );
}

export interface StrategyKey {
  /** Left out: whichever account it is of. */
  readonly account_id?: string | undefined;
  readonly strategy_id: number;
}

/** The strategy, or null where this account has none of that id. */
export function find(
  db: Db,
  { account_id = null, strategy_id }: { account_id?: string | null | undefined; strategy_id: number },
): Promise<Strategy | null> {
  return db.maybeOne(
    Row,
    "strategy.find",
    `${SELECT} where strategy.strategy_id = $2 and ($1::text is null or strategy.trading_account_id = $1)`,
    [account_id, strategy_id],
  );
}

/** Strategies of that whole name in any case: the active one first, then archived ones, the newest first. */
export function findByName(db: Db, key: { account_id: string; name: string }): Promise<Strategy[]> {
  return db.many(
    Row,
    "strategy.findByName",
    `${SELECT}
      where strategy.trading_account_id = $1 and lower(strategy.strategy_name) = lower($2)
      order by strategy.status, strategy.archived_at desc, strategy.strategy_id desc`,
    [key.account_id, key.name],
  );
}

export interface StrategyRow {
  readonly account_id: string;
  readonly name: string;
  readonly description?: string | null | undefined;
  readonly tags?: readonly string[] | undefined;
  /** manual where left out. */
  readonly strategy_type?: "manual" | "automated" | undefined;
  readonly created_by?: string | null | undefined;
}

/** Adds an active strategy. Rejects with strategy_exists where an active one has the name, and account_unknown. */
export function insert(db: Db, strategy: StrategyRow): Promise<Strategy> {
  throw new StratctlError("internal", "not built yet");
}

/** Left out: unchanged. Null: unknown from now on. */
export interface StrategyChange extends StrategyKey {
  readonly name?: string | undefined;
  readonly description?: string | null | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly total_capital_deployed?: number | null | undefined;
  readonly total_margin_used?: number | null | undefined;
}

/** The strategy with what is given changed, or null where there is none. Rejects with strategy_exists on a taken name. */
export function update(db: Db, change: StrategyChange): Promise<Strategy | null> {
  throw new StratctlError("internal", "not built yet");
}

/** The archived strategy, or null where there is none; one archived before stays as it was. Rejects with strategy_default. */
export function archive(db: Db, key: StrategyKey): Promise<Strategy | null> {
  throw new StratctlError("internal", "not built yet");
}
