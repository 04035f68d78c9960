import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { onEveryPostgres } from "../../../../test/support/store.ts";
import { batchOf, upsertMany as upsertCandles } from "./candle.ts";
import type { DbSession } from "./db.ts";
import { lead, leaders, leave, tellAlive, type Fence, type LeadAnswer } from "./leader.ts";
import { settleStrategies, upsertMany as upsertMarks } from "./mark.ts";
import { upsertMany as upsertQuotes } from "./quote.ts";
import type { Shard } from "./shard.ts";

const WHOLE: Shard = { shard: 1, of: 1 };

onEveryPostgres("who leads", (store) => {
  const sessions: DbSession[] = [];
  afterEach(async () => {
    for (const session of sessions.splice(0)) session.drop();
    await store.db.run("test.clear", "delete from engine_leader");
  });

  async function open(): Promise<DbSession> {
    const session = await store.db.session({ name: "stratctl leader", timeout_ms: 5_000 });
    sessions.push(session);
    return session;
  }

  function ask(session: DbSession, holder: string, given: { shard?: Shard; silent_ms?: number; own?: Fence } = {}): Promise<LeadAnswer> {
    return lead(session, { shard: given.shard ?? WHOLE, holder, own: given.own ?? null, silent_ms: given.silent_ms ?? 6_000 });
  }

  async function led(session: DbSession, holder: string, given: Parameters<typeof ask>[2] = {}): Promise<Fence> {
    const { fence } = await ask(session, holder, given);
    if (fence === null) throw new Error(`${holder} does not lead`);
    return fence;
  }

  /** Until the server has noticed that the session is gone. */
  async function gone(session: DbSession): Promise<void> {
    const sql = "select count(*)::int as count from pg_stat_activity where pid = $1";
    const count = async (): Promise<number> =>
      (await store.db.one(z.object({ count: z.int() }), "test.alive", sql, [session.backend_pid])).count;
    while ((await count()) > 0) await sleep(10);
  }

  test("one leads and holds the lock, another is told who", async () => {
    const [one, two] = [await open(), await open()];
    expect(await ask(one, "a:1")).toEqual({
      fence: { shard: WHOLE, number: 1 },
      is_locked: true,
      other: null,
      silent_ms: null,
      backend_pid: one.backend_pid,
    });
    expect(await ask(two, "b:2")).toMatchObject({
      fence: null,
      other: { holder: "a:1", shard: 1, of: 1, written_to: null },
      silent_ms: expect.any(Number),
    });
    const locks = "select pid from pg_locks where locktype = 'advisory' and classid = hashtext('stratctl')::oid";
    expect(await store.db.many(z.object({ pid: z.int() }), "test.locks", locks)).toEqual([{ pid: one.backend_pid }]);
  });

  test("what the leader tells is there for all", async () => {
    const [one, two] = [await open(), await open()];
    const fence = await led(one, "a:1");
    const written_to_ms = Date.parse("2026-11-25T05:00:00Z");
    expect(await tellAlive(one, fence, { written_to_ms })).toEqual({ leads: true, backend_pid: one.backend_pid });
    expect(await tellAlive(one, fence, { written_to_ms: null })).toMatchObject({ leads: true });
    expect((await ask(two, "b:2")).other).toMatchObject({ holder: "a:1", written_to: "2026-11-25T05:00:00Z" });
    expect(await leaders(store.db)).toMatchObject([{ shard: 1, of: 1, holder: "a:1", seen_at: expect.any(String) }]);
  });

  test("the leader left: the next one leads at once, under a greater number", async () => {
    const [one, two] = [await open(), await open()];
    await leave(one, await led(one, "a:1"));
    expect(await ask(two, "b:2")).toMatchObject({ fence: { number: 2 }, is_locked: true, other: { holder: "a:1", seen_at: null } });
  });

  test("the leader's session ended: the next one leads at once, whenever it was seen", async () => {
    const [one, two] = [await open(), await open()];
    await led(one, "a:1");
    one.drop();
    await gone(one);
    expect(await ask(two, "b:2")).toMatchObject({ fence: { number: 2 }, is_locked: true, other: { holder: "a:1" } });
  });

  test("a leader that is silent for too long has its session ended, and the next one leads", async () => {
    const [one, two] = [await open(), await open()];
    const fence = await led(one, "a:1");
    await sleep(30);
    expect(await ask(two, "b:2", { silent_ms: 20 })).toMatchObject({ fence: { number: 2 }, is_locked: true });
    await one.ended;
    expect(await tellAlive(two, fence, { written_to_ms: null })).toMatchObject({ leads: false });
  });

  test("an engine that lost its session does not wait for itself", async () => {
    const [one, two] = [await open(), await open()];
    const own = await led(one, "a:1");
    expect(await ask(two, "a:1", { own })).toMatchObject({ fence: { number: 2 }, is_locked: true, other: null });
  });

  test("shards that have accounts in common are not led at once; others are", async () => {
    const half = await led(await open(), "a:1", { shard: { shard: 1, of: 2 } });
    expect(await ask(await open(), "b:2")).toMatchObject({ fence: null, other: { holder: "a:1", shard: 1, of: 2 } });
    expect(await ask(await open(), "c:3", { shard: { shard: 3, of: 4 } })).toMatchObject({ fence: null, other: { holder: "a:1" } });
    expect(await ask(await open(), "d:4", { shard: { shard: 2, of: 4 } })).toMatchObject({ fence: { number: 1 }, is_locked: true });
    await sleep(30);
    const whole = await led(await open(), "e:5", { silent_ms: 20 });
    const session = await open();
    expect(await tellAlive(session, half, { written_to_ms: null })).toMatchObject({ leads: false });
    expect(await tellAlive(session, whole, { written_to_ms: null })).toMatchObject({ leads: true });
  });

  describe("a write", () => {
    const minute_ms = Date.parse("2026-11-25T05:00:00Z");
    let made = 0;

    async function strategy(): Promise<number> {
      const account_id = `L${(made += 1)}`;
      await store.db.run("test.account", "insert into trading_account (account_id) values ($1)", [account_id]);
      const sql = "insert into strategy (trading_account_id, strategy_name) values ($1, 'one') returning strategy_id";
      return (await store.db.one(z.object({ strategy_id: z.int() }), "test.strategy", sql, [account_id])).strategy_id;
    }

    function writes(strategy_id: number): ((fence: Fence | undefined) => Promise<unknown>)[] {
      const money = { open_units: 10, high_units: 10, low_units: 10, close_units: 10, entry_value_units: 0, realized_pnl_units: 0 };
      const seen = { instrument_count: 1, stale_count: 0, oldest_age_ms: 0, sampled: 1n, first_at_ms: minute_ms, last_at_ms: minute_ms };
      const candles = batchOf([{ strategy_id, minute_ms, ...money, ...seen, source: "live" }], "live");
      const one = (value: number): Float64Array => Float64Array.of(value);
      const count = (value: number): Int32Array => Int32Array.of(value);
      const marks = {
        length: 1,
        at_ms: minute_ms,
        strategy_id: count(strategy_id),
        m2m_units: one(10),
        entry_value_units: one(0),
        realized_pnl_units: one(0),
        instrument_count: count(1),
        priced: count(1),
        stale: count(0),
        oldest_age_ms: one(0),
        reason: [null],
      };
      const of = { exchange: ["NFO"], tradingsymbol: [`S${strategy_id}`], source: ["redis"] };
      const quotes = { length: 1, ...of, price_units: one(10), at_ms: one(minute_ms) };
      return [
        (fence) => upsertCandles(store.db, candles, { overwrite: false, fence }),
        (fence) => upsertCandles(store.db, candles, { overwrite: true, fence }),
        (fence) => upsertQuotes(store.db, quotes, fence),
        (fence) => upsertMarks(store.db, marks, fence),
        (fence) => settleStrategies(store.db, fence),
      ];
    }

    async function rowsOf(strategy_id: number): Promise<unknown> {
      const sql = `select (select count(*)::int from strategy_m2m_candles where strategy_id = $1) as candles,
        (select count(*)::int from strategy_mark where strategy_id = $1) as marks,
        (select count(*)::int from last_quote where tradingsymbol = 'S' || $1::int4) as quotes`;
      return store.db.one(z.object({ candles: z.int(), marks: z.int(), quotes: z.int() }), "test.rows", sql, [strategy_id]);
    }

    test("under the latest fence is written, under an earlier one refused, and nothing of it is there", async () => {
      const [one, two] = [await open(), await open()];
      const earlier = await led(one, "a:1");
      await leave(one, earlier);
      const latest = await led(two, "b:2");
      const [lost, kept] = [await strategy(), await strategy()];
      for (const write of writes(lost)) await expect(write(earlier)).rejects.toMatchObject({ code: "leadership_lost" });
      expect(await rowsOf(lost)).toEqual({ candles: 0, marks: 0, quotes: 0 });
      for (const write of writes(kept)) await write(latest);
      expect(await rowsOf(kept)).toEqual({ candles: 1, marks: 1, quotes: 1 });
    });

    test("that is under way is waited for by whoever takes over, and one that hangs is ended by the same question", async () => {
      const [one, two, hung] = [await open(), await open(), await open()];
      const fence = await led(one, "a:1");
      await hung.script("begin");
      await hung.run("test.fenced", "select stratctl_fenced($1, $2, $3)", [1, 1, fence.number]);
      expect(await tellAlive(one, fence, { written_to_ms: null })).toMatchObject({ leads: true });
      one.drop();
      await gone(one);
      expect(await ask(two, "b:2")).toMatchObject({ fence: { number: 2 }, is_locked: true });
      await hung.ended;
    });

    test("of other accounts goes on, however long it takes, when one that hangs is ended", async () => {
      const [one, two, hung, again, other] = [await open(), await open(), await open(), await open(), await open()];
      const fence = await led(one, "a:1", { shard: { shard: 1, of: 2 } });
      const beside = await led(await open(), "c:3", { shard: { shard: 2, of: 2 } });
      // Two that hold the row at once are a group, as a reader's row lock beside a write is.
      for (const [session, { shard, number }] of [
        [hung, fence],
        [again, fence],
        [other, beside],
      ] as const) {
        await session.script("begin");
        await session.run("test.fenced", "select stratctl_fenced($1, $2, $3)", [shard.shard, shard.of, number]);
      }
      await sleep(1_000);
      await leave(one, fence);
      expect(await ask(two, "b:2", { shard: { shard: 1, of: 2 } })).toMatchObject({ fence: { number: 2 } });
      await Promise.all([hung.ended, again.ended]);
      expect(await other.one(z.object({ one: z.int() }), "test.lives", "select 1 as one")).toEqual({ one: 1 });
    });

    test("that is about to end is left alone by whoever takes over", async () => {
      const [one, two, slow] = [await open(), await open(), await open()];
      const fence = await led(one, "a:1");
      await leave(one, fence);
      await slow.script("begin");
      await slow.run("test.fenced", "select stratctl_fenced($1, $2, $3)", [1, 1, fence.number]);
      const asked = ask(two, "b:2");
      await sleep(200);
      await slow.script("commit");
      expect(await asked).toMatchObject({ fence: { number: 2 } });
      expect(await slow.one(z.object({ one: z.int() }), "test.lives", "select 1 as one")).toEqual({ one: 1 });
    });
  });

  test("a leader whose session may not be ended, being of another role, is kept out by the fence alone", async () => {
    await store.db.script(`drop role if exists stratctl_other; create role stratctl_other;
      grant usage on schema public to stratctl_other; grant select, insert, update on engine_leader to stratctl_other`);
    const [one, two] = [await open(), await open()];
    const fence = await led(one, "a:1");
    await two.script("set role stratctl_other");
    await sleep(30);
    expect(await ask(two, "b:2", { silent_ms: 20 })).toMatchObject({ fence: { number: 2 }, is_locked: false });
    expect(await tellAlive(one, fence, { written_to_ms: null })).toMatchObject({ leads: false });
    await two.script("reset role");
    await store.db.script("drop owned by stratctl_other; drop role stratctl_other");
  });
});
