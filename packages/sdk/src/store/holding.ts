import { z } from "zod";
import type { Holding } from "../m2m/fills.ts";
import { CostMethod } from "../model/fill.ts";
import { InstantColumn } from "../model/instant.ts";
import { Direction, type Leg } from "../model/leg.ts";
import { MoneyColumn, unitsOf } from "../model/money.ts";
import { unitsText } from "./column.ts";
import type { Db } from "./db.ts";
import { find, type LegKey } from "./leg.ts";

/** An open leg that nobody else changes until the transaction ends. */
export interface HeldLeg extends Holding {
  readonly id: number;
  readonly strategy_id: number;
  readonly account_id: string;
  /** Fixed by the first part that was closed. */
  readonly cost_method: CostMethod | null;
  readonly added_at_ms: number;
}

const Row = z.object({
  id: z.int(),
  strategy_id: z.int(),
  account_id: z.string(),
  direction: Direction,
  quantity: z.int(),
  cost: MoneyColumn,
  cost_method: CostMethod.nullable(),
  added_at: InstantColumn,
});

const SELECT = `select leg.id, leg.strategy_id, strategy.trading_account_id as account_id, leg.direction, leg.quantity, leg.cost, leg.cost_method,
    leg.added_at
  from strategy_instruments leg join strategy using (strategy_id)`;

function heldOf({ cost, added_at, ...row }: z.output<typeof Row>): HeldLeg {
  return { ...row, cost_units: BigInt(unitsOf(cost)), added_at_ms: Date.parse(added_at) };
}

/** The open leg, locked; null where there is none of that key. */
export async function lock(db: Db, { strategy_id, instrument_id }: LegKey): Promise<HeldLeg | null> {
  const row = await db.maybeOne(
    Row,
    "holding.lock",
    `${SELECT} where leg.strategy_id = $1 and leg.id = $2 and leg.closed_at is null for update of leg`,
    [strategy_id, instrument_id],
  );
  return row === null ? null : heldOf(row);
}

/** The open legs of an instrument in a strategy, locked, in the order they were added. */
export async function lockAll(
  db: Db,
  { strategy_id, exchange, tradingsymbol }: { strategy_id: number; exchange: string; tradingsymbol: string },
): Promise<HeldLeg[]> {
  // Two trades of one instrument at a time would each open a leg of their own.
  await db.one(
    z.object({ locked: z.literal("") }),
    "holding.lockInstrument",
    "select pg_advisory_xact_lock(hashtextextended(json_build_array('holding', $1::int4, $2::text, $3::text)::text, 0))::text as locked",
    [strategy_id, exchange, tradingsymbol],
  );
  const rows = await db.many(
    Row,
    "holding.lockAll",
    `${SELECT} where leg.strategy_id = $1 and leg.exchange = $2 and leg.tradingsymbol = $3 and leg.closed_at is null
      order by leg.added_at, leg.id for update of leg`,
    [strategy_id, exchange, tradingsymbol],
  );
  return rows.map(heldOf);
}

/** What a leg holds from now on: its cost is a sum, and its price the average that is shown. */
export async function write(db: Db, { id }: { id: number }, held: Holding, price_units: bigint): Promise<void> {
  await db.run("holding.write", "update strategy_instruments set quantity = $2, cost = $3, entry_price = $4 where id = $1", [
    id,
    held.quantity,
    unitsText(held.cost_units),
    unitsText(price_units),
  ]);
}

/** A leg begins with its earliest entry, in whatever order they are told; so do the parts that have left it. */
export async function beginBy(db: Db, { id }: { id: number }, at_ms: number): Promise<void> {
  await db.run(
    "holding.beginBy",
    `update strategy_instruments set added_at = to_timestamp($2::float8 / 1000)
     where (id = $1 or part_of = $1) and added_at > to_timestamp($2::float8 / 1000)`,
    [id, at_ms],
  );
}

/** Money in units (1 = 0.0001 rupee). */
export interface Exit {
  readonly quantity: number;
  readonly cost_units: bigint;
  readonly price_units: bigint;
  readonly value_units: bigint;
  readonly at_ms: number;
  readonly closed_by: NonNullable<Leg["closed_by"]>;
  readonly cost_method: CostMethod;
}

/** Closes all of a leg. */
export async function closeWhole(db: Db, leg: HeldLeg, exit: Exit): Promise<Leg | null> {
  await db.run(
    "holding.closeWhole",
    `update strategy_instruments set exit_price = $2, exit_value = $3, closed_by = $4, cost_method = coalesce(cost_method, $5),
       closed_at = greatest(to_timestamp($6::float8 / 1000), added_at)
     where id = $1`,
    [leg.id, unitsText(exit.price_units), unitsText(exit.value_units), exit.closed_by, exit.cost_method, exit.at_ms],
  );
  return find(db, { strategy_id: leg.strategy_id, instrument_id: leg.id });
}

/** Takes a part out of a leg, as a closed row of its own beside it. The rest is written by `write`. */
export async function closePartOf(db: Db, leg: HeldLeg, exit: Exit): Promise<Leg | null> {
  const { id } = await db.one(
    z.object({ id: z.int() }),
    "holding.closePart",
    `insert into strategy_instruments
       (strategy_id, exchange, tradingsymbol, instrument_token, instrument_type, strike, expiry, underlying_symbol, direction, lot_size,
        entry_price, notes, added_at, quantity, cost, exit_price, exit_value, closed_by, cost_method, closed_at, part_of)
     select strategy_id, exchange, tradingsymbol, instrument_token, instrument_type, strike, expiry, underlying_symbol, direction, lot_size,
        entry_price, notes, added_at, $2, $3, $4, $5, $6, $7, greatest(to_timestamp($8::float8 / 1000), added_at), id
       from strategy_instruments where id = $1
     returning id`,
    [
      leg.id,
      exit.quantity,
      unitsText(exit.cost_units),
      unitsText(exit.price_units),
      unitsText(exit.value_units),
      exit.closed_by,
      exit.cost_method,
      exit.at_ms,
    ],
  );
  await db.run("holding.method", "update strategy_instruments set cost_method = coalesce(cost_method, $2) where id = $1", [
    leg.id,
    exit.cost_method,
  ]);
  return find(db, { strategy_id: leg.strategy_id, instrument_id: id });
}

/** The same contract in another strategy, entered now at the cost it had. */
export async function copyTo(
  db: Db,
  leg: HeldLeg,
  to: { strategy_id: number; quantity: number; cost_units: bigint; price_units: bigint; at_ms: number },
): Promise<Leg | null> {
  const { id } = await db.one(
    z.object({ id: z.int() }),
    "holding.copyTo",
    `insert into strategy_instruments
       (strategy_id, exchange, tradingsymbol, instrument_token, instrument_type, strike, expiry, underlying_symbol, direction, lot_size,
        notes, quantity, cost, entry_price, added_at)
     select $2, exchange, tradingsymbol, instrument_token, instrument_type, strike, expiry, underlying_symbol, direction, lot_size,
        notes, $3, $4, $5, to_timestamp($6::float8 / 1000)
       from strategy_instruments where id = $1
     returning id`,
    [leg.id, to.strategy_id, to.quantity, unitsText(to.cost_units), unitsText(to.price_units), to.at_ms],
  );
  return find(db, { strategy_id: to.strategy_id, instrument_id: id });
}
