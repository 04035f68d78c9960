import { z } from "zod";
import { Direction, Leg } from "../model/leg.ts";
import { MoneyColumn } from "../model/money.ts";
import { moneyText, unitsText } from "./column.ts";
import type { Db } from "./db.ts";

export interface CloseKey {
  readonly account_id: string;
  readonly underlying: string;
  /** YYYY-MM-DD */
  readonly day: string;
}

/** The closing figure of an underlying on a day, or null where nobody told it. */
export async function closeOf(db: Db, { account_id, underlying, day }: CloseKey): Promise<number | null> {
  const row = await db.maybeOne(
    z.object({ close: MoneyColumn }),
    "settlement.closeOf",
    "select close from underlying_close where trading_account_id = $1 and underlying = $2 and day = $3",
    [account_id, underlying, day],
  );
  return row?.close ?? null;
}

/** Whoever settles in an account waits for who does so already: a figure is judged and used as one. Until the transaction ends. */
export async function lock(db: Db, { account_id }: Pick<CloseKey, "account_id">): Promise<void> {
  await db.one(
    z.object({ locked: z.literal("") }),
    "settlement.lock",
    "select pg_advisory_xact_lock(hashtextextended(json_build_array('settlement', $1::text)::text, 0))::text as locked",
    [account_id],
  );
}

/** The exchanges on which contracts of underlyings are held in an account, or listed. */
export function exchangesOf(
  db: Db,
  { account_id, underlyings }: { account_id: string; underlyings: readonly string[] },
): Promise<{ underlying: string; exchange: string }[]> {
  return db.many(
    z.object({ underlying: z.string(), exchange: z.string() }),
    "settlement.exchangesOf",
    `with asked as (select jsonb_array_elements_text($2::jsonb) as underlying)
     select leg.underlying_symbol as underlying, leg.exchange
       from strategy_instruments leg join strategy using (strategy_id)
      where strategy.trading_account_id = $1 and leg.underlying_symbol in (select underlying from asked)
     union
     select name, exchange from instrument
      where instrument_type in ('CE', 'PE', 'FUT') and name in (select underlying from asked)`,
    [account_id, JSON.stringify(underlyings)],
  );
}

/** Keeps a figure, in the place of one that is there. */
export async function keepClose(db: Db, { account_id, underlying, day, close }: CloseKey & { close: number }): Promise<void> {
  await db.run(
    "settlement.keepClose",
    `insert into underlying_close (trading_account_id, underlying, day, close) values ($1, $2, $3, $4)
     on conflict (trading_account_id, underlying, day) do update set close = excluded.close`,
    [account_id, underlying, day, moneyText(close)],
  );
}

const OpenLeg = Leg.pick({
  id: true,
  strategy_id: true,
  instrument: true,
  exchange: true,
  tradingsymbol: true,
  instrument_type: true,
  expiry: true,
  underlying_symbol: true,
  quantity: true,
}).extend({ strike: MoneyColumn.nullable() });
export type OpenContract = z.infer<typeof OpenLeg>;

const SELECT = `select leg.id, leg.strategy_id, leg.exchange || ':' || leg.tradingsymbol as instrument, leg.exchange, leg.tradingsymbol,
    leg.instrument_type, leg.expiry, leg.underlying_symbol, leg.quantity, leg.strike`;

/**
 * Open legs of an account's active strategies, or of one of them, by expiry where it is known; with `and_archived` those that were
 * left open in one that was archived since, too.
 */
export function openLegs(
  db: Db,
  { account_id, strategy_id, and_archived = false }: { account_id: string; strategy_id?: number | undefined; and_archived?: boolean },
): Promise<OpenContract[]> {
  return db.many(
    OpenLeg,
    "settlement.openLegs",
    `${SELECT}
     from strategy_instruments leg join strategy using (strategy_id)
     where strategy.trading_account_id = $1 and ($2::int4 is null or strategy.strategy_id = $2)
       and ($3::bool or strategy.status = 'active') and leg.closed_at is null
     order by leg.expiry nulls last, leg.id`,
    [account_id, strategy_id ?? null, and_archived],
  );
}

const SettledLeg = OpenLeg.extend({ direction: Direction, cost: MoneyColumn });
export type SettledContract = z.infer<typeof SettledLeg>;

/** The legs of an underlying that were settled in an account, of whatever day; nobody else changes them until the transaction ends. */
export function settledLegs(db: Db, { account_id, underlying }: Omit<CloseKey, "day">): Promise<SettledContract[]> {
  return db.many(
    SettledLeg,
    "settlement.settledLegs",
    `${SELECT}, leg.direction, leg.cost
     from strategy_instruments leg join strategy using (strategy_id)
     where strategy.trading_account_id = $1 and leg.underlying_symbol = $2 and leg.closed_by = 'settlement'
     order by leg.id for update of leg`,
    [account_id, underlying],
  );
}

/** What a leg that was settled is worth instead, in units (1 = 0.0001 rupee): in its row and in the fill of its settlement. */
export async function writeExit(
  db: Db,
  { id }: { id: number },
  { price_units, value_units, realized_units }: { price_units: bigint; value_units: bigint; realized_units: bigint },
): Promise<void> {
  await db.run("settlement.writeExit", "update strategy_instruments set exit_price = $2, exit_value = $3 where id = $1", [
    id,
    unitsText(price_units),
    unitsText(value_units),
  ]);
  await db.run(
    "settlement.writeFill",
    "update strategy_fills set price = $2, value = $3, realized_pnl = $4 where leg_id = $1 and source = 'settlement'",
    [id, unitsText(price_units), unitsText(value_units), unitsText(realized_units)],
  );
}
