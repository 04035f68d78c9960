import { z } from "zod";
import { InstantColumn } from "../../packages/sdk/src/model/instant.ts";
import type { Database } from "../../packages/sdk/src/store/db.ts";
import type { PlainCandle } from "./expected.ts";

const Instant = InstantColumn.transform((at) => new Date(at).toISOString());

const Row = z.object({
  minute: Instant,
  open: z.string(),
  high: z.string(),
  low: z.string(),
  close: z.string(),
  instrument_count: z.int(),
  entry_value: z.string(),
  realized_pnl: z.string(),
  sample_count: z.int(),
  stale_count: z.int(),
  oldest_age_ms: z.int(),
  sampled: z.string(),
  first_at: Instant,
  last_at: Instant,
  source: z.string(),
});

/** A strategy's candles as they are in the table. */
export function candleRows(db: Database, strategy_id: number): Promise<PlainCandle[]> {
  return db.many(
    Row,
    "test.candles",
    `select timestamp as minute, open, high, low, close, instrument_count, entry_value, realized_pnl, sample_count, stale_count,
       oldest_age_ms, sampled, first_at, last_at, source
     from strategy_m2m_candles where strategy_id = $1 order by timestamp`,
    [strategy_id],
  );
}

const Line = z.object({ line: z.string() });

const TABLES = ["strategy_m2m_candles", "strategy_mark", "last_quote", "strategy"];

/** Every row, where it lies and who wrote it: two equal answers mean that nothing was written in between. */
export async function everyRow(db: Database, tables: readonly string[] = TABLES): Promise<string[]> {
  const rows = tables.map((table) =>
    db.many(Line, `test.rows.${table}`, `select ctid::text || xmin::text || row(t.*)::text as line from ${table} t order by 1`),
  );
  return (await Promise.all(rows)).flat().map(({ line }) => line);
}
