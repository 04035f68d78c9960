import { Decimal } from "decimal.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { degradedOf, type Loop } from "../../packages/engine/src/loop.ts";
import { redisSource, tickerSource } from "../../packages/sdk/src/internal.ts";
import { openPool, type Database } from "../../packages/sdk/src/store/db.ts";
import { at, leg, marked, strategy, written } from "../engine/entered.ts";
import { expectedCandles, type PlainQuote } from "../engine/expected.ts";
import { candleRows } from "../engine/rows.ts";
import { World } from "../engine/world.ts";
import { debianMissing, debianServer, freshDatabase, type FreshDatabase } from "../support/postgres.ts";
import { startPipe } from "../support/pipe.ts";
import { redisMissing, startRedis, type RedisServer } from "../support/redis.ts";
import { MIGRATED } from "../support/store.ts";
import { startTicker } from "../support/ticker.ts";

/** What a daemon makes of quotes that are wrong, and of legs that get none. */

const FUT = "NFO:NIFTY26DECFUT";
const EXPIRED = "NFO:NIFTY26N2424500CE";
const one = { instrument: FUT, direction: "BUY", quantity: 10, entry: 150 } as const;

let redis: RedisServer;
let fresh: FreshDatabase;
let db: Database;

beforeAll(async () => {
  if (redisMissing !== null || debianMissing !== null) return;
  redis = await startRedis();
  fresh = await freshDatabase(await debianServer(), MIGRATED);
  db = await openPool(fresh.url);
});
afterAll(async () => {
  await db?.close();
  await fresh?.drop();
  await redis?.stop();
});

/** Highest and lowest price of a BUY of ten in each minute's candle. */
async function prices(strategy_id: number): Promise<[number, number][]> {
  return (await candleRows(db, strategy_id)).map(({ high, low }) => [Number(low) / -10, Number(high) / -10]);
}

