import { z } from "zod";
import type { Database } from "../../packages/sdk/src/store/db.ts";

/** A share, which never expires. */
export const INSTRUMENT = "NSE:RELIANCE";

/** An active strategy with one leg, known since yesterday. */
export async function strategyOf(db: Database, name: string): Promise<number> {
  const Id = z.object({ strategy_id: z.int() });
  await db.run("test.account", "insert into trading_account (account_id) values ('SVC1') on conflict do nothing");
  const sql = "insert into strategy (trading_account_id, strategy_name) values ('SVC1', $1) returning strategy_id";
  const { strategy_id } = await db.one(Id, "test.strategy", sql, [name]);
  await db.run(
    "test.leg",
    `insert into strategy_instruments (strategy_id, exchange, tradingsymbol, direction, quantity, entry_price, added_at)
     values ($1, 'NSE', 'RELIANCE', 'BUY', 10, 1500, now() - interval '1 day')`,
    [strategy_id],
  );
  return strategy_id;
}
