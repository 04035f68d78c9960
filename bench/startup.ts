import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, realpath, rm, symlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { packAll } from "../test/support/pack.ts";
import { root } from "../test/support/source.ts";
import { atMost, figure, type Figure, type PartResult, type Target } from "./figure.ts";
import { enterStrategies, sizeOf } from "./market.ts";
import { ratios } from "./measure.ts";
import type { Servers } from "./servers.ts";

/** Whole processes, from their start to their end, beside one that does nothing. */
export async function benchStartup(servers: Servers, { runs }: { runs: number }): Promise<PartResult> {
  await using database = await servers.database(servers.debian());
  await enterStrategies(database.db, sizeOf(10));
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), "stratctl-bench-")));
  try {
    const source = path.join(root, "packages", "cli", "src", "main.ts");
    const packed = await unpacked(folder);
    const env = { ...process.env, STRATCTL_URL: database.url, XDG_CONFIG_HOME: folder, STRATCTL_DATA: folder };
    const all: [name: string, args: string[], target: Target | null][] = [
      ["stratctl --help, from source", [source, "--help"], null],
      ["stratctl strategy list, from source", [source, "strategy", "list", "--account", "BENCH"], null],
      ["stratctl --help, packed", [packed, "--help"], atMost(2)],
      ["stratctl strategy list, packed", [packed, "strategy", "list", "--account", "BENCH"], null],
    ];
    const times = new Map(all.map(([name]) => [name, new Array<number>()]));
    const nothing: number[] = [];
    for (let run = 0; run <= runs * 3; run += 1) {
      nothing.push(processMs(["-e", "0"], env));
      for (const [name, args] of all) times.get(name)?.push(processMs(args, env));
    }
    const figures: Figure[] = all.map(([name, , target]) => {
      const values = times.get(name) ?? [];
      return figure(name, values.slice(1), { against: [{ yardstick: "node -e 0", ratios: ratios(values, nothing).slice(1), target }] });
    });
    return { figures: [...figures, figure("node -e 0", nothing.slice(1))], notes: [] };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function processMs(args: readonly string[], env: NodeJS.ProcessEnv): number {
  const began = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { env, encoding: "utf8" });
  const ms = performance.now() - began;
  if (status !== 0) throw new Error(`${args.join(" ")} ended with ${status}: ${stderr}`);
  return ms;
}

/** The packages as they would be published, beside links to what this clone has of their dependencies; the path of the command. */
async function unpacked(folder: string): Promise<string> {
  const modules = path.join(folder, "node_modules");
  const homes = ["@stratctl/sdk", "@stratctl/engine", "stratctl"].map((name) => path.join(modules, name));
  for (const [place, tarball] of (await packAll(folder)).entries()) {
    const home = homes[place] ?? "";
    await mkdir(home, { recursive: true });
    const { status, stderr } = spawnSync("tar", ["-xzf", tarball, "-C", home, "--strip-components=1"], { encoding: "utf8" });
    if (status !== 0) throw new Error(`tar: ${stderr}`);
  }
  for (const name of ["sdk", "engine", "cli"]) await linkAll(path.join(root, "packages", name, "node_modules"), modules);
  return path.join(modules, "stratctl", "dist", "main.js");
}

async function linkAll(from: string, to: string): Promise<void> {
  for (const name of await readdir(from)) {
    if (name.startsWith(".") || name === "@stratctl") continue;
    if (name.startsWith("@")) {
      await mkdir(path.join(to, name), { recursive: true });
      await linkAll(path.join(from, name), path.join(to, name));
    } else if (!existsSync(path.join(to, name))) await symlink(await realpath(path.join(from, name)), path.join(to, name));
  }
}
