import { Decimal } from "decimal.js";
import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { redisSource, type QuoteSource } from "../../packages/sdk/src/internal.ts";
import { redisMissing, type RedisServer } from "../support/redis.ts";
import { until } from "../support/server.ts";
import { at, marked, strategy, type GivenLeg } from "./entered.ts";
import { expectedCandles, type PlainCandle, type PlainQuote } from "./expected.ts";
import { redisAndDatabase } from "./given.ts";
import { candleRows } from "./rows.ts";
import { World } from "./world.ts";

const FUT = "NFO:NIFTY26DECFUT";
const CE = "NFO:NIFTY26D0124500CE";
const PE = "NFO:NIFTY26D0124000PE";

const given = redisAndDatabase();

/** The quotes that a test put into Redis, for the computation that knows nothing of the engine. */
class Told {
  readonly quotes = new Map<string, PlainQuote[]>();

  async quote(world: World, instrument: string, price: number, at_ms: number): Promise<void> {
    this.quotes.set(instrument, [...(this.quotes.get(instrument) ?? []), { at: at_ms, price: new Decimal(price) }]);
    await world.quote(instrument, price, at_ms);
  }

  /** The candles of samples at from ≤ t < to, by the sentences of the design. */
  candles(legs: readonly GivenLeg[], { from, to, every_s = 1, isSampled = () => true, realized = 0 }: Samples): PlainCandle[] {
    const [from_ms, to_ms] = [Date.parse(at(from)), Date.parse(at(to))];
    const { candles } = expectedCandles(
      {
        path: "",
        every_s,
        hours: { NFO: { open: at("03:45:00"), close: at("10:10:00") } },
        isSampled: (t) => t >= from_ms && t < to_ms && isSampled(t),
      },
      this.quotes,
      legs.map(({ entry, ...rest }) => ({ ...rest, entry_price: entry })),
      realized,
    );
    return candles.map((candle) => ({ ...candle, source: "live" }));
  }
}

interface Samples {
  readonly from: string;
  readonly to: string;
  readonly every_s?: number;
  readonly isSampled?: (t: number) => boolean;
  readonly realized?: number;
}

/** A price that moves every second, up and down, in paise. */
const priceAt = (at_ms: number, base = 100): number => new Decimal(((at_ms / 1000) * 37) % 61).times("0.05").plus(base).toNumber();

const secondOf = (at_ms: number): number => (at_ms - Date.parse(at("05:00:00"))) / 1000;

