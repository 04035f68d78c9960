import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stopEmbedded } from "@stratctl/sdk/internal";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";

/** The demo as a real process, as `pnpm demo` starts it, in a temporary folder where all that it leaves can be seen. */

const root = path.resolve(import.meta.dirname, "..");
let place = "";
beforeEach(async () => {
  place = await mkdtemp(path.join(tmpdir(), "stratctl-d-"));
});
afterEach(() => rm(place, { recursive: true, force: true }));

test("shows a whole session, in a pipe too, as the README does; what to try next works as printed", async () => {
  const run = start();
  expect(await run.ended).toEqual({ status: 0, signal: null });
  expect(await leftBehind()).toEqual([]);

  expect(run.stderr()).toBe("");
  expect(run.stdout()).not.toContain("\u001B");
  expect(run.stdout()).toMatch(/made-up prices/);
  const commands = [...run.stdout().matchAll(/^\$ stratctl (\w+( (list|add|create))?)/gm)].map((match) => match[1]);
  const legs_added = Array.from({ length: 4 }, () => "leg add");
  expect(commands).toEqual(["account add", "strategy create", ...legs_added, "replay", "leg list", "m2m", "m2m"]);
  expect(run.stdout()).toMatch(/375 of 375 minutes/);
  expect(run.stdout()).toMatch(/[▁▂▃▄▅▆▇█]{30}/);
  expect(run.stdout()).toMatch(/[┤┼].*[╭╮╰╯]/);
  expect(
    run
      .stdout()
      .split("\n")
      .filter((line) => line.length > 80 && !line.startsWith("  npx")),
  ).toEqual([]);

  const view = /^```\n([\s\S]*?)^```$/m.exec(readFileSync(path.join(root, "README.md"), "utf8"))?.[1] ?? "no view";
  expect(run.stdout()).toContain(view);

  const next = run.stdout().match(/^ {2}npx .+$/gm) ?? [];
  expect(next).toHaveLength(3);
  const env = { ...environment(), STRATCTL_DATA: path.join(place, "own"), XDG_CONFIG_HOME: place };
  try {
    // Twice, as after a second demo.
    for (const command of [...next, ...next])
      execFileSync("/bin/sh", ["-c", command], { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
    const legs = execFileSync(process.execPath, [main, "leg", "list", "First try", "--json"], { cwd: root, env, encoding: "utf8" });
    const held = z.array(z.object({ quantity: z.int().positive(), lot_size: z.int() })).parse(JSON.parse(legs));
    expect(held.map(({ quantity, lot_size }) => quantity / lot_size)).toEqual([1, 1]);
  } finally {
    await stopEmbedded({ folder: path.join(place, "own") });
  }
});

describe("leaves nothing behind", () => {
  // Ctrl-C goes to the whole group: to initdb or Postgres as well, if they are in it.
  test.for([
    ["while its database starts", /stratctl/],
    ["while the session is replayed", /\$ stratctl replay/],
  ] as const)("on Ctrl-C %s", async ([, moment]) => {
    const run = start();
    await run.says(moment);
    run.signal("SIGINT");
    expect(await run.ended).toEqual({ status: 130, signal: null });
    expect(await leftBehind()).toEqual([]);
    expect(run.stdout()).not.toContain("npx -y");
  });

  test("on SIGTERM", async () => {
    const run = start();
    await run.says(/\$ stratctl account add/);
    run.signal("SIGTERM");
    expect(await run.ended).toEqual({ status: 143, signal: null });
    expect(await leftBehind()).toEqual([]);
  });

  test("when its reader goes away", async () => {
    const run = start();
    await run.says(/\$ stratctl account add/);
    run.hangUp();
    expect(await run.ended).toEqual({ status: 0, signal: null });
    expect(await leftBehind()).toEqual([]);
    expect(run.stderr()).toBe("");
  });

  test("when its database keeps dying under it, which it says in a line", async () => {
    const run = start();
    await run.says(/\$ stratctl replay/);
    const killer = setInterval(killPostgres, 20); // once is not enough: a command starts it again
    try {
      expect(await run.ended).toEqual({ status: 5, signal: null });
    } finally {
      clearInterval(killer);
    }
    expect(run.stderr()).toMatch(/^stratctl: .*(database|Postgres).*$/m);
    expect(run.stderr()).not.toMatch(/^\s+at /m);
    expect(await leftBehind()).toEqual([]);
  });

  test("when it is killed", async () => {
    const run = start();
    await run.says(/\$ stratctl account add/);
    run.signal("SIGKILL");
    expect(await run.ended).toEqual({ status: null, signal: "SIGKILL" });
    expect(await leftBehind()).toEqual([]);
  });
});

const main = path.join(root, "packages", "cli", "src", "main.ts");

/** Of a shell that knows of another database, which the demo must leave alone. */
function environment(): NodeJS.ProcessEnv {
  return { ...process.env, TMPDIR: place, NO_COLOR: "", FORCE_COLOR: "" };
}

function start() {
  const child = spawn(process.execPath, [path.join(root, "demo", "demo.ts")], {
    cwd: root,
    detached: true, // a group of its own, as a shell gives it
    env: { ...environment(), DATABASE_URL: "postgres://nobody@127.0.0.1:1/nowhere", STRATCTL_ACCOUNT: "NOBODY" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { stdout: "", stderr: "" };
  child.stdout.setEncoding("utf8").on("data", (text: string) => (said.stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said.stderr += text));
  const ended = once(child, "exit").then(([status, signal]: unknown[]) => ({ status, signal }));
  return {
    ended,
    stdout: () => said.stdout,
    stderr: () => said.stderr,
    signal: (name: NodeJS.Signals) => void process.kill(-(child.pid ?? NaN), name),
    hangUp: () => child.stdout.destroy(),
    async says(words: RegExp): Promise<void> {
      await until(
        () => words.test(said.stdout),
        () => `the demo to say ${words}; it said: ${said.stdout}${said.stderr}`,
        ended,
      );
    },
  };
}

function killPostgres(): void {
  for (const file of globSync("*/data/postmaster.pid", { cwd: place })) {
    try {
      const pid = Number(readFileSync(path.join(place, file), "utf8").split("\n", 1)[0]);
      // It is written after it is made, and 0 would be all of this process's group.
      if (pid > 0) process.kill(pid, "SIGKILL");
    } catch {
      // it is dead already
    }
  }
}

/** Folders and processes that are still there, after a while for what tidies up behind a killed process. */
async function leftBehind(): Promise<string[]> {
  const find = (): string[] => [...readdirSync(place), ...processesIn(place)];
  const deadline = performance.now() + 30_000;
  while (find().length > 0 && performance.now() < deadline) await sleep(50);
  return find();
}

/** Command lines that name the folder. */
function processesIn(folder: string): string[] {
  if (!existsSync("/proc/self")) {
    const lines = execFileSync("ps", ["-A", "-ww", "-o", "args="], { encoding: "utf8" }).split("\n");
    return lines.filter((line) => line.includes(folder));
  }
  return globSync("/proc/[0-9]*/cmdline").flatMap((file) => {
    try {
      const line = readFileSync(file, "utf8").replaceAll("\0", " ");
      return line.includes(folder) ? [line] : [];
    } catch {
      return []; // it has ended meanwhile
    }
  });
}

/** Waits for a fact, as long as the process runs and not for ever. */
async function until(isSo: () => boolean, what: () => string, ended: Promise<unknown>): Promise<void> {
  const deadline = performance.now() + 30_000;
  let isOver = false;
  void ended.then(() => (isOver = true));
  while (!isSo()) {
    if (isOver || performance.now() > deadline) throw new Error(`waited in vain for ${what()}`);
    await sleep(10);
  }
}
