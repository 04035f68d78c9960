import type { z } from "zod";
import { dayOf, sessionsBetween } from "../../market/calendar.ts";
import { DAY_MS, MINUTE_MS } from "../../market/day.ts";
import { dueMinutes, gapsOf, type Holding } from "../../m2m/gap.ts";
import type { Gap, GapQuery } from "../../model/gap.ts";
import { isoOf } from "../../model/instant.ts";
import type { Leg } from "../../model/leg.ts";
import * as gaps from "../../store/gap.ts";
import * as legs from "../../store/leg.ts";
import { contract, type Api } from "../contract.ts";
import { strategyOf } from "./access.ts";
import { call } from "./call.ts";
import type { Context } from "./context.ts";
import { exchangesOf, dayRange, rangeOf } from "./history.ts";

export function gapCalls(context: Context): Pick<Api["strategies"]["m2m"], "gaps"> {
  return { gaps: call(context, contract.strategies.m2m.gaps, (query) => gapsFound(context, query)) };
}

/** A minute that has just ended is written within this time, or what it lacks is told. */
export const WRITTEN_MS = 10_000;
/** Every minute of the range is walked. */
const RANGE_MS_MAX = 366 * DAY_MS;

async function gapsFound(context: Context, query: z.output<typeof GapQuery>): Promise<Gap[]> {
  const { database, calendar } = context;
  const { strategy_id } = await strategyOf(context, query);
  const exchanges = await exchangesOf(context, strategy_id);
  const asked = query.day === undefined ? rangeOf(context, query, exchanges) : dayRange(context, query.day, exchanges);
  const to_ms = Math.min(asked.to_ms, context.now() - WRITTEN_MS - MINUTE_MS);
  const span = { from_ms: Math.max(asked.from_ms, to_ms - RANGE_MS_MAX), to_ms };
  if (span.from_ms > span.to_ms) return [];
  const days = { from_day: dayOf(calendar, span.from_ms), to_day: dayOf(calendar, span.to_ms) };
  const hours = exchanges.flatMap((exchange) => sessionsBetween(calendar, exchange, days));
  const [held, candles, told] = await Promise.all([
    legs.list(database, { strategy_id }),
    gaps.candleMinutes(database, { strategy_id, ...span }),
    gaps.list(database, { strategy_id, ...span }),
  ]);
  const due = dueMinutes(span, { hours, holdings: held.map(holdingOf) });
  return gapsOf(due, { candles, told }).map(({ from_ms, to_ms: last_ms, reason }) => ({
    strategy_id,
    first_minute: isoOf(from_ms),
    last_minute: isoOf(last_ms),
    minutes: (last_ms - from_ms) / MINUTE_MS + 1,
    reason,
  }));
}

/** When a leg was held. */
export function holdingOf({ exchange, added_at, closed_at }: Pick<Leg, "exchange" | "added_at" | "closed_at">): Holding {
  return { exchange, from_ms: Date.parse(added_at), to_ms: closed_at === null ? Infinity : Date.parse(closed_at) };
}
