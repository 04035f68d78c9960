import { z } from "zod";
import { MoneyColumn } from "../model/money.ts";
import type { Db } from "./db.ts";

const Row = z.object({ strategy_id: z.int(), cumulative_pnl: MoneyColumn });

/** The P&L since entry that is written for each strategy's day (YYYY-MM-DD), by strategy; without those of which none is known. */
export async function written(db: Db, sought: readonly { strategy_id: number; day: string }[]): Promise<Map<number, number>> {
  if (sought.length === 0) return new Map();
  const rows = await db.many(
    Row,
    "dayClose.written",
    `select strategy_id, cumulative_pnl
     from jsonb_to_recordset($1::jsonb) as sought(strategy_id int4, day date)
     join strategy_pnl_metrics metrics using (strategy_id)
     where metrics.metric_date = sought.day and metrics.cumulative_pnl is not null`,
    [JSON.stringify(sought)],
  );
  return new Map(rows.map(({ strategy_id, cumulative_pnl }) => [strategy_id, cumulative_pnl]));
}
