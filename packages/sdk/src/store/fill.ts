import { z } from "zod";
import type { Traded } from "../m2m/fills.ts";
import { Fill, type CostMethod } from "../model/fill.ts";
import { InstantColumn } from "../model/instant.ts";
import type { Direction } from "../model/leg.ts";
import { MoneyColumn, unitsOf } from "../model/money.ts";
import { unitsText } from "./column.ts";
import type { Db } from "./db.ts";

const Row = Fill.extend({
  price: MoneyColumn,
  value: MoneyColumn,
  at: InstantColumn,
  realized_pnl: MoneyColumn.nullable(),
});

const SELECT = `select fill.id, fill.strategy_id, fill.leg_id, leg.exchange || ':' || leg.tradingsymbol as instrument, fill.side,
    fill.quantity, fill.price, fill.value, fill.at, fill.source, fill.external_id, fill.realized_pnl, fill.cost_method
  from strategy_fills fill join strategy_instruments leg on leg.id = fill.leg_id`;

/** Fills of a strategy, in the order of time. */
export function list(db: Db, key: { strategy_id: number }): Promise<Fill[]> {
  return db.many(Row, "fill.list", `${SELECT} where fill.strategy_id = $1 order by fill.at, fill.id`, [key.strategy_id]);
}

/** What is kept of a broker's trade in an account: one fill, or two where it went through zero; none where it is new. */
export function ofTrade(db: Db, { account_id, external_id }: { account_id: string; external_id: string }): Promise<Fill[]> {
  return db.many(Row, "fill.ofTrade", `${SELECT} where fill.trading_account_id = $1 and fill.external_id = $2 order by fill.id`, [
    account_id,
    external_id,
  ]);
}

/** One at a time tells a trade of that id in an account, until the transaction ends. */
export async function lockTrade(db: Db, { account_id, external_id }: { account_id: string; external_id: string }): Promise<void> {
  await db.run("fill.lockTrade", "select pg_advisory_xact_lock(hashtextextended(json_build_array('trade', $1::text, $2::text)::text, 0))", [
    account_id,
    external_id,
  ]);
}

/** When a leg was left last, in part; null: it was not yet. */
export async function lastExitMs(db: Db, leg_id: number): Promise<number | null> {
  const { at } = await db.one(
    z.object({ at: InstantColumn.nullable() }),
    "fill.lastExit",
    "select max(at) as at from strategy_fills where leg_id = $1 and cost_method is not null",
    [leg_id],
  );
  return at === null ? null : Date.parse(at);
}

/** Money in units (1 = 0.0001 rupee). */
export interface FillRow {
  readonly account_id: string;
  readonly strategy_id: number;
  readonly leg_id: number;
  readonly side: Direction;
  readonly quantity: number;
  readonly price_units: bigint;
  readonly value_units: bigint;
  readonly at_ms: number;
  readonly source: Fill["source"];
  readonly external_id?: string | undefined;
  readonly exit?: { readonly realized_units: bigint; readonly cost_method: CostMethod } | undefined;
}

export async function insert(db: Db, fill: FillRow): Promise<Fill> {
  const { id } = await db.one(
    z.object({ id: z.int() }),
    "fill.insert",
    `insert into strategy_fills
       (trading_account_id, strategy_id, leg_id, side, quantity, price, value, at, source, external_id, realized_pnl, cost_method)
     values ($1, $2, $3, $4, $5, $6, $7, to_timestamp($8::float8 / 1000), $9, $10, $11, $12) returning id`,
    [
      fill.account_id,
      fill.strategy_id,
      fill.leg_id,
      fill.side,
      fill.quantity,
      unitsText(fill.price_units),
      unitsText(fill.value_units),
      fill.at_ms,
      fill.source,
      fill.external_id ?? null,
      fill.exit === undefined ? null : unitsText(fill.exit.realized_units),
      fill.exit?.cost_method ?? null,
    ],
  );
  return db.one(Row, "fill.find", `${SELECT} where fill.id = $1`, [id]);
}

/** A corrected leg that was entered once and not closed in part was entered as it is now. */
export async function correct(db: Db, leg_id: number): Promise<void> {
  await db.run(
    "fill.correct",
    `update strategy_fills fill set quantity = leg.quantity, price = leg.entry_price, value = leg.cost
       from strategy_instruments leg where leg.id = $1 and fill.leg_id = leg.id`,
    [leg_id],
  );
}

/** How often a leg was entered and left: a mistake can be corrected while it is one entry. */
export async function counts(db: Db, leg_id: number): Promise<{ entries: number; exits: number }> {
  return db.one(
    z.object({ entries: z.int(), exits: z.int() }),
    "fill.counts",
    `select count(*) filter (where cost_method is null)::int as entries, count(*) filter (where cost_method is not null)::int as exits
       from strategy_fills where leg_id = $1`,
    [leg_id],
  );
}

/** The entries of a leg in the order of time, and how many units have left it. */
export async function entriesOf(db: Db, leg_id: number): Promise<{ entries: Traded[]; exited: number }> {
  const rows = await db.many(
    z.object({ quantity: z.int(), value: MoneyColumn, is_exit: z.boolean() }),
    "fill.entriesOf",
    "select quantity, value, cost_method is not null as is_exit from strategy_fills where leg_id = $1 order by at, id",
    [leg_id],
  );
  return {
    entries: rows.filter(({ is_exit }) => !is_exit).map(({ quantity, value }) => ({ quantity, value_units: BigInt(unitsOf(value)) })),
    exited: rows.filter(({ is_exit }) => is_exit).reduce((sum, { quantity }) => sum + quantity, 0),
  };
}
