import type { Command } from "commander";
import type { BackfillReport, WantedQuotes } from "@stratctl/engine";
import type { Calendar, Strategy } from "@stratctl/sdk";
import type { RecordedQuote } from "@stratctl/sdk/internal";
import { calendarOf } from "../calendar.ts";
import type { Deps } from "../deps.ts";
import { deliver } from "../output.ts";
import { examples, type Act } from "./command.ts";
import { strategiesOf } from "./replay.ts";

export function addBackfill(program: Command, act: Act): void {
  program
    .command("backfill")
    .description("fill minutes that have no candle, from recorded minute bars of the legs")
    .argument("[strategy...]", "by id or whole name; or --all")
    .option("--all", "all active strategies")
    .option("--bars <file...>", "recordings, .csv or .csv.gz; left out: the ticker service's history")
    .option("--day <day>", "the exchange's day, like 2025-07-31, or today; left out: the last session")
    .option("--from <time>", "from this time on, like 10:30 or 2025-07-31")
    .option("--to <time>", "up to this time")
    .option("--every <span>", "time between samples: seconds that divide a minute", "1s")
    .option("--overwrite", "make minutes anew that have a candle, live ones too")
    .option("--dry-run", "say what would be filled, and write nothing")
    .addHelpText(
      "after",
      examples(
        ["stratctl backfill condor --bars bars.csv --dry-run"],
        ["stratctl backfill --all --day 2025-07-31", "from the ticker service"],
        ["stratctl backfill --all --from 2026-11-02 --to 2026-11-06 --bars nov.csv.gz"],
      ),
    )
    .action(
      act((deps, given) =>
        runBackfill(deps, {
          strategies: given.all,
          isAll: given.isSet("all"),
          files: given.list("bars"),
          day: given.text("day"),
          from: given.text("from"),
          to: given.text("to"),
          every: given.text("every") ?? "1s",
          overwrite: given.isSet("overwrite"),
          dry_run: given.isSet("dryRun"),
        }),
      ),
    );
}

