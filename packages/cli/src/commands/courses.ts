import { dayOf, type Calendar, type Strategy } from "@stratctl/sdk";
import { calendarOf } from "../calendar.ts";
import type { Deps } from "../deps.ts";
import { instantOf } from "../terminal/typed.ts";
import type { Courses } from "../views/strategies.ts";
import { sessionsOf, timelineOf, type Timeline } from "../views/timeline.ts";

/** A history a strategy: beyond this many a list is for searching, not for looking at. */
const COURSES_MAX = 60;
/** Histories asked for at a time; the pool has ten connections, and others use them. */
const AT_ONCE = 4;

/** How each strategy's P&L went on the day of the newest mark among them; null where none was ever marked. */
export async function coursesOf(deps: Deps, strategies: readonly Strategy[]): Promise<Courses | null> {
  const marked = strategies.filter(({ marked_at }) => marked_at !== null);
  if (marked.length === 0) return null;
  const calendar = await calendarOf(await deps.settings());
  const newest_ms = marked.reduce((newest, { marked_at }) => Math.max(newest, Date.parse(marked_at ?? "")), 0);
  const day = dayOf(calendar, newest_ms);
  const waiting = marked.slice(0, COURSES_MAX);
  const timelines = new Map<number, Timeline>();
  const worker = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift())
      timelines.set(next.strategy_id, await courseOf(deps, next.strategy_id, { day, calendar }));
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { day_ms: newest_ms, isToday: day === dayOf(calendar, deps.now()), timelines };
}

/** Five minutes a candle: more than a list has room for. */
async function courseOf(
  { connect, signal }: Deps,
  strategy_id: number,
  { day, calendar }: { day: string; calendar: Calendar },
): Promise<Timeline> {
  const api = await connect();
  const [candles, legs] = await Promise.all([
    api.strategies.m2m.history({ strategy_id, day, interval: "5m" }, { signal }),
    api.strategies.legs.list({ strategy_id }, { signal }),
  ]);
  const about = { name: "day", calendar, day };
  const from_ms = Date.parse(instantOf(day, { ...about, edge: "from" }));
  const to_ms = Date.parse(instantOf(day, { ...about, edge: "to" }));
  return timelineOf(candles, { sessions: sessionsOf(legs, { from_ms, to_ms }, calendar), interval: "5m", from_ms, to_ms });
}