describe.skipIf(redisMissing)("under load", () => {
  test("a pass outlasts its interval: boundaries are left out, counted and said once a minute; passes never overlap", async () => {
    const legs: GivenLeg[] = [{ instrument: FUT, direction: "BUY", quantity: 10, entry: 150 }];
    const strategy_id = await strategy(given, legs);
    const told = new Told();
    const inner = redisSource({ url: given.redis.url });
    let under_way = 0;
    let most = 0;
    let takes_ms = 0;
    const slow: QuoteSource = {
      name: "redis",
      async read(...args) {
        under_way += 1;
        most = Math.max(most, under_way);
        await inner.read(...args);
        world.clock.pass(takes_ms);
        under_way -= 1;
      },
      close: () => inner.close(),
    };
    await using world: World = await World.start({ ...given, at: at("04:59:59.500"), sources: [slow] });
    const quoted = async (at_ms: number): Promise<void> => told.quote(world, FUT, priceAt(at_ms), at_ms);
    await world.to("05:00:09", quoted);
    takes_ms = 2300;
    await world.to("05:02:01", quoted);
    takes_ms = 0;
    await world.to("05:03:00", quoted);
    const { skipped_count, sample_count } = await world.stop();
    // From second 10 on a sample every three seconds, the last slow one at 121.
    const isSampled = (t: number): boolean => secondOf(t) <= 10 || secondOf(t) >= 124 || (secondOf(t) - 10) % 3 === 0;
    const expected = told.candles(legs, { from: "05:00:00", to: "05:03:01", isSampled });
    expect(await candleRows(given.db, strategy_id)).toEqual(expected);
    expect(expected.map((candle) => candle.sample_count)).toEqual([27, 20, 57, 1]);
    expect([skipped_count, sample_count, most]).toEqual([76, 105, 1]);
    expect(world.said.filter((line) => line.startsWith("late"))).toEqual(
      [34, 40, 2].map((count) => `late: skipped ${count} samples: the process came to them late`),
    );
  });

  test("a write outlasts two minutes: sampling goes on, no second write begins, and no candle differs", async () => {
    const legs: GivenLeg[] = [
      { instrument: FUT, direction: "BUY", quantity: 10, entry: 150 },
      { instrument: CE, direction: "SELL", quantity: 75, entry: 98.35 },
    ];
    const strategy_id = await strategy(given, legs);
    const told = new Told();
    await using world = await World.start({ ...given, at: at("04:59:59.500") });
    const quoted = async (at_ms: number): Promise<void> => {
      await told.quote(world, FUT, priceAt(at_ms), at_ms);
      await told.quote(world, CE, priceAt(at_ms, 90), at_ms);
    };
    await world.to("05:00:03", quoted);
    const lock = await locked("strategy_m2m_candles");
    await world.to("05:00:20", quoted);
    expect(await waiters(1)).toBe(1);
    await world.to("05:01:20", quoted);
    await world.hears(/^database a write takes longer than a minute · candles wait in memory/);
    await world.to("05:02:20", quoted);
    expect(await waiters(1)).toBe(1);
    expect(world.passes).toHaveLength(141);
    await lock.release();
    await world.hears(/^database written after \d+ s/);
    await world.to("05:03:00", quoted);
    const { lost_count, skipped_count, candles } = await world.stop();
    expect(await candleRows(given.db, strategy_id)).toEqual(told.candles(legs, { from: "05:00:00", to: "05:03:01" }));
    expect([lost_count, skipped_count, candles.carried, candles.dropped]).toEqual([0, 0, 4, 0]);
    expect(world.said.filter((line) => line.startsWith("database"))).toHaveLength(2);
  });

  test("legs are corrected, closed and removed within minutes: each minute keeps its book, the next has the new one", async () => {
    const fut: GivenLeg = { instrument: FUT, direction: "BUY", quantity: 10, entry: 150 };
    const ce: GivenLeg = { instrument: CE, direction: "SELL", quantity: 75, entry: 98.35 };
    const pe: GivenLeg = { instrument: PE, direction: "SELL", quantity: 20, entry: 81.05 };
    const corrected: GivenLeg = { ...fut, quantity: 25, entry: 149.95 };
    const strategy_id = await strategy(given, [fut, ce, pe]);
    const told = new Told();
    await using world = await World.start({ ...given, at: at("04:59:59.500") });
    const quoted = async (at_ms: number): Promise<void> => {
      await told.quote(world, FUT, priceAt(at_ms), at_ms);
      await told.quote(world, CE, priceAt(at_ms, 90), at_ms);
      await told.quote(world, PE, priceAt(at_ms + 7000, 80), at_ms);
    };
    const change = async (sql: string, instrument: string): Promise<void> => {
      const name = `test.${sql.split(" ", 1)[0]}.${instrument}`;
      expect(await given.db.run(name, `${sql} where strategy_id = $1 and tradingsymbol = $2`, [strategy_id, instrument.slice(4)])).toBe(1);
    };
    await world.to("05:00:20", quoted);
    await change("update strategy_instruments set quantity = 25, entry_price = 149.95", FUT);
    await world.to("05:01:30", quoted);
    await change(`update strategy_instruments set exit_price = 91.5, closed_at = '${at("05:01:30")}'`, CE);
    await world.to("05:02:59", quoted);
    await change("delete from strategy_instruments", PE);
    await world.to("05:03:30", quoted);
    await world.stop();
    // 75 sold at 98.35 and bought back at 91.50.
    const realized = 513.75;
    const expected = [
      ...told.candles([fut, ce, pe], { from: "05:00:00", to: "05:01:00" }),
      ...told.candles([corrected, ce, pe], { from: "05:01:00", to: "05:02:00" }),
      ...told.candles([corrected, pe], { from: "05:02:00", to: "05:03:00", realized }),
      ...told.candles([corrected], { from: "05:03:00", to: "05:03:31", realized }),
    ];
    expect(await candleRows(given.db, strategy_id)).toEqual(expected);
    expect(expected.map((candle) => [candle.instrument_count, candle.sample_count])).toEqual([
      [3, 60],
      [3, 60],
      [2, 60],
      [1, 31],
    ]);
    expect(world.said.filter((line) => line.startsWith("book"))).toEqual([
      "book: 1 strategy, 2 instruments",
      "book: 1 strategy, 1 instrument",
    ]);
  });

  test("ten thousand strategies share five instruments: each is asked for once a pass, and every candle is right", async () => {
    const instruments = [FUT, CE, PE, "NFO:NIFTY26D0124600CE", "NFO:NIFTY26D0123900PE"];
    const all = await enteredMany(10_000, (n) =>
      [0, 1, 2].map((k) => ({
        instrument: instruments[(n * (k + 1) + k) % 5] ?? "",
        direction: (n + k) % 2 === 0 ? "BUY" : "SELL",
        quantity: 1 + ((n * 7 + k) % 50),
        entry: 100,
      })),
    );
    await using world = await World.start({ ...given, at: at("04:59:59.500"), timing: { interval_ms: 10_000 } });
    expect(world.said).toContain("ready: 10,000 strategies, 5 instruments · redis");
    await using client = new Watch(given.redis);
    await client.reset();
    const paise = (place: number, at_ms: number): number => 9000 + place * 1000 + ((secondOf(at_ms) * (place + 3)) % 170) * 5;
    await world.to("05:01:00", async (at_ms) => {
      for (const [place, instrument] of instruments.entries()) await world.quote(instrument, paise(place, at_ms) / 100, at_ms);
    });
    expect(await client.asked()).toEqual({ calls: 7, keys: 35 });
    expect((await world.stop()).candles).toMatchObject({ carried: 20_000, left_out: 0, dropped: 0, refused: 0 });
    const samples = [0, 1, 2, 3, 4, 5].map((tenth) => Date.parse(at("05:00:00")) + tenth * 10_000);
    const expected = all.map(({ strategy_id, legs }) => {
      const m2m = samples.map((t) =>
        legs.reduce(
          (sum, one) => sum + paise(instruments.indexOf(one.instrument), t) * one.quantity * (one.direction === "BUY" ? -1 : 1),
          0,
        ),
      );
      const text = [m2m[0] ?? 0, Math.max(...m2m), Math.min(...m2m), m2m[5] ?? 0].map((each) => new Decimal(each).div(100).toFixed(4));
      return { strategy_id, ohlc: text.join(" "), sample_count: 6 };
    });
    const Row = z.object({ strategy_id: z.int(), ohlc: z.string(), sample_count: z.int() });
    const sql = `select strategy_id, concat_ws(' ', open, high, low, close) as ohlc, sample_count from strategy_m2m_candles
      where timestamp = $1 and strategy_id = any ($2::int4[]) order by strategy_id`;
    const ids = all.map(({ strategy_id }) => String(strategy_id));
    expect(await given.db.many(Row, "test.all", sql, [at("05:00:00"), ids])).toEqual(expected);
  });

  test("a strategy of five hundred legs, some of them stale: its M2M, its stale legs and its legs are counted right", async () => {
    const legs = Array.from({ length: 500 }, (_, n): GivenLeg => ({
      // 450 instruments: fifty of them have two legs.
      instrument: `NFO:NIFTY26D01${18_000 + 50 * Math.floor((n % 450) / 2)}${n % 2 === 0 ? "CE" : "PE"}`,
      direction: n % 3 === 0 ? "BUY" : "SELL",
      quantity: 1 + ((n * 13) % 75),
      entry: 50 + n / 20,
    }));
    const instruments = [...new Set(legs.map(({ instrument }) => instrument))];
    const [{ strategy_id } = { strategy_id: 0 }] = await enteredMany(1, () => legs);
    const told = new Told();
    await using world = await World.start({ ...given, at: at("04:58:49.500"), timing: { interval_ms: 10_000 } });
    // The first forty trade once, and have then been silent for more than a minute.
    await world.to("05:01:00", async (at_ms) => {
      for (const [place, instrument] of instruments.entries())
        if (secondOf(at_ms) === -70 || place >= 40) await told.quote(world, instrument, priceAt(at_ms, 40 + place), at_ms);
    });
    await world.stop();
    const expected = told.candles(legs, { from: "04:58:50", to: "05:01:01", every_s: 10 });
    const rows = await candleRows(given.db, strategy_id);
    expect(rows).toEqual(expected);
    // Forty instruments are eighty legs, and stale from 05:00:00 on, 70 s after they traded.
    expect(rows.map((row) => [row.instrument_count, row.stale_count, row.sample_count])).toEqual([
      [500, 0, 1],
      [500, 0, 6],
      [500, 80, 6],
      [500, 80, 1],
    ]);
  });

  test("products are past 2^53: the sum is exact where it fits, and where it does not there is no Mark, with the reason", async () => {
    const quantity = 1_999_999_999;
    const wide: GivenLeg[] = [
      { instrument: CE, direction: "BUY", quantity, entry: 1 },
      { instrument: PE, direction: "SELL", quantity, entry: 1.0001 },
    ];
    // Its P&L fits with what it lost, 400,000,000,000; that of its open legs does not.
    const lossy: GivenLeg[] = [
      { instrument: CE, direction: "BUY", quantity: 300_000_000, entry: 1 },
      { instrument: PE, direction: "SELL", quantity: 1, entry: 400_000_000_000 },
      { instrument: FUT, direction: "SELL", quantity: 1, entry: 1 },
    ];
    const [exact, far, near, lost] = await enteredMany(4, (n) => [wide, wide.slice(0, 1), [{ ...wide[0]!, quantity: 3 }], lossy][n] ?? []);
    const sql =
      "update strategy_instruments set exit_price = 400000000000, closed_at = added_at where strategy_id = $1 and tradingsymbol = $2";
    await given.db.run("test.lose", sql, [lost!.strategy_id, FUT.slice(4)]);
    const told = new Told();
    await using world = await World.start({ ...given, at: at("04:59:59.500"), timing: { interval_ms: 10_000 } });
    await world.to("05:01:00", async (at_ms) => {
      // 19,999,999,990,000,000 and more of a unit each: no double holds every odd one.
      await told.quote(world, CE, new Decimal(priceAt(at_ms, 1000)).plus("0.0001").toNumber(), at_ms);
      await told.quote(world, PE, new Decimal(priceAt(at_ms, 1000)).minus("0.0002").toNumber(), at_ms);
    });
    await world.stop();
    const expected = told.candles(wide, { from: "05:00:00", to: "05:01:01", every_s: 10 });
    expect(await candleRows(given.db, exact!.strategy_id)).toEqual(expected);
    expect(expected.map(({ close }) => close)).toEqual(["-599999.9997", "-599999.9997"]);
    expect(await candleRows(given.db, near!.strategy_id)).toHaveLength(2);
    const reason = "m2m or pnl lies beyond ±500000000000 rupees";
    for (const { strategy_id } of [far!, lost!]) {
      expect(await candleRows(given.db, strategy_id)).toEqual([]);
      await marked(given, strategy_id, [{ m2m: null, pnl: null, reason, current_m2m: null }]);
    }
    expect(world.said.filter((line) => line.startsWith("unpriced"))).toEqual([
      `unpriced: ${reason} · no mark: ${far!.strategy_id}, ${lost!.strategy_id}`,
    ]);
  });
});

