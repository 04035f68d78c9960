import { assert } from "../errors.ts";
import { signOf, type Direction } from "../model/leg.ts";

/** How the cost of a part that is closed is told from the cost of the rest. */
export type CostMethod = "average" | "fifo";

/** What is held of an instrument: units, and what all of them cost in units of money (1 = 0.0001 rupee), exactly. */
export interface Holding {
  readonly direction: Direction;
  readonly quantity: number;
  readonly cost_units: bigint;
}

/** A trade of so many units for so much in all. */
export interface Traded {
  readonly quantity: number;
  readonly value_units: bigint;
}

/** A part that was closed, and what is left; null: nothing. */
export interface Closed {
  readonly quantity: number;
  readonly cost_units: bigint;
  /** (cost − value) × direction, SELL = +1, BUY = −1. */
  readonly realized_units: bigint;
  readonly rest: Holding | null;
}

/**
 * Closes a part of a holding, or all of it. Its cost by `average` is its share of the whole cost, rounded half even to 0.0001, and
 * by `fifo` what the units that were bought first cost; either way the rest keeps what is left, so that no paisa is lost or made.
 * `entries` are the holding's entries in the order of time and `exited` how many units have left it before: only fifo asks.
 */
export function closePart(
  holding: Holding,
  { quantity, value_units }: Traded,
  by: { method: "average" } | { method: "fifo"; entries: readonly Traded[]; exited: number },
): Closed {
  assert(quantity > 0 && quantity <= holding.quantity, `closes ${quantity} of ${holding.quantity}`);
  const cost_units =
    quantity === holding.quantity ? holding.cost_units : by.method === "average" ? shareOf(holding, quantity) : fifoCost(by, quantity);
  const left = holding.quantity - quantity;
  return {
    quantity,
    cost_units,
    realized_units: BigInt(signOf(holding.direction)) * (cost_units - value_units),
    rest: left === 0 ? null : { direction: holding.direction, quantity: left, cost_units: holding.cost_units - cost_units },
  };
}

/** A holding with more of it: its cost is the sum of what was paid, never a rounded average. */
export function addTo(holding: Holding, { quantity, value_units }: Traded): Holding {
  return { ...holding, quantity: holding.quantity + quantity, cost_units: holding.cost_units + value_units };
}

/** A price a unit for so much in all, rounded half even to 0.0001: for display, no sum uses it. */
export function averageUnits({ quantity, cost_units }: Pick<Holding, "quantity" | "cost_units">): bigint {
  return dividedHalfEven(cost_units, BigInt(quantity));
}

/** What a part of a holding cost by its average, rounded half even to 0.0001. */
export function shareOf({ quantity, cost_units }: Pick<Holding, "quantity" | "cost_units">, part: number): bigint {
  return dividedHalfEven(cost_units * BigInt(part), BigInt(quantity));
}

function fifoCost({ entries, exited }: { entries: readonly Traded[]; exited: number }, quantity: number): bigint {
  return costOfFirst(entries, exited + quantity) - costOfFirst(entries, exited);
}

/** What the first units cost; of an entry that is taken in part its share, so that parts on end add up to the whole. */
function costOfFirst(entries: readonly Traded[], quantity: number): bigint {
  let left = quantity;
  let cost_units = 0n;
  for (const entry of entries) {
    const taken = Math.min(left, entry.quantity);
    cost_units += dividedHalfEven(entry.value_units * BigInt(taken), BigInt(entry.quantity));
    left -= taken;
  }
  assert(left === 0, `fifo: ${quantity} units of fewer entries`);
  return cost_units;
}

/** Of amounts that are not negative. */
function dividedHalfEven(amount: bigint, by: bigint): bigint {
  const whole = amount / by;
  const twice = 2n * (amount - whole * by);
  return twice > by || (twice === by && whole % 2n === 1n) ? whole + 1n : whole;
}
