import { z } from "zod";
import type { Db } from "./db.ts";

/**
 * A text that changes with any candle of the range: how many there are, and a sum over a hash of each whole row. The rows are read by
 * the database and do not leave it: a year of minutes takes tens of milliseconds, where bringing them over takes a second.
 */
export async function versionOf(
  db: Db,
  { strategy_id, from_ms, to_ms }: { strategy_id: number; from_ms: number; to_ms: number },
): Promise<string> {
  const { version } = await db.one(Row, "candle.version", VERSION, [strategy_id, from_ms, to_ms]);
  return version;
}

const Row = z.object({ version: z.string() });

const VERSION = `select count(*) || ':' || coalesce(sum(hash_record_extended(candle, 0)), 0) as version
  from strategy_m2m_candles candle
  where strategy_id = $1
    and timestamp between to_timestamp($2::float8 / 1000) and to_timestamp($3::float8 / 1000)`;
