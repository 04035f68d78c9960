import { Option, type Command } from "commander";
import type { Candle, Interval, Strategy } from "@stratctl/sdk";
import { calendarOf } from "../calendar.ts";
import type { Deps } from "../deps.ts";
import { deliver } from "../output.ts";
import { examples, type Act } from "./command.ts";
import { runFollow } from "./follow.ts";
import { neededStrategy } from "./missing.ts";

/** All of a candle, in the order a reader wants it. */
export const CANDLE_FIELDS = [
  "timestamp",
  "open",
  "high",
  "low",
  "close",
  "pnl_open",
  "pnl_high",
  "pnl_low",
  "pnl_close",
  "entry_value",
  "realized_pnl",
  "instrument_count",
  "minute_count",
  "sample_count",
  "stale_count",
  "oldest_age_ms",
  "sampled",
  "first_at",
  "last_at",
  "source",
  "strategy_id",
] as const satisfies (keyof Candle)[];

const INTERVALS = ["1m", "5m", "15m", "30m", "1h", "1d"] as const satisfies readonly Interval[];

export function addM2m(program: Command, act: Act): void {
  program
    .command("m2m")
    .description("how a strategy went through a session: P&L and M2M, minute by minute")
    .argument("[strategy]", "its id or its whole name")
    .option("--day <day>", "the exchange's day, like 2025-07-31, or today; left out: the day of the latest mark")
    .option("--from <time>", "from this time on, like 10:30 or 2025-07-31T10:30:00+05:30")
    .option("--to <time>", "up to this time")
    .addOption(new Option("--interval <interval>", "length of a candle").choices(INTERVALS).default("1m"))
    .option("--chart", "a plot instead of one line of bars")
    .addOption(new Option("--follow", "its mark at each sample, as it is made, until Ctrl-C").conflicts(["day", "from", "to", "chart"]))
    .addHelpText(
      "after",
      examples(
        ["stratctl m2m condor", "the day of its latest mark, in one line of bars"],
        ["stratctl m2m condor --day 2025-07-31 --chart", "that day as a plot"],
        ["stratctl m2m condor --from 10:30 --to 11:30", "an hour of it"],
        ["stratctl m2m condor --interval 5m --json", "candles as data"],
        ["stratctl m2m condor --follow", "live; with --json a line a mark"],
      ),
    )
    .action(
      act((deps, given) =>
        given.isSet("follow")
          ? runFollow(deps, { strategy: given.argument(0) })
          : runM2m(deps, {
              strategy: given.argument(0),
              day: given.text("day"),
              from: given.text("from"),
              to: given.text("to"),
              interval: INTERVALS.find((interval) => interval === given.text("interval")) ?? "1m",
              chart: given.isSet("chart"),
            }),
      ),
    );
}

export interface M2mOptions {
  readonly strategy: string | undefined;
  readonly day: string | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly interval: Interval;
  readonly chart: boolean;
}

export async function runM2m(deps: Deps, options: M2mOptions): Promise<void> {
  const strategy = await neededStrategy(deps, options.strategy, "stratctl m2m condor");
  const range = await rangeOf(deps, options, strategy);
  const api = await deps.connect();
  const { strategy_id } = strategy;
  const query = range.isDay ? { day: range.day } : { from_time: range.from_time, to_time: range.to_time };
  const candles = await api.strategies.m2m.history({ strategy_id, interval: options.interval, ...query }, { signal: deps.signal });
  await deliver(deps, {
    data: candles,
    rows: candles,
    fields: CANDLE_FIELDS,
    isViewAsked: options.chart,
    view: async (view) => {
      const [{ historyView }, { exchangesOf, sessionsOf, timelineOf }] = await Promise.all([
        import("../views/history.ts"),
        import("../views/timeline.ts"),
      ]);
      const legs = await api.strategies.legs.list({ strategy_id }, { signal: deps.signal });
      const [from_ms, to_ms] = [Date.parse(range.from_time), Date.parse(range.to_time)];
      const calendar = await calendarOf(await deps.settings());
      const timeline = timelineOf(candles, {
        sessions: sessionsOf(legs, { from_ms, to_ms }, calendar),
        interval: options.interval,
        from_ms,
        to_ms,
      });
      const history = { strategy, candles, timeline, interval: options.interval, from_ms, to_ms, exchanges: exchangesOf(legs), calendar };
      return historyView(history, { asChart: options.chart }, view);
    },
  });
}

interface Range {
  readonly day: string;
  /** Nothing but the day was asked for: the SDK knows its sessions. */
  readonly isDay: boolean;
  readonly from_time: string;
  readonly to_time: string;
}

/**
 * The time that is asked for. A day, and times without one, are the exchange's; left out, the day is that of the latest
 * mark, so that an evening, a weekend and a replayed session all show the session that there is.
 */
async function rangeOf({ now }: Deps, { day: given, from, to }: M2mOptions, strategy: Strategy): Promise<Range> {
  const [{ dayTyped, instantOf }, { builtinCalendar, dayOf, StratctlError }] = await Promise.all([
    import("../terminal/typed.ts"),
    import("@stratctl/sdk"),
  ]);
  const calendar = builtinCalendar();
  const marked_ms = strategy.marked_at === null ? now() : Date.parse(strategy.marked_at);
  const day = given === undefined ? dayOf(calendar, marked_ms) : dayTyped(given, calendar, now());
  const from_time = instantOf(from ?? day, { name: "--from", day, calendar, edge: "from" });
  const to_time = instantOf(to ?? day, { name: "--to", day, calendar, edge: "to" });
  if (Date.parse(from_time) > Date.parse(to_time))
    throw new StratctlError("input_invalid", `--from ${from ?? day} lies after --to ${to ?? day}`);
  return { day, isDay: from === undefined && to === undefined, from_time, to_time };
}
