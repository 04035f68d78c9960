import { Redis } from "ioredis";
import { once } from "node:events";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { z } from "zod";
import { skewFinding } from "../../packages/cli/src/doctor/database.ts";
import { diskFinding } from "../../packages/cli/src/doctor/place.ts";
import { openPool } from "../../packages/sdk/src/store/db.ts";
import { startApi } from "../support/api.ts";
import { redisMissing, startRedis } from "../support/redis.ts";
import { startTicker } from "../support/ticker.ts";
import { openShell, type Shell } from "./shell.ts";

/** `stratctl doctor` as the real binary, with what it looks at up, down, silent and wrong. */

const Findings = z.array(
  z.object({ what: z.string(), state: z.string(), told: z.string(), advice: z.string().nullable(), code: z.string().nullable() }),
);
type Options = Parameters<Shell["run"]>[1];

async function doctor(shell: Shell, { args = "", ...options }: Options & { args?: string } = {}) {
  const { stdout, stderr, exit } = await shell.run(`stratctl doctor --json ${args}`, options);
  const findings = Findings.parse(JSON.parse(stdout));
  const states: Record<string, string> = {};
  // What the calendar knows is another matter each month.
  for (const { what, state } of findings) if (what !== "calendar") states[what] = state;
  const of = (what: string) => findings.find((finding) => finding.what === what);
  return { findings, states, of, stdout, stderr, exit };
}

/** A port that is answered by nobody: whoever connects waits. */
async function silentPort(): Promise<number> {
  const server = createServer(() => undefined).listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return z.object({ port: z.number() }).parse(server.address()).port;
}

test.skipIf(redisMissing)("all is looked at, and where all is up nothing fails", async () => {
  await using shell = await openShell();
  await using redis = await startRedis();
  await using ticker = await startTicker({ "NSE:NIFTY 50": 24_500 });
  const client = new Redis(redis.url);
  await client.set("ltp:NSE:NIFTY 50", "24500");
  client.disconnect();
  const { states, of, exit, stderr } = await doctor(shell, { env: { REDIS_URL: redis.url, TICKER_URL: ticker.url } });
  expect({ states, exit, stderr }).toEqual({
    states: {
      configuration: "ok",
      database: "ok",
      migrations: "ok",
      timescaledb: "ok",
      clock: "ok",
      engine: "warn",
      redis: "ok",
      ticker: "ok",
      permissions: "ok",
      disk: "ok",
    },
    exit: 0,
    stderr: "",
  });
  expect(of("engine")).toMatchObject({ told: "none ran yet: nothing is marked", advice: expect.stringContaining("stratctl daemon") });
  // One source away is served by the other.
  const half = await doctor(shell, { env: { REDIS_URL: redis.url } });
  expect(half.states).toMatchObject({ redis: "ok", ticker: "warn" });
  expect(half.exit).toBe(0);
});

test.skipIf(redisMissing)(
  "a failure is lowered only where another source gave a price, and never for one that merely answers",
  async () => {
    await using shell = await openShell();
    await using ticker = await startTicker();
    const env = { TICKER_URL: ticker.url.replace("://", "://desk:s3cret@") };
    const empty = await doctor(shell, { env });
    expect([empty.states["redis"], empty.states["ticker"], empty.exit]).toEqual(["fail", "warn", 6]);
    expect(empty.of("ticker")?.told).toMatch(/^answers, and has no price of NSE:NIFTY 50/);
    ticker.fault = (_, response) => response.writeHead(401).end("{}");
    const refused = await doctor(shell, { env });
    expect([refused.states["redis"], refused.states["ticker"], refused.exit]).toEqual(["fail", "fail", 6]);
    expect(refused.of("ticker")).toMatchObject({
      told: "401, wrong or missing credentials",
      advice: expect.stringContaining("ticker_url"),
      code: "source_unavailable",
    });
    expect(JSON.stringify(refused.findings) + refused.stderr).not.toContain("s3cret");
    await using redis = await startRedis();
    const silent = await doctor(shell, { env: { ...env, REDIS_URL: redis.url } });
    expect([silent.states["redis"], silent.states["ticker"], silent.exit]).toEqual(["warn", "fail", 6]);
    ticker.fault = null;
    const none = await doctor(shell, { env: { ...env, REDIS_URL: redis.url } });
    expect([none.states["redis"], none.states["ticker"], none.exit]).toEqual(["warn", "warn", 0]);
    ticker.prices.set("NSE:NIFTY 50", 24_500);
    const served = await doctor(shell, { env });
    expect([served.states["redis"], served.states["ticker"], served.exit]).toEqual(["warn", "ok", 0]);
    expect(served.of("redis")?.told).toBe("connection refused; another source has prices");
  },
);

