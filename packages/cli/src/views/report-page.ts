import type { Report, Reported } from "../commands/report.ts";
import { rupees, UNKNOWN } from "../terminal/format.ts";
import { dayText, minuteText, shortDayText, ZONE } from "../terminal/moment.ts";
import type { Series } from "../terminal/sparkline.ts";
import { periodRow, periodText, totalsOf, type PeriodRow } from "./report.ts";
import { pnlSeries } from "./timeline.ts";

/** The report as one page: no script, and nothing from elsewhere. */
export function reportPage(report: Report, now_ms: number): string {
  const rows = report.strategies.map((one) => periodRow(one, report));
  const title = `${report.account_id} · ${periodText(report)}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escaped(title)}</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>${escaped(report.account_id)}</h1><p>${escaped(periodText(report))} · P&amp;L in rupees · times in ${ZONE}</p></header>
${totalsTable(rows)}
${rowsTable(rows)}
${report.strategies.map((one) => section(one, now_ms)).join("\n")}
<footer>made ${escaped(dayText(now_ms))} ${minuteText(now_ms)} ${ZONE}</footer>
</body>
</html>
`;
}

const STYLE = `
:root { color-scheme: light dark; --gain: #0a7a3c; --loss: #b3261e; --line: #3b6ea8; --faint: #8885; }
@media (prefers-color-scheme: dark) { :root { --gain: #5bd18b; --loss: #ff8a80; --line: #8ab4f8; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 60rem; font: 15px/1.45 system-ui, sans-serif; }
h1 { font-size: 1.3rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .25rem; } h3 { font-size: .85rem; margin: .75rem 0 0; font-weight: 500; }
p, footer { margin: .1rem 0 1rem; opacity: .75; } .wide { margin-bottom: 1rem; } svg + p { margin: 0 0 .5rem; font-size: .8rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem .3rem 0; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--faint); }
th { font-weight: 500; opacity: .75; } th:first-child, td:first-child { text-align: left; white-space: normal; }
.gain { color: var(--gain); } .loss { color: var(--loss); }
svg { display: block; width: 100%; height: auto; }
.zero { stroke: var(--faint); } .pnl { fill: none; stroke: var(--line); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.fall { fill: var(--loss); opacity: .35; }
.days { display: grid; grid-template-columns: repeat(auto-fill, minmax(11rem, 1fr)); gap: .25rem 1rem; }
`;

function totalsTable(rows: readonly PeriodRow[]): string {
  const totals = totalsOf(rows).map(({ name, period_pnl, cumulative_pnl }) => [name, money(period_pnl), money(cumulative_pnl)]);
  return tableOf(["Total", "P&L", "to date"], totals);
}

function rowsTable(rows: readonly PeriodRow[]): string {
  const cells = rows.map((row) => [
    escaped(row.strategy),
    money(row.period_pnl),
    money(row.cumulative_pnl),
    money(row.realized_pnl),
    money(row.unrealized_pnl),
    row.total_trades === null ? UNKNOWN : String(row.total_trades),
    row.win_rate === null ? UNKNOWN : `${Math.round(row.win_rate)} %`,
    escaped(rupees(row.max_drawdown)),
  ]);
  return tableOf(["Strategy", "P&L", "to date", "realized", "unrealized", "trades", "won", "drawdown"], cells);
}

/** Cells are HTML already. */
function tableOf(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const head = heads.map((text) => `<th>${escaped(text)}</th>`).join("");
  const body = rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`).join("");
  return `<div class="wide"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

function section({ strategy, days, timeline }: Reported, now_ms: number): string {
  const series = pnlSeries(timeline);
  const byDay = Map.groupBy(timeline.starts.keys(), (slot) => dayKey(timeline.starts[slot] ?? 0));
  const lines = [...byDay].map(([day, slots]) => {
    const of_day = days.find(({ metric_date }) => metric_date === day);
    const drawn = line(
      slots.map((slot) => series[slot] ?? null),
      { width: 220, height: 60, label: `P&L of ${day}` },
    );
    return `<div><h3>${escaped(shortDayText(Date.parse(`${day}T06:00:00Z`), now_ms))} ${of_day === undefined ? "" : money(of_day.day_pnl)}</h3>${drawn}</div>`;
  });
  return `<section><h2>${escaped(strategy.name)}</h2>
<h3>P&amp;L</h3>${line(series, { width: 900, height: 180, label: `P&L of ${strategy.name}` })}
<h3>Drawdown</h3>${falls(series, { width: 900, height: 70, label: `Drawdown of ${strategy.name}` })}
${byDay.size > 1 ? `<div class="days">${lines.join("")}</div>` : ""}</section>`;
}

/** The exchange's day: its sessions lie within one of UTC. */
function dayKey(at_ms: number): string {
  return new Date(at_ms).toISOString().slice(0, 10);
}

interface Frame {
  readonly width: number;
  readonly height: number;
  readonly label: string;
}

/** A line that stops where nothing is known: a gap is never drawn over. */
function line(series: Series, { width, height, label }: Frame): string {
  const known = series.filter((value) => value !== null);
  if (known.length === 0) return `<p>no candles</p>`;
  const [low, high] = [Math.min(0, ...known), Math.max(0, ...known)];
  const x = (slot: number): string => ((slot / Math.max(1, series.length - 1)) * width).toFixed(1);
  const y = (value: number): string => (height - 2 - ((value - low) / (high - low || 1)) * (height - 4)).toFixed(1);
  const path = series
    .map((value, slot) => (value === null ? "" : `${(series[slot - 1] ?? null) === null ? "M" : "L"}${x(slot)} ${y(value)}`))
    .join("");
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(label)}: ${escaped(rupees(low, { signed: true }))} to ${escaped(rupees(high, { signed: true }))}"><line class="zero" x1="0" x2="${width}" y1="${y(0)}" y2="${y(0)}"/><path class="pnl" d="${path}"/></svg><p>${escaped(rupees(Math.min(...known), { signed: true }))} to ${escaped(rupees(Math.max(...known), { signed: true }))}</p>`;
}

/** How far below its highest so far the P&L is; the highest begins at 0. */
function falls(series: Series, { width, height, label }: Frame): string {
  let peak = 0;
  const depths = series.map((value) => {
    if (value === null) return null;
    peak = Math.max(peak, value);
    return peak - value;
  });
  const deepest = Math.max(0, ...depths.filter((depth) => depth !== null));
  const bar = width / Math.max(1, series.length);
  const bars = depths.flatMap((depth, slot) =>
    depth === null || depth === 0
      ? []
      : [
          `<rect class="fall" x="${(slot * bar).toFixed(1)}" y="0" width="${bar.toFixed(2)}" height="${((depth / (deepest || 1)) * height).toFixed(1)}"/>`,
        ],
  );
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(label)}: at most ${escaped(rupees(deepest))}">${bars.join("")}</svg><p>at most ${escaped(rupees(deepest))}</p>`;
}

function money(amount: number | null): string {
  const tone = amount === null || amount === 0 ? "" : amount > 0 ? "gain" : "loss";
  return `<span class="${tone}">${escaped(rupees(amount, { signed: true }))}</span>`;
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
