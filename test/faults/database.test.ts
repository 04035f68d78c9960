import { mkdtemp, rm } from "node:fs/promises";
import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Decimal } from "decimal.js";
import { Client } from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { openPool, type Database } from "../../packages/sdk/src/store/db.ts";
import { expectedCandles, type PlainCandle, type PlainQuote } from "../engine/expected.ts";
import { at, leg, strategy, written, type GivenLeg } from "../engine/entered.ts";
import { candleRows } from "../engine/rows.ts";
import { World } from "../engine/world.ts";
import { startPipe, type Pipe } from "../support/pipe.ts";
import {
  debianMissing,
  freshDatabase,
  startDebianPostgres,
  type DebianServer,
  type FreshDatabase,
  type PostgresServer,
} from "../support/postgres.ts";
import { redisMissing, startRedis, type RedisServer } from "../support/redis.ts";
import { until } from "../support/server.ts";
import { MIGRATED } from "../support/store.ts";

const FUT = "NFO:NIFTY26DECFUT";
const LEG = { instrument: FUT, direction: "BUY", quantity: 10, entry: 150 } as const;

let redis: RedisServer;
let server: DebianServer;
/** Which one is behind the pipe. */
let target: PostgresServer;
let fresh: FreshDatabase;
/** Straight to the database, for what the test itself does; and through a pipe, for the daemon, which is short of patience. */
let db: Database;
let piped: Database;
let pipe: Pipe;
let spool: string;
let quotes: PlainQuote[];

const missing = redisMissing ?? debianMissing;

beforeAll(async () => {
  if (missing !== null) return;
  redis = await startRedis();
  server = await startDebianPostgres({ settings: ["fsync=off", "max_connections=25"] });
  target = server;
  fresh = await freshDatabase(server, MIGRATED);
  db = await openPool(fresh.url);
  pipe = await startPipe(() => target.socket);
  piped = await openPool(`postgres://postgres@127.0.0.1:${pipe.port}/${fresh.name}?sslmode=disable&application_name=daemon`, {
    statement_timeout_ms: 500,
  });
});
afterAll(async () => {
  await piped?.close();
  await db?.close();
  await pipe?.[Symbol.asyncDispose]();
  await server?.stop();
  await redis?.stop();
});
beforeEach(async () => {
  spool = path.join(await mkdtemp(path.join(tmpdir(), "stratctl-t-")), "spool");
  quotes = [];
});
afterEach(() => rm(path.dirname(spool), { recursive: true }));

const start = (time: string): Promise<World> => World.start({ db: piped, redis, at: at(time), spool });

/** The market: up and down, a price each second. */
const market =
  (world: World) =>
  async (at_ms: number): Promise<void> => {
    const price = 100 + (((at_ms / 1000) * 37) % 41);
    quotes.push({ at: at_ms, price: new Decimal(price) });
    await world.quote(FUT, price, at_ms);
  };

/** The candles that the quotes served make of the seconds that the rows say were sampled: no value is another's, none invented. */
function expected(rows: readonly PlainCandle[], legs: readonly GivenLeg[] = [LEG]): PlainCandle[] {
  const masks = new Map(rows.map(({ minute, sampled }) => [Date.parse(minute), BigInt(sampled)]));
  const isSampled = (t: number): boolean => ((masks.get(t - (t % 60_000)) ?? 0n) & (1n << BigInt((t % 60_000) / 1000))) !== 0n;
  const hours = { NFO: { open: at("03:45:00"), close: at("10:10:00") } };
  const { candles } = expectedCandles(
    { path: "", every_s: 1, hours, isSampled },
    new Map([[FUT, quotes]]),
    legs.map(({ entry, ...rest }) => ({ ...rest, entry_price: entry })),
  );
  return candles.map((candle) => ({ ...candle, source: "live" }));
}

/** Minutes and how many seconds of each were sampled. */
const counts = (rows: readonly PlainCandle[]): [string, number][] =>
  rows.map(({ minute, sample_count }) => [minute.slice(11, 16), sample_count]);

const files = (): string[] => {
  try {
    return readdirSync(spool);
  } catch {
    return [];
  }
};

/** So many files are on disk, or come. */
const spooled = (world: World, count: number): Promise<void> =>
  until(
    async () => expect(files()).toHaveLength(count),
    () => world.tell(`not ${count} files but ${files().join(", ")}`),
  );

