/** Sums over a strategy's days. Money in units (1 = 0.0001 rupee) and exact; ratios are numbers. */

/** Days of trading in a year, as ratios are annualised by. */
const DAYS_A_YEAR = 252n;

/** Days whose P&L is known, as sums of which every ratio follows exactly. */
export interface Returns {
  readonly count: number;
  readonly sum: bigint;
  readonly squares: bigint;
  /** The squares of the days below 0. */
  readonly below: bigint;
}

export const NO_RETURNS: Returns = { count: 0, sum: 0n, squares: 0n, below: 0n };

export function withDay({ count, sum, squares, below }: Returns, day_pnl_units: bigint): Returns {
  const square = day_pnl_units * day_pnl_units;
  return {
    count: count + 1,
    sum: sum + day_pnl_units,
    squares: squares + square,
    below: day_pnl_units < 0n ? below + square : below,
  };
}

/**
 * Mean over sample deviation (n − 1) of the daily returns on capital, times the root of 252; risk-free 0. The capital is the same
 * each day and cancels out, but without a positive one there is no return: null. Null too for fewer than two days, and without a
 * deviation, which is told exactly.
 */
export function sharpeRatio({ count, sum, squares }: Returns, capital_units: bigint | null): number | null {
  const n = BigInt(count);
  const spread = n * squares - sum * sum;
  if (!isCapital(capital_units) || count < 2 || spread === 0n) return null;
  return Number(sum) * Math.sqrt(Number(DAYS_A_YEAR * (n - 1n)) / Number(n * spread));
}

/** As the Sharpe ratio, with the deviation below 0 alone: √(Σ min(return, 0)² / (n − 1)). Null where no day lost. */
export function sortinoRatio({ count, sum, below }: Returns, capital_units: bigint | null): number | null {
  const n = BigInt(count);
  if (!isCapital(capital_units) || count < 2 || below === 0n) return null;
  return Number(sum) * Math.sqrt(Number(DAYS_A_YEAR * (n - 1n)) / Number(n * n * below));
}

/** P&L in percent of the capital; null without a positive one: a net credit is no capital. */
export function roiPercent(pnl_units: bigint | null, capital_units: bigint | null): number | null {
  return pnl_units === null || !isCapital(capital_units) ? null : Number(100n * pnl_units) / Number(capital_units);
}

function isCapital(units: bigint | null): units is bigint {
  return units !== null && units > 0n;
}

/** The P&L since entry through a span of time. */
export interface PnlRange {
  readonly high: bigint;
  readonly low: bigint;
  /** The greatest fall from one P&L to a later one, 0 where it never fell. */
  readonly fall: bigint;
}

/** Of one span and the span after it. */
export function thenRange(before: PnlRange, after: PnlRange): PnlRange {
  return {
    high: greater(before.high, after.high),
    low: before.low < after.low ? before.low : after.low,
    fall: greater(greater(before.fall, after.fall), before.high - after.low),
  };
}

/** Of one P&L. */
export function rangeAt(pnl: bigint): PnlRange {
  return { high: pnl, low: pnl, fall: 0n };
}

function greater(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

/** What is known of a strategy up to the end of a session. */
export interface Standing {
  /** P&L since entry at the last close; null: nobody knows it. */
  readonly cumulative: bigint | null;
  /** Since the start, whose P&L is 0. */
  readonly range: PnlRange;
  readonly returns: Returns;
}

/** Before the first session. */
export const AT_START: Standing = { cumulative: 0n, range: rangeAt(0n), returns: NO_RETURNS };

/** A session: what it ended with and went through, null where nobody knows. */
export interface SessionPnl {
  readonly close: { readonly realized: bigint | null; readonly unrealized: bigint | null };
  readonly range: PnlRange | null;
}

export interface DayFigures {
  readonly cumulative: bigint | null;
  /** Null where this close or the one before is not known. */
  readonly day_pnl: bigint | null;
  /** What the day went through, its close included. */
  readonly range: PnlRange | null;
  /** The greatest fall within the day, the close before counted as its start. */
  readonly day_drawdown: bigint | null;
}

/** A session's figures, and how the strategy stands after it. */
export function afterSession(before: Standing, { close, range }: SessionPnl): { figures: DayFigures; standing: Standing } {
  const cumulative = close.realized === null || close.unrealized === null ? null : close.realized + close.unrealized;
  const day_pnl = cumulative === null || before.cumulative === null ? null : cumulative - before.cumulative;
  const through = range === null || cumulative === null ? range : thenRange(range, rangeAt(cumulative));
  const of_day = through === null || before.cumulative === null ? through : thenRange(rangeAt(before.cumulative), through);
  return {
    figures: { cumulative, day_pnl, range: through, day_drawdown: of_day?.fall ?? null },
    standing: {
      cumulative,
      range: through === null ? before.range : thenRange(before.range, through),
      returns: day_pnl === null ? before.returns : withDay(before.returns, day_pnl),
    },
  };
}
