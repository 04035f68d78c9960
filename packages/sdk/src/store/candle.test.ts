import * as fc from "fast-check";
import { beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { z } from "zod";
import { onEveryPostgres } from "../../../../test/support/store.ts";
import { fold, merge, mergeable, toCandle } from "../m2m/candle.ts";
import type { MinuteCandle } from "../m2m/minute.ts";
import type { Candle, CandleSource } from "../model/candle.ts";
import { MONEY_MAX_UNITS } from "../model/money.ts";
import { insert as insertAccount } from "./account.ts";
import { batchOf, history, upsertMany } from "./candle.ts";
import { openPool, type Db } from "./db.ts";
import { insert as insertStrategy } from "./strategy.ts";

const NINE_THIRTY = Date.UTC(2026, 10, 25, 4);
const BOOK = { instrument_count: 4, entry_value_units: 1_000_000, realized_pnl_units: -50_000 };
const OTHER_BOOK = { ...BOOK, instrument_count: 3, entry_value_units: 700_000 };

onEveryPostgres("candles", (store) => {
  const ids: number[] = [];
  beforeAll(async () => {
    await insertAccount(store.db, { account_id: "XJ4540" });
    for (const name of ["a", "b", "c"]) ids.push((await insertStrategy(store.db, { account_id: "XJ4540", name })).strategy_id);
  });
  beforeEach(() => store.db.script("truncate strategy_m2m_candles"));

  const idOf = (place: number): number => ids[place] ?? 0;
  const minute = (place: number, parts: Partial<MinuteCandle> = {}): MinuteCandle => candleOf(idOf(place), [[0, 0]], parts);
  const write = (candles: readonly MinuteCandle[], overwrite = false, source: CandleSource = "live") =>
    upsertMany(store.db, batchOf(candles, source), { overwrite });
  const kept = async (place = 0): Promise<Candle[]> =>
    history(store.db, { strategy_id: idOf(place), from_ms: 0, to_ms: 4e12, interval: "1m", sessions: [] });

  test("a law: parts of minutes, in any order, in any batches, any number of times, give the rows that merging gives", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(part(), { minLength: 1, maxLength: 8 }), fc.array(fc.nat(7), { maxLength: 6 }), async (parts, again) => {
        await store.db.script("truncate strategy_m2m_candles");
        const candles = parts.map(({ place, minute_ms, marks }) => candleOf(idOf(place), marks, { minute_ms }));
        const [half, rest] = [candles.slice(0, candles.length / 2), candles.slice(candles.length / 2)];
        await Promise.all([write(half), write(rest.toReversed())]);
        await write(again.flatMap((place) => candles[place] ?? []));
        const merged = new Map<string, MinuteCandle>();
        for (const candle of candles) {
          const key = `${candle.strategy_id} ${candle.minute_ms}`;
          const known = merged.get(key);
          merged.set(key, known === undefined ? candle : merge(known, candle));
        }
        const expected = [...merged.values()].toSorted((a, b) => a.strategy_id - b.strategy_id || a.minute_ms - b.minute_ms);
        const rows = (await Promise.all(ids.map((_, place) => kept(place)))).flat();
        expect(rows).toEqual(expected.map((candle) => toCandle(candle)));
        expect(await write(candles)).toEqual({ written: 0, left_out: 0 });
      }),
      { numRuns: 120 },
    );
  });

  test("a law: one after the other, a row of another book or source is left alone and counted, or replaced where told", async () => {
    const anyBatch = fc.record({
      candles: fc.array(fc.record({ part: part(), other: fc.boolean() }), { minLength: 1, maxLength: 5 }),
      source: fc.constantFrom<CandleSource>("live", "replay"),
      overwrite: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(anyBatch, { minLength: 1, maxLength: 5 }), async (batches) => {
        await store.db.script("truncate strategy_m2m_candles");
        const rows = new Map<string, MinuteCandle>();
        for (const { candles: parts, source, overwrite } of batches) {
          const candles = parts.map(({ part: { place, minute_ms, marks }, other }) =>
            candleOf(idOf(place), marks, { minute_ms, source, ...(other ? OTHER_BOOK : BOOK) }),
          );
          const before = new Map(rows);
          let left_out = 0;
          const given = new Map<string, MinuteCandle>();
          for (const candle of candles) {
            const key = `${candle.strategy_id} ${candle.minute_ms}`;
            const known = given.get(key);
            if (known === undefined) given.set(key, candle);
            else if (mergeable(known, candle)) given.set(key, merge(known, candle));
            else {
              left_out += 1;
              if (overwrite) given.set(key, candle);
            }
          }
          for (const [key, candle] of given) {
            const known = rows.get(key);
            if (known === undefined || overwrite) rows.set(key, candle);
            else if (!mergeable(known, candle)) left_out += 1;
            else if (source === "live" || (candle.sampled & ~known.sampled) !== 0n) rows.set(key, merge(known, candle));
            else if (tellsOtherwise(known, candle)) left_out += 1;
          }
          const written = [...given.keys()].filter((key) => !same(before.get(key), rows.get(key))).length;
          expect(await write(candles, overwrite, source)).toEqual({ written, left_out });
        }
        const expected = [...rows.values()].toSorted((a, b) => a.strategy_id - b.strategy_id || a.minute_ms - b.minute_ms);
        expect((await Promise.all(ids.map((_, place) => kept(place)))).flat()).toEqual(expected.map((candle) => toCandle(candle)));
      }),
      { numRuns: 120 },
    );
  });

  test("the-same-minute-twice-in-one-statement", async () => {
    const first = candleOf(idOf(0), [
      [0, -100],
      [1, -90],
      [2, -110],
      [3, -95],
    ]);
    const second = candleOf(idOf(0), [
      [30, -95],
      [31, -80],
      [32, -96],
    ]);
    const other = candleOf(idOf(1), [[0, 5]]);
    expect(await write([first, second, other])).toEqual({ written: 2, left_out: 0 });
    expect(await kept(0)).toMatchObject([{ open: -100, high: -80, low: -110, close: -96, sample_count: 7 }]);
    expect(await kept(1)).toMatchObject([{ open: 5, high: 5, low: 5, close: 5 }]);
  });

  test("two-writers-in-opposite-order", async () => {
    await store.db.script(
      "insert into strategy (trading_account_id, strategy_name) select 'XJ4540', 'crowd ' || n from generate_series(1, 2000) n",
    );
    const Crowd = z.object({ strategy_id: z.int() });
    const crowd = await store.db.many(Crowd, "test.crowd", "select strategy_id from strategy where strategy_name like 'crowd %'");
    const ascending = crowd.map(({ strategy_id }) => candleOf(strategy_id, [[0, strategy_id]]));
    const other = await openPool(store.url);
    // Each round is new to half a minute of rows, so that both writers have rows to lock.
    for (let round = 0; round < 12; round += 1) {
      const batch = ascending.map((candle) => ({ ...candle, sampled: 1n << BigInt(round) }));
      await Promise.all([
        upsertMany(store.db, batchOf(batch, "live"), { overwrite: false }),
        upsertMany(other, batchOf(batch.toReversed(), "live"), { overwrite: false }),
      ]);
    }
    await other.close();
    const Deadlocks = z.object({ rows: z.int(), deadlocks: z.int() });
    expect(
      await store.db.one(
        Deadlocks,
        "test.deadlocks",
        `select (select count(*)::int from strategy_m2m_candles) as rows, deadlocks::int
           from pg_stat_database where datname = current_database()`,
      ),
    ).toEqual({ rows: 2000, deadlocks: 0 });
    await store.db.script("delete from strategy where strategy_name like 'crowd %'");
  });

  describe("a strategy that is removed takes its candles with it", () => {
    const doomed = async (): Promise<number> => (await insertStrategy(store.db, { account_id: "XJ4540", name: "doomed" })).strategy_id;
    const remove = (db: Db, strategy_id: number) => db.run("test.remove", "delete from strategy where strategy_id = $1", [strategy_id]);
    const Count = z.object({ count: z.int() });
    const count = async (name: string, sql: string): Promise<number> => (await store.db.one(Count, name, sql)).count;
    const left = (): Promise<number> => count("test.left", "select count(*)::int as count from strategy_m2m_candles");
    const aWaits = (): Promise<void> => vi.waitFor(async () => expect(await count("test.waiting", WAITING)).toBe(1), { timeout: 10_000 });
    const WAITING = "select count(*)::int as count from pg_locks where not granted and relation = 'strategy_m2m_candles'::regclass";

    test("whoever removes it, by itself or with its account or with all", async () => {
      await insertAccount(store.db, { account_id: "GONE01" });
      const { strategy_id } = await insertStrategy(store.db, { account_id: "GONE01", name: "of a gone account" });
      const alone = await doomed();
      await write([minute(0), candleOf(alone, [[0, 1]]), candleOf(strategy_id, [[0, 1]])]);
      await remove(store.db, alone);
      await store.db.script("delete from trading_account where account_id = 'GONE01'");
      expect(await left()).toBe(1);
      await store.db
        .transaction(async (db) => {
          await db.script("truncate strategy cascade");
          expect(await db.one(Count, "test.all", "select count(*)::int as count from strategy_m2m_candles")).toEqual({ count: 0 });
          throw new Error("undone");
        })
        .catch(() => undefined);
      expect(await left()).toBe(1);
    });

    test("a writer that comes while it is being removed finds it gone", async () => {
      // From the sixth time on, the statement is not planned anew.
      for (let round = 0; round < 8; round += 1) {
        const strategy_id = await doomed();
        const minutes = [candleOf(strategy_id, [[0, 1]]), candleOf(idOf(0), [[round, 1]])];
        let writing: ReturnType<typeof write> | undefined;
        await store.db.transaction(async (db) => {
          await remove(db, strategy_id);
          writing = write(minutes);
          await aWaits();
        });
        expect(await writing).toEqual({ written: 1, left_out: 1 });
        expect(await left()).toBe(1);
      }
    });

    test("minutes that were on their way when it was removed are taken along", async () => {
      const strategy_id = await doomed();
      let removing: Promise<number> | undefined;
      await store.db.transaction(async (db) => {
        await upsertMany(db, batchOf([candleOf(strategy_id, [[0, 1]]), minute(0)], "live"), { overwrite: false });
        removing = remove(store.db, strategy_id);
        await aWaits();
      });
      expect(await removing).toBe(1);
      expect(await left()).toBe(1);
    });
  });

  test("a batch of several slices is counted as a whole, in any order, and an odd minute ends but its own slice", async () => {
    const minutes = Array.from({ length: 4_000 }, (_, n) => NINE_THIRTY + n * 60_000);
    const candles = minutes.flatMap((minute_ms) => [minute(1, { minute_ms }), minute(0, { minute_ms })]);
    const shifted = candles.map(atItsStart);
    expect(await write(shifted)).toEqual({ written: 8_000, left_out: 0 });
    expect(await write(shifted.toReversed())).toEqual({ written: 0, left_out: 0 });
    const other = shifted.map((candle, n) => (n % 4 === 0 ? { ...candle, ...OTHER_BOOK } : { ...candle, stale_count: 1 }));
    expect(await write(other)).toEqual({ written: 6_000, left_out: 2_000 });
    const refused = shifted.map((candle) =>
      candle.strategy_id === idOf(1) ? { ...candle, last_at_ms: 0 } : { ...candle, stale_count: 2 },
    );
    await expect(write(refused)).rejects.toMatchObject({
      details: { sqlstate: "23514", constraint: "strategy_m2m_candles_time_law" },
    });
    expect((await kept(1))[0]).toMatchObject({ stale_count: 0 });
  });

  test("counting what was left out reads the rows by their key, never the whole table", async () => {
    const Scans = z.object({ seq_scan: z.int() });
    const minutes = Array.from({ length: 8_000 }, (_, n) => NINE_THIRTY + n * 60_000);
    await write(
      minutes.flatMap((minute_ms) => [minute(0, { minute_ms }), minute(1, { minute_ms }), minute(2, { minute_ms })]).map(atItsStart),
    );
    await store.db.script("analyze strategy_m2m_candles");
    for (const source of ["live", "replay"] as const) {
      const again = minutes.slice(0, 2_000).map((minute_ms) => atItsStart(minute(1, { minute_ms, ...OTHER_BOOK })));
      await store.db.transaction(async (db) => {
        const scans = () =>
          db.one(Scans, "test.scans", "select seq_scan::int from pg_stat_xact_user_tables where relname = 'strategy_m2m_candles'");
        const before = await scans();
        expect(await upsertMany(db, batchOf(again, source), { overwrite: false })).toEqual({ written: 0, left_out: 2_000 });
        expect(await scans()).toEqual(before);
      });
    }
  });

  test("a strategy that is gone takes nobody's minutes with it", async () => {
    const gone = await insertStrategy(store.db, { account_id: "XJ4540", name: "gone" });
    await store.db.run("test.gone", "delete from strategy where strategy_id = $1", [gone.strategy_id]);
    expect(await write([minute(0), candleOf(gone.strategy_id, [[0, 1]]), minute(1)])).toEqual({ written: 2, left_out: 1 });
  });

  test("a minute whose P&L is beyond what money can be is left out, and the bound itself is not", async () => {
    const far = minute(0, { entry_value_units: MONEY_MAX_UNITS, realized_pnl_units: 1 });
    const near = minute(1, { entry_value_units: MONEY_MAX_UNITS, realized_pnl_units: 0 });
    expect(await write([far, near])).toEqual({ written: 1, left_out: 1 });
    expect(await kept(1)).toMatchObject([{ pnl_open: 500_000_000_000 }]);
  });

  test("every four-decimal amount comes back as it was", async () => {
    const units = fc.integer({ min: -MONEY_MAX_UNITS, max: MONEY_MAX_UNITS });
    await fc.assert(
      fc.asyncProperty(units, async (m2m_units) => {
        await store.db.script("truncate strategy_m2m_candles");
        const candle = candleOf(idOf(0), [[59, m2m_units / 10_000]], { entry_value_units: 0, realized_pnl_units: 0 });
        await write([candle]);
        expect(await kept()).toEqual([toCandle(candle)]);
      }),
      { numRuns: 60 },
    );
  });

  test("an age past 2^31 ms is the greatest there is", async () => {
    await write([minute(0, { oldest_age_ms: 3e9 })]);
    expect(await kept()).toMatchObject([{ oldest_age_ms: 2_147_483_647 }]);
  });

  test("nothing to write is no statement", async () => {
    expect(await write([])).toEqual({ written: 0, left_out: 0 });
  });

  test("not-a-number-is-a-number-to-postgres: a NaN in a batch is refused, and the row stays", async () => {
    await write([minute(0)]);
    await expect(write([minute(1), minute(0, { high_units: Number.NaN })])).rejects.toMatchObject({ code: "database_refused" });
    await expect(store.db.script("update strategy_m2m_candles set high = 'NaN'")).rejects.toMatchObject({ details: { sqlstate: "23514" } });
    expect(await kept(0)).toEqual([toCandle(minute(0))]);
    expect(await kept(1)).toEqual([]);
  });

  test.each([
    ["low above open", "low = 1"],
    ["high below close", "high = -1"],
    ["a timestamp within the minute", "timestamp = timestamp + interval '1 second'"],
    ["a last sample in the next minute", "last_at = timestamp + interval '1 minute'"],
    ["a first sample after the last", "first_at = last_at + interval '1 second'"],
    ["samples that are not counted", "sample_count = 2"],
    ["no sample", "sampled = 0, sample_count = 0"],
    ["a 61st second", "sampled = 1152921504606846976"],
    ["more stale legs than legs", "stale_count = 5"],
    ["a source that nobody knows", "source = 'guess'"],
  ])("the table refuses %s", async (_, change) => {
    await write([minute(0)]);
    await expect(store.db.script(`update strategy_m2m_candles set ${change}`)).rejects.toMatchObject({ details: { sqlstate: "23514" } });
  });

  test("the view of P&L candles turns M2M upside down", async () => {
    const candle = candleOf(idOf(0), [
      [0, 10],
      [1, 30],
      [2, -20],
      [3, 0],
    ]);
    await write([candle]);
    const Pnl = z.object({ open: z.string(), high: z.string(), low: z.string(), close: z.string() });
    expect(await store.db.one(Pnl, "test.pnl", "select open, high, low, close from strategy_pnl_candles")).toEqual({
      open: "85.0000",
      high: "115.0000",
      low: "65.0000",
      close: "95.0000",
    });
  });

  /** The minute of these Marks. */
  function candleOf(strategy_id: number, marks: readonly Sampled[], parts: Partial<MinuteCandle> = {}): MinuteCandle {
    const minute_ms = parts.minute_ms ?? NINE_THIRTY;
    let candle: MinuteCandle | null = null;
    for (const [second, rupees, stale_count = 0, oldest_age_ms = 0] of marks)
      candle = fold(
        candle,
        {
          strategy_id,
          at_ms: minute_ms + second * 1000,
          m2m_units: Math.round(rupees * 10_000),
          stale_count,
          oldest_age_ms,
        },
        BOOK,
        "live",
      );
    if (candle === null) throw new Error("a candle has a mark");
    return { ...candle, ...parts };
  }
});

