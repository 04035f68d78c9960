import type { Candle } from "@stratctl/sdk";
import { unitsOf } from "@stratctl/sdk/internal";
import { totalOf } from "./sums.ts";

export interface Moment {
  /** Rupees. */
  readonly amount: number;
  /** The start of the candle in which it was. */
  readonly at_ms: number;
}

/** How a history went, in P&L. */
export interface Summary {
  readonly open: Moment;
  readonly high: Moment;
  readonly low: Moment;
  readonly last: Moment;
  /** The greatest fall that certainly happened, a positive amount: null where P&L never fell. Its amount is null beyond what money can be. */
  readonly drawdown: { readonly amount: number | null; readonly from_ms: number; readonly to_ms: number } | null;
}

/**
 * Open, high, low and last of a history's P&L, and its drawdown. Within a candle nobody knows whether the high or the low
 * came first, so a fall counts from the highest of the candles before it, or from its own open.
 */
export function summaryOf(candles: readonly Candle[]): Summary | null {
  const [first] = candles;
  const last = candles.at(-1);
  if (first === undefined || last === undefined) return null;
  let high = momentOf(first, first.pnl_high);
  let low = momentOf(first, first.pnl_low);
  let peak = momentOf(first, first.pnl_open);
  let fall = { units: 0, from: peak, to: low };
  for (const candle of candles) {
    if (candle.pnl_high > high.amount) high = momentOf(candle, candle.pnl_high);
    if (candle.pnl_low < low.amount) low = momentOf(candle, candle.pnl_low);
    if (candle.pnl_open > peak.amount) peak = momentOf(candle, candle.pnl_open);
    const units = unitsOf(peak.amount) - unitsOf(candle.pnl_low);
    if (units > fall.units) fall = { units, from: peak, to: momentOf(candle, candle.pnl_low) };
    if (candle.pnl_high > peak.amount) peak = momentOf(candle, candle.pnl_high);
  }
  const { from, to } = fall;
  const drawdown = fall.units === 0 ? null : { amount: totalOf([from.amount, -to.amount]), from_ms: from.at_ms, to_ms: to.at_ms };
  return { open: momentOf(first, first.pnl_open), high, low, last: momentOf(last, last.pnl_close), drawdown };
}

function momentOf({ timestamp }: Candle, amount: number): Moment {
  return { amount, at_ms: Date.parse(timestamp) };
}
