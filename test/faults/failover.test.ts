import { spawn, type ChildProcess } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { openPool, type Database } from "../../packages/sdk/src/store/db.ts";
import { at, strategy, type GivenLeg } from "../engine/entered.ts";
import { startPipe, type Pipe } from "../support/pipe.ts";
import { debianMissing, debianServer, freshDatabase, type FreshDatabase, type PostgresServer } from "../support/postgres.ts";
import { redisMissing, startRedis, type RedisServer } from "../support/redis.ts";
import { until } from "../support/server.ts";
import { MIGRATED } from "../support/store.ts";

/** `npx -y pnpm@12.4.2 failover` does each ten times in a row; those of a time have a database each, and go on at once. */
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

const LEG: GivenLeg = { instrument: FUT, direction: "BUY", quantity: 10, entry: 150 };

/** A database of one test's own, with one strategy; its rows of each engine are counted by the database, whatever the engines say. */
class Pair implements AsyncDisposable {
  readonly strategy_id: number;
  readonly db: Database;
  readonly #given: Given;
  readonly #fresh: FreshDatabase;
  #made = 0;

  private constructor(given: Given, { fresh, db, strategy_id }: { fresh: FreshDatabase; db: Database; strategy_id: number }) {
    this.#given = given;
    this.#fresh = fresh;
    this.db = db;
    this.strategy_id = strategy_id;
  }

  static async begin(given: Given): Promise<Pair> {
    const fresh = await freshDatabase(given.server, MIGRATED);
    const db = await openPool(fresh.url);
    const strategy_id = await strategy({ db }, [LEG]);
    await db.script(`
      create table who_wrote (role text not null, strategy_id int);
      create function note_who() returns trigger language plpgsql security definer as $$
      begin insert into who_wrote values (session_user, (to_jsonb(new) ->> 'strategy_id')::int); return new; end $$;
      ${["strategy_m2m_candles", "strategy_mark", "last_quote"]
        .map((table) => `create trigger who_wrote before insert or update on ${table} for each row execute function note_who();`)
        .join("\n")}`);
    return new Pair(given, { fresh, db, strategy_id });
  }

  /** Has a strategy in each of two shards. */
  async divide(): Promise<readonly [one: number, two: number]> {
    const Account = z.object({ account: z.string() });
    const sql = "select trading_account_id as account from strategy where strategy_id = $1";
    const found = new Map<number, number>();
    let id = this.strategy_id;
    for (;;) {
      const { account } = await this.db.one(Account, "test.account_of", sql, [id]);
      found.set(createHash("md5").update(account).digest().readUInt32BE() % 2, id);
      const [one, two] = [found.get(0), found.get(1)];
      if (one !== undefined && two !== undefined) {
        await this.db.script(`update strategy set status = 'active', archived_at = null where strategy_id in (${one}, ${two})`);
        return [one, two];
      }
      id = await strategy(this, [LEG]);
    }
  }

