import type { z } from "zod";
import { StratctlError } from "../../errors.ts";
import { addTo, averageUnits } from "../../m2m/fills.ts";
import type { Fill, FillAdd, FillAdded, LegMove } from "../../model/fill.ts";
import { isoOf } from "../../model/instant.ts";
import type { Leg } from "../../model/leg.ts";
import { unitsOf } from "../../model/money.ts";
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
import { leave, refuseTooLarge } from "./exits.ts";
import { holdActive, notOpen, refuseArchived } from "./leg-rules.ts";
import { contractOf, refuseWarned, warningsOf, type LegContract } from "./listed.ts";

/** A leg that was added is entered once: as it is. */
export async function entered(db: Db, row: legs.LegRow, { account_id }: Pick<KeptStrategy, "account_id">): Promise<Leg> {
  const leg = await legs.insert(db, row);
  await fills.insert(db, {
    account_id,
    strategy_id: leg.strategy_id,
    leg_id: leg.id,
    side: leg.direction,
    quantity: leg.quantity,
    price_units: BigInt(unitsOf(leg.entry_price)),
    value_units: BigInt(unitsOf(leg.cost)),
    at_ms: Date.parse(leg.added_at),
    source: "entry",
  });
  return leg;
}

export function fillCalls(context: Context): Api["strategies"]["fills"] {
  const routes = contract.strategies.fills;
  return {
    list: call(context, routes.list, async (key) => {
      const { strategy_id } = await strategyOf(context, key);
      return fills.list(context.database, { strategy_id });
    }),
    add: adding(context, routes.add, {
      access: (input) => strategyOf(context, input),
      work: async (input, { write }, strategy) => {
        refuseArchived(strategy, "takes no fill");
        refuseTime(context, input.at);
        const of = await contractOf(context, input);
        const warnings = await warningsOf(context, of, { quantity: input.quantity, entry_price: input.price });
        if (input.strict === true) refuseWarned(warnings);
        return write(async (db) => {
          await holdActive(db, [strategy], "takes no fill");
          const added = await traded(context, db, { input, strategy, of });
          return warnings.length === 0 ? added : { ...added, warnings };
        });
      },
    }),
  };
}

/** A broker's clock may be ahead of this one by so much; what is dated later was mistyped, and no trade yet. */
const AHEAD_MS = 60_000;

/** India trades derivatives since June 2000: what is dated before was mistyped as well. */
const FIRST_MS = Date.parse("2000-01-01T00:00:00Z");

function refuseTime({ now }: Context, at: string | undefined): void {
  if (at === undefined) return;
  const at_ms = Date.parse(at);
  if (at_ms > now() + AHEAD_MS) throw ofTime(at, "has not come yet");
  if (at_ms < FIRST_MS) throw ofTime(at, "is before there were derivatives");
}

function ofTime(at: string, what: string): StratctlError {
  return new StratctlError("input_invalid", `at ${at} ${what}`, { details: { errors: [{ field: "at", message: what }] } });
}

interface Trade {
  readonly input: z.output<typeof FillAdd>;
  readonly strategy: KeptStrategy;
  readonly of: LegContract;
}

/**
 * A trade against what is held of its instrument: the other side's legs are closed, the oldest first, and what is left of it adds to
 * a leg of its side or opens one. A broker's trade id counts once in an account.
 */
async function traded(context: Context, db: Db, { input, strategy, of: contractRow }: Trade): Promise<FillAdded> {
  const { external_id } = input;
  const { strategy_id, account_id } = strategy;
  if (external_id !== undefined) {
    await fills.lockTrade(db, { account_id, external_id });
    const known = await fills.ofTrade(db, { account_id, external_id });
    if (known.length > 0) return toldAgain(db, known, { input, strategy, of: contractRow });
  }
  const open = await holdings.lockAll(db, { strategy_id, ...contractRow });
  const price_units = BigInt(unitsOf(input.price));
  const at_ms = input.at === undefined ? context.now() : Date.parse(input.at);
  refuseTooLarge(price_units * BigInt(input.quantity), input.quantity);
  const added: { fills: Fill[]; legs: Leg[] } = { fills: [], legs: [] };
  let left = input.quantity;
  for (const held of open.filter(({ direction }) => direction !== input.side)) {
    if (left === 0) break;
    const quantity = Math.min(left, held.quantity);
    if (at_ms < held.added_at_ms) throw ofTime(isoOf(at_ms), `is before leg ${held.id} was entered, ${isoOf(held.added_at_ms)}`);
    const { cost_method } = input;
    const { leg, fill } = await leave(db, held, { quantity, price_units, at_ms, closed_by: "fill", cost_method, external_id });
    added.fills.push(fill);
    if (leg !== null) added.legs.push(leg);
    left -= quantity;
  }
  if (left > 0) {
    const held = open.find(({ direction }) => direction === input.side);
    const value_units = price_units * BigInt(left);
    const leg =
      held === undefined
        ? await opened(db, { input, strategy, of: contractRow, quantity: left, at_ms })
        : await grown(db, held, { quantity: left, value_units, at_ms });
    const of = { account_id, strategy_id, leg_id: leg.id, side: input.side, quantity: left };
    added.fills.push(await fills.insert(db, { ...of, price_units, value_units, at_ms, source: "fill", external_id }));
    added.legs.push(leg);
  }
  return added;
}

