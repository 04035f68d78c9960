import { StratctlError } from "../errors.ts";
import type { Db } from "./db.ts";

/** Last prices as a structure of arrays; the first `length` places count. Prices in units (1 = 0.0001 rupee). */
export interface QuoteBatch {
  readonly length: number;
  readonly exchange: readonly string[];
  readonly tradingsymbol: readonly string[];
  readonly price_units: Float64Array;
  readonly at_ms: Float64Array;
  readonly source: readonly string[];
}

/** Keeps the last price of each instrument, only forward in time (of equal times the later call wins). How many it wrote. */
export function upsertMany(db: Db, batch: QuoteBatch): Promise<number> {
  throw new StratctlError("internal", "not built yet");
}

export interface LastQuote {
  readonly exchange: string;
  readonly tradingsymbol: string;
  /** Rupees. */
  readonly price: number;
  readonly at: string;
  readonly source: string;
}

/** The last prices kept of these instruments, in no order; those without one are not in it. */
export function findMany(db: Db, keys: readonly { exchange: string; tradingsymbol: string }[]): Promise<LastQuote[]> {
  throw new StratctlError("internal", "not built yet");
}
