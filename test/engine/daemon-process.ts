import { runDaemon } from "../../packages/engine/src/index.ts";
import { redisSource } from "../../packages/sdk/src/internal.ts";
import { openPool } from "../../packages/sdk/src/store/db.ts";
import { FileClock } from "../support/clock.ts";

/** A daemon in a process of its own, by the clock of a file: tells its passes and its log in lines of JSON. */
const [url = "", redis_url = "", clock_path = "", spool] = process.argv.slice(2);
const stop = new AbortController();
process.on("SIGTERM", () => stop.abort());
const tell = (line: unknown): unknown => process.stdout.write(`${JSON.stringify(line)}\n`);
const db = await openPool(url);
const source = redisSource({ url: redis_url });
await runDaemon({
  db,
  sources: [source],
  clock: new FileClock(clock_path),
  signal: stop.signal,
  spool,
  log: tell,
  onPass: ({ at_ms }) => tell({ at_ms }),
});
await Promise.all([source.close(), db.close()]);
