import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { onEveryPostgres } from "../../../../test/support/store.ts";
import type { Db } from "./db.ts";
import { inSlices, slicesOf, type Slice } from "./slices.ts";

describe("slices of a batch", () => {
  test("a law: they cover it once, in order, none is empty, and none is larger than a statement should be", () => {
    fc.assert(
      fc.property(fc.nat(300_000), fc.integer({ min: 1, max: 4 }), (length, lanes) => {
        const slices = slicesOf(length, lanes);
        const ends = slices.map(({ to }) => to);
        expect(slices.map(({ from }) => from)).toEqual([0, ...ends].slice(0, slices.length));
        expect(ends.at(-1) ?? 0).toBe(length);
        for (const { from, to } of slices) {
          expect(to - from).toBeGreaterThan(0);
          expect(to - from).toBeLessThanOrEqual(20_000);
        }
      }),
    );
  });

  test.each([
    [0, 2, 0],
    [1, 2, 1],
    [999, 2, 1],
    [1_000, 2, 2],
    [100_000, 1, 5],
    [100_000, 2, 6],
  ])("%i rows on %i lanes are %i statements", (length, lanes, count) => {
    expect(slicesOf(length, lanes)).toHaveLength(count);
  });
});

onEveryPostgres("writing in slices", (store) => {
  /** Notes how many are under way at once. */
  function watched(each: (slice: Slice) => Promise<void> = async () => undefined) {
    const seen = { now: 0, most: 0, ended: 0 };
    const write = async (slice: Slice): Promise<number> => {
      seen.now += 1;
      seen.most = Math.max(seen.most, seen.now);
      try {
        await store.db.script("select 1");
        await each(slice);
        seen.ended += 1;
        return slice.from;
      } finally {
        seen.now -= 1;
      }
    };
    return { seen, write };
  }

  test("two at a time over a pool, one at a time in a transaction; the results come in order", async () => {
    const over = async (db: Db): Promise<{ most: number; results: number[] }> => {
      const { seen, write } = watched();
      return { results: await inSlices(db, 100_000, write), most: seen.most };
    };
    const pool = await over(store.db);
    expect(pool.results).toEqual(slicesOf(100_000, 2).map(({ from }) => from));
    expect(pool.most).toBe(2);
    expect(await store.db.transaction(over)).toMatchObject({ most: 1 });
  });

  test("after a failure none is begun, and it is told once those under way have ended", async () => {
    const failure = new Error("no");
    let others = 0;
    const { seen, write } = watched(async ({ from }) => {
      if (from === 0) throw failure;
      await store.db.script("select pg_sleep(0.05)");
      others += 1;
    });
    await expect(inSlices(store.db, 200_000, write)).rejects.toBe(failure);
    expect({ now: seen.now, others }).toEqual({ now: 0, others: 1 });
  });
});
