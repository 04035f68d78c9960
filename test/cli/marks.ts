import type { Database } from "../../packages/sdk/src/store/db.ts";
import { upsertMany } from "../../packages/sdk/src/store/mark.ts";

/** Writes the mark of a strategy of two legs, both priced, as an engine does; M2M in rupees. */
export async function writeMark(database: Database, mark: { strategy_id: number; at: string; m2m: number }): Promise<void> {
  await upsertMany(database, {
    length: 1,
    at_ms: Date.parse(mark.at),
    strategy_id: Int32Array.of(mark.strategy_id),
    m2m_units: Float64Array.of(mark.m2m * 10_000),
    entry_value_units: new Float64Array(1),
    realized_pnl_units: new Float64Array(1),
    instrument_count: Int32Array.of(2),
    priced: Int32Array.of(2),
    stale: new Int32Array(1),
    oldest_age_ms: Float64Array.of(5),
    reason: [null],
  });
}
