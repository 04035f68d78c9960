import { StratctlError } from "../errors.ts";
import { signOf } from "../model/leg.ts";
import { MONEY_MAX, MONEY_MAX_UNITS, amountOf, unitsOf } from "../model/money.ts";
import { boundedUnits, entryValueUnits, isOpen, pnlUnits, realizedUnits, type LegCost } from "./pnl.ts";

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
  if (magnitude <= MONEY_MAX_UNITS) return sum;
  if (Number.isNaN(magnitude)) return Number.NaN;
  return exactM2mUnits(legs, from, to);
}

/** What markOf asks of a leg; a Leg of the SDK will do. */
export interface MarkLeg extends LegCost {
  readonly instrument: string;
}

/** What a set of legs is worth, in rupees. */
export interface Valuation {
  /** Σ(price × quantity × direction) over the open legs. m2m, pnl and unrealized_pnl are null together, with the reason. */
  readonly m2m: number | null;
  readonly pnl: number | null;
  readonly unrealized_pnl: number | null;
  readonly entry_value: number;
  readonly realized_pnl: number;
  /** Open legs. */
  readonly instrument_count: number;
  /** Open legs that have a price. */
  readonly priced: number;
  readonly reason: string | null;
}

export interface MarkOptions {
  /** True: this day realized something, so that legs which are all closed are worth 0 and still have a pnl. */
  readonly realized_today?: boolean | undefined;
  /** More about an instrument without a price, for the reason. */
  readonly why?: ((instrument: string) => string | null) | undefined;
}

/**
 * Marks legs to market at the prices given, in rupees a unit of quantity. Every open leg is priced, or there is no mark and
 * the reason names the legs; a closed leg needs no price and adds its realized part. A price that is not a number above 0
 * is no price. Without an open leg there is no mark, unless `realized_today`.
 *
 * BUY = −1, SELL = +1. m2m = Σ(price × quantity × direction); unrealized_pnl = entry_value − m2m;
 * pnl = realized_pnl + unrealized_pnl. Sums are exact.
 *
 * @throws StratctlError money_too_large: an amount given has more than four decimals or lies beyond ±MONEY_MAX, or
 * entry_value or realized_pnl does
 * @example
 * import { markOf } from "@stratctl/sdk";
 *
 * const { m2m, pnl } = markOf(
 *   [
 *     { instrument: "NFO:NIFTY25N0424500CE", direction: "BUY", quantity: 50, entry_price: 100 },
 *     { instrument: "NFO:NIFTY25N0424600CE", direction: "SELL", quantity: 50, entry_price: 150 },
 *   ],
 *   new Map([
 *     ["NFO:NIFTY25N0424500CE", 120],
 *     ["NFO:NIFTY25N0424600CE", 130],
 *   ]),
 * );
 * console.log(m2m, pnl); // 500 2000
 */
export function markOf(legs: readonly MarkLeg[], prices: ReadonlyMap<string, number>, options: MarkOptions = {}): Valuation {
  const open = legs.filter(isOpen);
  const unpriced = open.filter(({ instrument }) => !isPrice(prices.get(instrument))).map(({ instrument }) => instrument);
  const known = {
    entry_value: amountNamed("entry_value", entryValueUnits(legs)),
    realized_pnl: amountNamed("realized_pnl", realizedUnits(legs)),
    instrument_count: open.length,
    priced: open.length - unpriced.length,
  };
  const none = (reason: string): Valuation => ({ m2m: null, pnl: null, unrealized_pnl: null, ...known, reason });

  if (unpriced.length > 0) return none(unpricedReason(unpriced, options.why));
  if (open.length === 0 && options.realized_today !== true) return none("no open legs");
  const m2m_units = m2mOf(open, prices);
  if (m2m_units === null) return none(TOO_LARGE);
  const sums = { entry_value_units: unitsOf(known.entry_value), m2m_units };
  const pnl = pnlUnits({ ...sums, realized_pnl_units: unitsOf(known.realized_pnl) });
  const unrealized = pnlUnits({ ...sums, realized_pnl_units: 0 });
  if (Number.isNaN(pnl) || Number.isNaN(unrealized)) return none(TOO_LARGE);
  return { m2m: amountOf(m2m_units), pnl: amountOf(pnl), unrealized_pnl: amountOf(unrealized), ...known, reason: null };
}

/** The reason of no Mark where the legs are priced and a sum is beyond what a column or a JSON number holds exactly. */
export const TOO_LARGE = `m2m or pnl lies beyond ±${MONEY_MAX} rupees`;

/**
 * Why there is no mark: `no price for NFO:A (redis: no key; ticker: 404), NFO:B, NFO:C and 2 more`. Each instrument once, in
 * the order given, the first three by name, since a reason is a line that people read; `why` may say more of each.
 */
export function unpricedReason(instruments: readonly string[], why?: (instrument: string) => string | null): string {
  const distinct = [...new Set(instruments)];
  const named = distinct.slice(0, NAMED_MAX).map((instrument) => {
    const more = why?.(instrument) ?? null;
    return more === null ? instrument : `${instrument} (${more})`;
  });
  const rest = distinct.length - named.length;
  return `no price for ${named.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`;
}

const NAMED_MAX = 3;

function exactM2mUnits(legs: LegArrays, from: number, to: number): number {
  let sum = 0n;
  for (let leg = from; leg < to; leg++) {
    const price_units = legs.price_units[legs.instrument[leg] ?? -1] ?? 0;
    sum += BigInt(price_units) * BigInt(legs.signed_quantity[leg] ?? 0);
  }
  return boundedUnits(sum) ?? Number.NaN;
}

function m2mOf(open: readonly MarkLeg[], prices: ReadonlyMap<string, number>): number | null {
  let sum = 0n;
  for (const { instrument, direction, quantity } of open)
    sum += BigInt(unitsOf(prices.get(instrument) ?? Number.NaN)) * BigInt(signOf(direction) * quantity);
  return boundedUnits(sum);
}

function isPrice(price: number | undefined): boolean {
  return price !== undefined && Number.isFinite(price) && price > 0;
}

function amountNamed(name: string, units: number | null): number {
  if (units !== null) return amountOf(units);
  throw new StratctlError("money_too_large", `${name} lies beyond ±${MONEY_MAX} rupees`);
}
