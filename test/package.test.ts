import { execFile } from "node:child_process";
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { stopEmbedded } from "@stratctl/sdk/internal";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { loadedBy } from "./support/loaded.ts";
import { packAll } from "./support/pack.ts";
import { root } from "./support/source.ts";

/** The packages as somebody else meets them: packed, installed by npm into an empty folder, far from this clone. */

const execute = promisify(execFile);
let home = "";
/** Why the packages could not be installed; null where they were. */
let missing: string | null = null;

beforeAll(async () => {
  home = await realpath(await mkdtemp(path.join(tmpdir(), "stratctl-package-")));
  await writeFile(path.join(home, "package.json"), JSON.stringify({ private: true, type: "module" }));
  missing = await install([...(await packAll(home)), "@types/node@24"]);
  if (missing !== null) console.warn(missing);
}, 300_000);

afterAll(async () => {
  await stopEmbedded({ folder: path.join(home, "data") });
  await rm(home, { recursive: true, force: true });
});

describe("installed from the tarballs", () => {
  beforeEach(({ skip }) => {
    if (missing !== null) skip(missing);
  });

  test("holds what a package holds: no tests, no build info, every migration", async () => {
    const list = async (name: string): Promise<string[]> => {
      const { stdout } = await execute("tar", ["-tzf", path.join(home, `${name}.tgz`)]);
      return stdout.split("\n");
    };
    const files = (await Promise.all(["sdk", "engine", "cli"].map(list))).flat();
    expect(files.filter((file) => /\.test\.|tsbuildinfo/.test(file))).toEqual([]);
    expect(files.filter((file) => file.endsWith(".sql"))).toEqual(expect.arrayContaining(["package/dist/migrations/timescale.sql"]));
    expect(files).toEqual(expect.arrayContaining(["package/dist/main.js", "package/dist/LICENSE-commander"]));
  });

  test("a script on the built-in database creates the condor and prints its candles", async () => {
    await writeFile(path.join(home, "create.ts"), CREATE);
    await writeFile(path.join(home, "candles.ts"), CANDLES);
    await writeFile(path.join(home, "session.csv"), RECORDING);
    const { strategy_id } = z.object({ strategy_id: z.int() }).parse(JSON.parse(await node("create.ts")));
    await stratctl("replay", "session.csv");
    const candles = z.array(Ohlc).parse(JSON.parse(await node("candles.ts", String(strategy_id))));
    // By hand: m2m is −75·PE₁ + 75·PE₂ + 75·CE₁ − 75·CE₂ of the recording's prices.
    expect(candles.slice(0, 2)).toEqual([
      { timestamp: "2025-07-31T03:45:00Z", open: 5940, high: 5977.5, low: 5940, close: 5977.5 },
      { timestamp: "2025-07-31T03:46:00Z", open: 5977.5, high: 5977.5, low: 5902.5, close: 5902.5 },
    ]);
    // Until the last quote is stale: the recording ends early, and makes no afternoon.
    expect([candles.length, candles.at(-1)?.close]).toEqual([3, 5902.5]);
  });

  test("npx stratctl --help says what there is", async () => {
    const { stdout } = await execute("npx", ["--no-install", "stratctl", "--help"], { cwd: home, env: environment() });
    expect(stdout).toContain("Usage: stratctl");
    expect(stdout).toMatch(/^\s+replay\b/m);
  });

  test("stratctl --help opens one file of all that was installed", () => {
    const main = path.join(home, "node_modules", "stratctl", "dist", "main.js");
    const opened = loadedBy([main, "--help"]).filter((url) => url.startsWith("file:"));
    expect(opened).toEqual([pathToFileURL(main).href]);
  });

  test("its types resolve under nodenext, without those of the clone", async () => {
    await writeFile(path.join(home, "types.ts"), TYPES);
    const options = {
      module: "nodenext",
      target: "es2024",
      strict: true,
      noEmit: true,
      types: ["node"],
      allowImportingTsExtensions: true,
    };
    await writeFile(path.join(home, "tsconfig.json"), JSON.stringify({ compilerOptions: options, files: ["types.ts", "create.ts"] }));
    const tsc = path.join(path.dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
    const { stdout } = await execute(process.execPath, [tsc, "-p", home], { cwd: home }).catch((error: unknown) => said(error));
    expect(stdout).toBe("");
  });
});

const Ohlc = z.object({ timestamp: z.string(), open: z.number(), high: z.number(), low: z.number(), close: z.number() });

const LEGS = [
  ["BUY", "NIFTY2580724400PE", 64.95],
  ["SELL", "NIFTY2580724600PE", 111.95],
  ["SELL", "NIFTY2580725000CE", 98.1],
  ["BUY", "NIFTY2580725200CE", 65.9],
] as const;

const CREATE = `
import { connect } from "@stratctl/sdk";

await using stratctl = await connect();
await stratctl.accounts.create({ account_id: "PACKED" });
const { strategy_id } = await stratctl.strategies.create({ name: "Condor" });
const legs = ${JSON.stringify(LEGS)} as const;
for (const [direction, tradingsymbol, entry_price] of legs) {
  await stratctl.strategies.legs.add({ strategy_id, direction, tradingsymbol, entry_price, quantity: 75 });
}
console.log(JSON.stringify({ strategy_id }));
`;

const CANDLES = `
import { connect } from "@stratctl/sdk";

await using stratctl = await connect();
const strategy_id = Number(process.argv[2]);
console.log(JSON.stringify(await stratctl.strategies.m2m.history({ strategy_id, day: "2025-07-31" })));
`;

const TYPES = `
import { connect, StratctlError, type Candle, type Stratctl } from "@stratctl/sdk";
import "@stratctl/engine";
import "@stratctl/sdk/internal";

export async function last(stratctl: Stratctl): Promise<number | undefined> {
  const candles: Candle[] = await stratctl.strategies.m2m.history({ strategy_id: 1 });
  // @ts-expect-error: a candle has no such column
  candles[0]?.nonsense;
  return candles.at(-1)?.close;
}
export const open = async () => {
  try {
    return await connect();
  } catch (error) {
    if (error instanceof StratctlError && error.code === "database_unreachable") return null;
    throw error;
  }
};
`;

/** Two minutes: entry prices, then SELL put + 0.5, then SELL call − 1. */
const RECORDING = [
  "at_utc,instrument,price",
  ...LEGS.map(([, symbol, price]) => `2025-07-31T03:45:00Z,NFO:${symbol},${price}`),
  "2025-07-31T03:45:30Z,NFO:NIFTY2580724600PE,112.45",
  "2025-07-31T03:46:30Z,NFO:NIFTY2580725000CE,97.1",
  "2025-07-31T03:46:59Z,NFO:NIFTY2580725000CE,97.1",
  "",
].join("\n");

/**
 * From npm's cache as far as it goes, and from it alone where the registry does not answer. No install scripts: the built-in
 * database must do without them.
 */
async function install(names: readonly string[]): Promise<string | null> {
  const isOnline = await answers();
  const source = isOnline ? ["--prefer-offline", "--fetch-retries=1"] : ["--offline"];
  try {
    await npm("install", "--ignore-scripts", "--no-audit", "--no-fund", ...source, ...names);
    return null;
  } catch (error) {
    if (isOnline) throw error;
    return "skipped: npm's registry does not answer, and its cache does not have every dependency of the packages";
  }
}

async function answers(): Promise<boolean> {
  return npm("view", "zod", "version", "--fetch-retries=0", "--fetch-timeout=20000").then(
    () => true,
    () => false,
  );
}

async function npm(...args: string[]): Promise<void> {
  await execute("npm", [...args, "--loglevel=error"], { cwd: home, env: environment(), timeout: 240_000 });
}

/** A user's own, with nothing of this workspace: its Node 24 first on the PATH, data and settings in the folder. */
function environment(): NodeJS.ProcessEnv {
  const ours = /^(npm_(?!config_registry$)|pnpm_|node_(path|options)$|vitest|stratctl_|database_url$)/i;
  const found = (process.env["PATH"] ?? "").split(path.delimiter).filter((folder) => !folder.startsWith(root));
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !ours.test(name))),
    PATH: [path.dirname(process.execPath), ...found].join(path.delimiter),
    STRATCTL_DATA: path.join(home, "data"),
    XDG_CONFIG_HOME: path.join(home, "config"),
  };
}

async function node(...args: string[]): Promise<string> {
  const { stdout } = await execute(process.execPath, args, { cwd: home, env: environment() });
  return stdout;
}

async function stratctl(...args: string[]): Promise<void> {
  await execute("npx", ["--no-install", "stratctl", ...args], { cwd: home, env: environment() });
}

function said(error: unknown): { stdout: string; stderr: string } {
  return z.object({ stdout: z.string(), stderr: z.string() }).parse(error);
}
