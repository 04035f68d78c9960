import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { redisMissing, startRedis, type RedisServer } from "../support/redis.ts";
import { until } from "../support/server.ts";
import { onEveryPostgres, type Store } from "../support/store.ts";
import { at, strategy, type GivenLeg } from "./entered.ts";
import { expectedCandles, quotesOf, type PlainCandle, type PlainLeg } from "./expected.ts";
import { candleRows } from "./rows.ts";

const CE = "NFO:NIFTY26D0124500CE";
const PE = "NFO:NIFTY26D0124000PE";
const FUT = "NFO:NIFTY26DECFUT";
const LEGS: readonly GivenLeg[] = [
  { instrument: CE, direction: "SELL", quantity: 65, entry: 150 },
  { instrument: PE, direction: "SELL", quantity: 65, entry: 120.05 },
  { instrument: FUT, direction: "BUY", quantity: 65, entry: 24_500 },
];

let redis: RedisServer;
beforeAll(async () => {
  if (redisMissing === null) redis = await startRedis();
});
afterAll(() => redis?.stop());

const Told = z.union([z.object({ at_ms: z.number() }), z.object({ event: z.string(), text: z.string() })]);

/** The daemon's process, the market that it sees, and the clock that it goes by. */
class Stage implements AsyncDisposable {
  readonly #folder: string;
  readonly #store: Store;
  readonly #redis: Redis;
  /** The market so far, as a recording. */
  readonly #lines = ["at_utc,instrument,price"];
  readonly said: string[] = [];
  #child: ChildProcess | null = null;
  #last_pass_ms = 0;
  now_ms: number;

  private constructor(store: Store, folder: string, now_ms: number) {
    this.#store = store;
    this.#folder = folder;
    this.#redis = new Redis(redis.url);
    this.now_ms = now_ms;
  }

  static async open(store: Store, time: string): Promise<Stage> {
    const stage = new Stage(store, await mkdtemp(path.join(tmpdir(), "stratctl-t-")), Date.parse(at(time)));
    await stage.#redis.flushall();
    await stage.#show(stage.now_ms);
    return stage;
  }

