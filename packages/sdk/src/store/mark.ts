import { StratctlError } from "../errors.ts";
import type { Mark } from "../model/mark.ts";
import type { Db } from "./db.ts";

/** The marks of one sample as a structure of arrays; the first `length` places count. Money in units (1 = 0.0001 rupee). */
export interface MarkBatch {
  readonly length: number;
  readonly at_ms: number;
  readonly strategy_id: Int32Array;
  /** NaN: no Mark; `reason` then says why. */
  readonly m2m_units: Float64Array;
  readonly entry_value_units: Float64Array;
  readonly realized_pnl_units: Float64Array;
  readonly instrument_count: Int32Array;
  readonly priced: Int32Array;
  readonly stale: Int32Array;
  /** NaN: no leg is priced. */
  readonly oldest_age_ms: Float64Array;
  readonly reason: readonly (string | null)[];
}

/** Brings the latest marks up to date, only forward in time; rows whose strategy is gone are left out. How many it wrote. */
export function upsertMany(db: Db, batch: MarkBatch): Promise<number> {
  throw new StratctlError("internal", "not built yet");
}

/** The latest mark with its age at `now_ms`, or null where the strategy was never marked. */
export function find(db: Db, key: { strategy_id: number }, now_ms: number): Promise<Mark | null> {
  throw new StratctlError("internal", "not built yet");
}

/**
 * Brings strategy.current_m2m and total_pnl, which others read with SQL, to the latest marks: NULL after one that is none. Only
 * rows that differ are written. How many.
 */
export function settleStrategies(db: Db): Promise<number> {
  throw new StratctlError("internal", "not built yet");
}
