import { dayOf } from "../../market/calendar.ts";
import { lastDayOf } from "../../market/expiry.ts";
import { markOf } from "../../m2m/mark.ts";
import { isoOf } from "../../model/instant.ts";
import type { Leg } from "../../model/leg.ts";
import type { Mark } from "../../model/mark.ts";
import { STALE_MS_MAX } from "../../model/quote.ts";
import * as legs from "../../store/leg.ts";
import * as marks from "../../store/mark.ts";
import type { KeptStrategy } from "../../store/strategy.ts";
import { contract, type Api } from "../contract.ts";
import { strategyOf } from "./access.ts";
import { call } from "./call.ts";
import type { Context } from "./context.ts";
import { quotesNow } from "./quotes.ts";

export function markCall(context: Context): Api["strategies"]["mark"] {
  const { database } = context;
  return call(context, contract.strategies.mark, async ({ now = false, ...key }, { signal }) => {
    const strategy = await strategyOf(context, key);
    return now ? markNow(context, strategy, signal) : marks.find(database, strategy, context.now());
  });
}

/** The mark at the prices of this moment, asked of the sources; nothing is written. */
async function markNow(context: Context, { strategy_id }: KeptStrategy, signal: AbortSignal | undefined): Promise<Mark> {
  const all = await legs.list(context.database, { strategy_id });
  const today = dayOf(context.calendar, context.now());
  const open = all.filter((leg) => leg.closed_at === null);
  const expired = new Map(
    open.flatMap((leg) => {
      const last_day = lastDayOf(context.calendar, leg);
      return last_day !== null && last_day < today ? [[leg.instrument, last_day]] : [];
    }),
  );
  const live = open.filter((leg) => !expired.has(leg.instrument));
  const quotes = await quotesNow(context, live, signal);
  const now_ms = context.now();
  const prices = new Map(quotes.flatMap(({ instrument, price }) => (price === null ? [] : [[instrument, price]])));
  const reasons = new Map(quotes.map(({ instrument, reason }) => [instrument, reason]));
  const why = (instrument: string): string | null => {
    const expiry = expired.get(instrument);
    return expiry === undefined ? (reasons.get(instrument) ?? null) : `expired ${expiry}`;
  };
  const value = markOf(all, prices, { realized_today: realizedOn(context, all, today), why });
  const ages = quotes.flatMap(({ age_ms }) => (age_ms === null ? [] : [age_ms]));
  return {
    ...value,
    strategy_id,
    at: isoOf(now_ms),
    age_ms: 0,
    stale: ages.filter((age_ms) => age_ms > STALE_MS_MAX).length,
    oldest_age_ms: ages.length === 0 ? null : Math.max(...ages),
  };
}

/** Whether a leg was closed on that day of the exchange: until its end the strategy is worth what it realized. */
function realizedOn({ calendar }: Context, all: readonly Leg[], day: string): boolean {
  return all.some(({ closed_at }) => closed_at !== null && dayOf(calendar, Date.parse(closed_at)) === day);
}
