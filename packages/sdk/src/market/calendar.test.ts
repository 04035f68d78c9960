import { spawnSync } from "node:child_process";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  announcedDays,
  builtinCalendar,
  dayOf,
  daySpans,
  knownDay,
  knownUntil,
  lastSession,
  nextSession,
  openAt,
  parseCalendar,
  sessionOn,
  sessionsBetween,
} from "./calendar.ts";
import { alwaysOpen } from "./days.ts";

const calendar = builtinCalendar();
const MINUTE_MS = 60_000;

/** open, last minute, minutes; null without a session */
function minutesOn(exchange: string, day: string): [open: string, last: string, minutes: number] | null {
  const session = sessionOn(calendar, exchange, day);
  if (session === null) return null;
  const at = (ms: number): string => new Date(ms).toISOString().slice(0, 16);
  return [at(session.open_ms), at(session.close_ms - MINUTE_MS), (session.close_ms - session.open_ms) / MINUTE_MS];
}

describe("sessionOn", () => {
  test("budget-day-on-a-weekend", () => {
    expect(minutesOn("NFO", "2025-02-01")).toEqual(["2025-02-01T03:45", "2025-02-01T09:59", 375]);
    expect(minutesOn("NFO", "2026-02-01")).toEqual(["2026-02-01T03:45", "2026-02-01T09:59", 375]);
    expect(minutesOn("NFO", "2026-02-08")).toBeNull();
    expect(sessionOn(calendar, "NFO", "2026-02-01")?.special).toBe("Union Budget");
    expect(sessionOn(calendar, "NFO", "2026-02-02")?.special).toBeNull();
  });

  test("closing-time-depends-on-the-date", () => {
    expect(minutesOn("NFO", "2026-07-31")).toEqual(["2026-07-31T03:45", "2026-07-31T09:59", 375]);
    expect(minutesOn("NFO", "2026-08-03")).toEqual(["2026-08-03T03:45", "2026-08-03T10:09", 385]);
    expect(minutesOn("BFO", "2026-08-03")).toEqual(["2026-08-03T03:45", "2026-08-03T10:09", 385]);
    expect(minutesOn("NSE", "2026-08-03")).toEqual(["2026-08-03T03:45", "2026-08-03T09:59", 375]);
    expect(minutesOn("BSE", "2026-08-03")).toEqual(["2026-08-03T03:45", "2026-08-03T09:59", 375]);
  });

  test("a Muhurat session has its own hour, on a holiday or once its time is known", () => {
    expect(minutesOn("NFO", "2025-10-21")).toEqual(["2025-10-21T08:15", "2025-10-21T09:14", 60]);
    expect(minutesOn("NFO", "2026-11-08")).toBeNull();
    expect(announcedDays(calendar, "NFO")).toEqual([{ day: "2026-11-08", name: "Muhurat" }]);
  });

  test("the Saturday of January 2024 was a whole session", () => {
    expect(minutesOn("NSE", "2024-01-20")).toEqual(["2024-01-20T03:45", "2024-01-20T09:59", 375]);
    expect(minutesOn("NSE", "2024-01-27")).toBeNull();
  });

  test("2026 has 16 holidays on weekdays", () => {
    const closed = Array.from({ length: 365 }, (_, day) => new Date(Date.UTC(2026, 0, 1 + day)))
      .filter((date) => date.getUTCDay() % 6 !== 0)
      .map((date) => date.toISOString().slice(0, 10))
      .filter((day) => sessionOn(calendar, "NFO", day) === null);
    const months = [
      ["01-15", "01-26", "03-03", "03-26", "03-31", "04-03", "04-14", "05-01"],
      ["05-28", "06-26", "09-14", "10-02", "10-20", "11-10", "11-24", "12-25"],
    ];
    expect(closed).toEqual(months.flat().map((day) => `2026-${day}`));
    for (const exchange of ["NSE", "BSE", "BFO"])
      expect(closed.map((day) => sessionOn(calendar, exchange, day))).toEqual(closed.map(() => null));
  });

  test("commodities close later while the United States are on winter time", () => {
    expect(minutesOn("MCX", "2026-10-30")?.[2]).toBe(14.5 * 60);
    expect(minutesOn("MCX", "2026-11-02")?.[2]).toBe(14 * 60 + 55);
    expect(minutesOn("MCX", "2026-03-09")?.[2]).toBe(14.5 * 60);
  });

  test("the evening's close changes on the Monday after the second Sunday of March and after the first of November", () => {
    const monday = (year: number, month: number, sunday: number): string => {
      const first = new Date(Date.UTC(year, month, 1)).getUTCDay();
      return new Date(Date.UTC(year, month, 1 + ((7 - first) % 7) + 7 * (sunday - 1) + 1)).toISOString().slice(0, 10);
    };
    const froms = Array.from({ length: 10 }, (_, later) => [monday(2021 + later, 2, 2), monday(2021 + later, 10, 1)]).flat();
    expect(calendar.exchanges.get("MCX")?.hours.map(({ from }) => from)).toEqual([undefined, ...froms]);
    for (const [place, { open, close }] of calendar.exchanges.get("MCX")?.hours.entries() ?? [])
      expect([open, close]).toEqual(["09:00", place % 2 === 0 ? "23:55" : "23:30"]);
  });

  test.each([
    ["2026-01-01", "03:30", "11:29"], // the evening is closed
    ["2026-03-03", "11:30", "18:24"], // the morning is, before daylight saving
    ["2026-03-26", "11:30", "17:59"],
    ["2026-11-24", "11:30", "18:24"],
    ["2026-02-01", "03:30", "11:29"], // a budget Sunday
  ])("commodities have half a day on %s", (day, first, last) => {
    expect(minutesOn("MCX", day)?.slice(0, 2)).toEqual([`${day}T${first}`, `${day}T${last}`]);
  });

  test("commodities close for the whole of four days of 2026, a currency for twenty", () => {
    const closed = (exchange: string): string[] =>
      Array.from({ length: 365 }, (_, day) => new Date(Date.UTC(2026, 0, 1 + day)))
        .filter((date) => date.getUTCDay() % 6 !== 0)
        .map((date) => date.toISOString().slice(0, 10))
        .filter((day) => sessionOn(calendar, exchange, day) === null);
    expect(closed("MCX")).toEqual(["2026-01-26", "2026-04-03", "2026-10-02", "2026-12-25"]);
    expect(closed("CDS")).toHaveLength(20);
    expect(closed("BCD")).toEqual(closed("CDS"));
    expect(closed("CDS").filter((day) => !closed("NFO").includes(day))).toEqual(["2026-02-19", "2026-03-19", "2026-04-01", "2026-08-26"]);
    expect(minutesOn("CDS", "2026-11-02")).toEqual(["2026-11-02T03:30", "2026-11-02T11:29", 480]);
  });

  test("a market that never closes has a session from midnight to midnight on every day, and nothing is unknown", () => {
    const always = alwaysOpen(calendar);
    const sunday = sessionOn(always, "NFO", "2027-01-03");
    expect([sunday?.open_ms, sunday?.close_ms]).toEqual([Date.parse("2027-01-03T00:00+05:30"), Date.parse("2027-01-04T00:00+05:30")]);
    expect(openAt(always, "NYSE", Date.parse("2026-12-25T12:00Z"))?.day).toBe("2026-12-25");
    expect(knownDay(always, "NFO", "2027-01-03")).toBe(true);
    expect(openAt(calendar, "NFO", Date.parse("2027-01-03T06:00Z"))).toBeNull();
  });

  test("an exchange that the calendar does not have has no sessions, and a day that is none is refused", () => {
    expect(sessionOn(calendar, "NYSE", "2026-08-03")).toBeNull();
    expect(() => sessionOn(calendar, "NFO", "2025-02-30")).toThrow(expect.objectContaining({ code: "input_invalid" }));
  });
});

