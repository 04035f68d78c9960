import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import { systemClock } from "../packages/engine/src/clock.ts";
import { atMost, figure, type Figure, type PartResult, type Target } from "./figure.ts";
import { enterStrategies, Feed, minuteOf, sizeOf } from "./market.ts";
import type { Servers } from "./servers.ts";

/** The daemon starts so long before a minute's end. */
const BEFORE_MS = 20_000;
/** The feed moves every instrument once in so many seconds, a part of them each second. */
const MOVES_EVERY = 5;

const Held = z.object({ work_ms_max: z.number(), loop_ms_max: z.number(), gc_ms_max: z.number(), gc_ms: z.number(), gc_count: z.int() });
const Told = z.object({
  started: Held,
  running: Held,
  now_mb: z.number(),
  max_mb: z.number(),
  ran_ms: z.number(),
  sample_count: z.int(),
  skipped_count: z.int(),
  candle_count: z.int(),
  lost_count: z.int(),
});
type Told = z.output<typeof Told>;

/** The daemon past a minute's end, in a process of its own, a sample a second: its memory, its pauses, and what it left out. */
export async function benchMemory(
  servers: Servers,
  { strategies, runs }: { strategies: readonly number[]; runs: number },
): Promise<PartResult> {
  const figures: Figure[] = [];
  const notes: string[] = [];
  for (const strategy_count of strategies) {
    const told: Told[] = [];
    for (let run = 0; run < runs; run += 1) told.push(await daemon(servers, strategy_count));
    figures.push(...figuresOf(told, strategy_count));
    const [samples, skipped] = [told.map((one) => one.sample_count), told.map((one) => one.skipped_count)];
    notes.push(`${strategy_count.toLocaleString("en-US")} strategies: ${samples.join(", ")} samples, ${skipped.join(", ")} skipped`);
  }
  return { figures, notes };
}

async function daemon(servers: Servers, strategy_count: number): Promise<Told> {
  const size = sizeOf(strategy_count);
  const { url: redis_url } = await servers.redis();
  await using database = await servers.database(servers.debian());
  await enterStrategies(database.db, size);
  await using feed = new Feed(redis_url, size);
  await feed.move();
  const moving = feeding(feed);
  const program = path.join(import.meta.dirname, "daemon-process.ts");
  const args = [program, database.url, redis_url, String(minuteOf(1) - BEFORE_MS)];
  const { stdout } = await promisify(execFile)(process.execPath, args).finally(() => moving.abort());
  await moving.ended;
  const told = Told.parse(JSON.parse(stdout));
  if (told.candle_count < strategy_count) throw new Error(`${told.candle_count} candles of ${strategy_count} were written: ${stdout}`);
  return told;
}

/** Prices move until it is told to end. */
function feeding(feed: Feed): { abort: () => void; ended: Promise<void> } {
  const stopped = new AbortController();
  const run = async (): Promise<void> => {
    for (let turn = 0; !stopped.signal.aborted; turn += 1) {
      await feed.move({ every: MOVES_EVERY, from: turn % MOVES_EVERY });
      await systemClock.sleep(1000, stopped.signal);
    }
  };
  return { abort: () => stopped.abort(), ended: run() };
}

function figuresOf(told: readonly Told[], size: number): Figure[] {
  const held = told.map(({ started, running }) => ({ started, running }));
  const all: [string, number[], Target | null][] = [
    ["loop held by own work, at the start", held.map(({ started }) => started.work_ms_max), atMost(50)],
    ["loop held by own work, running", held.map(({ running }) => running.work_ms_max), atMost(50)],
    ["loop came round late, running", held.map(({ running }) => running.loop_ms_max), null],
    ["longest garbage collection", held.map(({ started, running }) => Math.max(started.gc_ms_max, running.gc_ms_max)), null],
    ["garbage collection a second", told.map(({ running, ran_ms }) => (running.gc_ms * 1000) / ran_ms), null],
  ];
  const highest = told.map(({ max_mb }) => max_mb);
  const last = told.map(({ now_mb }) => now_mb);
  return [
    figure("resident memory, highest", highest, { size, unit: "MB", target: size === 100_000 ? atMost(500) : null }),
    figure("resident memory, at the end", last, { size, unit: "MB" }),
    ...all.map(([name, values, target]) => figure(name, values, { size, target })),
  ];
}
