import { Redis } from "ioredis";
import { runDaemon, type DaemonOptions, type DaemonPass, type DaemonReport, type LogLine } from "../../packages/engine/src/index.ts";
import { redisSource } from "../../packages/sdk/src/internal.ts";
import { HandClock } from "../support/clock.ts";
import type { RedisServer } from "../support/redis.ts";
import { until } from "../support/server.ts";

export interface WorldOptions extends Partial<
  Pick<DaemonOptions, "spool" | "sources" | "timing" | "once" | "shard" | "serve" | "calendar" | "onLoop" | "jump_percent_max">
> {
  readonly db: DaemonOptions["db"];
  readonly redis: RedisServer;
  /** What the clock shows at the start. */
  readonly at: string;
}

/** A daemon in this process, real servers around it, and a clock that the test moves. */
export class World implements AsyncDisposable {
  readonly clock: HandClock;
  readonly lines: LogLine[] = [];
  readonly passes: DaemonPass[] = [];
  readonly #redis: Redis;
  readonly #stop = new AbortController();
  readonly #daemon: Promise<DaemonReport>;
  readonly #interval_ms: number;

  private constructor({ redis, db, at, ...options }: WorldOptions) {
    this.clock = new HandClock(at);
    this.#redis = new Redis(redis.url);
    this.#interval_ms = options.timing?.interval_ms ?? 1000;
    const { clock } = this;
    const sources = options.sources ?? [redisSource({ url: redis.url })];
    const onPass = (pass: DaemonPass): unknown => this.passes.push(pass);
    const log = (line: LogLine): unknown => this.lines.push(line);
    const all: DaemonOptions = { ...options, db, sources, clock, log, onPass, signal: this.#stop.signal };
    this.#daemon = runWith(all);
    this.#daemon.catch(() => undefined); // told by whoever waits for it
  }

  /** Starts it on a Redis without keys; resolves when it is ready, and has made the pass that is due at once. */
  static async start(options: WorldOptions): Promise<World> {
    const cleaner = new Redis(options.redis.url);
    await cleaner.flushall();
    cleaner.disconnect();
    const world = new World(options);
    if (options.once === true) return world;
    await world.hears(/^ready/);
    if (world.clock.now() % world.#interval_ms === 0) await world.passed(world.clock.now());
    return world;
  }

  /** Puts a quote into Redis with its time (now), as a feed does. */
  async quote(instrument: string, price: number, at: string | number = this.clock.now()): Promise<void> {
    const body = { last_price: price, last_trade_time: new Date(at).toISOString() };
    await this.#redis.set(`ltp:${instrument}`, JSON.stringify(body));
  }

  /** Puts a bare number into Redis, without a time. */
  async number(instrument: string, price: number): Promise<void> {
    await this.#redis.set(`ltp:${instrument}`, String(price));
  }

  async remove(instrument: string): Promise<void> {
    await this.#redis.del(`ltp:${instrument}`);
  }

  /** Time goes on to that instant (a time of the same day is enough), pass by pass; `before` runs before each. */
  async to(instant: string, before: (at_ms: number) => Promise<void> = async () => undefined): Promise<void> {
    const target_ms = instant.includes("T")
      ? Date.parse(instant)
      : Date.parse(`${new Date(this.clock.now()).toISOString().slice(0, 11)}${instant}Z`);
    while (this.clock.now() < target_ms) {
      const next_ms = Math.min(target_ms, Math.floor(this.clock.now() / this.#interval_ms + 1) * this.#interval_ms);
      await before(next_ms);
      this.clock.pass(next_ms - this.clock.now());
      if (next_ms % this.#interval_ms === 0) await this.passed(next_ms);
    }
  }

  /** The pass at that instant has been made. */
  async passed(at_ms: number): Promise<void> {
    await until(
      async () => {
        if (this.passes.at(-1)?.at_ms !== at_ms) throw new Error("not yet");
      },
      () => this.tell(`no pass at ${new Date(at_ms).toISOString()}`),
    );
  }

  /** Somebody sleeps who has still so long to go. */
  async sleeps(ms: number): Promise<void> {
    await until(
      async () => {
        if (!this.clock.waits_ms.includes(ms)) throw new Error("not yet");
      },
      () => this.tell(`nobody sleeps for ${ms} ms but ${this.clock.waits_ms.join(", ")}`),
    );
  }

  /** A line of the log that says so is there, or comes. */
  async hears(what: RegExp): Promise<LogLine> {
    return until(
      async () => {
        const found = this.lines.find(({ event, text }) => what.test(`${event} ${text}`));
        if (found === undefined) throw new Error("not yet");
        return found;
      },
      () => this.tell(`nothing like ${what}`),
    );
  }

  /** What the log says, a line each. */
  get said(): string[] {
    return this.lines.map(({ event, text }) => `${event}: ${text}`);
  }

  /** As SIGTERM does. */
  async stop(): Promise<DaemonReport> {
    this.#stop.abort();
    return this.#daemon;
  }

  /** Until it ends by itself. */
  async ended(): Promise<DaemonReport> {
    return this.#daemon;
  }

  tell(what: string): string {
    return `${what}; it is ${new Date(this.clock.now()).toISOString()}, last pass ${JSON.stringify(this.passes.at(-1))}\n${this.said.join("\n")}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#redis.disconnect();
    await this.stop().catch(() => undefined);
  }
}

/** Runs a daemon and closes its sources: they belong to whoever opened them. */
async function runWith(options: DaemonOptions): Promise<DaemonReport> {
  try {
    return await runDaemon(options);
  } finally {
    await Promise.all(options.sources.map((source) => source.close()));
  }
}
