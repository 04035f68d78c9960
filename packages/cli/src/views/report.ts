import type { Report, Reported } from "../commands/report.ts";
import type { ViewOptions } from "../output.ts";
import { clean, counted, joined, paint, rupees, toneOf, UNKNOWN } from "../terminal/format.ts";
import { dayText } from "../terminal/moment.ts";
import { sparkline } from "../terminal/sparkline.ts";
import { table, type Column } from "../terminal/table.ts";
import { totalOf, wholeOf } from "./sums.ts";
import { pnlSeries } from "./timeline.ts";

/** What a strategy came to in a period; what nobody knows is null. Money in rupees. */
export function periodRow({ strategy, days, overall }: Reported, { from, to }: Report) {
  // Days on which nobody marked it say nothing of what it came to: what it grew by is told from the days that do.
  const known = days.filter(({ cumulative_pnl }) => cumulative_pnl !== null);
  const last = known.at(-1);
  const before = pnlBefore(days);
  const isKnown = days.length > 0;
  return {
    account_id: strategy.account_id,
    strategy_id: strategy.strategy_id,
    strategy: strategy.name,
    status: strategy.status,
    tags: strategy.tags,
    from,
    to,
    sessions: known.length,
    /** What its P&L grew by. */
    period_pnl: before === null || last?.cumulative_pnl == null ? null : totalOf([last.cumulative_pnl, -before]),
    total_trades: isKnown ? overall.total_trades : null,
    win_rate: isKnown ? overall.win_rate : null,
    max_drawdown: isKnown ? overall.max_drawdown : null,
    /** To date, as the two after it. */
    cumulative_pnl: last?.cumulative_pnl ?? null,
    realized_pnl: last?.realized_pnl ?? null,
    unrealized_pnl: last?.unrealized_pnl ?? null,
  };
}

/** The P&L at the close before the first day that is known; null where that is not. */
export function pnlBefore(days: Reported["days"]): number | null {
  const first = days.find(({ cumulative_pnl }) => cumulative_pnl !== null);
  if (first === undefined || first.cumulative_pnl === null || first.day_pnl === null) return null;
  return totalOf([first.cumulative_pnl, -first.day_pnl]);
}

export type PeriodRow = ReturnType<typeof periodRow>;

export interface Total {
  readonly kind: "all" | "account" | "tag";
  readonly name: string;
  readonly period_pnl: number | null;
  readonly cumulative_pnl: number | null;
}

/**
 * Sums of the period over everything, over each account where there are several, and over each tag; a strategy with two tags is in
 * both, and once in all.
 */
export function totalsOf(rows: readonly PeriodRow[]): Total[] {
  const known = rows.filter(({ sessions }) => sessions > 0);
  const total = (kind: Total["kind"], name: string, isIn: (row: PeriodRow) => boolean): Total => {
    const some = known.filter(isIn);
    const sum = (of: (row: PeriodRow) => number | null): number | null => (some.length === 0 ? null : wholeOf(some.map(of)));
    return { kind, name, period_pnl: sum(({ period_pnl }) => period_pnl), cumulative_pnl: sum(({ cumulative_pnl }) => cumulative_pnl) };
  };
  const accounts = accountsOf(rows);
  const tags = [...new Set(rows.flatMap((row) => row.tags))].toSorted();
  return [
    total("all", "all", () => true),
    ...(accounts.length < 2 ? [] : accounts.map((name) => total("account", name, ({ account_id }) => account_id === name))),
    ...tags.map((name) => total("tag", name, (row) => row.tags.includes(name))),
  ];
}

export function accountsOf(rows: readonly PeriodRow[]): string[] {
  return [...new Set(rows.map(({ account_id }) => account_id))].toSorted();
}

export function accountsText({ accounts }: Report): string {
  return accounts.length === 1 ? clean(accounts[0] ?? "") : counted(accounts.length, "account");
}

export function nameText({ strategy, status }: Pick<PeriodRow, "strategy" | "status">): string {
  return clean(strategy) + (status === "archived" ? " (archived)" : "");
}

const SPARKLINE_LEAST = 12;

export function reportView(report: Report, { width, color }: ViewOptions): string {
  const rows = report.strategies.map((one) => periodRow(one, report));
  const [all, ...parts] = totalsOf(rows);
  const columns = accountsOf(rows).length < 2 ? COLUMNS : [...COLUMNS.slice(0, 1), ACCOUNT, ...COLUMNS.slice(1)];
  const timelines = new Map(report.strategies.map(({ strategy, timeline }) => [strategy.strategy_id, timeline]));
  const known = rows.filter(({ sessions }) => sessions > 0).length;
  if (rows.length === 0) return `nothing was marked in ${periodText(report)}`;
  return [
    joined(
      [
        paint(accountsText(report), "strong", color),
        periodText(report),
        `P&L ₹ ${paint(rupees(all?.period_pnl ?? null, { signed: true }), toneOf(all?.period_pnl ?? null), color)}`,
        counted(rows.length, "strateg").replace(/strategs?$/, rows.length === 1 ? "strategy" : "strategies"),
        ...(known < rows.length ? [`figures of ${known} of them`] : []),
      ],
      width,
    ),
    "",
    table(columns, rows, {
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
    ...(["account", "tag"] as const).flatMap((kind) => {
      const some = parts.filter((part) => part.kind === kind);
      if (some.length === 0) return [];
      const texts = some.map(({ name, period_pnl }) => `${clean(name)} ${rupees(period_pnl, { signed: true })}`);
      return ["", joined(texts, width, " ")];
    }),
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
  { title: "strategy", cell: nameText, shrink: { to: 12 } },
  { title: "P&L ₹", cell: ({ period_pnl }) => cellOf(period_pnl), align: "right" },
  { title: "trades", cell: ({ total_trades }) => (total_trades === null ? UNKNOWN : String(total_trades)), align: "right", rank: 3 },
  { title: "won", cell: ({ win_rate }) => (win_rate === null ? UNKNOWN : `${Math.round(win_rate)} %`), align: "right", rank: 3 },
  { title: "drawdown ₹", cell: ({ max_drawdown }) => rupees(max_drawdown), align: "right", rank: 2 },
  { title: "to date ₹", cell: ({ cumulative_pnl }) => cellOf(cumulative_pnl), align: "right", rank: 1 },
];
const ACCOUNT: Column<PeriodRow> = { title: "account", cell: ({ account_id }) => clean(account_id), rank: 1 };
