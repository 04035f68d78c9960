import { daySpans, dayOf, EXCHANGE_DEFAULT, lastSession, nextSession, openAt, sessionsBetween } from "../../market/calendar.ts";
import { MINUTE_MS } from "../../market/day.ts";
import { calendarWarnings } from "../../market/warnings.ts";
import { dueMinutes, type ExchangeHours, type Holding, type MinuteSpan } from "../../m2m/gap.ts";
import { isoOf } from "../../model/instant.ts";
import type { Status } from "../../model/status.ts";
import * as settlement from "../../store/settlement.ts";
import * as status from "../../store/status.ts";
import { contract, type Api } from "../contract.ts";
import { accountOf } from "./access.ts";
import { call } from "./call.ts";
import type { Context } from "./context.ts";
import { holdingOf, WRITTEN_MS } from "./gaps.ts";
import { expiryNotices } from "./settlement.ts";

/** Of long lists so many are told: a person reads the first. */
const TOLD_MAX = 100;

export function statusCall(context: Context): Api["status"] {
  return call(context, contract.status, async ({ account_id: named }) => {
    const { database, calendar } = context;
    const now_ms = context.now();
    const { account_id } = await accountOf(context, named);
    const [engines, unmarked] = await Promise.all([status.engines(database), status.unmarked(database, { account_id, limit: TOLD_MAX })]);
    const held = await status.heldLegs(database, { account_id, since_ms: now_ms - DAYS_BACK_MS });
    const contracts = await settlement.openLegs(database, { account_id });
    const exchanges = [...new Set(held.map(({ exchange }) => exchange))].toSorted();
    return {
      account_id,
      at: isoOf(now_ms),
      engines,
      sessions: (exchanges.length === 0 ? [EXCHANGE_DEFAULT] : exchanges).map((exchange) => sessionNow(context, exchange, now_ms)),
      ...(await coverageOf(context, { held, exchanges, now_ms })),
      unmarked,
      warnings: [
        ...expiryNotices(context, contracts).map(({ message, strategy_id }) => `${message} (strategy ${strategy_id})`),
        ...calendarWarnings(calendar, exchanges, now_ms).map(({ text }) => text),
      ].slice(0, TOLD_MAX),
    };
  });
}

/** The last session is at most so long ago, but for an exchange that the calendar knows nothing of. */
const DAYS_BACK_MS = 14 * 24 * 60 * MINUTE_MS;

function sessionNow({ calendar }: Context, exchange: string, now_ms: number): Status["sessions"][number] {
  const open = openAt(calendar, exchange, now_ms);
  const session = open ?? nextSession(calendar, exchange, now_ms);
  return {
    exchange,
    is_open: open !== null,
    opens_at: session === null ? null : isoOf(session.open_ms),
    closes_at: session === null ? null : isoOf(session.close_ms),
  };
}

interface Held {
  readonly held: readonly status.HeldLeg[];
  readonly exchanges: readonly string[];
  readonly now_ms: number;
}

/** Of the day whose session is under way or was the last to begin: the minutes in which candles were due, and those there are. */
async function coverageOf({ database, calendar }: Context, { held, exchanges, now_ms }: Held): Promise<Pick<Status, "coverage" | "gaps">> {
  const day = exchanges
    .flatMap((exchange) => lastSession(calendar, exchange, now_ms)?.day ?? [])
    .toSorted()
    .at(-1);
  const [span] = day === undefined ? [] : daySpans(calendar, exchanges, { from_day: day, to_day: day });
  if (day === undefined || span === undefined) return { coverage: { day: null, due_minutes: 0, candle_minutes: 0 }, gaps: [] };
  const hours = exchanges.flatMap((exchange) =>
    sessionsBetween(calendar, exchange, { from_day: day, to_day: dayOf(calendar, span.close_ms) }),
  );
  const minutes = { from_ms: span.open_ms, to_ms: Math.min(span.close_ms - MINUTE_MS, now_ms - WRITTEN_MS - MINUTE_MS) };
  const strategies = [...Map.groupBy(held, ({ strategy_id }) => strategy_id)];
  const counts = await status.candleCounts(database, { strategy_ids: strategies.map(([id]) => id), ...minutes });
  const dueOf = dueCounter(minutes, hours);
  let due_minutes = 0;
  let candle_minutes = 0;
  const gaps: Status["gaps"] = [];
  for (const [strategy_id, legs] of strategies) {
    const due = dueOf(legs.map(holdingOf));
    // Candles of before its first leg, of a replay, are none that were due.
    const there = Math.min(counts.get(strategy_id) ?? 0, due);
    due_minutes += due;
    candle_minutes += there;
    if (there < due) gaps.push({ strategy_id, name: legs[0]?.name ?? "", minutes: due - there });
  }
  const most = gaps.toSorted((a, b) => b.minutes - a.minutes || a.strategy_id - b.strategy_id).slice(0, TOLD_MAX);
  return { coverage: { day, due_minutes, candle_minutes }, gaps: most };
}

/** Most strategies hold their legs all day: each set of exchanges and times is counted once. */
function dueCounter(span: MinuteSpan, hours: readonly ExchangeHours[]): (holdings: readonly Holding[]) => number {
  const known = new Map<string, number>();
  return (holdings) => {
    const within = holdings.map(({ exchange, from_ms, to_ms }) => ({
      exchange,
      from_ms: Math.max(from_ms, span.from_ms),
      to_ms: Math.min(to_ms, span.to_ms + 1),
    }));
    const key = [...new Set(within.map((holding) => JSON.stringify(holding)))].toSorted().join();
    const count = known.get(key) ?? dueMinutes(span, { hours, holdings: within }).length;
    known.set(key, count);
    return count;
  };
}
