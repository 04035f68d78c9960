import { constants } from "node:fs";
import { chmod, copyFile, lchown, lstat, mkdir, open, readdir, realpath, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { z } from "zod";
import { StratctlError } from "../../errors.ts";
import type { DbSession } from "../db.ts";
import { interruption, reasonOf } from "./failure.ts";

export interface BackupReport {
  /** The folder that was made; it is one that STRATCTL_DATA may name. */
  readonly folder: string;
  readonly file_count: number;
  readonly byte_count: number;
}

interface Copy {
  /** Postgres' own folder. */
  readonly data: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Copies the data of a server that runs into a new folder, by Postgres' own protocol for it: files are copied as they are written
 * to, and the log of writes from the start of the copy to its end, which a server that starts from the copy plays first, makes of
 * them what was true at the end. The folder is there whole or not at all. Rejects with file_unusable, interrupted and what the
 * session rejects with.
 *
 * @param session of the server, of its superuser; the server is told of a copy that was cut short by the session's end
 */
export async function copyRunning(session: DbSession, target: string, { data, signal }: Copy): Promise<BackupReport> {
  const folder = resolve(target);
  await assertNew(folder);
  await assertBeside(folder, data);
  const half = `${folder}.part-${process.pid}`;
  const tally = { file_count: 0, byte_count: 0 };
  try {
    await mkdir(half, { mode: 0o700 });
    await chmod(half, (await stat(dirname(data))).mode & 0o711); // the server's user may pass through it, as through ours
    const copier = { from: data, to: join(half, "data"), signal, tally };
    // The slot keeps the server from recycling its log while it is copied; both end with the session.
    await session.one(Ignored, "backup.slot", "select pg_create_physical_replication_slot($1, true, true)::text as told", [
      `stratctl_backup_${process.pid}`,
    ]);
    const { first } = await session.one(Start, "backup.start", "select pg_walfile_name(pg_backup_start('stratctl', true)) as first");
    await copyFolder(copier, "");
    const { label, last } = await session.one(
      Stop,
      "backup.stop",
      "select labelfile as label, pg_walfile_name(lsn) as last from pg_backup_stop(false)",
    );
    await copyLog(copier, first, last);
    // Last of all: without it a server would take the copy for its own crashed data, and play too little.
    await placed(copier, "backup_label", (path) => writeFile(path, label, { mode: 0o600 }));
    await assertNew(folder);
    await rename(half, folder);
    await synced(dirname(folder));
    return { folder, ...tally };
  } catch (cause) {
    await rm(half, { recursive: true, force: true });
    if (signal?.aborted) throw interruption();
    if (cause instanceof StratctlError) throw cause;
    throw unusable(folder, `cannot be written (${reasonOf(cause)})`, "is there room, and may you write there?", cause);
  }
}

const Ignored = z.object({ told: z.string() });
const Start = z.object({ first: z.string() });
const Stop = z.object({ label: z.string(), last: z.string() });

async function assertNew(folder: string): Promise<void> {
  const found = await lstat(folder).catch(() => null);
  if (found !== null) throw unusable(folder, "is there already", "a backup overwrites nothing: name one that is not there");
}

/** A copy within what it is a copy of would have itself in it, without end. */
async function assertBeside(folder: string, data: string): Promise<void> {
  // Where there is no such folder, none can be made in it either, which is said then.
  const above = await realpath(dirname(folder)).catch(() => null);
  if (above !== null && `${above}${sep}`.startsWith(`${await realpath(data)}${sep}`))
    throw unusable(folder, "is inside the database that it is to be a copy of", "name a folder elsewhere, best on another disk");
}

function unusable(folder: string, what: string, hint: string, cause?: unknown): StratctlError {
  return new StratctlError("file_unusable", `the backup ${folder} ${what}`, { hint, details: { file: folder }, cause });
}

interface Copier {
  readonly from: string;
  readonly to: string;
  readonly signal: AbortSignal | undefined;
  readonly tally: { file_count: number; byte_count: number };
}

/** Of these the folder alone: what is in them is of the server that runs, or made anew by one that starts. */
const EMPTY = new Set(["pg_wal", "pg_replslot", "pg_dynshmem", "pg_notify", "pg_serial", "pg_snapshots", "pg_stat_tmp", "pg_subtrans"]);
const LEFT_OUT = /^(postmaster\.(pid|opts)|pg_internal\.init.*|pgsql_tmp.*|backup_label.*|tablespace_map.*|\.s\.PGSQL\..*)$/;

async function copyFolder(copier: Copier, path: string): Promise<void> {
  const source = join(copier.from, path);
  const { mode, uid, gid } = await stat(source);
  await mkdir(join(copier.to, path), { mode: mode & 0o700 });
  await lchown(join(copier.to, path), uid, gid);
  if (!EMPTY.has(path)) {
    const entries = await readdir(source, { withFileTypes: true });
    for (const entry of entries.filter(({ name }) => !LEFT_OUT.test(name))) {
      if (copier.signal?.aborted) throw interruption();
      const inside = join(path, entry.name);
      if (entry.isDirectory()) await gone(copyFolder(copier, inside));
      else if (entry.isFile()) await gone(copyOne(copier, inside));
    }
  }
  await synced(join(copier.to, path));
}

/** A table that is dropped meanwhile takes its files with it; the log of writes says so too. */
async function gone(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (reasonOf(error) !== "ENOENT") throw error;
  }
}

async function copyOne(copier: Copier, path: string): Promise<void> {
  await placed(copier, path, (to) => copyFile(join(copier.from, path), to, constants.COPYFILE_FICLONE));
}

/** The log of writes: segments sort by name as they were written. */
async function copyLog(copier: Copier, first: string, last: string): Promise<void> {
  const names = await readdir(join(copier.from, "pg_wal"));
  for (const name of names.filter((one) => /^[0-9A-F]{24}$/.test(one) && one >= first && one <= last))
    await copyOne(copier, join("pg_wal", name));
  await synced(join(copier.to, "pg_wal"));
}

async function placed({ from, to, tally }: Copier, path: string, write: (to: string) => Promise<void>): Promise<void> {
  const target = join(to, path);
  await write(target);
  await chmod(target, 0o600);
  const { uid, gid } = await stat(from);
  await lchown(target, uid, gid);
  tally.byte_count += await synced(target);
  tally.file_count += 1;
}

/** On the disk, not in the system's memory; how long it is, in bytes. */
async function synced(path: string): Promise<number> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
    return (await handle.stat()).size;
  } finally {
    await handle.close();
  }
}
