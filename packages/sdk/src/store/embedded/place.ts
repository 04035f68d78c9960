import { createHash } from "node:crypto";
import { access, constants, lstat, mkdir, readFile, readdir, readlink, realpath, rename, rm, rmdir, stat, symlink } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { StratctlError } from "../../errors.ts";
import { reasonOf, unavailable } from "./failure.ts";
import { SOCKET_NAME } from "./postmaster.ts";

/** Where the built-in database lives: `STRATCTL_DATA`, else `stratctl` in the user's folder for data. */
export function embeddedFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env["STRATCTL_DATA"]) return resolve(env["STRATCTL_DATA"]);
  const xdg = env["XDG_DATA_HOME"];
  return join(xdg && isAbsolute(xdg) ? xdg : join(homedir(), ".local", "share"), "stratctl");
}

/** Makes the folder, for its owner alone, or says why it cannot be had. One that is there keeps its mode: what lies in it is closed. */
export async function makeFolder(folder: string): Promise<void> {
  try {
    await makeParents(folder);
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    await readdir(folder);
  } catch (cause) {
    throw unavailable(`the data folder ${folder} cannot be written (${reasonOf(cause)})`, {
      hint: ANOTHER_PLACE,
      cause,
    });
  }
}

/** One by one: in a place like /proc, where a folder's parent is there and the folder cannot be, mkdir's `recursive` never ends. */
async function makeParents(folder: string): Promise<void> {
  const make = async (): Promise<string | null> => mkdir(folder, { mode: 0o700 }).then(() => null, reasonOf);
  const failed = await make();
  if (failed === null || failed === "EEXIST") return;
  if (failed === "ENOENT" && dirname(folder) !== folder) await makeParents(dirname(folder));
  else if (await isFolder(folder)) return;
  const again = await make();
  if (again !== null && again !== "EEXIST") throw Object.assign(new Error(again), { code: again });
}

async function isFolder(folder: string): Promise<boolean> {
  return stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

const ANOTHER_PLACE = "set STRATCTL_DATA to a folder of yours, or DATABASE_URL to a Postgres server";

/** The folder of Postgres' own files, its links followed; null where there is none yet. */
export async function findData(folder: string): Promise<string | null> {
  const data = join(folder, "data");
  try {
    return await realpath(data);
  } catch (cause) {
    if (!["ENOENT", "ENOTDIR"].includes(reasonOf(cause)))
      throw unavailable(`the data folder ${data} cannot be read (${reasonOf(cause)})`, { hint: ANOTHER_PLACE, cause });
    const target = await readlink(data).catch(() => null);
    if (target === null) return null;
    throw unavailable(`${data} leads to ${target}, which is gone`, {
      hint: "bring it back, or remove the link to start with an empty database",
    });
  }
}

/**
 * Postgres' major version of the data, refused by name where it is not ours; null where the folder is empty, as an older
 * start that was cut short may leave it.
 */
export async function checkVersion(data: string, major: number): Promise<number | null> {
  const text = await readFile(join(data, "PG_VERSION"), "utf8").catch((cause: unknown) => {
    if (reasonOf(cause) === "ENOENT") return null;
    throw unavailable(`${data} cannot be read (${reasonOf(cause)})`, { cause });
  });
  if (text === null) {
    if ((await readdir(data)).length === 0) return null;
    throw unavailable(`${data} holds files that are no database`, { hint: "move them away, or set STRATCTL_DATA to another folder" });
  }
  if (Number(text) === major) return major;
  throw new StratctlError("embedded_version", `${data} is of Postgres ${text.trim()}, and the built-in one is ${major}`, {
    hint: `dump it with Postgres ${text.trim()} and load it here, set STRATCTL_DATA to another folder, or DATABASE_URL to a server`,
    details: { folder: data, found: text.trim(), expected: major },
  });
}

/**
 * Room for the data outside the folder, where Postgres must run as somebody who cannot pass through the folders above it.
 * The folder keeps a link to it.
 */
export function outsideOf(folder: string): string {
  return join("/var/lib/stratctl", keyOf(folder));
}

/** Puts what was made in a folder of its own into its place, at once and whole. An empty folder there gives way. */
export async function moveInto(half: string, data: string): Promise<void> {
  await giveWay(data);
  await rename(half, data);
}

/** The same for data that lie outside. */
export async function linkInto(outside: string, data: string): Promise<void> {
  await giveWay(data);
  await symlink(outside, data);
}

async function giveWay(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch (error) {
    if (reasonOf(error) !== "ENOENT") throw error;
  }
}

/** Bytes of a socket's path that every platform takes (Linux 107, macOS 103). */
const SOCKET_PATH_BYTES_MAX = 103;

/**
 * The folder by which a client reaches the server's socket. The socket lies in the data folder, whose mode guards it;
 * where that path is too long for a socket, a link in the temporary folder shortens it. Each user has a link of his own,
 * since the kernel does not follow another's there.
 */
export async function socketFolder(data: string): Promise<string> {
  if (Buffer.byteLength(join(data, SOCKET_NAME)) <= SOCKET_PATH_BYTES_MAX) return data;
  const link = shortLink(data);
  if (await leadsTo(link, data)) return link;
  const half = `${link}.${process.pid}`;
  try {
    await symlink(data, half);
    await rename(half, link);
  } catch (cause) {
    await rm(half, { force: true });
    throw unavailable(`the socket's path is too long, and ${link} cannot be made (${reasonOf(cause)})`, {
      hint: "set STRATCTL_DATA to a shorter path, or DATABASE_URL to a Postgres server",
      cause,
    });
  }
  return link;
}

/** Removes the link that socketFolder made, if it made one. */
export async function removeSocketLink(data: string): Promise<void> {
  const link = shortLink(data);
  if (await leadsTo(link, data)) await rm(link);
}

function shortLink(data: string): string {
  const temporary = Buffer.byteLength(tmpdir()) > 48 ? "/tmp" : tmpdir();
  return join(temporary, `stratctl-${process.getuid?.() ?? 0}-${keyOf(data)}`);
}

/** A link that somebody else put there might lead to a server of his: it must be ours. */
async function leadsTo(link: string, data: string): Promise<boolean> {
  const found = await lstat(link).catch(() => null);
  return found?.isSymbolicLink() === true && found.uid === process.getuid?.() && (await readlink(link)) === data;
}

function keyOf(path: string): string {
  return createHash("sha256").update(path).digest("hex").slice(0, 16);
}
