import { chmod, chown, mkdtemp } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Who runs a server of the tests. Postgres refuses root, so that a suite run by root lends it an ordinary user. */
export interface ServerUser {
  readonly uid: number;
  readonly gid: number;
}

/** An ordinary user of this machine where root runs the suite, else null: the server runs as the suite does. */
export function serverUser(): ServerUser | null {
  if (process.getuid?.() !== 0) return null;
  const rows = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  for (const name of ["postgres", "nobody"]) {
    const row = rows.find(([user]) => user === name);
    if (row) return { uid: Number(row[2]), gid: Number(row[3]) };
  }
  throw new Error("/etc/passwd has neither postgres nor nobody to run a server as");
}

/** The longest path of a Unix socket is 107 bytes; a server's folder must leave room for its socket's name. */
const SOCKET_FOLDER_BYTES_MAX = 80;

/** A new folder, short enough to hold a Unix socket, that belongs to the server's user. */
export async function serverFolder(user: ServerUser | null): Promise<string> {
  const base = Buffer.byteLength(tmpdir()) > SOCKET_FOLDER_BYTES_MAX - 16 ? "/tmp" : tmpdir();
  const folder = await mkdtemp(join(base, "stratctl-t-"));
  await chmod(folder, 0o700);
  if (user) await chown(folder, user.uid, user.gid);
  return folder;
}
