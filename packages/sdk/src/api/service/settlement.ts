import type { z } from "zod";
import { StratctlError } from "../../errors.ts";
import { sessionOn, dayOf } from "../../market/calendar.ts";
import { startOfDay, plusDays } from "../../market/day.ts";
import { lastDayOf } from "../../market/expiry.ts";
import { isDelivered, settlementUnits } from "../../market/settlement.ts";
import type { Settle, Settled } from "../../model/settlement.ts";
import { unitsOf } from "../../model/money.ts";
import type { Db } from "../../store/db.ts";
import * as holdings from "../../store/holding.ts";
import * as settlement from "../../store/settlement.ts";
import { contract, type Api } from "../contract.ts";
import { accountOf } from "./access.ts";
import { call } from "./call.ts";
import type { Context } from "./context.ts";
import { leave } from "./exits.ts";

export function settleCall(context: Context): Api["settle"] {
  return call(context, contract.settle, async (input) => {
    const { account_id } = await accountOf(context, input.account_id);
    return context.database.transaction((db) => settled(context, db, { account_id, input }));
  });
}

interface Settling {
  readonly account_id: string;
  readonly input: z.output<typeof Settle>;
}

/** An open contract that is over, and the day that it was over on. */
interface Expired extends settlement.OpenContract {
  readonly last_day: string;
}

/**
 * Settles what has expired, once each: a leg that is settled is closed. A figure for a day that has one already, and another value, is
 * told and changes nothing. Without the figure of its own last day a leg stays open; a last price is none.
 */
async function settled(context: Context, db: Db, { account_id, input }: Settling): Promise<Settled> {
  const expired = await expiredLegs(context, db, account_id);
  const result: Settled = { settled: [], open: [], differing: await keepCloses(context, db, { account_id, input, expired }) };
  for (const leg of expired) {
    const done = await settleOne(context, db, { ...leg, account_id });
    if (typeof done === "string")
      result.open.push({ leg_id: leg.id, strategy_id: leg.strategy_id, instrument: leg.instrument, expiry: leg.last_day, reason: done });
    else if (done !== null) result.settled.push(done);
  }
  return result;
}

/** Over are those whose last day's session has ended. */
async function expiredLegs({ calendar, now }: Context, db: Db, account_id: string): Promise<Expired[]> {
  const open = await settlement.openLegs(db, { account_id });
  return open.flatMap((leg) => {
    const last_day = lastDayOf(calendar, leg);
    return last_day !== null && endOf(calendar, leg.exchange, last_day) <= now() ? [{ ...leg, last_day }] : [];
  });
}

/** When the session of a day ends; of a day without one, the day itself does. */
function endOf(calendar: Context["calendar"], exchange: string, day: string): number {
  const midnight_ms = startOfDay(plusDays(day, 1)) - calendar.zone.offset_minutes * 60_000;
  return sessionOn(calendar, exchange, day)?.close_ms ?? midnight_ms;
}

async function keepCloses(
  { calendar, now }: Context,
  db: Db,
  { account_id, input, expired }: Settling & { expired: readonly Expired[] },
): Promise<Settled["differing"]> {
  const differing: Settled["differing"] = [];
  for (const [underlying, close] of Object.entries(input.closes ?? {})) {
    const days = expired.filter(({ underlying_symbol }) => underlying_symbol === underlying).map(({ last_day }) => last_day);
    const day = input.day ?? days.toSorted().at(-1);
    if (day === undefined)
      throw new StratctlError("input_invalid", `closes ${underlying}: no open contract of it has expired`, {
        hint: "give day, the day that the figure is of",
        details: { errors: [{ field: "closes", message: `${underlying}: no open contract of it has expired` }] },
      });
    if (day > dayOf(calendar, now()))
      throw new StratctlError("input_invalid", `day ${day} has not come yet`, {
        details: { errors: [{ field: "day", message: "has not come yet" }] },
      });
    const kept = await settlement.closeOf(db, { account_id, underlying, day });
    if (kept === null) await settlement.keepClose(db, { account_id, underlying, day, close });
    else if (kept !== close) differing.push({ underlying, day, kept, given: close });
  }
  return differing;
}

/** The leg as it is settled, why it stays open, or null where somebody closed it meanwhile. */
async function settleOne(
  { calendar }: Context,
  db: Db,
  leg: Expired & { account_id: string },
): Promise<Settled["settled"][number] | string | null> {
  const { underlying_symbol: underlying, instrument_type, last_day } = leg;
  if (underlying === null) return `nobody knows its underlying; close it at its settlement price`;
  const close = await settlement.closeOf(db, { account_id: leg.account_id, underlying, day: last_day });
  if (close === null) return `the closing figure of ${underlying} on ${last_day} is not known`;
  const kind = { instrument_type, underlying, strike_units: leg.strike === null ? null : unitsOf(leg.strike) };
  const price_units = settlementUnits(kind, unitsOf(close));
  if (price_units === null) return "nobody knows what kind of contract it is; close it at its settlement price";
  const held = await holdings.lock(db, { strategy_id: leg.strategy_id, instrument_id: leg.id });
  if (held === null) return null;
  const at_ms = endOf(calendar, leg.exchange, last_day);
  const { leg: closed } = await leave(db, held, {
    quantity: held.quantity,
    price_units: BigInt(price_units),
    at_ms,
    closed_by: "settlement",
  });
  return closed === null ? null : { ...closed, is_delivered: isDelivered(kind) };
}

/** Contracts of stocks that expire within days: shares will be due. Days of the exchange. */
export function deliveryWarnings({ calendar, now }: Context, legs: readonly settlement.OpenContract[]): string[] {
  const today = dayOf(calendar, now());
  return legs.flatMap((leg) => {
    const last_day = lastDayOf(calendar, leg);
    const is_due = last_day !== null && last_day >= today && last_day <= plusDays(today, DELIVERY_DAYS);
    if (!is_due || !isDelivered({ instrument_type: leg.instrument_type, underlying: leg.underlying_symbol })) return [];
    return [`${leg.instrument} expires ${last_day} and is delivered: shares will be due unless it is closed (strategy ${leg.strategy_id})`];
  });
}

/** From so many days before on it is said. */
const DELIVERY_DAYS = 3;

/** Contracts that are past their last day and not settled yet. */
export function settlementWarnings({ calendar, now }: Context, legs: readonly settlement.OpenContract[]): string[] {
  return legs.flatMap((leg) => {
    const last_day = lastDayOf(calendar, leg);
    if (last_day === null || endOf(calendar, leg.exchange, last_day) > now()) return [];
    return [`${leg.instrument} expired ${last_day} and waits for its settlement (strategy ${leg.strategy_id})`];
  });
}
