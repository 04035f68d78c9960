import { spawnSync } from "node:child_process";
import { chownSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { serverFolder, serverUser } from "./scratch.ts";

/** A small disk of the test's own; null where this machine does not let it mount one. */
export async function smallDisk(): Promise<string | null> {
  const user = serverUser();
  const folder = await serverFolder(null);
  const { status, error } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=1m,mode=0700", "tmpfs", folder]);
  if (status !== 0 || error !== undefined) {
    rmSync(folder, { recursive: true });
    return null;
  }
  if (user !== null) chownSync(folder, user.uid, user.gid);
  return folder;
}

/** Gives a small disk back. */
export function dropDisk(folder: string): void {
  spawnSync("umount", [folder]);
  rmSync(folder, { recursive: true });
}

/** Takes all the room that is left; what it returns gives it back. */
export function filled(folder: string): () => void {
  const fillers: string[] = [];
  for (const bytes of [64 * 1024, 4096])
    for (;;) {
      const filler = join(folder, `filler-${fillers.length}`);
      fillers.push(filler);
      try {
        writeFileSync(filler, Buffer.alloc(bytes));
      } catch {
        break;
      }
    }
  return () => fillers.forEach((filler) => rmSync(filler, { force: true }));
}
