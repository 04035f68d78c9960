import { spawn } from "node:child_process";
import { chmod, chown, mkdir, readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { StratctlError } from "../../errors.ts";
import { copiedBinaries, linkedBinaries, type Binaries } from "./binaries.ts";
import { interruption, reasonOf, unavailable } from "./failure.ts";
import { linkInto, moveInto, outsideOf } from "./place.ts";
import { runnerCommand, runnerFor, type Runner } from "./runner.ts";

/** All that starting a server takes. */
export interface Cluster {
  /** Postgres' own folder, without links in its path. */
  readonly data: string;
  readonly binaries: Binaries;
  readonly runner: Runner;
}

/** The role and the database that are made with a cluster. */
export const ROLE = "stratctl";
export const DATABASE = "stratctl";

/** A cluster over data that are there. */
export async function openCluster(data: string, packaged: Binaries): Promise<Cluster> {
  const runner = runnerFor(await stat(data));
  return { data, runner, binaries: await runnableBinaries(packaged, dirname(data), runner) };
}

/** Makes an empty database in the folder. Only under the folder's lock; cut short, it leaves nothing that a next try minds. */
export async function makeCluster(folder: string, packaged: Binaries, signal: AbortSignal | undefined): Promise<Cluster> {
  const owner = await stat(folder);
  const runner = runnerFor(owner);
  const lent = runner.kind === "user" && owner.uid === 0;
  const outside = lent && !(await isPassable(dirname(folder)));
  const home = outside ? outsideOf(folder) : folder;
  try {
    if (lent) await makePassable(home);
    await removeHalves(home);
    const data = join(home, "data");
    const cluster = { data, runner, binaries: await runnableBinaries(packaged, home, runner) };
    const half = `${data}.new-${process.pid}`;
    await initialise(cluster, half, signal).catch(async (error: unknown) => {
      await rm(half, GONE);
      throw error;
    });
    await moveInto(half, data);
    if (outside) await linkInto(data, join(folder, "data"));
    return cluster;
  } catch (error) {
    if (signal?.aborted) throw interruption();
    if (error instanceof StratctlError) throw error;
    throw unavailable(`the built-in database cannot be made in ${folder}: ${reasonOf(error)}`, { cause: error });
  }
}

/** Whether everybody may pass through the folder and those above it. */
async function isPassable(folder: string): Promise<boolean> {
  const { mode } = await stat(folder);
  return (mode & 0o001) !== 0 && (folder === dirname(folder) || (await isPassable(dirname(folder))));
}

/** Others may pass through it to what is theirs, and not look. */
async function makePassable(home: string): Promise<void> {
  if ((await mkdir(home, { recursive: true })) !== undefined) await chmod(dirname(home), 0o711); // whatever the umask
  await chmod(home, 0o711);
}

/** An initdb whose starter was killed lives on for a moment and writes: hence the retries. */
const GONE = { recursive: true, force: true, maxRetries: 10, retryDelay: 100 };

/** What starts that were killed left behind. */
async function removeHalves(home: string): Promise<void> {
  const halves = (await readdir(home)).filter((name) => /^(data|native-[^/]*)\.new-\d+$/.test(name));
  await Promise.all(halves.map((name) => rm(join(home, name), GONE)));
}

/**
 * Binaries that this runner can start: asked by starting them, since a private home, a read-only package or a missing
 * library of the system stop it each in another way.
 */
async function runnableBinaries(packaged: Binaries, home: string, runner: Runner): Promise<Binaries> {
  const linked = await linkedBinaries(packaged, home);
  try {
    await run(runner, join(linked.native, "bin", "postgres"), ["--version"]);
    return linked;
  } catch (error) {
    if (runner.kind !== "user") throw unavailable(`the built-in Postgres does not run here: ${reasonOf(error)}`, { cause: error });
  }
  return copiedBinaries(packaged, home);
}

async function initialise({ binaries, runner }: Cluster, half: string, signal: AbortSignal | undefined): Promise<void> {
  await mkdir(half, { mode: 0o700 });
  if (runner.kind === "user") await chown(half, runner.uid, runner.gid);
  const bin = (name: string): string => join(binaries.native, "bin", name);
  await run(runner, bin("initdb"), ["-D", half, "-U", ROLE, "-A", "trust", "-E", "UTF8", ...LOCALE], { signal });
  await run(runner, bin("postgres"), ["--single", "-D", half, "postgres"], { signal, input: `create database ${DATABASE}\n` });
}

/** Sorting and case of Postgres itself: the same on every machine, whatever locales it has. */
const LOCALE = ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"];

/** What a program of Postgres may know of our environment: not PGPORT, PGDATA or a locale that is not installed. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  return { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };
}

interface RunOptions {
  readonly input?: string;
  readonly signal?: AbortSignal | undefined;
}

/** Runs a program to its end; what it last complained about becomes the error. */
async function run(runner: Runner, program: string, programArgs: readonly string[], options: RunOptions = {}): Promise<void> {
  const { input = "", signal } = options;
  const { command, args, identity } = runnerCommand(runner, program, programArgs);
  const child = spawn(command, args, { cwd: "/", stdio: ["pipe", "ignore", "pipe"], env: cleanEnvironment(), signal, ...identity });
  let complaints = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (complaints = (complaints + text).slice(-10_000)));
  child.stdin.on("error", () => undefined); // a program that ended early says more by its status
  child.stdin.end(input);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (status !== 0) throw new Error(`${basename(program)}: ${complaintOf(complaints) || `ended with ${status}`}`);
}

/** The line that says why, of what a program of Postgres wrote. */
export function complaintOf(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  const told = lines.findLast((line) => /\b(FATAL|PANIC|error|ERROR):/.test(line)) ?? lines.at(-1) ?? "";
  return told.replace(/^.*?\b(?:FATAL|PANIC|error|ERROR):\s*/, "").trim();
}
