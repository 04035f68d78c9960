import { spawnSync } from "node:child_process";
import { chmod, chown, cp, lstat, mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { endOf, isRoot, NOBODY, normalUserMissing, startScript } from "../../../../../test/support/script.ts";
import { linkedBinaries, packagedBinaries } from "./binaries.ts";

const MODULE = new URL("binaries.ts", import.meta.url).href;

let folder = "";
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "stratctl-b-")));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** The package as npm unpacks it: without links. */
async function unpacked(): Promise<string> {
  const native = join(folder, "native");
  await cp(packagedBinaries().native, native, { recursive: true, filter: async (path) => !(await lstat(path)).isSymbolicLink() });
  expect(spawnSync(join(native, "bin", "postgres"), ["--version"]).status).not.toBe(0);
  return native;
}

test("the links of the package are made where they are missing, by several at once too", async () => {
  const native = await unpacked();
  const binaries = { ...packagedBinaries(), native };
  await Promise.all(Array.from({ length: 5 }, () => linkedBinaries(binaries, folder)));
  expect(spawnSync(join(native, "bin", "postgres"), ["--version"], { encoding: "utf8" }).stdout).toContain("(PostgreSQL) 18");
});

test.skipIf(normalUserMissing)("the links of the package are made in a copy where it cannot be written", async () => {
  const native = await unpacked();
  await chmod(join(native, "lib"), 0o555);
  await mkdir(join(folder, "copies"));
  await chmod(folder, 0o755);
  if (isRoot) await chown(join(folder, "copies"), NOBODY.uid, NOBODY.gid);
  const script = `
    import { linkedBinaries } from ${JSON.stringify(MODULE)};
    const { native } = await linkedBinaries({ native: ${JSON.stringify(native)}, version: "18.4.0", major: 18 }, ${JSON.stringify(join(folder, "copies"))});
    console.log(native);`;
  const { said } = await endOf(startScript(script, isRoot ? { as: NOBODY } : {}));
  expect(basename(said)).toBe("native-18.4.0");
  expect(spawnSync(join(said, "bin", "postgres"), ["--version"], { encoding: "utf8" }).stdout).toContain("(PostgreSQL) 18");
});