interface RangeOptions {
  readonly day: string | undefined;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

export interface Options extends RangeOptions {
  readonly strategies: readonly string[];
  readonly isAll: boolean;
  /** Left out: the ticker service is asked. */
  readonly files: readonly string[] | undefined;
  readonly every: string;
  readonly overwrite: boolean;
  readonly dry_run: boolean;
}

/** Instruments whose bars the ticker service did not give, and why. */
export interface Failure {
  readonly instrument: string;
  readonly why: string;
}

/** What is filled when somebody stops it is still written. */
const GRACE_MS = 5_000;
const FIELDS = ["strategy_id", "strategy", "candle_count", "stale_candle_count", "gap_minute_count"] as const;

export async function runBackfill(deps: Deps, options: Options): Promise<void> {
  const [{ spanOf }, engine, { databaseUrl, openDatabase }] = await Promise.all([
    import("../terminal/typed.ts"),
    import("@stratctl/engine"),
    import("@stratctl/sdk/internal"),
  ]);
  const every_ms = engine.checkedInterval(spanOf(options.every, "--every"));
  const settings = await deps.settings();
  databaseUrl(settings); // a server is refused before it is asked about strategies
  const calendar = await calendarOf(settings);
  const range = await rangeOf(options, calendar, deps.now());
  const strategies = await chosen(deps, options);
  const failures: Failure[] = [];
  const quotesFor = async (wanted: WantedQuotes): Promise<readonly RecordedQuote[]> => {
    if (options.files !== undefined) return recorded(options.files, every_ms);
    const { readHistory } = await import("@stratctl/sdk/internal");
    const { quotes, failures: told } = await readHistory({ ...wanted, url: await tickerUrl(deps), every_ms, signal: deps.signal });
    failures.push(...told);
    return quotes;
  };
  const db = await openDatabase({ url: settings.url, signal: deps.signal });
  deps.takeTime({ grace_ms: GRACE_MS, isEndless: false });
  const { openProgress } = await import("../terminal/progress.ts");
  const progress = openProgress(deps.screen, deps.now);
  try {
    const { overwrite, dry_run } = options;
    const strategy_ids = strategies.map(({ strategy_id }) => strategy_id);
    const { minuteText, ZONE } = await import("../terminal/moment.ts");
    const report = await engine.backfill({
      ...range,
      db,
      strategy_ids,
      quotesFor,
      every_ms,
      overwrite,
      dry_run,
      calendar,
      signal: deps.signal,
      onProgress: ({ minute_ms, progress: share }) => progress.show(share, `${minuteText(minute_ms)} ${ZONE}`),
    });
    progress.close();
    await deliverReport(deps, report, { strategies, failures, dry_run });
  } finally {
    progress.close();
    await db.close();
  }
}

async function chosen(deps: Deps, { strategies, isAll }: Options): Promise<Strategy[]> {
  const { StratctlError } = await import("@stratctl/sdk");
  if (isAll && strategies.length > 0) throw new StratctlError("input_invalid", "give strategies, or --all, not both");
  if (strategies.length > 0) return strategiesOf(deps, strategies);
  const hint = "e.g. stratctl backfill condor --bars bars.csv, or stratctl backfill --all";
  if (!isAll) throw new StratctlError("input_invalid", "missing strategy", { hint });
  const api = await deps.connect();
  return api.strategies.list({ status: "active" }, { signal: deps.signal });
}

/** The quotes of all files. */
async function recorded(files: readonly string[], every_ms: number): Promise<RecordedQuote[]> {
  const { openRecording } = await import("@stratctl/sdk/internal");
  const quotes: RecordedQuote[] = [];
  for (const file of files) {
    const recording = await openRecording(file, { every_ms });
    for await (const batch of recording.batches()) for (const quote of batch) quotes.push(quote);
  }
  return quotes;
}

async function tickerUrl(deps: Deps): Promise<string> {
  const { parseConfiguration } = await import("../configuration.ts");
  return parseConfiguration((await deps.settings()).found, { over: {}, env: deps.env }).ticker_url;
}

/** Times without a day are of --day's, or today's, at the exchange; left out, the day is that of the last session. */
async function rangeOf({ day, from, to }: RangeOptions, calendar: Calendar, now_ms: number): Promise<{ from_ms: number; to_ms: number }> {
  const [{ dayTyped, instantOf }, { dayOf, StratctlError }, { EXCHANGE_DEFAULT, lastSession }] = await Promise.all([
    import("../terminal/typed.ts"),
    import("@stratctl/sdk"),
    import("@stratctl/sdk/internal"),
  ]);
  const isRange = from !== undefined || to !== undefined;
  const last = isRange ? dayOf(calendar, now_ms) : (lastSession(calendar, EXCHANGE_DEFAULT, now_ms)?.day ?? dayOf(calendar, now_ms));
  const of_day = day === undefined ? last : dayTyped(day, calendar, now_ms);
  const from_ms = Date.parse(instantOf(from ?? of_day, { name: "--from", day: of_day, calendar, edge: "from" }));
  const to_ms = Date.parse(instantOf(to ?? of_day, { name: "--to", day: of_day, calendar, edge: "to" }));
  if (from_ms > to_ms) throw new StratctlError("input_invalid", `--from ${from ?? of_day} lies after --to ${to ?? of_day}`);
  return { from_ms, to_ms };
}

async function deliverReport(
  deps: Deps,
  report: BackfillReport,
  { strategies, failures, dry_run }: { strategies: readonly Strategy[]; failures: readonly Failure[]; dry_run: boolean },
): Promise<void> {
  const { backfillNotes, backfillView } = await import("../views/backfill.ts");
  const names = new Map(strategies.map(({ strategy_id, name }) => [strategy_id, name]));
  const rows = report.strategies.map(({ strategy_id, candle_count, stale_candle_count, gaps }) => ({
    strategy_id,
    strategy: names.get(strategy_id) ?? "",
    candle_count,
    stale_candle_count,
    gap_minute_count: gaps.reduce((sum, { minute_count }) => sum + minute_count, 0),
  }));
  const about = { names, failures, dry_run };
  await deliver(deps, {
    data: { ...report, failures, dry_run },
    rows,
    fields: FIELDS,
    view: (options) => backfillView(report, about, options),
  });
  if (deps.screen.isTerminal || deps.output.format === "json") return;
  deps.screen.note(
    backfillNotes(report, about, deps.now())
      .map((line) => `${line.trim()}\n`)
      .join(""),
  );
}
