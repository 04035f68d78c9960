import type { Command } from "commander";
import type { DayMetrics, Strategy } from "@stratctl/sdk";
import { calendarOf } from "../calendar.ts";
import type { Deps } from "../deps.ts";
import { deliver } from "../output.ts";
import { examples, type Act } from "./command.ts";
import { neededStrategy } from "./missing.ts";
import type { Timeline } from "../views/timeline.ts";

export function addReport(program: Command, act: Act): void {
  program
    .command("report")
    .description("what strategies came to in a day, a week or a month")
    .argument("[strategy...]", "ids or whole names; left out: all active ones")
    .option("--day [day]", "a day of the exchange; left out: the last session")
    .option("--week [day]", "the week of that day, Monday to Sunday")
    .option("--month [month]", "a month, like 2026-11")
    .option("--html <file>", "as a page that needs nothing beside it")
    .addHelpText(
      "after",
      examples(
        ["stratctl report", "the last session"],
        ["stratctl report condor --week 2025-07-31"],
        ["stratctl report --month 2026-11 --html november.html"],
      ),
    )
    .action(
      act((deps, given) =>
        runReport(deps, {
          strategies: given.all,
          period: periodGiven(given),
          html: given.text("html"),
        }),
      ),
    );
}

interface Period {
  readonly kind: "day" | "week" | "month";
  /** As typed; undefined: the last session's. */
  readonly text: string | undefined;
}

function periodGiven(given: { text(flag: string): string | undefined; isSet(flag: string): boolean }): Period {
  const kind = (["month", "week", "day"] as const).find((name) => given.isSet(name) || given.text(name) !== undefined) ?? "day";
  return { kind, text: given.text(kind) };
}

/** A strategy in a period: its days, and how its P&L went. */
export interface Reported {
  readonly strategy: Strategy;
  readonly days: readonly DayMetrics[];
  readonly timeline: Timeline;
  /** Of the days that it was marked on, over all exchanges of its legs. */
  readonly sessions: readonly { readonly open_ms: number; readonly close_ms: number }[];
}

export interface Report {
  readonly account_id: string;
  readonly from: string;
  readonly to: string;
  readonly strategies: readonly Reported[];
}

const FIELDS = [
  "strategy_id",
  "strategy",
  "tags",
  "from",
  "to",
  "sessions",
  "period_pnl",
  "cumulative_pnl",
  "realized_pnl",
  "unrealized_pnl",
  "total_trades",
  "win_rate",
  "max_drawdown",
] as const;

export async function runReport(
  deps: Deps,
  { strategies: named, period, html }: { strategies: readonly string[]; period: Period; html: string | undefined },
): Promise<void> {
  const report = await reported(deps, { named, period });
  const { periodRow, reportView } = await import("../views/report.ts");
  const rows = report.strategies.map((one) => periodRow(one, report));
  if (html !== undefined) {
    const [{ reportPage }, { writeFile }] = await Promise.all([import("../views/report-page.ts"), import("node:fs/promises")]);
    await writeFile(html, reportPage(report, deps.now()), { mode: 0o600 }).catch(unwritable(html));
    if (deps.screen.isTerminal) deps.screen.note(`${html} written\n`);
  }
  await deliver(deps, { data: rows, rows, fields: FIELDS, view: (view) => reportView(report, view) });
}

function unwritable(file: string): (cause: NodeJS.ErrnoException) => Promise<never> {
  return async (cause) => {
    const { StratctlError } = await import("@stratctl/sdk");
    throw new StratctlError("file_unusable", `${file} cannot be written (${cause.code ?? cause.message})`, { cause });
  };
}

async function reported(deps: Deps, { named, period }: { named: readonly string[]; period: Period }): Promise<Report> {
  const { signal } = deps;
  const api = await deps.connect();
  const chosen: Strategy[] = [];
  for (const name of named) chosen.push(await neededStrategy(deps, name, "stratctl report condor"));
  const strategies = named.length > 0 ? chosen : await api.strategies.list({ status: "active" }, { signal });
  const { from, to } = await rangeOf(deps, period);
  const interval = from === to ? "5m" : "15m";
  const [{ timelineOf, sessionsOf }, { DAY_MS, dayOf }] = await Promise.all([
    import("../views/timeline.ts"),
    import("@stratctl/sdk/internal"),
  ]);
  const calendar = await calendarOf(await deps.settings());
  const [from_ms, to_ms] = [startOf(from, calendar), startOf(to, calendar) + DAY_MS - 1];
  const all: Reported[] = [];
  for (const strategy of strategies) {
    const { strategy_id } = strategy;
    const [days, candles, legs] = await Promise.all([
      api.strategies.metrics({ strategy_id, from, to }, { signal }),
      api.strategies.m2m.history({ strategy_id, from_time: from_ms, to_time: to_ms, interval, basis: "m2m" }, { signal }),
      api.strategies.legs.list({ strategy_id }, { signal }),
    ]);
    // Sessions of days without a candle are no gap of a period: the strategy may not have been there yet.
    const marked = new Set(candles.map(({ timestamp }) => dayOf(calendar, Date.parse(timestamp))));
    const sessions = sessionsOf(legs, { from_ms, to_ms }, calendar).filter(({ open_ms }) => marked.has(dayOf(calendar, open_ms)));
    const timeline = timelineOf(candles, { sessions, interval, from_ms, to_ms });
    if (days.length > 0 || candles.length > 0 || named.length > 0) all.push({ strategy, days, timeline, sessions });
  }
  const account_id = strategies[0]?.account_id ?? (await api.accounts.get({}, { signal })).account_id;
  return { account_id, from, to, strategies: all };
}

function startOf(day: string, { zone }: { zone: { offset_minutes: number } }): number {
  return Date.parse(`${day}T00:00:00Z`) - zone.offset_minutes * 60_000;
}

/** The first and the last day of a period. */
async function rangeOf(deps: Deps, { kind, text }: Period): Promise<{ from: string; to: string }> {
  const [{ dayTyped }, { dayOf, lastSession, StratctlError }, { DAY_MS }] = await Promise.all([
    import("../terminal/typed.ts"),
    import("@stratctl/sdk"),
    import("@stratctl/sdk/internal"),
  ]);
  const calendar = await calendarOf(await deps.settings());
  const last = lastSession(calendar, "NFO", deps.now())?.day ?? dayOf(calendar, deps.now());
  if (kind === "month") {
    const month = text ?? last.slice(0, 7);
    const start_ms = Date.parse(`${month}-01T00:00:00Z`);
    if (!/^\d{4}-\d\d$/.test(month) || Number.isNaN(start_ms))
      throw new StratctlError("input_invalid", `month ${JSON.stringify(month)} is not a month`, { hint: "write it like 2026-11" });
    const end = new Date(start_ms);
    end.setUTCMonth(end.getUTCMonth() + 1);
    return { from: `${month}-01`, to: isoDay(end.getTime() - DAY_MS) };
  }
  const day = text === undefined ? last : dayTyped(text, calendar, deps.now());
  if (kind === "day") return { from: day, to: day };
  const at_ms = Date.parse(`${day}T00:00:00Z`);
  const monday_ms = at_ms - ((new Date(at_ms).getUTCDay() + 6) % 7) * DAY_MS;
  return { from: isoDay(monday_ms), to: isoDay(monday_ms + 6 * DAY_MS) };
}

function isoDay(at_ms: number): string {
  return new Date(at_ms).toISOString().slice(0, 10);
}
