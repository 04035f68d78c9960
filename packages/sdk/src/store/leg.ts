import { z } from "zod";
import { assert, StratctlError } from "../errors.ts";
import { InstantColumn } from "../model/instant.ts";
import { Leg, type Direction, type InstrumentType } from "../model/leg.ts";
import { MoneyColumn } from "../model/money.ts";
import { moneyText, WholeColumn } from "./column.ts";
import type { Db } from "./db.ts";
import { refusing, type Refusals } from "./failure.ts";

const Row = Leg.extend({
  instrument_token: WholeColumn.nullable(),
  strike: MoneyColumn.nullable(),
  entry_price: MoneyColumn,
  cost: MoneyColumn,
  exit_price: MoneyColumn.nullable(),
  closed_at: InstantColumn.nullable(),
  exit_value: MoneyColumn.nullable(),
  current_price: MoneyColumn.nullable(),
  current_price_at: InstantColumn.nullable(),
  current_pnl: MoneyColumn.nullable(),
  added_at: InstantColumn,
  updated_at: InstantColumn,
});

const SELECT = `select
    id, strategy_id, instrument, exchange, tradingsymbol, instrument_token, instrument_type, strike, expiry, underlying_symbol,
    direction, quantity, lot_size, entry_price, cost, exit_price, closed_at, exit_value, closed_by, cost_method, part_of, current_price, current_price_at, current_pnl,
    notes, added_at, updated_at
  from strategy_legs`;

/** Legs of a strategy: open ones first, each in the order they were added. */
export function list(db: Db, key: { strategy_id: number }): Promise<Leg[]> {
  return db.many(Row, "leg.list", `${SELECT} where strategy_id = $1 order by closed_at is not null, added_at, id`, [key.strategy_id]);
}

/** Exchanges that legs of a strategy are of, open and closed ones. */
export async function exchanges(db: Db, key: { strategy_id: number }): Promise<string[]> {
  const rows = await db.many(
    z.object({ exchange: z.string() }),
    "leg.exchanges",
    "select distinct exchange from strategy_instruments where strategy_id = $1 order by exchange",
    [key.strategy_id],
  );
  return rows.map(({ exchange }) => exchange);
}

export interface LegKey {
  readonly strategy_id: number;
  /** The leg's id. */
  readonly instrument_id: number;
}

/** The leg, or null where the strategy has none of that id. */
export function find(db: Db, { strategy_id, instrument_id }: LegKey): Promise<Leg | null> {
  return db.maybeOne(Row, "leg.find", `${SELECT} where strategy_id = $1 and id = $2`, [strategy_id, instrument_id]);
}

/** Prices in rupees a unit, quantity in units. */
export interface LegRow {
  readonly strategy_id: number;
  readonly exchange: string;
  readonly tradingsymbol: string;
  readonly instrument_token?: number | null | undefined;
  readonly instrument_type?: InstrumentType | null | undefined;
  readonly strike?: number | null | undefined;
  /** YYYY-MM-DD */
  readonly expiry?: string | null | undefined;
  readonly underlying_symbol?: string | null | undefined;
  readonly direction: Direction;
  readonly quantity: number;
  readonly lot_size?: number | null | undefined;
  readonly entry_price: number;
  readonly notes?: string | null | undefined;
  /** Now where left out. */
  readonly added_at_ms?: number | undefined;
}

/** Adds an open leg at cost entry_price × quantity. Rejects with money_too_large, instrument_invalid, strategy_unknown. */
export async function insert(db: Db, leg: LegRow): Promise<Leg> {
  const { id } = await refusing(refusalsOf(leg), () =>
    db.one(
      Id,
      "leg.insert",
      `insert into strategy_instruments
         (strategy_id, exchange, tradingsymbol, instrument_token, instrument_type, strike, expiry, underlying_symbol, direction,
          quantity, lot_size, entry_price, notes, added_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, coalesce(to_timestamp($14::float8 / 1000), now()))
       returning id`,
      [
        leg.strategy_id,
        leg.exchange,
        leg.tradingsymbol,
        leg.instrument_token ?? null,
        leg.instrument_type ?? null,
        leg.strike === undefined || leg.strike === null ? null : moneyText(leg.strike),
        leg.expiry ?? null,
        leg.underlying_symbol ?? null,
        leg.direction,
        leg.quantity,
        leg.lot_size ?? null,
        moneyText(leg.entry_price),
        leg.notes ?? null,
        leg.added_at_ms ?? null,
      ],
    ),
  );
  const added = await find(db, { strategy_id: leg.strategy_id, instrument_id: id });
  assert(added !== null, "a leg that was just added is not there");
  return added;
}

