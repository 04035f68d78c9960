import type { Mark } from "../../packages/sdk/src/model/mark.ts";

/** A mark of one priced leg, with what a test wants of it. */
export function markOf(parts: Pick<Mark, "strategy_id" | "at"> & Partial<Mark>): Mark {
  return {
    age_ms: 0,
    m2m: 0,
    pnl: 0,
    unrealized_pnl: 0,
    entry_value: 0,
    realized_pnl: 0,
    instrument_count: 1,
    priced: 1,
    stale: 0,
    oldest_age_ms: 5,
    reason: null,
    ...parts,
  };
}
