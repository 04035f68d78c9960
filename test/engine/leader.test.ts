import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import type { Loop } from "../../packages/engine/src/index.ts";
import type { Database } from "../../packages/sdk/src/store/db.ts";
import { lead } from "../../packages/sdk/src/store/leader.ts";
import { engines } from "../../packages/sdk/src/store/status.ts";
import { redisMissing, startRedis, type RedisServer } from "../support/redis.ts";
import { until } from "../support/server.ts";
import { onEveryPostgres } from "../support/store.ts";
import { at, strategy, written } from "./entered.ts";
import { candleRows } from "./rows.ts";
import { World, type WorldOptions } from "./world.ts";

const Pid = z.object({ pid: z.int() });
const PID = "select pid from pg_stat_activity where pid = $1";
const FUT = "NFO:NIFTY26DECFUT";
const LEG = { instrument: FUT, direction: "BUY", quantity: 10, entry: 150 } as const;

let redis: RedisServer;
beforeAll(async () => {
  if (redisMissing === null) redis = await startRedis();
});
afterAll(() => redis?.stop());

describe.skipIf(redisMissing)("who leads", () => {
  onEveryPostgres("over", (store) => {
    beforeEach(() => store.db.run("test.nobody", "delete from engine_leader"));

    /** A daemon by a clock of its own, and what it tells of itself. */
    async function start(options: Partial<WorldOptions> = {}): Promise<{ world: World; loop: Loop }> {
      const told = Promise.withResolvers<Loop>();
      const onLoop = (loop: Loop): void => told.resolve(loop);
      const world = await World.start({ db: store.db, redis, at: at("04:29:58"), timing: { interval_ms: 5000 }, onLoop, ...options });
      return { world, loop: await told.promise };
    }

    const gapsOf = (strategy_id: number): Promise<unknown> =>
      store.db.many(
        z.object({ minutes: z.int(), reason: z.string() }),
        "test.gaps",
        `select (extract(epoch from to_minute - from_minute) / 60)::int + 1 as minutes, reason from strategy_gap where strategy_id = $1`,
        [strategy_id],
      );

    test("one writes; the other samples, writes nothing, and goes on where the first left", async () => {
      const strategy_id = await strategy(store, [LEG]);
      const one = await start();
      const two = await start();
      await two.world.hears(/^leader stands by: \S+:\d+ leads since /);
      expect(one.loop.standing()).toMatchObject({ role: "leader", fence: 1, led_since_ms: expect.any(Number) });
      expect(two.loop.standing()).toMatchObject({ role: "stand_by", fence: null, led_since_ms: null });
      for (const { world } of [one, two]) await world.to("04:31:30", async () => world.quote(FUT, 100));
      await written(store, strategy_id, "04:30", 12);
      expect(two.loop.standing()).toMatchObject({ sample_count: 19, candles: { carried: 0 }, lost_count: 0, write_failure: null });
      await one.world.stop();
      await two.world.hears(/^leader leads/);
      await two.world.to("04:32:00", async () => two.world.quote(FUT, 120));
      await written(store, strategy_id, "04:31", 12);
      expect((await candleRows(store.db, strategy_id)).slice(0, 2)).toMatchObject([
        { close: "-1000.0000", sample_count: 12 },
        { open: "-1000.0000", close: "-1200.0000", sample_count: 12 },
      ]);
      expect(two.loop.standing()).toMatchObject({ role: "leader", fence: 2 });
      await two.world.stop();
      expect(await engines(store.db)).toMatchObject([{ fence: 2, is_leading: false, seen_at: null }]);
    });

    test("what the leader has not written is written by the one that follows it", async () => {
      const strategy_id = await strategy(store, [LEG]);
      const one = await start();
      const two = await start();
      await two.world.hears(/^leader stands by/);
      // The leader's clock stands: it marks nothing of these minutes.
      await two.world.to("04:32:10", async () => two.world.quote(FUT, 100));
      await one.world.stop();
      await two.world.hears(/^leader leads/);
      await two.world.to("04:32:20", async () => two.world.quote(FUT, 100));
      for (const minute of ["04:30", "04:31"]) await written(store, strategy_id, minute, 12);
      await two.world.stop();
    });

    test("who is stopped while it stands by for a leader that has died writes what nobody else has", async () => {
      const strategy_id = await strategy(store, [LEG]);
      const session = await store.db.session({ name: "stratctl leader", timeout_ms: 5_000 });
      await lead(session, { shard: { shard: 1, of: 1 }, holder: "dies:1", own: null, silent_ms: 60_000 });
      const { world } = await start();
      await world.hears(/^leader stands by: dies:1 leads/);
      await world.to("04:31:30", async () => world.quote(FUT, 100));
      session.drop();
      await until(
        async () => expect(await store.db.many(Pid, "test.pid", PID, [session.backend_pid])).toEqual([]),
        () => "the session goes on",
      );
      expect(await world.stop()).toMatchObject({ lost_count: 0, candles: { carried: 2 } });
      expect(await candleRows(store.db, strategy_id)).toMatchObject([{ sample_count: 12 }, { sample_count: 7 }]);
    });

    test("who is stopped while it stands by for a silent leader leaves its minutes on disk, for one that lives nothing", async () => {
      const strategy_id = await strategy(store, [LEG]);
      const spool = path.join(await mkdtemp(path.join(tmpdir(), "stratctl-t-")), "spool");
      const session = await store.db.session({ name: "stratctl leader", timeout_ms: 5_000 });
      await lead(session, { shard: { shard: 1, of: 1 }, holder: "frozen:1", own: null, silent_ms: 60_000 });
      const seen = (when: string): Promise<number> =>
        store.db.run(`test.${when}`, `update engine_leader set seen_at = clock_timestamp() ${when}`);
      const alive = await start({ spool });
      await alive.world.to("04:31:30", async () => alive.world.quote(FUT, 100));
      await seen("+ interval '1 minute'");
      expect(await alive.world.stop()).toMatchObject({ lost_count: 0, spool_depth: 0 });
      const silent = await start({ spool });
      await silent.world.to("04:31:30", async () => silent.world.quote(FUT, 100));
      await seen("- interval '4 seconds'");
      expect(await silent.world.stop()).toMatchObject({ lost_count: 0, spool_depth: 2 });
      session.drop();
      const after = await start({ spool, at: at("04:31:58") });
      await after.world.to("04:32:10", async () => after.world.quote(FUT, 100));
      await written(store, strategy_id, "04:30", 12);
      await after.world.stop();
      await rm(path.dirname(spool), { recursive: true });
    });

    test("why a minute has no candle is told by whoever follows a leader that has not told it", async () => {
      const strategy_id = await strategy(store, [LEG]);
      const session = await store.db.session({ name: "stratctl leader", timeout_ms: 5_000 });
      await lead(session, { shard: { shard: 1, of: 1 }, holder: "dies:1", own: null, silent_ms: 60_000 });
      const { world } = await start();
      await world.hears(/^leader stands by: dies:1 leads/);
      await world.to("04:32:10");
      session.drop();
      await world.hears(/^leader leads after dies:1/);
      await world.to("04:32:20");
      await until(
        async () => expect(await gapsOf(strategy_id)).toEqual([{ minutes: 2, reason: expect.stringContaining(FUT) }]),
        () => world.tell("no gaps"),
      );
      await world.stop();
    });

    test("a leader whose connection ends takes the lead again, and no minute is lost", async () => {
      const strategy_id = await strategy(store, [LEG]);
      const { world, loop } = await start();
      await world.to("04:30:20", async () => world.quote(FUT, 100));
      const sql = "select pg_terminate_backend(backend_pid) as ended from engine_leader";
      expect(await store.db.one(z.object({ ended: z.boolean() }), "test.end", sql)).toEqual({ ended: true });
      await world.hears(/^leader leads no more: its connection ended · candles wait/);
      await until(
        async () => expect(loop.standing()).toMatchObject({ role: "leader", fence: 2 }),
        () => world.tell("does not lead again"),
      );
      await world.to("04:31:00", async () => world.quote(FUT, 100));
      await written(store, strategy_id, "04:30", 12);
      await world.stop();
    });

    test("once beside a leader: refused, and says who leads", async () => {
      await strategy(store, [LEG]);
      const { world } = await start();
      await using beside = await World.start({ db: store.db, redis, at: at("05:00:10"), once: true });
      await expect(beside.ended()).rejects.toMatchObject({
        code: "leadership_held",
        message: expect.stringMatching(/^\S+:\d+ marks these accounts already$/),
      });
      await world.stop();
      await using alone = await World.start({ db: store.db, redis, at: at("05:00:10"), once: true });
      await alone.ended();
    });

    test("a part of the accounts and the whole of them are not led at once", async () => {
      await strategy(store, [LEG]);
      const part = await start({ shard: { shard: 2, of: 2 } });
      const whole = await start();
      await whole.world.hears(/^leader stands by: \S+ leads 2\/2 since/);
      const other = await start({ shard: { shard: 1, of: 2 } });
      expect(other.loop.standing().role).toBe("leader");
      await part.world.stop();
      await sleep(2_500);
      expect(whole.loop.standing().role).toBe("stand_by");
      await other.world.stop();
      await whole.world.hears(/^leader leads/);
      await whole.world.stop();
    });

    test("tells the database how it stands, and why a minute has no candle", async () => {
      const strategy_id = await strategy(store, [LEG]);
      const { world } = await start();
      await world.to("04:33:05");
      await world.quote(FUT, 100);
      await world.to("04:34:05");
      await until(
        async () => expect(await gapsOf(strategy_id)).toEqual([{ minutes: 3, reason: expect.stringContaining(FUT) }]),
        () => world.tell("no gaps"),
      );
      await until(
        async () =>
          expect(await engines(store.db)).toMatchObject([
            { is_leading: true, standing: { strategy_count: 1, waiting_count: 0, last_sample_at: at("04:34:05") } },
          ]),
        () => world.tell("no standing"),
      );
      await world.stop();
    });

    test("a pooler before the database is said once", async () => {
      const pooled: Database = { ...store.db, session: async (options) => ({ ...(await store.db.session(options)), backend_pid: 1 }) };
      const { world } = await start({ db: pooled });
      await sleep(2_500);
      expect(world.said.filter((text) => text.includes("a pooler stands before the database"))).toHaveLength(1);
      await world.stop();
    });
  });
});
