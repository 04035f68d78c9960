import { z } from "zod";
import { AccountId } from "./account.ts";
import { Day } from "./instant.ts";
import { Direction } from "./leg.ts";
import { Money } from "./money.ts";
import { Id } from "./strategy.ts";

/** A number of at most four decimals; null where it is not defined. */
const Ratio = z.number().nullable();
const Count = z.int().min(0);

/** What trades came to: a trade is what was held from flat to flat, in a default strategy a leg from zero to zero. */
const TradeFigures = {
  total_trades: Count,
  /** Ended above 0, and below; one at exactly 0 is neither. */
  winning_trades: Count,
  losing_trades: Count,
  /** Percent of total_trades; null without one. */
  win_rate: Ratio,
  /** What was won over what was lost; null while nothing was lost. */
  profit_factor: Ratio,
  /** The most trades lost one after another. */
  max_consecutive_losses: Count,
};

const RiskFigures = {
  /** What somebody told as total_capital_deployed; without a positive one there is no return. */
  capital_deployed: Money.nullable(),
  /** P&L in percent of capital_deployed. */
  roi_percent: Ratio,
  /** Of daily returns on capital_deployed: sample deviation, 252 days, risk-free 0. */
  sharpe_ratio: Ratio,
  sortino_ratio: Ratio,
  /** The greatest fall of the P&L, a positive amount; 0 where it never fell. */
  max_drawdown: Money.nullable(),
};

/** A strategy's exchange day. Money in rupees; what nobody knows or is not defined is null. Trades and ratios are to date. */
export const DayMetrics = z.object({
  strategy_id: z.int(),
  metric_date: Day,
  /** cumulative_pnl less that of the session before. */
  day_pnl: Money.nullable(),
  /** P&L since entry at the day's close: realized_pnl + unrealized_pnl. */
  cumulative_pnl: Money.nullable(),
  realized_pnl: Money.nullable(),
  unrealized_pnl: Money.nullable(),
  /** Of the P&L since entry, within the day. */
  high_pnl: Money.nullable(),
  low_pnl: Money.nullable(),
  /** The greatest fall within the day, from the close before on. */
  day_drawdown: Money.nullable(),
  open_positions: Count,
  /** Legs that went from zero to zero. */
  closed_positions: Count,
  ...TradeFigures,
  ...RiskFigures,
  margin_used: Money.nullable(),
});
export type DayMetrics = z.infer<typeof DayMetrics>;

/** Days from ≤ day ≤ to; all that are kept where left out. */
export const MetricsQuery = z
  .strictObject({ account_id: AccountId.optional(), strategy_id: Id, from: Day.optional(), to: Day.optional() })
  .refine(({ from, to }) => from === undefined || to === undefined || from <= to, { error: "lies after to", path: ["from"] });
export type MetricsQuery = z.input<typeof MetricsQuery>;

export const Performance = z.object({
  daily_performance: z.array(DayMetrics),
  /** Of those days alone. */
  overall: z.object({
    session_count: Count,
    /** What the P&L grew by from the close before the first day to that of the last. */
    total_pnl: Money.nullable(),
    ...TradeFigures,
    ...RiskFigures,
  }),
});
export type Performance = z.infer<typeof Performance>;

/** What is held, and was, of an instrument in one direction. */
export const Position = z.object({
  instrument: z.string(),
  exchange: z.string(),
  tradingsymbol: z.string(),
  direction: Direction,
  /** Units that are open; 0 where all was closed. */
  quantity: Count,
  /** What an open unit cost, rounded for display; null without one. */
  average_price: Money.nullable(),
  /** The last price kept; null without an open unit, or where there is none. */
  last_price: Money.nullable(),
  /** last_price × quantity × direction, SELL = +1, BUY = −1. */
  m2m: Money.nullable(),
  unrealized_pnl: Money.nullable(),
  realized_pnl: Money.nullable(),
  pnl: Money.nullable(),
});
export type Position = z.infer<typeof Position>;

export const Positions = z.object({
  positions: z.array(Position),
  /** Null where a part of it is not known. */
  summary: z.object({ total_pnl: Money.nullable(), total_m2m: Money.nullable(), open_positions: Count }),
});
export type Positions = z.infer<typeof Positions>;

/** Which days are written anew from candles and legs. */
export const MetricsRebuild = z.strictObject({
  account_id: AccountId.optional(),
  /** Left out: all strategies of the account. */
  strategy_id: Id.optional(),
  /** From this day on, since each day follows from the one before; left out: all. */
  from: Day.optional(),
});
export type MetricsRebuild = z.input<typeof MetricsRebuild>;

export const MetricsRebuilt = z.object({
  /** Strategies that have a day. */
  strategy_count: Count,
  /** Days of strategies that were computed, and how many of them are other than they were. */
  day_count: Count,
  changed_count: Count,
});
export type MetricsRebuilt = z.infer<typeof MetricsRebuilt>;
