import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { calendarFaults, calendarFrom } from "./calendar-file.ts";
import { announcedDays, knownDay, knownUntil, sessionOn } from "./calendar.ts";
import { builtinCalendar } from "./days.ts";
import { expiryOf } from "./expiry.ts";

function merged(file: unknown): ReturnType<typeof calendarFrom> {
  return calendarFrom(JSON.stringify(file));
}

function hours(calendar: ReturnType<typeof calendarFrom>, exchange: string, day: string): string | null {
  const session = sessionOn(calendar, exchange, day);
  if (session === null) return null;
  const ist = (at_ms: number): string => new Date(at_ms + 330 * 60_000).toISOString().slice(11, 16);
  return `${ist(session.open_ms)}-${ist(session.close_ms)}`;
}

describe("a file over the built-in calendar", () => {
  test("that says nothing changes nothing", () => {
    expect(merged({})).toEqual(builtinCalendar());
    expect(calendarFrom("\uFEFF{}")).toEqual(builtinCalendar());
  });

  test("gives an announced session its time, on a holiday that stays one", () => {
    const special = [{ day: "2026-11-08", name: "Muhurat", hours: { open: "18:00", close: "19:00" } }];
    const calendar = merged({ days: { equity: { special } } });
    expect([hours(calendar, "NFO", "2026-11-08"), hours(calendar, "BSE", "2026-11-08")]).toEqual(["18:00-19:00", "18:00-19:00"]);
    expect([hours(calendar, "MCX", "2026-11-08"), announcedDays(calendar, "NFO")]).toEqual([null, []]);
    expect(knownDay(calendar, "NFO", "2026-11-08")).toBe(true);
    const moved = merged({ days: { equity: { special: [{ ...special[0], day: "2025-10-21" }] } } });
    expect(hours(moved, "NFO", "2025-10-21")).toBe("18:00-19:00");
    expect(expiryOf(moved, "NFO", { week_of: "2025-10-21" })).toBe("2025-10-20");
  });

  test("lists a further year", () => {
    const calendar = merged({ days: { equity: { listed_years: [2027], closed: [{ day: "2027-01-26" }] } } });
    expect([knownUntil(calendar, "NFO", "2026-11-25"), knownUntil(calendar, "MCX", "2026-11-25")]).toEqual(["2027-12-31", "2026-12-31"]);
    expect([hours(calendar, "NFO", "2027-01-26"), hours(calendar, "NFO", "2027-01-27")]).toEqual([null, "09:15-15:40"]);
  });

  test("says of a day something else than the built-in list", () => {
    const closed = merged({ days: { equity: { closed: [{ day: "2026-02-01" }, { day: "2026-12-01", name: "Mourning" }] } } });
    expect([hours(closed, "NFO", "2026-02-01"), hours(closed, "NFO", "2026-12-01")]).toEqual([null, null]);
    const traded = merged({ days: { equity: { traded: ["2026-12-25"] }, commodity: { traded: ["2026-11-24"] } } });
    expect([hours(traded, "NFO", "2026-12-25"), hours(traded, "MCX", "2026-11-24")]).toEqual(["09:15-15:40", "09:00-23:55"]);
  });

  test("changes hours and weekdays of expiry from a day on", () => {
    const calendar = merged({
      exchanges: {
        NFO: { hours: [{ from: "2026-12-01", open: "09:00", close: "16:00" }], expiries: [{ from: "2026-12-01", weekday: "monday" }] },
        MCX: { hours: [{ from: "2026-11-02", open: "10:00", close: "22:00" }] },
      },
    });
    expect(["2026-11-30", "2026-12-01"].map((day) => hours(calendar, "NFO", day))).toEqual(["09:15-15:40", "09:00-16:00"]);
    expect(["2026-10-30", "2026-11-02", "2027-03-15"].map((day) => hours(calendar, "MCX", day))).toEqual([
      "09:00-23:30",
      "10:00-22:00",
      "09:00-23:30",
    ]);
    expect(expiryOf(calendar, "NFO", { week_of: "2026-12-10" })).toBe("2026-12-07");
  });

  test("gives an exchange a list of its own", () => {
    const calendar = merged({ days: { mine: { closed: [{ day: "2026-12-01" }] } }, exchanges: { CDS: { days: "mine" } } });
    expect(["CDS", "BCD"].map((exchange) => hours(calendar, exchange, "2026-12-01"))).toEqual([null, "09:00-17:00"]);
    expect(knownUntil(calendar, "CDS", "2026-12-01")).toBeNull();
  });
});

const hoursOf = (open: string, close: string): object => ({ exchanges: { NFO: { hours: [{ open, close }] } } });
const daysOf = (equity: object): object => ({ days: { equity } });

