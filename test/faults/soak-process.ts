import { setTimeout as pause } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { holdYoungGeneration, runDaemon, type DaemonPass, type Loop } from "../../packages/engine/src/index.ts";
import { redisSource, tickerSource } from "../../packages/sdk/src/internal.ts";
import { openPool } from "../../packages/sdk/src/store/db.ts";
import { HandClock } from "../support/clock.ts";

/**
 * A daemon in a process of its own, by a clock that whoever started it moves: told over the process' channel what time it is,
 * it tells its passes, its log, and what it is asked.
 */
const [url = "", redis_url = "", ticker_url = "", spool = "", now_ms = ""] = process.argv.slice(2);
const clock = new HandClock(Number(now_ms));
const stop = new AbortController();
const tell = (line: object): unknown => process.send?.(line);
let loop: Loop | null = null;

// As `stratctl daemon` does.
holdYoungGeneration();
setFlagsFromString("--expose-gc");
const collect: unknown = runInNewContext("gc");

/** Deadlines that run by real time are over first, and what is freed only when the loop turns is freed. */
async function memory(): Promise<{ heap: number; external: number; rss: number }> {
  for (let times = 0; times < 4; times += 1) {
    await pause(400);
    if (typeof collect === "function") collect();
  }
  // Buffers, which are outside of the heap, are counted in `external` (`arrayBuffers` is the part of it that is theirs).
  const { heapUsed, external, rss } = process.memoryUsage();
  return { heap: heapUsed, external, rss };
}

/** How it stands, and the pass that was made, if one was. */
function standing(pass: DaemonPass | null): object {
  const now = loop?.standing();
  return {
    at_ms: pass?.at_ms ?? null,
    marked_count: pass?.marked_count ?? 0,
    leads: now?.role === "leader",
    away: now?.sources.filter(({ up }) => up === false).map(({ name }) => name) ?? [],
    waiting_count: (now?.lost_count ?? 0) + (now?.spool_depth ?? 0),
  };
}

process.on("message", (asked: { pass?: number; set?: number; ask?: "standing" | "memory" | "stop" }) => {
  if (asked.set !== undefined) clock.set(asked.set);
  if (asked.pass !== undefined) clock.pass(asked.pass);
  if (asked.ask === "standing") tell(standing(null));
  if (asked.ask === "memory") void memory().then((bytes) => tell({ memory: bytes }));
  if (asked.ask === "stop") stop.abort();
});

// Short of patience, since the session goes by a thousand times as fast as the connections' timers.
const db = await openPool(url, { statement_timeout_ms: 1_000, connect_timeout_ms: 1_000 });
const sources = [redisSource({ url: redis_url }), tickerSource({ url: ticker_url })];
const report = await runDaemon({
  db,
  sources,
  clock,
  spool,
  signal: stop.signal,
  log: ({ level, event, text }) => tell({ level, event, text }),
  onLoop: (its) => (loop = its),
  onPass: (pass) => tell(standing(pass)),
});
tell({ report });
await Promise.all([...sources, db].map((part) => part.close()));
process.disconnect();
