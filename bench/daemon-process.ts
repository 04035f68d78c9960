import { openDatabase, redisSource } from "@stratctl/sdk/internal";
import { holdYoungGeneration, runDaemon, systemClock, type Clock } from "../packages/engine/src/index.ts";
import { MINUTE_MS } from "../packages/engine/src/clock.ts";
import { resident, watch, type Held } from "./measure.ts";

/**
 * The daemon alone in a process, on a clock that shows `at_ms` when it starts and then goes on as the wall's does. It ends some
 * seconds past the first minute's end that it comes to, or when it is killed, and tells in a line of JSON what it took.
 * `node daemon-process.ts URL REDIS_URL AT_MS`
 */
const [url = "", redis_url = "", at = ""] = process.argv.slice(2);
/** Samples before the minute's end and after it, at least. */
const BEFORE_MS = 12_000;
const AFTER_MS = 8_000;
const offset_ms = Number(at) - Date.now();
const clock: Clock = { ...systemClock, now: () => Date.now() + offset_ms };
const stop = new AbortController();

holdYoungGeneration(); // as `stratctl daemon` does
/** Until the first pass that marks, and from it on. */
const watches = [watch()];
let began_ms = 0;
const held: Promise<Held>[] = [];
const db = await openDatabase({ url }, { as_it_is: true });
const source = redisSource({ url: redis_url });
const report = await runDaemon({
  db,
  sources: [source],
  clock,
  signal: stop.signal,
  log: () => undefined,
  onPass: ({ marked_count }) => {
    // While the book is read there are passes too, of nothing.
    if (held.length > 0 || marked_count === 0) return;
    began_ms = performance.now();
    const left_ms = MINUTE_MS - (clock.now() % MINUTE_MS);
    setTimeout(() => stop.abort(), left_ms + AFTER_MS + (left_ms < BEFORE_MS ? MINUTE_MS : 0));
    held.push(...watches.map((starting) => starting.stop()));
    watches.push(watch());
  },
});
held.push(...watches.slice(1).map((running) => running.stop()));
const [started, running] = await Promise.all(held);
await Promise.all([source.close(), db.close()]);
const { sample_count, skipped_count, candles, lost_count } = report;
const counts = { ran_ms: performance.now() - began_ms, sample_count, skipped_count, candle_count: candles.carried, lost_count };
console.log(JSON.stringify({ started, running, ...resident(), ...counts }));
