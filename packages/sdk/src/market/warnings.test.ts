import { expect, test } from "vitest";
import { alwaysOpen, builtinCalendar } from "./days.ts";
import { calendarWarnings } from "./warnings.ts";

const calendar = builtinCalendar();
const told = (exchanges: readonly string[], instant: string, of = calendar): string[] =>
  calendarWarnings(of, exchanges, Date.parse(instant)).map(({ exchange, kind, day }) => `${exchange} ${kind} ${day}`);

test.each([
  ["2026-11-25T05:00:00Z", []],
  ["2026-11-30T18:29:59Z", []], // 31 days before, by the exchange's day
  ["2026-11-30T18:30:00Z", ["NFO list_ends 2026-12-31"]],
  ["2026-12-31T18:29:59Z", ["NFO list_ends 2026-12-31"]],
  ["2026-12-31T18:30:00Z", ["NFO year_unlisted null"]],
  ["2026-10-08T18:29:59Z", []],
  ["2026-10-08T18:30:00Z", ["NFO time_unknown 2026-11-08"]],
  ["2026-11-08T12:00:00Z", ["NFO time_unknown 2026-11-08"]],
  ["2026-11-08T18:30:00Z", []],
])("at %s: %j", (instant, expected) => {
  expect(told(["NFO"], instant)).toEqual(expected);
});

test("each exchange for itself, one that there is not too, and nothing where a market never closes", () => {
  expect(told(["MCX", "NYSE"], "2026-12-15T05:00:00Z")).toEqual(["MCX list_ends 2026-12-31", "NYSE exchange_unknown null"]);
  expect(told(["MCX", "NYSE"], "2026-12-15T05:00:00Z", alwaysOpen(calendar))).toEqual([]);
});

test("the lines say what follows from it", () => {
  const texts = ["2026-12-15", "2027-01-04", "2026-11-01"].map(
    (day) => calendarWarnings(calendar, ["NFO"], Date.parse(`${day}T05:00:00Z`))[0]?.text,
  );
  expect(texts).toEqual([
    "the holidays of NFO are known until 2026-12-31; after it every weekday is taken for a session",
    "NFO has no list of holidays for 2027: every weekday is taken for a session",
    "the time of Muhurat on 2026-11-08 at NFO is not known: no session until a calendar file gives it",
  ]);
});
