import type { MetricsRebuilt, Strategy } from "@stratctl/sdk";
import type { NamedDay } from "../commands/metrics.ts";
import type { ViewOptions } from "../output.ts";
import { clean, counted, joined, paint, rupees, toneOf, UNKNOWN } from "../terminal/format.ts";
import { shortDayText } from "../terminal/moment.ts";
import { SPARE, table, type Cell, type Column } from "../terminal/table.ts";

/** What the days were asked for with. */
export interface MetricsAsked {
  readonly named: Strategy | null;
  readonly rebuilt: MetricsRebuilt | null;
}

export function metricsList(days: readonly NamedDay[], { named, rebuilt }: MetricsAsked, { width, color, now_ms }: ViewOptions): string {
  const done =
    rebuilt === null ? [] : [`${counted(rebuilt.day_count, "day")} written anew, ${rebuilt.changed_count} of them other than before`];
  if (days.length === 0) return [...done, "no day has figures yet: the engine writes them at the session's end, or --rebuild"].join("\n");
  const strategies = new Set(days.map(({ strategy_id }) => strategy_id)).size;
  const shown = named === null ? columnsAt(now_ms) : columnsAt(now_ms).filter(({ title }) => title !== "strategy" && title !== "id");
  const title = named === null ? (strategies === 1 ? "1 strategy" : `${strategies} strategies`) : paint(clean(named.name), "strong", color);
  return [
    ...done,
    joined([title, counted(new Set(days.map(({ metric_date }) => metric_date)).size, "session"), "trades and ratios to date"], width),
    "",
    table(shown, days, { width, color }),
    ...reasons(days, named),
  ].join("\n");
}

/** Why a ratio is none, where that is plain. */
function reasons(days: readonly NamedDay[], named: Strategy | null): string[] {
  const last = days.at(-1);
  if (named === null || last === undefined) return [];
  const why = [
    ...(last.capital_deployed === null || last.capital_deployed <= 0
      ? ["no ROI and no Sharpe without capital: strategy update --capital"]
      : []),
    ...(last.total_trades > 0 && last.profit_factor === null ? ["no profit factor: nothing was lost yet"] : []),
  ];
  return why.length === 0 ? [] : ["", ...why.map((line) => ` ${line}`)];
}

function money(amount: number | null): Cell {
  return { text: rupees(amount, { signed: true }), tone: toneOf(amount) };
}

function ratio(value: number | null, digits = 2): string {
  return value === null ? UNKNOWN : value.toFixed(digits);
}

function columnsAt(now_ms: number): readonly Column<NamedDay>[] {
  return [
    { title: "day", cell: ({ metric_date }) => shortDayText(Date.parse(`${metric_date}T06:00:00Z`), now_ms) },
    { title: "id", cell: ({ strategy_id }) => String(strategy_id), align: "right", rank: 4 },
    { title: "strategy", cell: ({ strategy }) => clean(strategy), shrink: { to: 10 } },
    { title: "day ₹", cell: ({ day_pnl }) => money(day_pnl), align: "right" },
    { title: "P&L ₹", cell: ({ cumulative_pnl }) => money(cumulative_pnl), align: "right", rank: 1 },
    { title: "realized ₹", cell: ({ realized_pnl }) => money(realized_pnl), align: "right", rank: 4 },
    { title: "drawdown ₹", cell: ({ max_drawdown }) => rupees(max_drawdown), align: "right", rank: 2 },
    { title: "open", cell: ({ open_positions }) => String(open_positions), align: "right", rank: SPARE + 3 },
    { title: "trades", cell: ({ total_trades }) => String(total_trades), align: "right", rank: 3 },
    { title: "won %", cell: ({ win_rate }) => ratio(win_rate, 0), align: "right", rank: SPARE },
    { title: "ROI %", cell: ({ roi_percent }) => ratio(roi_percent), align: "right", rank: SPARE + 1 },
    { title: "Sharpe", cell: ({ sharpe_ratio }) => ratio(sharpe_ratio), align: "right", rank: SPARE + 2 },
  ];
}
