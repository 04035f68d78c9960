import { Redis } from "ioredis";
import { expect } from "vitest";
import { QuoteBoard } from "../../packages/sdk/src/quotes/board.ts";
import { Fallback, type SourceStatus } from "../../packages/sdk/src/quotes/fallback.ts";
import { openSources, sourceSettings } from "../../packages/sdk/src/quotes/open.ts";
import { startPipe, type Pipe } from "./pipe.ts";
import { ref } from "./read.ts";
import { startRedis, type RedisServer } from "./redis.ts";
import { startTicker, type Ticker } from "./ticker.ts";

export const INSTRUMENTS = ["NFO:A", "NFO:B", "NFO:C", "NFO:D"] as const;

/** A daemon takes a sample a second, and leaves its sources four fifths of it. */
const INTERVAL_MS = 1_000;
const DEADLINE_MS = 800;

/** What a pass brought: of each instrument the source that told its price, or null where none did in this pass. */
export type Told = (string | null)[];

export interface SamplingOptions {
  /** Keys of `sources.` in the configuration; of those who are started around that Redis. */
  readonly sources?:
    | Readonly<Record<string, string>>
    | ((redis: RedisServer, stack: AsyncDisposableStack) => Promise<Readonly<Record<string, string>>>);
  /** Of redis-server. */
  readonly args?: readonly string[];
  /** `user:password@`, in the URL of Redis. */
  readonly login?: string;
}

/**
 * What a daemon does with its sources, in real time: a real Redis behind a pipe that can be broken, and a real ticker
 * service that can be made to fail. Before each pass both have new prices, so that it shows who told them: those of Redis are
 * below 1000, those of the service above. A pass that does not keep its interval is an error, whatever the sources do.
 */
export class Sampling implements AsyncDisposable {
  readonly redis: RedisServer;
  readonly pipe: Pipe;
  readonly ticker: Ticker;
  /** A connection of the test's own, past the pipe. */
  readonly admin: Redis;
  readonly prices: Fallback;
  readonly board = new QuoteBoard(INSTRUMENTS.map((instrument) => ref(instrument)));
  /** Called instead of writing prices into Redis. */
  feed: (values: Record<string, string>) => Promise<unknown>;
  readonly #stack: AsyncDisposableStack;
  #number = 0;

  private constructor(
    servers: Pick<Sampling, "redis" | "pipe" | "ticker" | "admin">,
    stack: AsyncDisposableStack,
    { login = "", sources: given }: { login?: string; sources: Readonly<Record<string, string>> },
  ) {
    this.redis = servers.redis;
    this.pipe = servers.pipe;
    this.ticker = servers.ticker;
    this.admin = servers.admin;
    this.feed = (values) => this.admin.mset(values);
    this.#stack = stack;
    const redis_url = `redis://${login}127.0.0.1:${this.pipe.port}`;
    const sources = openSources({ redis_url, ticker_url: this.ticker.url, sources: sourceSettings(given) });
    this.prices = stack.use(new Fallback({ sources, deadline_ms: DEADLINE_MS }));
  }

  static async start(options: SamplingOptions = {}): Promise<Sampling> {
    await using stack = new AsyncDisposableStack();
    const redis = stack.use(await startRedis(options.args ?? []));
    const pipe = stack.use(await startPipe(redis.port));
    const ticker = stack.use(await startTicker());
    const admin = stack.adopt(new Redis({ path: redis.socket, protocol: 2 }), async (client) => client.disconnect());
    admin.on("error", () => undefined);
    const given = typeof options.sources === "function" ? await options.sources(redis, stack) : (options.sources ?? {});
    return new Sampling({ redis, pipe, ticker, admin }, stack.move(), { ...options, sources: given });
  }

  /** One pass, after new prices. */
  async pass(): Promise<Told> {
    this.#number += 1;
    const number = (this.#number % 900) + 1;
    for (const [place, instrument] of INSTRUMENTS.entries())
      if (this.knows(instrument)) this.ticker.prices.set(instrument, 1_000 + number + place / 10);
    await this.feed(Object.fromEntries(INSTRUMENTS.map((instrument, place) => [`ltp:${instrument}`, `${number + place / 10}`])));
    const from_ms = performance.now();
    const revision = this.board.revision;
    await this.prices.refresh(this.board, Date.now(), from_ms);
    expect(performance.now() - from_ms).toBeLessThan(INTERVAL_MS);
    const moved = new Set(this.board.movedSince(revision));
    return INSTRUMENTS.map((_, place) => (moved.has(place) ? this.#sourceOf(place) : null));
  }

  /** Which instruments the ticker service knows: all. */
  knows: (instrument: string) => boolean = () => true;

  /** Passes until each instrument is told by who is expected: it takes its time until somebody is found to be away, or back. */
  async becomes(told: Told | string, timeout_ms = 15_000): Promise<void> {
    const expected = typeof told === "string" ? INSTRUMENTS.map(() => told) : told;
    await expect.poll(() => this.pass(), { timeout: timeout_ms, interval: 50 }).toEqual(expected);
  }

  /** So many passes, in each of which each instrument is told by who is expected. */
  async stays(told: Told | string, pass_count = 5): Promise<void> {
    const expected = typeof told === "string" ? INSTRUMENTS.map(() => told) : told;
    for (let pass = 0; pass < pass_count; pass += 1) expect(await this.pass()).toEqual(expected);
  }

  /** Passes until its status says so. */
  async says(name: string, why: RegExp): Promise<void> {
    const reason = async (): Promise<string> => this.pass().then(() => this.status(name)?.reason ?? "");
    await expect.poll(reason, { timeout: 10_000, interval: 50 }).toMatch(why);
    expect(this.status(name)).toMatchObject({ up: false });
  }

  status(name: string): SourceStatus | undefined {
    return this.prices.status().find((one) => one.name === name);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }

  #sourceOf(place: number): string | null {
    const { price, source } = this.board.quote(place, Date.now());
    // The price itself says whose it is, and the board must say the same.
    expect(source).toBe(price !== null && price >= 1_000 ? "ticker" : source);
    return source;
  }
}
