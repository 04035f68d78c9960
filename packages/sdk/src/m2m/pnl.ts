import type { Direction } from "../model/leg.ts";

/** What a leg cost, in rupees; a Leg of the SDK will do. */
export interface LegCost {
  readonly direction: Direction;
  /** Units of the instrument, above 0. */
  readonly quantity: number;
  readonly entry_price: number;
  /** What the whole quantity cost, where that is not entry_price × quantity (an average is shown rounded, never kept so). */
  readonly cost?: number | undefined;
  /** Null or left out while the leg is open. */
  readonly exit_price?: number | null | undefined;
}

/** Σ(cost × direction) of the open legs, in units. Null beyond ±MONEY_MAX. */
export declare function entryValueUnits(legs: readonly LegCost[]): number | null;

/** Σ (cost − exit_price × quantity) × direction of the closed legs, in units. Null beyond ±MONEY_MAX. */
export declare function realizedUnits(legs: readonly LegCost[]): number | null;

/** pnl = realized_pnl + entry_value − m2m, in units, exactly. NaN where a part is NaN or the result lies beyond ±MONEY_MAX. */
export declare function pnlUnits(parts: { realized_pnl_units: number; entry_value_units: number; m2m_units: number }): number;
