import type { LegNotice } from "@stratctl/sdk";
import { describe, expect, test } from "vitest";
import { ACCOUNT, candlesOf, legOf, NOW_MS, OPEN_MS, strategyOf } from "../../../../test/cli/made-up.ts";
import { displayWidth } from "../terminal/format.ts";
import { accountList } from "./accounts.ts";
import { legDone, legList, shellWord } from "./legs.ts";
import { markCard } from "./mark.ts";
import { quoteList } from "./quotes.ts";
import { strategyCard, strategyDone, strategyList, type Courses } from "./strategies.ts";
import { totalOf } from "./sums.ts";
import { timelineOf } from "./timeline.ts";

const options = (width: number, color = false) => ({ width, height: 24, color, now_ms: NOW_MS });
const golden = (name: string, width: number) => `../../../../test/cli/golden/${name}, ${width} columns.txt`;
const WIDTHS = [40, 80, 200];

const courseOf = (pnl: (minute: number) => number | null) =>
  timelineOf(candlesOf(375, pnl), {
    sessions: [{ open_ms: OPEN_MS, close_ms: NOW_MS }],
    interval: "1m",
    from_ms: OPEN_MS,
    to_ms: NOW_MS,
  });

const STRATEGIES = [
  strategyOf({ strategy_id: 1, name: "Default Strategy", is_default: true, instrument_count: 0, current_pnl: null, current_m2m: null }),
  strategyOf({
    strategy_id: 9,
    name: "Far calendar",
    instrument_count: 2,
    current_pnl: null,
    current_m2m: null,
    priced: 1,
    reason: "no price for NFO:NIFTY25SEP26000CE since 11:42",
  }),
  strategyOf({
    strategy_id: 8,
    name: "Straddle 24650",
    instrument_count: 2,
    current_pnl: 1140,
    current_m2m: -27_330,
    tags: ["weekly", "short"],
  }),
  strategyOf({ strategy_id: 7, name: "Condor" }),
];
const COURSES: Courses = {
  day_ms: NOW_MS,
  isToday: true,
  timelines: new Map([
    [7, courseOf((minute) => Math.round(-1000 * Math.sin(minute / 90)) - 281.25)],
    [8, courseOf((minute) => minute * 3)],
    [9, courseOf((minute) => (minute > 147 ? null : minute))],
  ]),
};

const LEGS = [
  legOf({ id: 21, current_price: 58.4, current_price_at: "2025-07-31T09:59:59Z", current_pnl: -491.25 }),
  legOf({
    id: 22,
    direction: "SELL",
    tradingsymbol: "NIFTY2580724600PE",
    entry_price: 111.95,
    current_price: 106.2,
    current_price_at: "2025-07-31T09:59:59Z",
    current_pnl: 431.25,
  }),
  legOf({
    id: 23,
    direction: "SELL",
    tradingsymbol: "NIFTY2580725000CE",
    entry_price: 98.1,
    current_price: 97.35,
    current_price_at: "2025-07-31T09:55:58Z",
    current_pnl: 56.25,
    notes: "moved up once",
  }),
  legOf({
    id: 24,
    tradingsymbol: "NIFTY2580725200CE",
    entry_price: 65.9,
    quantity: 100,
    exit_price: 62.2,
    closed_at: "2025-07-31T08:00:00Z",
    current_pnl: -370,
  }),
];

describe.each(WIDTHS)("at %i columns", (width) => {
  test("strategies", async () => {
    const text = strategyList("XJ4540", STRATEGIES, COURSES, options(width));
    expect(widest(text)).toBeLessThanOrEqual(Math.max(width, 52)); // a reason is never cut
    await expect(`${text}\n`).toMatchFileSnapshot(golden("strategies", width));
  });

  test("legs", async () => {
    const text = legList(strategyOf({}), LEGS, options(width));
    expect(widest(text)).toBeLessThanOrEqual(width);
    await expect(`${text}\n`).toMatchFileSnapshot(golden("legs", width));
  });

  test("the rest", async () => {
    const mark = {
      strategy_id: 9,
      at: "2025-07-31T06:12:00Z",
      age_ms: 13_680_000,
      m2m: null,
      pnl: null,
      unrealized_pnl: null,
      entry_value: -2150.5,
      realized_pnl: 0,
      instrument_count: 2,
      priced: 1,
      stale: 1,
      oldest_age_ms: 61_000,
      reason: "no price for NFO:NIFTY25SEP26000CE since 11:42",
    };
    const quotes = [
      { instrument: "NFO:NIFTY2580724400PE", price: 58.4, at: "2025-07-31T09:59:59Z", age_ms: 1000, source: "redis", reason: null },
      { instrument: "NFO:NIFTY25SEP26000CE", price: null, at: null, age_ms: null, source: null, reason: "redis: no key; ticker: 404" },
    ];
    const texts = [
      strategyCard(
        {
          ...strategyOf({ tags: ["weekly"], description: "Iron condor round 24,800", total_capital_deployed: 250_000 }),
          notices: [DELIVERY],
        },
        options(width),
      ),
      markCard(strategyOf({ name: "Far calendar" }), mark, { isNow: false }, options(width)),
      markCard(strategyOf({ name: "Far calendar" }), null, { isNow: false }, options(width)),
      quoteList(quotes, options(width)),
      accountList([{ ...ACCOUNT, account_name: "Own book", aliases: ["17"] }], options(width)),
    ];
    await expect(`${texts.join(`\n${"-".repeat(width)}\n`)}\n`).toMatchFileSnapshot(golden("cards", width));
  });
});

