import { builtinCalendar, knownDay, knownUntil, type Calendar } from "@stratctl/sdk";

/**
 * Years of which some exchange has no list of holidays, so that a weekday may have been one. A day that the calendar was told
 * about by itself leaves nothing open.
 */
export function unlistedYears(
  exchanges: readonly string[],
  { from_day, to_day }: { from_day: string; to_day: string },
  calendar: Calendar = builtinCalendar(),
): number[] {
  if (calendar.is_always_open) return [];
  if (from_day === to_day && exchanges.every((exchange) => knownDay(calendar, exchange, from_day))) return [];
  const first = Number(from_day.slice(0, 4));
  const years = Array.from({ length: Number(to_day.slice(0, 4)) - first + 1 }, (_, later) => first + later);
  return years.filter((year) => exchanges.some((exchange) => knownUntil(calendar, exchange, `${year}-01-01`) === null));
}