  async start(shard: "1/1" | "1/2" | "2/2" = "1/1"): Promise<Engine> {
    const role = `${this.#fresh.name}_e${(this.#made += 1)}`;
    await this.db.script(`create role ${role} login superuser`);
    const { server, redis, offset_ms } = this.#given;
    const pipe = await startPipe(server.socket);
    const url = `postgres://${role}@127.0.0.1:${pipe.port}/${this.#fresh.name}?sslmode=disable`;
    const entry = path.join(import.meta.dirname, "failover-process.ts");
    const child = spawn(process.execPath, [entry, url, redis.url, String(offset_ms), ...shard.split("/")], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const said: string[] = [];
    createInterface({ input: child.stdout }).on("line", (line) => {
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

  async rowsBy({ role }: Engine): Promise<number> {
    const sql = "select count(*)::int as count from who_wrote where role = $1";
    return (await this.db.one(z.object({ count: z.int() }), "test.rows", sql, [role])).count;
  }

  /** Who wrote rows of a strategy. */
  async writers(strategy_id: number): Promise<string[]> {
    const sql = "select distinct role from who_wrote where strategy_id = $1 order by role";
    const rows = await this.db.many(z.object({ role: z.string() }), "test.writers", sql, [strategy_id]);
    return rows.map(({ role }) => role);
  }

  /** Has written just now. */
  async wroteBy(engine: Engine): Promise<void> {
    const before = await this.rowsBy(engine);
    await until(
      async () => expect(await this.rowsBy(engine)).toBeGreaterThan(before),
      () => `${engine.role} does not write`,
    );
  }

  /** Seconds of from ≤ t ≤ to that no candle has. */
  async missing(from_ms: number, to_ms: number, strategy_id = this.strategy_id): Promise<string[]> {
    const Row = z.object({ minute_ms: z.number(), sampled: z.string() });
    const sql = `select extract(epoch from timestamp)::float8 * 1000 as minute_ms, lpad(to_hex(sampled), 16, '0') as sampled
      from strategy_m2m_candles where strategy_id = $1`;
    const rows = await this.db.many(Row, "test.masks", sql, [strategy_id]);
    const masks = new Map(rows.map(({ minute_ms, sampled }) => [minute_ms, BigInt(`0x${sampled}`)]));
    const gone: string[] = [];
    for (let t = Math.ceil(from_ms / 1000) * 1000; t <= to_ms; t += 1000) {
      const minute_ms = Math.floor(t / 60_000) * 60_000;
      const second = BigInt((t - minute_ms) / 1000);
      if ((((masks.get(minute_ms) ?? 0n) >> second) & 1n) === 0n) gone.push(new Date(t).toISOString());
    }
    return gone;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.db.close();
    await this.#fresh.drop();
  }
}

interface Given {
  readonly server: PostgresServer;
  readonly redis: RedisServer;
  /** Of the engines' clock from the machine's, in whole seconds, so that boundaries are the machine's. */
  readonly offset_ms: number;
}

const FAULTS = {
  /** The process is gone, and its connections with it. */
  kill: (engine: Engine) => void engine.child.kill("SIGKILL"),
  /** It stands still, and its connections stay. */
  freeze: (engine: Engine) => void engine.child.kill("SIGSTOP"),
  /** It goes on, and nothing of it arrives, nor any word that it is cut off. */
  cut: (engine: Engine) => engine.pipe.swallow(),
  /** What it sends waits on the way, and arrives after another has followed it. */
  delay: (engine: Engine) => engine.pipe.hold(),
} as const;

describe.skipIf(redisMissing ?? debianMissing)("two daemons on one database", () => {
  let given: Given;
  let feed: Redis;
  let feeding: NodeJS.Timeout;
  const now = (): number => Date.now() + given.offset_ms;

  beforeAll(async () => {
    const [redis, server] = await Promise.all([startRedis(), debianServer()]);
    given = { redis, server, offset_ms: Math.round((Date.parse(at("05:00:30")) - Date.now()) / 1000) * 1000 };
    feed = new Redis(redis.url);
    feeding = setInterval(() => {
      const last_price = 100 + (Math.floor(now() / 1000) % 41);
      void feed.set(`ltp:${FUT}`, JSON.stringify({ last_price, last_trade_time: new Date(now()).toISOString() })).catch(() => undefined);
    }, 200);
  });
  afterAll(async () => {
    clearInterval(feeding);
    feed?.disconnect();
    await given?.redis[Symbol.asyncDispose]();
  });

  describe.each(Array.from({ length: TIMES }, (_, n) => n + 1))("time %i", (n) => {
    test.concurrent.each(["kill", "freeze", "cut", "delay"] as const)(
      "%s: the other takes over within ten seconds, no second is lost, and the first writes no more",
      async (fault) => {
        await using pair = await Pair.begin(given);
        await using first = await pair.start();
        await using second = await pair.start();
        await second.hears(/^leader: stands by/);
        const both_ms = now() + 1500;
        await sleep(6_000 + Math.random() * 2_000);
        expect(await pair.rowsBy(first)).toBeGreaterThan(0);
        expect(await pair.rowsBy(second)).toBe(0);
        // A second before its next write, so that it believes to lead when it writes.
        if (fault === "delay") await pair.wroteBy(first).then(() => sleep(4_000));
        const began_ms = performance.now();
        FAULTS[fault](first);
        await second.hears(/^leader: leads after/);
        const took_ms = performance.now() - began_ms;
        const rows_before = await pair.rowsBy(first);
        console.log(`failover ${n} by ${fault}: ${Math.round(took_ms)} ms`);
        expect(took_ms).toBeLessThan(10_000);
        if (fault === "freeze") {
          first.child.kill("SIGCONT");
          await first.hears(/^leader: (leads no more|stands by)/);
        }
        if (fault === "cut") first.pipe.flow();
        if (fault === "delay") first.pipe.release();
        await sleep(4_000);
        const until_ms = now();
        // Each second is written with the next write that is due.
        await sleep(6_500);
        expect(await pair.missing(both_ms, until_ms - 1000)).toEqual([]);
        expect(await pair.rowsBy(first)).toBe(rows_before);
        expect(await pair.rowsBy(second)).toBeGreaterThan(0);
      },
    );

    test.concurrent("two shards: a leader that is killed is followed by the stand-by of its own, and the other's leads on", async () => {
      await using pair = await Pair.begin(given);
      const [one, two] = await pair.divide();
      await using first = await pair.start("1/2");
      await using other = await pair.start("2/2");
      await using second = await pair.start("1/2");
      await using beside = await pair.start("2/2");
      await second.hears(/^leader: stands by: .* leads 1\/2/);
      await beside.hears(/^leader: stands by: .* leads 2\/2/);
      const both_ms = now() + 1500;
      await pair.wroteBy(first);
      await pair.wroteBy(other);
      const began_ms = performance.now();
      FAULTS.kill(first);
      await second.hears(/^leader: leads after/);
      expect(performance.now() - began_ms).toBeLessThan(10_000);
      await sleep(3_000);
      const until_ms = now();
      await sleep(6_500);
      expect(await pair.missing(both_ms, until_ms - 1000, one)).toEqual([]);
      expect(await pair.missing(both_ms, until_ms - 1000, two)).toEqual([]);
      expect(await pair.writers(one)).toEqual([first.role, second.role].toSorted());
      expect(await pair.writers(two)).toEqual([other.role]);
      expect(await pair.rowsBy(beside)).toBe(0);
    });
  });

  test("who leaves says so, and is followed at the next look", async () => {
    await using pair = await Pair.begin(given);
    await using first = await pair.start();
    await using second = await pair.start();
    await second.hears(/^leader: stands by/);
    first.child.kill("SIGTERM");
    await second.hears(/^leader: leads/);
  });
});
