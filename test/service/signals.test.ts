import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { openPool } from "../../packages/sdk/src/store/db.ts";
import { startPipe, type Pipe } from "../support/pipe.ts";
import { embeddedServer, freshDatabase, type FreshDatabase } from "../support/postgres.ts";
import { until } from "../support/server.ts";
import { root } from "../support/source.ts";
import { MIGRATED } from "../support/store.ts";
import { startTicker } from "../support/ticker.ts";
import { strategyOf } from "./strategy.ts";

/** What signals do to the daemon's process, without a systemd. */

let folder: string;
let fresh: FreshDatabase;
let pipe: Pipe;
let ticker: Awaited<ReturnType<typeof startTicker>>;

beforeAll(async () => {
  ticker = await startTicker({ "NSE:RELIANCE": 1500.5 });
  folder = await mkdtemp(path.join(tmpdir(), "stratctl-t-"));
  const server = await embeddedServer();
  fresh = await freshDatabase(server, MIGRATED);
  const db = await openPool(fresh.url);
  await strategyOf(db, "one");
  await db.close();
  pipe = await startPipe(server.socket);
});
afterEach(() => pipe.flow());
afterAll(async () => {
  await pipe[Symbol.asyncDispose]();
  await fresh.drop();
  await ticker[Symbol.asyncDispose]();
  await rm(folder, { recursive: true });
});

const Line = z.object({ event: z.string(), msg: z.string() });

class Daemon implements AsyncDisposable {
  readonly said: string[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  constructor(env: Readonly<Record<string, string>> = {}) {
    const url = new URL(fresh.url);
    this.#child = spawn(process.execPath, [path.join(root, "packages/cli/src/main.ts"), "daemon", "--port", "0"], {
      env: {
        PATH: process.env["PATH"],
        DATABASE_URL: `postgres://${url.username || "stratctl"}@127.0.0.1:${pipe.port}${url.pathname}`,
        STRATCTL_DATA: folder,
        STRATCTL_CONFIG: path.join(folder, "config.json"),
        REDIS_URL: "redis://127.0.0.1:1",
        TICKER_URL: ticker.url,
        STRATCTL_DAEMON_ALWAYS: "true",
        ...env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#ended = once(this.#child, "exit");
    const { stdout, stderr } = this.#child;
    if (stdout !== null)
      createInterface({ input: stdout }).on("line", (line) => {
        const { event, msg } = Line.parse(JSON.parse(line));
        this.said.push(`${event}: ${msg}`);
      });
    stderr?.on("data", (text: Buffer) => void this.said.push(text.toString()));
  }

  says(what: RegExp): Promise<void> {
    return until(
      async () => expect(this.said).toContainEqual(expect.stringMatching(what)),
      () => this.said.join("\n"),
    );
  }

  send(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async ended(): Promise<number | null> {
    await this.#ended;
    return this.#child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.send("SIGKILL");
    await this.#ended;
  }
}

test("SIGTERM while the database is silent: it leaves within five seconds all the same, and the next start writes what waits on disk", async () => {
  await using daemon = new Daemon();
  await daemon.says(/^priced:/);
  pipe.swallow();
  const began = performance.now();
  daemon.send("SIGTERM");
  expect(await daemon.ended()).toBe(0);
  expect(performance.now() - began).toBeLessThan(8_000); // five on a machine that has time for it
  await daemon.says(/^stopped: .* on disk for the next start/);
  // A folder of that database alone: another one's daemon does not write these.
  const spools = await readdir(path.join(folder, "spool"));
  expect(spools).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/)]);
  expect(await readdir(path.join(folder, "spool", spools[0] ?? ""))).not.toHaveLength(0);
  pipe.flow();
  await using next = new Daemon();
  await next.says(/^spool: \d candles? of an earlier run/);
  await next.says(/^spool: empty/);
  next.send("SIGTERM");
  expect(await next.ended()).toBe(0);
  expect(await readdir(path.join(folder, "spool", spools[0] ?? ""))).toEqual([]);
});

test("a second SIGTERM ends it at once", async () => {
  await using daemon = new Daemon();
  await daemon.says(/^priced:/);
  pipe.swallow();
  daemon.send("SIGTERM");
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(daemon.isRunning).toBe(true);
  daemon.send("SIGTERM");
  const began = performance.now();
  expect(await daemon.ended()).toBe(0);
  expect(performance.now() - began).toBeLessThan(1_000);
});

test("SIGHUP with settings that prove useless when they are begun with: those before go on", async () => {
  const config = path.join(folder, "hang-up.json");
  await writeFile(config, "{}");
  await using daemon = new Daemon({ STRATCTL_CONFIG: config });
  await daemon.says(/^ready:/);
  daemon.said.length = 0;
  await writeFile(config, JSON.stringify({ "daemon.stale_ms_max": 30_000, "http.jwt_secret_file": path.join(folder, "none") }));
  daemon.send("SIGHUP");
  await daemon.says(/^config: .*none cannot be read.*stays in force/);
  await daemon.says(/^ready:/);
  daemon.send("SIGTERM");
  expect(await daemon.ended()).toBe(0);
});

test("a database with other tables, found out when it is back, ends the daemon with what it would have said at the start", async () => {
  const empty = await freshDatabase(await embeddedServer());
  await pipe.refuse();
  const url = new URL(fresh.url);
  const name = new URL(empty.url).pathname;
  await using daemon = new Daemon({ DATABASE_URL: `postgres://${url.username || "stratctl"}@127.0.0.1:${pipe.port}${name}` });
  await daemon.says(/^ready:/);
  await pipe.accept();
  expect(await daemon.ended()).toBe(5);
  await daemon.says(/no tables of stratctl yet/);
  await empty.drop();
});