describe("a fault is one line that begins with its place", () => {
  test.each<[string | object, string[]]>([
    ["{", ["line 1, column 2: is not JSON"]],
    ['{\n  "days": {,}\n}', ["line 2, column 12: is not JSON"]],
    ["", ["the file is not JSON: it ends too early"]],
    ["[]", ["the file is not an object"]],
    [{ dais: {} }, ["dais: is no field; there are days, exchanges"]],
    [daysOf({ closd: [] }), ["days.equity.closd: is no field; there are listed_years, closed, special, traded"]],
    [{ days: { equty: {} } }, ["days.equty: no exchange uses it; there are equity, commodity, currency"]],
    [daysOf({ closed: [{ day: "2027-02-30" }] }), ['days.equity.closed.0.day: "2027-02-30" is not a day like 2026-11-08']],
    [
      daysOf({ closed: [{ dy: "2027-01-26" }] }),
      ["days.equity.closed.0.day: is missing", "days.equity.closed.0.dy: is no field; there are day, name"],
    ],
    [daysOf({ closed: ["2027-01-26"] }), ['days.equity.closed.0: "2027-01-26" is not an object']],
    [daysOf({ closed: [{ day: "2026-12-01" }, { day: "2026-12-01" }] }), ["days.equity.closed.1: 2026-12-01 is there already"]],
    [daysOf({ traded: ["2026-12-05"] }), ["days.equity.traded.0: 2026-12-05 is on a weekend: such a session belongs in special"]],
    [daysOf({ traded: ["2026-12-01"], closed: [{ day: "2026-12-01" }] }), ["days.equity.traded.0: 2026-12-01 is also in closed"]],
    [daysOf({ listed_years: ["2027"] }), ['days.equity.listed_years.0: "2027" is not a number']],
    [daysOf({ listed_years: [2027] }), ["days.equity.listed_years.0: 2027 has no day in closed"]],
    [
      daysOf({ special: [{ day: "2026-11-08", name: "", hours: { open: "19:00", close: "18:00" } }] }),
      ['days.equity.special.0.name: "" is empty', "days.equity.special.0.hours: closes before it opens"],
    ],
    [
      daysOf({ special: [{ day: "2026-11-08", name: "Muhurat", hours: "evening" }] }),
      [
        'days.equity.special.0.hours: "evening" is neither "ordinary" nor "announced" nor { "open": "18:00", "close": "19:00" }, opening first',
      ],
    ],
    [
      hoursOf("9:15", "8:30"),
      ['exchanges.NFO.hours.0.open: "9:15" is not a time like 09:15', 'exchanges.NFO.hours.0.close: "8:30" is not a time like 09:15'],
    ],
    [hoursOf("15:30", "09:15"), ["exchanges.NFO.hours.0: closes before it opens"]],
    [{ exchanges: { NYSE: {} } }, ["exchanges.NYSE: is no exchange; there are NSE, BSE, NFO, BFO, MCX, CDS, BCD"]],
    [{ exchanges: { NFO: { days: "mine" } } }, ['exchanges.NFO.days: "mine" is no list; there are equity, commodity, currency']],
    [
      { exchanges: { NFO: { expiries: [{ weekday: "tuesday" }, { weekday: "monday" }] } } },
      ["exchanges.NFO.expiries.1: one without from is there already"],
    ],
  ])("%j", (given, expected) => {
    const text = typeof given === "string" ? given : JSON.stringify(given);
    expect(calendarFaults(text)).toEqual(expected);
    expect(() => calendarFrom(text)).toThrow(
      expect.objectContaining({ code: "input_invalid", message: expected[0], details: { issues: expected } }),
    );
  });
});

test("the file of docs/calendar.md can be used", () => {
  const page = readFileSync(new URL("../../../../docs/calendar.md", import.meta.url), "utf8");
  const files = [...page.matchAll(/^```json\n([\s\S]*?)^```$/gm)].map(([, text = ""]) => text);
  expect(files).toHaveLength(1);
  for (const file of files) {
    expect(calendarFaults(file)).toEqual([]);
    const calendar = calendarFrom(file);
    expect([hours(calendar, "NFO", "2026-11-08"), hours(calendar, "CDS", "2026-11-08")]).toEqual(["18:00-19:00", "18:00-19:00"]);
    expect([hours(calendar, "NFO", "2027-03-22"), hours(calendar, "NFO", "2027-04-01")]).toEqual([null, "09:00-15:40"]);
    expect(expiryOf(calendar, "NFO", { week_of: "2027-04-07" })).toBe("2027-04-05");
  }
});
