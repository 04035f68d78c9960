import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { Decimal } from "decimal.js";
import { Redis } from "ioredis";
import { Client } from "pg";
import { z } from "zod";
import type { PlainQuote } from "../engine/expected.ts";
import type { Pipe } from "../support/pipe.ts";
import type { DebianServer, FreshDatabase } from "../support/postgres.ts";
import type { RedisServer } from "../support/redis.ts";
import type { Ticker } from "../support/ticker.ts";
import type { Fault } from "./soak-plan.ts";

export const FUT = "NFO:NIFTY26DECFUT";
export const CE = "NFO:NIFTY26D0124500CE";
export const PE = "NFO:NIFTY26D0124000PE";

const Standing = z.object({
  at_ms: z.number().nullable(),
  marked_count: z.number(),
  leads: z.boolean(),
  away: z.array(z.string()),
  waiting_count: z.number(),
});
const NONE: z.infer<typeof Standing> = { at_ms: null, marked_count: 0, leads: false, away: [], waiting_count: 0 };
const Report = z.object({
  skipped_count: z.number(),
  lost_count: z.number(),
  spool_depth: z.number(),
  candles: z.looseObject({ dropped: z.number() }),
});
export type Report = z.infer<typeof Report>;
/** In bytes, once what nobody holds was collected. */
const Memory = z.object({ heap: z.number(), external: z.number(), rss: z.number() });
type Memory = z.infer<typeof Memory>;
const Told = z.union([
  Standing,
  z.object({ memory: Memory }),
  z.object({ report: Report }),
  z.object({ level: z.string(), event: z.string(), text: z.string() }),
]);

export interface StageOptions {
  readonly redis: RedisServer;
  readonly redis_pipe: Pipe;
  readonly ticker: Ticker;
  readonly server: DebianServer;
  readonly fresh: FreshDatabase;
  readonly pipe: Pipe;
  readonly spool: string;
  readonly open_ms: number;
  readonly close_ms: number;
  readonly now_ms: number;
}

/** In real milliseconds: a daemon that nothing keeps makes its pass within these. */
const PATIENCE_MS = 10_000;
/** And one that a fault may keep waits by its own clock, which then goes on in steps. */
const STEP_MS = 100;
const STEP_PATIENCE_MS = 40;
/** Its heart beats by real time: a look, a session that hangs, and a connection. */
const LEADS_MS = 15_000;

/** A daemon, the servers around it, the market that it sees, and what it was seen to mark. */
export class Stage {
  readonly #given: StageOptions;
  readonly #feed: Redis;
  #child: ChildProcess | null = null;
  #report: Report | null = null;
  #standing = NONE;
  #memory: ((bytes: Memory) => void) | null = null;
  #told: (() => void) | null = null;
  readonly #faults = new Set<Fault>();
  readonly #undo = new Map<Fault, () => Promise<unknown>>();
  /** By the wall clock, which may be set; how far into the second the daemon's clock is. */
  now_ms: number;
  #into_ms = 0;
  #newest_ms = 0;
  /** Redis was away, and did not answer yet since. */
  #redis_is_away = false;
  #both_away_ms = Number.NEGATIVE_INFINITY;
  readonly said: string[] = [];
  readonly quotes = new Map<string, PlainQuote[]>([FUT, CE, PE].map((instrument) => [instrument, []]));
  /** Seconds that were marked and that nothing may lose; and those that a kill may have taken. */
  readonly kept = new Set<number>();
  readonly uncertain = new Set<number>();
  #since_turn: number[] = [];
  /** Minutes in which a fault may have cost samples, or made a price an older one. */
  readonly disturbed = new Set<number>();
  /** Seconds in which a daemon that was there did not mark though it could have. */
  readonly unmarked: string[] = [];
  readonly memory: ({ process: number; after_s: number } & Memory)[] = [];
  process_count = 0;
  /** How often Redis was told to be away though nothing kept it but the machine. */
  slow_count = 0;
  #lived_s = 0;
  /** For so many seconds the database was not silent. */
  #heard_s = 0;
  /** By real time: since then it does not lead though nothing keeps it. */
  #unled_ms: number | null = null;

