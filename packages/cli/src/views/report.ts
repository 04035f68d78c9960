import type { Report, Reported } from "../commands/report.ts";
import type { ViewOptions } from "../output.ts";
import { clean, counted, joined, paint, rupees, toneOf, UNKNOWN } from "../terminal/format.ts";
import { dayText } from "../terminal/moment.ts";
import { sparkline } from "../terminal/sparkline.ts";
import { table, type Column } from "../terminal/table.ts";
import { totalOf, wholeOf } from "./sums.ts";
import { pnlSeries } from "./timeline.ts";

/** What a strategy came to in a period; what nobody knows is null. Money in rupees. */
export function periodRow({ strategy, days }: Reported, { from, to }: Report) {
  // Days on which nobody marked it say nothing of what it came to: what it grew by is told from the days that do.
  const known = days.filter(({ cumulative_pnl }) => cumulative_pnl !== null);
  const last = known.at(-1);
  const before = pnlBefore(days);
  return {
    strategy_id: strategy.strategy_id,
    strategy: strategy.name,
    tags: strategy.tags,
    from,
    to,
    sessions: known.length,
    /** What its P&L grew by. */
    period_pnl: before === null || last?.cumulative_pnl == null ? null : totalOf([last.cumulative_pnl, -before]),
    cumulative_pnl: last?.cumulative_pnl ?? null,
    realized_pnl: last?.realized_pnl ?? null,
    unrealized_pnl: last?.unrealized_pnl ?? null,
    total_trades: last?.total_trades ?? null,
    win_rate: last?.win_rate ?? null,
    max_drawdown: last?.max_drawdown ?? null,
  };
}
/** The P&L at the close before the first day that is known; null where that is not. */
export function pnlBefore(days: Reported["days"]): number | null {
  const first = days.find(({ cumulative_pnl }) => cumulative_pnl !== null);
  if (first === undefined || first.cumulative_pnl === null || first.day_pnl === null) return null;
  return totalOf([first.cumulative_pnl, -first.day_pnl]);
}

export type PeriodRow = ReturnType<typeof periodRow>;

/** Sums of the period over an account and over each tag; a strategy with two tags is in both, and once in the account. */
export function totalsOf(rows: readonly PeriodRow[]): { name: string; period_pnl: number | null; cumulative_pnl: number | null }[] {
  const tags = [...new Set(rows.flatMap((row) => row.tags))].toSorted();
  const known = rows.filter(({ sessions }) => sessions > 0);
  const total = (name: string, some: readonly PeriodRow[]) => ({
    name,
    period_pnl: some.length === 0 ? null : wholeOf(some.map(({ period_pnl }) => period_pnl)),
    cumulative_pnl: some.length === 0 ? null : wholeOf(some.map(({ cumulative_pnl }) => cumulative_pnl)),
  });
  return [
    total("all", known),
    ...tags.map((tag) =>
      total(
        tag,
        known.filter((row) => row.tags.includes(tag)),
      ),
    ),
  ];
}

const SPARKLINE_LEAST = 12;

export function reportView(report: Report, { width, color }: ViewOptions): string {
  const rows = report.strategies.map((one) => periodRow(one, report));
  const [all, ...byTag] = totalsOf(rows);
  const timelines = new Map(report.strategies.map(({ strategy, timeline }) => [strategy.strategy_id, timeline]));
  const known = rows.filter(({ sessions }) => sessions > 0).length;
  if (rows.length === 0) return `nothing was marked in ${periodText(report)}`;
  return [
    joined(
      [
        paint(clean(report.account_id), "strong", color),
        periodText(report),
        `P&L ₹ ${paint(rupees(all?.period_pnl ?? null, { signed: true }), toneOf(all?.period_pnl ?? null), color)}`,
        counted(rows.length, "strateg").replace(/strategs?$/, rows.length === 1 ? "strategy" : "strategies"),
        ...(known < rows.length ? [`figures of ${known} of them`] : []),
      ],
      width,
    ),
    "",
    table(COLUMNS, rows, {
      width,
      color,
      footer: { "P&L ₹": cellOf(all?.period_pnl ?? null), "to date ₹": cellOf(all?.cumulative_pnl ?? null) },
      rest: {
        title: "P&L",
        least: SPARKLINE_LEAST,
        cell: ({ strategy_id }, room) => {
          const timeline = timelines.get(strategy_id);
          return timeline === undefined ? "" : sparkline(pnlSeries(timeline), { width: room, color });
        },
      },
    }),
    ...(byTag.length === 0
      ? []
      : [
          "",
          joined(
            byTag.map(({ name, period_pnl }) => `${clean(name)} ${rupees(period_pnl, { signed: true })}`),
            width,
            " ",
          ),
        ]),
    ...(known < rows.length ? ["", joined(["days without figures", "stratctl metrics --rebuild"], width, " ")] : []),
  ].join("\n");
}

export function periodText({ from, to }: Pick<Report, "from" | "to">): string {
  return from === to ? dayText(from) : `${dayText(from)} – ${dayText(to)}`;
}

function cellOf(amount: number | null) {
  return { text: rupees(amount, { signed: true }), tone: toneOf(amount) };
}

const COLUMNS: readonly Column<PeriodRow>[] = [
  { title: "id", cell: ({ strategy_id }) => String(strategy_id), align: "right", rank: 4 },
  { title: "strategy", cell: ({ strategy }) => clean(strategy), shrink: { to: 12 } },
  { title: "P&L ₹", cell: ({ period_pnl }) => cellOf(period_pnl), align: "right" },
  { title: "to date ₹", cell: ({ cumulative_pnl }) => cellOf(cumulative_pnl), align: "right", rank: 1 },
  { title: "trades", cell: ({ total_trades }) => (total_trades === null ? UNKNOWN : String(total_trades)), align: "right", rank: 3 },
  { title: "won", cell: ({ win_rate }) => (win_rate === null ? UNKNOWN : `${Math.round(win_rate)} %`), align: "right", rank: 3 },
  { title: "drawdown ₹", cell: ({ max_drawdown }) => rupees(max_drawdown), align: "right", rank: 2 },
];
