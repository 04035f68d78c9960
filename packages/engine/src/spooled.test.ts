import { mkdir, mkdtemp, readdir, readFile, rename, rm, rmdir, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { batchOf, type CandleBatch } from "@stratctl/sdk/internal";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { onEveryPostgres } from "../../../test/support/store.ts";
import { Spool, type SpoolFile, type Unspooled } from "./spool.ts";
import { Writer } from "./writer.ts";

const MINUTE_MS = Date.parse("2026-11-25T04:00:00Z");
const at = (n: number): number => MINUTE_MS + n * 60_000;
/** The writes of a file's last try, counted from the one that met it first: 1, 2, 4, 8 … */
const LAST_TRY = 128;

onEveryPostgres("files of the spool", (store) => {
  let strategy_ids: number[] = [];
  let folder: string;
  beforeAll(async () => {
    await store.db.run("test.account", "insert into trading_account (account_id) values ('W1')");
    const sql = `insert into strategy (trading_account_id, strategy_name)
      select 'W1', 'strategy ' || n from generate_series(1, 5) n returning strategy_id`;
    strategy_ids = (await store.db.many(z.object({ strategy_id: z.int() }), "test.strategies", sql)).map(({ strategy_id }) => strategy_id);
  });
  beforeEach(async () => {
    folder = path.join(await mkdtemp(path.join(tmpdir(), "stratctl-t-")), "spool");
    await store.db.script("truncate strategy_m2m_candles");
  });
  afterEach(async () => {
    await store.db.script("drop function if exists refuse cascade");
    await rm(path.dirname(folder), { recursive: true });
  });

  /** A candle of each strategy, of the second given; the same one twice changes no row. */
  function minute(n: number, { second = 0, of = strategy_ids }: { second?: number; of?: readonly number[] } = {}): CandleBatch {
    const at_ms = at(n) + second * 1000;
    const units = { open_units: 10, high_units: 10, low_units: 10, close_units: 10, entry_value_units: 0, realized_pnl_units: 0 };
    const counts = { instrument_count: 1, stale_count: 0, oldest_age_ms: 0 };
    const sampled = { sampled: 1n << BigInt(second), first_at_ms: at_ms, last_at_ms: at_ms, minute_ms: at(n), source: "live" as const };
    return batchOf(
      of.map((strategy_id) => ({ strategy_id, ...units, ...counts, ...sampled })),
      "live",
    );
  }

  /** From now on the tables refuse the rows of these minutes; without any, all rows. */
  const refuse = (...minutes: readonly number[]): Promise<void> => {
    const when = minutes.length === 0 ? "" : `when (new.timestamp in (${minutes.map((n) => `to_timestamp(${at(n) / 1000})`).join(", ")}))`;
    return store.db.script(`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'closed'; end $$;
      create trigger refuse before insert on strategy_m2m_candles for each row ${when} execute function refuse()`);
  };
  const open = (): Promise<void> => store.db.script("drop function refuse cascade");

  /** How many rows each of these minutes has. */
  const rows = async (...minutes: readonly number[]): Promise<number[]> => {
    const sql = "select count(*)::int as count from strategy_m2m_candles where timestamp = to_timestamp($1::float8 / 1000)";
    const counts = minutes.map((n) => store.db.one(z.object({ count: z.int() }), "test.count", sql, [at(n)]));
    return (await Promise.all(counts)).map(({ count }) => count);
  };

  const writerOver = (spool: Spool): Writer => new Writer({ db: store.db, overwrite: false, candles_max: 1000, spool });

  /** A row that no write before had, as each sample of the minute under way makes one. */
  let second = 0;
  const another = (): { candles: CandleBatch } => {
    second = (second + 1) % 60_000;
    return { candles: minute(1000 + Math.floor(second / 60), { second: second % 60, of: strategy_ids.slice(0, 1) }) };
  };

  test("a minute whose every row is refused waits on disk, and holds up neither the minutes behind it nor the one under way", async () => {
    await refuse(27, 90);
    const spool = new Spool(folder);
    for (const n of [27, 28]) await spool.put(minute(n));
    const one = writerOver(spool);
    one.finish(minute(90), null);
    await expect(one.write({ candles: minute(29) })).rejects.toMatchObject({ message: expect.stringContaining("closed") });
    expect(await rows(27, 28, 29, 90)).toEqual([0, 5, 5, 0]);
    expect([one.spool_depth, one.waiting_count]).toEqual([10, 0]);
    await open();
    await one.write();
    expect(await rows(27, 28, 29, 90)).toEqual([5, 5, 5, 5]);
    expect(one.spool_depth).toBe(0);
  });

  test("one that is refused while other rows are taken fails no write, is tried ever more seldom, and is set aside with its candles", async () => {
    await refuse(27);
    const spool = new Spool(folder);
    await spool.put(minute(27));
    const [{ name } = { name: "" }] = spool.files;
    const whole = await readFile(path.join(folder, name));
    const one = writerOver(spool);
    for (let n = 1; n < LAST_TRY; n += 1) await one.write(another());
    expect(one.troubles).toMatchObject({
      vain_files: [{ name, kind: "refused", why: expect.stringContaining("closed") }],
      aside_files: [],
    });
    expect([one.spool_depth, one.counts.aside]).toEqual([5, 0]);
    await one.write(another());
    const aside = `${name}.refused`;
    expect(one.troubles).toMatchObject({
      vain_files: [],
      aside_files: [{ name: aside, candle_count: 5, why: expect.stringContaining("closed") }],
    });
    expect([one.spool_depth, one.counts.aside, one.counts.refused]).toEqual([0, 5, 0]);
    expect(await readdir(folder)).toEqual([aside]);
    expect((await stat(path.join(folder, aside))).mode & 0o777).toBe(0o600);
    expect(await readFile(path.join(folder, aside))).toEqual(whole);
    // The next process says that it lies there, and leaves it alone; under its own name it is tried again.
    const next = writerOver(new Spool(folder));
    expect(await next.found()).toBe(0);
    await next.write(another());
    expect(next.troubles.aside_files).toEqual([{ name: aside, candle_count: 5, why: null }]);
    await open();
    await rename(path.join(folder, aside), path.join(folder, name));
    await next.write(another());
    expect(await rows(27)).toEqual([5]);
    expect([await readdir(folder), next.troubles.aside_files]).toEqual([[], []]);
  });

  test("while the tables refuse whatever is written all files wait, however often they are tried, and are written at once when they do not", async () => {
    await refuse();
    const spool = new Spool(folder);
    for (let n = 0; n < 5; n += 1) await spool.put(minute(n, { of: strategy_ids.slice(0, 1) }));
    const one = writerOver(spool);
    // At night nothing but the spool is written: which of both it is, is not known.
    for (let n = 0; n <= LAST_TRY; n += 1) await expect(one.write()).rejects.toMatchObject({ code: "database_refused" });
    for (let n = 0; n <= LAST_TRY; n += 1) await expect(one.write(another())).rejects.toMatchObject({ code: "database_refused" });
    expect([one.spool_depth, one.counts.aside, (await readdir(folder)).length]).toEqual([5, 0, 5]);
    await open();
    await one.write(another());
    expect(await rows(0, 2, 4)).toEqual([1, 1, 1]);
    expect([one.spool_depth, one.troubles.vain_files]).toEqual([0, []]);
  });

  test("one that cannot be read is said, holds up no other, is written once it can be, and is set aside where it never can", async () => {
    const spool = new Spool(folder);
    await spool.put(minute(91));
    const blocking = path.join(folder, `${String(MINUTE_MS).padStart(14, "0")}-5-0123abcd.candles1`);
    await mkdir(blocking); // as nothing else does, a folder fails for root as well
    const one = writerOver(spool);
    await one.write();
    expect(await rows(91)).toEqual([5]);
    expect([one.spool_depth, one.troubles.vain_files]).toMatchObject([5, [{ kind: "unreadable", why: expect.stringContaining("EISDIR") }]]);
    await rmdir(blocking);
    await spool.put(minute(92));
    await one.write();
    expect([one.spool_depth, one.troubles.vain_files]).toEqual([0, []]);
    await mkdir(blocking);
    for (let n = 1; n <= LAST_TRY; n += 1) await one.write();
    expect(await readdir(folder)).toEqual([path.basename(`${blocking}.unreadable`)]);
    expect([one.spool_depth, one.counts.aside, one.troubles.aside_files[0]?.why]).toEqual([0, 5, expect.stringContaining("EISDIR")]);
  });

  test("one that is damaged gives what is whole, and stays beside for whoever looks after it; one cut short by a kill is done with", async () => {
    const spool = new Spool(folder);
    await spool.put(minute(91));
    const [{ name } = { name: "" }] = spool.files;
    const bytes = await readFile(path.join(folder, name));
    const begun = path.join(folder, `${String(at(92)).padStart(14, "0")}-8-0123abcd.candles1-new`);
    await writeFile(begun, bytes);
    bytes[50] = (bytes[50] ?? 0) ^ 1;
    await writeFile(path.join(folder, name), bytes);
    const one = writerOver(spool);
    await one.write();
    // Somebody may be writing to it yet.
    expect([one.spool_depth, one.counts.torn, await rows(91)]).toEqual([0, 5, [0]]);
    await utimes(begun, new Date(), new Date(Date.now() - 61_000));
    await one.write();
    expect([one.spool_depth, one.counts.torn, one.counts.aside, await rows(91)]).toEqual([0, 8, 0, [5]]);
    expect(await readdir(folder)).toEqual([`${name}.unreadable`]);
  });

  test("a folder that cannot be a folder is known at the start, and until it is one", async () => {
    await writeFile(folder, "");
    const one = writerOver(new Spool(folder));
    expect(await one.found()).toBe(0);
    expect(one.troubles.spool_failure).toBe("EEXIST");
    await one.write(another());
    expect(one.troubles.spool_failure).toBe("EEXIST");
    await rm(folder);
    await one.write(another());
    expect(one.troubles.spool_failure).toBeNull();
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
  });

  test("two that write at once from one folder lose nothing and write nothing twice; what one has done is done for the other", async () => {
    const filling = new Spool(folder);
    for (let n = 0; n < 30; n += 1) await filling.put(minute(n));
    const [one, other] = [writerOver(new Spool(folder)), writerOver(new Spool(folder, { shard: { shard: 1, of: 2 } }))];
    const writing = Promise.all([one.write(another()), other.write(another())]);
    await filling.put(minute(30)); // while they look
    await writing;
    await one.write();
    expect(await rows(...Array.from({ length: 31 }, (_, n) => n))).toEqual(Array.from({ length: 31 }, () => 5));
    expect([await readdir(folder), one.spool_depth, other.spool_depth]).toEqual([[], 0, 0]);
    expect(one.counts.written + other.counts.written).toBe(31 * 5);
  });

  test("of the shards beside it a daemon writes the files too, after its own, and neither counts nor drops them", async () => {
    const [first, second_half] = [1, 2].map((shard) => new Spool(folder, { shard: { shard, of: 2 } }));
    await second_half!.put(minute(1));
    await first!.put(minute(2));
    await first!.look();
    expect([first!.candle_count, first!.files.map(({ shard }) => shard?.shard)]).toEqual([5, [1, 2]]);
    expect([await first!.dropOldest(), await first!.dropOldest()]).toEqual([5, 0]);
    // Of another division its accounts are among them: they count as its own.
    const third = new Spool(folder, { shard: { shard: 1, of: 3 } });
    await third.look();
    expect(third.candle_count).toBe(5);
    await second_half!.look();
    expect(second_half!.candle_count).toBe(5);
    const one = writerOver(first!);
    await one.write();
    expect([await rows(1, 2), await readdir(folder)]).toEqual([[5, 0], []]);
  });

  test("one that is written and cannot be removed is not written with every write, nor waited for", async () => {
    /** What it has read becomes a folder, which cannot be removed as a file, as one of a disk that became read-only cannot. */
    class Stuck extends Spool {
      override async read(file: SpoolFile): Promise<Unspooled | null> {
        const found = await super.read(file);
        await rm(path.join(folder, file.name));
        await mkdir(path.join(folder, file.name));
        return found;
      }
    }
    const spool = new Stuck(folder);
    await spool.put(minute(5));
    const one = writerOver(spool);
    await one.write();
    expect([one.spool_depth, one.counts.carried, one.troubles.spool_failure]).toEqual([0, 5, "ERR_FS_EISDIR"]);
    await one.write();
    expect([one.spool_depth, one.counts.carried]).toEqual([0, 5]);
  });
});