test("several exchanges have one span a day, from the first open to the last close, ascending", () => {
  const range = { from_day: "2026-10-01", to_day: "2026-10-05" };
  const [nfo, mcx] = ["NFO", "MCX"].map((exchange) => sessionsBetween(calendar, exchange, range));
  const spans = daySpans(calendar, ["NFO", "MCX"], range);
  expect(spans.map(({ day }) => day)).toEqual(mcx?.map(({ day }) => day));
  expect(spans[0]).toEqual({ day: "2026-10-01", open_ms: mcx?.[0]?.open_ms, close_ms: mcx?.[0]?.close_ms });
  expect(spans[0]?.open_ms).toBeLessThan(nfo?.[0]?.open_ms ?? 0);
  expect(daySpans(calendar, ["MCX", "NFO"], range)).toEqual(spans);
  expect(daySpans(calendar, [], range)).toEqual([]);
});

describe("instants", () => {
  const ASKED = ["2026-11-25T18:29:59Z", "2026-11-25T18:30:00Z", "2026-11-25T20:00:00Z"];

  test.each(["UTC", "Asia/Kolkata", "America/New_York"])("today-is-the-exchanges-day: a machine in %s", (zone) => {
    const file = JSON.stringify(new URL("./calendar.ts", import.meta.url).href);
    const code = `import { builtinCalendar, dayOf } from ${file};
      console.log(new Date(0).getTimezoneOffset(), ...${JSON.stringify(ASKED)}.map((at) => dayOf(builtinCalendar(), Date.parse(at))));`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "-e", code], {
      env: { ...process.env, TZ: zone },
      encoding: "utf8",
    });
    const offset_minutes = { UTC: 0, "Asia/Kolkata": -330, "America/New_York": 300 }[zone];
    expect(stdout.trim(), stderr).toBe(`${offset_minutes} 2026-11-25 2026-11-26 2026-11-26`);
  });

  test("an instant is open from the open until before the close", () => {
    const at = (time: string): string | undefined => openAt(calendar, "NFO", Date.parse(`2026-08-03T${time}+05:30`))?.day;
    expect([at("09:14:59.999"), at("09:15:00"), at("15:39:59.999"), at("15:40:00")]).toEqual([
      undefined,
      "2026-08-03",
      "2026-08-03",
      undefined,
    ]);
  });

  test("the last session is today's once it has begun, the next one opens later than now", () => {
    const around = (instant: string): (string | undefined)[] =>
      [lastSession, nextSession].map((ask) => ask(calendar, "NFO", Date.parse(instant))?.day);
    expect(around("2026-08-03T09:14:59+05:30")).toEqual(["2026-07-31", "2026-08-03"]);
    expect(around("2026-08-03T09:15:00+05:30")).toEqual(["2026-08-03", "2026-08-04"]);
    expect(around("2026-08-03T23:59:00+05:30")).toEqual(["2026-08-03", "2026-08-04"]);
    expect(around("2026-02-01T08:00:00+05:30")).toEqual(["2026-01-30", "2026-02-01"]); // a budget Sunday
    expect(around("2026-04-03T12:00:00+05:30")).toEqual(["2026-04-02", "2026-04-06"]); // Good Friday, then the weekend
    expect([lastSession, nextSession].map((ask) => ask(calendar, "NYSE", 0))).toEqual([null, null]);
  });

  test("at any instant: last is at or before, next after, nothing between, and open is last not yet closed", () => {
    const instants = fc.integer({ min: Date.parse("2021-01-01"), max: Date.parse("2027-12-31") });
    fc.assert(
      fc.property(fc.constantFrom("NSE", "NFO", "MCX", "CDS"), instants, (exchange, at_ms) => {
        const last = lastSession(calendar, exchange, at_ms);
        const next = nextSession(calendar, exchange, at_ms);
        if (last === null || next === null) throw new Error("no session within a month");
        expect(last.open_ms <= at_ms && at_ms < next.open_ms).toBe(true);
        expect(openAt(calendar, exchange, at_ms)).toEqual(at_ms < last.close_ms ? last : null);
        expect(sessionsBetween(calendar, exchange, { from_day: last.day, to_day: next.day })).toEqual([last, next]);
        expect(dayOf(calendar, last.open_ms)).toBe(last.day);
        expect(dayOf(calendar, last.close_ms - 1)).toBe(last.day);
      }),
    );
  });

  test("a range that runs backwards is empty; a range of all time is answered", () => {
    expect(sessionsBetween(calendar, "NFO", { from_day: "2026-08-04", to_day: "2026-08-03" })).toEqual([]);
    expect(sessionsBetween(calendar, "NFO", { from_day: "1900-01-01", to_day: "2030-01-01" }).length).toBeGreaterThan(33_000);
  });
});

