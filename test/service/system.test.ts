import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Redis } from "ioredis";
import { z } from "zod";
import { openPool, type Database } from "../../packages/sdk/src/store/db.ts";
import { startPipe, type Pipe } from "../support/pipe.ts";
import { embeddedServer, freshDatabase, type FreshDatabase } from "../support/postgres.ts";
import { freePort, redisMissing, startRedis, type RedisServer } from "../support/redis.ts";
import { MIGRATED } from "../support/store.ts";
import { INSTRUMENT, strategyOf } from "./strategy.ts";
import { startMachine, STRATCTL, systemdMissing, type Machine } from "./machine.ts";

/** The system's unit as a real systemd runs it, from `daemon install` to `daemon uninstall`. */

/** Short, so that a kill is soon seen. */
const WATCHDOG_S = 3;

let machine: Machine;
let redis: RedisServer;
let fresh: FreshDatabase;
let pipe: Pipe;
let db: Database;
let http_port: number;

beforeAll(async () => {
  if (systemdMissing !== null || redisMissing !== null) return;
  const server = await embeddedServer();
  [machine, redis, fresh, pipe, http_port] = await Promise.all([
    startMachine(),
    startRedis(),
    freshDatabase(server, MIGRATED),
    startPipe(server.socket),
    freePort(),
  ]);
  db = await openPool(fresh.url);
  const prices = new Redis(redis.url);
  await prices.set(`ltp:${INSTRUMENT}`, "1500.5");
  await prices.quit();
});

afterAll(async () => {
  await machine?.stop();
  await db?.close();
  await pipe?.[Symbol.asyncDispose]();
  await redis?.stop();
  await fresh?.drop();
});

/** The database as the machine reaches it. */
const urlOf = (): string => {
  const { username, pathname } = new URL(fresh.url);
  return `postgres://${username || "stratctl"}@127.0.0.1:${pipe.port}${pathname}`;
};

