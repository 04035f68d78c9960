import { Decimal } from "decimal.js";
import { expectedCandles, type PlainCandle, type PlainQuote, type PlainSession } from "./expected.ts";
import { realizedOf, roundsAt, signOf, tradesOver, type PlainRound, type PlainTrade } from "./ledger.ts";

/**
 * A strategy's days straight from a recording and its trades, by the sentences of the design: every pair of prices whose order is
 * known is looked at, ratios are decimals, and nothing of the SDK is used.
 *
 * "A minute has one book, that of its start." "A day is what its last minute's candle tells: what changes after that minute's start
 * is the next day's, but where nothing is open at the close, the day ends with what was realized." "What is entered in the last minute
 * is in no book of the session." "Of a minute it is known that
 * its open came first and its close last." "Without an open leg there is no Mark, except until the session's end on a day that
 * realized something (m2m 0)." "sample deviation (n − 1), 252 days, risk-free 0; undefined is null."
 */

export interface PlainDay {
  readonly day: string;
  /** Of each exchange, as instants. */
  readonly hours: Readonly<Record<string, PlainSession>>;
}

export interface PlainStrategy {
  readonly trades: readonly PlainTrade[];
  readonly is_default?: boolean;
  readonly capital: number | null;
  readonly margin?: number;
}

export interface Law {
  readonly path: string;
  readonly every_s: number;
  readonly days: readonly PlainDay[];
  readonly quotes: ReadonlyMap<string, PlainQuote[]>;
  /** "replay" marks a strategy that has become flat until the session's end; "backfill" only minutes in which a leg was held. */
  readonly source: "replay" | "backfill";
  readonly isSampled?: (t: number) => boolean;
}

const MINUTE = 60_000;
const instantText = (t: number): string => new Date(t).toISOString();

/** The candles of every day, each minute's of the book at its start. */
export function expectedMinutes(law: Law, { trades }: PlainStrategy): PlainCandle[] {
  return law.days.flatMap((day) => {
    const span = Object.values(day.hours);
    const from = Math.min(...span.map(({ open }) => Date.parse(open)));
    const to = Math.max(...span.map(({ close }) => Date.parse(close)));
    const starts = Array.from({ length: (to - from) / MINUTE }, (_, place) => from + place * MINUTE);
    const ofBook = Map.groupBy(starts, (minute) => trades.filter(({ at }) => at <= minute).length);
    return [...ofBook.values()].flatMap((minutes) => ofOneBook(law, day, { minutes, rounds: roundsAt(trades, minutes[0] ?? 0) }));
  });
}

function ofOneBook(
  law: Law,
  { day, hours }: PlainDay,
  { minutes, rounds }: { minutes: readonly number[]; rounds: readonly PlainRound[] },
): PlainCandle[] {
  const { path, every_s, quotes, source, isSampled = () => true } = law;
  const open = rounds.filter(({ to }) => to === null);
  const realized_pnl = realizedOf(rounds).toFixed(4);
  const [first = 0, last = 0] = [minutes[0], minutes.at(-1)];
  if (open.length === 0)
    return source === "replay" ? flatMinutes({ minutes, rounds, day, hours, every_s }).map((candle) => ({ ...candle, realized_pnl })) : [];
  const legs = open.map(({ instrument, direction, quantity }) => ({ instrument, direction, quantity, entry_price: 0 }));
  const isOf = (t: number): boolean => t >= first && t < last + MINUTE && isSampled(t);
  const entry_value = open.reduce((sum, { cost, direction }) => sum.plus(cost.times(signOf(direction))), new Decimal(0)).toFixed(4);
  return expectedCandles({ path, every_s, hours, isSampled: isOf }, quotes, legs).candles.map((candle) => {
    return { ...candle, source, entry_value, realized_pnl };
  });
}

