import type { Command } from "commander";
import type { ReplayOptions, ReplayProgress, ReplayReport } from "@stratctl/engine";
import type { Calendar, Strategy } from "@stratctl/sdk";
import { calendarOf } from "../calendar.ts";
import type { Deps } from "../deps.ts";
import { deliver } from "../output.ts";
import { examples, type Act } from "./command.ts";
import type { Asked } from "../views/replay.ts";
import { needed } from "./missing.ts";

export function addReplay(program: Command, act: Act): void {
  program
    .command("replay")
    .description("run a recorded session through the engine: its candles are written as if it happened now")
    .argument("[file]", "a recording, .csv or .csv.gz: at_utc,instrument,price, or bars")
    .option("--strategy <strategy...>", "only these, by id or whole name; left out: all active ones")
    .option("--every <span>", "time between samples: seconds that divide a minute", "1s")
    .option("--speed <speed>", "max, or times recorded time: 1, 60", "max")
    .option("--overwrite", "replace minutes of another source or book, which are left alone otherwise")
    .addHelpText(
      "after",
      examples(
        ["stratctl replay session.csv.gz"],
        ["stratctl replay session.csv.gz --strategy condor --every 5s"],
        ["stratctl replay session.csv.gz --speed 60", "a minute a second"],
      ),
    )
    .action(
      act((deps, given) =>
        runReplay(deps, {
          file: given.argument(0),
          strategies: given.list("strategy"),
          every: given.text("every") ?? "1s",
          speed: given.text("speed") ?? "max",
          overwrite: given.isSet("overwrite"),
        }),
      ),
    );
}

export interface Options {
  readonly file: string | undefined;
  readonly strategies: readonly string[] | undefined;
  readonly every: string;
  readonly speed: string;
  readonly overwrite: boolean;
}

/** What is finished when somebody stops it is still written. */
const GRACE_MS = 5_000;

export async function runReplay(deps: Deps, options: Options): Promise<void> {
  const usage = "stratctl replay session.csv.gz --strategy condor";
  const path = await needed(deps, options.file, { name: "file", usage, ask: (ask) => ask.text({ message: "Recording" }) });
  const [{ spanOf, speedOf }, engine, { databaseUrl, openDatabase }] = await Promise.all([
    import("../terminal/typed.ts"),
    import("@stratctl/engine"),
    import("@stratctl/sdk/internal"),
  ]);
  const every_ms = engine.checkedInterval(spanOf(options.every, "--every"));
  const speed = speedOf(options.speed);
  databaseUrl(await deps.settings()); // a server is refused before it is asked about strategies
  const asked = options.strategies === undefined ? null : await strategiesOf(deps, options.strategies);
  const settings = await deps.settings();
  const { url } = settings;
  const calendar = await calendarOf(settings);
  const db = await openDatabase({ url, signal: deps.signal });
  deps.takeTime({ grace_ms: GRACE_MS, isEndless: false });
  try {
    const strategy_ids = asked?.map(({ strategy_id }) => strategy_id);
    const replay = { db, path, calendar, every_ms, speed, strategy_ids, overwrite: options.overwrite, signal: deps.signal };
    await deliverReport(deps, await withProgress(deps, (onProgress) => engine.replay({ ...replay, onProgress })), { asked, calendar });
  } finally {
    await db.close();
  }
}

/** Each once. An archived one is not marked any more: who names it is told so. */
export async function strategiesOf(deps: Deps, strategies: readonly string[]): Promise<Strategy[]> {
  const api = await deps.connect();
  const found = await Promise.all(strategies.map((strategy) => api.strategies.resolve({ strategy }, { signal: deps.signal })));
  const archived = found.find(({ status }) => status === "archived");
  if (archived === undefined) return [...new Map(found.map((strategy) => [strategy.strategy_id, strategy])).values()];
  const { StratctlError } = await import("@stratctl/sdk");
  throw new StratctlError("strategy_archived", `"${archived.name}" is archived and is not marked any more`);
}

async function withProgress(
  { screen, now }: Deps,
  work: (onProgress: NonNullable<ReplayOptions["onProgress"]>) => Promise<ReplayReport>,
): Promise<ReplayReport> {
  const [{ openProgress }, { counted }, { minuteText, ZONE }] = await Promise.all([
    import("../terminal/progress.ts"),
    import("../terminal/format.ts"),
    import("../terminal/moment.ts"),
  ]);
  const progress = openProgress(screen, now);
  const tell = ({ minute_ms, progress: share, candle_count }: ReplayProgress) =>
    progress.show(share, `${minuteText(minute_ms)} ${ZONE} · ${counted(candle_count, "candle")}`);
  try {
    return await work(tell);
  } finally {
    progress.close();
  }
}

const FIELDS = ["strategy_id", "candle_count", "stale_candle_count", "gap_minute_count"] as const;

async function deliverReport(deps: Deps, report: ReplayReport, { asked, calendar }: { asked: Asked; calendar: Calendar }): Promise<void> {
  const { gapLines, idleNotes, replayNotes, replayView, STRATEGIES_SHOWN_MAX } = await import("../views/replay.ts");
  const rows = report.strategies.map(({ strategy_id, candle_count, stale_candle_count, gaps }) => ({
    strategy_id,
    candle_count,
    stale_candle_count,
    gap_minute_count: gaps.reduce((sum, { minute_count }) => sum + minute_count, 0),
  }));
  await deliver(deps, {
    data: report,
    rows,
    fields: FIELDS,
    view: async (options) => {
      const api = await deps.connect();
      const shown = report.strategies.slice(0, STRATEGIES_SHOWN_MAX);
      const named = await Promise.all(shown.map(({ strategy_id }) => api.strategies.get({ strategy_id }, { signal: deps.signal })));
      return replayView(report, { named, asked, calendar }, options);
    },
  });
  if (deps.screen.isTerminal || deps.output.format === "json") return;
  // Rows have no place for reasons, nor for what concerns them all.
  const { plain } = await import("../terminal/format.ts");
  const idle = idleNotes(report, { asked, now_ms: deps.now(), calendar });
  const reasons = report.strategies.slice(0, STRATEGIES_SHOWN_MAX).flatMap((notes) => gapLines(notes, plain));
  deps.screen.note([...idle, ...replayNotes(report, plain), ...reasons].map((line) => `${line.trim()}\n`).join(""));
}
