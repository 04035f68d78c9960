import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPool, type Database } from "../../packages/sdk/src/store/db.ts";
import { redisSource, tickerSource } from "../../packages/sdk/src/internal.ts";
import { startPipe, type Pipe } from "../support/pipe.ts";
import { debianMissing, debianServer, freshDatabase, type FreshDatabase } from "../support/postgres.ts";
import { redisMissing, startRedis, type RedisServer } from "../support/redis.ts";
import { until } from "../support/server.ts";
import { MIGRATED } from "../support/store.ts";
import { startTicker } from "../support/ticker.ts";
import { at, leg, marked, strategy, written } from "./entered.ts";
import { candleRows } from "./rows.ts";
import { World } from "./world.ts";

const FUT = "NFO:NIFTY26DECFUT";
const CE = "NFO:NIFTY26D0124500CE";
const one = { instrument: FUT, direction: "BUY", quantity: 10, entry: 150 } as const;

let redis: RedisServer;
let fresh: FreshDatabase;
/** Straight to the database, for what the test itself does; and through a pipe, for the daemon. */
let db: Database;
let piped: Database;
let pipe: Pipe;

beforeAll(async () => {
  if (redisMissing !== null || debianMissing !== null) return;
  redis = await startRedis();
  const server = await debianServer();
  fresh = await freshDatabase(server, MIGRATED);
  db = await openPool(fresh.url);
  pipe = await startPipe(server.socket);
  piped = await openPool(`postgres://postgres@127.0.0.1:${pipe.port}/${fresh.name}?sslmode=disable`);
});
afterAll(async () => {
  await piped?.close();
  await db?.close();
  await pipe?.[Symbol.asyncDispose]();
  await fresh?.drop();
  await redis?.stop();
});