  constructor(given: StageOptions) {
    this.#given = given;
    this.#feed = new Redis(given.redis.url);
    this.now_ms = given.now_ms;
  }

  get lived_s(): number {
    return this.#lived_s;
  }

  /** Nothing is wrong just now, and it leads. */
  get is_well(): boolean {
    return this.#faults.size === 0 && !this.#redis_is_away && this.#leads;
  }

  get #leads(): boolean {
    return this.#child !== null && this.#standing.leads;
  }

  /** A fault of that lane, or one of those kinds, is there now. */
  #has(lane: Fault["lane"], ...kinds: string[]): boolean {
    return [...this.#faults].some((fault) => fault.lane === lane && (kinds.length === 0 || kinds.includes(fault.kind)));
  }

  /** A lane has one fault at a time. A kill takes what a hole kept from the database, and what a stand-by holds: neither is looked at. */
  may({ lane, kind }: Fault): boolean {
    if (this.#has(lane) || this.#child === null) return false;
    if (lane === "database") return this.#leads;
    return lane !== "process" || kind === "stopped" || (this.#heard_s > 60 && (this.#leads || this.#has("database")));
  }

  /** It can be started where its first pass waits for nothing. */
  get may_start(): boolean {
    return !this.#has("database") && !this.#has("redis");
  }

  async start(): Promise<void> {
    const { fresh, pipe, redis_pipe, ticker, spool } = this.#given;
    const url = `postgres://postgres@127.0.0.1:${pipe.port}/${fresh.name}?sslmode=disable&application_name=daemon`;
    const entry = path.join(import.meta.dirname, "soak-process.ts");
    const args = [url, `redis://127.0.0.1:${redis_pipe.port}`, ticker.url, spool, String(this.now_ms)];
    const child = spawn(process.execPath, [entry, ...args], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#child = child;
    this.process_count += 1;
    this.#lived_s = 0;
    this.#into_ms = 0;
    this.#standing = NONE;
    const ready = Promise.withResolvers<void>();
    child.on("message", (message) => {
      const told = Told.parse(message);
      if ("level" in told) {
        this.said.push(`${new Date(this.now_ms).toISOString().slice(11, 19)} ${told.event}: ${told.text}`);
        if (told.event === "ready") ready.resolve();
      } else if ("memory" in told) this.#memory?.(told.memory);
      else if ("report" in told) this.#report = told.report;
      else {
        if (told.at_ms !== null && told.at_ms !== this.now_ms && told.marked_count > 0) this.#late(told.at_ms);
        this.#standing = told.at_ms === null ? { ...told, at_ms: this.#standing.at_ms } : told;
        this.#told?.();
      }
    });
    await Promise.race([ready.promise, once(child, "exit")]);
    await this.#passed(this.now_ms, PATIENCE_MS);
    this.#note(true);
    await this.#leading();
  }

  /** The process ends: at once, and with it what it had not written; or as it should. */
  async end(how: "SIGKILL" | "stop"): Promise<Report | null> {
    const child = this.#child;
    if (child === null) return null;
    // What it was about to put on disk is there: the session goes by faster than a disk is.
    await pause(150);
    const exited = once(child, "exit");
    if (how === "stop") child.send({ ask: "stop" });
    else child.kill(how);
    await exited;
    this.#child = null;
    for (const second of this.#since_turn) (how === "stop" ? this.kept : this.uncertain).add(second);
    this.#since_turn = [];
    return this.#report;
  }

  async measure(): Promise<void> {
    const bytes = Promise.withResolvers<Memory>();
    this.#memory = bytes.resolve;
    this.#child?.send({ ask: "memory" });
    this.memory.push({ process: this.process_count, after_s: this.#lived_s, ...(await bytes.promise) });
  }

  /** A second goes by. */
  async second(): Promise<void> {
    this.now_ms += 1000;
    await this.#trade();
    if (this.#child === null) return;
    this.#lived_s += 1;
    this.#child.send({ pass: 1000 - this.#into_ms });
    this.#into_ms = 0;
    const is_kept = this.#has("redis") || this.#has("database") || this.#redis_is_away;
    let passed = await this.#passed(this.now_ms, is_kept ? STEP_PATIENCE_MS : PATIENCE_MS);
    while (!passed && this.#into_ms < 1000 - STEP_MS) {
      this.#child.send({ pass: STEP_MS });
      this.#into_ms += STEP_MS;
      passed = await this.#passed(this.now_ms, STEP_PATIENCE_MS);
    }
    this.#note(passed);
    this.#heard_s = this.#has("database", "silent") ? 0 : this.#heard_s + 1;
    if (this.#redis_is_away && !this.#has("redis")) await this.#redisBack();
    if (!this.#has("database")) await this.#leadsSoon();
    else this.#unled_ms = null;
  }

  #note(passed: boolean): void {
    const minute = this.now_ms - (this.now_ms % 60_000);
    if (this.#since_turn.some((second) => second - (second % 60_000) !== minute)) {
      for (const second of this.#since_turn) this.kept.add(second);
      this.#since_turn = [];
    }
    const is_behind = this.now_ms < this.#newest_ms;
    // By real time as well a source may be too slow for the daemon: where the machine has too much to do, and in a first read.
    if (this.#standing.away.includes("redis") && !this.#redis_is_away) {
      this.#redis_is_away = true;
      this.slow_count += 1;
    }
    if (this.#redis_is_away || !passed || is_behind) this.disturbed.add(minute);
    const is_both_away = this.#redis_is_away && (this.#has("ticker") || this.#standing.away.includes("ticker") || this.#lived_s === 0);
    if (is_both_away || is_behind) this.#both_away_ms = this.now_ms;
    if (!passed) return;
    if (this.#standing.marked_count > 0) this.#since_turn.push(this.now_ms);
    else if (this.now_ms >= this.#given.open_ms && this.now_ms < this.#given.close_ms && this.now_ms - this.#both_away_ms > 60_000)
      this.unmarked.push(`${new Date(this.now_ms).toISOString()} ${this.#lived_s} s after its start, ${JSON.stringify(this.#standing)}`);
  }

  /** A pass that waited for a silent database until the second was over: what it saw is of later. */
  #late(at_ms: number): void {
    this.uncertain.add(at_ms);
    this.disturbed.add(at_ms - (at_ms % 60_000));
  }

  /** By real time, since a client tries again by that: what the session does meanwhile is one second at a time. */
  async #redisBack(): Promise<void> {
    if (!this.#standing.away.includes("redis")) this.#redis_is_away = false;
    else await pause(20);
  }

  /** The pass of that instant is made, within so many real milliseconds. */
  async #passed(at_ms: number, within_ms: number): Promise<boolean> {
    const until = performance.now() + within_ms;
    while (this.#standing.at_ms !== at_ms) {
      const left_ms = until - performance.now();
      if (left_ms <= 0) {
        if (within_ms === PATIENCE_MS) throw new Error(`no pass at ${new Date(at_ms).toISOString()}`);
        return false;
      }
      const told = Promise.withResolvers<void>();
      this.#told = told.resolve;
      const timer = setTimeout(told.resolve, left_ms);
      await told.promise;
      clearTimeout(timer);
    }
    return true;
  }

  /** It leads (again): its heart beats by real time, which the session outruns. */
  async #leading(): Promise<void> {
    while (this.#child !== null && !this.#standing.leads) {
      await this.#leadsSoon();
      this.#child.send({ ask: "standing" });
    }
  }

  async #leadsSoon(): Promise<void> {
    if (this.#standing.leads) this.#unled_ms = null;
    else if (performance.now() - (this.#unled_ms ??= performance.now()) > LEADS_MS)
      throw new Error(`it does not lead at ${new Date(this.now_ms).toISOString()}`);
    else await pause(20);
  }

  /** Prices that go up and down, the options' not every second; what a second says is the same when it comes again. */
  async #trade(): Promise<void> {
    const { open_ms, ticker } = this.#given;
    const at_ms = this.now_ms;
    if (at_ms < open_ms || at_ms <= this.#newest_ms) return;
    const is_first = this.#newest_ms === 0;
    this.#newest_ms = at_ms;
    const second = at_ms / 1000;
    const time = new Date(at_ms).toISOString();
    const pipeline = this.#feed.pipeline();
    for (const [instrument, price, every] of [
      [FUT, 24_500 + ((second * 37) % 41) - 20, 1],
      [CE, 150 + ((second * 13) % 29) / 20, 3],
      [PE, 120 - ((second * 7) % 31) / 20, 7],
    ] as const) {
      if (second % every !== 0 && !is_first) continue;
      const body = { last_price: price, last_trade_time: time };
      this.quotes.get(instrument)?.push({ at: at_ms, price: new Decimal(price) });
      pipeline.set(`ltp:${instrument}`, JSON.stringify(body));
      ticker.prices.set(instrument, body);
    }
    await pipeline.exec();
  }

  async begin(fault: Fault): Promise<void> {
    this.said.push(`${new Date(this.now_ms).toISOString().slice(11, 19)} -- ${fault.lane} ${fault.kind} ${fault.for_s} s`);
    this.#faults.add(fault);
    this.#undo.set(fault, await this.#take(fault));
    if (fault.lane === "redis") this.#redis_is_away = true;
  }

  async over(fault: Fault): Promise<void> {
    await this.#undo.get(fault)?.();
    this.#faults.delete(fault);
    this.#undo.delete(fault);
    this.said.push(`${new Date(this.now_ms).toISOString().slice(11, 19)} -- ${fault.lane} ${fault.kind} over`);
  }

  /** Does it, and gives what undoes it. */
  async #take({ lane, kind, for_s }: Fault): Promise<() => Promise<unknown>> {
    const { redis_pipe, ticker, pipe, server, fresh } = this.#given;
    const nothing = async (): Promise<void> => undefined;
    switch (`${lane} ${kind}`) {
      case "redis refused":
      case "database refused": {
        const which = lane === "redis" ? redis_pipe : pipe;
        await which.refuse();
        return () => which.accept();
      }
      case "redis silent":
      case "database silent": {
        const which = lane === "redis" ? redis_pipe : pipe;
        which.swallow();
        return async () => which.flow();
      }
      case "ticker slow":
      case "ticker 5xx":
        ticker.fault = (_, response) => {
          if (kind === "5xx") response.writeHead(503).end();
        };
        return async () => void (ticker.fault = null);
      case "database read-only": {
        // Apart: in one they are one transaction, and who connects anew is sooner than its end.
        const set = async (value: string): Promise<void> => {
          await asAdmin(server, `alter database ${fresh.name} set default_transaction_read_only = ${value}`);
          await asAdmin(server, END_DAEMONS);
        };
        await set("on");
        return () => set("off");
      }
      case "database terminated":
        await asAdmin(server, END_DAEMONS);
        return nothing;
      case "database stopped":
        return server.halt();
      case "process killed":
      case "process stopped":
        await this.end(kind === "killed" ? "SIGKILL" : "stop");
        return () => this.start();
      default: // the clock
        this.disturbed.add(this.now_ms - (this.now_ms % 60_000));
        this.now_ms += for_s * 1000;
        this.disturbed.add(this.now_ms - (this.now_ms % 60_000));
        this.#child?.send({ set: this.now_ms + this.#into_ms });
        return nothing;
    }
  }

  async close(): Promise<void> {
    this.#child?.kill("SIGKILL");
    this.#feed.disconnect();
  }
}

const END_DAEMONS = "select pg_terminate_backend(pid) from pg_stat_activity where application_name in ('daemon', 'stratctl leader')";

async function asAdmin(server: DebianServer, sql: string): Promise<void> {
  const client = new Client({ connectionString: server.url });
  client.on("error", () => undefined);
  await client.connect();
  await client.query(sql);
  await client.end();
}
