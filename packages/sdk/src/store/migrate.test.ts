import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { LATER_MIGRATIONS, MIGRATIONS } from "../../../../test/support/migrations.ts";
import { freshDatabase, POSTGRES, type FreshDatabase } from "../../../../test/support/postgres.ts";
import { schemaOf } from "../../../../test/support/schema.ts";
import { openPool, type Database } from "./db.ts";
import { assertCurrent, migrate, migrationPlan, migrationStatus } from "./migrate.ts";

const FIRST = "0001_first_light";
const ALL = MIGRATIONS;
const folder = new URL("../../../../migrations/", import.meta.url);

describe.each(POSTGRES)("migrations on $name", ({ missing, server }) => {
  const opened: Database[] = [];
  const databases: FreshDatabase[] = [];
  const empty = async (): Promise<string> => {
    const fresh = await freshDatabase(await server());
    databases.push(fresh);
    return fresh.url;
  };
  const open = async (url?: string): Promise<Database> => {
    const database = await openPool(url ?? (await empty()), { connections_max: 1 });
    opened.push(database);
    return database;
  };
  afterEach(async () => {
    await Promise.all(opened.splice(0).map((database) => database.close()));
    await Promise.all(databases.splice(0).map((database) => database.drop()));
  });

  describe.skipIf(missing)("", () => {
    test("an empty database is behind, gets every migration once, and is current from then on", async () => {
      const db = await open();
      expect(await migrationStatus(db)).toEqual({ state: "empty", applied: [], pending: ALL, differences: [], timescaledb: null });
      expect(await migrationPlan(db)).toEqual(ALL.map((name) => `apply ${name}`));
      await expect(assertCurrent(db)).rejects.toMatchObject({
        code: "database_behind",
        message: "the database has no tables of stratctl yet",
        hint: "stratctl db migrate",
      });
      expect(await migrate(db, { adopt: false })).toEqual({ applied: ALL, adopted: [] });
      expect(await migrationStatus(db)).toEqual({ state: "current", applied: ALL, pending: [], differences: [], timescaledb: null });
      expect(await migrationPlan(db)).toEqual([]);
      await assertCurrent(db);
      expect(await migrate(db, { adopt: false })).toEqual({ applied: [], adopted: [] });
    });

    test("twenty at once: each migration runs once, and all succeed", async () => {
      const url = await empty();
      const all = await Promise.all(Array.from({ length: 20 }, () => open(url)));
      const reports = await Promise.all(all.map((db) => migrate(db, { adopt: false })));
      expect(reports.flatMap(({ applied }) => applied).toSorted()).toEqual(ALL);
      const Count = z.object({ count: z.int() });
      expect(await all[0]?.one(Count, "test.count", "select count(*)::int as count from stratctl_migration")).toEqual({
        count: ALL.length,
      });
    });

    test("an applied migration that is not ours is refused by its name, and nothing is run", async () => {
      const db = await open();
      await migrate(db, { adopt: false });
      await db.script("update stratctl_migration set checksum = 'another'");
      for (const call of [() => migrate(db, { adopt: false }), () => assertCurrent(db), () => migrationStatus(db)])
        await expect(call()).rejects.toMatchObject({ code: "database_refused", message: expect.stringContaining(FIRST) });
    });

    test("a checksum is that of the text, whatever line ends a checkout gave it", async () => {
      const db = await open();
      await migrate(db, { adopt: false });
      const text = await readFile(new URL(`${FIRST}.sql`, folder), "utf8");
      const expected = createHash("sha256").update(text.replaceAll("\r\n", "\n")).digest("hex");
      const Row = z.object({ checksum: z.string() });
      expect(await db.one(Row, "test.checksum", "select checksum from stratctl_migration where id = 1")).toEqual({ checksum: expected });
    });

    test("a database newer than the code is refused, and stays as it is", async () => {
      const db = await open();
      await migrate(db, { adopt: false });
      await db.script("insert into stratctl_migration (id, name, checksum) values (9999, '9999_of_tomorrow', 'x')");
      const before = await schemaOf(db);
      expect(await migrationStatus(db)).toMatchObject({ state: "newer" });
      for (const call of [() => migrate(db, { adopt: true }), () => assertCurrent(db), () => migrationPlan(db)])
        await expect(call()).rejects.toMatchObject({
          code: "database_newer",
          message: "the database is newer than this version of stratctl: it has 9999_of_tomorrow",
        });
      expect(await schemaOf(db)).toBe(before);
    });

    test("a database that lacks a migration is refused by whoever connects, and names it", async () => {
      const db = await open();
      await migrate(db, { adopt: false });
      await db.script("delete from stratctl_migration");
      const message = `the database lacks ${ALL.join(", ")}`;
      await expect(assertCurrent(db)).rejects.toMatchObject({ code: "database_behind", message });
    });

    test("one that has the first alone gets the others, and keeps its rows", async () => {
      const db = await open();
      const text = await readFile(new URL(`${FIRST}.sql`, folder), "utf8");
      const checksum = createHash("sha256").update(text).digest("hex");
      await db.script(text);
      await db.run("test.first", "insert into stratctl_migration (id, name, checksum) values (1, $1, $2)", [FIRST, checksum]);
      await db.script("insert into trading_account (account_id) values ('XJ4540')");
      expect(await migrationStatus(db)).toMatchObject({ state: "behind", applied: [FIRST], pending: LATER_MIGRATIONS });
      expect(await migrationPlan(db)).toEqual(LATER_MIGRATIONS.map((name) => `apply ${name}`));
      expect(await migrate(db, { adopt: false })).toEqual({ applied: LATER_MIGRATIONS, adopted: [] });
      await assertCurrent(db);
      const Names = z.object({ account_id: z.string() });
      expect(await db.many(Names, "test.accounts", "select account_id from trading_account")).toEqual([{ account_id: "XJ4540" }]);
    });

    test("a migration that fails leaves nothing behind", async () => {
      const db = await open();
      // Among the last things that it makes, and there already.
      await db.script("create function stratctl_updated_at() returns integer language sql return 1");
      await expect(migrate(db, { adopt: false })).rejects.toMatchObject({ code: "database_refused" });
      expect(await schemaOf(db)).not.toContain("create table");
      await db.script("drop function stratctl_updated_at");
      expect(await migrate(db, { adopt: false })).toMatchObject({ applied: ALL });
    });

    test("the shape of a fresh database is migrations/schema.sql", async () => {
      const db = await open();
      await migrate(db, { adopt: false });
      await expect(SNAPSHOT + (await schemaOf(db))).toMatchFileSnapshot(new URL("schema.sql", folder).pathname);
    });
  });
});

/** vitest -u rewrites it; its diff is what a review sees of a change of shape. */
const SNAPSHOT = `-- What the migrations make, as the catalogue tells it. Not run: written by the tests (vitest -u), and compared by them.

`;