/** Another session that holds the table, until it is told to let go. */
async function locked(table: string): Promise<{ release: () => Promise<void> }> {
  const held = Promise.withResolvers<void>();
  const let_go = Promise.withResolvers<void>();
  const session = given.db.transaction(async (its) => {
    await its.script(`lock table ${table} in access exclusive mode`);
    held.resolve();
    await let_go.promise;
  });
  await held.promise;
  return {
    release: async () => {
      let_go.resolve();
      await session;
    },
  };
}

/** How many statements wait for a lock, once there are so many. */
function waiters(count: number): Promise<number> {
  const sql = `select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
  return until(
    async () => {
      const found = (await given.db.one(z.object({ count: z.int() }), "test.waiters", sql)).count;
      if (found < count) throw new Error("not yet");
      return found;
    },
    () => `fewer than ${count} statements wait for a lock`,
  );
}

/** Strategies of one account, alone active, with legs of the day before. */
async function enteredMany(
  count: number,
  legsOf: (n: number) => readonly GivenLeg[],
): Promise<{ strategy_id: number; legs: readonly GivenLeg[] }[]> {
  const first = await strategy(given, []);
  const sql = `insert into strategy (trading_account_id, strategy_name)
    select trading_account_id, 'many ' || n from strategy, generate_series(1, $2::int4) n where strategy_id = $1 returning strategy_id`;
  const rows = await given.db.many(z.object({ strategy_id: z.int() }), "test.many", sql, [first, count]);
  const ids = rows.map(({ strategy_id }) => strategy_id).toSorted((a, b) => a - b);
  const entered = ids.map((strategy_id, n) => ({ strategy_id, legs: legsOf(n) }));
  const all = entered.flatMap(({ strategy_id, legs }) => legs.map((one) => ({ strategy_id, ...one })));
  await given.db.run(
    "test.legs",
    `insert into strategy_instruments (strategy_id, exchange, tradingsymbol, direction, quantity, entry_price, added_at)
     select *, $6::timestamptz from unnest($1::int4[], array_fill('NFO'::text, array[cardinality($1::int4[])]), $2::text[], $3::text[],
       $4::int4[], $5::numeric[])`,
    [
      all.map(({ strategy_id }) => String(strategy_id)),
      all.map(({ instrument }) => instrument.slice(4)),
      all.map(({ direction }) => direction),
      all.map(({ quantity }) => String(quantity)),
      all.map(({ entry }) => String(entry)),
      at("00:00:00"),
    ],
  );
  return entered;
}

/** What Redis says it was asked. */
class Watch implements AsyncDisposable {
  readonly #client: Redis;

  constructor({ url }: RedisServer) {
    this.#client = new Redis(url);
  }

  async reset(): Promise<void> {
    await this.#client.config("RESETSTAT");
  }

  async asked(): Promise<{ calls: number; keys: number }> {
    const text = await this.#client.info();
    const commands = await this.#client.info("commandstats");
    const numberIn = (of: string, pattern: RegExp): number => Number(pattern.exec(of)?.[1] ?? 0);
    const keys = numberIn(text, /keyspace_hits:(\d+)/) + numberIn(text, /keyspace_misses:(\d+)/);
    return { calls: numberIn(commands, /cmdstat_mget:calls=(\d+)/), keys };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.disconnect();
  }
}
