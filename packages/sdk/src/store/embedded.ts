import { readFile, realpath } from "node:fs/promises";
import { join } from "node:path";
import { assert } from "../errors.ts";
import { openPool } from "./db.ts";
import { copyRunning, type BackupReport } from "./embedded/backup.ts";
import { packagedBinaries } from "./embedded/binaries.ts";
import { DATABASE, makeCluster, openCluster, ROLE } from "./embedded/cluster.ts";
import { unavailable } from "./embedded/failure.ts";
import { withFolderLock } from "./embedded/lock.ts";
import { checkVersion, embeddedFolder, findData, makeFolder, removeSocketLink, socketFolder } from "./embedded/place.ts";
import { isPostmaster, isReady, readPostmaster } from "./embedded/postmaster.ts";
import { startServer, stopServer } from "./embedded/server.ts";

export type { BackupReport } from "./embedded/backup.ts";
export { embeddedFolder } from "./embedded/place.ts";

/** The database that comes with stratctl: a Postgres on a Unix socket, on no port, open to its owner alone. */
export interface EmbeddedDatabase {
  /** What Postgres' programs and drivers take: `postgres://stratctl@%2Fhome%2F…%2Fdata:5432/stratctl?sslmode=disable`. */
  readonly url: string;
  /** The folder that holds the data, the log and, at need, a copy of the binaries. */
  readonly folder: string;
}

export interface EmbeddedOptions {
  /** Left out: see embeddedFolder. */
  readonly folder?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The built-in database, made if the folder has none and started if it does not run. It stays up when this process ends,
 * until stopEmbedded. Any number of processes may ask at once: one makes and starts it, the others wait. Where it runs
 * already this costs about 2 ms.
 *
 * Fails with `embedded_unavailable` (no binaries for this platform, the folder cannot be written, Postgres does not
 * start), `embedded_version` (the data are of another major version) or `interrupted`.
 */
export async function ensureEmbedded({ folder = embeddedFolder(), signal }: EmbeddedOptions = {}): Promise<EmbeddedDatabase> {
  const binaries = packagedBinaries();
  const running = await runningData(folder, binaries.major);
  if (running !== null) return databaseOf(folder, running);
  await makeFolder(folder);
  const real = await realpath(folder);
  return withFolderLock(real, signal, async () => {
    const data = await findData(real);
    const made = data !== null && (await checkVersion(data, binaries.major)) !== null;
    const cluster = made ? await openCluster(data, binaries) : await makeCluster(real, binaries, signal);
    await startServer(cluster, signal);
    return databaseOf(folder, cluster.data);
  });
}

/**
 * Starts the built-in database again where its server has died: what it was killed by left its pid file. One that was stopped is
 * left stopped, one that runs alone. True where it was started. Fails with what ensureEmbedded fails with.
 */
export async function reviveEmbedded({ folder = embeddedFolder(), signal }: EmbeddedOptions = {}): Promise<boolean> {
  const data = await findData(folder);
  if (data === null || (await isReady(data, await socketFolder(data)))) return false;
  const postmaster = await readPostmaster(data);
  if (postmaster === null || isPostmaster(postmaster.pid, data)) return false;
  await ensureEmbedded({ folder, signal });
  return true;
}

export interface EmbeddedStatus {
  readonly folder: string;
  /** `absent`: no data yet, the first command makes them. */
  readonly state: "absent" | "stopped" | "running";
  readonly pid: number | null;
  readonly started_at: Date | null;
  /** Postgres' major version of the data. */
  readonly version: number | null;
  /** Null unless it runs. */
  readonly url: string | null;
}

/** How the built-in database is, without starting or making anything. */
export async function embeddedStatus({ folder = embeddedFolder() }: EmbeddedOptions = {}): Promise<EmbeddedStatus> {
  const data = await findData(folder);
  const version = data === null ? null : await readVersion(data);
  if (data === null || version === null) return { folder, state: "absent", pid: null, started_at: null, version: null, url: null };
  const postmaster = await readPostmaster(data);
  const running = postmaster !== null && isPostmaster(postmaster.pid, data);
  if (!running) return { folder, state: "stopped", pid: null, started_at: null, version, url: null };
  const { url } = await databaseOf(folder, data);
  return { folder, state: "running", pid: postmaster.pid, started_at: new Date(postmaster.started_at_ms), version, url };
}

/** Stops the built-in database, and whoever is connected to it, in a fraction of a second. False where it did not run. */
export async function stopEmbedded({ folder = embeddedFolder(), signal }: EmbeddedOptions = {}): Promise<boolean> {
  const data = await findData(folder);
  if (data === null) return false;
  return withFolderLock(await realpath(folder), signal, async () => {
    const stopped = await stopServer(data, signal);
    await removeSocketLink(data);
    return stopped;
  });
}

/** A statement of a backup: it waits for a checkpoint, which writes what is in memory. */
const BACKUP_STATEMENT_MS_MAX = 300_000;

/**
 * Copies the built-in database into a folder that is not there yet, while it runs; one that does not run is started. What was
 * committed before the call is in it. Rejects with file_unusable (the folder is there, or cannot be written), embedded_unavailable
 * (there is no database yet) and what ensureEmbedded rejects with.
 */
export async function backupEmbedded(target: string, { folder = embeddedFolder(), signal }: EmbeddedOptions = {}): Promise<BackupReport> {
  const { state } = await embeddedStatus({ folder });
  if (state === "absent")
    throw unavailable(`there is no built-in database in ${folder} yet`, { hint: "STRATCTL_DATA names another folder" });
  const { url } = await ensureEmbedded({ folder, signal });
  const database = await openPool(url);
  try {
    const session = await database.session({ name: "stratctl backup", timeout_ms: BACKUP_STATEMENT_MS_MAX });
    try {
      const data = await findData(folder);
      assert(data !== null, "a database that runs has data");
      return await copyRunning(session, target, { data, signal });
    } finally {
      session.drop();
    }
  } finally {
    await database.close();
  }
}

/** The data folder of a server that answers, else null: then the lock is needed to know more. */
async function runningData(folder: string, major: number): Promise<string | null> {
  const data = await findData(folder);
  if (data === null || (await checkVersion(data, major)) === null) return null;
  return (await isReady(data, await socketFolder(data))) ? data : null;
}

async function databaseOf(folder: string, data: string): Promise<EmbeddedDatabase> {
  const host = encodeURIComponent(await socketFolder(data));
  // The port and sslmode are said, or PGPORT and PGSSLMODE of the caller's environment would count.
  return { folder, url: `postgres://${ROLE}@${host}:5432/${DATABASE}?sslmode=disable` };
}

async function readVersion(data: string): Promise<number | null> {
  const text = await readFile(join(data, "PG_VERSION"), "utf8").catch(() => null);
  return text === null ? null : Number(text);
}
