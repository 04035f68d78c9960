import { builtinCalendar, dayOf, type Calendar, type Candle, type Interval, type Leg } from "@stratctl/sdk";
import { daySpans, EXCHANGE_DEFAULT, INTERVAL_MS, MINUTE_MS } from "@stratctl/sdk/internal";
import type { Times } from "../terminal/axis.ts";

/** The slots of time that a history could have filled, each with its candle or, where there is none, null. */
export interface Timeline extends Times {
  readonly candles: readonly (Candle | null)[];
}

interface Span {
  readonly open_ms: number;
  readonly close_ms: number;
}

/** The exchanges whose hours are a strategy's. */
export function exchangesOf(legs: readonly Pick<Leg, "exchange">[]): string[] {
  return legs.length === 0 ? [EXCHANGE_DEFAULT] : [...new Set(legs.map(({ exchange }) => exchange))];
}

/** The hours in which a strategy of these legs could be marked: a span a day, over all exchanges it is on. */
export function sessionsOf(
  legs: readonly Pick<Leg, "exchange">[],
  { from_ms, to_ms }: { from_ms: number; to_ms: number },
  calendar: Calendar = builtinCalendar(),
): Span[] {
  return daySpans(calendar, exchangesOf(legs), { from_day: dayOf(calendar, from_ms), to_day: dayOf(calendar, to_ms) });
}

/**
 * Candles over the sessions they belong to: every interval from each open to its close has a slot, so that a gap takes the
 * room of the time it lasted and the hours between sessions take none. A candle outside the sessions has a slot too.
 */
export function timelineOf(
  candles: readonly Candle[],
  { sessions, interval, from_ms, to_ms }: { sessions: readonly Span[]; interval: Interval; from_ms: number; to_ms: number },
): Timeline {
  const span_ms = INTERVAL_MS[interval];
  const held = new Map(candles.map((candle) => [Date.parse(candle.timestamp), candle]));
  const starts = new Set(held.keys());
  for (const { open_ms, close_ms } of sessions)
    for (let at_ms = open_ms; at_ms < close_ms; at_ms += span_ms) if (from_ms <= at_ms && at_ms <= to_ms) starts.add(at_ms);
  const ascending = [...starts].toSorted((a, b) => a - b);
  const last_ms = ascending.at(-1) ?? from_ms;
  const close_ms = sessions.find((session) => session.open_ms <= last_ms && last_ms < session.close_ms)?.close_ms;
  return {
    starts: ascending,
    end_ms: Math.min(last_ms + span_ms, close_ms ?? Number.POSITIVE_INFINITY),
    offset_minutes: builtinCalendar().zone.offset_minutes,
    candles: ascending.map((at_ms) => held.get(at_ms) ?? null),
  };
}

/** P&L at the end of each slot. */
export function pnlSeries({ candles }: Timeline): (number | null)[] {
  return candles.map((candle) => candle?.pnl_close ?? null);
}

/** M2M at the end of each slot. */
export function m2mSeries({ candles }: Timeline): (number | null)[] {
  return candles.map((candle) => candle?.close ?? null);
}

/** The exchanges' day that a slot begins on. */
export function dayOfSlot({ starts, offset_minutes }: Timeline, slot: number): string {
  return new Date((starts[slot] ?? 0) + offset_minutes * MINUTE_MS).toISOString().slice(0, 10);
}

/** Stretches of slots without a candle that have passed by now: first start and last end, ascending. */
export function gapsOf({ starts, candles, end_ms }: Timeline, now_ms: number): { from_ms: number; to_ms: number; count: number }[] {
  const gaps: { from_ms: number; to_ms: number; count: number; last: number }[] = [];
  for (const [slot, at_ms] of starts.entries()) {
    const slotEnd_ms = starts[slot + 1] ?? end_ms;
    if (candles[slot] !== null || slotEnd_ms > now_ms) continue;
    const gap = gaps.at(-1);
    if (gap === undefined || gap.last !== slot - 1) gaps.push({ from_ms: at_ms, to_ms: slotEnd_ms, count: 1, last: slot });
    else Object.assign(gap, { to_ms: slotEnd_ms, count: gap.count + 1, last: slot });
  }
  return gaps.map(({ from_ms, to_ms, count }) => ({ from_ms, to_ms, count }));
}
