import type { Command } from "commander";
import type { Gap, GapQuery, Strategy } from "@stratctl/sdk";
import { calendarOf } from "../calendar.ts";
import type { Deps } from "../deps.ts";
import { deliver } from "../output.ts";
import { examples, type Act } from "./command.ts";
import { neededStrategy } from "./missing.ts";

const FIELDS = ["strategy_id", "strategy", "first_minute", "last_minute", "minutes", "reason"] as const;

export function addGaps(program: Command, act: Act): void {
  program
    .command("gaps")
    .description("minutes of sessions without a candle, and why: of a strategy, or of all active ones")
    .argument("[strategy]", "its id or its whole name")
    .option("--day <day>", "the exchange's day, like 2025-07-31, or today; left out: the last session")
    .option("--from <time>", "from this time on, like 10:30 or 2025-07-31")
    .option("--to <time>", "up to this time")
    .addHelpText(
      "after",
      examples(
        ["stratctl gaps", "of the last session"],
        ["stratctl gaps condor --day 2025-07-31"],
        ["stratctl gaps --from 2026-11-02 --to 2026-11-06 --csv"],
      ),
    )
    .action(
      act((deps, given) =>
        runGaps(deps, { strategy: given.argument(0), day: given.text("day"), from: given.text("from"), to: given.text("to") }),
      ),
    );
}

/** A gap with the name of whose it is. */
export type NamedGap = Gap & { readonly strategy: string };

export interface GapsOptions {
  readonly strategy: string | undefined;
  readonly day: string | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

export async function runGaps(deps: Deps, options: GapsOptions): Promise<void> {
  const range = await rangeOf(deps, options);
  const api = await deps.connect();
  const strategies =
    options.strategy === undefined
      ? await api.strategies.list({ status: "active" }, { signal: deps.signal })
      : [await neededStrategy(deps, options.strategy, "stratctl gaps condor")];
  const found: NamedGap[] = [];
  for (const strategy of strategies) found.push(...(await gapsOf(deps, strategy, range)));
  const { gapList } = await import("../views/gaps.ts");
  await deliver(deps, { data: found, rows: found, fields: FIELDS, view: (view) => gapList(found, view) });
}

type Range = Omit<GapQuery, "strategy_id" | "account_id">;

async function gapsOf(deps: Deps, { strategy_id, name }: Strategy, range: Range): Promise<NamedGap[]> {
  const api = await deps.connect();
  const gaps = await api.strategies.m2m.gaps({ strategy_id, ...range }, { signal: deps.signal });
  return gaps.map((gap) => ({ ...gap, strategy: name }));
}

/** Times without a day are of today's, at the exchange; left out, the SDK takes the last session. */
async function rangeOf({ now, settings }: Deps, { day, from, to }: GapsOptions): Promise<Range> {
  const [{ dayTyped, instantOf }, { dayOf, StratctlError }] = await Promise.all([import("../terminal/typed.ts"), import("@stratctl/sdk")]);
  const calendar = await calendarOf(await settings());
  if (from === undefined && to === undefined) return day === undefined ? {} : { day: dayTyped(day, calendar, now()) };
  const of_day = day === undefined ? dayOf(calendar, now()) : dayTyped(day, calendar, now());
  const from_time = from === undefined ? undefined : instantOf(from, { name: "--from", day: of_day, calendar, edge: "from" });
  const to_time = to === undefined ? undefined : instantOf(to, { name: "--to", day: of_day, calendar, edge: "to" });
  if (from_time !== undefined && to_time !== undefined && Date.parse(from_time) > Date.parse(to_time))
    throw new StratctlError("input_invalid", `--from ${from ?? ""} lies after --to ${to ?? ""}`);
  return { from_time, to_time };
}
