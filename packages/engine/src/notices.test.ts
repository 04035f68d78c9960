import { alwaysOpen, batchOf, builtinCalendar, QuoteBoard } from "@stratctl/sdk/internal";
import { expect, test } from "vitest";
import { testBook } from "../../../test/support/book.ts";
import { hoursAt, hoursOn } from "./hours.ts";
import type { LogLine } from "./log.ts";
import { Notices } from "./notices.ts";

const calendar = builtinCalendar();
const leg = (instrument: string) => ({ instrument, direction: "BUY", quantity: 1, entry_units: 1 }) as const;
const book = testBook([
  { strategy_id: 3, legs: [leg("NSE:NIFTY 50"), leg("NFO:NIFTY26DECFUT")] },
  { strategy_id: 5, legs: [leg("NSE:RELIANCE")] },
]);

/** The hours of a day, told at some of its times. */
function told(day: string, times: readonly string[], between: (notices: Notices, time: string) => void = () => undefined): string[] {
  const lines: LogLine[] = [];
  const notices = new Notices((line) => lines.push(line), calendar);
  const board = new QuoteBoard(book.instruments);
  for (const place of [0, 1, 2])
    board.accept(place, 247_683_500 + place, Date.parse(`${day}T09:00:00Z`), Date.parse(`${day}T09:00:00Z`), "test");
  for (const time of times) {
    between(notices, time);
    notices.session(book, hoursOn(calendar, book.exchanges, day), { at_ms: Date.parse(`${day}T${time}Z`), board });
  }
  return lines.map(({ event, text }) => `${event}: ${text}`);
}

test("what opens and closes is said once, with the day's figures and what is carried from then on", () => {
  const candles = (strategy_id: number, stale_count: number) => {
    const minute_ms = Date.parse("2026-11-25T09:59:00Z");
    const ohlc = { open_units: 0, high_units: 0, low_units: 0, close_units: 0, entry_value_units: 0, realized_pnl_units: 0 };
    const seconds = { sampled: 1n, first_at_ms: minute_ms, last_at_ms: minute_ms, minute_ms };
    return { strategy_id, ...ohlc, ...seconds, instrument_count: 1, stale_count, oldest_age_ms: 0, source: "live" as const };
  };
  const times = ["03:44:59", "03:45:00", "03:45:01", "10:00:00", "10:10:00", "10:10:01"];
  const lines = told("2026-11-25", times, (notices, time) => {
    if (time === "10:00:00") notices.minute(batchOf([candles(3, 0), candles(5, 1)], "live"));
    if (time === "10:10:00") notices.minute(batchOf([candles(3, 1)], "live"));
  });
  expect(lines).toEqual([
    "session: NSE opens; closes 15:30",
    "session: NFO opens; closes 15:40",
    "session: NSE closed · 2 strategies · 2 candles · 1 with stale legs · carried: NSE:NIFTY 50 at 24768.35",
    "session: NFO closed · 2 strategies · 3 candles · 2 with stale legs",
  ]);
});

test("a month before the calendar knows no more it says so, and of a year without a list at once", () => {
  const after = "after it every weekday is taken for a session";
  expect(told("2026-12-01", ["03:00:00"])).toEqual([
    `calendar: the holidays of NSE are known until 2026-12-31; ${after}`,
    `calendar: the holidays of NFO are known until 2026-12-31; ${after}`,
  ]);
  expect(told("2026-11-30", ["03:00:00"])).toEqual([]);
  expect(told("2027-01-04", ["03:00:00", "03:01:00"])).toEqual([
    "calendar: NSE has no list of holidays for 2027: every weekday is taken for a session",
    "calendar: NFO has no list of holidays for 2027: every weekday is taken for a session",
    "expiry: past its last day and not settled: NFO:NIFTY26DECFUT (2026-12-29) · strategies: 3",
  ]);
});

test("an exchange that the calendar does not have is named as such", () => {
  const lines: LogLine[] = [];
  const strange = testBook([{ strategy_id: 1, legs: [leg("NCX:GUAR26DECFUT")] }]);
  const notices = new Notices((line) => lines.push(line), calendar);
  const hours = hoursOn(calendar, strange.exchanges, "2026-11-25");
  notices.session(strange, hours, { at_ms: Date.parse("2026-11-25T05:00:00Z"), board: new QuoteBoard(strange.instruments) });
  expect(lines.map(({ text }) => text)).toEqual(["legs on an exchange that the calendar does not have are never marked"]);
});

test("a special session without its time is said from a month before, and a market that never closes is said to", () => {
  expect(told("2026-10-09", ["03:00:00"])).toEqual([
    "calendar: the time of Muhurat on 2026-11-08 at NSE is not known: no session until a calendar file gives it",
    "calendar: the time of Muhurat on 2026-11-08 at NFO is not known: no session until a calendar file gives it",
  ]);
  const lines: LogLine[] = [];
  const always = alwaysOpen(calendar);
  const strange = testBook([{ strategy_id: 1, legs: [leg("NFO:NIFTY27JANFUT")] }]);
  const notices = new Notices((line) => lines.push(line), always);
  for (const at of ["2027-01-03T12:00:00Z", "2027-01-03T18:29:59Z", "2027-01-03T18:30:00Z", "2027-01-04T03:45:00Z"]) {
    const hours = hoursAt(always, strange.exchanges, Date.parse(at), null);
    notices.session(strange, hours, { at_ms: Date.parse(at), board: new QuoteBoard(strange.instruments) });
  }
  expect(lines.map(({ text }) => text)).toEqual(["NFO is open; never closes"]);
});