/** After the last leg was closed, on that day, while its exchange is open: worth 0. */
function flatMinutes({
  minutes,
  rounds,
  day,
  hours,
  every_s,
}: PlainDay & { minutes: readonly number[]; rounds: readonly PlainRound[]; every_s: number }): Omit<PlainCandle, "realized_pnl">[] {
  const last = rounds.toSorted((a, b) => (a.to ?? 0) - (b.to ?? 0)).at(-1);
  const session = last === undefined ? undefined : hours[last.instrument.split(":")[0] ?? ""];
  if (last?.to == null || session === undefined || last.to < Date.parse(`${day}T00:00:00+05:30`)) return [];
  const samples = Array.from({ length: 60 / every_s }, (_, place) => place * every_s);
  const sampled = samples.reduce((mask, second) => mask | (1n << BigInt(second)), 0n).toString();
  const zero = "0.0000";
  return minutes
    .filter((minute) => minute < Date.parse(session.close))
    .map((minute) => ({
      minute: instantText(minute),
      open: zero,
      high: zero,
      low: zero,
      close: zero,
      instrument_count: 0,
      entry_value: zero,
      sample_count: samples.length,
      stale_count: 0,
      oldest_age_ms: 0,
      sampled,
      first_at: instantText(minute),
      last_at: instantText(minute + (samples.at(-1) ?? 0) * 1000),
      source: "replay",
    }));
}

/** What strategy_pnl_metrics says of a day, without ids; ratios exact. */
export interface ExpectedDay {
  readonly figures: Readonly<Record<string, number | string | null>>;
  readonly ratios: Readonly<Record<string, Decimal | null>>;
}

/** P&L at an instant of which it is known what came before: all that a later step has came after all that an earlier one has. */
type Step = readonly number[];

/** P&L in units of 0.0001 rupee: whole numbers far below 2^53. */
const unitsOf = (amount: Decimal): number => amount.times(10_000).toNumber();
const rupees = (units: number | null): number | null => (units === null ? null : units / 10_000);

function stepsOf({ open, high, low, close, entry_value, realized_pnl }: PlainCandle): Step[] {
  const at = (m2m: string): number => unitsOf(new Decimal(realized_pnl).plus(entry_value).minus(m2m));
  return [[at(open)], [at(high), at(low)], [at(close)]];
}

/** The greatest fall from a step to a later one. */
function fallOf(steps: readonly Step[]): number {
  const greatest = Float64Array.from(steps, (step) => Math.max(...step));
  const least = Float64Array.from(steps, (step) => Math.min(...step));
  let fall = 0;
  for (let later = 1; later < steps.length; later += 1)
    for (let before = 0; before < later; before += 1) fall = Math.max(fall, greatest[before]! - least[later]!);
  return fall;
}

export function expectedDays(law: Law, strategy: PlainStrategy, candles: readonly PlainCandle[]): ExpectedDay[] {
  const { trades, capital, margin = null } = strategy;
  const returns: Decimal[] = [];
  const path: Step[] = [[0]];
  let before: number | null = 0;
  const begun = Math.min(...trades.map(({ at }) => at));
  return daysOf(law, trades)
    .filter(({ close }) => close > begun)
    .map(({ day, close }) => {
      const own = candles.filter(({ minute }) => minute.startsWith(day));
      const end = endOf(trades, { close, last: own.at(-1) });
      const cumulative = end.unrealized === null ? null : unitsOf(end.realized.plus(end.unrealized));
      const through = [...own.flatMap(stepsOf), ...(cumulative === null ? [] : [[cumulative]])];
      const day_pnl = cumulative === null || before === null ? null : cumulative - before;
      const day_drawdown = through.length === 0 ? null : fallOf([...(before === null ? [] : [[before]]), ...through]);
      before = cumulative;
      path.push(...through);
      if (day_pnl !== null && capital !== null && capital > 0) returns.push(new Decimal(day_pnl).div(10_000).div(capital));
      const rounds = roundsAt(trades, end.as_of);
      const tally = tallyOf(tradesOver(rounds, { each: strategy.is_default ?? false }));
      const figures = {
        metric_date: day,
        day_pnl: rupees(day_pnl),
        cumulative_pnl: rupees(cumulative),
        realized_pnl: end.realized.toNumber(),
        unrealized_pnl: end.unrealized?.toNumber() ?? null,
        high_pnl: through.length === 0 ? null : rupees(Math.max(...through.flat())),
        low_pnl: through.length === 0 ? null : rupees(Math.min(...through.flat())),
        day_drawdown: rupees(day_drawdown),
        open_positions: rounds.filter(({ to }) => to === null).length,
        closed_positions: rounds.filter(({ to }) => to !== null).length,
        ...tally.figures,
        capital_deployed: capital,
        max_drawdown: rupees(fallOf(path)),
        margin_used: margin,
      };
      return { figures, ratios: { ...tally.ratios, ...risk(returns, { cumulative, capital }) } };
    });
}

