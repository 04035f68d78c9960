import { StratctlError } from "../../errors.ts";
import { averageUnits, closePart, type Closed, type CostMethod } from "../../m2m/fills.ts";
import type { Fill } from "../../model/fill.ts";
import type { Leg } from "../../model/leg.ts";
import { MONEY_MAX_UNITS } from "../../model/money.ts";
import type { Db } from "../../store/db.ts";
import * as fills from "../../store/fill.ts";
import * as holdings from "../../store/holding.ts";
import type { HeldLeg } from "../../store/holding.ts";

/** What a leg, or a part of it, is left at. Money in units (1 = 0.0001 rupee). */
export interface Leaving {
  readonly quantity: number;
  /** A unit; null: at its cost, by which nothing is realized. */
  readonly price_units: bigint | null;
  readonly at_ms: number;
  readonly closed_by: NonNullable<Leg["closed_by"]>;
  /** Left out: as the parts before, else average. */
  readonly cost_method?: CostMethod | undefined;
  readonly external_id?: string | undefined;
}

export interface Left {
  /** The closed row: the leg itself, or a part beside it. */
  readonly leg: Leg | null;
  readonly fill: Fill;
  readonly closed: Closed;
}

/** Closes a leg, or a part of it, and keeps the fill. In a transaction that holds the leg. */
export async function leave(db: Db, held: HeldLeg, leaving: Leaving): Promise<Left> {
  const { quantity, at_ms, closed_by } = leaving;
  if (quantity > held.quantity)
    throw new StratctlError("input_invalid", `leg ${held.id} has ${held.quantity} units and cannot be left by ${quantity}`, {
      details: { leg_id: held.id, quantity: held.quantity },
    });
  const cost_method = methodOf(held, leaving.cost_method);
  const at_cost = await partOf(db, held, { quantity, value_units: 0n, cost_method });
  const value_units = leaving.price_units === null ? at_cost.cost_units : leaving.price_units * BigInt(quantity);
  const closed = leaving.price_units === null ? at_cost : await partOf(db, held, { quantity, value_units, cost_method });
  const price_units = leaving.price_units ?? averageUnits({ quantity, cost_units: closed.cost_units });
  for (const units of [value_units, closed.realized_units]) refuseTooLarge(units, quantity);
  const exit = { quantity, cost_units: closed.cost_units, price_units, value_units, at_ms, closed_by, cost_method };
  const leg = closed.rest === null ? await holdings.closeWhole(db, held, exit) : await holdings.closePartOf(db, held, exit);
  if (closed.rest !== null) await holdings.write(db, held, closed.rest, averageUnits(closed.rest));
  const fill = await fills.insert(db, {
    account_id: held.account_id,
    strategy_id: held.strategy_id,
    leg_id: held.id,
    side: held.direction === "BUY" ? "SELL" : "BUY",
    quantity,
    price_units,
    value_units,
    at_ms,
    source: closed_by,
    external_id: leaving.external_id,
    exit: { realized_units: closed_by === "move" ? 0n : closed.realized_units, cost_method },
  });
  return { leg, fill, closed };
}

async function partOf(
  db: Db,
  held: HeldLeg,
  { quantity, value_units, cost_method }: { quantity: number; value_units: bigint; cost_method: CostMethod },
): Promise<Closed> {
  if (cost_method === "average") return closePart(held, { quantity, value_units }, { method: "average" });
  const known = await fills.entriesOf(db, held.id);
  const entered = known.entries.reduce((sum, entry) => sum + entry.quantity, 0);
  // A leg that came into the table by itself was entered whole.
  const is_whole = entered - known.exited === held.quantity;
  const { entries, exited } = is_whole ? known : { entries: [{ quantity: held.quantity, value_units: held.cost_units }], exited: 0 };
  return closePart(held, { quantity, value_units }, { method: "fifo", entries, exited });
}

/** One leg has one way of telling its cost, or parts would not add up to what was paid for it. */
function methodOf({ id, cost_method }: HeldLeg, asked: CostMethod | undefined): CostMethod {
  if (cost_method === null || asked === undefined || asked === cost_method) return asked ?? cost_method ?? "average";
  throw new StratctlError("input_invalid", `cost_method ${asked}: leg ${id} is closed by ${cost_method} since its first part`, {
    details: { errors: [{ field: "cost_method", message: `is ${cost_method} since the first part` }] },
  });
}

/** Beyond what money can be nothing is written. */
export function refuseTooLarge(units: bigint, quantity: number): void {
  const bound = BigInt(MONEY_MAX_UNITS);
  if (units <= bound && units >= -bound) return;
  throw new StratctlError("money_too_large", "price × quantity is beyond 500000000000 rupees", { details: { quantity } });
}
