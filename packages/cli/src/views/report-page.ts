import { amountOf, unitsOf } from "@stratctl/sdk/internal";
import type { Report, Reported } from "../commands/report.ts";
import { clean, rupees, UNKNOWN } from "../terminal/format.ts";
import { dayText, minuteText, shortDayText, ZONE } from "../terminal/moment.ts";
import type { Series } from "../terminal/sparkline.ts";
import { escaped } from "./html.ts";
import { fallChart, lineChart } from "./report-charts.ts";
import { accountsOf, accountsText, nameText, periodRow, periodText, pnlBefore, totalsOf, type PeriodRow } from "./report.ts";
import { dayOfSlot, m2mSeries, pnlSeries, type Timeline } from "./timeline.ts";

/** The report as one page: no script, and nothing from elsewhere. */
export function reportPage(report: Report, now_ms: number): string {
  const rows = report.strategies.map((one) => periodRow(one, report));
  const account = escaped(accountsText(report));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${account} · ${escaped(periodText(report))}</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>${account}</h1><p>${escaped(periodText(report))} · rupees · times in ${ZONE}</p></header>
<main>
${rows.length === 0 ? `<p class="none">nothing was marked</p>` : `${totalsTable(rows)}\n${rowsTable(rows)}`}
${report.strategies.map((one) => section(one, report, now_ms)).join("\n")}
</main>
<footer>made ${escaped(dayText(now_ms))} ${minuteText(now_ms)} ${ZONE}</footer>
</body>
</html>
`;
}

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1d21; --soft: #5c6370; --paper: #fff; --edge: #d9dce1; --gain: #0a7a3c; --loss: #b3261e; --line: #2b5f9e; --fall: #e2a19c; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ec; --soft: #a3aab6; --paper: #14161a; --edge: #363b44; --gain: #5bd18b; --loss: #ff8a80; --line: #8ab4f8; --fall: #7a3a37; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 64rem; font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); }
h1 { font-size: 1.35rem; margin: 0; } h1, h2, th[scope=row] { overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 0 0 .1rem; } h3 { font-size: .9rem; margin: 1rem 0 .3rem; font-weight: 600; }
header p, footer, .sum, .none { margin: 0 0 1rem; color: var(--soft); }
.sum { margin: 0; } footer { margin: 2rem 0 0; font-size: .85rem; }
section { margin-top: 2rem; padding-top: 1rem; border-top: 1px solid var(--edge); }
.wide { overflow-x: auto; margin-bottom: 1.25rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
caption { text-align: left; font-weight: 600; font-size: .9rem; padding-bottom: .2rem; }
th, td { padding: .35rem 0 .35rem 1rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--edge); }
thead th { font-weight: 500; color: var(--soft); font-size: .85rem; }
th:first-child { padding-left: 0; text-align: left; } th[scope=row] { font-weight: 500; white-space: normal; min-width: 7rem; }
a { color: inherit; text-decoration-color: var(--soft); text-underline-offset: .2em; }
.gain { color: var(--gain); } .loss { color: var(--loss); }
.chart { display: grid; grid-template-columns: minmax(0, 1fr) 6.5rem; column-gap: .5rem; }
.chart svg { display: block; width: 100%; height: 11rem; overflow: visible; }
.chart.low svg, .low .chart svg { height: 4rem; }
.scale { display: flex; flex-direction: column; justify-content: space-between; }
.scale, .axis { font-size: .75rem; line-height: 1; color: var(--soft); font-variant-numeric: tabular-nums; white-space: nowrap; }
.axis { display: flex; padding-top: .35rem; } .axis span { min-width: 0; overflow: hidden; } .axis span:last-child:not(:first-child):empty { flex: 0; }
svg path { vector-effect: non-scaling-stroke; fill: none; }
.zero { stroke: var(--soft); stroke-dasharray: 3 3; } .day { stroke: var(--edge); }
.line, .dots { stroke: var(--line); stroke-width: 1.75; stroke-linejoin: round; stroke-linecap: round; } .dots { stroke-width: 4; } svg .fall { fill: var(--fall); }
.days { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(17rem, 100%), 1fr)); gap: .25rem 2rem; }
.days h4 { font-size: .85rem; font-weight: 500; margin: .5rem 0 .35rem; } .days .chart svg { height: 4.5rem; }
@media (max-width: 30rem) {
  .stack thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  th, td { padding-left: .6rem; } th[scope=row] { min-width: 0; }
  .stack tr { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .3rem 1rem; padding: .6rem 0; border-bottom: 1px solid var(--edge); }
  .stack th[scope=row] { grid-column: 1 / -1; } .stack th, .stack td { border: 0; padding: 0; text-align: left; white-space: normal; overflow-wrap: anywhere; }
  .stack td::before { content: attr(data-of); display: block; color: var(--soft); font-size: .8rem; line-height: 1.2; }
  .chart svg { height: 9rem; } .chart { grid-template-columns: minmax(0, 1fr) 5.6rem; }
}
@media print { section { break-inside: avoid; } }
`;

function totalsTable(rows: readonly PeriodRow[]): string {
  const totals = totalsOf(rows).map(({ kind, name, period_pnl, cumulative_pnl }) => ({
    name: kind === "all" ? "All strategies" : `${kind} ${shown(name)}`,
    cells: [money(period_pnl), money(cumulative_pnl)],
  }));
  return tableOf(`Totals${partly(rows)}`, { heads: ["", "P&L", "to date"], rows: totals, kind: "" });
}

/** What a sum leaves out is said beside it. */
function partly(rows: readonly PeriodRow[]): string {
  const known = rows.filter(({ sessions }) => sessions > 0).length;
  return known === rows.length ? "" : ` of ${known} of ${rows.length} strategies: of the others nothing is known`;
}

function rowsTable(rows: readonly PeriodRow[]): string {
  const heads = ["Strategy", "P&L", "trades", "won", "drawdown", "to date", "realized to date", "unrealized"];
  const isOfMany = accountsOf(rows).length > 1;
  const cells = rows.map((row) => ({
    name: `<a href="#s${row.strategy_id}">${escaped(nameText(row))}</a>${isOfMany ? ` ${shown(row.account_id)}` : ""}`,
    cells: [
      money(row.period_pnl),
      row.total_trades === null ? UNKNOWN : String(row.total_trades),
      row.win_rate === null ? UNKNOWN : `${Math.round(row.win_rate)} %`,
      escaped(rupees(row.max_drawdown)),
      money(row.cumulative_pnl),
      money(row.realized_pnl),
      money(row.unrealized_pnl),
    ],
  }));
  return tableOf("Strategies", { heads, rows: cells, kind: "stack" });
}

interface Rows {
  readonly heads: readonly string[];
  /** HTML already. */
  readonly rows: readonly { readonly name: string; readonly cells: readonly string[] }[];
  readonly kind: string;
}

/** Roles are said, since a browser drops those of a table that is laid out otherwise on a narrow screen. */
function tableOf(caption: string, { heads, rows, kind }: Rows): string {
  const head = heads.map((text) => `<th scope="col" role="columnheader">${escaped(text)}</th>`).join("");
  const body = rows.map(({ name, cells }) => {
    const tds = cells.map((cell, place) => `<td role="cell" data-of="${escaped(heads[place + 1] ?? "")}">${cell}</td>`).join("");
    return `<tr role="row"><th scope="row" role="rowheader">${name}</th>${tds}</tr>`;
  });
  const label = escaped(caption);
  return `<div class="wide" tabindex="0" role="region" aria-label="${label}"><table role="table" class="${kind}"><caption>${label}</caption><thead role="rowgroup"><tr role="row">${head}</tr></thead><tbody role="rowgroup">${body.join("")}</tbody></table></div>`;
}

function section(one: Reported, report: Report, now_ms: number): string {
  const { strategy, timeline, days } = one;
  const row = periodRow(one, report);
  const { period_pnl, cumulative_pnl } = row;
  const head = `<section id="s${strategy.strategy_id}"><h2>${escaped(nameText(row))}</h2>
<p class="sum">P&amp;L ${money(period_pnl)} · to date ${money(cumulative_pnl)}</p>`;
  const sessions = daysOf(one, now_ms);
  if (sessions.length === 0) return `${head}\n<p class="none">no candles in this period</p></section>`;
  const axis = axisOf(sessions);
  const chart = (what: string) => ({ label: `${what} of ${strategy.name}, ${periodText(report)}`, axis });
  return `${head}
<h3>P&amp;L since entry</h3>${lineChart(pnlSeries(timeline), { ...chart("P&L"), of: "pnl" })}
<h3>Drawdown</h3><div class="low">${fallChart(depthsOf(timeline, pnlBefore(days)), chart("Drawdown"))}</div>
<h3>M2M of each day</h3><div class="days">${sessions.map((session) => dayPanel(session, one)).join("")}</div></section>`;
}

/** The slots from ≤ slot < to of a day of the exchange. */
interface DaySlots {
  readonly day: string;
  readonly text: string;
  readonly from: number;
  readonly to: number;
  /** Of its session; of a day without one, of its slots. */
  readonly open_ms: number;
  readonly close_ms: number;
}

function daysOf({ timeline, sessions }: Reported, now_ms: number): DaySlots[] {
  const byDay = Map.groupBy(timeline.starts.keys(), (slot) => dayOfSlot(timeline, slot));
  return [...byDay].map(([day, slots]) => {
    const [from = 0, to = from] = [slots[0], slots.at(-1)];
    const [weekday = ""] = dayText(day).split(" ");
    const [first_ms, last_ms] = [timeline.starts[from] ?? 0, timeline.starts[to] ?? 0];
    const hours = sessions.find(({ open_ms, close_ms }) => open_ms <= first_ms && last_ms < close_ms) ?? {
      open_ms: first_ms,
      close_ms: last_ms,
    };
    const { open_ms, close_ms } = hours;
    return { day, text: `${weekday} ${shortDayText(first_ms, now_ms)}`, from, to: to + 1, open_ms, close_ms };
  });
}

/** So many days have room for their names below a chart. */
const NAMED_MAX = 7;

function axisOf(sessions: readonly DaySlots[]): { text: string; slots: number }[] {
  const [only] = sessions;
  if (sessions.length === 1 && only !== undefined) return hoursAxis(only);
  const isNamed = (place: number): boolean => sessions.length <= NAMED_MAX || place % Math.ceil(sessions.length / 5) === 0;
  return sessions.map(({ day, from, to }, place) => ({ text: isNamed(place) ? String(Number(day.slice(8))) : "", slots: to - from }));
}

/** From when to when. */
function hoursAxis({ from, to, open_ms, close_ms }: DaySlots): { text: string; slots: number }[] {
  return [{ text: `${minuteText(open_ms)} – ${minuteText(close_ms)}`, slots: to - from }];
}

function dayPanel(session: DaySlots, { strategy, days, timeline }: Reported): string {
  const { day, text, from, to } = session;
  const of_day = days.find(({ metric_date }) => metric_date === day);
  const chart = lineChart(m2mSeries(timeline).slice(from, to), {
    label: `M2M of ${strategy.name} on ${dayText(day)}`,
    axis: hoursAxis(session),
    of: "m2m",
  });
  return `<div><h4>${escaped(text)}${of_day === undefined ? "" : ` · P&amp;L ${money(of_day.day_pnl)}`}</h4>${chart}</div>`;
}

/**
 * How far below its highest so far the P&L was in each slot, from the close before on where that is known. Of a slot it is known
 * that its open came first and its close last: a fall counts where its high is known to have come before its low.
 */
function depthsOf({ candles }: Timeline, before: number | null): Series {
  let peak = before === null ? Number.NEGATIVE_INFINITY : unitsOf(before);
  return candles.map((candle) => {
    if (candle === null) return null;
    const [open, high] = [unitsOf(candle.pnl_open), unitsOf(candle.pnl_high)];
    const [low, close] = [unitsOf(candle.pnl_low), unitsOf(candle.pnl_close)];
    const depth = Math.max(Math.max(peak, open) - low, Math.max(peak, high) - close);
    peak = Math.max(peak, high);
    return amountOf(depth);
  });
}

function money(amount: number | null): string {
  const text = escaped(rupees(amount, { signed: true }));
  if (amount === null || amount === 0) return `<span>${text}</span>`;
  return `<span class="${amount > 0 ? "gain" : "loss"}">${text}</span>`;
}

function shown(name: string): string {
  return escaped(clean(name));
}
