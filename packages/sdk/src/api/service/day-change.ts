import { dayOf, daySpans, EXCHANGE_DEFAULT } from "../../market/calendar.ts";
import { DAY_MS, MINUTE_MS, plusDays, startOfDay } from "../../market/day.ts";
import { unitsOf } from "../../model/money.ts";
import type { Strategy } from "../../model/strategy.ts";
import * as closes from "../../store/day-close.ts";
import * as metrics from "../../store/metrics.ts";
import type { KeptStrategy } from "../../store/strategy.ts";
import type { Context } from "./context.ts";
import { amount, endOf } from "./day-metrics.ts";

interface Close {
  readonly strategy_id: number;
  /** The session before that of the latest mark. */
  readonly day: string;
  readonly close_ms: number;
}

/**
 * Strategies with what their P&L changed by since the close before: of the last session by the calendar of any exchange that they
 * have legs on. That close is the figure written for its day; where there is none, what the day's last candle and the legs tell.
 */
export async function withDayChange(context: Context, strategies: readonly KeptStrategy[]): Promise<Strategy[]> {
  const before = closesBefore(context, strategies);
  const known = await pnlAtClose(context, [...before.values()]);
  return strategies.map((kept) => {
    const { exchanges: _, ...strategy } = kept;
    const { current_pnl, strategy_id, marked_at } = strategy;
    if (current_pnl === null || marked_at === null) return { ...strategy, day_pnl: null, day_pnl_reason: null };
    const close = before.get(strategy_id);
    if (close === undefined) return { ...strategy, day_pnl: null, day_pnl_reason: "the calendar knows no session before it" };
    const pnl = known.get(strategy_id);
    if (pnl === undefined)
      return { ...strategy, day_pnl: null, day_pnl_reason: `its P&L at the close of ${close.day} is not known: no candle of that day` };
    const change = amount(BigInt(unitsOf(current_pnl)) - pnl);
    return { ...strategy, day_pnl: change, day_pnl_reason: change === null ? "it is beyond what an amount can be" : null };
  });
}

function closesBefore({ calendar }: Context, strategies: readonly KeptStrategy[]): Map<number, Close> {
  const spans = new Map<string, Omit<Close, "strategy_id"> | undefined>();
  const found = strategies.flatMap(({ strategy_id, current_pnl, marked_at, exchanges }): Close[] => {
    if (current_pnl === null || marked_at === null) return [];
    const today = dayOf(calendar, Date.parse(marked_at));
    const key = [today, ...exchanges].join();
    if (!spans.has(key)) {
      const days = { from_day: plusDays(today, -SEARCH_DAYS), to_day: plusDays(today, -1) };
      spans.set(key, daySpans(calendar, exchanges.length === 0 ? [EXCHANGE_DEFAULT] : exchanges, days).at(-1));
    }
    const span = spans.get(key);
    return span === undefined ? [] : [{ strategy_id, day: span.day, close_ms: span.close_ms }];
  });
  return new Map(found.map((close) => [close.strategy_id, close]));
}

/** No exchange is closed for so long. */
const SEARCH_DAYS = 31;

/** In units, by strategy; without those of which it is not known. */
async function pnlAtClose(context: Context, sought: readonly Close[]): Promise<Map<number, bigint>> {
  const written = await closes.written(context.database, sought);
  const known = new Map([...written].map(([strategy_id, pnl]) => [strategy_id, BigInt(unitsOf(pnl))]));
  const missing = sought.filter(({ strategy_id }) => !known.has(strategy_id));
  if (missing.length === 0) return known;
  const ids = missing.map(({ strategy_id }) => strategy_id);
  const parts = Map.groupBy(await metrics.parts(context.database, ids), ({ strategy_id }) => strategy_id);
  for (const [day, ofDay] of Map.groupBy(missing, (close) => close.day)) {
    const candles = await candlesOf(context, day, ofDay);
    for (const { strategy_id, close_ms } of ofDay) {
      const { realized, unrealized } = endOf(parts.get(strategy_id) ?? [], { close_ms, candles: candles.get(strategy_id) ?? null }).close;
      if (realized !== null && unrealized !== null) known.set(strategy_id, realized + unrealized);
    }
  }
  return known;
}

async function candlesOf({ database, calendar }: Context, day: string, of: readonly Close[]): Promise<Map<number, metrics.DayCandles>> {
  const { offset_minutes } = calendar.zone;
  const from_ms = startOfDay(day) - offset_minutes * MINUTE_MS;
  const strategy_ids = of.map(({ strategy_id }) => strategy_id);
  const candles = await metrics.dayCandles(database, { strategy_ids, from_ms, to_ms: from_ms + DAY_MS, offset_minutes });
  return new Map(candles.map((ofOne) => [ofOne.strategy_id, ofOne]));
}
