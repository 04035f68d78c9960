import { z } from "zod";
import { assert, HINTS, StratctlError } from "../errors.ts";
import { InstantColumn } from "../model/instant.ts";
import { MoneyColumn } from "../model/money.ts";
import { Strategy, type StrategyStatus } from "../model/strategy.ts";
import { moneyText } from "./column.ts";
import type { Db } from "./db.ts";
import { refusing, type Refusals } from "./failure.ts";

const Row = Strategy.omit({ day_pnl: true, day_pnl_reason: true }).extend({
  /** That it has legs on, open or closed. */
  exchanges: z.array(z.string()),
  current_pnl: MoneyColumn.nullable(),
  current_m2m: MoneyColumn.nullable(),
  total_capital_deployed: MoneyColumn.nullable(),
  total_margin_used: MoneyColumn.nullable(),
  marked_at: InstantColumn.nullable(),
  created_at: InstantColumn,
  updated_at: InstantColumn,
  archived_at: InstantColumn.nullable(),
});
/** A strategy without what only a calendar tells. */
export type KeptStrategy = z.infer<typeof Row>;

/** What it is worth is the latest mark's: null without one. */
const SELECT = `select
    strategy.strategy_id, strategy.trading_account_id as account_id, strategy.strategy_name as name, strategy.description,
    strategy.tags, strategy.strategy_type, strategy.status, strategy.is_default,
    (select count(*)::int from strategy_instruments leg where leg.strategy_id = strategy.strategy_id and leg.closed_at is null)
      as instrument_count,
    array(select distinct exchange from strategy_instruments leg where leg.strategy_id = strategy.strategy_id order by exchange)
      as exchanges,
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
  /** So many at most; all where left out. */
  readonly limit?: number | undefined;
  /** Only those that come after this strategy of the account, which need not pass the filter itself. */
  readonly after?: number | undefined;
}

/**
 * Strategies of an account: the default first, then the newest. What comes after one stays the same while others are added, but
 * for the default, after which the newest comes.
 */
export function list(db: Db, filter: StrategyFilter): Promise<KeptStrategy[]> {
  return db.many(
    Row,
    "strategy.list",
    `${SELECT}
      where strategy.trading_account_id = $1
        and ($2::text is null or strategy.status = $2)
        and ($3::text is null or $3 = any (strategy.tags))
        and ($4::text is null
          or strpos(lower(strategy.strategy_name), lower($4)) > 0 or strpos(lower(strategy.description), lower($4)) > 0)
        and ($5::int is null or (strategy.is_default, strategy.created_at, strategy.strategy_id) < (
          select last.is_default, last.created_at, last.strategy_id from strategy last
          where last.trading_account_id = $1 and last.strategy_id = $5))
      order by strategy.is_default desc, strategy.created_at desc, strategy.strategy_id desc
      limit $6`,
    [filter.account_id, filter.status ?? null, filter.tag ?? null, filter.search ?? null, filter.after ?? null, filter.limit ?? null],
  );
}

/** Ids of an account's active strategies, ascending. */
export async function activeIds(db: Db, account_id: string): Promise<number[]> {
  const rows = await db.many(
    Id,
    "strategy.activeIds",
    "select strategy_id from strategy where trading_account_id = $1 and status = 'active' order by strategy_id",
    [account_id],
  );
  return rows.map(({ strategy_id }) => strategy_id);
}

export interface StrategyKey {
  /** Left out: whichever account it is of. */
  readonly account_id?: string | undefined;
  readonly strategy_id: number;
}

export interface StrategySought {
  readonly strategy_id: number;
  /** Its account by id or alias; left out: whichever it is of. */
  readonly account?: string | undefined;
  /** Accounts by id or alias, of which it must be of one; left out: all there are. */
  readonly among?: readonly string[] | undefined;
}

/** The strategy, or null where there is none of that id in that account and among those accounts. */
export function find(db: Db, { strategy_id, account, among }: StrategySought): Promise<KeptStrategy | null> {
  return db.maybeOne(Row, "strategy.find", `${SELECT} ${SOUGHT}`, [strategy_id, account ?? null, among ?? null]);
}

/** Whether `find` would find it. */
export async function isThere(db: Db, { strategy_id, account, among }: StrategySought): Promise<boolean> {
  const sql = `select strategy_id from strategy ${SOUGHT}`;
  return (await db.maybeOne(Id, "strategy.isThere", sql, [strategy_id, account ?? null, among ?? null])) !== null;
}

const Id = z.object({ strategy_id: z.int() });

const SOUGHT = `where strategy.strategy_id = $1 and (($2::text is null and $3::text[] is null) or exists (
  select from trading_account account
  where account.account_id = strategy.trading_account_id
    and ($2 is null or account.account_id = $2 or $2 = any (account.aliases))
    and ($3 is null or account.account_id = any ($3) or account.aliases && $3)))`;

/** Strategies of that whole name in any case: the active one first, then archived ones, the newest first. */
export function findByName(db: Db, key: { account_id: string; name: string }): Promise<KeptStrategy[]> {
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
export async function insert(db: Db, strategy: StrategyRow): Promise<KeptStrategy> {
  const added = await refusing(refusalsOf(strategy), () =>
    db.one(
      Key,
      "strategy.insert",
      `insert into strategy (trading_account_id, strategy_name, description, tags, strategy_type, created_by)
       values ($1, $2, $3, $4, coalesce($5, 'manual'), $6) returning strategy_id`,
      [
        strategy.account_id,
        strategy.name,
        strategy.description ?? null,
        strategy.tags ?? [],
        strategy.strategy_type ?? null,
        strategy.created_by ?? null,
      ],
    ),
  );
  return present(await find(db, added));
}

const Key = z.object({ strategy_id: z.int() });

/** Left out: unchanged. Null: unknown from now on. */
export interface StrategyChange extends StrategyKey {
  readonly name?: string | undefined;
  readonly description?: string | null | undefined;
  readonly tags?: readonly string[] | undefined;
  readonly total_capital_deployed?: number | null | undefined;
  readonly total_margin_used?: number | null | undefined;
}

/** The strategy with what is given changed, or null where there is none. Rejects with strategy_exists on a taken name. */
export async function update(db: Db, change: StrategyChange): Promise<KeptStrategy | null> {
  const { account_id, strategy_id } = change;
  await refusing(refusalsOf(change), () =>
    db.run(
      "strategy.update",
      `update strategy set
         strategy_name = coalesce($3, strategy_name),
         description = case when $4 then $5 else description end,
         tags = coalesce($6::text[], tags),
         total_capital_deployed = case when $7 then $8::numeric else total_capital_deployed end,
         total_margin_used = case when $9 then $10::numeric else total_margin_used end
       where strategy_id = $2 and ($1::text is null or trading_account_id = $1)`,
      [
        account_id ?? null,
        strategy_id,
        change.name ?? null,
        change.description !== undefined,
        change.description ?? null,
        change.tags ?? null,
        ...moneyChange(change.total_capital_deployed),
        ...moneyChange(change.total_margin_used),
      ],
    ),
  );
  return find(db, { account: account_id, strategy_id });
}

/** Whether it changes, and to what. */
function moneyChange(amount: number | null | undefined): [boolean, string | null] {
  return [amount !== undefined, amount === undefined || amount === null ? null : moneyText(amount)];
}

const ArchivedRow = z.object({ strategy_id: z.int(), is_archived: z.boolean() });

/** Keeps strategies from being archived until the transaction ends; gives those of them that are. */
export async function holdActive(db: Db, strategy_ids: readonly number[]): Promise<number[]> {
  const rows = await db.many(
    ArchivedRow,
    "strategy.holdActive",
    `select strategy_id, status = 'archived' as is_archived from strategy where strategy_id = any ($1::int4[]) order by strategy_id for share`,
    [strategy_ids.map(String)],
  );
  return rows.filter(({ is_archived }) => is_archived).map(({ strategy_id }) => strategy_id);
}

/** Nobody else writes legs of the strategy, nor archives it, until the transaction ends. */
export async function holdAlone(db: Db, strategy_id: number): Promise<void> {
  await db.run("strategy.holdAlone", "select from strategy where strategy_id = $1 for no key update", [strategy_id]);
}

/** The archived strategy, or null where there is none; one archived before stays as it was. Rejects with strategy_default. */
export async function archive(db: Db, { account_id, strategy_id }: StrategyKey): Promise<KeptStrategy | null> {
  await refusing(refusalsOf({ strategy_id }), () =>
    db.run(
      "strategy.archive",
      `update strategy set status = 'archived', archived_at = now()
        where strategy_id = $2 and ($1::text is null or trading_account_id = $1) and status = 'active'`,
      [account_id ?? null, strategy_id],
    ),
  );
  return find(db, { account: account_id, strategy_id });
}

function refusalsOf(given: { account_id?: string | undefined; strategy_id?: number; name?: string | undefined }): Refusals {
  return {
    strategy_name_key: (cause) =>
      new StratctlError("strategy_exists", `an active strategy is named ${given.name ?? ""} already`, {
        hint: "choose another name, or archive that one first",
        details: { name: given.name ?? null },
        cause,
      }),
    strategy_account_ref: (cause) =>
      new StratctlError("account_unknown", `there is no account ${given.account_id ?? ""}`, {
        hint: HINTS.accounts.call,
        details: { account_id: given.account_id ?? null },
        cause,
      }),
    strategy_default_law: (cause) =>
      new StratctlError("strategy_default", "the default strategy cannot be archived", {
        hint: "it holds the legs of the account that belong to no other strategy",
        details: { strategy_id: given.strategy_id ?? null },
        cause,
      }),
  };
}

function present(strategy: KeptStrategy | null): KeptStrategy {
  assert(strategy !== null, "a strategy that was just added is not there");
  return strategy;
}
