import type { z } from "zod";
import { dayOf, daySpans, EXCHANGE_DEFAULT, lastSession, sessionsBetween } from "../../market/calendar.ts";
import { DAY_MS, MINUTE_MS } from "../../market/day.ts";
import type { Candle, M2mQuery } from "../../model/candle.ts";
import * as candles from "../../store/candle.ts";
import * as legs from "../../store/leg.ts";
import { contract, type Api } from "../contract.ts";
import { requireStrategy } from "./access.ts";
import { call } from "./call.ts";
import type { Context } from "./context.ts";

/** NSE's first derivatives traded in June 2000: there is nothing to look for before. */
const FROM_MS_MIN = Date.UTC(2000, 0, 1);
/** Nor past this moment, but for a clock that is wrong; the days of a range are walked one by one. */
const AHEAD_MS_MAX = 366 * DAY_MS;

export function historyCalls(context: Context): Pick<Api["strategies"]["m2m"], "history"> {
  return {
    history: call(context, contract.strategies.m2m.history, async (query) => {
      const sought = await soughtBy(context, query);
      const found = sought === null ? [] : await candles.history(context.database, sought);
      return (query.basis ?? context.m2m_basis) === "pnl" ? found.map(pnlCandle) : found;
    }),
  };
}

/** A history's candles as JSON, for who passes them on as such. */
export async function historyJson(context: Context, query: z.output<typeof M2mQuery>): Promise<candles.CandlesJson> {
  const sought = await soughtBy(context, query);
  return sought === null ? NOTHING : candles.historyJson(context.database, sought, query.basis ?? context.m2m_basis);
}

const NOTHING: candles.CandlesJson = { bytes: Buffer.alloc(0), count: 0, first: null, last: null };

/** Open, high, low and close of the P&L. */
function pnlCandle(candle: Candle): Candle {
  return { ...candle, open: candle.pnl_open, high: candle.pnl_high, low: candle.pnl_low, close: candle.pnl_close };
}

/** What a query asks of the table; null where there is nothing to look for. */
async function soughtBy(context: Context, query: z.output<typeof M2mQuery>): Promise<candles.HistoryQuery | null> {
  const { calendar } = context;
  await requireStrategy(context, query);
  const { strategy_id, interval = "1m", limit } = query;
  // Minutes of a range that is given are told without knowing when a session opens.
  const exchanges = interval === "1m" && query.from_time !== undefined ? [] : await exchangesOf(context, strategy_id);
  const range = query.day === undefined ? rangeOf(context, query, exchanges) : dayRange(context, query.day, exchanges);
  const from_ms = Math.max(FROM_MS_MIN, range.from_ms);
  const to_ms = Math.min(range.to_ms, context.now() + AHEAD_MS_MAX);
  if (from_ms > to_ms) return null;
  const days = { from_day: dayOf(calendar, from_ms), to_day: dayOf(calendar, to_ms) };
  const sessions = interval === "1m" ? [] : daySpans(calendar, exchanges, days);
  return { strategy_id, from_ms, to_ms, interval, sessions, limit };
}

export async function exchangesOf({ database }: Context, strategy_id: number): Promise<string[]> {
  const exchanges = await legs.exchanges(database, { strategy_id });
  return exchanges.length === 0 ? [EXCHANGE_DEFAULT] : exchanges;
}

interface Range {
  readonly from_ms: number;
  readonly to_ms: number;
}

/** `to` is now, and `from` the open of the session that was under way or the last to begin at `to`, when left out. */
export function rangeOf(
  context: Context,
  query: { from_time?: string | undefined; to_time?: string | undefined },
  exchanges: readonly string[],
): Range {
  const now_ms = context.now();
  const to_ms = query.to_time === undefined ? now_ms : Math.min(Date.parse(query.to_time), now_ms + AHEAD_MS_MAX);
  if (query.from_time !== undefined) return { from_ms: Date.parse(query.from_time), to_ms };
  if (to_ms < FROM_MS_MIN) return { from_ms: to_ms, to_ms };
  const begun = exchanges.flatMap((exchange) => lastSession(context.calendar, exchange, to_ms) ?? []);
  const day = begun
    .map((session) => session.day)
    .toSorted()
    .at(-1);
  const opens = begun.filter((session) => session.day === day).map(({ open_ms }) => open_ms);
  return { from_ms: opens.length === 0 ? to_ms - DAY_MS : Math.min(...opens), to_ms };
}

/** The sessions of a day; of a day without one, all of it. */
export function dayRange({ calendar }: Context, day: string, exchanges: readonly string[]): Range {
  const sessions = exchanges.flatMap((exchange) => sessionsBetween(calendar, exchange, { from_day: day, to_day: day }));
  if (sessions.length > 0)
    return {
      from_ms: Math.min(...sessions.map(({ open_ms }) => open_ms)),
      to_ms: Math.max(...sessions.map(({ close_ms }) => close_ms)) - 1,
    };
  const midnight_ms = Date.parse(`${day}T00:00:00Z`) - calendar.zone.offset_minutes * MINUTE_MS;
  return { from_ms: midnight_ms, to_ms: midnight_ms + DAY_MS - 1 };
}
