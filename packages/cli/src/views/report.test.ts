import { describe, expect, test } from "vitest";
import type { DayMetrics, Performance, Strategy } from "@stratctl/sdk";
import { candlesOf, OPEN_MS, strategyOf } from "../../../../test/cli/made-up.ts";
import type { Report } from "../commands/report.ts";
import { reportPage } from "./report-page.ts";
import { periodRow, reportView, totalsOf } from "./report.ts";
import { timelineOf } from "./timeline.ts";

const NOTHING: DayMetrics = {
  strategy_id: 7,
  metric_date: "2025-07-31",
  day_pnl: null,
  cumulative_pnl: null,
  realized_pnl: null,
  unrealized_pnl: null,
  high_pnl: null,
  low_pnl: null,
  day_drawdown: null,
  open_positions: 4,
  closed_positions: 0,
  total_trades: 0,
  winning_trades: 0,
  losing_trades: 0,
  win_rate: null,
  profit_factor: null,
  max_consecutive_losses: 0,
  capital_deployed: null,
  roi_percent: null,
  sharpe_ratio: null,
  sortino_ratio: null,
  max_drawdown: null,
  margin_used: null,
};
const day = (metric_date: string, day_pnl: number | null, cumulative_pnl: number | null): DayMetrics => ({
  ...NOTHING,
  metric_date,
  day_pnl,
  cumulative_pnl,
});

/** Of the period; days tell of what was before it, too. */
const OVERALL: Performance["overall"] = {
  session_count: 1,
  total_pnl: 20,
  total_trades: 1,
  winning_trades: 1,
  losing_trades: 0,
  win_rate: 100,
  profit_factor: null,
  max_consecutive_losses: 0,
  capital_deployed: null,
  roi_percent: null,
  sharpe_ratio: null,
  sortino_ratio: null,
  max_drawdown: 50.25,
};

function reported({ strategy_id = 7, ...given }: Partial<Strategy>, days: DayMetrics[]): Report["strategies"][number] {
  const candles = candlesOf(6, (minute) => (minute === 3 ? null : minute * 10 - 20));
  const span = { from_ms: OPEN_MS, to_ms: OPEN_MS + 6 * 60_000 };
  const sessions = [{ open_ms: OPEN_MS, close_ms: OPEN_MS + 6 * 60_000 }];
  return {
    strategy: strategyOf({ strategy_id, ...given }),
    days: days.map((of) => ({ ...of, total_trades: 4, win_rate: 25, max_drawdown: 650 })),
    overall: OVERALL,
    timeline: timelineOf(candles, { ...span, interval: "1m", sessions }),
    sessions,
  };
}

const REPORT: Report = {
  accounts: ["XJ<4540>"],
  from: "2025-07-28",
  to: "2025-08-03",
  strategies: [
    reported({ strategy_id: 7, name: "Condor", tags: ["weekly", "a"] }, [
      day("2025-07-30", 100.5, 400.5),
      day("2025-07-31", -50.25, 350.25),
      day("2025-08-01", null, null),
    ]),
    reported({ strategy_id: 8, name: "Straddle <b>", tags: ["weekly"] }, [day("2025-07-31", 20, 20)]),
    reported({ strategy_id: 9, name: "Unmarked" }, []),
  ],
};
const WIDE = { width: 200, height: 50, color: false, now_ms: OPEN_MS };
const rows = REPORT.strategies.map((one) => periodRow(one, REPORT));

test("what a strategy grew by is told from the days that were marked, from the close before them on", () => {
  expect(rows.map(({ sessions, period_pnl, cumulative_pnl }) => [sessions, period_pnl, cumulative_pnl])).toEqual([
    [2, 50.25, 350.25],
    [1, 20, 20],
    [0, null, null],
  ]);
});

test("totals count a strategy once, and once in each of its tags; one without a day is in none", () => {
  expect(totalsOf(rows).map(({ name, period_pnl }) => [name, period_pnl])).toEqual([
    ["all", 70.25],
    ["a", 50.25],
    ["weekly", 70.25],
  ]);
});

test("trades, what of them was won and the drawdown are of the period, as its P&L is; without a day nothing is known of them", () => {
  expect(rows.map(({ total_trades, win_rate, max_drawdown }) => [total_trades, win_rate, max_drawdown])).toEqual([
    [1, 100, 50.25],
    [1, 100, 50.25],
    [null, null, null],
  ]);
  expect(reportView(REPORT, WIDE)).toMatch(/Condor +\+50\.25 +1 +100 % +50\.25 +\+350\.25/);
});

describe("of several accounts, with one that was archived", () => {
  const days = [day("2025-07-31", 3000, 3000)];
  const report: Report = {
    ...REPORT,
    accounts: ["XJ4540", "ZK1"],
    strategies: [
      ...REPORT.strategies,
      reported({ strategy_id: 12, account_id: "ZK1", name: "Won", tags: ["weekly"], status: "archived" }, days),
    ],
  };

  test("each has a total, and all of them together", () => {
    const totals = totalsOf(report.strategies.map((one) => periodRow(one, report)));
    expect(totals.map(({ kind, name, period_pnl }) => [kind, name, period_pnl])).toEqual([
      ["all", "all", 3070.25],
      ["account", "XJ4540", 70.25],
      ["account", "ZK1", 3000],
      ["tag", "a", 50.25],
      ["tag", "weekly", 3070.25],
    ]);
  });

  test("which account a strategy is of, and that it was archived, is beside it", () => {
    const text = reportView(report, WIDE);
    expect(text).toContain("2 accounts");
    expect(text).toMatch(/12 +ZK1 +Won \(archived\) +\+3,000\.00/);
    expect(text).toMatch(/XJ4540 \+70\.25 · ZK1 \+3,000\.00/);
    const page = reportPage(report, OPEN_MS);
    expect(page).toContain("<h1>2 accounts</h1>");
    expect(page).toContain("account ZK1");
    expect(page).toContain("Won (archived)</a> ZK1</th>");
    expect(page).toContain("<h2>Won (archived)</h2>");
  });
});

describe.each([40, 80, 200])("at %i columns", (width) => {
  test("no line is longer, and the sum is there", () => {
    const text = reportView(REPORT, { width, height: 50, color: false, now_ms: OPEN_MS });
    expect(text).toContain("+70.25");
    expect(text).toContain("stratctl metrics --rebuild");
    expect(text).toContain("figures of 2 of them");
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(width);
  });
});

describe("the page", () => {
  const page = reportPage(REPORT, OPEN_MS);

  test("asks nothing of elsewhere, runs nothing, and shows names as they are", () => {
    expect(page).not.toMatch(/<script|https?:|src=|@import|url\(/);
    expect(page).toContain("default-src 'none'");
    expect(page).toContain("Straddle &lt;b&gt;");
    expect(page).not.toContain("<b>");
  });

  test("draws no line over a gap", () => {
    const [, path = ""] = /class="line" d="([^"]*)"/.exec(page) ?? [];
    expect(path.match(/M/g)).toHaveLength(2);
  });

  test("falls are from the highest so far, which begins at the first known", () => {
    expect(page).toContain("at most 20.00");
  });
});
