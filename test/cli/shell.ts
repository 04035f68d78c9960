import { spawn, type ChildProcess } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { openPool } from "../../packages/sdk/src/store/db.ts";
import { runOlder } from "../databases/old/older.ts";
import { embeddedServer, freshDatabase, type FreshDatabase, type Template } from "../support/postgres.ts";
import { MIGRATED } from "../support/store.ts";

/** What a command did. */
export interface Outcome {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: number;
}

export interface RunOptions {
  readonly env?: Record<string, string>;
  /** Nothing is written to its input, and it is not closed either. */
  readonly isInputOpen?: boolean;
}

export interface Shell extends AsyncDisposable {
  /** The folder that commands run in, with `recordings` in it. */
  readonly folder: string;
  /** What every command has as its environment; a test may give one more. */
  readonly env: Readonly<Record<string, string>>;
  /** Runs a line of a shell, where `stratctl` is the real binary. */
  run(line: string, options?: RunOptions): Promise<Outcome>;
  /** Begins it, for who wants to see it run; it is killed when the shell ends. */
  start(line: string, options?: Pick<RunOptions, "env">): ChildProcess;
}

const MAIN = resolve(import.meta.dirname, "../../packages/cli/src/main.ts");
/** Far above what any command takes on a busy machine: only a hang gets there. */
const DEADLINE_MS = 120_000;

/** What a shell finds behind DATABASE_URL; without one there is the built-in database, in the shell's own folder. */
export type Behind = "migrated" | "empty" | "older" | "built-in";

const OLDER: Template = {
  name: "cli_older",
  async prepare(url) {
    const database = await openPool(url);
    await runOlder(database, ["008", "008_rows", "023", "023_rows"]);
    await database.close();
  },
};
const TEMPLATES = { migrated: MIGRATED, empty: undefined, older: OLDER } as const;

/**
 * A shell in a folder of its own, where nothing of this machine counts: no config, no account, a database of its own, and no
 * Redis or ticker to ask.
 */
export async function openShell({ behind = "migrated" }: { behind?: Behind } = {}): Promise<Shell> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "stratctl-sh-")));
  const bin = join(folder, ".bin");
  await mkdir(bin);
  await writeFile(join(bin, "stratctl"), `#!/bin/sh\nexec "${process.execPath}" "${MAIN}" "$@"\n`);
  await chmod(join(bin, "stratctl"), 0o755);
  await cp(join(import.meta.dirname, "recordings"), join(folder, "recordings"), { recursive: true });
  const database: FreshDatabase | null = behind === "built-in" ? null : await freshDatabase(await embeddedServer(), TEMPLATES[behind]);
  const env = {
    PATH: `${bin}:${process.env["PATH"] ?? ""}`,
    HOME: folder,
    TMPDIR: tmpdir(),
    // Each command is a process, and each loads the same files.
    NODE_COMPILE_CACHE: resolve(import.meta.dirname, "../../node_modules/.cache/node-compile"),
    TZ: process.env["TZ"] ?? "UTC",
    STRATCTL_DATA: join(folder, "data"),
    // Ports on which nothing listens.
    REDIS_URL: "redis://127.0.0.1:1",
    TICKER_URL: "http://127.0.0.1:1",
    ...(database === null ? {} : { DATABASE_URL: database.url }),
  };
  const started: ChildProcess[] = [];
  const start: Shell["start"] = (line, options = {}) => {
    const child = spawn("bash", ["-c", line], { cwd: folder, env: { ...env, ...options.env }, detached: true });
    started.push(child);
    return child;
  };
  const run: Shell["run"] = (line, options = {}) => outcomeOf(line, start(line, options), options);
  return {
    folder,
    env,
    run,
    start,
    [Symbol.asyncDispose]: async () => {
      for (const child of started) if (child.exitCode === null && child.signalCode === null) killGroup(child);
      if (database === null) await run("stratctl db stop");
      await database?.drop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function outcomeOf(line: string, child: ChildProcess, { isInputOpen = false }: RunOptions): Promise<Outcome> {
  return new Promise((done, fail) => {
    const written = { stdout: "", stderr: "" };
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (written.stdout += text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (written.stderr += text));
    if (!isInputOpen) child.stdin?.end();
    const deadline = setTimeout(() => {
      killGroup(child);
      fail(new Error(`${line} has not ended in ${DEADLINE_MS} ms\n${written.stdout}${written.stderr}`));
    }, DEADLINE_MS);
    child.on("close", (code, signal) => {
      clearTimeout(deadline);
      if (code === null) fail(new Error(`${line} ended by ${signal ?? "nothing"}`));
      else done({ ...written, exit: code });
    });
  });
}

/** The shell and all that it started. */
function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}
