import type { Command } from "commander";
import type { Mark } from "@stratctl/sdk";
import type { Deps } from "../deps.ts";
import { deliver } from "../output.ts";
import { examples, type Act } from "./command.ts";
import { neededStrategy } from "./missing.ts";

/** All of a mark, in the order a reader wants it. */
export const MARK_FIELDS = [
  "strategy_id",
  "at",
  "age_ms",
  "m2m",
  "pnl",
  "unrealized_pnl",
  "realized_pnl",
  "entry_value",
  "instrument_count",
  "priced",
  "stale",
  "oldest_age_ms",
  "reason",
] as const satisfies (keyof Mark)[];

export function addMark(program: Command, act: Act): void {
  program
    .command("mark")
    .description("what a strategy is worth: its latest mark, or with --now at the prices of this moment")
    .argument("[strategy]", "its id or its whole name")
    .option("--now", "ask the sources of prices now; nothing is written")
    .addHelpText("after", examples(["stratctl mark condor", "as the daemon last wrote it"], ["stratctl mark condor --now --json"]))
    .action(act((deps, given) => runMark(deps, { strategy: given.argument(0), now: given.isSet("now") })));
}

export async function runMark(deps: Deps, options: { strategy: string | undefined; now: boolean }): Promise<void> {
  const strategy = await neededStrategy(deps, options.strategy, "stratctl mark condor");
  const api = await deps.connect();
  const mark = await api.strategies.mark({ strategy_id: strategy.strategy_id, now: options.now }, { signal: deps.signal });
  const { markCard } = await import("../views/mark.ts");
  await deliver(deps, {
    data: mark,
    rows: mark === null ? [] : [mark],
    fields: MARK_FIELDS,
    view: (view) => markCard(strategy, mark, { isNow: options.now }, view),
  });
}
