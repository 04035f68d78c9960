import type { z } from "zod";
import { HINTS, StratctlError } from "../../errors.ts";
import { entryValueUnits } from "../../m2m/pnl.ts";
import type { CostMethod } from "../../model/fill.ts";
import type { Leg, LegAdd, LegWarning } from "../../model/leg.ts";
import { MONEY_MAX, unitsOf } from "../../model/money.ts";
import type { Db } from "../../store/db.ts";
import * as fills from "../../store/fill.ts";
import * as holdings from "../../store/holding.ts";
import * as legs from "../../store/leg.ts";
import type { KeptStrategy } from "../../store/strategy.ts";
import { contract, type Api } from "../contract.ts";
import { strategyOf } from "./access.ts";
import { adding } from "./adding.ts";
import { call } from "./call.ts";
import type { Context } from "./context.ts";
import { leave } from "./exits.ts";
import { entered, moved, targetOf } from "./fills.ts";
import { holdActive, notOpen, priceNow, refuseArchived } from "./leg-rules.ts";
import { contractOf, refuseWarned, warningsOf, type LegContract } from "./listed.ts";

export function legCalls(context: Context): Api["strategies"]["legs"] {
  const { database } = context;
  const routes = contract.strategies.legs;
  return {
    add: adding(context, routes.add, {
      access: (input) => strategyOf(context, input),
      work: async (input, { signal, write }, strategy) => {
        const { row, warnings } = await legRow(context, { input, strategy, signal });
        return write(async (db) => {
          await holdActive(db, [strategy], "takes no leg");
          const leg = await entered(db, row, strategy);
          return warnings.length === 0 ? leg : { ...leg, warnings };
        });
      },
    }),
    list: call(context, routes.list, async (key) => legs.list(database, { strategy_id: (await strategyOf(context, key)).strategy_id })),
    update: call(context, routes.update, async (change) => {
      const strategy = await strategyOf(context, change);
      return database.transaction(async (db) => {
        await holdActive(db, [strategy], "changes no leg");
        const is_about_fills = change.quantity !== undefined || change.entry_price !== undefined;
        await refuseFills(db, change, { what: "corrected", is_about_fills });
        const leg = (await legs.update(db, change)) ?? (await notOpen(context, change, "changed"));
        if (is_about_fills) await fills.correct(db, leg.id);
        return leg;
      });
    }),
    close: adding(context, routes.close, {
      access: (key) => strategyOf(context, key),
      work: async (key, { signal, write }, strategy) => {
        refuseArchived(strategy, "closes no leg");
        const leg = await legs.find(database, key);
        if (leg === null || leg.closed_at !== null) return notOpen(context, key, "closed again");
        const exit_price = key.exit_price ?? (await priceNow(context, leg, { purpose: "leave", signal }));
        return write(async (db) => {
          await holdActive(db, [strategy], "closes no leg");
          return closed(context, db, { ...key, exit_price });
        });
      },
    }),
    remove: call(context, routes.remove, async (key) => {
      const strategy = await strategyOf(context, key);
      return database.transaction(async (db) => {
        await holdActive(db, [strategy], "removes no leg");
        await refuseFills(db, key, { what: "removed", is_about_fills: true });
        return (await legs.remove(db, key)) ?? notOpen(context, key, "removed");
      });
    }),
    move: adding(context, routes.move, {
      access: (key) => strategyOf(context, key),
      work: async (key, { write }, from) => {
        refuseArchived(from, "moves no leg");
        const to = await targetOf(context, from, key);
        return write(async (db) => {
          await holdActive(db, [from, to], "has no leg moved from it or to it");
          return moved(context, db, { key: { ...key, strategy_id: from.strategy_id }, to, quantity: key.quantity });
        });
      },
    }),
  };
}

/** Closes a leg, or a part of it, at a price; gives the row of what was closed. */
export async function closed(
  context: Context,
  db: Db,
  key: legs.LegKey & { exit_price: number; quantity?: number | undefined; cost_method?: CostMethod | undefined },
): Promise<Leg> {
  const held = await holdings.lock(db, key);
  if (held === null) return notOpen(context, key, "closed again");
  const { leg } = await leave(db, held, {
    quantity: key.quantity ?? held.quantity,
    price_units: BigInt(unitsOf(key.exit_price)),
    at_ms: context.now(),
    closed_by: "fill",
    cost_method: key.cost_method,
  });
  return leg ?? notOpen(context, key, "closed again");
}

/** What was traded in parts is history: a correction of the whole would make it another one. */
async function refuseFills(db: Db, key: legs.LegKey, { what, is_about_fills }: { what: string; is_about_fills: boolean }): Promise<void> {
  if (!is_about_fills || (await holdings.lock(db, key)) === null) return;
  const { entries, exits } = await fills.counts(db, key.instrument_id);
  if (exits === 0 && entries <= 1) return;
  throw new StratctlError("leg_has_fills", `leg ${key.instrument_id} was traded ${entries + exits} times and cannot be ${what}`, {
    hint: HINTS.fills.call,
    details: { strategy_id: key.strategy_id, leg_id: key.instrument_id, entries, exits },
  });
}

interface Entering {
  readonly input: z.output<typeof LegAdd>;
  readonly strategy: KeptStrategy;
  readonly signal: AbortSignal | undefined;
}

/** The leg as it is written: its instrument known, its quantity in units, its price the one given or the current quote. */
async function legRow(context: Context, { input, strategy, signal }: Entering): Promise<{ row: legs.LegRow; warnings: LegWarning[] }> {
  refuseArchived(strategy, "takes no leg");
  const { listing, ...contractRow } = await contractOf(context, input);
  const lot_size = input.lot_size ?? contractRow.lot_size;
  const quantity = input.quantity ?? unitsOfLots(input.lots, lot_size, contractRow);
  const warnings = await warningsOf(context, { listing, ...contractRow }, { quantity, entry_price: input.entry_price });
  if (input.strict === true) refuseWarned(warnings);
  const entry_price = input.entry_price ?? (await priceNow(context, contractRow, { purpose: "enter", signal }));
  await refuseTooLarge(context, strategy, { quantity, entry_price });
  const { strategy_id } = strategy;
  const { direction, notes } = input;
  return { row: { ...contractRow, strategy_id, direction, quantity, lot_size, entry_price, notes }, warnings };
}

function unitsOfLots(count: number | undefined, lot: number | null, { instrument }: Pick<LegContract, "instrument">): number {
  if (count === undefined || lot === null)
    throw new StratctlError("lot_size_unknown", `the lot size of ${instrument} is not known`, {
      hint: HINTS.lot_size.call,
    });
  const quantity = count * lot;
  if (quantity <= 2_147_483_647) return quantity;
  throw new StratctlError("input_invalid", `lots ${count} of ${lot} are more units than a leg can have`);
}

/** What a strategy's open legs cost together stays within what money can be, or no sum over them could be told. */
async function refuseTooLarge(
  { database }: Context,
  strategy: KeptStrategy,
  leg: { quantity: number; entry_price: number },
): Promise<void> {
  const open = (await legs.list(database, strategy)).filter(({ closed_at }) => closed_at === null);
  if (open.length === 0) return; // the leg alone is the table's to refuse
  const bought = [...open, leg].map(({ quantity, entry_price }) => ({ direction: "BUY" as const, quantity, entry_price }));
  if (entryValueUnits(bought) !== null) return;
  throw new StratctlError("money_too_large", `the legs of "${strategy.name}" would cost more than ${MONEY_MAX} rupees together`);
}
