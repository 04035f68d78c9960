import { runDaemon, systemClock } from "../../packages/engine/src/index.ts";
import { redisSource } from "../../packages/sdk/src/internal.ts";
import { openPool } from "../../packages/sdk/src/store/db.ts";

/** A daemon of a shard in real time, by a clock that is so far from the machine's: tells its log and its passes in lines of JSON. */
const [url = "", redis_url = "", offset_ms = "", shard = "1", of = "1"] = process.argv.slice(2);
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
const tell = (line: unknown): unknown => process.stdout.write(`${JSON.stringify(line)}\n`);
const db = await openPool(url);
const source = redisSource({ url: redis_url });
await runDaemon({
  db,
  sources: [source],
  clock: { ...systemClock, now: () => Date.now() + Number(offset_ms) },
  shard: { shard: Number(shard), of: Number(of) },
  signal: stop.signal,
  log: tell,
});
await Promise.all([source.close(), db.close()]);
