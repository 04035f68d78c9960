import { z } from "zod";
import { Leg } from "../model/leg.ts";
import { MoneyColumn } from "../model/money.ts";
import { moneyText } from "./column.ts";
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

/** Keeps a figure; one that is there already stays as it is. */
export async function keepClose(db: Db, { account_id, underlying, day, close }: CloseKey & { close: number }): Promise<void> {
  await db.run(
    "settlement.keepClose",
    `insert into underlying_close (trading_account_id, underlying, day, close) values ($1, $2, $3, $4)
     on conflict (trading_account_id, underlying, day) do nothing`,
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

/** Open legs of an account's active strategies, or of one of them, by expiry where it is known; archived ones have none that count. */
export function openLegs(
  db: Db,
  { account_id, strategy_id }: { account_id: string; strategy_id?: number | undefined },
): Promise<OpenContract[]> {
  return db.many(
    OpenLeg,
    "settlement.openLegs",
    `select leg.id, leg.strategy_id, leg.exchange || ':' || leg.tradingsymbol as instrument, leg.exchange, leg.tradingsymbol,
       leg.instrument_type, leg.expiry, leg.underlying_symbol, leg.quantity, leg.strike
     from strategy_instruments leg join strategy using (strategy_id)
     where strategy.trading_account_id = $1 and ($2::int4 is null or strategy.strategy_id = $2)
       and strategy.status = 'active' and leg.closed_at is null
     order by leg.expiry nulls last, leg.id`,
    [account_id, strategy_id ?? null],
  );
}
