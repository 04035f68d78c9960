import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { pnpm } from "./pnpm.ts";
import { root } from "./source.ts";

const execute = promisify(execFile);

/** The three packages as they would be published, built anew: paths of the tarballs. */
export async function packAll(folder: string): Promise<string[]> {
  const [program, ...args] = pnpm;
  const tarballs: string[] = [];
  // One after another: each builds what it refers to.
  for (const name of ["sdk", "engine", "cli"]) {
    const tarball = path.join(folder, `${name}.tgz`);
    await execute(program, [...args, "--dir", path.join(root, "packages", name), "pack", "--out", tarball], { cwd: root });
    tarballs.push(tarball);
  }
  return tarballs;
}