/** When the last exchange of its trades closes, of each day. */
function daysOf({ days }: Law, trades: readonly PlainTrade[]): { day: string; close: number }[] {
  const used = new Set(trades.map(({ instrument }) => instrument.split(":")[0] ?? ""));
  return days.map(({ day, hours }) => ({ day, close: Math.max(...[...used].map((exchange) => Date.parse(hours[exchange]?.close ?? ""))) }));
}

/** By the last minute's book, or, as of the close (of the last minute's start, where all was flat then), where there is no candle, or all was closed since. */
function endOf(
  trades: readonly PlainTrade[],
  { close, last }: { close: number; last: PlainCandle | undefined },
): { realized: Decimal; unrealized: Decimal | null; as_of: number } {
  const atClose = roundsAt(trades, close);
  const before = roundsAt(trades, close - MINUTE);
  if (last === undefined && atClose.some(({ to }) => to === null) && before.every(({ to }) => to !== null))
    return { realized: realizedOf(before), unrealized: new Decimal(0), as_of: close - MINUTE };
  const is_flat = atClose.every(({ to }) => to !== null);
  if (last === undefined || (is_flat && atClose.some(({ to }) => to !== null && to > Date.parse(last.minute))))
    return { realized: realizedOf(atClose), unrealized: is_flat ? new Decimal(0) : null, as_of: close };
  const unrealized = new Decimal(last.entry_value).minus(last.close);
  return { realized: new Decimal(last.realized_pnl), unrealized, as_of: Date.parse(last.minute) };
}

function tallyOf(ended: readonly Decimal[]) {
  const won = ended.filter((pnl) => pnl.gt(0));
  const lost = ended.filter((pnl) => pnl.lt(0));
  const runs = ended.map((pnl) => (pnl.lt(0) ? "L" : "-")).join("");
  const sum = (all: readonly Decimal[]): Decimal => all.reduce((total, pnl) => total.plus(pnl), new Decimal(0));
  return {
    figures: {
      total_trades: ended.length,
      winning_trades: won.length,
      losing_trades: lost.length,
      max_consecutive_losses: Math.max(0, ...runs.split("-").map(({ length }) => length)),
    },
    ratios: {
      win_rate: ended.length === 0 ? null : new Decimal(100 * won.length).div(ended.length),
      profit_factor: lost.length === 0 ? null : sum(won).div(sum(lost).neg()),
    },
  };
}

function risk(returns: readonly Decimal[], { cumulative, capital }: { cumulative: number | null; capital: number | null }) {
  const is_capital = capital !== null && capital > 0;
  const roi_percent = cumulative === null || !is_capital ? null : new Decimal(cumulative).div(100).div(capital);
  if (returns.length < 2) return { roi_percent, sharpe_ratio: null, sortino_ratio: null };
  const mean = returns.reduce((sum, day) => sum.plus(day), new Decimal(0)).div(returns.length);
  const over = (deviations: readonly Decimal[]): Decimal | null => {
    const variance = deviations.reduce((sum, off) => sum.plus(off.pow(2)), new Decimal(0)).div(returns.length - 1);
    return variance.lt("1e-30") ? null : mean.div(variance.sqrt()).times(new Decimal(252).sqrt());
  };
  return {
    roi_percent,
    sharpe_ratio: over(returns.map((day) => day.minus(mean))),
    sortino_ratio: over(returns.map((day) => Decimal.min(day, 0))),
  };
}
