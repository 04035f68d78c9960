import { expect, test } from "vitest";
import { strategyOf } from "../../../../test/cli/made-up.ts";
import type { NamedDay } from "../commands/metrics.ts";
import { displayWidth } from "../terminal/format.ts";
import { metricsList } from "./metrics.ts";

const NOW_MS = Date.parse("2025-08-01T10:30:00Z");
const options = (width: number) => ({ width, height: 24, color: false, now_ms: NOW_MS });
const WIDTHS = [40, 80, 200];

const DAY: NamedDay = {
  strategy_id: 7,
  strategy: "Condor",
  metric_date: "2025-07-30",
  day_pnl: 1501.5,
  cumulative_pnl: 1501.5,
  realized_pnl: 0,
  unrealized_pnl: 1501.5,
  high_pnl: 1610,
  low_pnl: -90,
  day_drawdown: 640,
  open_positions: 4,
  closed_positions: 0,
  total_trades: 0,
  winning_trades: 0,
  losing_trades: 0,
  win_rate: null,
  profit_factor: null,
  max_consecutive_losses: 0,
  capital_deployed: 250_000,
  roi_percent: 0.6006,
  sharpe_ratio: null,
  sortino_ratio: null,
  max_drawdown: 640,
  margin_used: null,
};
const DAYS: readonly NamedDay[] = [
  DAY,
  {
    ...DAY,
    metric_date: "2025-07-31",
    day_pnl: null,
    cumulative_pnl: null,
    unrealized_pnl: null,
    high_pnl: null,
    low_pnl: null,
    roi_percent: null,
  },
  {
    ...DAY,
    metric_date: "2025-08-01",
    day_pnl: -601.25,
    cumulative_pnl: 900.25,
    realized_pnl: 900.25,
    total_trades: 3,
    winning_trades: 2,
    losing_trades: 0,
    win_rate: 66.6667,
    max_drawdown: 1240.5,
    roi_percent: 0.3601,
    sharpe_ratio: 2.8983,
    sortino_ratio: 3.5,
  },
];
const named = strategyOf({});

test.each(WIDTHS)("days of a strategy in %d columns", async (width) => {
  const told = metricsList(DAYS, { named, rebuilt: null }, options(width));
  for (const line of told.split("\n")) expect(displayWidth(line)).toBeLessThanOrEqual(width);
  await expect(told).toMatchFileSnapshot(`../../../../test/cli/golden/metrics, ${width} columns.txt`);
});

test("of several strategies each day names its own; a rebuild says what it changed", () => {
  const days = [...DAYS, { ...DAY, strategy_id: 9, strategy: "Far calendar" }];
  const told = metricsList(days, { named: null, rebuilt: { strategy_count: 2, day_count: 4, changed_count: 1 } }, options(120));
  expect(told).toContain("4 days written anew, 1 of them other than before\n2 strategies · 3 sessions");
  expect(told).toMatch(/Far calendar/);
});

test("without capital, and without a loss, it says why there is no ratio", () => {
  const told = metricsList([{ ...DAY, capital_deployed: null, total_trades: 1 }], { named, rebuilt: null }, options(80));
  expect(told).toMatch(/no ROI and no Sharpe without capital: .*--capital[^]*nothing was lost yet/);
  expect(metricsList(DAYS, { named, rebuilt: null }, options(80))).not.toContain("without capital");
});

test("without a day it says where they come from", () => {
  expect(metricsList([], { named, rebuilt: null }, options(80))).toBe(
    "no day has figures yet: the engine writes them at the session's end, or --rebuild",
  );
});