describe.skipIf(missing)("the database", () => {
  test("refuses for three minutes: each minute waits on disk, all are written when it is back, none is there twice", async () => {
    const strategy_id = await strategy({ db }, [LEG]);
    await using world = await start("05:00:00");
    const trade = market(world);
    await world.to("05:00:20", trade);
    await pipe.refuse();
    await world.to("05:03:20", trade);
    await spooled(world, 3);
    await pipe.accept();
    await world.to("05:04:02", trade);
    await written({ db }, strategy_id, "05:03", 60);
    await world.hears(/^database back after \d+ s · \d+ candles that waited written/);
    await world.hears(/^spool empty/);
    await spooled(world, 0);
    await world.stop();
    const rows = await candleRows(db, strategy_id);
    expect(rows).toEqual(expected(rows));
    expect(counts(rows)).toEqual([
      ["05:00", 59],
      ["05:01", 60],
      ["05:02", 60],
      ["05:03", 60],
      ["05:04", 3],
    ]);
  });

  test("is away while the daemon is stopped: all that it sampled is on disk, and the next start writes it", async () => {
    const strategy_id = await strategy({ db }, [LEG]);
    {
      await using world = await start("05:00:00");
      await world.to("05:00:30", market(world));
      await pipe.refuse();
      await world.to("05:02:30", market(world));
      expect(await world.stop()).toMatchObject({ lost_count: 0, spool_depth: 3 });
      expect(world.said.at(-1)).toMatch(/^stopped: .* on disk for the next start/);
    }
    await pipe.accept();
    await using world = await start("05:02:40");
    await world.hears(/^spool 3 candles of an earlier run wait on disk/);
    await world.to("05:03:02", market(world));
    await written({ db }, strategy_id, "05:01", 60);
    await world.hears(/^spool empty/);
    await world.stop();
    const rows = await candleRows(db, strategy_id);
    expect(rows).toEqual(expected(rows));
    expect(counts(rows)).toEqual([
      ["05:00", 59],
      ["05:01", 60],
      ["05:02", 31 + 19],
      ["05:03", 3],
    ]);
  });

  /** A session beside the daemon's; of the database `postgres`, since the other may be read-only. */
  const session = async (sql: string, url = server.url): Promise<Client> => {
    const client = new Client({ connectionString: url });
    client.on("error", () => undefined); // it may be ended by the test
    await client.connect();
    await client.query(sql);
    return client;
  };
  const END_DAEMONS = "select pg_terminate_backend(pid) from pg_stat_activity where application_name in ('daemon', 'stratctl leader')";

  /** What happens to it, what the log then says, and what happens for it to be well again. */
  const FAULTS: [string, RegExp, () => Promise<() => Promise<unknown>>][] = [
    ["is restarted", /does not answer/, () => server.halt()],
    [
      "does not give a lock",
      /a lock was not to be had|took too long/,
      async () => {
        const holder = await session("begin; lock table strategy_m2m_candles in exclusive mode", fresh.url);
        return () => holder.end();
      },
    ],
    [
      "is read-only",
      /it is read-only|shutting down/, // a write that was under way is ended with its session
      async () => {
        // Two statements of their own: in one they are one transaction, and who connects anew is sooner than its end.
        const admin = await session(`alter database ${fresh.name} set default_transaction_read_only = on`);
        await admin.query(END_DAEMONS);
        return async () => {
          await admin.query(`alter database ${fresh.name} set default_transaction_read_only = off`);
          await admin.query(END_DAEMONS);
          await admin.end();
        };
      },
    ],
    [
      "is out of connections",
      /too many connections|shutting down/,
      async () => {
        const first = await session("select 1");
        const all: Client[] = [first];
        const fill = async (): Promise<void> => {
          for (let one = await session("select 1"); ; one = await session("select 1")) all.push(one);
        };
        // The daemon is as quick to connect anew: until it has none left.
        for (let ended: number | null = null; ended !== 0; ended = (await first.query(END_DAEMONS)).rowCount)
          await fill().catch(() => undefined);
        return () => Promise.all(all.map((one) => one.end()));
      },
    ],
    [
      "has its backends stopped, so that only a timer on this side notices",
      /no answer in time/,
      async () => {
        const admin = await session("select 1");
        const found = await admin.query("select pid::int from pg_stat_activity where application_name = 'daemon'");
        const pids = found.rows.map((row: { pid: number }) => row.pid);
        for (const pid of pids) process.kill(pid, "SIGSTOP");
        return async () => {
          for (const pid of pids) process.kill(pid, "SIGCONT");
          await admin.end();
        };
      },
    ],
    [
      "says nothing on a connection that stays up",
      /no answer in time/,
      async () => {
        pipe.swallow();
        return async () => pipe.flow();
      },
    ],
  ];

  test.each(FAULTS)("%s: sampling goes on, and what waited is written when it is well", async (_, says, take) => {
    const strategy_id = await strategy({ db }, [LEG]);
    await using world = await start("05:00:10");
    await world.to("05:00:40", market(world));
    const giveBack = await take();
    try {
      await world.to("05:00:50", market(world));
      await world.hears(new RegExp(`^database .*(${says.source})`));
    } finally {
      await giveBack();
    }
    await world.to("05:01:20", market(world));
    await written({ db }, strategy_id, "05:00", 49);
    await world.hears(/^database back after/);
    await world.stop();
    const rows = await candleRows(db, strategy_id);
    expect(rows).toEqual(expected(rows));
    expect(rows.map(({ minute }) => minute.slice(11, 16))).toEqual(["05:00", "05:01"]);
  });

  test("the-listener-that-hears-nothing: a leg that is added while connections are silent counts from the first minute after", async () => {
    const strategy_id = await strategy({ db }, [LEG]);
    const later: GivenLeg = { ...LEG, direction: "SELL", quantity: 4, added_at: at("05:00:52") };
    await using world = await start("05:00:40");
    await world.to("05:00:50", market(world));
    pipe.swallow();
    await leg({ db }, strategy_id, later);
    await world.to("05:00:59", market(world));
    // The book of 05:01 is waited for, for five seconds, and is then that of 05:00.
    world.clock.pass(1000);
    await world.sleeps(5000);
    world.clock.pass(5000);
    await world.hears(/^book not read: database does not answer in time/);
    pipe.flow();
    await world.to("05:02:02", market(world));
    await world.stop();
    const rows = await candleRows(db, strategy_id);
    expect(rows.map(({ minute, instrument_count }) => [minute.slice(11, 16), instrument_count])).toEqual([
      ["05:00", 1],
      ["05:01", 1],
      ["05:02", 2],
    ]);
    expect(rows).toEqual([...expected(rows.slice(0, 2)), ...expected(rows.slice(2), [LEG, later])]);
  });

  test("is another server behind the same address, with older data: the last minutes are told to it again", async () => {
    const other = await startDebianPostgres();
    const { url, stop, urlOf } = other;
    const standby = await freshDatabase(other, MIGRATED);
    const admin = await session(`alter database ${standby.name} rename to ${fresh.name}`, url);
    const taken_over = await openPool(urlOf(fresh.name));
    try {
      const strategy_id = await strategy({ db }, [LEG]);
      // The same strategy by the same id, and none of its candles: they had not arrived there.
      await taken_over.script(`insert into trading_account (account_id) values ('D0');
        insert into strategy (strategy_id, trading_account_id, strategy_name) overriding system value values (${strategy_id}, 'D0', 'one');
        insert into strategy_instruments (strategy_id, exchange, tradingsymbol, direction, quantity, entry_price, added_at)
        values (${strategy_id}, 'NFO', 'NIFTY26DECFUT', 'BUY', 10, 150, '2026-11-25T00:00:00Z')`);
      await using world = await start("05:00:00");
      await world.to("05:02:30", market(world));
      target = other;
      await pipe.refuse();
      await pipe.accept();
      await world.to("05:04:02", market(world));
      await written({ db: taken_over }, strategy_id, "05:03", 60);
      await written({ db: taken_over }, strategy_id, "05:01", 60);
      await world.stop();
      const rows = await candleRows(taken_over, strategy_id);
      expect(rows).toEqual(expected(rows));
      expect(counts(rows)).toEqual([
        ["05:00", 59],
        ["05:01", 60],
        ["05:02", 60],
        ["05:03", 60],
        ["05:04", 3],
      ]);
    } finally {
      target = server;
      await taken_over.close();
      await admin.end();
      await stop();
    }
  });
});