async function show(...names: string[]): Promise<Record<string, string>> {
  const text = await machine.run(`systemctl show stratctl --property=${names.join(",")}`);
  return Object.fromEntries(
    text
      .trim()
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
}

/** Lines of the daemon's log as the journal has them, with the priority that it keeps for each. */
async function logged(): Promise<{ priority: string; event: string; msg: string }[]> {
  const Entry = z.object({ PRIORITY: z.string(), MESSAGE: z.string() });
  const Line = z.object({ event: z.string(), msg: z.string() });
  const text = await machine.run("journalctl --sync; journalctl -u stratctl -o json --no-pager");
  const entries = text
    .trim()
    .split("\n")
    .map((line) => Entry.parse(JSON.parse(line)));
  return entries.flatMap(({ PRIORITY, MESSAGE }) =>
    MESSAGE.startsWith("{") ? [{ priority: PRIORITY, ...Line.parse(JSON.parse(MESSAGE)) }] : [],
  );
}

async function configure(settings: Record<string, unknown>): Promise<void> {
  const text = JSON.stringify({ redis_url: redis.url, "daemon.always": true, "http.port": http_port, ...settings });
  await machine.run(`mkdir -p /etc/stratctl && echo '${text}' > /etc/stratctl/config.json && chmod 755 /etc/stratctl`);
}

async function candleCount(strategy_id: number): Promise<number> {
  const Count = z.object({ count: z.coerce.number() });
  const sql = "select count(*) from strategy_m2m_candles where strategy_id = $1";
  return (await db.one(Count, "test.count", sql, [strategy_id])).count;
}

const told = (event: string, text: RegExp) => async (): Promise<void> =>
  expect((await logged()).map((line) => `${line.event}: ${line.msg}`)).toContainEqual(
    expect.stringMatching(new RegExp(`^${event}: .*${text.source}`)),
  );

describe.skipIf(systemdMissing ?? redisMissing)("the system's unit, run by systemd", () => {
  test("is not installed without the URL of a database, which becomes a file that root alone can read", async () => {
    const without = await machine.tried(`${STRATCTL} daemon install --write`);
    expect(without).toMatchObject({ status: 2, stderr: expect.stringContaining("needs the URL of a database") });
    const { stdout, stderr } = await machine.tried(`DATABASE_URL='${urlOf()}' ${STRATCTL} daemon install --write`);
    expect(stdout).toBe("written\t/etc/stratctl/credentials/database_url\nwritten\t/etc/systemd/system/stratctl.service\n");
    expect(stderr).toContain("systemctl enable --now stratctl");
    expect(await machine.run("stat -c '%a %U' /etc/stratctl/credentials /etc/stratctl/credentials/database_url")).toBe(
      "700 root\n600 root\n",
    );
    await machine.run(
      `mkdir /etc/systemd/system/stratctl.service.d && printf '[Service]\\nWatchdogSec=${WATCHDOG_S}\\nRestartSec=0\\n' > /etc/systemd/system/stratctl.service.d/test.conf`,
    );
    await configure({ "daemon.write_interval_ms": 60_000 });
    await machine.run("systemctl daemon-reload");
    const again = await machine.tried(`${STRATCTL} daemon install --write --url postgres://other/db`);
    expect(again.stdout).toBe("unchanged\t/etc/systemd/system/stratctl.service\n");
    expect(again.stderr).toMatch(/^note: .*database_url stays as it is/);
  });

  test("is READY when its loop turns, over the database of its credential, and says how it is", async () => {
    await strategyOf(db, "ready");
    await machine.run("systemctl start stratctl");
    const { ActiveState, NotifyAccess, MainPID } = await show("ActiveState", "NotifyAccess", "MainPID");
    expect({ ActiveState, NotifyAccess }).toEqual({ ActiveState: "active", NotifyAccess: "all" });
    await machine.soon(async () => expect((await show("StatusText"))["StatusText"]).toMatch(/^1 strategy · /));
    await machine.soon(told("ready", /1 strategy, 1 instrument/));
    const ready = (await logged()).find(({ event }) => event === "ready");
    expect(ready?.priority).toBe("6");
    // No URL of a database in what anybody can list.
    expect(await machine.run(`tr '\\0' '\\n' < /proc/${MainPID}/environ; cat /proc/${MainPID}/cmdline`)).not.toContain("postgres:");
    const status = JSON.parse(await machine.run(`STRATCTL_CONFIG=/etc/stratctl/config.json ${STRATCTL} daemon status --json`));
    expect(status).toMatchObject({
      services: [
        { service: "system", state: "active (running)", restart_count: 0, pid: Number(MainPID) },
        { service: "user", state: null },
      ],
      health: { status: expect.stringMatching(/ok|degraded/) },
    });
  });

  test("is kept from writing outside its state folder, and from what it does not need", async () => {
    const { MainPID } = await show("MainPID");
    // In its view of the files not even root could write.
    const write = `nsenter -t ${MainPID} -m touch`;
    for (const folder of ["/usr", "/etc", "/etc/stratctl", "/var/lib", "/var/log", "/opt", "/home", "/root"])
      expect((await machine.tried(`${write} ${folder}/x`)).stderr, folder).toMatch(/Read-only file system|Permission denied/);
    const as_itself = `nsenter -t ${MainPID} -m setpriv --reuid=$(stat -c %u /proc/${MainPID}) --clear-groups`;
    await machine.run(`${as_itself} touch /var/lib/stratctl/x /tmp/x`);
    expect((await machine.tried(`${as_itself} ls /etc/stratctl/credentials`)).stderr).toMatch(/Permission denied/);
    expect((await machine.tried("test -e /tmp/x")).status).toBe(1);
    const status = await machine.run(`cat /proc/${MainPID}/status`);
    expect(status).toMatch(/^CapEff:\t0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
  });

  test("is told of a configuration by SIGHUP; one that is broken leaves the one before in force", async () => {
    const { MainPID } = await show("MainPID");
    const other_port = await freePort();
    await configure({ "daemon.write_interval_ms": 60_000, "http.port": other_port });
    await machine.run("systemctl reload stratctl");
    await machine.soon(told("config", /read again · changed: http.port/));
    await machine.soon(() => machine.run(`${STRATCTL} daemon status --port ${other_port} --json | grep last_sample`));
    await machine.run('echo \'{"http.port": "many"}\' > /etc/stratctl/config.json; systemctl reload stratctl');
    await machine.soon(told("config", /http.port must be .*the configuration before stays in force/));
    expect((await logged()).findLast(({ event }) => event === "config")?.priority).toBe("3");
    await configure({ "daemon.write_interval_ms": 60_000, calendar_file: "/etc/stratctl/none.json" });
    await machine.run("systemctl reload stratctl");
    await machine.soon(told("config", /none.json cannot be read .*stays in force/));
    await configure({ "daemon.write_interval_ms": 60_000 });
    await machine.run("systemctl reload stratctl");
    await machine.soon(() => machine.run(`${STRATCTL} daemon status --port ${http_port} --json | grep '"health":{'`));
    expect(await show("MainPID", "NRestarts", "ActiveState")).toEqual({ MainPID, NRestarts: "0", ActiveState: "active" });
  });

  test("goes on while the database is silent, for longer than the watchdog waits", async () => {
    pipe.swallow();
    await new Promise((resolve) => setTimeout(resolve, (WATCHDOG_S + 2) * 1000));
    expect(await show("NRestarts", "ActiveState")).toEqual({ NRestarts: "0", ActiveState: "active" });
    pipe.flow();
  });

  test("is killed by the watchdog when its process hangs, and started anew", async () => {
    const { MainPID } = await show("MainPID");
    await machine.run(`kill -STOP ${MainPID}`);
    await machine.soon(async () => expect(await show("NRestarts", "ActiveState")).toEqual({ NRestarts: "1", ActiveState: "active" }));
    expect(await machine.run("journalctl --sync; journalctl --no-pager")).toMatch(/stratctl\.service: Watchdog timeout/);
    expect((await show("MainPID"))["MainPID"]).not.toBe(MainPID);
  });

  test("leaves on SIGTERM once what it has sampled is written", async () => {
    const strategy_id = await strategyOf(db, "flushed");
    await machine.run("systemctl restart stratctl");
    const sampled = `STRATCTL_CONFIG=/etc/stratctl/config.json ${STRATCTL} daemon status --json | grep '"last_sample":"'`;
    await machine.soon(() => machine.run(sampled));
    await machine.run("systemctl stop stratctl");
    expect(await candleCount(strategy_id)).toBeGreaterThan(0);
    expect(await show("ActiveState", "Result", "ExecMainStatus")).toEqual({
      ActiveState: "inactive",
      Result: "success",
      ExecMainStatus: "0",
    });
    await machine.soon(told("stopped", /1 candle|2 candles|candles? written/));
  });

  test("starts while the database is away, and marks when it comes", async () => {
    await pipe.refuse();
    const strategy_id = await strategyOf(db, "late");
    await machine.run("systemctl start stratctl");
    expect((await show("ActiveState"))["ActiveState"]).toBe("active");
    await pipe.accept();
    await configure({});
    await machine.soon(told("book", /3 strategies/));
    await machine.run("systemctl stop stratctl");
    expect(await candleCount(strategy_id)).toBeGreaterThan(0);
  });

  test("does not start without the URL of its database, and does not take another", async () => {
    await machine.run("mv /etc/stratctl/credentials/database_url /etc/stratctl/away");
    const { status, stderr } = await machine.tried("systemctl start stratctl");
    expect([status, stderr]).toEqual([1, expect.stringContaining("Assertion failed on job for stratctl.service")]);
    await machine.run("mv /etc/stratctl/away /etc/stratctl/credentials/database_url");
  });

  test("that cannot be right is given up, not started for ever", async () => {
    await machine.run("echo '{\"http.prot\": 1}' > /etc/stratctl/config.json; systemctl start stratctl || true");
    await machine.soon(async () =>
      expect(await show("ActiveState", "ExecMainStatus")).toEqual({ ActiveState: "failed", ExecMainStatus: "2" }),
    );
    expect(await machine.run("journalctl -u stratctl -p err --no-pager -n 20")).toMatch(/did you mean http\.port/);
  });

  test("is removed; data, secrets and settings stay", async () => {
    const { stdout, stderr } = await machine.tried(`${STRATCTL} daemon uninstall`);
    expect(stdout).toBe("removed\t/etc/systemd/system/stratctl.service\n");
    expect(stderr).toBe("kept: /etc/stratctl and /var/lib/stratctl\n");
    await machine.run("test -e /etc/stratctl/credentials/database_url && test -d /var/lib/private/stratctl");
    expect(await show("LoadState")).toMatchObject({ LoadState: "not-found" });
  });
});
