import { signOf, type Direction } from "../model/leg.ts";
import { MONEY_MAX_UNITS, unitsOf } from "../model/money.ts";

/** What a leg cost, in rupees; a Leg of the SDK will do. */
export interface LegCost {
  readonly direction: Direction;
  /** Units of the instrument, above 0. */
  readonly quantity: number;
  readonly entry_price: number;
  /** What the whole quantity cost, where that is not entry_price × quantity (an average is shown rounded, never kept so). */
  readonly cost?: number | undefined;
  /** Null or left out while the leg is open. 0 is a price: an option may expire worthless. */
  readonly exit_price?: number | null | undefined;
}

/** Whether a leg is open: it has no exit price. */
export function isOpen(leg: LegCost): boolean {
  return leg.exit_price === undefined || leg.exit_price === null;
}

/**
 * entry_value = Σ(cost × direction) of the open legs in units (1 = 0.0001 rupee), exactly; a credit is positive. Null beyond
 * ±MONEY_MAX.
 *
 * @throws StratctlError money_too_large: an amount of a leg has more than four decimals, or lies beyond ±MONEY_MAX
 */
export function entryValueUnits(legs: readonly LegCost[]): number | null {
  return boundedUnits(legs.filter(isOpen).reduce((sum, leg) => sum + BigInt(signOf(leg.direction)) * costUnits(leg), 0n));
}

/**
 * realized_pnl = Σ (cost − exit_price × quantity) × direction of the closed legs in units, exactly. Null beyond ±MONEY_MAX.
 *
 * @throws StratctlError money_too_large: an amount of a leg has more than four decimals, or lies beyond ±MONEY_MAX
 */
export function realizedUnits(legs: readonly LegCost[]): number | null {
  return boundedUnits(legs.reduce((sum, leg) => sum + realizedOf(leg), 0n));
}

/**
 * pnl = realized_pnl + entry_value − m2m in units, exactly. NaN where a part is NaN or the result lies beyond ±MONEY_MAX: a
 * P&L that cannot be stored makes no Mark.
 */
export function pnlUnits(parts: { realized_pnl_units: number; entry_value_units: number; m2m_units: number }): number {
  const { realized_pnl_units, entry_value_units, m2m_units } = parts;
  const magnitude = Math.abs(realized_pnl_units) + Math.abs(entry_value_units) + Math.abs(m2m_units);
  if (magnitude <= MONEY_MAX_UNITS) return realized_pnl_units + entry_value_units - m2m_units;
  if (Number.isNaN(magnitude)) return Number.NaN;
  return boundedUnits(BigInt(realized_pnl_units) + BigInt(entry_value_units) - BigInt(m2m_units)) ?? Number.NaN;
}

/** An exact sum as a number of units: safe, since MONEY_MAX_UNITS is below 2^53. Null beyond ±MONEY_MAX. */
export function boundedUnits(sum: bigint): number | null {
  return sum <= BOUND && sum >= -BOUND ? Number(sum) : null;
}

const BOUND = BigInt(MONEY_MAX_UNITS);

function costUnits(leg: LegCost): bigint {
  return leg.cost === undefined ? BigInt(unitsOf(leg.entry_price)) * BigInt(leg.quantity) : BigInt(unitsOf(leg.cost));
}

function realizedOf(leg: LegCost): bigint {
  if (leg.exit_price === undefined || leg.exit_price === null) return 0n;
  return BigInt(signOf(leg.direction)) * (costUnits(leg) - BigInt(unitsOf(leg.exit_price)) * BigInt(leg.quantity));
}
