import { spawnSync } from "node:child_process";
import { chmod, copyFile, mkdir, readdir, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { bundle } from "./bundle.ts";

/**
 * `pnpm build`, and before every `pnpm pack` of a package: its dist from nothing, so that no file of yesterday's source
 * is packed. `node test/build.ts sdk` builds that package and what it refers to.
 */

const root = path.resolve(import.meta.dirname, "..");
const PACKAGES = ["sdk", "engine", "cli"];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !PACKAGES.includes(name));
if (unknown.length > 0) throw new Error(`no package ${unknown.join(", ")}; there are ${PACKAGES.join(", ")}`);

for (const name of wanted.length > 0 ? wanted : PACKAGES) {
  await rm(inPackage(name, "dist"), { recursive: true, force: true });
  compile(name);
  if (name === "sdk") await copyMigrations(inPackage(name, "dist", "migrations"));
  if (name === "cli") {
    await bundle(inPackage(name), inPackage(name, "dist")); // tsc leaves declarations only, for the tests
    await makeExecutable(inPackage(name, "dist", "main.js"));
  }
}

function inPackage(name: string, ...parts: string[]): string {
  return path.join(root, "packages", name, ...parts);
}

/** tsc by its own file: the shell's node may be older than the compiler needs. */
function compile(name: string): void {
  const tsc = path.join(path.dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
  const { status } = spawnSync(process.execPath, [tsc, "-b", inPackage(name)], { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1); // the compiler has said why
}

/** Every SQL file with its folders: the packed SDK finds them in dist/migrations, a clone in migrations. */
async function copyMigrations(target: string): Promise<void> {
  const source = path.join(root, "migrations");
  const files = (await readdir(source, { recursive: true })).filter((file) => file.endsWith(".sql"));
  for (const file of files) {
    await mkdir(path.dirname(path.join(target, file)), { recursive: true });
    await copyFile(path.join(source, file), path.join(target, file));
  }
}

/** What npm links as `stratctl`: rolldown keeps the first line of main.ts, but gives no file the right to be run. */
async function makeExecutable(main: string): Promise<void> {
  const first = (await readFile(main, "utf8")).split("\n", 1)[0];
  if (first !== "#!/usr/bin/env node") throw new Error(`${main} begins with "${first}", so a shell would not run it by node`);
  await chmod(main, 0o755);
}