describe("what the calendar knows", () => {
  test.each([
    ["NFO", "2026-08-03", true],
    ["NFO", "2026-12-25", true],
    ["NFO", "2021-08-19", true], // a holiday that the recordings show
    ["NFO", "2025-07-31", true], // a recorded session
    ["NFO", "2025-10-21", true],
    ["NFO", "2025-07-30", false],
    ["NFO", "2027-01-04", false],
    ["NFO", "2026-11-08", false], // announced, its time is not
    ["MCX", "2026-08-03", true],
    ["MCX", "2025-08-04", false],
    ["CDS", "2026-08-26", true],
    ["NYSE", "2026-08-03", false],
  ])("%s %s: %s", (exchange, day, known) => {
    expect(knownDay(calendar, exchange, day)).toBe(known);
  });

  test("it ends with the unbroken years that are listed", () => {
    expect(knownUntil(calendar, "NFO", "2026-01-01")).toBe("2026-12-31");
    expect(knownUntil(calendar, "NFO", "2025-12-31")).toBeNull();
    expect(knownUntil(calendar, "NFO", "2027-01-01")).toBeNull();
    expect(knownUntil(calendar, "NYSE", "2026-01-01")).toBeNull();
    const longer = parseCalendar(withYears([2025, 2026, 2028]));
    expect(["2025-06-01", "2026-06-01", "2027-06-01", "2028-06-01"].map((day) => knownUntil(longer, "NFO", day))).toEqual([
      "2026-12-31",
      "2026-12-31",
      null,
      "2028-12-31",
    ]);
  });
});

