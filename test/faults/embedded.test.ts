import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { openPool } from "../../packages/sdk/src/store/db.ts";
import { embeddedStatus } from "../../packages/sdk/src/store/embedded.ts";
import { withFolderLock } from "../../packages/sdk/src/store/embedded/lock.ts";
import { candleRows } from "../engine/rows.ts";
import { INSTRUMENT, strategyOf } from "../service/strategy.ts";
import { until } from "../support/server.ts";
import { root } from "../support/source.ts";
import { startTicker, type Ticker } from "../support/ticker.ts";

const MAIN = path.join(root, "packages/cli/src/main.ts");
const Line = z.object({ event: z.string(), msg: z.string() });

let folder: string;
let ticker: Ticker;
let env: Record<string, string | undefined>;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "stratctl-t-"));
  ticker = await startTicker({ [INSTRUMENT]: 1500.5 });
  env = {
    PATH: process.env["PATH"],
    STRATCTL_DATA: folder,
    STRATCTL_CONFIG: path.join(folder, "config.json"),
    REDIS_URL: "redis://127.0.0.1:1",
    TICKER_URL: ticker.url,
    STRATCTL_DAEMON_ALWAYS: "true",
  };
  spawnSync(process.execPath, [MAIN, "account", "list"], { env });
});
afterAll(async () => {
  spawnSync(process.execPath, [MAIN, "db", "stop"], { env });
  await ticker[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

test("the built-in database's server is killed under the daemon: it is started again, and what waited is written", async () => {
  const { url, pid } = await embeddedStatus({ folder });
  if (url === null || pid === null) throw new Error("the built-in database does not run");
  const db = await openPool(url);
  const strategy_id = await strategyOf(db, "one");
  const said: string[] = [];
  const child = spawn(process.execPath, [MAIN, "daemon", "--port", "0"], { env, stdio: ["ignore", "pipe", "inherit"] });
  const ended = once(child, "exit");
  createInterface({ input: child.stdout }).on("line", (line) => {
    const { event, msg } = Line.parse(JSON.parse(line));
    said.push(`${event}: ${msg}`);
  });
  const says = (what: RegExp): Promise<void> =>
    until(
      async () => expect(said).toContainEqual(expect.stringMatching(what)),
      () => said.join("\n"),
      40_000,
    );
  const samples = async (): Promise<Date[]> =>
    (await candleRows(db, strategy_id)).flatMap(({ minute, sampled }) =>
      Array.from({ length: 60 }, (_, s) => s)
        .filter((s) => (BigInt(sampled) & (1n << BigInt(s))) !== 0n)
        .map((s) => new Date(Date.parse(minute) + s * 1000)),
    );
  try {
    await says(/^priced:/);
    await until(
      async () => expect((await samples()).length).toBeGreaterThan(0),
      () => said.join("\n"),
    );
    const killed_at = new Date();
    // Nobody can start it again before the daemon has told that it is away.
    await withFolderLock(await realpath(folder), undefined, async () => {
      process.kill(pid, "SIGKILL");
      await says(/^database: .*does not answer/);
    });
    await says(/^database: the server of the built-in database had died: it was started again/);
    const back_at = new Date();
    await says(/^database: back after/);
    expect((await embeddedStatus({ folder })).pid).not.toBe(pid);
    child.kill("SIGTERM");
    await ended;
    expect(child.exitCode).toBe(0);
    // What was sampled before, while it was away, and after it.
    const seen = await samples();
    expect(seen.some((at) => at < killed_at)).toBe(true);
    expect(seen.some((at) => at > killed_at && at < back_at)).toBe(true);
    expect(seen.some((at) => at > back_at)).toBe(true);
    for (const { open, high, low, close } of await candleRows(db, strategy_id))
      expect([open, high, low, close]).toEqual(["-15005.0000", "-15005.0000", "-15005.0000", "-15005.0000"]);
  } finally {
    child.kill("SIGKILL");
    await ended;
    await db.close();
  }
});
