import { describe, expect, test } from "vitest";
import type { DayMetrics } from "@stratctl/sdk";
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

function reported(id: number, name: string, tags: string[], days: DayMetrics[]): Report["strategies"][number] {
  const candles = candlesOf(6, (minute) => (minute === 3 ? null : minute * 10 - 20));
  const span = { from_ms: OPEN_MS, to_ms: OPEN_MS + 6 * 60_000 };
  const sessions = [{ open_ms: OPEN_MS, close_ms: OPEN_MS + 6 * 60_000 }];
  return {
    strategy: strategyOf({ strategy_id: id, name, tags }),
    days,
    timeline: timelineOf(candles, { ...span, interval: "1m", sessions }),
    sessions,
  };
}

const REPORT: Report = {
  account_id: "XJ<4540>",
  from: "2025-07-28",
  to: "2025-08-03",
  strategies: [
    reported(
      7,
      "Condor",
      ["weekly", "a"],
      [day("2025-07-30", 100.5, 400.5), day("2025-07-31", -50.25, 350.25), day("2025-08-01", null, null)],
    ),
    reported(8, "Straddle <b>", ["weekly"], [day("2025-07-31", 20, 20)]),
    reported(9, "Unmarked", [], []),
  ],
};
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
