import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { openPool, type Database } from "../../packages/sdk/src/store/db.ts";
import { at, strategy } from "../engine/entered.ts";
import { startPipe, type Pipe } from "../support/pipe.ts";
import { debianMissing, debianServer, freshDatabase, type FreshDatabase } from "../support/postgres.ts";
import { redisMissing, startRedis, type RedisServer } from "../support/redis.ts";
import { until } from "../support/server.ts";
import { MIGRATED } from "../support/store.ts";

/** `npx -y pnpm@12.4.2 failover` does each ten times in a row. */
const TIMES = Number(process.env["STRATCTL_FAILOVERS"] ?? "1");
const FUT = "NFO:NIFTY26DECFUT";
const Line = z.object({ event: z.string(), text: z.string() });

/** A daemon of a role of its own, so that the database knows whose rows they are. */
interface Engine extends AsyncDisposable {
  readonly role: string;
  readonly child: ChildProcess;
  readonly pipe: Pipe;
  /** Lines of its log from the one that says so on; waits for it. */
  hears(what: RegExp): Promise<string>;
}

describe.skipIf(redisMissing ?? debianMissing)("two daemons on one database", () => {
  let redis: RedisServer;
  let fresh: FreshDatabase;
  let db: Database;
  let socket = "";
  let strategy_id = 0;
  let feeding: NodeJS.Timeout;
  let offset_ms = 0;
  let made = 0;
  const now = (): number => Date.now() + offset_ms;

  beforeAll(async () => {
    redis = await startRedis();
    const server = await debianServer();
    ({ socket } = server);
    fresh = await freshDatabase(server, MIGRATED);
    db = await openPool(fresh.url);
    strategy_id = await strategy({ db }, [{ instrument: FUT, direction: "BUY", quantity: 10, entry: 150 }]);
    // Whole seconds, so that boundaries are the machine's.
    offset_ms = Math.round((Date.parse(at("05:00:30")) - Date.now()) / 1000) * 1000;
    const feed = new Redis(redis.url);
    feeding = setInterval(() => {
      const price = 100 + (Math.floor(now() / 1000) % 41);
      void feed
        .set(`ltp:${FUT}`, JSON.stringify({ last_price: price, last_trade_time: new Date(now()).toISOString() }))
        .catch(() => undefined);
    }, 200);
    await db.script(`
      create table who_wrote (role text not null, at timestamptz not null default clock_timestamp());
      create function note_who() returns trigger language plpgsql security definer as $$
      begin insert into who_wrote (role) values (session_user); return new; end $$;
      create trigger who_wrote before insert or update on strategy_m2m_candles for each row execute function note_who();`);
  });
  afterAll(async () => {
    clearInterval(feeding);
    await db?.close();
    await fresh?.drop();
    await redis?.[Symbol.asyncDispose]();
  });

  async function start(): Promise<Engine> {
    made += 1;
    const role = `${fresh.name}_e${made}`;
    await db.script(`create role ${role} login superuser`);
    const pipe = await startPipe(socket);
    const url = `postgres://${role}@127.0.0.1:${pipe.port}/${fresh.name}?sslmode=disable`;
    const entry = path.join(import.meta.dirname, "failover-process.ts");
    const child = spawn(process.execPath, [entry, url, redis.url, String(offset_ms)], { stdio: ["ignore", "pipe", "inherit"] });
    const said: string[] = [];
    createInterface({ input: child.stdout! }).on("line", (line) => {
      const { event, text } = Line.parse(JSON.parse(line));
      said.push(`${event}: ${text}`);
    });
    const hears = (what: RegExp): Promise<string> =>
      until(
        async () => {
          const found = said.findLast((text) => what.test(text));
          if (found === undefined) throw new Error("not yet");
          return found;
        },
        () => `nothing like ${what}:\n${said.join("\n")}`,
      );
    await hears(/^ready/);
    return {
      role,
      child,
      pipe,
      hears,
      async [Symbol.asyncDispose]() {
        child.kill("SIGCONT");
        if (child.exitCode === null && child.signalCode === null) {
          const ended = once(child, "exit");
          child.kill("SIGKILL");
          await ended;
        }
        await pipe[Symbol.asyncDispose]();
      },
    };
  }

  const rowsBy = async (role: string): Promise<number> =>
    (await db.one(z.object({ count: z.int() }), "test.rows", "select count(*)::int as count from who_wrote where role = $1", [role])).count;

  /** Seconds of from ≤ t ≤ to that no candle has. */
  async function missing(from_ms: number, to_ms: number): Promise<string[]> {
    const Row = z.object({ minute_ms: z.number(), sampled: z.string() });
    const sql = `select extract(epoch from timestamp)::float8 * 1000 as minute_ms, lpad(to_hex(sampled), 16, '0') as sampled
      from strategy_m2m_candles where strategy_id = $1`;
    const masks = new Map(
      (await db.many(Row, "test.masks", sql, [strategy_id])).map(({ minute_ms, sampled }) => [minute_ms, BigInt(`0x${sampled}`)]),
    );
    const gone: string[] = [];
    for (let t = Math.ceil(from_ms / 1000) * 1000; t <= to_ms; t += 1000) {
      const minute_ms = Math.floor(t / 60_000) * 60_000;
      const second = BigInt((t - minute_ms) / 1000);
      if ((((masks.get(minute_ms) ?? 0n) >> second) & 1n) === 0n) gone.push(new Date(t).toISOString());
    }
    return gone;
  }

  const faults = {
    /** The process is gone, and its connections with it. */
    kill: (engine: Engine) => void engine.child.kill("SIGKILL"),
    /** It stands still, and its connections stay. */
    freeze: (engine: Engine) => void engine.child.kill("SIGSTOP"),
    /** It goes on, and nothing of it arrives, nor any word that it is cut off. */
    cut: (engine: Engine) => engine.pipe.swallow(),
  } as const;

  test.each(
    Array.from({ length: TIMES }, (_, n) => n + 1).flatMap((n) => (["kill", "freeze", "cut"] as const).map((fault) => [fault, n] as const)),
  )("%s: the other takes over, no second is lost, and the first writes no more (%i)", { timeout: 90_000 }, async (fault) => {
    await using first = await start();
    await using second = await start();
    await second.hears(/^leader: stands by/);
    const both_ms = now() + 1500;
    await sleep(6_000 + Math.random() * 2_000);
    expect(await rowsBy(second.role)).toBe(0);
    const began_ms = performance.now();
    faults[fault](first);
    await second.hears(/^leader: leads after/);
    const took_ms = performance.now() - began_ms;
    const rows_before = await rowsBy(first.role);
    console.log(`failover by ${fault}: ${Math.round(took_ms)} ms`);
    expect(took_ms).toBeLessThan(15_000);
    if (fault === "freeze") {
      first.child.kill("SIGCONT");
      await first.hears(/^leader: (leads no more|stands by)/);
    }
    if (fault === "cut") first.pipe.flow();
    await sleep(4_000);
    const until_ms = now();
    // Each second is written with the next write that is due.
    await sleep(6_500);
    expect(await missing(both_ms, until_ms - 1000)).toEqual([]);
    expect(await rowsBy(first.role)).toBe(rows_before);
    expect(await rowsBy(second.role)).toBeGreaterThan(0);
  });

  test("who leaves says so, and is followed at the next look", { timeout: 60_000 }, async () => {
    await using first = await start();
    await using second = await start();
    await second.hears(/^leader: stands by/);
    first.child.kill("SIGTERM");
    await second.hears(/^leader: leads/);
  });
});
