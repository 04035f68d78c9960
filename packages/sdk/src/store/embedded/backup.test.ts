import { mkdir, mkdtemp, readdir, realpath, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { rowsOf } from "../../../../../test/support/script.ts";
import { backupEmbedded, embeddedStatus, ensureEmbedded, stopEmbedded } from "../embedded.ts";

let place = "";
beforeEach(async () => {
  place = await realpath(await mkdtemp(join(tmpdir(), "stratctl-k-")));
});
afterEach(async () => {
  await Promise.all(["ours", "copy"].map((name) => stopEmbedded({ folder: join(place, name) }).catch(() => false)));
  await rm(place, { recursive: true, force: true });
});

const ours = () => join(place, "ours");
const copy = () => join(place, "copy");

/** Every row of every table, as text. */
const contents = async (url: string, table: string): Promise<{ id: number; what: string }[]> =>
  z.array(z.object({ id: z.int(), what: z.string() })).parse(await rowsOf(url, `select id, md5(what) as what from ${table} order by id`));

async function openClient(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return client;
}

test("a copy made while rows are written starts and has all that was committed before it", { timeout: 120_000 }, async () => {
  const { url } = await ensureEmbedded({ folder: ours() });
  const client = await openClient(url);
  // 40 MB: more than two segments of the log, most of it in files that are dirty in memory when the copy begins.
  await client.query("create table kept as select id, repeat(md5(id::text), 20) as what from generate_series(1, 60000) id");
  await client.query("create table busy (id int primary key, what text)");
  const writes = { end: false, count: 0 };
  const writer = (async () => {
    while (!writes.end) {
      await client.query("insert into busy select $1::int * 100 + n, repeat(md5(n::text), 50) from generate_series(1, 100) n", [
        writes.count,
      ]);
      await client.query("update busy set what = what || 'x' where id % 7 = 0");
      if (writes.count % 10 === 0) await client.query("checkpoint");
      if (writes.count % 10 === 5) await client.query("create table passing (id int); drop table passing; select pg_switch_wal()");
      writes.count += 1;
    }
  })();
  const before = await contents(url, "busy");
  const report = await backupEmbedded(copy(), { folder: ours() });
  writes.end = true;
  await writer;
  const after = await contents(url, "busy");
  const kept = await contents(url, "kept");
  await client.end();
  expect(await rowsOf(url, "select slot_name from pg_replication_slots")).toEqual([]);
  await stopEmbedded({ folder: ours() });

  const restored = await ensureEmbedded({ folder: copy() });
  expect(await contents(restored.url, "kept")).toEqual(kept);
  // What was written meanwhile is there up to some moment of the copy: whole statements, none of them twice.
  const found = await contents(restored.url, "busy");
  expect(found.length % 100).toBe(0);
  expect(found.length).toBeGreaterThanOrEqual(before.length);
  expect(found.map(({ id }) => id)).toEqual(after.slice(0, found.length).map(({ id }) => id));
  expect(await rowsOf(restored.url, "select count(*)::int as count from pg_class where relname = 'passing'")).toEqual([{ count: 0 }]);
  await rowsOf(restored.url, "insert into busy values (-1, 'written after')");
  expect(report.folder).toBe(copy());
  expect(report.byte_count).toBeGreaterThan(40_000_000);
});

test("it is for its owner alone, whole or not there, and overwrites nothing", async () => {
  await expect(backupEmbedded(copy(), { folder: ours() })).rejects.toMatchObject({ code: "embedded_unavailable" });
  await ensureEmbedded({ folder: ours() });
  await backupEmbedded(copy(), { folder: ours() });
  const entries = await readdir(copy(), { recursive: true, withFileTypes: true });
  const modes = await Promise.all(entries.map(async (entry) => (await stat(join(entry.parentPath, entry.name))).mode & 0o077));
  expect(new Set(modes)).toEqual(new Set([0]));
  expect(entries.filter(({ name }) => /postmaster|\.s\.PGSQL/.test(name))).toEqual([]);

  await expect(backupEmbedded(copy(), { folder: ours() })).rejects.toMatchObject({ code: "file_unusable" });
  await mkdir(join(place, "empty"));
  await writeFile(join(place, "file"), "");
  for (const name of ["empty", "file", "none/below"])
    await expect(backupEmbedded(join(place, name), { folder: ours() })).rejects.toMatchObject({ code: "file_unusable" });
  const ended = new AbortController();
  const cut = backupEmbedded(join(place, "cut"), { folder: ours(), signal: ended.signal });
  setTimeout(() => ended.abort(), 30);
  await expect(cut).rejects.toMatchObject({ code: "interrupted" });
  expect((await readdir(place)).toSorted()).toEqual(["copy", "empty", "file", "ours"]);
});

test("it is never inside the data that it copies, through a link either", async () => {
  await ensureEmbedded({ folder: ours() });
  const data = join(ours(), "data");
  await symlink(data, join(place, "link"));
  await symlink(join(data, "base"), join(place, "deep"));
  const before = (await readdir(data)).toSorted();
  for (const target of [join(data, "in"), join(data, "base", "in"), join(place, "link", "in"), join(place, "deep", "in")])
    await expect(backupEmbedded(target, { folder: ours() })).rejects.toMatchObject({
      code: "file_unusable",
      message: `the backup ${target} is inside the database that it is to be a copy of`,
    });
  expect((await readdir(data)).toSorted()).toEqual(before);
  // A name that only begins like it is another folder's.
  await mkdir(`${data}-too`);
  await expect(backupEmbedded(join(`${data}-too`, "copy"), { folder: ours() })).resolves.toMatchObject({
    folder: join(`${data}-too`, "copy"),
  });
});

test("a database that does not run is started for it", async () => {
  const { url } = await ensureEmbedded({ folder: ours() });
  await rowsOf(url, "create table kept as select 1 as id, 'a' as what");
  await stopEmbedded({ folder: ours() });
  await backupEmbedded(copy(), { folder: ours() });
  expect((await embeddedStatus({ folder: ours() })).state).toBe("running");
  const restored = await ensureEmbedded({ folder: copy() });
  expect(await rowsOf(restored.url, "select what from kept")).toEqual([{ what: "a" }]);
});