describe.skipIf(redisMissing ?? debianMissing)("the daemon when", () => {
  test("the database refuses connections for three minutes: minutes wait in memory and are written when it is back", async () => {
    const strategy_id = await strategy({ db }, [one]);
    await using world = await World.start({ db: piped, redis, at: at("05:00:00") });
    const quoted = async (at_ms: number): Promise<void> => world.quote(FUT, 100 + ((at_ms / 1000) % 60), at_ms);
    await world.to("05:00:20", quoted);
    await pipe.refuse();
    await world.to("05:03:20", quoted);
    await world.hears(/^database database does not answer: 127.0.0.1:\d+ \(connection/);
    expect(await candleRows(db, strategy_id)).toHaveLength(1);
    await pipe.accept();
    await world.to("05:04:02", quoted);
    await written({ db }, strategy_id, "05:03", 60);
    await world.hears(/^database back after \d+ s · \d+ candles that waited written/);
    const rows = await candleRows(db, strategy_id);
    expect(rows.slice(0, 4).map(({ minute, sample_count }) => [minute.slice(11, 16), sample_count])).toEqual([
      ["05:00", 59],
      ["05:01", 60],
      ["05:02", 60],
      ["05:03", 60],
    ]);
    expect(rows[1]).toMatchObject({ open: "-1000.0000", high: "-1000.0000", low: "-1590.0000", close: "-1590.0000" });
    expect(world.said.filter((line) => line.startsWith("database"))).toHaveLength(2);
    expect((await world.stop()).lost_count).toBe(0);
  });

  test("the database says nothing at all: sampling goes on with the book it has, and no second read joins the first", async () => {
    const strategy_id = await strategy({ db }, [one]);
    await using world = await World.start({ db: piped, redis, at: at("05:00:50") });
    const quoted = async (at_ms: number): Promise<void> => world.quote(FUT, 100, at_ms);
    await world.to("05:00:59", quoted);
    pipe.swallow();
    // The book is waited for, once for 5 s; after that the legs stay as they were.
    world.clock.pass(1000);
    await world.sleeps(5000);
    world.clock.pass(5000);
    await world.hears(/^book not read: database does not answer in time · the legs stay as they were/);
    pipe.flow();
    await world.to("05:01:59", quoted);
    pipe.swallow();
    world.clock.pass(1000);
    await world.sleeps(200);
    world.clock.pass(200);
    await world.passed(Date.parse(at("05:02:00")));
    pipe.flow();
    await world.to("05:04:02", quoted);
    await written({ db }, strategy_id, "05:02", 60);
    await world.hears(/^late skipped \d+ samples/);
    const rows = await candleRows(db, strategy_id);
    expect(rows.map(({ minute }) => minute.slice(11, 16))).toEqual(["05:00", "05:01", "05:02", "05:03", "05:04"]);
    // Five seconds went by while the book was waited for: its minute's first sample is late as the four after it are.
    expect(rows[1]).toMatchObject({ sample_count: 55, first_at: expect.stringContaining("05:01:05") });
    expect(world.said.filter((line) => line.startsWith("book"))).toHaveLength(1);
  });

  test("more candles wait than may: the oldest are given up, counted and said", async () => {
    const strategy_id = await strategy({ db }, [one]);
    await using world = await World.start({ db: piped, redis, at: at("05:00:30"), timing: { interval_ms: 10_000, waiting_max: 2 } });
    const quoted = async (at_ms: number): Promise<void> => world.quote(FUT, 100, at_ms);
    await world.to("05:00:40", quoted);
    await pipe.refuse();
    await world.to("05:05:10", quoted);
    await pipe.accept();
    await world.to("05:06:10", quoted);
    await written({ db }, strategy_id, "05:05", 6);
    const kept = (await candleRows(db, strategy_id)).map(({ minute }) => minute.slice(11, 16));
    expect(kept).toContain("05:04");
    expect(kept).not.toContain("05:02");
    await world.hears(/^dropped \d candles?, the oldest/);
    const { candles } = await world.stop();
    expect(candles.dropped).toBeGreaterThanOrEqual(2);
    expect(candles.dropped + candles.carried).toBe(7);
  });

  test("the database is away at the start: the loop turns, and the legs are marked from when they can be read", async () => {
    await pipe.refuse();
    const strategy_id = await strategy({ db }, [one]);
    await using world = await World.start({ db: piped, redis, at: at("05:00:00") });
    await world.to("05:00:05");
    expect(world.passes).toHaveLength(6);
    await pipe.accept();
    await world.to("05:00:12", async (at_ms) => world.quote(FUT, 100, at_ms));
    await world.stop();
    expect(await candleRows(db, strategy_id)).toMatchObject([{ minute: "2026-11-25T05:00:00.000Z", source: "live" }]);
  });

  test("the wall clock is set back an hour: sampling goes on at once, and forward: nothing is caught up", async () => {
    const strategy_id = await strategy({ db }, [one]);
    await using world = await World.start({ db, redis, at: at("06:00:30") });
    const quoted = async (at_ms: number): Promise<void> => world.quote(FUT, 100, at_ms);
    await world.to("06:00:33", quoted);
    await world.sleeps(1000);
    world.clock.set(at("05:00:33.200"));
    world.clock.pass(1000); // the sleep that was under way
    await world.sleeps(800);
    await world.to("05:00:40", quoted);
    await world.hears(/^clock set back by 3,598 s/);
    await world.sleeps(1000);
    world.clock.set(at("07:00:00.100"));
    world.clock.pass(1000);
    await world.sleeps(900);
    await world.to("07:00:03", quoted);
    await world.to("07:01:01", quoted);
    const jumps = world.said.filter((line) => line.startsWith("clock") || line.startsWith("late"));
    expect(jumps).toEqual([
      "clock: set back by 3,598 s · latest marks go on where the database's clock went back as well, else once it has caught up",
      expect.stringMatching(
        /^clock: went ahead by 7,1\d\d s: set, or this machine slept · skipped 7,16\d samples · 119 whole minutes without one$/,
      ),
    ]);
    await world.stop();
    expect((await candleRows(db, strategy_id)).map(({ minute }) => minute.slice(11, 16))).toEqual(["05:00", "06:00", "07:00", "07:01"]);
    expect((await world.stop()).skipped_count).toBeGreaterThan(7000);
  });

  test("Redis goes away: the ticker answers, each change is said once, and no sample is lost", async () => {
    const strategy_id = await strategy({ db }, [one]);
    const redis_pipe = await startPipe(redis.port);
    await using ticker = await startTicker({ [FUT]: 99 });
    const sources = [redisSource({ url: `redis://127.0.0.1:${redis_pipe.port}` }), tickerSource({ url: ticker.url })];
    await using world = await World.start({ db, redis, at: at("05:00:00"), sources });
    const quoted = async (at_ms: number): Promise<void> => world.quote(FUT, 100, at_ms);
    await world.to("05:00:05", quoted);
    await redis_pipe.refuse();
    await world.to("05:00:36", quoted);
    await world.hears(/^redis down \(.+\) · ticker answers for 1 of 1/);
    await redis_pipe.accept();
    // Whoever was refused waits a moment before it tries again, in real time.
    const later = (ms: number): string => new Date(world.clock.now() + ms).toISOString();
    await until(
      async () => {
        await world.to(later(1000), quoted);
        expect(world.said.join("\n")).toContain("redis: back");
      },
      () => world.tell("Redis does not come back"),
    );
    await world.hears(/^redis back after \d+ s · \d+ samples without it/);
    await world.to(later(61_000), quoted);
    await written({ db }, strategy_id, "05:00", 60);
    expect(world.said.filter((line) => line.startsWith("redis"))).toHaveLength(2);
    await redis_pipe[Symbol.asyncDispose]();
  });

  test("a leg has no price: no Mark and no candle, the reason is there, and each change is said once", async () => {
    const strategy_id = await strategy({ db }, [one]);
    await leg({ db }, strategy_id, { ...one, instrument: CE });
    await using world = await World.start({ db, redis, at: at("05:00:00") });
    const quoted = async (at_ms: number): Promise<void> => world.quote(FUT, 100, at_ms);
    await world.to("05:01:02", quoted);
    await world.hears(new RegExp(`^unpriced ${CE} \\(redis: no key\\) · no mark: ${strategy_id}`));
    expect(await candleRows(db, strategy_id)).toEqual([]);
    const reason = `no price for ${CE} (redis: no key)`;
    await marked({ db }, strategy_id, [{ m2m: null, pnl: null, reason, current_m2m: null }]);
    await world.quote(CE, 5);
    await world.to("05:01:10", quoted);
    await world.hears(/^priced all 2 instruments/);
    expect(world.said.filter((line) => /^(un)?priced/.test(line))).toHaveLength(3);
  });

  test("a value is not a price, or comes from the future: refused, counted, and the leg has none", async () => {
    const strategy_id = await strategy({ db }, [one]);
    await using world = await World.start({ db, redis, at: at("05:00:00") });
    await world.quote(FUT, 100, at("05:30:00"));
    await world.to("05:00:03");
    const { quotes, sample_count } = await world.stop();
    expect(sample_count).toBe(4);
    expect(quotes.refused).toBeGreaterThanOrEqual(3);
    expect(await candleRows(db, strategy_id)).toEqual([]);
  });
});