test("where all is down each says so, with what to do, and the first failure is the exit status", async () => {
  await using shell = await openShell({ behind: "built-in" });
  const { states, findings, exit, stderr } = await doctor(shell, { args: "--url postgres://someone:secret@127.0.0.1:1/x" });
  expect(states).toMatchObject({ database: "fail", redis: "fail", ticker: "fail", configuration: "ok", disk: "ok" });
  expect(findings.filter(({ state, advice }) => state !== "ok" && advice === null)).toEqual([]);
  expect(exit).toBe(5);
  expect(stderr).not.toContain("secret");
  expect(JSON.stringify(findings)).not.toContain("secret");
  const prices = await doctor(shell);
  expect(prices.states).toMatchObject({ database: "warn", redis: "fail", ticker: "fail" });
  expect(prices.exit).toBe(6);
  expect(await shell.run("ls")).toMatchObject({ stdout: "recordings\n" }); // no database was made
});

test("what is silent is not waited for beyond its time", async () => {
  await using shell = await openShell({ behind: "built-in" });
  const port = await silentPort();
  const env = { REDIS_URL: `redis://127.0.0.1:${port}`, TICKER_URL: `http://127.0.0.1:${port}` };
  const began_ms = performance.now();
  const { states, exit } = await doctor(shell, { args: `--url postgres://x@127.0.0.1:${port}/x`, env });
  expect(states).toMatchObject({ database: "fail", redis: "fail", ticker: "fail" });
  expect(exit).toBe(5);
  expect(performance.now() - began_ms).toBeLessThan(20_000);
});

test("tables that are behind, a configuration with faults, folders that are open and a spool that waits", async () => {
  await using shell = await openShell({ behind: "empty" });
  const behind = await doctor(shell);
  expect(behind.of("migrations")).toMatchObject({ state: "fail", code: "database_behind", advice: "stratctl db migrate" });
  expect(behind.exit).toBe(5);

  const spool = join(shell.folder, "spool");
  await mkdir(spool);
  await chmod(spool, 0o755);
  await writeFile(join(spool, "candles"), "");
  await writeFile(join(spool, "candles.refused"), "");
  await writeFile(
    join(shell.folder, "c.json"),
    JSON.stringify({ "http.prot": "8090", "daemon.spool_folder": spool, "daemon.interval": "7s" }),
  );
  const { findings, of, exit } = await doctor(shell, { env: { STRATCTL_CONFIG: join(shell.folder, "c.json") } });
  const faults = findings.filter(({ what }) => what === "configuration");
  expect(faults.map(({ told, advice }) => `${told} → ${advice}`)).toEqual([
    expect.stringMatching(/http\.prot.*http\.port/),
    expect.stringMatching(/daemon\.interval "7s"/),
  ]);
  expect(of("permissions")).toMatchObject({ state: "warn", advice: `chmod 700 ${spool}` });
  const spools = findings.filter(({ what }) => what === "spool");
  expect(spools.map(({ state, told }) => `${state} ${told}`)).toEqual([
    `warn candles wait in ${spool}: files, 1`,
    `warn candles were set aside in ${spool}: files, 1: candles.refused`,
  ]);
  expect(exit).toBe(2);
  await writeFile(join(shell.folder, "c.json"), "{");
  const broken = await doctor(shell, { env: { STRATCTL_CONFIG: join(shell.folder, "c.json") } });
  expect(broken.states).toEqual({ configuration: "fail" });
  expect(broken.exit).toBe(2);
});

test("of a server what it tells: its clock, who marks, and whether the token is taken", async () => {
  await using shell = await openShell();
  await shell.run("stratctl account add XJ4540");
  const db = await openPool(shell.env["DATABASE_URL"] ?? "");
  onTestFinished(() => db.close());
  const api = await startApi({ db, sources: [] });
  onTestFinished(() => api.close());
  const token = await api.token();
  const { states, exit } = await doctor(shell, { args: `--url ${api.url}`, env: { STRATCTL_TOKEN: token } });
  expect({ states, exit }).toEqual({ states: { configuration: "ok", server: "ok", clock: "ok", engine: "warn" }, exit: 0 });
  const refused = await doctor(shell, { args: `--url ${api.url}` });
  expect(refused.of("server")).toMatchObject({ state: "fail", code: "token_required" });
  expect(refused.exit).toBe(8);
});

describe("how much is too much", () => {
  test.each([
    [900, 0, "ok"],
    [-1_500, 0, "warn"],
    [1_500, 1_000, "ok"],
    [30_000, 0, "fail"],
    [-31_000, 500, "fail"],
  ])("a clock %i ms off, known to %i ms: %s", (skew_ms, unsure_ms, state) => {
    expect(skewFinding(skew_ms, { unsure_ms, of: "the database's" }).state).toBe(state);
  });

  test.each([
    [2e9, "ok"],
    [999e6, "warn"],
    [99e6, "fail"],
  ])("%i bytes of disk: %s", (free_bytes, state) => {
    expect(diskFinding("/a", free_bytes).state).toBe(state);
  });
});
