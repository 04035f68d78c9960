import { beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { onEveryPostgres } from "../../../../test/support/store.ts";
import { list, upsertMany, type GapBatch } from "./gap.ts";

const OPEN_MS = Date.parse("2026-11-25T03:45:00Z");
const at = (minute: number): number => OPEN_MS + minute * 60_000;

onEveryPostgres("gaps", (store) => {
  let ids: number[] = [];
  beforeAll(async () => {
    await store.db.run("test.account", "insert into trading_account (account_id) values ('G1')");
    const sql = `insert into strategy (trading_account_id, strategy_name)
      select 'G1', 'strategy ' || n from generate_series(1, 3000) n returning strategy_id`;
    ids = (await store.db.many(z.object({ strategy_id: z.int() }), "test.strategies", sql)).map(({ strategy_id }) => strategy_id);
  });
  const idOf = (place: number): number => ids[place] ?? 0;
  const batch = (...spans: readonly [id: number, from: number, to: number, reason: string][]): GapBatch => ({
    length: spans.length,
    strategy_id: Int32Array.from(spans, ([id]) => id),
    from_ms: Float64Array.from(spans, ([, from]) => at(from)),
    to_ms: Float64Array.from(spans, ([, , to]) => at(to)),
    reason: spans.map(([, , , reason]) => reason),
  });
  const kept = async (id: number, from = -1000, to = 1000): Promise<unknown[]> =>
    (await list(store.db, { strategy_id: id, from_ms: at(from), to_ms: at(to) })).map(({ from_ms, to_ms, reason }) => [
      (from_ms - OPEN_MS) / 60_000,
      (to_ms - OPEN_MS) / 60_000,
      reason,
    ]);

  test("one that goes on for the same reason stays one row; another reason begins another", async () => {
    await upsertMany(store.db, batch([idOf(0), 0, 0, "a"]));
    await upsertMany(store.db, batch([idOf(0), 1, 1, "a"]));
    await upsertMany(store.db, batch([idOf(0), 2, 4, "b"]));
    await upsertMany(store.db, batch([idOf(0), 6, 6, "b"]));
    expect(await kept(idOf(0))).toEqual([
      [0, 1, "a"],
      [2, 4, "b"],
      [6, 6, "b"],
    ]);
    expect(await kept(idOf(0), 3, 5)).toEqual([[2, 4, "b"]]);
  });

  test("written again nothing changes, and a span that was told longer grows", async () => {
    const spans = batch([idOf(1), 10, 12, "a"], [idOf(2), 10, 10, "a"]);
    await upsertMany(store.db, spans);
    await upsertMany(store.db, spans);
    await upsertMany(store.db, batch([idOf(1), 10, 15, "a"]));
    await upsertMany(store.db, batch([idOf(1), 11, 13, "a"]));
    expect([await kept(idOf(1)), await kept(idOf(2))]).toEqual([[[10, 15, "a"]], [[10, 10, "a"]]]);
  });

  test("told again with what came since, since another statement failed: neither doubled nor split", async () => {
    const id = idOf(6);
    await upsertMany(store.db, batch([id, 1, 1, "a"]));
    await upsertMany(store.db, batch([id, 1, 1, "a"], [id, 2, 2, "a"]));
    expect(await kept(id)).toEqual([[1, 2, "a"]]);
    await upsertMany(store.db, batch([id, 2, 2, "a"], [id, 1, 1, "a"], [id, 3, 3, "a"], [id, 4, 6, "b"]));
    await upsertMany(store.db, batch([id, 1, 3, "a"], [id, 4, 4, "b"], [id, 5, 7, "b"], [id, 8, 8, "b"], [id, 10, 10, "b"]));
    expect(await kept(id)).toEqual([
      [1, 3, "a"],
      [4, 8, "b"],
      [10, 10, "b"],
    ]);
  });

  test("of two that begin together, as after a clock that was set back, the longer counts", async () => {
    await upsertMany(store.db, batch([idOf(4), 0, 0, "a"], [idOf(4), 0, 2, "b"], [idOf(5), 0, 0, "a"]));
    expect([await kept(idOf(4)), await kept(idOf(5))]).toEqual([[[0, 2, "b"]], [[0, 0, "a"]]]);
    // A minute ends again for another reason, and the reason before goes on behind it: one row is not written twice.
    await upsertMany(store.db, batch([idOf(4), 0, 0, "a"], [idOf(4), 3, 3, "b"], [idOf(5), 0, 0, "b"], [idOf(5), 1, 2, "b"]));
    expect(await kept(idOf(4))).toEqual([
      [0, 2, "a"],
      [3, 3, "b"],
    ]);
    expect(await kept(idOf(5))).toEqual([[0, 2, "b"]]);
  });

  test("of a strategy that is gone nothing is kept, and the others are", async () => {
    await upsertMany(store.db, batch([999_999_999, 0, 0, "a"], [idOf(3), 0, 0, "a"]));
    expect([await kept(999_999_999), await kept(idOf(3))]).toEqual([[], [[0, 0, "a"]]]);
  });

  test("of thousands each has its own", async () => {
    const some = ids.slice(10);
    await upsertMany(store.db, batch(...some.map((id): [number, number, number, string] => [id, 0, 0, `of ${id}`])));
    await upsertMany(store.db, batch(...some.map((id): [number, number, number, string] => [id, 1, 1, `of ${id}`])));
    for (const id of [some[0], some[1500], some.at(-1)]) expect(await kept(id ?? 0)).toEqual([[0, 1, `of ${id}`]]);
  });
});
