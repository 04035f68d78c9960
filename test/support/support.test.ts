import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import {
  LENDER,
  POSTGRES,
  debianMissing,
  debianServer,
  embeddedServer,
  freshDatabase,
  startDebianPostgres,
  type Template,
} from "./postgres.ts";
import { redisMissing, startRedis } from "./redis.ts";
import { rowsOf } from "./script.ts";
import { until } from "./server.ts";

describe.each(POSTGRES)("$name Postgres", ({ missing, server: start }) => {
  test.skipIf(missing)("gives each test a database of its own", async () => {
    const server = await start();
    await using first = await freshDatabase(server);
    await using second = await freshDatabase(server);
    await rowsOf(first.url, "create table t (n int)");
    expect(await rowsOf(second.url, "select from pg_class where relname = 't'")).toEqual([]);
    expect(existsSync(server.socket)).toBe(true);
  });
});

test.skipIf(debianMissing)("a template is built once and each database is a copy of its own", async () => {
  let built = 0;
  const template: Template = {
    name: "counting",
    async prepare(url) {
      built += 1;
      await rowsOf(url, "create table t (n int); insert into t values (1)");
    },
  };
  const server = await debianServer();
  await using first = await freshDatabase(server, template);
  await using second = await freshDatabase(server, template);
  await rowsOf(first.url, "insert into t values (2)");
  expect(await rowsOf(second.url, "select n from t")).toEqual([{ n: 1 }]);
  expect(built).toBe(1);
});

// One that watches lends nothing.
test.skipIf(process.env[LENDER] === undefined)(
  "a server is the run's: who else asks for it is given the same, and it outlives them",
  async () => {
    const script = `
    import { embeddedServer } from ${JSON.stringify(new URL("postgres.ts", import.meta.url).href)};
    console.log((await embeddedServer()).url);`;
    const { stdout } = spawnSync(process.execPath, ["--input-type=module", "-e", script], { encoding: "utf8" });
    const { url } = await embeddedServer();
    expect(stdout.trim()).toBe(url);
    expect(await rowsOf(url, "select 1 as n")).toEqual([{ n: 1 }]);
  },
);

test.skipIf(debianMissing)("a stopped server leaves no folder", async () => {
  const server = await startDebianPostgres();
  expect(existsSync(server.socket)).toBe(true);
  await server.stop();
  expect(existsSync(dirname(server.socket))).toBe(false);
});

test.skipIf(debianMissing).each(["SIGKILL", "SIGINT"] as const)("a test process ended by %s leaves no server", async (signal) => {
  const script = `
    import { startDebianPostgres } from ${JSON.stringify(new URL("postgres.ts", import.meta.url).href)};
    console.log((await startDebianPostgres()).socket);
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  const [line] = await once(child.stdout, "data");
  const folder = dirname(String(line).trim());
  expect(existsSync(folder)).toBe(true);
  child.kill(signal);
  await until(
    async () => expect(existsSync(folder)).toBe(false),
    () => `${folder} is still there`,
  );
});

test.skipIf(redisMissing)("Redis answers on its port and its socket", async () => {
  await using server = await startRedis();
  const client = new Redis(server.url);
  await client.set("a", "1");
  const local = new Redis({ path: server.socket });
  expect(await local.get("a")).toBe("1");
  client.disconnect();
  local.disconnect();
});
