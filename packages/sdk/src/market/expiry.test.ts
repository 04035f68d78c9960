import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { builtinCalendar, parseCalendar, sessionsBetween } from "./calendar.ts";
import { expiryOf } from "./expiry.ts";

const calendar = builtinCalendar();

describe("expiryOf", () => {
  test.each([
    ["NFO", { week_of: "2025-08-28" }, "2025-08-28"],
    ["NFO", { week_of: "2025-09-02" }, "2025-09-02"],
    ["NFO", { week_of: "2026-03-03" }, "2026-03-02"],
    ["NFO", { month: "2026-03" }, "2026-03-30"],
    ["NFO", { week_of: "2026-04-14" }, "2026-04-13"],
    ["NFO", { month: "2026-11" }, "2026-11-23"],
    ["NFO", { week_of: "2026-10-20" }, "2026-10-19"],
    ["NFO", { week_of: "2026-11-10" }, "2026-11-09"],
    ["BFO", { month: "2026-03" }, "2026-03-25"],
    ["BFO", { week_of: "2026-01-15" }, "2026-01-14"],
    ["BFO", { week_of: "2026-05-28" }, "2026-05-27"],
  ])("expiry-moves-to-the-day-before-a-holiday: %s %j", (exchange, contract, day) => {
    expect(expiryOf(calendar, exchange, contract)).toBe(day);
  });

  test.each([
    ["NFO", { month: "2025-08" }, "2025-08-28"], // the last Thursday
    ["NFO", { month: "2025-09" }, "2025-09-30"], // the first by Tuesdays
    ["NFO", { week_of: "2025-08-25" }, "2025-08-28"], // Monday to Sunday are one week
    ["NFO", { week_of: "2025-08-31" }, "2025-08-28"],
    ["NFO", { week_of: "2025-09-01" }, "2025-09-02"],
    ["NFO", { week_of: "2025-10-21" }, "2025-10-20"], // Muhurat: an hour's session on a holiday is no day to expire on
    ["NFO", { month: "2024-10" }, "2024-10-31"],
    ["NFO", { month: "2021-09" }, "2021-09-30"],
    ["NFO", { month: "2026-08" }, "2026-08-25"],
    ["NFO", { month: "2026-12" }, "2026-12-29"],
    ["BFO", { month: "2026-12" }, "2026-12-31"],
    ["BFO", { month: "2025-07" }, null], // Thursday only since
    ["NFO", { month: "2020-07" }, null],
    ["NSE", { month: "2026-08" }, null],
    ["BCD", { month: "2026-08" }, null],
  ])("%s %j: %s", (exchange, contract, day) => {
    expect(expiryOf(calendar, exchange, contract)).toBe(day);
  });

  test("it is the last ordinary session on or before the week's Tuesday or Thursday", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 120 }), fc.integer({ min: 0, max: 6 }), (week, weekday) => {
        const dayOfWeek = (place: number): string => new Date(Date.UTC(2025, 8, 1 + 7 * week + place)).toISOString().slice(0, 10);
        for (const [exchange, nominal] of [
          ["NFO", dayOfWeek(1)],
          ["BFO", dayOfWeek(3)],
        ] as const) {
          const before = sessionsBetween(calendar, exchange, { from_day: "2025-08-25", to_day: nominal });
          const expected = before.findLast(({ special }) => special === null)?.day;
          expect(expiryOf(calendar, exchange, { week_of: dayOfWeek(weekday) })).toBe(expected);
        }
      }),
    );
  });

  test("where the weekday changes within a week, neither rule may have a day in it", () => {
    const own = parseCalendar({
      zone: calendar.zone,
      days: { own: { listed_years: [], closed: [], special: [], traded: [] } },
      exchanges: {
        NFO: {
          days: "own",
          hours: [{ open: "09:15", close: "15:30" }],
          expiries: [{ weekday: "thursday" }, { from: "2026-01-08", weekday: "tuesday" }],
        },
      },
    });
    const weeks = ["2026-01-01", "2026-01-08", "2026-01-15"].map((week_of) => expiryOf(own, "NFO", { week_of }));
    expect(weeks).toEqual(["2026-01-01", null, "2026-01-13"]);
  });

  test.each([{ month: "2026-13" }, { month: "March" }, { week_of: "2026-02-30" }])("%j is refused", (contract) => {
    expect(() => expiryOf(calendar, "NFO", contract)).toThrow(expect.objectContaining({ code: "input_invalid" }));
  });
});
