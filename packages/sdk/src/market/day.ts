import { StratctlError } from "../errors.ts";

/** Sums with calendar days (`2025-07-31`), which have no zone and no hours. */

export const WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"] as const;
export type Weekday = (typeof WEEKDAYS)[number];

export const MINUTE_MS = 60_000;
export const DAY_MS = 86_400_000;

/** True where the calendar has such a day. Engines take 2025-02-30 for 2 March. */
export function isDay(text: string): boolean {
  const start_ms = Date.parse(`${text}T00:00:00Z`);
  return !Number.isNaN(start_ms) && dayAt(start_ms) === text;
}

/**
 * Midnight of a day as if it were UTC's, in milliseconds since the epoch.
 *
 * @throws StratctlError input_invalid: there is no such day
 */
export function startOfDay(day: string): number {
  if (isDay(day)) return Date.parse(`${day}T00:00:00Z`);
  throw new StratctlError("input_invalid", `${JSON.stringify(day)} is not a day`, { hint: "write it like 2025-07-31" });
}

/** The day of an instant, as UTC has it. */
export function dayAt(at_ms: number): string {
  return new Date(at_ms).toISOString().slice(0, 10);
}

export function plusDays(day: string, count: number): string {
  return dayAt(startOfDay(day) + count * DAY_MS);
}

export function weekdayOf(day: string): Weekday {
  return weekdayAt(startOfDay(day));
}

/** The weekday of an instant, as UTC has it. */
export function weekdayAt(at_ms: number): Weekday {
  return WEEKDAYS[new Date(at_ms).getUTCDay()] ?? "sunday";
}

/** How many days a weekday comes after Monday. */
export function daysFromMonday(weekday: Weekday): number {
  return (WEEKDAYS.indexOf(weekday) + 6) % 7;
}
