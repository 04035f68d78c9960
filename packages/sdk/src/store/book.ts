import { StratctlError } from "../errors.ts";
import type { InstrumentRef } from "../quotes/source.ts";
import type { Db } from "./db.ts";

export interface BookInstrument extends InstrumentRef {
  /** YYYY-MM-DD where a leg says so. */
  readonly expiry: string | null;
}

/**
 * The legs of a book as a structure of arrays. Legs of strategy i are those from leg_from[i] up to, not including,
 * leg_from[i + 1], by id. Money in units (1 = 0.0001 rupee).
 */
export interface BookLegs {
  /** Each instrument once, by exchange and tradingsymbol. */
  readonly instruments: readonly BookInstrument[];
  /** Ascending. Active strategies with any leg, open or closed, or with a row in strategy_mark (which must not outlive its legs). */
  readonly strategy_id: Int32Array;
  /** One longer than strategy_id. */
  readonly leg_from: Int32Array;
  /** Σ(cost × direction) over the open legs; NaN where it is beyond what money can be. */
  readonly entry_value_units: Float64Array;
  /** Σ((cost − exit_price × quantity) × direction) over the closed legs; NaN as above. */
  readonly realized_pnl_units: Float64Array;
  /** When its last closed leg was closed, and that leg's exchange: on that day a strategy without an open leg is worth 0. NaN, null: none. */
  readonly closed_at_ms: Float64Array;
  readonly closed_exchange: readonly (string | null)[];
  readonly leg_id: Int32Array;
  /** Place in `instruments`. */
  readonly leg_instrument: Int32Array;
  /** quantity × direction: SELL positive, BUY negative. */
  readonly leg_quantity: Int32Array;
  readonly leg_entry_price_units: Float64Array;
  readonly leg_cost_units: Float64Array;
}

/**
 * What the engine's Book is built from: open legs of active strategies, and what closed ones realized, as of an instant (added at
 * or before it, closed after it), or with null as they are now.
 */
export function readLegs(db: Db, query: { as_of_ms: number | null; strategy_ids?: readonly number[] | undefined }): Promise<BookLegs> {
  throw new StratctlError("internal", "not built yet");
}
