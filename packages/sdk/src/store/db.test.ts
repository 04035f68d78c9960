import { spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { StratctlError } from "../errors.ts";
import { MoneyColumn } from "../model/money.ts";
import { onEveryPostgres } from "../../../../test/support/store.ts";
import { WholeColumn } from "./column.ts";
import { openPool, transaction, type Database } from "./db.ts";

const N = z.object({ n: z.int() });

onEveryPostgres("a database", (store) => {
  test("numeric-comes-as-text", async () => {
    const Row = z.object({ amount: MoneyColumn });
    const rows = await store.db.many(
      Row,
      "test.amounts",
      "select amount from unnest('{100.5000,20.0000,-3.2500}'::numeric(18,4)[]) as amount",
    );
    const sum = rows.reduce((total, { amount }) => total + amount, 0);
    expect(sum).toBe(117.25);
    const Totals = z.object({ amounts: z.array(MoneyColumn), counts: z.array(WholeColumn), count: WholeColumn });
    const totals = await store.db.one(
      Totals,
      "test.totals",
      "select array_agg(amount) as amounts, array_agg(amount::int8) as counts, count(*) from unnest('{100.5000,20.0000,-3.2500}'::numeric(18,4)[]) as amount",
    );
    expect(totals).toEqual({ amounts: [100.5, 20, -3.25], counts: [101, 20, -3], count: 3 });
  });

  test("texts: columns in their order as Postgres writes them, and no others than were named", async () => {
    const sql =
      "select 1.50::numeric(9,4) as a, null as b, 7::int4 as c, true as d, timestamptz '2026-11-25 09:15+05:30' as e, $1::text as f";
    const row = ["1.5000", null, "7", "t", "2026-11-25 03:45:00+00", "g"];
    expect(await store.db.texts("abcdef".split(""), "test.texts", sql, ["g"])).toEqual([row]);
    expect(await store.db.texts(["n"], "test.none", "select 1 as n where false")).toEqual([]);
    for (const columns of ["abcde", "abcdfe", "abcdefg"])
      await expect(store.db.texts(columns.split(""), "test.texts", sql, ["g"])).rejects.toMatchObject({ code: "internal" });
    // The same statement, read as rows on the same connection.
    expect(await store.db.one(z.object({ c: z.int(), d: z.boolean() }), "test.texts", sql, ["g"])).toEqual({ c: 7, d: true });
    await expect(store.db.texts([], "test.wrong", "select nothing")).rejects.toMatchObject({ code: "database_refused" });
  });

  test("a statement that a pooler sent to another connection is refused with what to do", async () => {
    const session = await store.db.session({ name: "behind a pooler", timeout_ms: 10_000 });
    const twice = session.script("prepare again as select 1; prepare again as select 1");
    await expect(twice).rejects.toMatchObject({
      code: "database_refused",
      message: expect.stringMatching(/^database refused: a pooler changes connections between statements \(/),
      hint: "give the URL of the server itself, or let the pooler pool by session",
    });
    await expect(session.script("execute never_prepared")).rejects.toMatchObject({ details: { sqlstate: "26000" } });
    session.drop();
  });

  test("an int8 beyond what a number holds exactly is refused, not rounded", async () => {
    const Row = z.object({ big: WholeColumn });
    expect(await store.db.one(Row, "test.big", "select 9007199254740991 as big")).toEqual({ big: 9_007_199_254_740_991 });
    await expect(store.db.one(Row, "test.bigger", "select 9007199254740993 as big")).rejects.toMatchObject({ code: "internal" });
  });

  test.each(["UTC", "Asia/Kolkata", "America/New_York"])("a-date-is-not-an-instant (%s)", (TZ) => {
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [fileURLToPath(new URL("../../../../test/support/date.ts", import.meta.url)), store.url],
      {
        encoding: "utf8",
        env: { ...process.env, TZ },
      },
    );
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toEqual({
      day: "2026-11-25",
      days: ["2026-11-25"],
      local: "2026-11-25 09:15:00",
      at: "2026-11-25 03:45:00+00",
    });
  });

  test("a statement is planned for the values it is given, however often it runs", async () => {
    const Plans = z.object({ generic: WholeColumn, custom: WholeColumn });
    for (let run = 0; run < 10; run += 1) await store.db.many(N, "test.planned", "select n from unnest($1::int4[]) as n", ["{1,2,3}"]);
    const plans = await store.db.one(
      Plans,
      "test.plans",
      "select generic_plans as generic, custom_plans as custom from pg_prepared_statements where name = 'test.planned'",
    );
    expect(plans).toEqual({ generic: 0, custom: 10 });
  });

  test("a session is in UTC, whatever the database says", async () => {
    await store.db.script("do $$ begin execute format('alter database %I set TimeZone = ''Asia/Kolkata''', current_database()); end $$");
    const other = await openPool(store.url);
    const Zone = z.object({ zone: z.string(), name: z.string() });
    expect(
      await other.one(Zone, "test.zone", "select current_setting('TimeZone') as zone, current_setting('application_name') as name"),
    ).toEqual({
      zone: "UTC",
      name: "stratctl",
    });
    await other.close();
  });

  test("one wants one row, maybeOne at most one, and a row must be as its schema says", async () => {
    expect(await store.db.maybeOne(N, "test.none", "select 1 as n where false")).toBeNull();
    await expect(store.db.one(N, "test.none.one", "select 1 as n where false")).rejects.toMatchObject({ code: "internal" });
    await expect(store.db.maybeOne(N, "test.two", "select n from generate_series(1, 2) n")).rejects.toMatchObject({ code: "internal" });
    await expect(store.db.many(N, "test.text", "select 'a' as n")).rejects.toMatchObject({
      code: "internal",
      message: "test.text: a row is not as the schema says",
    });
    expect(await store.db.run("test.run", "select generate_series(1, $1::int)", [3])).toBe(3);
  });

  test("half-a-copy-is-nothing: a transaction is all or nothing, and its connection comes back clean", async () => {
    await store.db.script("create table thing (n int constraint thing_key primary key)");
    const own = await openPool(store.url, { connections_max: 2 });
    const attempt = (): Promise<void> =>
      transaction(own, async (db) => {
        for (const n of [1, 2, 1]) await db.run("test.thing", "insert into thing values ($1)", [n]);
      });
    for (let time = 0; time < 10; time += 1)
      await expect(attempt()).rejects.toMatchObject({ code: "database_refused", details: { sqlstate: "23505", constraint: "thing_key" } });
    await expect(
      transaction(own, () => {
        throw new Error("a fault of the caller");
      }),
    ).rejects.toThrow(new Error("a fault of the caller"));
    // A caller that swallows a failure must not think it was written.
    await expect(
      transaction(own, async (db) => {
        await db.run("test.thing", "insert into thing values ($1)", [5]);
        await db.script("select 1/0").catch(() => undefined);
      }),
    ).rejects.toMatchObject({ code: "internal" });
    await transaction(own, async (db) => {
      for (const n of [1, 2, 3]) await db.run("test.thing", "insert into thing values ($1)", [n]);
    });
    expect(await own.one(N, "test.things", "select count(*)::int as n from thing")).toEqual({ n: 3 });
    expect(
      await own.one(
        N,
        "test.idle",
        "select count(*)::int as n from pg_stat_activity where datname = current_database() and state like 'idle in%'",
      ),
    ).toEqual({ n: 0 });
    await own.close();
  });

  test("a connection that was ended is replaced", async () => {
    const own = await openPool(store.url, { connections_max: 1 });
    const { n } = await own.one(N, "test.pid", "select pg_backend_pid() as n");
    await store.db.run("test.kill", "select pg_terminate_backend($1)", [n]);
    const next = await own
      .one(N, "test.pid", "select pg_backend_pid() as n")
      .catch(() => own.one(N, "test.pid", "select pg_backend_pid() as n"));
    expect(next.n).not.toBe(n);
    await own.close();
  });

  test("a statement whose types a migration changed is prepared anew, on every connection", async () => {
    await store.db.script("create table changing (n text); insert into changing values ('1')");
    const own = await openPool(store.url, { connections_max: 3 });
    const Text = z.object({ n: z.string() });
    const readAll = (): Promise<unknown> =>
      Promise.all(Array.from({ length: 3 }, () => own.one(Text, "test.changing", "select n, pg_sleep(0.02)::text from changing")));
    await readAll();
    await store.db.script("alter table changing alter n type varchar(5)");
    await expect(readAll()).resolves.toHaveLength(3);
    await own.close();
  });

  test("a statement that takes too long ends, and says so", async () => {
    const own = await openPool(store.url, { statement_timeout_ms: 50 });
    await expect(own.script("select pg_sleep(10)")).rejects.toMatchObject({
      code: "database_unreachable",
      message: expect.stringContaining("statement took too long"),
      hint: "try again; the server is overloaded, or another session holds a lock",
    });
    await own.close();
  });

  test("what the server refuses is said in a line: no such database, read-only, permission", async () => {
    const absent = await openPool(store.url.replace(/\/test_[^?]*/, "/absent"));
    await expect(absent.script("select 1")).rejects.toMatchObject({
      code: "database_refused",
      message: expect.stringContaining("no such database"),
    });
    await absent.close();
    await expect(store.db.script("begin read only; create table other (n int)")).rejects.toMatchObject({
      code: "database_refused",
      message: expect.stringContaining("it is read-only"),
    });
  });
});

describe("a database that does not answer", () => {
  const opened: Database[] = [];
  const open = async (url: string, connect_timeout_ms = 5000): Promise<Database> => {
    const database = await openPool(url, { connect_timeout_ms });
    opened.push(database);
    return database;
  };
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((database) => database.close()));
  });

  test.each([
    ["postgres://meera:hunter2@127.0.0.1:1/x", "database does not answer: 127.0.0.1:1 (connection refused)"],
    ["postgres://meera:hunter2@nowhere.invalid/x", "database does not answer: nowhere.invalid:5432 (name not found)"],
    ["postgres://meera:hunter2@%2Ftmp%2Fnowhere/x", "database does not answer: /tmp/nowhere (no such socket)"],
    ["postgres:///x?host=/tmp/nowhere&password=hunter2", "database does not answer: /tmp/nowhere (no such socket)"],
  ])("%s", async (url, message) => {
    const database = await open(url);
    const error = await database.script("select 1").catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(StratctlError);
    expect(error).toMatchObject({
      code: "database_unreachable",
      message,
      hint: expect.stringContaining("check DATABASE_URL"),
    });
    expect(JSON.stringify(error)).not.toContain("hunter2");
  });

  test("one that takes the connection and then says nothing", async () => {
    const server = createServer(() => undefined).listen(0, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const database = await open(`postgres://127.0.0.1:${address.port}/x`, 100);
    await expect(database.script("select 1")).rejects.toMatchObject({
      code: "database_unreachable",
      message: `database does not answer: 127.0.0.1:${address.port} (no answer in time)`,
    });
    server.close();
  });

  test.each(["http://db/x", "postgres", "postgres://a:b:c@:x/"])(
    "%s is no URL of Postgres, and what it says is kept to itself",
    async (url) => {
      await expect(openPool(url)).rejects.toMatchObject({ code: "url_invalid", message: expect.not.stringContaining(url) });
    },
  );
});
