import { appendFile, mkdtemp, readdir, readFile, rename, rm, stat, truncate, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { batchOf, type CandleBatch } from "@stratctl/sdk/internal";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { isFull, Spool } from "./spool.ts";

const MINUTE_MS = Date.parse("2026-11-25T04:00:00Z");
/** What a record holds at most, and what a candle takes on disk. */
const RECORD_ROWS = 4_096;
const CANDLE_BYTES = 96;

let folder: string;
beforeEach(async () => {
  folder = path.join(await mkdtemp(path.join(tmpdir(), "stratctl-t-")), "deep", "spool");
});
afterEach(() => rm(path.dirname(path.dirname(folder)), { recursive: true }));

/** Candles of one minute whose every value is another. */
function minute(n: number, count = 3): CandleBatch {
  const minute_ms = MINUTE_MS + n * 60_000;
  const candles = Array.from({ length: count }, (_, place) => ({
    strategy_id: place + 1,
    minute_ms,
    open_units: -1_000_001 - place,
    high_units: 2 ** 50 + place,
    low_units: -(2 ** 50) - place,
    close_units: 7 + n,
    entry_value_units: -3 * place,
    realized_pnl_units: 4 * place,
    instrument_count: 5,
    stale_count: 2,
    oldest_age_ms: 61_000 + place,
    sampled: 2n ** 59n + BigInt(place),
    first_at_ms: minute_ms,
    last_at_ms: minute_ms + 59_000,
    source: "live" as const,
  }));
  return batchOf(candles, "live");
}

const onlyFile = async (): Promise<string> => path.join(folder, (await readdir(folder))[0] ?? "");

async function restarted(): Promise<Spool> {
  const spool = new Spool(folder);
  await spool.look();
  return spool;
}

describe("the spool", () => {
  test("gives back what was put into it, the oldest minute first, to a process that is started later", async () => {
    const spool = new Spool(folder);
    for (const n of [2, 1, 3]) expect(await spool.put(minute(n))).toBeNull();
    expect(spool.candle_count).toBe(9);
    const later = await restarted();
    expect(later.candle_count).toBe(9);
    expect(later.files.map(({ minute_ms, candle_count }) => [minute_ms - MINUTE_MS, candle_count])).toEqual([
      [60_000, 3],
      [120_000, 3],
      [180_000, 3],
    ]);
    expect(await later.read(later.files[0]!)).toEqual({ batches: [minute(1)], torn_count: 0 });
    await later.remove(later.files[0]!);
    expect(later.candle_count).toBe(6);
    expect((await restarted()).candle_count).toBe(6);
    // The process beside it learns that at its next look, and a file that is gone is no fault.
    expect(await spool.read(spool.files[0]!)).toBeNull();
  });

  test("is its owner's alone, folder and files", async () => {
    await new Spool(folder).put(minute(1));
    expect((await stat(folder)).mode & 0o777).toBe(0o700);
    expect((await stat(await onlyFile())).mode & 0o777).toBe(0o600);
  });

  test("a file that was cut short gives its whole records, and says how many candles are lost", async () => {
    const spool = new Spool(folder);
    await spool.put(minute(1, 2 * RECORD_ROWS + 10));
    await truncate(await onlyFile(), (await stat(await onlyFile())).size - 1);
    const { batches, torn_count } = (await spool.read(spool.files[0]!)) ?? {};
    expect(batches?.map(({ length }) => length)).toEqual([RECORD_ROWS, RECORD_ROWS]);
    expect(batches?.[1]?.strategy_id[0]).toBe(RECORD_ROWS + 1);
    expect(torn_count).toBe(10);
  });

  test.each([
    ["in a value", 12 + 40],
    ["in the number of candles", 0],
    ["in the source", 4],
    ["in the checksum", 8],
  ])("a byte that changed %s is noticed", async (_, offset) => {
    const spool = new Spool(folder);
    await spool.put(minute(1));
    const bytes = await readFile(await onlyFile());
    bytes[offset] = (bytes[offset] ?? 0) ^ 1;
    await writeFile(await onlyFile(), bytes);
    expect(await spool.read(spool.files[0]!)).toEqual({ batches: [], torn_count: 3 });
  });

  test("a record that is damaged costs its own candles alone, not those behind it", async () => {
    const spool = new Spool(folder);
    await spool.put(minute(1, 2 * RECORD_ROWS + 10));
    const bytes = await readFile(await onlyFile());
    const second = 12 + RECORD_ROWS * CANDLE_BYTES;
    bytes[second + 100] = (bytes[second + 100] ?? 0) ^ 1;
    await writeFile(await onlyFile(), bytes);
    const { batches, torn_count } = (await spool.read(spool.files[0]!)) ?? {};
    expect([batches?.map(({ strategy_id }) => strategy_id[0]), torn_count]).toEqual([[1, 2 * RECORD_ROWS + 1], RECORD_ROWS]);
  });

  test("what is put on disk while the folder is read is counted all the same", async () => {
    const spool = new Spool(folder);
    await spool.put(minute(0));
    // Other files make a look long, so that one is under way whenever a file gets its name.
    await Promise.all(Array.from({ length: 2_000 }, (_, n) => writeFile(path.join(folder, `other-${n}`), "")));
    for (let n = 1; n <= 12; n += 1) {
      const looking = { goes_on: true };
      const putting = spool.put(minute(n)).finally(() => (looking.goes_on = false));
      while (looking.goes_on) await spool.look();
      expect([await putting, spool.candle_count]).toEqual([null, (n + 1) * 3]);
    }
    // One that is gone by another's hand is gone with the next look, or when it is read.
    await rm(path.join(folder, spool.files[0]!.name));
    expect(await spool.read(spool.files[0]!)).toBeNull();
    expect(spool.candle_count).toBe(36);
    await rm(path.join(folder, spool.files[0]!.name));
    await spool.look();
    expect(spool.candle_count).toBe(33);
  });

  test("a folder that cannot be read is said, and what was known to be there is there yet", async () => {
    const spool = new Spool(folder);
    await spool.put(minute(1));
    await rename(folder, `${folder}-away`);
    await writeFile(folder, "");
    expect([await spool.look(), spool.candle_count]).toEqual(["ENOTDIR", 3]);
    await rm(folder);
    // One that is not there has nothing in it.
    expect([await spool.look(), spool.candle_count]).toEqual([null, 0]);
  });

  test("bytes behind the last record are no record", async () => {
    const spool = new Spool(folder);
    await spool.put(minute(1));
    await appendFile(await onlyFile(), Buffer.alloc(40, 255));
    expect(await spool.read(spool.files[0]!)).toEqual({ batches: [minute(1)], torn_count: 0 });
  });

  test("what a killed process had begun to write is taken up once nobody writes to it; other files are left alone", async () => {
    await new Spool(folder).put(minute(1));
    const whole = await readFile(await onlyFile());
    const begun = path.join(folder, `${String(MINUTE_MS).padStart(14, "0")}-5-0123abcd.candles1-new`);
    await writeFile(begun, whole);
    await writeFile(path.join(folder, "notes.txt"), "mine");
    await writeFile(path.join(folder, `${String(MINUTE_MS).padStart(14, "0")}-5-0123abcd.candles2`), whole);
    expect((await restarted()).candle_count).toBe(3);
    // Written by a clock that was ahead, it is not waited for until then.
    await utimes(begun, new Date(), new Date(Date.now() + 3_600_000));
    expect((await restarted()).candle_count).toBe(8);
    await utimes(begun, new Date(), new Date(Date.now() - 61_000));
    const spool = await restarted();
    expect(spool.candle_count).toBe(8);
    expect(await spool.read(spool.files[0]!)).toEqual({ batches: [minute(1)], torn_count: 2 });
  });

  test("holds so many bytes and no more; room is made by dropping the oldest", async () => {
    const spool = new Spool(folder, { bytes_max: 7 * CANDLE_BYTES });
    expect(await spool.put(minute(1))).toBeNull();
    expect(await spool.put(minute(2))).toBeNull();
    const why = await spool.put(minute(3));
    expect(why).toBe("the spool is full");
    expect(isFull(why)).toBe(true);
    expect(await spool.dropOldest()).toBe(3);
    expect(await spool.put(minute(3))).toBeNull();
    expect((await restarted()).files.map(({ minute_ms }) => (minute_ms - MINUTE_MS) / 60_000)).toEqual([2, 3]);
    // What another process has written and removed is not lost.
    await rm(path.join(folder, spool.files[0]!.name));
    expect([await spool.dropOldest(), await spool.dropOldest()]).toEqual([3, 0]);
  });

  test("a folder that cannot be made is said, and leaves nothing", async () => {
    await writeFile(path.dirname(path.dirname(folder)) + "/deep", "");
    const spool = new Spool(folder);
    expect(await spool.put(minute(1))).toBe("ENOTDIR");
    expect(isFull("ENOTDIR")).toBe(false);
    expect(await spool.prepare()).toBe("ENOTDIR");
    await spool.look();
    expect([spool.candle_count, await spool.dropOldest()]).toEqual([0, 0]);
  });
});
