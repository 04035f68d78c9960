import { spawn } from "node:child_process";
import { open, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { cleanEnvironment, complaintOf, type Cluster } from "./cluster.ts";
import { pause, reasonOf, unavailable } from "./failure.ts";
import { socketFolder } from "./place.ts";
import { isPostmaster, isReady, readPostmaster, removeStale } from "./postmaster.ts";
import { runnerCommand } from "./runner.ts";

/** A recovery after a crash reads the log of writes again; a laptop does a gigabyte of it in less. */
const READY_MS_MAX = 120_000;
/** How long the remains of a killed server (orphans that still hold its memory) may stand in the way of a new one. */
const REMAINS_MS_MAX = 15_000;
/** A fast shutdown writes what is in memory; past this it is cut short, which costs the next start a recovery. */
const STOP_MS_MAX = 30_000;
const LOG_BYTES_MAX = 1_000_000;

/** What a start that may succeed a moment later says. */
const REMAINS = /lock file|shared memory|pre-existing/;

/** Starts the server, which then lives on without us, and waits until it answers. Only under the folder's lock. */
export async function startServer(cluster: Cluster, signal: AbortSignal | undefined): Promise<void> {
  const { data } = cluster;
  const socket_folder = await socketFolder(data);
  const began = performance.now();
  for (;;) {
    if (await isReady(data, socket_folder)) return;
    const waited_ms = performance.now() - began;
    if (waited_ms > READY_MS_MAX)
      throw unavailable(`the built-in Postgres is not ready after ${READY_MS_MAX / 1000} s`, { hint: `see ${logOf(data)}` });
    const postmaster = await readPostmaster(data);
    if (postmaster && isPostmaster(postmaster.pid, data)) {
      await pause(20, signal); // somebody else's is starting, or one is stopping
      continue;
    }
    if (postmaster) await removeStale(data);
    const complaint = await launch(cluster, socket_folder, signal);
    if (complaint === null) return;
    if (waited_ms > REMAINS_MS_MAX || !REMAINS.test(complaint))
      throw unavailable(`the built-in Postgres does not start: ${complaint}`, {
        hint: `see ${logOf(data)}, or set DATABASE_URL to a Postgres server`,
      });
    await pause(200, signal);
  }
}

/** Null once the server is ready, else why it ended. */
async function launch(cluster: Cluster, socket_folder: string, signal: AbortSignal | undefined): Promise<string | null> {
  const { data, binaries, runner } = cluster;
  const log = await openLog(data);
  const { size: logged } = await log.stat();
  const { command, args, identity } = runnerCommand(runner, join(binaries.native, "bin", "postgres"), ["-D", data, ...SETTINGS]);
  const child = spawn(command, args, { cwd: "/", detached: true, stdio: ["ignore", log.fd, log.fd], env: cleanEnvironment(), ...identity });
  child.unref();
  const end: { how?: string } = {};
  child.once("error", (error) => (end.how ??= reasonOf(error)));
  child.once("exit", (status) => (end.how ??= `it ended with ${status}`));
  await log.close();
  const late_at_ms = performance.now() + READY_MS_MAX;
  while (end.how === undefined) {
    if (await isReady(data, socket_folder)) return null;
    if (performance.now() > late_at_ms) return `it is not ready after ${READY_MS_MAX / 1000} s`;
    await pause(10, signal);
  }
  const told = (await readFile(logOf(data))).subarray(logged).toString("utf8");
  return complaintOf(told) || end.how;
}

/** No port; the socket in the data folder, given relative to it since a path of a socket is short. */
const SETTINGS = [
  "listen_addresses=",
  "unix_socket_directories=.",
  "port=5432",
  "max_connections=60",
  "max_wal_size=512MB",
  "timezone=UTC",
  "log_timezone=UTC",
  "log_checkpoints=off",
  "cluster_name=stratctl",
].flatMap((setting) => ["-c", setting]);

/** What the server has to say. Begun anew where it has grown long. */
function logOf(data: string): string {
  return join(dirname(data), "postgres.log");
}

async function openLog(data: string): Promise<Awaited<ReturnType<typeof open>>> {
  const path = logOf(data);
  const { size } = await stat(path).catch(() => ({ size: 0 }));
  return open(path, size > LOG_BYTES_MAX ? "w" : "a", 0o600);
}

/** Ends the server of that data folder. False where none runs. Only under the folder's lock. */
export async function stopServer(data: string, signal: AbortSignal | undefined): Promise<boolean> {
  const postmaster = await readPostmaster(data);
  if (!postmaster || !isPostmaster(postmaster.pid, data)) return false;
  for (const how of ["SIGINT", "SIGQUIT"] as const) {
    tell(postmaster.pid, how);
    if (await gone(postmaster.pid, data, signal)) return true;
  }
  throw unavailable(`the built-in Postgres (process ${postmaster.pid}) does not stop`, { hint: `see ${logOf(data)}` });
}

function tell(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (cause) {
    if (reasonOf(cause) === "ESRCH") return;
    throw unavailable(`the built-in Postgres (process ${pid}) cannot be stopped (${reasonOf(cause)})`, {
      hint: "stop it as the user who started it",
      cause,
    });
  }
}

async function gone(pid: number, data: string, signal: AbortSignal | undefined): Promise<boolean> {
  const end = performance.now() + STOP_MS_MAX;
  while (isPostmaster(pid, data)) {
    if (performance.now() > end) return false;
    await pause(10, signal);
  }
  return true;
}
