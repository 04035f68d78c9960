import type { Command } from "commander";
import type { DayMetrics, MetricsRebuilt, Strategy } from "@stratctl/sdk";
import type { Deps } from "../deps.ts";
import { deliver } from "../output.ts";
import { examples, type Act } from "./command.ts";
import { neededStrategy } from "./missing.ts";

const FIELDS = [
  "metric_date",
  "strategy_id",
  "strategy",
  "day_pnl",
  "cumulative_pnl",
  "realized_pnl",
  "unrealized_pnl",
  "high_pnl",
  "low_pnl",
  "day_drawdown",
  "max_drawdown",
  "open_positions",
  "closed_positions",
  "total_trades",
  "winning_trades",
  "losing_trades",
  "win_rate",
  "profit_factor",
  "max_consecutive_losses",
  "capital_deployed",
  "margin_used",
  "roi_percent",
  "sharpe_ratio",
  "sortino_ratio",
] as const satisfies (keyof NamedDay)[];

export function addMetrics(program: Command, act: Act): void {
  program
    .command("metrics")
    .description("figures of each exchange day: P&L, trades, drawdown, ratios")
    .argument("[strategy]", "its id or its whole name; left out: all active ones")
    .option("--from <day>", "from this day on, like 2025-07-31 or today")
    .option("--to <day>", "up to this day")
    .option("--rebuild", "write them anew first, from candles and legs; from --from on")
    .addHelpText(
      "after",
      examples(
        ["stratctl metrics condor"],
        ["stratctl metrics --from 2025-07-28 --to 2025-08-01 --csv"],
        ["stratctl metrics condor --rebuild", "after a backfill, or a leg that was corrected"],
      ),
    )
    .action(
      act((deps, given) =>
        runMetrics(deps, {
          strategy: given.argument(0),
          from: given.text("from"),
          to: given.text("to"),
          rebuild: given.isSet("rebuild"),
        }),
      ),
    );
}

/** A day with the name of whose it is. */
export type NamedDay = DayMetrics & { readonly strategy: string };

export interface MetricsOptions {
  readonly strategy: string | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly rebuild: boolean;
}

export async function runMetrics(deps: Deps, options: MetricsOptions): Promise<void> {
  const range = await rangeOf(deps, options);
  const named = options.strategy === undefined ? null : await neededStrategy(deps, options.strategy, "stratctl metrics condor");
  const api = await deps.connect();
  const rebuilt: MetricsRebuilt | null = options.rebuild
    ? await api.metrics.rebuild(
        { ...(named === null ? {} : { strategy_id: named.strategy_id }), from: range.from },
        { signal: deps.signal },
      )
    : null;
  const strategies: readonly Strategy[] =
    named === null ? await api.strategies.list({ status: "active" }, { signal: deps.signal }) : [named];
  const days: NamedDay[] = [];
  for (const { strategy_id, name } of strategies)
    for (const day of await api.strategies.metrics({ strategy_id, ...range }, { signal: deps.signal }))
      days.push({ ...day, strategy: name });
  const { metricsList } = await import("../views/metrics.ts");
  await deliver(deps, { data: days, rows: days, fields: FIELDS, view: (view) => metricsList(days, { named, rebuilt }, view) });
}

interface DayRange {
  readonly from: string | undefined;
  readonly to: string | undefined;
}

async function rangeOf({ now }: Deps, { from, to }: MetricsOptions): Promise<DayRange> {
  const [{ dayTyped }, { builtinCalendar, StratctlError }] = await Promise.all([import("../terminal/typed.ts"), import("@stratctl/sdk")]);
  const calendar = builtinCalendar();
  const day = (text: string | undefined): string | undefined => (text === undefined ? undefined : dayTyped(text, calendar, now()));
  const range = { from: day(from), to: day(to) };
  if (range.from !== undefined && range.to !== undefined && range.from > range.to)
    throw new StratctlError("input_invalid", `--from ${range.from} lies after --to ${range.to}`);
  return range;
}