test("prices: of the exchanges that are open, and nothing of what left the session without one", () => {
  const lines: LogLine[] = [];
  const notices = new Notices((line) => lines.push(line), calendar);
  const board = new QuoteBoard(book.instruments);
  const hours = hoursOn(calendar, book.exchanges, "2026-11-25");
  const none = { instruments: new Map<string, string>(), strategy_ids: [], too_large_ids: [] };
  const share = { ...none, instruments: new Map([["NSE:RELIANCE", "redis: no key"]]), strategy_ids: [5] };
  const at = (time: string, unmarked: Parameters<Notices["prices"]>[0]): void => {
    notices.session(book, hours, { at_ms: Date.parse(`2026-11-25T${time}Z`), board });
    notices.prices(unmarked, book.instruments);
  };
  at("05:00:00", share);
  at("10:00:00", none); // NSE has closed at 15:30, NFO is open until 15:40
  expect(lines.filter(({ event }) => event === "priced")).toEqual([]);
  const later = { ...none, instruments: new Map([["NFO:NIFTY26DECFUT", "redis: no key"]]), strategy_ids: [3] };
  at("10:01:00", later);
  at("10:02:00", none);
  expect(lines.filter(({ event }) => event === "priced").map(({ text }) => text)).toEqual(["the one instrument"]);
});

test("prices: each change is said once, with the reasons and the strategies", () => {
  const lines: LogLine[] = [];
  const notices = new Notices((line) => lines.push(line), calendar);
  const unpriced = { instruments: new Map([["NFO:A", "redis: no key; ticker: 404"]]), strategy_ids: [9], too_large_ids: [] };
  const none = { instruments: new Map<string, string>(), strategy_ids: [], too_large_ids: [] };
  const both = { ...unpriced, strategy_ids: [5, 9], too_large_ids: [5] };
  const hours = hoursOn(calendar, book.exchanges, "2026-11-25");
  const at_ms = Date.parse("2026-11-25T05:00:00Z");
  notices.session(book, hours, { at_ms, board: new QuoteBoard(book.instruments) });
  lines.length = 0;
  for (const unmarked of [unpriced, unpriced, none, none, { ...none, strategy_ids: [5, 7], too_large_ids: [5, 7] }, none, unpriced, both])
    notices.prices(unmarked, book.instruments);
  expect(lines.map(({ event, text }) => `${event}: ${text}`)).toEqual([
    "unpriced: NFO:A (redis: no key; ticker: 404) · no mark: 9",
    "priced: all 3 instruments",
    "unpriced: m2m or pnl lies beyond ±500000000000 rupees · no mark: 5, 7",
    "priced: all 3 instruments",
    "unpriced: NFO:A (redis: no key; ticker: 404) · no mark: 9",
    "unpriced: NFO:A (redis: no key; ticker: 404) · m2m or pnl lies beyond ±500000000000 rupees: 5 · no mark: 5, 9",
  ]);
});

test("contracts that will be delivered, and those past their last day, are told of once a day and when they come to the book", () => {
  const lines: LogLine[] = [];
  const notices = new Notices((line) => lines.push(line), calendar);
  const look = (held: typeof book, at: string): void => {
    const at_ms = Date.parse(at);
    notices.session(held, hoursAt(calendar, held.exchanges, at_ms, null), { at_ms, board: new QuoteBoard(held.instruments) });
  };
  const expiries = (): string[] => lines.splice(0).flatMap(({ event, text }) => (event === "expiry" ? [text] : []));
  const one = testBook([
    { strategy_id: 3, legs: [leg("NFO:RELIANCE26OCTFUT"), leg("NFO:NIFTY26OCTFUT")] },
    { strategy_id: 5, legs: [leg("NFO:RELIANCE26OCTFUT"), leg("NFO:NIFTY26O2024500CE")] },
  ]);
  look(one, "2026-10-21T05:00:00Z");
  const over = "past its last day and not settled: NFO:NIFTY26O2024500CE (2026-10-20) · strategies: 5";
  expect(expiries()).toEqual([over]);
  for (const minute of ["00", "01", "02"]) look(one, `2026-10-22T05:${minute}:00Z`);
  const due =
    "shares will be due at expiry of what is not closed, options in the money: NFO:RELIANCE26OCTFUT (2026-10-27) · strategies: 3, 5";
  expect(expiries().toSorted()).toEqual([over, due]);
  const more = testBook([{ strategy_id: 9, legs: [leg("NFO:RELIANCE26OCTFUT"), leg("NFO:ACME26OCT100CE")] }]);
  look(more, "2026-10-22T05:03:00Z");
  expect(expiries()).toEqual([due.replace(/N.*/u, "NFO:ACME26OCT100CE (2026-10-27) · strategies: 9")]);
  // Its last session ends.
  look(one, "2026-10-27T10:09:59Z");
  lines.length = 0;
  look(one, "2026-10-27T10:10:00Z");
  expect(expiries()).toEqual([
    "past its last day and not settled: NFO:RELIANCE26OCTFUT (2026-10-27), NFO:NIFTY26OCTFUT (2026-10-27) · strategies: 3, 5",
  ]);
});
