import { builtinCalendar, sessionsBetween, type Database, type Session } from "@stratctl/sdk/internal";

/** The last so many sessions before the day on which the bench samples. */
export function sessionsBefore(day_count: number): Session[] {
  return sessionsBetween(builtinCalendar(), "NFO", { from_day: "2025-01-01", to_day: "2025-07-17" }).slice(-day_count);
}

/**
 * Whole days of minutes for strategies 1…n, a minute of all strategies after the other, as they come about: a day of one strategy
 * lies on as many pages as it has minutes.
 */
export async function enterCandles(
  db: Database,
  { strategy_count, day_count }: { strategy_count: number; day_count: number },
): Promise<number> {
  const sessions = sessionsBefore(day_count);
  for (const [place, { open_ms, close_ms }] of sessions.entries())
    await db.script(`
      set session_replication_role = replica; -- the strategies are there: not to be looked up 15,000,000 times
      insert into strategy_m2m_candles
      select n, minute, open, greatest(open, close) + up, least(open, close) - down, close, 0, 0, 4, 60, 0, 1000 + at % 3000,
        (1::int8 << 60) - 1, minute, minute + interval '59 seconds', 'live'
      from (
        select n, minute, at, 0.05 * (at % 90001 - 45000) as open, 0.05 * ((at + turn % 97) % 90001 - 45000) as close,
          0.05 * (turn % 41) as up, 0.05 * (turn % 37) as down
        from generate_series(to_timestamp(${open_ms / 1000}), to_timestamp(${close_ms / 1000 - 60}), interval '1 minute')
            with ordinality as minutes (minute, turn),
          lateral (select n, n * 7919 + turn * 131 + ${place} * 17 as at from generate_series(1, ${strategy_count}) n) as strategies
      ) as figures;
      set session_replication_role = origin;
    `);
  await db.script("vacuum (analyze) strategy_m2m_candles");
  return sessions.reduce((count, { open_ms, close_ms }) => count + ((close_ms - open_ms) / 60_000) * strategy_count, 0);
}
