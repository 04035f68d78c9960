import { MINUTE_MS } from "../market/day.ts";

/** A span of minutes by their starts, both included, in ms since the epoch. */
export interface MinuteSpan {
  readonly from_ms: number;
  readonly to_ms: number;
}

/** Minutes on end without a candle, and why. */
export interface ToldSpan extends MinuteSpan {
  readonly reason: string;
}

/** When a leg was held: from ≤ at < to; `to` is Infinity while it is open. */
export interface Holding {
  readonly exchange: string;
  readonly from_ms: number;
  readonly to_ms: number;
}

/** An exchange's hours of a day: open ≤ at < close. */
export interface ExchangeHours {
  readonly exchange: string;
  readonly open_ms: number;
  readonly close_ms: number;
}

/** Of a minute that no engine told anything of. */
export const NO_ENGINE = "no engine marked it";

/**
 * Minutes of a span in which a candle is due, ascending: an exchange of the legs is open, and a leg is held, at the minute's start,
 * which is when its book is made.
 */
export function dueMinutes(
  span: MinuteSpan,
  { hours, holdings }: { hours: readonly ExchangeHours[]; holdings: readonly Holding[] },
): number[] {
  const due = new Set<number>();
  for (const { exchange, open_ms, close_ms } of hours) {
    const held = holdings.filter((holding) => holding.exchange === exchange);
    const first_ms = Math.max(Math.ceil(span.from_ms / MINUTE_MS) * MINUTE_MS, open_ms);
    for (let minute_ms = first_ms; minute_ms <= span.to_ms && minute_ms < close_ms; minute_ms += MINUTE_MS)
      if (held.some(({ from_ms, to_ms }) => from_ms <= minute_ms && minute_ms < to_ms)) due.add(minute_ms);
  }
  return [...due].toSorted((a, b) => a - b);
}

/** The due minutes that have no candle, those on end for one reason together. Of reasons that overlap the later span's counts. */
export function gapsOf(due: readonly number[], { candles, told }: { candles: ReadonlySet<number>; told: readonly ToldSpan[] }): ToldSpan[] {
  const gaps: ToldSpan[] = [];
  for (const minute_ms of due) {
    if (candles.has(minute_ms)) continue;
    const reason = told.findLast(({ from_ms, to_ms }) => from_ms <= minute_ms && minute_ms <= to_ms)?.reason ?? NO_ENGINE;
    const last = gaps.at(-1);
    if (last?.reason === reason && last.to_ms === minute_ms - MINUTE_MS) gaps[gaps.length - 1] = { ...last, to_ms: minute_ms };
    else gaps.push({ from_ms: minute_ms, to_ms: minute_ms, reason });
  }
  return gaps;
}
