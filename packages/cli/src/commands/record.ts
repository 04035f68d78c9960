import type { Command } from "commander";
import type { RecordOptions, RecordReport } from "@stratctl/engine";
import type { Deps } from "../deps.ts";
import { deliver } from "../output.ts";
import { examples, type Act } from "./command.ts";
import { needed } from "./missing.ts";

export function addRecord(program: Command, act: Act): void {
  program
    .command("record")
    .description("write what the sources say into a recording, until it is stopped")
    .argument("[file]", "a new file, gzipped where its name ends in .gz")
    .argument("[instrument...]", "what to record; left out: the legs of all active strategies")
    .option("--every <span>", "how often the sources are asked", "1s")
    .option("--for <span>", "end by itself after this time: 10m, 6h")
    .addHelpText(
      "after",
      examples(
        ["stratctl record 2025-08-01.csv.gz"],
        ['stratctl record nifty.csv "NSE:NIFTY 50" NFO:NIFTY25AUGFUT --for 10m', "ten minutes of two"],
      ),
    )
    .action(
      act((deps, given) =>
        runRecord(deps, {
          file: given.argument(0),
          instruments: given.all.slice(1),
          every: given.text("every") ?? "1s",
          span: given.text("for"),
        }),
      ),
    );
}

export interface Options {
  readonly file: string | undefined;
  readonly instruments: readonly string[];
  readonly every: string;
  readonly span: string | undefined;
}

/** The file is closed whole. */
const GRACE_MS = 5_000;

export async function runRecord(deps: Deps, options: Options): Promise<void> {
  const usage = "stratctl record 2025-08-01.csv.gz";
  const path = await needed(deps, options.file, { name: "file", usage, ask: (ask) => ask.text({ message: "File" }) });
  const [{ spanOf }, engine, { openSources, sourceSettings }] = await Promise.all([
    import("../terminal/typed.ts"),
    import("@stratctl/engine"),
    import("@stratctl/sdk/internal"),
  ]);
  const interval_ms = spanOf(options.every, "--every");
  const end = options.span === undefined ? [] : [AbortSignal.timeout(spanOf(options.span, "--for"))];
  const instruments = options.instruments.length > 0 ? await typedInstruments(options.instruments) : await heldInstruments(deps);
  const { redis_url, ticker_url, sources: named } = await deps.settings();
  const sources = openSources({ redis_url, ticker_url, sources: sourceSettings(named) });
  deps.takeTime({ grace_ms: GRACE_MS, isEndless: true });
  try {
    const signal = AbortSignal.any([deps.signal, ...end]);
    const report = await withProgress(deps, (onPass) => engine.record({ sources, instruments, path, interval_ms, signal, onPass }));
    await deliverReport(deps, report);
  } finally {
    await Promise.all(sources.map((source) => source.close()));
  }
}

type Instruments = RecordOptions["instruments"];
type OnPass = NonNullable<RecordOptions["onPass"]>;

async function typedInstruments(texts: readonly string[]): Promise<Instruments> {
  const { parseInstrument, withExchange } = await import("@stratctl/sdk");
  const parsed = texts.map((text) => parseInstrument(withExchange(text)));
  const distinct = new Map(parsed.map(({ instrument, exchange, tradingsymbol }) => [instrument, { instrument, exchange, tradingsymbol }]));
  return [...distinct.values()].map((one) => ({ ...one, instrument_token: null }));
}

async function heldInstruments({ settings, signal }: Deps): Promise<Instruments> {
  const { openDatabase, readLegs } = await import("@stratctl/sdk/internal");
  const { url } = await settings();
  const db = await openDatabase({ url, signal });
  try {
    const { instruments } = await readLegs(db, { as_of_ms: null });
    if (instruments.length > 0) return instruments;
  } finally {
    await db.close();
  }
  const { StratctlError } = await import("@stratctl/sdk");
  throw new StratctlError("input_invalid", "no active strategy has legs to record", {
    hint: 'name instruments: stratctl record nifty.csv "NSE:NIFTY 50"',
  });
}

async function withProgress({ screen, now }: Deps, work: (onPass: OnPass) => Promise<RecordReport>): Promise<RecordReport> {
  const [{ openProgress }, { counted }, { secondText, ZONE }] = await Promise.all([
    import("../terminal/progress.ts"),
    import("../terminal/format.ts"),
    import("../terminal/moment.ts"),
  ]);
  const progress = openProgress(screen, now);
  try {
    return await work(({ at_ms, quote_count, priced_count }) =>
      progress.show(null, `${secondText(at_ms)} ${ZONE} · ${counted(quote_count, "quote")} · ${priced_count} priced · Ctrl-C ends it`),
    );
  } finally {
    progress.close();
  }
}

const FIELDS = ["path", "quote_count", "late_count", "pass_count", "skipped_count", "unquoted"] as const satisfies (keyof RecordReport)[];

async function deliverReport(deps: Deps, report: RecordReport): Promise<void> {
  const { path, quote_count, late_count, pass_count, skipped_count, unquoted } = report;
  const row = { path, quote_count, late_count, pass_count, skipped_count, unquoted };
  await deliver(deps, {
    data: report,
    rows: [row],
    fields: FIELDS,
    view: async ({ width }) => {
      const { clean, counted, joined } = await import("../terminal/format.ts");
      const parts = [
        `Recorded ${clean(path)}`,
        counted(quote_count, "quote"),
        ...(late_count === 0 ? [] : [`${late_count} told too late and left out`]),
        ...(skipped_count === 0 ? [] : [`${skipped_count} looks missed`]),
        ...(unquoted.length === 0 ? [] : [`no price for ${unquoted.map(clean).join(", ")}`]),
      ];
      return joined(parts, width);
    },
  });
}
