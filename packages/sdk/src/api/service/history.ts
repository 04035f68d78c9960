import type { z } from "zod";
import { dayOf, daySpans, EXCHANGE_DEFAULT, lastSession, sessionsBetween } from "../../market/calendar.ts";
import { DAY_MS, MINUTE_MS } from "../../market/day.ts";
import type { Candle, M2mQuery } from "../../model/candle.ts";
import * as candles from "../../store/candle.ts";
import * as legs from "../../store/leg.ts";
import { contract, type Api } from "../contract.ts";
import { call, strategyOf, type Context } from "./context.ts";

/** NSE's first derivatives traded in June 2000: there is nothing to look for before. */
const FROM_MS_MIN = Date.UTC(2000, 0, 1);

export function historyCalls(context: Context): Pick<Api["strategies"]["m2m"], "history"> {
  return { history: call(contract.strategies.m2m.history, (query) => history(context, query)) };
}

async function history(context: Context, query: z.output<typeof M2mQuery>): Promise<Candle[]> {
  const { database, calendar } = context;
  const { strategy_id } = await strategyOf(context, query);
  const exchanges = await exchangesOf(context, strategy_id);
  const { from_ms, to_ms } = query.day === undefined ? rangeOf(context, query, exchanges) : dayRange(context, query.day, exchanges);
  const days = { from_day: dayOf(calendar, from_ms), to_day: dayOf(calendar, to_ms) };
  return candles.history(database, {
    strategy_id,
    from_ms,
    to_ms,
    interval: query.interval ?? "1m",
    sessions: daySpans(calendar, exchanges, days),
  });
}

async function exchangesOf({ database }: Context, strategy_id: number): Promise<string[]> {
  const exchanges = new Set((await legs.list(database, { strategy_id })).map(({ exchange }) => exchange));
  return exchanges.size === 0 ? [EXCHANGE_DEFAULT] : [...exchanges];
}

interface Range {
  readonly from_ms: number;
  readonly to_ms: number;
}

/** `to` is now, and `from` the open of the session that was under way or the last to begin at `to`, when left out. */
function rangeOf(
  context: Context,
  query: { from_time?: string | undefined; to_time?: string | undefined },
  exchanges: readonly string[],
): Range {
  const to_ms = query.to_time === undefined ? context.now() : Date.parse(query.to_time);
  if (query.from_time !== undefined) return { from_ms: Math.max(FROM_MS_MIN, Date.parse(query.from_time)), to_ms };
  const begun = exchanges.flatMap((exchange) => lastSession(context.calendar, exchange, to_ms) ?? []);
  const day = begun
    .map((session) => session.day)
    .toSorted()
    .at(-1);
  const opens = begun.filter((session) => session.day === day).map(({ open_ms }) => open_ms);
  return { from_ms: opens.length === 0 ? to_ms - DAY_MS : Math.min(...opens), to_ms };
}

/** The sessions of a day; of a day without one, all of it. */
function dayRange({ calendar }: Context, day: string, exchanges: readonly string[]): Range {
  const sessions = exchanges.flatMap((exchange) => sessionsBetween(calendar, exchange, { from_day: day, to_day: day }));
  if (sessions.length > 0)
    return {
      from_ms: Math.min(...sessions.map(({ open_ms }) => open_ms)),
      to_ms: Math.max(...sessions.map(({ close_ms }) => close_ms)) - 1,
    };
  const midnight_ms = Date.parse(`${day}T00:00:00Z`) - calendar.zone.offset_minutes * MINUTE_MS;
  return { from_ms: midnight_ms, to_ms: midnight_ms + DAY_MS - 1 };
}