describe("a calendar of one's own", () => {
  test("gives an announced session its time", () => {
    const data = withYears([2026]);
    const special = [{ day: "2026-11-08", name: "Muhurat", hours: { open: "18:00", close: "19:00" } }];
    const own = parseCalendar({ ...data, days: { own: { ...data.days.own, special } } });
    expect(sessionOn(own, "NFO", "2026-11-08")?.open_ms).toBe(Date.parse("2026-11-08T18:00:00+05:30"));
    expect(knownDay(own, "NFO", "2026-11-08")).toBe(true);
  });

  const hours = [{ open: "09:15", close: "15:30" }];
  test.each([
    ["not an object", null, /^calendar: /],
    ["a list of days that is not there", { ...withYears([]), exchanges: { NFO: { days: "other", hours, expiries: [] } } }, /not there/],
    ["a list by the name of an ancestor", { ...withYears([]), exchanges: { NFO: { days: "toString", hours, expiries: [] } } }, /not there/],
    ["no hours", { ...withYears([]), exchanges: { NFO: { days: "own", hours: [], expiries: [] } } }, /exchanges\.NFO\.hours/],
    [
      "a close before the open",
      { ...withYears([]), exchanges: { NFO: { days: "own", hours: [{ open: "15:30", close: "09:15" }], expiries: [] } } },
      /closes before/,
    ],
    ["hours out of order", { ...withYears([]), exchanges: { NFO: { days: "own", hours: [...hours, ...hours], expiries: [] } } }, /order/],
    [
      "an hour that is none",
      { ...withYears([]), exchanges: { NFO: { days: "own", hours: [{ open: "9:15", close: "24:00" }], expiries: [] } } },
      /not a time/,
    ],
    [
      "a day that is none",
      { ...withYears([]), days: { own: { listed_years: [], closed: [{ day: "2026-02-30" }], special: [], traded: [] } } },
      /days\.own\.closed\.0\.day/,
    ],
    ["a field misspelt", { ...withYears([]), zones: {} }, /zones/],
  ])("is refused by name: %s", (_, data, message) => {
    expect(() => parseCalendar(data)).toThrow(message);
    expect(() => parseCalendar(data)).toThrow(expect.objectContaining({ code: "input_invalid" }));
  });
});

function withYears(listed_years: number[]) {
  return {
    zone: { name: "Asia/Kolkata", offset_minutes: 330 },
    days: { own: { listed_years, closed: [], special: [], traded: [] } },
    exchanges: { NFO: { days: "own", hours: [{ open: "09:15", close: "15:30" }], expiries: [] } },
  };
}