  async start(): Promise<void> {
    const entry = path.join(import.meta.dirname, "daemon-process.ts");
    const child = spawn(process.execPath, [entry, this.#store.url, redis.url, this.#clock], { stdio: ["ignore", "pipe", "inherit"] });
    this.#child = child;
    const ready = Promise.withResolvers<void>();
    createInterface({ input: child.stdout }).on("line", (line) => {
      const told = Told.parse(JSON.parse(line));
      if ("at_ms" in told) this.#last_pass_ms = told.at_ms;
      else this.said.push(`${told.event}: ${told.text}`);
      if ("event" in told && told.event === "ready") ready.resolve();
    });
    await ready.promise;
  }

  /** The market and the clock go on second by second; with a daemon, each pass is awaited. */
  async to(time: string): Promise<void> {
    while (this.now_ms < Date.parse(at(time))) {
      this.now_ms += 1000;
      await this.#trade(this.now_ms);
      await this.#show(this.now_ms);
      if (this.#child === null) continue;
      await until(
        async () => expect(this.#last_pass_ms).toBe(this.now_ms),
        () => `no pass at ${new Date(this.now_ms).toISOString()}\n${this.said.join("\n")}`,
      );
    }
  }

  async end(signal: "SIGKILL" | "SIGTERM"): Promise<{ code: number | null; took_ms: number }> {
    const child = this.#child;
    if (child === null) throw new Error("no daemon runs");
    this.#child = null;
    const began_ms = performance.now();
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
    return { code: child.exitCode, took_ms: performance.now() - began_ms };
  }

  /** What the sentences of the design make of this market, at the seconds that are in a mask. */
  async expected(rows: readonly PlainCandle[]): Promise<PlainCandle[]> {
    const file = path.join(this.#folder, "market.csv");
    await writeFile(file, `${this.#lines.join("\n")}\n`);
    const masks = new Map(rows.map(({ minute, sampled }) => [Date.parse(minute), BigInt(sampled)]));
    const legs: PlainLeg[] = LEGS.map(({ entry, ...rest }) => ({ ...rest, entry_price: entry }));
    const session = { open: at("03:45:00"), close: at("10:10:00") };
    const isSampled = (t: number): boolean => ((masks.get(t - (t % 60_000)) ?? 0n) & (1n << BigInt((t % 60_000) / 1000))) !== 0n;
    const situation = { path: file, every_s: 1, hours: { NFO: session }, isSampled };
    return expectedCandles(situation, quotesOf(situation), legs).candles.map((candle) => ({ ...candle, source: "live" }));
  }

  get #clock(): string {
    return path.join(this.#folder, "clock");
  }

  /** Never half a number: the file is replaced. */
  async #show(ms: number): Promise<void> {
    await writeFile(`${this.#clock}.new`, String(ms));
    await rename(`${this.#clock}.new`, this.#clock);
  }

  /** Prices that go up and down, the options' not every second. */
  async #trade(at_ms: number): Promise<void> {
    const second = at_ms / 1000;
    const prices = [
      [FUT, 24_500 + ((second * 37) % 41) - 20, 1],
      [CE, 150 + ((second * 13) % 29) / 20, 3],
      [PE, 120 - ((second * 7) % 31) / 20, 7],
    ] as const;
    for (const [instrument, price, every] of prices) {
      if (second % every !== 0) continue;
      this.#lines.push(`${new Date(at_ms).toISOString()},${instrument},${price}`);
      await this.#redis.set(`ltp:${instrument}`, JSON.stringify({ last_price: price, last_trade_time: new Date(at_ms).toISOString() }));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child !== null) await this.end("SIGKILL");
    this.#redis.disconnect();
    await rm(this.#folder, { recursive: true });
  }
}

/** Seconds of the rows' masks, as instants. */
function sampledOf(rows: readonly PlainCandle[]): Set<number> {
  const seconds = rows.flatMap(({ minute, sampled }) =>
    Array.from({ length: 60 }, (_, s) => s)
      .filter((s) => (BigInt(sampled) & (1n << BigInt(s))) !== 0n)
      .map((s) => Date.parse(minute) + s * 1000),
  );
  return new Set(seconds);
}

function secondsBetween(from: string, to: string): number[] {
  const [from_ms, to_ms] = [Date.parse(at(from)), Date.parse(at(to))];
  return Array.from({ length: (to_ms - from_ms) / 1000 + 1 }, (_, n) => from_ms + n * 1000);
}

describe.skipIf(redisMissing)("the daemon's process", () => {
  onEveryPostgres("over", (store) => {
    test("kill -9 in the middle of a minute and a restart: the candles of an undisturbed run but for the samples lost, none invented", async () => {
      const strategy_id = await strategy(store, LEGS);
      await using stage = await Stage.open(store, "05:00:40");
      await stage.start();
      await stage.to("05:02:33");
      await stage.end("SIGKILL");
      await stage.to("05:02:41");
      await stage.start();
      await stage.to("05:04:05");
      expect(await stage.end("SIGTERM")).toMatchObject({ code: 0 });

      const rows = await candleRows(store.db, strategy_id);
      expect(rows).toEqual(await stage.expected(rows));
      expect(rows.map(({ minute }) => minute.slice(11, 16))).toEqual(["05:00", "05:01", "05:02", "05:03", "05:04"]);
      const sampled = sampledOf(rows);
      const lost = secondsBetween("05:00:49", "05:04:05").filter((second) => !sampled.has(second));
      // What was sampled in the five seconds before the kill was not written yet; from :34 to :40 nobody was there.
      expect(lost.length).toBeLessThanOrEqual(5 + 8);
      for (const second of lost) expect(secondsBetween("05:02:29", "05:02:41")).toContain(second);
      expect(sampled.has(Date.parse(at("05:02:20"))) && sampled.has(Date.parse(at("05:02:45")))).toBe(true);
    });

    test("SIGTERM in the middle of a minute: all is written and it ends with 0, in less than five seconds", async () => {
      const strategy_id = await strategy(store, LEGS);
      await using stage = await Stage.open(store, "05:00:40");
      await stage.start();
      await stage.to("05:01:33");
      const { code, took_ms } = await stage.end("SIGTERM");
      expect(code).toBe(0);
      expect(took_ms).toBeLessThan(5000);
      const rows = await candleRows(store.db, strategy_id);
      expect(rows).toEqual(await stage.expected(rows));
      const sampled = sampledOf(rows);
      expect(secondsBetween("05:00:49", "05:01:33").filter((second) => !sampled.has(second))).toEqual([]);
      expect(stage.said.at(-1)).toBe("stopped: 2 candles written");
    });
  });
});
