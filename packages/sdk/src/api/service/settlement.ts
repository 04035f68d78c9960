import type { z } from "zod";
import { dayOf } from "../../market/calendar.ts";
import { lastDayOf } from "../../market/expiry.ts";
import { endOfDay, expiryNotice, settlementUnits, type ExpiryNotice } from "../../market/settlement.ts";
import type { LegNotice } from "../../model/leg.ts";
import type { Settle, Settled } from "../../model/settlement.ts";
import { unitsOf } from "../../model/money.ts";
import type { Db } from "../../store/db.ts";
import * as holdings from "../../store/holding.ts";
import * as settlement from "../../store/settlement.ts";
import { contract, type Api } from "../contract.ts";
import * as metrics from "../../store/metrics.ts";
import { accountOf } from "./access.ts";
import { call } from "./call.ts";
import { keepFigures, kindOf, told } from "./closing-figures.ts";
import type { Context } from "./context.ts";
import { writeDays } from "./day-metrics.ts";
import { leave } from "./exits.ts";

export function settleCall(context: Context): Api["settle"] {
  return call(context, contract.settle, async (input) => {
    const { account_id } = await accountOf(context, input.account_id);
    return context.database.transaction(async (db) => {
      const result = await settled(context, db, { account_id, input });
      await renewDays(context, db, result.settled);
      return result;
    });
  });
}

/** A day is written at its close, and settled after it: what is there from then on is written anew. */
async function renewDays({ calendar, now }: Context, db: Db, legs: Settled["settled"]): Promise<void> {
  for (const [strategy_id, own] of Map.groupBy(legs, (leg) => leg.strategy_id)) {
    const [anew_from] = own.flatMap(({ closed_at }) => (closed_at === null ? [] : dayOf(calendar, Date.parse(closed_at)))).toSorted();
    if (anew_from === undefined || (await metrics.list(db, { strategy_id, from: anew_from })).length === 0) continue;
    await writeDays(db, { strategy_id, calendar, now_ms: now(), anew_from });
  }
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
 * Settles what has expired, once each: a leg that is settled is closed. Without the figure of its own last day a leg stays open; a
 * last price is none.
 */
async function settled(context: Context, db: Db, { account_id, input }: Settling): Promise<Settled> {
  await settlement.lock(db, { account_id });
  const expired = await expiredLegs(context, db, account_id);
  const { closes = {}, day, correct = false } = input;
  const last = new Map(expired.map(({ underlying_symbol, last_day }) => [underlying_symbol, last_day]));
  const dayFor = (underlying: string): string | null => day ?? last.get(underlying) ?? null;
  const result: Settled = { open: [], ...(await keepFigures(context, db, { account_id, closes, dayFor, correct })) };
  for (const leg of expired) {
    const done = await settleOne(context, db, { ...leg, account_id });
    if (typeof done === "string")
      result.open.push({ leg_id: leg.id, strategy_id: leg.strategy_id, instrument: leg.instrument, expiry: leg.last_day, reason: done });
    else if (done !== null) result.settled.push(done);
  }
  return result;
}

/** Over are those whose last day's session has ended; by their last days, the latest last. */
async function expiredLegs({ calendar, now }: Context, db: Db, account_id: string): Promise<Expired[]> {
  const open = await settlement.openLegs(db, { account_id, and_archived: true });
  const expired = open.flatMap((leg) => {
    const last_day = lastDayOf(calendar, leg);
    return last_day !== null && endOfDay(calendar, leg.exchange, last_day) <= now() ? [{ ...leg, last_day }] : [];
  });
  return expired.toSorted((a, b) => (a.last_day < b.last_day ? -1 : a.last_day > b.last_day ? 1 : a.id - b.id));
}

/** The leg as it is settled, why it stays open, or null where somebody closed it meanwhile. */
async function settleOne(
  { calendar }: Context,
  db: Db,
  leg: Expired & { account_id: string },
): Promise<Settled["settled"][number] | string | null> {
  const { underlying_symbol: underlying, last_day } = leg;
  if (underlying === null) return `nobody knows its underlying; close it at its settlement price`;
  const close = await settlement.closeOf(db, { account_id: leg.account_id, underlying, day: last_day });
  if (close === null) return `the closing figure of ${underlying} on ${last_day} is not known`;
  const kind = kindOf(leg);
  const price_units = settlementUnits(kind, unitsOf(close));
  if (price_units === null) return "nobody knows what kind of contract it is; close it at its settlement price";
  const held = await holdings.lock(db, { strategy_id: leg.strategy_id, instrument_id: leg.id });
  if (held === null) return null;
  const at_ms = endOfDay(calendar, leg.exchange, last_day);
  const { leg: closed } = await leave(db, held, {
    quantity: held.quantity,
    price_units: BigInt(price_units),
    at_ms,
    closed_by: "settlement",
  });
  return closed === null ? null : told(closed, { ...kind, price_units });
}

/** What open legs must be told of their expiry: settlements that are waited for come first. */
export function expiryNotices({ calendar, now }: Pick<Context, "calendar" | "now">, legs: readonly settlement.OpenContract[]): LegNotice[] {
  const at_ms = now();
  const notices = legs.flatMap((leg) => {
    const notice = expiryNotice(calendar, leg, at_ms);
    return notice === null ? [] : [noticeOf(leg, notice)];
  });
  const [over, ahead] = [true, false].map((is_over) => notices.filter(({ code }) => (code === "settlement_due") === is_over));
  return [...(over ?? []), ...(ahead ?? [])];
}

function noticeOf({ id, instrument, strategy_id }: settlement.OpenContract, { code, last_day, text }: ExpiryNotice): LegNotice {
  return { code, strategy_id, leg_id: id, instrument, expiry: last_day, message: `${instrument} ${text}` };
}
