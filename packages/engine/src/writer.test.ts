import { batchOf, type CandleBatch, type Db, type GapBatch, type MarkBatch } from "@stratctl/sdk/internal";
import { beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { onEveryPostgres } from "../../../test/support/store.ts";
import { Writer } from "./writer.ts";

const MINUTE_MS = Date.parse("2026-11-25T04:00:00Z");

onEveryPostgres("the writer", (store) => {
  let strategy_ids: number[] = [];
  beforeAll(async () => {
    await store.db.run("test.account", "insert into trading_account (account_id) values ('W1')");
    const sql = `insert into strategy (trading_account_id, strategy_name)
      select 'W1', 'strategy ' || n from generate_series(1, 5) n returning strategy_id`;
    strategy_ids = (await store.db.many(z.object({ strategy_id: z.int() }), "test.strategies", sql)).map(({ strategy_id }) => strategy_id);
  });

  const writer = (): Writer => new Writer({ db: store.db, overwrite: false, candles_max: 1000 });

  /** A candle of each strategy; those in `spoilt` break the law of OHLC, which the table refuses. */
  function minute(n: number, { spoilt = [] }: { spoilt?: readonly number[] } = {}): CandleBatch {
    const minute_ms = MINUTE_MS + n * 60_000;
    const rest = {
      stale_count: 0,
      oldest_age_ms: 0,
      instrument_count: 1,
      entry_value_units: 0,
      realized_pnl_units: 0,
      source: "live",
    } as const;
    const seconds = { sampled: 1n, first_at_ms: minute_ms, last_at_ms: minute_ms, minute_ms };
    const candles = strategy_ids.map((strategy_id, place) => {
      const ohlc = { open_units: 10, high_units: spoilt.includes(place) ? 5 : 10, low_units: 10, close_units: 10 };
      return { strategy_id, ...ohlc, ...seconds, ...rest };
    });
    return batchOf(candles, "live");
  }

  function marks(n: number, of: readonly number[], m2m_units: number): MarkBatch {
    const same = (value: number): Float64Array => Float64Array.from(of, () => value);
    const count = (value: number): Int32Array => Int32Array.from(of, () => value);
    return {
      length: of.length,
      at_ms: MINUTE_MS + n * 60_000,
      strategy_id: Int32Array.from(of),
      m2m_units: same(m2m_units),
      entry_value_units: same(0),
      realized_pnl_units: same(0),
      instrument_count: count(1),
      priced: count(1),
      stale: count(0),
      oldest_age_ms: same(0),
      reason: of.map(() => null),
    };
  }

  const rows = async (minutes: readonly number[]): Promise<number[]> => {
    const sql = "select count(*)::int as count from strategy_m2m_candles where timestamp = to_timestamp($1::float8 / 1000)";
    const counts = minutes.map((n) => store.db.one(z.object({ count: z.int() }), "test.count", sql, [MINUTE_MS + n * 60_000]));
    return (await Promise.all(counts)).map(({ count }) => count);
  };

  const marked = async (): Promise<{ m2m: string; current_m2m: string | null }[]> => {
    const sql = "select m2m, current_m2m from strategy_mark join strategy using (strategy_id) order by strategy_id";
    return store.db.many(z.object({ m2m: z.string(), current_m2m: z.string().nullable() }), "test.marked", sql);
  };

  test("finished minutes wait until they are written, each once", async () => {
    const one = writer();
    one.finish(minute(0), null);
    one.finish(minute(1), null);
    expect(one.waiting_count).toBe(10);
    await one.write();
    expect(one.waiting_count).toBe(0);
    expect(await rows([0, 1])).toEqual([5, 5]);
    one.finish(minute(1), null);
    await one.write();
    expect(one.counts).toMatchObject({ carried: 15, written: 10, left_out: 0, dropped: 0, refused: 0 });
  });

  test("a candle that the database refuses is given up, and costs no other", async () => {
    const one = writer();
    one.finish(minute(10, { spoilt: [3] }), null);
    one.finish(minute(11), null);
    await one.write({ candles: minute(12, { spoilt: [0, 4] }) });
    expect(await rows([10, 11, 12])).toEqual([4, 5, 3]);
    expect(one.counts).toMatchObject({ carried: 9, written: 9, left_out: 0, dropped: 0, refused: 1 });
    expect(one.waiting_count).toBe(0);
  });

  test("the last marks of strategies whose session has ended wait too, and the strategy's columns follow at a minute's end alone", async () => {
    const [first = 0, second = 0] = strategy_ids;
    const one = writer();
    one.finish(minute(20), marks(20, [first, second], 20_000));
    one.finish(minute(21), marks(21, [first, second], 30_000));
    one.finish(minute(22), marks(22, [second], 40_000));
    await one.write();
    expect(await marked()).toEqual([
      { m2m: "3.0000", current_m2m: "3.0000" },
      { m2m: "4.0000", current_m2m: "4.0000" },
    ]);
    await one.write({ marks: marks(23, [second], 50_000) });
    expect((await marked())[1]).toEqual({ m2m: "5.0000", current_m2m: "4.0000" });
  });

  test("a mark or a price that the database refuses costs no other, and is told with why", async () => {
    const [first = 0, second = 0] = strategy_ids;
    const one = writer();
    const latest = marks(25, [first, second], 60_000);
    const spoilt = { ...latest, priced: Int32Array.from([1, 2]) }; // more legs priced than there are
    const quotes = {
      length: 3,
      exchange: ["NFO", "NFO", "NFO"],
      tradingsymbol: ["A", "B", "C"],
      price_units: Float64Array.from([10_000, -10_000, 30_000]),
      at_ms: Float64Array.from([MINUTE_MS, MINUTE_MS, MINUTE_MS]),
      source: ["redis", "redis", "redis"],
    };
    await one.write({ marks: spoilt, quotes });
    expect(one.troubles).toMatchObject({
      refused_marks: 1,
      refused_quotes: 1,
      refused_why: expect.stringMatching(/violates check constraint/),
    });
    expect((await marked()).map(({ m2m }) => m2m).slice(0, 2)).toEqual(["6.0000", "5.0000"]);
    const Symbol = z.object({ tradingsymbol: z.string() });
    expect(await store.db.many(Symbol, "test.quotes", "select tradingsymbol from last_quote order by 1")).toEqual([
      { tradingsymbol: "A" },
      { tradingsymbol: "C" },
    ]);
    await one.write({ marks: latest });
    expect(one.troubles).toMatchObject({ refused_marks: 0, refused_quotes: 0 });
  });

  test("a trigger that refuses every row for a while: the candles wait; one that refuses a strategy's: it alone is given up", async () => {
    const [first = 0] = strategy_ids;
    const refusing = (when: string): Promise<void> =>
      store.db.script(`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'closed'; end $$;
        create trigger refuse before insert on strategy_m2m_candles for each row ${when} execute function refuse()`);
    const open = (): Promise<void> => store.db.script("drop function refuse cascade");
    const one = writer();
    await refusing("");
    one.finish(minute(26), null);
    await expect(one.write()).rejects.toMatchObject({ message: expect.stringContaining("closed") });
    expect(one.counts.refused).toBe(0);
    await open();
    await refusing(`when (new.strategy_id = ${first})`);
    await one.write();
    await open();
    expect(await rows([26])).toEqual([4]);
    expect(one.counts).toMatchObject({ carried: 4, refused: 1 });
  });

  test("another server is found behind the address only once the minutes of the outage are written: those before it are told again", async () => {
    const one = writer();
    const next = async (n: number): Promise<void> => {
      one.finish(minute(n), null);
      await one.write();
    };
    for (const n of [100, 101]) await next(n);
    await store.db.script("alter table strategy_m2m_candles rename to away");
    for (const n of [102, 103, 104]) await expect(next(n)).rejects.toMatchObject({ code: "database_refused" });
    await store.db.script("alter table away rename to strategy_m2m_candles");
    // The older data of the other server: nothing of the last two minutes before the outage.
    const forget = (n: number): Promise<void> =>
      store.db.script(`delete from strategy_m2m_candles where timestamp = to_timestamp(${(MINUTE_MS + n * 60_000) / 1000})`);
    await forget(101);
    await next(105);
    expect(await rows([100, 101, 104, 105])).toEqual([5, 0, 5, 5]);
    one.tellAgain();
    await one.write();
    expect(await rows([101])).toEqual([5]);
    // Two minutes on, what was before the outage is no longer in doubt.
    for (const n of [106, 107, 108]) await next(n);
    await forget(101);
    one.tellAgain();
    await one.write();
    expect(await rows([101, 108])).toEqual([0, 5]);
  });

  test("the strategies change with each minute that waits: each strategy waits with its last mark alone", async () => {
    let sent = 0;
    const counting: Db = {
      ...store.db,
      run: (name, sql, params) => {
        sent += name === "mark.update" ? 1 : 0;
        return store.db.run(name, sql, params);
      },
    };
    const one = new Writer({ db: counting, overwrite: false, candles_max: 1000 });
    // One of the five is out of session each minute, another one every time.
    for (let n = 30; n < 80; n += 1) one.finish(minute(n), marks(n, strategy_ids.toSpliced(n % 5, 1), n * 10_000));
    await one.write();
    expect(sent).toBe(2);
    // Minute 79 had all but the fifth, whose last one was 78.
    expect((await marked()).map(({ m2m }) => m2m)).toEqual(["79.0000", "79.0000", "79.0000", "79.0000", "78.0000"]);
  });

  test("a clock that is set back: the minutes that came last are told again to another server, not those of the time it had shown", async () => {
    const one = writer();
    for (const n of [300, 301, 200, 201]) {
      one.finish(minute(n), null);
      await one.write();
    }
    await store.db.script("delete from strategy_m2m_candles");
    one.tellAgain();
    await one.write();
    expect(await rows([300, 301, 200, 201])).toEqual([0, 0, 5, 5]);
  });

  test("what another server refuses of the minutes that are told again is given up, and fails one write alone", async () => {
    const one = writer();
    one.finish(minute(110), null);
    await one.write();
    one.tellAgain();
    await store.db.script(`delete from strategy_m2m_candles;
      create function refuse() returns trigger language plpgsql as $$ begin raise exception 'closed'; end $$;
      create trigger refuse before insert on strategy_m2m_candles for each row
      when (new.timestamp = to_timestamp(${(MINUTE_MS + 110 * 60_000) / 1000})) execute function refuse()`);
    await expect(one.write({ candles: minute(111) })).rejects.toMatchObject({ message: expect.stringContaining("closed") });
    await one.write({ candles: minute(112) });
    await store.db.script("drop function refuse cascade");
    expect([await rows([110, 111, 112]), one.counts.refused]).toEqual([[0, 5, 5], 5]);
  });

  test("a minute whose rows are all refused costs none of the minutes that go with it, however many rows it has", async () => {
    const sql = `insert into strategy (trading_account_id, strategy_name)
      select 'W1', 'more ' || n from generate_series(1, 25) n returning strategy_id`;
    const more = await store.db.many(z.object({ strategy_id: z.int() }), "test.strategies", sql);
    const all = strategy_ids;
    strategy_ids = [...strategy_ids, ...more.map(({ strategy_id }) => strategy_id)];
    const one = writer();
    one.finish(minute(120, { spoilt: [...strategy_ids.keys()] }), null);
    for (const n of [121, 122]) one.finish(minute(n), null);
    strategy_ids = all;
    await one.write();
    expect([await rows([120, 121, 122]), one.counts.refused, one.waiting_count]).toEqual([[0, 30, 30], 30, 0]);
  });

  test("a write of which one statement fails is told again whole: gaps and prices are as if it had been told once", async () => {
    const [strategy_id = 0] = strategy_ids;
    const gapsOf = (...spans: readonly [from: number, to: number][]): GapBatch => ({
      length: spans.length,
      strategy_id: Int32Array.from(spans, () => strategy_id),
      from_ms: Float64Array.from(spans, ([from]) => MINUTE_MS + from * 60_000),
      to_ms: Float64Array.from(spans, ([, to]) => MINUTE_MS + to * 60_000),
      reason: spans.map(() => "no price of NFO:X"),
    });
    const quoted = (n: number, price_units: number) => ({
      length: 1,
      exchange: ["NFO"],
      tradingsymbol: ["X"],
      price_units: Float64Array.of(price_units),
      at_ms: Float64Array.of(MINUTE_MS + n * 60_000),
      source: ["redis"],
    });
    const kept = async (): Promise<unknown> => ({
      spans: await store.db.many(
        z.object({ minutes: z.int() }),
        "test.gaps",
        `select (extract(epoch from to_minute - from_minute) / 60 + 1)::int as minutes from strategy_gap where strategy_id = ${strategy_id}`,
      ),
      prices: await store.db.many(z.object({ price: z.string() }), "test.quotes", "select price from last_quote where tradingsymbol = 'X'"),
    });
    const one = writer();
    await store.db.script("alter table strategy_mark rename to away");
    const failing = { marks: marks(130, [strategy_id], 10_000) };
    await expect(one.write({ ...failing, gaps: gapsOf([1, 2]), quotes: quoted(2, 20_000) })).rejects.toMatchObject({
      code: "database_refused",
    });
    expect(await kept()).toEqual({ spans: [{ minutes: 2 }], prices: [{ price: "2.0000" }] });
    await store.db.script("alter table away rename to strategy_mark");
    await one.write({ ...failing, gaps: gapsOf([1, 2], [3, 3], [4, 4]), quotes: quoted(3, 30_000) });
    await one.write({ gaps: gapsOf([1, 2], [3, 3], [4, 4]), quotes: quoted(2, 20_000) });
    expect(await kept()).toEqual({ spans: [{ minutes: 4 }], prices: [{ price: "3.0000" }] });
  });
});