describe.skipIf(redisMissing ?? debianMissing)("the daemon", () => {
  test("a leg past its expiry is never priced again, whatever is told: said once, and over when it is removed", async () => {
    const strategy_id = await strategy({ db }, [one]);
    await leg({ db }, strategy_id, { ...one, instrument: EXPIRED });
    const held: { loop?: Loop } = {};
    await using world = await World.start({ db, redis, at: at("05:00:00"), onLoop: (loop) => (held.loop = loop) });
    const quoted = async (at_ms: number): Promise<void> => {
      await world.quote(FUT, 100, at_ms);
      await world.quote(EXPIRED, 5, at_ms);
    };
    await world.to("05:02:10", quoted);
    await world.hears(new RegExp(`^unpriced ${EXPIRED} \\(expired on 2026-11-24\\) · no mark: ${strategy_id}$`));
    expect(world.said.filter((line) => line.startsWith(`unpriced: ${EXPIRED} (expired on`))).toHaveLength(1);
    const reason = `no price for ${EXPIRED} (expired on 2026-11-24)`;
    await marked({ db }, strategy_id, [{ m2m: null, pnl: null, reason, current_m2m: null }]);
    expect(await candleRows(db, strategy_id)).toEqual([]);
    expect(held.loop?.standing().unpriced).toMatchObject([
      { instrument: EXPIRED, why: "expired on 2026-11-24", since_ms: Date.parse(at("05:00:00")), quotes: [{ source: "redis" }] },
    ]);
    await db.run("test.remove", "delete from strategy_instruments where strategy_id = $1 and tradingsymbol = $2", [
      strategy_id,
      EXPIRED.slice(4),
    ]);
    await world.to("05:04:02", quoted);
    await written({ db }, strategy_id, "05:03", 60);
    expect(held.loop?.standing().unpriced).toEqual([]);
  });

  test("a price that jumps for a moment is in no candle; one that a second quote confirms is", async () => {
    const strategy_id = await strategy({ db }, [one]);
    await using world = await World.start({ db, redis, at: at("05:00:00"), jump_percent_max: 20 });
    const seconds: Record<number, number> = { 20: 1_000, 90: 1, 130: 150 };
    const from_ms = Date.parse(at("05:00:00"));
    const quoted = async (at_ms: number): Promise<void> => {
      const second = (at_ms - from_ms) / 1000;
      await world.quote(FUT, seconds[second] ?? (second > 130 ? 151 : 100), at_ms);
    };
    await world.to("05:03:02", quoted);
    await written({ db }, strategy_id, "05:02", 60);
    const [first, second, third] = await prices(strategy_id);
    expect([first, second, third]).toEqual([
      [100, 100],
      [100, 100],
      [151, 100],
    ]);
    const { quotes_by_source, quotes } = await world.stop();
    expect(quotes_by_source[0]).toMatchObject({ name: "redis", refused: { jump: 3, not_a_price: 0 } });
    expect(quotes.refused).toBe(3);
  });

  test("a source that went away before the close and is back after it is told so at once, not the next morning", async () => {
    await strategy({ db }, [one]);
    await using pipe = await startPipe(redis.port);
    const sources = [redisSource({ url: `redis://127.0.0.1:${pipe.port}` }), tickerSource({ url: "http://127.0.0.1:1" })];
    const held: { loop?: Loop } = {};
    await using world = await World.start({ db, redis, at: at("10:09:50"), sources, onLoop: (loop) => (held.loop = loop) });
    const quoted = (at_ms: number): Promise<void> => world.quote(FUT, 100, at_ms);
    await world.to("10:09:54", quoted);
    await pipe.refuse();
    await world.to("10:10:02", quoted);
    await world.hears(/^redis down/);
    expect(held.loop?.standing().sources[0]).toMatchObject({ up: false });
    await pipe.accept();
    const deadline_ms = performance.now() + 20_000;
    let after_ms = world.clock.now();
    while (held.loop?.standing().sources[0]?.up !== true && performance.now() < deadline_ms) {
      await world.to(new Date((after_ms += 1_000)).toISOString());
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    await world.to(new Date(after_ms + 3_000).toISOString());
    await world.hears(/^redis back after .* · 5 samples without it$/);
    expect(held.loop?.standing().sources[0]).toMatchObject({ up: true, reason: null });
  });

  test.for([
    ["redis", "ticker"],
    ["ticker", "redis"],
  ] as const)("%s behind a pipe of 20 bytes a second: %s serves, and the candles are those of what it says", async ([slow, other]) => {
    const strategy_id = await strategy({ db }, [one]);
    await using ticker = await startTicker();
    await using pipe = await startPipe(slow === "redis" ? redis.port : Number(new URL(ticker.url).port));
    const by_name = {
      redis: redisSource({ url: slow === "redis" ? `redis://127.0.0.1:${pipe.port}` : redis.url }),
      ticker: tickerSource({ url: slow === "ticker" ? `http://127.0.0.1:${pipe.port}` : ticker.url }),
    };
    const held: { loop?: Loop } = {};
    const onLoop = (loop: Loop): unknown => (held.loop = loop);
    await using world = await World.start({ db, redis, at: at("05:00:29"), sources: [by_name[slow], by_name[other]], onLoop });
    const expected: PlainQuote[] = [];
    let serves: "redis" | "ticker" = slow;
    const quoted = async (at_ms: number): Promise<void> => {
      const says = { redis: 150 + expected.length, ticker: 450 + expected.length };
      await world.quote(FUT, says.redis, at_ms);
      ticker.prices.set(FUT, { last_price: says.ticker, last_trade_time: new Date(at_ms).toISOString() });
      expected.push({ at: at_ms, price: new Decimal(says[serves]) });
    };
    await world.to("05:00:40", quoted);
    pipe.throttle(20);
    serves = other;
    for (let at_ms = world.clock.now(); at_ms < Date.parse(at("05:02:00")); at_ms += 1_000) {
      const began_ms = performance.now();
      await world.to(new Date(at_ms + 1_000).toISOString(), quoted);
      // Its answer alone is a hundred bytes, which take five seconds.
      expect(performance.now() - began_ms).toBeLessThan(4_000);
    }
    await world.hears(new RegExp(`^${slow} down \\(.*\\) · ${other} answers for 1 of 1$`));
    pipe.flow();
    const deadline_ms = performance.now() + 20_000;
    while (held.loop?.standing().sources[0]?.up !== true && performance.now() < deadline_ms) {
      await world.to(new Date(world.clock.now() + 1_000).toISOString(), quoted);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    // A probe may have found it: that is told with the pass after it.
    await world.to(new Date(world.clock.now() + 1_000).toISOString(), quoted);
    await world.hears(new RegExp(`^${slow} back after`));
    await world.stop();
    const hours = { NFO: { open: at("03:45:00"), close: at("10:10:00") } };
    const isSampled = (t: number): boolean => t >= Date.parse(at("05:00:30"));
    const { candles } = expectedCandles({ path: "", every_s: 1, hours, isSampled }, new Map([[FUT, expected]]), [
      { ...one, entry_price: one.entry },
    ]);
    // Who served in the third minute, when the pipe was wide again, is a matter of milliseconds.
    expect((await candleRows(db, strategy_id)).slice(0, 2)).toEqual(candles.slice(0, 2).map((candle) => ({ ...candle, source: "live" })));
  });

  test("what each source gave is counted, and a leg that nobody prices is told with since when", async () => {
    const strategy_id = await strategy({ db }, [one]);
    const other = "NFO:NIFTY26D0124500CE";
    await leg({ db }, strategy_id, { ...one, instrument: other });
    await using ticker = await startTicker();
    const sources = [redisSource({ url: redis.url }), tickerSource({ url: ticker.url })];
    const held: { loop?: Loop } = {};
    await using world = await World.start({ db, redis, at: at("05:00:00"), sources, onLoop: (loop) => (held.loop = loop) });
    const quoted = async (at_ms: number): Promise<void> => {
      await world.quote(FUT, 100, at_ms);
      await world.number(other, 999_999);
    };
    await world.to("05:00:10", quoted);
    const standing = held.loop?.standing();
    expect(standing?.unpriced).toMatchObject([
      {
        instrument: other,
        why: "redis: 999999 stands for no price; ticker: 404",
        quotes: [
          { source: "redis", hit: 0, refused: 10 },
          { source: "ticker", hit: 0, refused: 0, why: "404" },
        ],
      },
    ]);
    expect(standing === undefined ? null : degradedOf(standing)).toEqual([
      `no price for ${other} (redis: 999999 stands for no price; ticker: 404)`,
    ]);
    expect(standing?.quotes_by_source).toMatchObject([
      { name: "redis", hit: 10, refused: { placeholder: 10 } },
      { name: "ticker", hit: 0, miss: expect.any(Number) },
    ]);
    expect(standing?.quotes_by_source[1]?.miss).toBeGreaterThan(2);
    ticker.prices.set(other, 5);
    await world.to("05:00:45", quoted);
    expect(held.loop?.standing().unpriced).toEqual([]);
    expect(held.loop?.standing().quotes_by_source[1]?.hit).toBeGreaterThan(0);
  });
});
