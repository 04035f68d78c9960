import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { reasonOf } from "./failure.ts";

/** What `postmaster.pid` in the data folder says of the server there. */
export interface Postmaster {
  readonly pid: number;
  readonly started_at_ms: number;
  /** Postgres' own word: starting, ready, stopping. */
  readonly status: string;
}

/** The name of the socket at port 5432; Postgres gives it no other. */
export const SOCKET_NAME = ".s.PGSQL.5432";

/** The server that has, or had, the data folder; null where the file is absent or not yet written. */
export async function readPostmaster(data: string): Promise<Postmaster | null> {
  try {
    const lines = (await readFile(join(data, "postmaster.pid"), "utf8")).split("\n");
    const pid = Number(lines[0]);
    if (!Number.isInteger(pid) || pid <= 0) return null;
    return { pid, started_at_ms: Number(lines[2]) * 1000, status: (lines[7] ?? "starting").trim() };
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(reasonOf(error))) return null;
    throw error;
  }
}

/** True where the server says it is ready and somebody listens at its socket. Costs a millisecond. */
export async function isReady(data: string, socket_folder: string): Promise<boolean> {
  const postmaster = await readPostmaster(data);
  return postmaster?.status === "ready" && (await listens(join(socket_folder, SOCKET_NAME)));
}

function listens(socket_path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path: socket_path });
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => {
      resolve(false);
    });
  });
}

/**
 * Whether the process of that pid is a Postgres on this data folder. A killed one may linger as a zombie until its parent
 * looks, for good where nobody does, and its pid may have become another program's.
 */
export function isPostmaster(pid: number, data: string): boolean {
  const line = existsSync("/proc/self/stat") ? fromProc(pid) : fromPs(pid);
  return line !== null && line.state !== "Z" && `${line.command} `.includes(`postgres -D ${data} `);
}

interface ProcessLine {
  readonly state: string;
  readonly command: string;
}

function fromProc(pid: number): ProcessLine | null {
  try {
    const state = /^\d+ \(.*\) (\S)/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1] ?? "";
    return { state, command: readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ") };
  } catch {
    return null; // no such process
  }
}

function fromPs(pid: number): ProcessLine | null {
  const { status, stdout } = spawnSync("ps", ["-ww", "-o", "stat=,command=", "-p", String(pid)], { encoding: "utf8" });
  const match = status === 0 ? /^(\S)\S*\s+(.*)/.exec(stdout) : null;
  return match ? { state: match[1] ?? "", command: match[2] ?? "" } : null;
}

/**
 * Removes what a killed server left where its pid is no server's any more: Postgres itself would believe the pid. Only
 * under the folder's lock. Orphans of the killed server still hold its shared memory, which Postgres sees for itself.
 */
export async function removeStale(data: string): Promise<void> {
  await Promise.all(["postmaster.pid", SOCKET_NAME, `${SOCKET_NAME}.lock`].map((name) => rm(join(data, name), { force: true })));
}
