import { Option, type Command } from "commander";
import type { Performance, Strategy, Stratctl } from "@stratctl/sdk";
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
    .argument("[strategy...]", "ids or whole names; left out: all, archived ones too")
    .addOption(new Option("--day [day]", "a day of the exchange; left out: the last session").conflicts(["week", "month"]))
    .addOption(new Option("--week [day]", "the week of that day, Monday to Sunday").conflicts(["day", "month"]))
    .addOption(new Option("--month [month]", "a month, like 2026-11").conflicts(["day", "week"]))
    .option("--html <file>", "as a page that needs nothing beside it")
    .addHelpText(
      "after",
      examples(
        ["stratctl report", "the last session"],
        ["stratctl report condor --week 2025-07-31"],
        ["stratctl report --month 2026-11 --html november.html"],
      ) +
        "\n\nOf all accounts that you may see, unless one is set. cumulative_pnl,\nrealized_pnl and unrealized_pnl are to date, all else is of the period.",
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
  readonly days: Performance["daily_performance"];
  readonly overall: Performance["overall"];
  readonly timeline: Timeline;
  /** Of the days that it was marked on, over all exchanges of its legs. */
  readonly sessions: readonly { readonly open_ms: number; readonly close_ms: number }[];
}

export interface Report {
  readonly accounts: readonly string[];
  readonly from: string;
  readonly to: string;
  readonly strategies: readonly Reported[];
}

const FIELDS = [
  "account_id",
  "strategy_id",
  "strategy",
  "status",
  "tags",
  "from",
  "to",
  "sessions",
  "period_pnl",
  "total_trades",
  "win_rate",
  "max_drawdown",
  "cumulative_pnl",
  "realized_pnl",
  "unrealized_pnl",
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
  const { accounts, strategies } = named.length > 0 ? await chosen(deps, named) : await everything(deps, api);
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
    const { daily_performance: days, overall } = await api.strategies.performance({ strategy_id, from, to }, { signal });
    // Nobody has marked it since.
    if (named.length === 0 && days.length === 0 && strategy.archived_at !== null && Date.parse(strategy.archived_at) < from_ms) continue;
    const [candles, legs] = await Promise.all([
      api.strategies.m2m.history({ strategy_id, from_time: from_ms, to_time: to_ms, interval, basis: "m2m" }, { signal }),
      api.strategies.legs.list({ strategy_id }, { signal }),
    ]);
    // Sessions of days without a candle are no gap of a period: the strategy may not have been there yet.
    const marked = new Set(candles.map(({ timestamp }) => dayOf(calendar, Date.parse(timestamp))));
    const sessions = sessionsOf(legs, { from_ms, to_ms }, calendar).filter(({ open_ms }) => marked.has(dayOf(calendar, open_ms)));
    const timeline = timelineOf(candles, { sessions, interval, from_ms, to_ms });
    if (days.length > 0 || candles.length > 0 || named.length > 0) all.push({ strategy, days, overall, timeline, sessions });
  }
  return { accounts, from, to, strategies: all };
}

interface Chosen {
  readonly accounts: readonly string[];
  readonly strategies: readonly Strategy[];
}

/** Each once, however often it is named. */
async function chosen(deps: Deps, named: readonly string[]): Promise<Chosen> {
  const found = new Map<number, Strategy>();
  for (const name of named) {
    const strategy = await neededStrategy(deps, name, "stratctl report condor");
    found.set(strategy.strategy_id, strategy);
  }
  const strategies = [...found.values()];
  return { accounts: [...new Set(strategies.map(({ account_id }) => account_id))], strategies };
}

/** Of the account that is set, else of all that the caller may see: archived ones too, since what they made is in the sum. */
async function everything(deps: Deps, api: Stratctl): Promise<Chosen> {
  const { signal } = deps;
  const isSet = (await deps.settings()).account_id !== undefined;
  const all = isSet ? [] : await api.accounts.list({}, { signal });
  // Where there is none, that is said as everywhere.
  const accounts = (all.length > 0 ? all : [await api.accounts.get({}, { signal })]).map(({ account_id }) => account_id);
  const strategies: Strategy[] = [];
  for (const account_id of accounts) strategies.push(...(await api.strategies.list({ account_id }, { signal })));
  return { accounts, strategies };
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
