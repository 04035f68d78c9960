import type { MinuteCandle } from "../../packages/sdk/src/m2m/minute.ts";
import { batchOf, upsertMany } from "../../packages/sdk/src/store/candle.ts";
import type { Db } from "../../packages/sdk/src/store/db.ts";

/** A minute of a strategy in rupees: open at `m2m`, two down, three up, close one above; its book cost 100 and realized 5. */
export function minuteAt(strategy_id: number, minute_ms: number, m2m: number): MinuteCandle {
  return {
    strategy_id,
    minute_ms,
    open_units: m2m * 10_000,
    high_units: (m2m + 3) * 10_000,
    low_units: (m2m - 2) * 10_000,
    close_units: (m2m + 1) * 10_000,
    entry_value_units: 1_000_000,
    realized_pnl_units: 50_000,
    instrument_count: 1,
    stale_count: 0,
    oldest_age_ms: 0,
    sampled: 1n,
    first_at_ms: minute_ms,
    last_at_ms: minute_ms,
    source: "live",
  };
}

export async function writeMinutes(db: Db, minutes: readonly MinuteCandle[]): Promise<void> {
  await upsertMany(db, batchOf(minutes, "live"), { overwrite: false });
}
