import { dayOf, daySpans, EXCHANGE_DEFAULT, nextSession } from "../../market/calendar.ts";
import type { Calendar } from "../../market/days.ts";
import { DAY_MS, MINUTE_MS, plusDays, startOfDay } from "../../market/day.ts";
import {
  afterSession,
  AT_START,
  rangeAt,
  roiPercent,
  sharpeRatio,
  sortinoRatio,
  type SessionPnl,
  type Standing,
} from "../../m2m/metrics.ts";
import { boundedUnits } from "../../m2m/pnl.ts";
import { roundsOf, tallyOf, tradesOf } from "../../m2m/trades.ts";
import type { DayMetrics, MetricsRebuilt } from "../../model/metrics.ts";
import { amountOf, unitsOf } from "../../model/money.ts";
import type { Db } from "../../store/db.ts";
import type { Fence } from "../../store/leader.ts";
import * as metrics from "../../store/metrics.ts";
import type { DayCandles, PartRow, StandingAfter, Subject } from "../../store/metrics.ts";

/** So many strategies are read and written at a time. */
const SLICE = 200;

export interface DaysQuery extends metrics.SubjectFilter {
  readonly now_ms: number;
  readonly calendar: Calendar;
  /** From that day on; all of them where null. Left out: what is not written yet. */
  readonly anew_from?: string | null | undefined;
  /** Days from that one on that are there are written over, and none is removed. */
  readonly over_from?: string | undefined;
  readonly fence?: Fence | undefined;
  /** Ends between two slices. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes the days of strategies whose sessions have ended, from candles and legs. A day is what its last minute's candle tells: what
 * changes after that minute's start is the next day's, but where nothing is open at the close, the day ends with what was realized.
 * One that was archived is followed until all that happened to it is in a day.
 */
export async function writeDays(db: Db, query: DaysQuery): Promise<MetricsRebuilt> {
  const subjects = await metrics.subjects(db, query);
  const done = { strategy_count: 0, day_count: 0, changed_count: 0 };
  for (let at = 0; at < subjects.length; at += SLICE) {
    query.signal?.throwIfAborted();
    const slice = await sliceOf(db, subjects.slice(at, at + SLICE), query);
    const rows = slice.flatMap((strategy) => strategy.rows);
    const replace = query.anew_from === undefined ? [] : slice.map(({ strategy_id, from }) => ({ strategy_id, from }));
    if (rows.length === 0 && replace.length === 0) continue;
    done.strategy_count += slice.filter((strategy) => strategy.rows.length > 0).length;
    done.day_count += rows.length;
    done.changed_count += await metrics.write(db, rows, { replace, fence: query.fence });
  }
  return done;
}

interface Due {
  readonly subject: Subject;
  readonly parts: readonly PartRow[];
  /** Sessions that have ended, ascending. */
  readonly sessions: readonly EndedSession[];
  readonly from: string;
}

interface EndedSession {
  readonly day: string;
  readonly close_ms: number;
  /** It began after the strategy was archived: a day only where something has changed since the one before. */
  readonly is_after: boolean;
}

async function sliceOf(db: Db, subjects: readonly Subject[], query: DaysQuery) {
  const strategy_ids = subjects.map(({ strategy_id }) => strategy_id);
  const parts = Map.groupBy(await metrics.parts(db, strategy_ids), ({ strategy_id }) => strategy_id);
  const all = subjects.flatMap((subject) => dueOf(subject, parts.get(subject.strategy_id) ?? [], query) ?? []);
  const asked = all.map(({ subject, from }) => ({ strategy_id: subject.strategy_id, day: from }));
  const standings = await metrics.standings(db, asked);
  const due = all.map((one) => {
    const standing = standings.get(one.subject.strategy_id) ?? AT_FIRST;
    // Nobody marks an archived strategy: what has changed is told without candles, of which long ago there are many.
    const is_over = one.sessions.every(({ is_after }) => is_after) && rowsOf(one, { byDay: new Map(), standing }).length === 0;
    return { ...one, standing, sessions: is_over ? [] : one.sessions };
  });
  const candles = Map.groupBy(await candlesOf(db, due, query), ({ strategy_id }) => strategy_id);
  return due.map(({ standing, ...one }) => {
    const { strategy_id } = one.subject;
    const byDay = new Map((candles.get(strategy_id) ?? []).map((day) => [day.day, day]));
    return { strategy_id, from: one.from, rows: rowsOf(one, { byDay, standing }) };
  });
}

async function candlesOf(db: Db, due: readonly Due[], { calendar }: DaysQuery): Promise<DayCandles[]> {
  const days = due.flatMap(({ sessions }) => sessions.map(({ day }) => day)).toSorted();
  const [first, last] = [days[0], days.at(-1)];
  if (first === undefined || last === undefined) return [];
  const { offset_minutes } = calendar.zone;
  const from_ms = startOfDay(first) - offset_minutes * MINUTE_MS;
  const to_ms = startOfDay(last) + DAY_MS - offset_minutes * MINUTE_MS;
  const strategy_ids = due.flatMap(({ subject, sessions }) => (sessions.length === 0 ? [] : subject.strategy_id));
  return metrics.dayCandles(db, { strategy_ids, from_ms, to_ms, offset_minutes });
}

/** The days of a strategy that may be due: from its first leg or candle on, till it was archived and nothing changes any more. */
function dueOf(subject: Subject, parts: readonly PartRow[], { calendar, now_ms, anew_from, over_from }: DaysQuery): Due | null {
  const begun = [
    ...parts.map(({ added_at_ms }) => added_at_ms),
    ...(subject.first_candle === null ? [] : [Date.parse(subject.first_candle)]),
  ];
  if (begun.length === 0) return null;
  const begun_ms = begun.reduce((first, at) => Math.min(first, at));
  const next = subject.last_day === null ? null : plusDays(subject.last_day, 1);
  const first = dayOf(calendar, begun_ms);
  // Days are written without a hole between them.
  const due = next !== null && over_from !== undefined && over_from < next ? over_from : next;
  const asked = anew_from === undefined ? due : anew_from !== null && next !== null && next < anew_from ? next : anew_from;
  const from = asked !== null && asked > first ? asked : first;
  const known = [...new Set(parts.map(({ exchange }) => exchange))];
  const exchanges = known.length === 0 ? [EXCHANGE_DEFAULT] : known;
  const archived_ms = subject.archived_at === null ? Number.POSITIVE_INFINITY : Date.parse(subject.archived_at);
  // What is left open is settled later, too.
  const changed_ms = parts.reduce((last, part) => Math.max(last, part.added_at_ms, part.closed_at_ms ?? part.added_at_ms), archived_ms);
  const ahead =
    subject.archived_at === null ? [] : exchanges.map((exchange) => nextSession(calendar, exchange, changed_ms)?.close_ms ?? now_ms);
  const to = dayOf(calendar, Math.min(now_ms, Math.max(...(ahead.length === 0 ? [now_ms] : ahead))));
  const spans = from > to ? [] : daySpans(calendar, exchanges, { from_day: from, to_day: to });
  const last = spans.findIndex(({ open_ms, close_ms }) => open_ms >= archived_ms && close_ms >= changed_ms);
  const sessions = spans
    .slice(0, last === -1 ? spans.length : last + 1)
    .filter(({ close_ms }) => close_ms > begun_ms && close_ms <= now_ms)
    .map(({ day, open_ms, close_ms }) => ({ day, close_ms, is_after: open_ms >= archived_ms }));
  return { subject, parts, sessions, from: anew_from === undefined ? from : (asked ?? "0001-01-01") };
}

/** Before the first day. */
const AT_FIRST: StandingAfter = {
  ...AT_START,
  last: { realized: 0n, unrealized: 0n, open_positions: 0, closed_positions: 0, total_trades: 0 },
};

function rowsOf(
  { subject, parts, sessions }: Due,
  { byDay, standing: before }: { byDay: ReadonlyMap<string, DayCandles>; standing: StandingAfter },
): DayMetrics[] {
  const rounds = roundsOf(parts);
  const trades = tradesOf(rounds, { each: subject.is_default });
  const capital = subject.capital === null ? null : BigInt(unitsOf(subject.capital));
  let { last, ...standing } = before;
  return sessions.flatMap(({ day, close_ms, is_after }): DayMetrics[] => {
    const end = endOf(parts, { close_ms, candles: byDay.get(day) ?? null });
    const { as_of_ms, open_positions } = end;
    const closed_positions = rounds.filter(({ to_ms, is_moved }) => !is_moved && to_ms !== null && to_ms <= as_of_ms).length;
    const tally = tallied(trades.filter(({ to_ms }) => to_ms <= as_of_ms));
    const now = { ...end.close, open_positions, closed_positions, total_trades: tally.total_trades };
    if (is_after && !isOther(now, last)) return [];
    last = now;
    const next = afterSession(standing, end);
    ({ standing } = next);
    return [
      {
        strategy_id: subject.strategy_id,
        metric_date: day,
        day_pnl: amount(next.figures.day_pnl),
        cumulative_pnl: amount(next.figures.cumulative),
        realized_pnl: amount(end.close.realized),
        unrealized_pnl: amount(end.close.unrealized),
        high_pnl: amount(next.figures.range?.high ?? null),
        low_pnl: amount(next.figures.range?.low ?? null),
        day_drawdown: amount(next.figures.day_drawdown),
        open_positions,
        closed_positions,
        ...tally,
        ...riskOf(standing, { pnl: next.figures.cumulative, capital }),
        margin_used: subject.margin,
      },
    ];
  });
}

/** Legs that are open and that nobody marks are worth what they were, until something else tells that they are others. */
function isOther(now: StandingAfter["last"], before: StandingAfter["last"]): boolean {
  const { unrealized, ...counts } = now;
  const { unrealized: unrealized_before, ...counts_before } = before;
  return (
    (unrealized !== null && unrealized !== unrealized_before) ||
    counts.realized !== counts_before.realized ||
    counts.open_positions !== counts_before.open_positions ||
    counts.closed_positions !== counts_before.closed_positions ||
    counts.total_trades !== counts_before.total_trades
  );
}

interface SessionEnd extends SessionPnl {
  readonly open_positions: number;
  /** What happened up to then is in these figures. */
  readonly as_of_ms: number;
}

/**
 * What a session ended with: its last candle, but what was realized where nothing is open at its close. What came or went by a move
 * after the last minute's start is the next day's on both sides, so that no leg is in two strategies, or in none.
 */
export function endOf(parts: readonly PartRow[], { close_ms, candles }: { close_ms: number; candles: DayCandles | null }): SessionEnd {
  const { open, closed, realized } = bookAt(parts, close_ms);
  const left = candles === null ? [] : closed.filter(({ closed_at_ms }) => (closed_at_ms ?? 0) > candles.last_minute_ms);
  const isSold = left.length > 0 && left.every(({ closed_by }) => closed_by !== "move");
  if (candles !== null && !(open.length === 0 && isSold))
    return {
      close: { realized: candles.realized, unrealized: candles.unrealized },
      range: candles.range,
      open_positions: candles.instrument_count,
      as_of_ms: candles.last_minute_ms,
    };
  const last_minute_ms = close_ms - MINUTE_MS;
  // What is entered in the last minute is in no book of the session.
  if (open.length > 0 && candles === null && bookAt(parts, last_minute_ms).open.length === 0)
    return { ...flatWith(bookAt(parts, last_minute_ms).realized), as_of_ms: last_minute_ms };
  if (open.length === 0) {
    const flat = flatWith(realized);
    return { ...flat, range: candles?.range ?? flat.range, as_of_ms: close_ms };
  }
  // A part that is closed later is still of its leg.
  const open_positions = new Set(open.map(({ leg_id }) => leg_id)).size;
  return { close: { realized, unrealized: null }, range: null, open_positions, as_of_ms: close_ms };
}

function bookAt(parts: readonly PartRow[], at_ms: number) {
  const closed = parts.filter(({ closed_at_ms }) => closed_at_ms !== null && closed_at_ms <= at_ms);
  return {
    open: parts.filter((part) => part.added_at_ms <= at_ms && (part.closed_at_ms === null || part.closed_at_ms > at_ms)),
    closed,
    realized: closed.reduce((sum, { realized_units }) => sum + realized_units, 0n),
  };
}

function flatWith(realized: bigint): Omit<SessionEnd, "as_of_ms"> {
  return { close: { realized, unrealized: 0n }, range: rangeAt(realized), open_positions: 0 };
}

/** Trades as they are shown. */
export function tallied(trades: Parameters<typeof tallyOf>[0]): ReturnType<typeof tallyOf> {
  const tally = tallyOf(trades);
  return { ...tally, win_rate: ratio(tally.win_rate), profit_factor: ratio(tally.profit_factor) };
}

/** What was gained and risked, as it is shown. */
export function riskOf({ range, returns }: Standing, { pnl, capital }: { pnl: bigint | null; capital: bigint | null }) {
  return {
    capital_deployed: amount(capital),
    roi_percent: ratio(roiPercent(pnl, capital)),
    sharpe_ratio: ratio(sharpeRatio(returns, capital)),
    sortino_ratio: ratio(sortinoRatio(returns, capital)),
    max_drawdown: amount(range.fall),
  };
}

/** Beyond what money can be it is unknown. */
export function amount(units: bigint | null): number | null {
  const bounded = units === null ? null : boundedUnits(units);
  return bounded === null ? null : amountOf(bounded);
}

/** Of four decimals, as the columns are; beyond them it is not defined. */
function ratio(value: number | null): number | null {
  return value === null || Math.abs(value) > RATIO_MAX ? null : Number(value.toFixed(4)) + 0;
}

const RATIO_MAX = 500_000_000_000;
