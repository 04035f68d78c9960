import * as fc from "fast-check";
import { expect, test } from "vitest";
import { almanac, type AlmanacDay } from "./almanac.ts";
import { alwaysOpen, builtinCalendar } from "./days.ts";
import { expiryOf } from "./expiry.ts";

const calendar = builtinCalendar();

function told(exchange: string, from_day: string, to_day = from_day, of = calendar): string[] {
  const text = ({ day, state, name, expires, is_known }: AlmanacDay): string =>
    [day, state, name, expires, is_known ? null : "?"].filter((part) => part !== null).join(" ");
  return almanac(of, exchange, { from_day, to_day }).map(text);
}

test("a week with a holiday and the expiry that it moved", () => {
  expect(told("NFO", "2026-11-21", "2026-11-25")).toEqual([
    "2026-11-21 weekend",
    "2026-11-22 weekend",
    "2026-11-23 session monthly",
    "2026-11-24 holiday Guru Nanak Jayanti",
    "2026-11-25 session",
  ]);
});

test.each([
  ["NFO", "2026-02-01", "special Union Budget"],
  ["NFO", "2025-10-21", "special Muhurat"],
  ["NFO", "2026-11-08", "announced Muhurat ?"],
  ["NFO", "2026-11-03", "session weekly"],
  ["NFO", "2027-01-04", "session ?"],
  ["MCX", "2026-11-24", "special Guru Nanak Jayanti, evening only"],
  ["CDS", "2026-08-26", "holiday Id-E-Milad"],
  ["NYSE", "2026-08-26", "unknown ?"],
  ["BFO", "2026-01-14", "session weekly"],
])("%s %s: %s", (exchange, day, expected) => {
  expect(told(exchange, day)).toEqual([`${day} ${expected}`]);
});

test("a market that never closes has sessions only", () => {
  expect(told("NFO", "2026-12-25", "2026-12-27", alwaysOpen(calendar))).toEqual([
    "2026-12-25 session Christmas",
    "2026-12-26 session",
    "2026-12-27 session",
  ]);
});

test("what expires on a day is what the rule says of weeks and months, each once", () => {
  fc.assert(
    fc.property(fc.constantFrom("NFO", "BFO"), fc.integer({ min: 0, max: 60 }), (exchange, later) => {
      const from = new Date(Date.UTC(2026, later, 1)).toISOString().slice(0, 10);
      const to = new Date(Date.UTC(2026, later + 1, 0)).toISOString().slice(0, 10);
      const days = almanac(calendar, exchange, { from_day: from, to_day: to });
      const monthly = days.filter(({ expires }) => expires === "monthly").map(({ day }) => day);
      expect(monthly).toEqual([expiryOf(calendar, exchange, { month: from.slice(0, 7) })]);
      const weeks = days.map(({ day }) => expiryOf(calendar, exchange, { week_of: day }));
      const expected = [...new Set(weeks)].filter((day) => day !== null && from <= day && day <= to && !monthly.includes(day));
      expect(days.filter(({ expires }) => expires === "weekly").map(({ day }) => day)).toEqual(expected);
    }),
  );
});
