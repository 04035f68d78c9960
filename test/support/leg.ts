import { unitsOf } from "../../packages/sdk/src/model/money.ts";
import type { Leg } from "../../packages/sdk/src/model/leg.ts";
import type { Database } from "../../packages/sdk/src/store/db.ts";
import { closeWhole, lock } from "../../packages/sdk/src/store/holding.ts";
import type { LegKey } from "../../packages/sdk/src/store/leg.ts";

/** Closes an open leg whole, at rupees a unit, without what the calls ask first; null where no open leg has that key. */
export function closeLeg(
  database: Database,
  { exit_price, closed_at_ms, ...key }: LegKey & { readonly exit_price: number; readonly closed_at_ms: number },
): Promise<Leg | null> {
  return database.transaction(async (db) => {
    const held = await lock(db, key);
    if (held === null) return null;
    const price_units = BigInt(unitsOf(exit_price));
    const { quantity, cost_units } = held;
    const value_units = price_units * BigInt(quantity);
    return closeWhole(db, held, {
      quantity,
      cost_units,
      price_units,
      value_units,
      at_ms: closed_at_ms,
      closed_by: "fill",
      cost_method: "average",
    });
  });
}
