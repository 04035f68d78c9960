import { StratctlError } from "../errors.ts";

/** Sums with calendar days (`2025-07-31`), which have no zone and no hours. */

export const WEEKDAYS = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"] as const;
export type Weekday = (typeof WEEKDAYS)[number];

const DAY_MS = 86_400_000;

/**
 * Midnight of a day as if it were UTC's, in milliseconds since the epoch.
 *
 * @throws StratctlError input_invalid: there is no such day
 */
export function startOfDay(day: string): number {
  const start_ms = Date.parse(`${day}T00:00:00Z`);
  // Engines take 2025-02-30 for 2 March.
  if (Number.isNaN(start_ms) || dayAt(start_ms) !== day)
    throw new StratctlError("input_invalid", `${JSON.stringify(day)} is not a day`, { hint: "write it like 2025-07-31" });
  return start_ms;
}

/** The day of an instant, as UTC has it. */
export function dayAt(at_ms: number): string {
  return new Date(at_ms).toISOString().slice(0, 10);
}

export function plusDays(day: string, count: number): string {
  return dayAt(startOfDay(day) + count * DAY_MS);
}

export function weekdayOf(day: string): Weekday {
  return WEEKDAYS[new Date(startOfDay(day)).getUTCDay()] ?? "sunday";
}

/** How many days a weekday comes after Monday. */
export function daysFromMonday(weekday: Weekday): number {
  return (WEEKDAYS.indexOf(weekday) + 6) % 7;
}
