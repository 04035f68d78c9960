import type { Direction } from "../model/leg.ts";
import { signOf } from "../model/leg.ts";
import { MONEY_MAX, MONEY_MAX_UNITS, amountOf, unitsOf } from "../model/money.ts";
import { entryValueUnits, pnlUnits, realizedUnits, type LegCost } from "./pnl.ts";

/** Legs as typed arrays, for sums that run every second: leg i is signed_quantity[i] of instrument[i]. */
export interface LegArrays {
  /** Units a unit of quantity, by instrument; NaN where it has no price. */
  readonly price_units: Float64Array;
  /** The instrument of each leg, a place in price_units. */
  readonly instrument: Int32Array;
  /** Quantity × (SELL = +1, BUY = −1) of each leg. */
  readonly signed_quantity: Float64Array | Int32Array;
}

/**
 * M2M of the legs from ≤ i < to in units: Σ(price × quantity × direction), exactly. NaN where a leg has no price, or where the
 * sum lies beyond ±MONEY_MAX: there is no Mark then. An empty range is 0.
 */
export function m2mUnits(legs: LegArrays, from: number, to: number): number {
  const { price_units, instrument, signed_quantity } = legs;
  let sum = 0;
  let magnitude = 0;
  for (let leg = from; leg < to; leg++) {
    const value = (price_units[instrument[leg] ?? -1] ?? Number.NaN) * (signed_quantity[leg] ?? Number.NaN);
    sum += value;
    magnitude += Math.abs(value);
  }
  // While the magnitudes add up to a safe integer, no product and no partial sum has been rounded.
  if (magnitude <= MONEY_MAX_UNITS) return sum + 0;
  if (Number.isNaN(magnitude)) return Number.NaN;
  return exactM2mUnits(legs, from, to);
}

/** What markOf asks of a leg; a Leg of the SDK will do. */
export interface MarkLeg extends LegCost {
  readonly instrument: string;
}

/** What a set of legs is worth, in rupees: m2m, pnl and unrealized_pnl are null together, with the reason. */
export interface Valuation {
  readonly m2m: number | null;
  readonly pnl: number | null;
  readonly unrealized_pnl: number | null;
  readonly entry_value: number | null;
  readonly realized_pnl: number | null;
  /** Open legs. */
  readonly instrument_count: number;
  /** Open legs that have a price. */
  readonly priced: number;
  readonly reason: string | null;
}

/**
 * Marks legs to market at the prices given, in rupees a unit of quantity. Every open leg is priced, or there is no mark and
 * the reason names the legs; a closed leg needs no price and adds its realized part. A price that is not a number above 0
 * is no price. Without an open leg there is no mark, unless `realized_today` says that this day realized something.
 *
 * m2m = Σ(price × quantity × direction), SELL = +1 and BUY = −1; pnl = realized_pnl + entry_value − m2m.
 *
 * @throws StratctlError money_too_large: an amount with more than four decimals, or beyond ±MONEY_MAX
 * @example
 * import { markOf } from "@stratctl/sdk";
 *
 * const legs = [
 *   { instrument: "NFO:NIFTY25N0424500CE", direction: "BUY", quantity: 50, entry_price: 100 },
 *   { instrument: "NFO:NIFTY25N0424600CE", direction: "SELL", quantity: 50, entry_price: 150 },
 * ] as const;
 * const prices = new Map([["NFO:NIFTY25N0424500CE", 120], ["NFO:NIFTY25N0424600CE", 130]]);
 * const { m2m, pnl } = markOf(legs, prices);
 * console.log(m2m, pnl); // 500 2000
 */
export declare function markOf(
  legs: readonly MarkLeg[],
  prices: ReadonlyMap<string, number>,
  options?: { realized_today?: boolean; why?: (instrument: string) => string | null },
): Valuation;

/**
 * Why there is no mark: `no price for NFO:A (redis: no key; ticker: 404), NFO:B, NFO:C and 2 more`. Each instrument once, in
 * the order given, the first three by name; `why` may say more of each.
 */
export declare function unpricedReason(instruments: readonly string[], why?: (instrument: string) => string | null): string;
