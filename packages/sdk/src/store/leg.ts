import { z } from "zod";
import { StratctlError } from "../errors.ts";
import type { Direction, InstrumentType, Leg } from "../model/leg.ts";
import type { Db } from "./db.ts";

/** Legs of a strategy: open ones first, each in the order they were added. */
export function list(db: Db, key: { strategy_id: number }): Promise<Leg[]> {
  throw new StratctlError("internal", "not built yet");
}

export interface LegKey {
  readonly strategy_id: number;
  /** The leg's id. */
  readonly instrument_id: number;
}

/** The leg, or null where the strategy has none of that id. */
export function find(db: Db, key: LegKey): Promise<Leg | null> {
  throw new StratctlError("internal", "not built yet");
}

/** Prices in rupees a unit, quantity in units. */
export interface LegRow {
  readonly strategy_id: number;
  readonly exchange: string;
  readonly tradingsymbol: string;
  readonly instrument_token?: number | null | undefined;
  readonly instrument_type?: InstrumentType | null | undefined;
  readonly strike?: number | null | undefined;
  /** YYYY-MM-DD */
  readonly expiry?: string | null | undefined;
  readonly underlying_symbol?: string | null | undefined;
  readonly direction: Direction;
  readonly quantity: number;
  readonly lot_size?: number | null | undefined;
  readonly entry_price: number;
  readonly notes?: string | null | undefined;
  /** Now where left out. */
  readonly added_at_ms?: number | undefined;
}

/** Adds an open leg at cost entry_price × quantity. Rejects with money_too_large, instrument_invalid, strategy_unknown. */
export function insert(db: Db, leg: LegRow): Promise<Leg> {
  throw new StratctlError("internal", "not built yet");
}

/** Left out: unchanged. Null: unknown from now on. */
export interface LegChange extends LegKey {
  readonly quantity?: number | undefined;
  readonly lot_size?: number | null | undefined;
  readonly entry_price?: number | undefined;
  readonly notes?: string | null | undefined;
}

/** The open leg with what is given changed (its cost follows), or null where no open leg has that key. */
export function update(db: Db, change: LegChange): Promise<Leg | null> {
  throw new StratctlError("internal", "not built yet");
}

/** The leg, closed whole at a price, or null where no open leg has that key. Rejects with money_too_large. */
export function close(db: Db, leg: LegKey & { exit_price: number; closed_at_ms?: number | undefined }): Promise<Leg | null> {
  throw new StratctlError("internal", "not built yet");
}

/** The open leg that was removed, or null where no open leg has that key. */
export function remove(db: Db, key: LegKey): Promise<Leg | null> {
  throw new StratctlError("internal", "not built yet");
}
