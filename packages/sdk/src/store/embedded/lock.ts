import { createHash } from "node:crypto";
import { once } from "node:events";
import { constants } from "node:fs";
import { open, realpath, stat } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { interruption, pause, reasonOf, unavailable } from "./failure.ts";

/** Making and starting a database takes about a second, on a busy machine some; ten that wait their turn need no more. */
const LOCK_WAIT_MS_MAX = 120_000;

/**
 * Runs `work` while no other process does the same to this folder.
 *
 * Node has no flock, and a lock file that outlives a killed process must be broken, which two can do at once. So the
 * kernel keeps the lock: on Linux it is the name of an abstract socket, on macOS an exclusively opened file. Either is
 * gone with its process.
 */
export async function withFolderLock<T>(folder: string, signal: AbortSignal | undefined, work: () => Promise<T>): Promise<T> {
  const release = await acquire(folder, signal);
  try {
    return await work();
  } finally {
    await release();
  }
}

type Release = () => Promise<void>;

async function acquire(folder: string, signal: AbortSignal | undefined): Promise<Release> {
  const end = performance.now() + LOCK_WAIT_MS_MAX;
  for (;;) {
    if (signal?.aborted) throw interruption();
    const release = process.platform === "linux" ? await bindName(await lockName(folder)) : await openExclusively(join(folder, "lock"));
    if (release) return release;
    if (performance.now() > end)
      throw unavailable(`another process has held the built-in database in ${folder} for ${LOCK_WAIT_MS_MAX / 1000} s`);
    await pause(20, signal);
  }
}

/** The folder's inode stands for it, so that two paths to one folder share one lock. */
async function lockName(folder: string): Promise<string> {
  const { dev, ino } = await stat(folder, { bigint: true });
  const key = createHash("sha256")
    .update(`${dev}:${ino}:${await realpath(folder)}`)
    .digest("hex")
    .slice(0, 32);
  return `\0stratctl-${key}`;
}

async function bindName(name: string): Promise<Release | null> {
  const server = createServer((socket) => socket.destroy());
  try {
    server.listen({ path: name });
    await once(server, "listening");
  } catch (error) {
    if (reasonOf(error) === "EADDRINUSE") return null;
    throw unavailable(`the built-in database cannot be locked: ${reasonOf(error)}`, { cause: error });
  }
  return () =>
    new Promise((resolve) => {
      server.close(() => {
        resolve();
      });
    });
}

/** O_EXLOCK of macOS: open and flock in one call. */
const O_EXLOCK = 0x20;

async function openExclusively(path: string): Promise<Release | null> {
  try {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NONBLOCK | O_EXLOCK, 0o600);
    return () => file.close();
  } catch (error) {
    if (reasonOf(error) === "EAGAIN") return null;
    throw unavailable(`the built-in database cannot be locked: ${reasonOf(error)}`, { cause: error });
  }
}
