import type { z } from "zod";
import { averageUnits } from "../../m2m/fills.ts";
import { AT_START, rangeAt, thenRange, withDay, NO_RETURNS, type Standing } from "../../m2m/metrics.ts";
import { roundsOf, tradesOf } from "../../m2m/trades.ts";
import { signOf, type Leg } from "../../model/leg.ts";
import type { DayMetrics, MetricsQuery, Performance, Position, Positions } from "../../model/metrics.ts";
import { unitsOf } from "../../model/money.ts";
import * as legs from "../../store/leg.ts";
import * as metrics from "../../store/metrics.ts";
import type { KeptStrategy } from "../../store/strategy.ts";
import { contract, type Api } from "../contract.ts";
import { accountOf, strategyOf } from "./access.ts";
import { call } from "./call.ts";
import type { Context } from "./context.ts";
import { amount, riskOf, tallied, writeDays } from "./day-metrics.ts";

export function metricsCalls(context: Context): Pick<Api["strategies"], "metrics" | "performance" | "positions"> {
  const routes = contract.strategies;
  return {
    metrics: call(context, routes.metrics, async (query) => {
      const { strategy_id } = await strategyOf(context, query);
      return metrics.list(context.database, { ...query, strategy_id });
    }),
    performance: call(context, routes.performance, async (query) => performance(context, await strategyOf(context, query), query)),
    positions: call(context, routes.positions, async (key) =>
      positionsOf(await legs.list(context.database, await strategyOf(context, key))),
    ),
  };
}

export function rebuildCall(context: Context): Api["metrics"]["rebuild"] {
  return call(context, contract.metrics.rebuild, async ({ account_id: named, strategy_id, from }) => {
    const { database, calendar } = context;
    const { account_id } =
      strategy_id === undefined ? await accountOf(context, named) : await strategyOf(context, { account_id: named, strategy_id });
    return writeDays(database, { account_id, strategy_id, calendar, now_ms: context.now(), anew_from: from ?? null });
  });
}

async function performance({ database }: Context, strategy: KeptStrategy, query: z.output<typeof MetricsQuery>): Promise<Performance> {
  const { strategy_id, is_default } = strategy;
  const days = await metrics.list(database, { ...query, strategy_id });
  const [first, last] = [days[0], days.at(-1)];
  const capital = strategy.total_capital_deployed === null ? null : BigInt(unitsOf(strategy.total_capital_deployed));
  if (first === undefined || last === undefined)
    return { daily_performance: [], overall: { session_count: 0, total_pnl: null, ...tallied([]), ...none(capital) } };
  const [standings, parts] = await Promise.all([
    metrics.standings(database, [{ strategy_id, day: first.metric_date }]),
    metrics.parts(database, [strategy_id]),
  ]);
  const before = standings.get(strategy_id);
  const start = before?.cumulative === undefined ? AT_START.cumulative : before.cumulative;
  // A trade is of the day whose row counts it: the one with its P&L.
  const trades = tradesOf(roundsOf(parts), { each: is_default }).slice(before?.last.total_trades ?? 0, last.total_trades);
  const standing = days.reduce(through, startingAt(start));
  const pnl = standing.cumulative === null || start === null ? null : standing.cumulative - start;
  return {
    daily_performance: days,
    overall: { session_count: days.length, total_pnl: amount(pnl), ...tallied(trades), ...riskOf(standing, { pnl, capital }) },
  };
}

function none(capital: bigint | null): ReturnType<typeof riskOf> {
  return { ...riskOf(AT_START, { pnl: null, capital }), max_drawdown: null };
}

/** A range of days begins with the close before it, wherever the P&L stood. */
function startingAt(cumulative: bigint | null): Standing {
  return { cumulative, range: rangeAt(cumulative ?? 0n), returns: NO_RETURNS };
}

/** A day that was written, as `afterSession` has it. */
function through({ range, returns }: Standing, day: DayMetrics, place: number): Standing {
  const { high_pnl, low_pnl, day_drawdown, day_pnl, cumulative_pnl } = day;
  const ofDay =
    high_pnl === null || low_pnl === null
      ? null
      : { high: BigInt(unitsOf(high_pnl)), low: BigInt(unitsOf(low_pnl)), fall: BigInt(unitsOf(day_drawdown ?? 0)) };
  const is_first_known = place === 0 && day_pnl === null;
  return {
    cumulative: cumulative_pnl === null ? null : BigInt(unitsOf(cumulative_pnl)),
    range: ofDay === null ? range : is_first_known ? ofDay : thenRange(range, ofDay),
    returns: day_pnl === null ? returns : withDay(returns, BigInt(unitsOf(day_pnl))),
  };
}

/** What legs hold, and held, by instrument and direction in the order of the legs. */
export function positionsOf(all: readonly Leg[]): Positions {
  const held = [...Map.groupBy(all, ({ instrument, direction }) => `${direction} ${instrument}`).values()];
  const positions = held.flatMap((ofOne) => positionOf(ofOne) ?? []);
  return {
    positions,
    summary: {
      total_pnl: sumOf(positions.map(({ pnl }) => pnl)),
      total_m2m: sumOf(positions.filter(({ quantity }) => quantity > 0).map(({ m2m }) => m2m)),
      open_positions: positions.filter(({ quantity }) => quantity > 0).length,
    },
  };
}

function positionOf(ofOne: readonly Leg[]): Position | null {
  const [first] = ofOne;
  if (first === undefined) return null;
  const { instrument, exchange, tradingsymbol, direction } = first;
  const open = ofOne.filter(({ closed_at }) => closed_at === null);
  const quantity = open.reduce((sum, leg) => sum + leg.quantity, 0);
  const cost_units = open.reduce((sum, { cost }) => sum + BigInt(unitsOf(cost)), 0n);
  const last_price = open[0]?.current_price ?? null;
  const value = last_price === null ? null : BigInt(signOf(direction)) * BigInt(unitsOf(last_price)) * BigInt(quantity);
  const unrealized_pnl = sumOf(open.map(({ current_pnl }) => current_pnl));
  const realized = ofOne.filter(({ closed_at, closed_by }) => closed_at !== null && closed_by !== "move");
  const realized_pnl = sumOf(realized.map(({ current_pnl }) => current_pnl));
  return {
    instrument,
    exchange,
    tradingsymbol,
    direction,
    quantity,
    average_price: quantity === 0 ? null : amount(averageUnits({ quantity, cost_units })),
    last_price,
    m2m: quantity === 0 ? 0 : amount(value),
    unrealized_pnl,
    realized_pnl,
    pnl: sumOf([unrealized_pnl, realized_pnl]),
  };
}

/** Null where a part is not known. */
function sumOf(amounts: readonly (number | null)[]): number | null {
  const known = amounts.filter((part) => part !== null);
  return known.length < amounts.length ? null : amount(known.reduce((sum, part) => sum + BigInt(unitsOf(part)), 0n));
}
