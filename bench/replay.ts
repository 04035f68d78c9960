import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { openRecording, surveyRecording, type Database } from "@stratctl/sdk/internal";
import { DEMO_DAY, madeUpMarket } from "../demo/market.ts";
import { recordMarket } from "../demo/recording.ts";
import { replay, type ReplayReport } from "../packages/engine/src/index.ts";
import { atMost, figure, type Figure, type PartResult } from "./figure.ts";
import { enterLegs } from "./market.ts";
import { fitOf, ratios, timed } from "./measure.ts";
import type { Servers } from "./servers.ts";

/** A recorded day of the real market lies beside some clones, and is not part of them; the demo's made-up one stands in. */
const RECORDED = path.resolve(import.meta.dirname, "../../shared/data/sessions/nifty-2025-07-31/ticks.csv.gz");

/** A whole session through the engine into a new database, as fast as it goes. */
export async function benchReplay(
  servers: Servers,
  { strategies, runs }: { strategies: readonly number[]; runs: number },
): Promise<PartResult> {
  const folder = await mkdtemp(path.join(tmpdir(), "stratctl-bench-"));
  try {
    const recording = existsSync(RECORDED) ? RECORDED : (await madeUp(folder)).path;
    const figures: Figure[] = [];
    const points: [number, number][] = [];
    const notes = [`${recording === RECORDED ? "the recorded session of 31 July 2025" : "the demo's made-up session"}, a sample a second`];
    for (const strategy_count of strategies) {
      const session_ms: number[] = [];
      const reading_ms: number[] = [];
      for (let run = 0; run < (strategy_count < 10_000 ? runs : 1); run += 1) {
        reading_ms.push(await timed(() => readThrough(recording)));
        const { ms, report } = await session(servers, recording, strategy_count);
        session_ms.push(ms);
        points.push([strategy_count, ms]);
        if (run === 0) notes.push(`${strategy_count} strategies: ${report.sample_count} samples, ${report.candle_count} candles`);
      }
      const against = [{ yardstick: "reading the file", ratios: ratios(session_ms, reading_ms) }];
      const seconds = session_ms.map((ms) => ms / 1000);
      figures.push(
        figure("session replayed", seconds, {
          size: strategy_count,
          unit: "s",
          target: strategy_count === 10_000 ? atMost(60) : null,
          against,
        }),
      );
    }
    const { slope, intercept, r2 } = fitOf(points);
    if (strategies.length > 1)
      notes.push(`${(slope * 1000).toPrecision(3)} ms a thousand strategies, ${intercept.toPrecision(3)} ms for none, r² ${r2.toFixed(4)}`);
    return { figures, notes };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function madeUp(folder: string): Promise<{ path: string }> {
  return recordMarket(madeUpMarket(DEMO_DAY), path.join(folder, "made-up.csv.gz"), new AbortController().signal);
}

async function readThrough(recording: string): Promise<void> {
  for await (const quotes of (await openRecording(recording, { every_ms: 1000 })).batches()) void quotes;
}

async function session(servers: Servers, recording: string, strategy_count: number): Promise<{ ms: number; report: ReplayReport }> {
  await using database = await servers.database(servers.debian());
  const { db } = database;
  await enter(db, recording, strategy_count);
  const reports: ReplayReport[] = [];
  const ms = await timed(async () => reports.push(await replay({ db, path: recording })));
  const [report] = reports;
  if (report === undefined || report.written_count < strategy_count * 300) throw new Error(`${report?.written_count} candles were written`);
  return { ms, report };
}

/** Strategies of four legs, over the options that the recording has. */
async function enter(db: Database, recording: string, strategy_count: number): Promise<void> {
  const { instruments } = await surveyRecording(recording);
  const options = [...instruments].filter((instrument) => /^NFO:.*\d[CP]E$/.test(instrument)).toSorted();
  await enterLegs(db, { strategy_count, legs_each: 4, symbols: options.map((instrument) => instrument.slice("NFO:".length)) });
}
