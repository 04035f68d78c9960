import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { dropDisk, filled, smallDisk } from "../support/disk.ts";
import { embeddedServer, freshDatabase, type FreshDatabase } from "../support/postgres.ts";
import { freePort } from "../support/redis.ts";
import { until } from "../support/server.ts";
import { root } from "../support/source.ts";
import { MIGRATED } from "../support/store.ts";

/** A daemon whose log cannot be written: its job is another. */

const disk = await smallDisk();
if (disk === null) console.warn("skipped: no tmpfs can be mounted here (it takes root)");

let folder: string;
let fresh: FreshDatabase;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "stratctl-t-"));
  fresh = await freshDatabase(await embeddedServer(), MIGRATED);
});
afterAll(async () => {
  await fresh.drop();
  await rm(folder, { recursive: true });
  if (disk !== null) dropDisk(disk);
});

class Daemon implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly #ended: Promise<unknown>;
  noted = "";

  constructor(stdout: "pipe" | number) {
    this.child = spawn(process.execPath, [path.join(root, "packages/cli/src/main.ts"), "daemon", "--port", String(PORT)], {
      env: {
        PATH: process.env["PATH"],
        DATABASE_URL: fresh.url,
        STRATCTL_DATA: folder,
        STRATCTL_CONFIG: path.join(folder, "none.json"),
        REDIS_URL: "redis://127.0.0.1:1",
        TICKER_URL: "http://127.0.0.1:1",
      },
      stdio: ["ignore", stdout, "pipe"],
    });
    this.#ended = once(this.child, "exit");
    this.child.stderr?.on("data", (text: Buffer) => (this.noted += text.toString()));
  }

  /** Has it write a line. */
  async ask(): Promise<number> {
    return (await fetch(`http://127.0.0.1:${PORT}/nothing`)).status;
  }

  async answers(): Promise<void> {
    await until(
      async () => expect(await this.ask()).toBe(404),
      () => this.noted,
    );
  }

  async stopped(): Promise<number | null> {
    this.child.kill("SIGTERM");
    await this.#ended;
    return this.child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill("SIGKILL");
    await this.#ended;
  }
}

/** A log that cannot be read tells no port. */
const PORT = await freePort();

const Line = z.object({ event: z.string(), msg: z.string(), count: z.int().optional(), status: z.int().optional() });

test.skipIf(disk === null)("on a disk that is full: lines are dropped, and once there is room it is said how many were", async () => {
  const file = path.join(disk ?? "", "log");
  const out = openSync(file, "a");
  await using daemon = new Daemon(out);
  closeSync(out);
  await daemon.answers();
  const room = filled(disk ?? "");
  // What is left of the file's last page takes some.
  await until(
    async () => {
      await daemon.ask();
      expect(daemon.noted).toContain("ENOSPC");
    },
    () => "it writes on",
  );
  for (let times = 0; times < 5; times += 1) expect(await daemon.ask()).toBe(404);
  room();
  await daemon.ask();
  expect(await daemon.stopped()).toBe(0);
  expect(daemon.noted).toBe("stratctl: cannot write to standard output (ENOSPC); it goes on without\n");
  const lines = (await readFile(file, "utf8")).split("\n").slice(0, -1);
  const parsed = lines.flatMap((line) => (isJson(line) ? [Line.parse(JSON.parse(line))] : []));
  // The one that the disk had room for half of.
  expect(lines.length - parsed.length).toBeLessThanOrEqual(1);
  const told = parsed.filter(({ event }) => event === "log");
  const count = told[0]?.count ?? 0;
  expect(told.map(({ msg }) => msg)).toEqual([`${count} lines of this log could not be written (ENOSPC)`]);
  expect(count).toBeGreaterThanOrEqual(6);
  expect(parsed.at(-1)?.event).toBe("stopped");
});

test.skipIf(!existsSync("/dev/full"))("where nothing can ever be written", async () => {
  const out = openSync("/dev/full", "w");
  await using daemon = new Daemon(out);
  closeSync(out);
  await daemon.answers();
  expect(await daemon.stopped()).toBe(0);
  expect(daemon.noted).toBe("stratctl: cannot write to standard output (ENOSPC); it goes on without\n");
});

test("into a pipe whose reader has gone", async () => {
  await using daemon = new Daemon("pipe");
  daemon.child.stdout?.destroy();
  await daemon.answers();
  for (let times = 0; times < 5; times += 1) expect(await daemon.ask()).toBe(404);
  expect(await daemon.stopped()).toBe(0);
  expect(daemon.noted).toBe("stratctl: nobody reads standard output any more; it goes on without\n");
});

function isJson(text: string): boolean {
  try {
    return JSON.parse(text) !== null;
  } catch {
    return false;
  }
}
