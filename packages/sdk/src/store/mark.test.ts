import { beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { onEveryPostgres } from "../../../../test/support/store.ts";
import { MONEY_MAX_UNITS } from "../model/money.ts";
import { insert as insertAccount } from "./account.ts";
import { openPool } from "./db.ts";
import { find, settleStrategies, upsertMany, type MarkBatch } from "./mark.ts";
import { find as findStrategy, insert as insertStrategy } from "./strategy.ts";

const AT = Date.UTC(2025, 10, 4, 4);

interface Given {
  strategy_id: number;
  m2m?: number | null;
  entry_value_units?: number;
  realized_pnl_units?: number;
  oldest_age_ms?: number | null;
}

onEveryPostgres("marks", (store) => {
  const ids: number[] = [];
  const idOf = (place: number): number => ids[place] ?? 0;
  beforeAll(async () => {
    await insertAccount(store.db, { account_id: "XJ4540" });
    for (const name of ["a", "b", "c"]) ids.push((await insertStrategy(store.db, { account_id: "XJ4540", name })).strategy_id);
  });
  beforeEach(() => store.db.script("truncate strategy_mark; update strategy set current_m2m = null, total_pnl = null"));

  function batch(at_ms: number, marks: readonly Given[]): MarkBatch {
    return {
      length: marks.length,
      at_ms,
      strategy_id: Int32Array.from(marks, ({ strategy_id }) => strategy_id),
      m2m_units: Float64Array.from(marks, ({ m2m = 0 }) => (m2m === null ? Number.NaN : m2m * 10_000)),
      entry_value_units: Float64Array.from(marks, ({ entry_value_units = 1_000_000 }) => entry_value_units),
      realized_pnl_units: Float64Array.from(marks, ({ realized_pnl_units = 50_000 }) => realized_pnl_units),
      instrument_count: Int32Array.from(marks, () => 4),
      priced: Int32Array.from(marks, ({ m2m = 0 }) => (m2m === null ? 3 : 4)),
      stale: Int32Array.from(marks, () => 1),
      oldest_age_ms: Float64Array.from(marks, ({ oldest_age_ms = 61_000 }) => oldest_age_ms ?? Number.NaN),
      reason: marks.map(({ m2m = 0 }) => (m2m === null ? "NFO:X has no price" : null)),
    };
  }

  test("a mark comes back with its P&L and its age", async () => {
    expect(await upsertMany(store.db, batch(AT, [{ strategy_id: idOf(0), m2m: -1500.25 }]))).toBe(1);
    expect(await find(store.db, { strategy_id: idOf(0) }, AT + 90_500)).toEqual({
      strategy_id: idOf(0),
      at: "2025-11-04T04:00:00Z",
      age_ms: 90_500,
      m2m: -1500.25,
      pnl: 1605.25,
      unrealized_pnl: 1600.25,
      entry_value: 100,
      realized_pnl: 5,
      instrument_count: 4,
      priced: 4,
      stale: 1,
      oldest_age_ms: 61_000,
      reason: null,
    });
    expect(await find(store.db, { strategy_id: idOf(1) }, AT)).toBeNull();
    expect(await find(store.db, { strategy_id: idOf(0) }, AT - 1)).toMatchObject({ age_ms: 0 });
  });

  test("where a leg has no price there is no mark, but a reason", async () => {
    await upsertMany(store.db, batch(AT, [{ strategy_id: idOf(0), m2m: 1 }]));
    await upsertMany(store.db, batch(AT + 1000, [{ strategy_id: idOf(0), m2m: null, oldest_age_ms: null }]));
    expect(await find(store.db, { strategy_id: idOf(0) }, AT + 1000)).toMatchObject({
      at: "2025-11-04T04:00:01Z",
      m2m: null,
      pnl: null,
      unrealized_pnl: null,
      priced: 3,
      oldest_age_ms: null,
      reason: "NFO:X has no price",
    });
    expect(await findStrategy(store.db, { strategy_id: idOf(0) })).toMatchObject({
      current_m2m: null,
      current_pnl: null,
      reason: "NFO:X has no price",
    });
  });

  test("a mark that a clock which was ahead has left is replaced by the next", async () => {
    const ahead_ms = Date.now() + 3_600_000;
    await upsertMany(store.db, batch(ahead_ms, [{ strategy_id: idOf(0), m2m: 1 }]));
    await upsertMany(store.db, batch(AT, [{ strategy_id: idOf(0), m2m: 2 }]));
    expect((await find(store.db, { strategy_id: idOf(0) }, AT))?.m2m).toBe(2);
  });

  test("marks move only forward in time; of equal instants the later call wins", async () => {
    const m2mAfter = async (at_ms: number, m2m: number): Promise<number | null | undefined> => {
      await upsertMany(store.db, batch(at_ms, [{ strategy_id: idOf(0), m2m }]));
      return (await find(store.db, { strategy_id: idOf(0) }, AT))?.m2m;
    };
    expect(await m2mAfter(AT, 1)).toBe(1);
    expect(await m2mAfter(AT - 1, 2)).toBe(1);
    expect(await m2mAfter(AT, 3)).toBe(3);
    expect(await m2mAfter(AT + 1, 4)).toBe(4);
    expect(await upsertMany(store.db, batch(AT + 1, [{ strategy_id: idOf(0), m2m: 4 }]))).toBe(0);
  });

  test("a strategy that is gone, and money beyond what money can be, are left out and take no other with them", async () => {
    const gone = await insertStrategy(store.db, { account_id: "XJ4540", name: "gone" });
    await store.db.run("test.gone", "delete from strategy where strategy_id = $1", [gone.strategy_id]);
    const marks: Given[] = [
      { strategy_id: gone.strategy_id },
      { strategy_id: idOf(0), m2m: -1, entry_value_units: MONEY_MAX_UNITS },
      { strategy_id: idOf(1), entry_value_units: Number.NaN },
      { strategy_id: idOf(2), m2m: 7 },
    ];
    expect(await upsertMany(store.db, batch(AT, marks))).toBe(1);
    expect(await find(store.db, { strategy_id: idOf(2) }, AT)).toMatchObject({ m2m: 7 });
    expect(await upsertMany(store.db, batch(AT, []))).toBe(0);
  });

  test("two writers in opposite order do not wait for each other", async () => {
    const marks = ids.map((strategy_id) => ({ strategy_id, m2m: strategy_id }));
    for (let round = 0; round < 50; round += 1)
      await Promise.all([upsertMany(store.db, batch(AT, marks)), upsertMany(store.db, batch(AT, marks.toReversed()))]);
    expect(await find(store.db, { strategy_id: idOf(0) }, AT)).toMatchObject({ m2m: idOf(0) });
  });

  test("settling brings the columns that others read to the marks, NULL after none, and writes only what differs", async () => {
    const before = await findStrategy(store.db, { strategy_id: idOf(0) });
    await upsertMany(
      store.db,
      batch(AT, [
        { strategy_id: idOf(0), m2m: -10 },
        { strategy_id: idOf(1), m2m: 20 },
      ]),
    );
    expect(await settleStrategies(store.db)).toBe(2);
    expect(await settleStrategies(store.db)).toBe(0);
    expect(await columns()).toEqual([
      ["-10.0000", "115.0000"],
      ["20.0000", "85.0000"],
      [null, null],
    ]);
    await upsertMany(store.db, batch(AT + 1000, [{ strategy_id: idOf(1), m2m: null }]));
    expect(await settleStrategies(store.db)).toBe(1);
    expect((await columns())[1]).toEqual([null, null]);
    // The figures are the engine's: they are no edit.
    expect((await findStrategy(store.db, { strategy_id: idOf(0) }))?.updated_at).toBe(before?.updated_at);
  });

  test("the latest mark is written in place: no index is touched", async () => {
    const own = await openPool(store.url, { connections_max: 1 });
    const Row = z.object({ updated: z.int(), hot: z.int() });
    const counts = async (): Promise<z.output<typeof Row>> => {
      await own.script("select pg_stat_force_next_flush()");
      return own.one(
        Row,
        "test.hot",
        "select n_tup_upd::int as updated, n_tup_hot_upd::int as hot from pg_stat_user_tables where relname = 'strategy_mark'",
      );
    };
    await upsertMany(own, batch(AT, [{ strategy_id: idOf(0) }]));
    const before = await counts();
    for (let second = 1; second <= 30; second += 1) await upsertMany(own, batch(AT + second, [{ strategy_id: idOf(0), m2m: second }]));
    const after = await counts();
    await own.close();
    expect({ updated: after.updated - before.updated, hot: after.hot - before.hot }).toEqual({ updated: 30, hot: 30 });
  });

  async function columns(): Promise<(string | null)[][]> {
    const Row = z.object({ current_m2m: z.string().nullable(), total_pnl: z.string().nullable() });
    const rows = await store.db.many(
      Row,
      "test.columns",
      "select current_m2m, total_pnl from strategy where not is_default order by strategy_id",
    );
    return rows.map(({ current_m2m, total_pnl }) => [current_m2m, total_pnl]);
  }
});
