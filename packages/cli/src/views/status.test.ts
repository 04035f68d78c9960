import { describe, expect, test } from "vitest";
import type { Status } from "@stratctl/sdk";
import { displayWidth } from "../terminal/format.ts";
import { gapList } from "./gaps.ts";
import { statusView } from "./status.ts";

const AT = "2025-07-31T09:22:07Z";
const options = (width: number, color = false) => ({ width, height: 24, color, now_ms: Date.parse(AT) });
const golden = (name: string, width: number) => `../../../../test/cli/golden/${name}, ${width} columns.txt`;
const WIDTHS = [40, 80, 200];

const STANDING = {
  last_sample_at: "2025-07-31T09:22:06Z",
  sample_count: 20_226,
  skipped_count: 2,
  strategy_count: 3,
  sources: [
    { name: "redis", up: false, reason: "connection refused" },
    { name: "ticker", up: true, reason: null },
  ],
  waiting_count: 1204,
  spool_depth: 40_000,
  degraded: ["redis is away", "no price for NFO:NIFTY25SEP26000CE (redis: no key; ticker: 404)"],
};

const ENGINE = {
  shard: 1,
  of: 1,
  holder: "desk-1 4711",
  fence: 3,
  is_leading: true,
  since: "2025-07-31T03:31:00Z",
  seen_at: AT,
  standing: STANDING,
};

const TROUBLED: Status = {
  account_id: "XJ4540",
  at: AT,
  engines: [ENGINE],
  sessions: [
    { exchange: "MCX", opens_at: "2025-08-01T03:30:00Z", closes_at: "2025-08-01T18:00:00Z", is_open: false },
    { exchange: "NFO", opens_at: "2025-07-31T03:45:00Z", closes_at: "2025-07-31T10:00:00Z", is_open: true },
  ],
  coverage: { day: "2025-07-31", due_minutes: 1011, candle_minutes: 818 },
  gaps: [
    { strategy_id: 9, name: "Far calendar", minutes: 190 },
    { strategy_id: 7, name: "Condor", minutes: 3 },
  ],
  unmarked: [
    {
      strategy_id: 9,
      name: "Far calendar",
      at: "2025-07-31T09:22:06Z",
      reason: "no price for NFO:NIFTY25SEP26000CE (redis: no key; ticker: 404)",
    },
  ],
  warnings: ["holidays of NFO are known until 2025-08-20: stratctl calendar"],
};

const WELL: Status = {
  ...TROUBLED,
  engines: [
    {
      ...ENGINE,
      standing: {
        ...STANDING,
        skipped_count: 0,
        strategy_count: 1,
        sources: [{ name: "redis", up: true, reason: null }],
        waiting_count: 0,
        spool_depth: 0,
        degraded: [],
      },
    },
  ],
  sessions: TROUBLED.sessions.slice(1),
  coverage: { day: "2025-07-31", due_minutes: 337, candle_minutes: 337 },
  gaps: [],
  unmarked: [],
  warnings: [],
};

const GAPS = [
  {
    strategy_id: 7,
    strategy: "Condor",
    first_minute: "2025-07-31T06:12:00Z",
    last_minute: "2025-07-31T06:14:00Z",
    minutes: 3,
    reason: "no engine marked it",
  },
  {
    strategy_id: 9,
    strategy: "Far calendar",
    first_minute: "2025-07-30T06:12:00Z",
    last_minute: "2025-07-30T09:21:00Z",
    minutes: 190,
    reason: "no price for NFO:NIFTY25SEP26000CE (redis: no key; ticker: 404)",
  },
];

describe.each(WIDTHS)("at %i columns", (width) => {
  test.each([
    ["status", TROUBLED],
    ["status well", WELL],
  ])("%s", async (name, status) => {
    const text = statusView(status, options(width));
    expect(widest(text)).toBeLessThanOrEqual(width);
    await expect(`${text}\n`).toMatchFileSnapshot(golden(name, width));
  });

  test("gaps", async () => {
    const text = gapList(GAPS, options(width));
    await expect(`${text}\n`).toMatchFileSnapshot(golden("gaps", width));
  });
});

test("without an engine, or with one that is gone, it says what to start", () => {
  expect(statusView({ ...WELL, engines: [] }, options(80))).toContain("none yet: nothing is marked; start one: stratctl daemon");
  const gone = { ...ENGINE, shard: 2, of: 4, is_leading: false };
  const text = statusView({ ...WELL, engines: [gone, { ...gone, shard: 3, seen_at: null }] }, options(80));
  expect(text).toContain("shard 2/4: nobody leads · desk-1 4711 did, last seen 14:52:07");
  expect(text).toContain("shard 3/4: nobody leads · desk-1 4711 did, it left");
  // What it told before it went is not how things are.
  expect(text).not.toMatch(/not well|sources/);
});

test("long lists are counted, and nothing due is no failure", () => {
  const many = Array.from({ length: 9 }, (_, place) => ({ strategy_id: place, name: `S${place}`, minutes: 1 }));
  const text = statusView({ ...WELL, gaps: many, coverage: { day: null, due_minutes: 0, candle_minutes: 0 } }, options(80));
  expect(text).toContain("and 4 more: --json has them");
  expect(text).toContain("none was due");
});

test("a name cannot repaint the screen", () => {
  const gaps = [{ strategy_id: 1, name: "a\u001B[2Jb\u009Bc", minutes: 1 }];
  expect(statusView({ ...WELL, gaps }, options(80)).replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
});

test("no gaps says so", () => {
  expect(gapList([], options(80))).toBe("no gaps: every minute that was due has its candle");
});

function widest(text: string): number {
  return Math.max(...text.split("\n").map(displayWidth));
}