/** Second, rupees, stale legs, age of the oldest price. */
type Sampled = readonly [number, number, number?, number?];

/** A few Marks of one of two minutes of one of three strategies. */
function part(): fc.Arbitrary<{ place: number; minute_ms: number; marks: Sampled[] }> {
  return fc.record({
    place: fc.nat(2),
    minute_ms: fc.constantFrom(NINE_THIRTY, NINE_THIRTY + 60_000),
    marks: fc.array(fc.tuple(fc.constantFrom(0, 7, 59), fc.integer({ min: -3, max: 3 }), fc.nat(2), fc.nat(2)), {
      minLength: 1,
      maxLength: 4,
    }),
  });
}

/** Sampled at the start of the minute that it was moved to. */
function atItsStart(candle: MinuteCandle): MinuteCandle {
  return { ...candle, first_at_ms: candle.minute_ms, last_at_ms: candle.minute_ms };
}

function same(a: MinuteCandle | undefined, b: MinuteCandle | undefined): boolean {
  return a !== undefined && b !== undefined && JSON.stringify(toCandle(a)) === JSON.stringify(toCandle(b));
}

/** Of seconds that a row has, a replayed minute cannot be of the same recording where it says this. */
function tellsOtherwise(row: MinuteCandle, again: MinuteCandle): boolean {
  if (again.high_units > row.high_units || again.low_units < row.low_units) return true;
  if (again.first_at_ms === row.first_at_ms && again.open_units !== row.open_units) return true;
  if (again.last_at_ms === row.last_at_ms && again.close_units !== row.close_units) return true;
  return again.sampled === row.sampled && (again.high_units !== row.high_units || again.low_units !== row.low_units);
}