const DELIVERY: LegNotice = {
  code: "delivery_due",
  strategy_id: 7,
  leg_id: 21,
  instrument: "NFO:RELIANCE25AUGFUT",
  expiry: "2025-08-28",
  message: "NFO:RELIANCE25AUGFUT expires 2025-08-28 and is delivered: shares will be due unless it is closed",
};

test("where what it made today is not known, the card says why", () => {
  const day_pnl_reason = "its P&L at the close of 2025-07-30 is not known: no candle of that day";
  const text = strategyCard({ ...strategyOf({ day_pnl: null, day_pnl_reason }), notices: [] }, options(200));
  expect(text).not.toContain("· day ₹");
  expect(text).toContain(`\n day ₹ —: ${day_pnl_reason}`);
});

test("a leg without a price leaves the sum unknown, and says how many are priced", () => {
  const text = legList(strategyOf({}), [...LEGS.slice(0, 3), legOf({ id: 25 })], options(80));
  expect(text.split("\n")[0]).toBe("Condor · P&L ₹ — · M2M ₹ — · oldest price 4m");
  expect(text).toContain("3 of 4 priced");
});

test("a total beyond what money can be is not known: the rest is shown", () => {
  const huge = [21, 22].map((id) => legOf({ id, quantity: 1, entry_price: 500_000_000_000, current_pnl: -500_000_000_000 }));
  const text = legList(strategyOf({}), huge, options(80));
  expect(text.split("\n")[0]).toBe("Condor · P&L ₹ — · M2M ₹ —");
  expect(text).toContain("entry value — (beyond 5,00,00,00,00,000.00)");
  expect(text).toContain("5,00,00,00,00,000.00");
  const rich = [7, 8].map((strategy_id) => strategyOf({ strategy_id, current_pnl: 400_000_000_000, current_m2m: -1 }));
  expect(strategyList("XJ4540", rich, null, options(80))).toContain("P&L ₹ — · M2M ₹ -2.00");
  expect(totalOf([500_000_000_000, 500_000_000_000, -500_000_000_000, 0.0001])).toBe(null);
  expect(totalOf([500_000_000_000, 500_000_000_000, -500_000_000_000, -0.0001])).toBe(499_999_999_999.9999);
});

test("nothing to show says so, and what to do", () => {
  expect(strategyList("XJ4540", [], null, options(80))).toBe("no strategies like that in XJ4540");
  expect(legList(strategyOf({ name: "Far calendar" }), [], options(80))).toContain("stratctl leg add 'Far calendar' SELL 1lot");
  expect(accountList([], options(80))).toBe("no accounts yet; add one: stratctl account add XJ4540");
});

test("what was done is said with what comes next", () => {
  expect(strategyDone(strategyOf({ instrument_count: 0 }), "Created")).toBe(
    "Created 7  Condor\n add a leg: stratctl leg add Condor SELL 1lot <instrument>",
  );
  expect(strategyDone(strategyOf({ status: "archived" }), "Archived")).toBe("Archived 7  Condor; its candles stay");
  expect(legDone(legOf({}), "Added", options(80))).toBe("Added 21  BUY 75 (1 lot) NFO:NIFTY2580724400PE @ 64.95");
  expect(legDone(legOf({}), "Removed", options(80))).toContain("stratctl leg add 7 BUY 75 NFO:NIFTY2580724400PE --price 64.95");
  expect(legDone(legOf({ exit_price: 58.4, current_pnl: -491.25 }), "Closed", options(80))).toBe(
    "Closed 21  BUY 75 (1 lot) NFO:NIFTY2580724400PE @ 64.95 → 58.40, realized ₹ -491.25",
  );
});

test("gains and losses are told by sign with and without colour", () => {
  const [plain, coloured] = [false, true].map((color) => strategyList("XJ4540", STRATEGIES, null, options(80, color)));
  expect(plain).toContain("+1,140.00");
  expect(coloured).toContain("\u001B[32m+1,140.00\u001B[39m");
  expect(coloured).toContain("\u001B[31m-281.25\u001B[39m");
});

test("a name cannot repaint the screen", () => {
  const text = strategyList("XJ4540", [strategyOf({ name: "a\u001B[2Jb\u009Bc" })], null, options(80));
  expect(text.replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
});

test("a name goes to a shell as one word", () => {
  expect(["Condor", "Far calendar", "it's"].map(shellWord)).toEqual(["Condor", "'Far calendar'", String.raw`'it'\''s'`]);
});

function widest(text: string): number {
  return Math.max(...text.split("\n").map(displayWidth));
}