const Id = z.object({ id: z.int() });

/** Left out: unchanged. Null: unknown from now on. */
export interface LegChange extends LegKey {
  readonly quantity?: number | undefined;
  readonly lot_size?: number | null | undefined;
  readonly entry_price?: number | undefined;
  readonly notes?: string | null | undefined;
}

/** The open leg with what is given changed (its cost follows), or null where no open leg has that key. */
export async function update(db: Db, change: LegChange): Promise<Leg | null> {
  const written = await refusing(refusalsOf(change), () =>
    db.run(
      "leg.update",
      `update strategy_instruments set
         quantity = coalesce($3, quantity),
         lot_size = case when $4 then $5::int else lot_size end,
         entry_price = coalesce($6::numeric, entry_price),
         notes = case when $7 then $8 else notes end
       where strategy_id = $1 and id = $2 and closed_at is null`,
      [
        change.strategy_id,
        change.instrument_id,
        change.quantity ?? null,
        change.lot_size !== undefined,
        change.lot_size ?? null,
        change.entry_price === undefined ? null : moneyText(change.entry_price),
        change.notes !== undefined,
        change.notes ?? null,
      ],
    ),
  );
  return written === 0 ? null : find(db, change);
}

/** The open leg that was removed, or null where no open leg has that key: a closed leg is history. */
export async function remove(db: Db, key: LegKey): Promise<Leg | null> {
  const leg = await find(db, key);
  const written = await db.run("leg.remove", "delete from strategy_instruments where strategy_id = $1 and id = $2 and closed_at is null", [
    key.strategy_id,
    key.instrument_id,
  ]);
  return written === 0 ? null : leg;
}

/** What the constraints of strategy_instruments say no to; 22003 is a cost with too many digits for any amount. */
function refusalsOf(leg: Partial<Record<keyof LegRow, string | number | null | undefined>>): Refusals {
  const tooLarge = (cause: StratctlError): StratctlError =>
    new StratctlError("money_too_large", "price × quantity is beyond 500000000000 rupees", {
      details: { quantity: leg.quantity ?? null, price: leg.entry_price ?? null },
      cause,
    });
  const invalid =
    (message: string) =>
    (cause: StratctlError): StratctlError =>
      new StratctlError("input_invalid", message, { cause });
  return {
    "22003": tooLarge,
    // Checked before the two that it is the product of.
    strategy_instruments_cost_range:
      Number(leg.quantity ?? 1) > 0 && Number(leg.entry_price ?? 1) > 0 ? tooLarge : invalid("quantity and entry_price must be above 0"),
    strategy_instruments_entry_price_range: invalid(`entry_price ${leg.entry_price ?? ""} is not above 0`),
    strategy_instruments_quantity_range: invalid(`quantity ${leg.quantity ?? ""} is not above 0`),
    strategy_instruments_lot_size_range: invalid(`lot_size ${leg.lot_size ?? ""} is not above 0`),
    strategy_instruments_symbol_form: (cause) =>
      new StratctlError("instrument_invalid", `${leg.exchange ?? ""}:${leg.tradingsymbol ?? ""} is not an instrument`, {
        hint: "write it in capitals with its exchange, like NFO:NIFTY25N0424500CE",
        cause,
      }),
    strategy_instruments_strategy_ref: (cause) =>
      new StratctlError("strategy_unknown", `there is no strategy ${leg.strategy_id ?? ""}`, {
        details: { strategy_id: leg.strategy_id ?? null },
        cause,
      }),
  };
}