function opened(db: Db, { input, strategy, of, quantity, at_ms }: Trade & { quantity: number; at_ms: number }): Promise<Leg> {
  const { strategy_id } = strategy;
  return legs.insert(db, { ...of, strategy_id, direction: input.side, quantity, entry_price: input.price, added_at_ms: at_ms });
}

async function grown(db: Db, held: holdings.HeldLeg, more: { quantity: number; value_units: bigint; at_ms: number }): Promise<Leg> {
  if (held.cost_method === "fifo") {
    const left_ms = await fills.lastExitMs(db, held.id);
    // Which entries had left by then was told by those that were known.
    if (left_ms !== null && more.at_ms < left_ms)
      throw ofTime(isoOf(more.at_ms), `is before leg ${held.id} was left last, ${isoOf(left_ms)}, first in first out`);
  }
  const now = addTo(held, more);
  refuseTooLarge(now.cost_units, now.quantity);
  if (now.quantity > QUANTITY_MAX)
    throw new StratctlError("input_invalid", `leg ${held.id} would have ${now.quantity} units, more than a leg can have`);
  await holdings.write(db, held, now, averageUnits(now));
  await holdings.beginBy(db, held, more.at_ms);
  const leg = await legs.find(db, { strategy_id: held.strategy_id, instrument_id: held.id });
  if (leg === null) throw new StratctlError("internal", `leg ${held.id} is gone while it was held`);
  return leg;
}

const QUANTITY_MAX = 2_147_483_647;

async function toldAgain(db: Db, known: readonly Fill[], { input, strategy, of }: Trade): Promise<FillAdded> {
  const { side, quantity, price, external_id = "" } = input;
  const told = known.reduce((sum, fill) => sum + fill.quantity, 0);
  const isSame = (fill: Fill): boolean =>
    fill.side === side && fill.price === price && fill.strategy_id === strategy.strategy_id && fill.instrument === of.instrument;
  const other = told === quantity ? known.find((fill) => !isSame(fill)) : known[0];
  if (other !== undefined) {
    const text = `trade ${external_id} is kept already, as ${other.side} ${told} ${other.instrument} at ${other.price}`;
    throw new StratctlError("fill_exists", `${text} in strategy ${other.strategy_id}`, {
      details: { external_id, strategy_id: other.strategy_id, fills: known.map(({ id }) => id) },
    });
  }
  const found = await Promise.all(known.map(({ strategy_id, leg_id }) => legs.find(db, { strategy_id, instrument_id: leg_id })));
  return { fills: [...known], legs: found.filter((leg) => leg !== null) };
}

/** Takes a leg, or a part of it, to another strategy of its account at the cost it has: nothing is realized. Gives the leg there. */
export async function moved(
  context: Context,
  db: Db,
  { key, to, quantity }: { key: legs.LegKey; to: KeptStrategy; quantity?: number | undefined },
): Promise<Leg> {
  const held = await holdings.lock(db, key);
  if (held === null) return notOpen(context, key, "moved");
  const at_ms = context.now();
  const { closed } = await leave(db, held, { quantity: quantity ?? held.quantity, price_units: null, at_ms, closed_by: "move" });
  const { cost_units } = closed;
  const price_units = averageUnits(closed);
  const leg = await holdings.copyTo(db, held, { strategy_id: to.strategy_id, quantity: closed.quantity, cost_units, price_units, at_ms });
  if (leg === null) throw new StratctlError("internal", "a leg that was just moved is not there");
  const of = { account_id: to.account_id, strategy_id: to.strategy_id, leg_id: leg.id, side: held.direction, quantity: closed.quantity };
  await fills.insert(db, { ...of, price_units, value_units: cost_units, at_ms, source: "move" });
  return leg;
}

/** The strategy that a leg of another one may go to. */
export async function targetOf(context: Context, from: KeptStrategy, { to_strategy_id }: z.output<typeof LegMove>): Promise<KeptStrategy> {
  const to = await strategyOf(context, { account_id: from.account_id, strategy_id: to_strategy_id });
  refuseArchived(to, "takes no leg");
  if (to.strategy_id !== from.strategy_id) return to;
  throw new StratctlError("input_invalid", `to_strategy_id ${to_strategy_id}: the leg is there already`);
}
