import { Redis } from "ioredis";
import { afterEach, describe, expect, test } from "vitest";
import { startPipe } from "../../../../test/support/pipe.ts";
import { redisMissing, startRedis } from "../../../../test/support/redis.ts";
import { startTicker } from "../../../../test/support/ticker.ts";
import { QuoteBoard } from "./board.ts";
import { Fallback } from "./fallback.ts";
import { redisSource } from "./redis.ts";
import type { Allowance, InstrumentRef, QuoteSink, QuoteSource, SourceClock } from "./source.ts";
import { tickerSource } from "./ticker.ts";
import { unavailable } from "./unavailable.ts";

const T = Date.parse("2026-11-25T04:00:00Z");

const ref = (instrument: string): InstrumentRef => {
  const [exchange = "", tradingsymbol = ""] = instrument.split(":");
  return { instrument, exchange, tradingsymbol, instrument_token: null };
};

class HandClock implements SourceClock {
  #ms = 0;
  now = (): number => T + this.#ms;
  monotonic = (): number => this.#ms;
  pass(ms: number): void {
    this.#ms += ms;
  }
}

/** What a source that is made up says of an instrument: a price, with a time or without; a refusal; nothing. */
type Says = { price: number; at_ms?: number } | { refused: string } | undefined;

class MadeUp implements QuoteSource {
  readonly name: string;
  readonly says = new Map<string, Says>();
  /** Instruments asked for, a list for each pass. */
  readonly asked: string[][] = [];
  down: string | null = null;
  closed = false;
  allowance?: () => Allowance;

  constructor(name: string, says: Record<string, Says> = {}, allowance?: () => Allowance) {
    this.name = name;
    for (const [instrument, what] of Object.entries(says)) this.says.set(instrument, what);
    if (allowance !== undefined) this.allowance = allowance;
  }

  async read(instruments: readonly InstrumentRef[], sink: QuoteSink): Promise<void> {
    this.asked.push(instruments.map(({ instrument }) => instrument));
    if (this.down !== null) throw unavailable(this.name, this.down);
    for (const [index, { instrument }] of instruments.entries()) {
      const what = this.says.get(instrument);
      if (what === undefined) sink.absent(index, this.name === "redis" ? "no key" : "404");
      else if ("refused" in what) sink.refused(index, what.refused);
      else sink.quote(index, what.price, what.at_ms ?? null);
    }
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

const freely = (): Allowance => ({ instrument_count: 1_000, why: null });

function world(instruments: string[], redis: Record<string, Says>, ticker: Record<string, Says>, allowance: () => Allowance = freely) {
  const clock = new HandClock();
  const sources = { redis: new MadeUp("redis", redis), ticker: new MadeUp("ticker", ticker, allowance) };
  const prices = new Fallback({ sources: [sources.redis, sources.ticker], clock });
  const board = new QuoteBoard(instruments.map(ref));
  const pass = (): Promise<void> => prices.refresh(board, clock.now(), clock.monotonic());
  const held = (): (number | null)[] => [...board.price_units].map((units) => (Number.isNaN(units) ? null : units));
  return { clock, ...sources, prices, board, pass, held };
}

test("the ticker is asked only about what Redis did not give, or gave as something else than a price", async () => {
  const { board, held, pass, ticker, prices } = world(
    ["NFO:A", "NFO:B", "NFO:C", "NFO:D"],
    { "NFO:A": { price: 1 }, "NFO:B": { refused: '"" is not a price' }, "NFO:D": { price: 9, at_ms: T + 60_000 } },
    { "NFO:A": { price: 100 }, "NFO:B": { price: 2 }, "NFO:D": { price: 4 } },
  );
  await pass();
  expect(ticker.asked).toEqual([["NFO:B", "NFO:C", "NFO:D"]]);
  expect(held()).toEqual([1, 2, null, 4]);
  expect([...board.source].map((number) => board.sources[number])).toEqual(["redis", "ticker", undefined, "ticker"]);
  expect([0, 1, 2, 3].map((index) => board.why(index))).toEqual([null, null, "redis: no key; ticker: 404", null]);
  expect(board.counts).toMatchObject({ accepted: 3, refused: 2 });
  expect(prices.status()).toEqual([
    { name: "redis", up: true, reason: null, since_ms: T, quote_count: 1 },
    { name: "ticker", up: true, reason: null, since_ms: T, quote_count: 2 },
  ]);
});

test("about a stale instrument once in stale_ms_max at most", async () => {
  const { clock, pass, ticker, redis, board } = world(
    ["NFO:A"],
    { "NFO:A": { price: 1, at_ms: T - 61_000 } },
    { "NFO:A": { price: 1, at_ms: T - 61_000 } },
  );
  for (let second = 0; second < 180; second += 1) {
    await pass();
    clock.pass(1_000);
  }
  expect(ticker.asked).toHaveLength(3);
  expect(redis.asked).toHaveLength(180);
  expect(board.ageOf(0, clock.now())).toBe(61_000 + 180_000);
});

test("a stale price that the ticker knows newer is replaced, and its own stale one is as old as it says", async () => {
  const { clock, pass, ticker, held } = world(
    ["NFO:A"],
    { "NFO:A": { price: 1, at_ms: T - 61_000 } },
    { "NFO:A": { price: 2, at_ms: T - 5_000 } },
  );
  await pass();
  expect(held()).toEqual([2]);
  clock.pass(54_000);
  await pass();
  expect(ticker.asked).toHaveLength(1); // 59 s old: not stale
  clock.pass(2_000);
  await pass();
  expect(ticker.asked).toHaveLength(2);
});

test("about one that nobody knows after 1, 2, 4, 8, 16, 30, 30 seconds", async () => {
  const { clock, pass, ticker, board } = world(["NFO:A"], {}, {});
  const asked_s: number[] = [];
  for (let second = 0; second <= 121; second += 1) {
    const before = ticker.asked.length;
    await pass();
    if (ticker.asked.length > before) asked_s.push(second);
    expect(board.why(0)).toBe("redis: no key; ticker: 404");
    clock.pass(1_000);
  }
  expect(asked_s).toEqual([0, 1, 3, 7, 15, 31, 61, 91, 121]);
});

test("about one that only the ticker knows in every pass", async () => {
  const { clock, pass, ticker, held } = world(["NFO:A"], {}, { "NFO:A": { price: 1 } });
  for (let second = 0; second < 30; second += 1) {
    ticker.says.set("NFO:A", { price: second + 1 });
    await pass();
    expect(held()).toEqual([second + 1]);
    clock.pass(1_000);
  }
  expect(ticker.asked).toHaveLength(30);
});

test("a source alone is the feed: asked about everything in every pass, but for what it does not know", async () => {
  const clock = new HandClock();
  const ticker = new MadeUp("ticker", { "NFO:OLD": { price: 1, at_ms: T - 3_600_000 } }, freely);
  const prices = new Fallback({ sources: [ticker], clock });
  const board = new QuoteBoard(["NFO:OLD", "NFO:NONE"].map(ref));
  for (let second = 0; second < 4; second += 1) {
    await prices.refresh(board, clock.now(), clock.monotonic());
    clock.pass(1_000);
  }
  expect(ticker.asked).toEqual([["NFO:OLD", "NFO:NONE"], ["NFO:OLD", "NFO:NONE"], ["NFO:OLD"], ["NFO:OLD", "NFO:NONE"]]);
});

test("where it may be asked about a few at a time, each gets its turn", async () => {
  const instruments = Array.from({ length: 10 }, (_, number) => `NFO:T${number}`);
  const { clock, pass, ticker, held } = world(instruments, {}, Object.fromEntries(instruments.map((name) => [name, { price: 5 }])), () => ({
    instrument_count: 4,
    why: null,
  }));
  for (let second = 0; second < 5; second += 1) {
    await pass();
    clock.pass(1_000);
  }
  expect(ticker.asked.map(({ length }) => length)).toEqual([4, 4, 4, 4, 4]);
  expect(ticker.asked.flat()).toEqual([...instruments, ...instruments]);
  expect(held()).toEqual(instruments.map(() => 5));
});

test("while it orders to wait it is not asked, and the reason is told", async () => {
  const { clock, pass, ticker, board, prices, held } = world(["NFO:A"], {}, { "NFO:A": { price: 1 } }, () =>
    clock.monotonic() < 3_000 ? { instrument_count: 0, why: "429, waits 3 s" } : freely(),
  );
  await pass();
  expect(ticker.asked).toEqual([]);
  expect(board.why(0)).toBe("redis: no key; ticker: 429, waits 3 s");
  expect(prices.status()[1]).toEqual({ name: "ticker", up: false, reason: "429, waits 3 s", since_ms: T, quote_count: 0 });
  clock.pass(3_000);
  await pass();
  expect(held()).toEqual([1]);
  expect(prices.status()[1]).toEqual({ name: "ticker", up: true, reason: null, since_ms: T + 3_000, quote_count: 1 });
});

test("a source that is away costs a reason, and no wait for the instruments it left unanswered", async () => {
  const { clock, pass, redis, ticker, board, prices, held } = world(["NFO:A"], { "NFO:A": { price: 1 } }, { "NFO:A": { price: 2 } });
  redis.down = "connection refused";
  ticker.down = "no answer";
  await pass();
  expect(board.why(0)).toBe("redis: connection refused; ticker: no answer");
  expect(prices.status().map(({ up, reason }) => [up, reason])).toEqual([
    [false, "connection refused"],
    [false, "no answer"],
  ]);
  clock.pass(1_000);
  await pass();
  ticker.down = null;
  clock.pass(1_000);
  await pass();
  expect([held(), board.sources[board.source[0] ?? -1]]).toEqual([[2], "ticker"]);
  redis.down = null;
  clock.pass(1_000);
  await pass();
  expect([held(), board.sources[board.source[0] ?? -1]]).toEqual([[1], "redis"]);
  expect(prices.status()[0]).toMatchObject({ up: true, since_ms: T + 3_000 });
});

test("a fault within a source is told like one that is away", async () => {
  const { pass, redis, board } = world(["NFO:A"], {}, {});
  redis.read = () => Promise.reject(new TypeError("x is not a function"));
  await pass();
  expect(board.why(0)).toBe("redis: x is not a function; ticker: 404");
});

test("one that ignores its deadline is left behind, and what it says later is not heard", async () => {
  const told = Promise.withResolvers<void>();
  const slow: QuoteSource = {
    name: "slow",
    read: async (_instruments, sink) => {
      await told.promise;
      sink.quote(0, 7, null);
    },
    close: async () => undefined,
  };
  const board = new QuoteBoard([ref("NFO:A")]);
  const prices = new Fallback({ sources: [slow, new MadeUp("ticker", { "NFO:A": { price: 1 } }, freely)], deadline_ms: 100 });
  const start_ms = performance.now();
  await prices.refresh(board, T, start_ms);
  expect(performance.now() - start_ms).toBeLessThan(250);
  expect(prices.status()[0]).toMatchObject({ up: null, reason: "does not keep its deadline" });
  await prices.refresh(board, T, performance.now());
  expect(prices.status()[0]).toMatchObject({ up: false, reason: "does not keep its deadline" });
  told.resolve();
  await told.promise;
  expect([...board.price_units]).toEqual([1]);
});

describe("a source that hangs", () => {
  /** Ends when its deadline does, with nothing told, as long as `hangs`. */
  class Slow implements QuoteSource {
    readonly name = "slow";
    readonly #clock: HandClock;
    hangs = true;
    read_count = 0;
    deadline_ms?: number;

    constructor(clock: HandClock) {
      this.#clock = clock;
    }

    async read(_instruments: readonly InstrumentRef[], sink: QuoteSink, { deadline_ms }: { deadline_ms: number }): Promise<void> {
      this.read_count += 1;
      if (!this.hangs) return sink.quote(0, 7, null);
      this.#clock.pass(deadline_ms);
      throw unavailable(this.name, "no answer");
    }

    async close(): Promise<void> {}
  }

  function hanging(): { clock: HandClock; slow: Slow; prices: Fallback; board: QuoteBoard; pass: () => Promise<number> } {
    const clock = new HandClock();
    const slow = new Slow(clock);
    const ticker = new MadeUp("ticker", { "NFO:A": { price: 1 } }, freely);
    const prices = new Fallback({ sources: [slow, ticker], clock, random: () => 0 });
    const board = new QuoteBoard([ref("NFO:A")]);
    const pass = async (): Promise<number> => {
      const from_ms = clock.monotonic();
      await prices.refresh(board, clock.now(), from_ms);
      const took_ms = clock.monotonic() - from_ms;
      clock.pass(1_000 - took_ms);
      return took_ms;
    };
    return { clock, slow, prices, board, pass };
  }

  test("is left alone after three passes, tried now and then, and is back by itself", async () => {
    const { slow, prices, pass, board } = hanging();
    const took: number[] = [];
    for (let second = 0; second < 12; second += 1) took.push(await pass());
    expect(took.map((ms) => (ms > 300 ? "waits" : ms))).toEqual(["waits", "waits", "waits", 0, "waits", 0, 0, "waits", 0, 0, 0, 0]);
    expect(prices.status()[0]).toMatchObject({ up: false, reason: "no answer" });
    expect(board.quote(0, T).price).not.toBeNull();
    slow.hangs = false;
    await pass();
    expect(prices.status()[0]).toMatchObject({ up: true, reason: null });
    for (let second = 0; second < 5; second += 1) await pass();
    expect(slow.read_count).toBe(11);
  });

  test("may take what was set for it, but not what those after it need", async () => {
    const { slow, pass } = hanging();
    slow.deadline_ms = 100;
    expect(await pass()).toBe(90); // told of nine tenths of it
    slow.deadline_ms = 600;
    expect(await pass()).toBe(540);
    slow.deadline_ms = 5_000;
    expect(await pass()).toBe(648); // of 720: the ticker keeps a tenth of 800
  });
});

test("a new book keeps the waits of the instruments that stay", async () => {
  const { clock, pass, ticker, board } = world(["NFO:A", "NFO:B"], {}, {});
  await pass();
  clock.pass(1_000);
  await pass(); // both are known to nobody: the next time is in two seconds
  board.rebook(["NFO:C", "NFO:B"].map(ref));
  clock.pass(1_000);
  await pass();
  expect(ticker.asked.at(-1)).toEqual(["NFO:C"]);
});

test("two boards do not wait for each other", async () => {
  const { pass, prices, clock, ticker } = world(["NFO:A"], {}, {});
  await pass();
  const other = new QuoteBoard([ref("NFO:A")]);
  await prices.refresh(other, clock.now(), clock.monotonic());
  expect(ticker.asked).toEqual([["NFO:A"], ["NFO:A"]]);
  await prices.close();
  expect(ticker.closed).toBe(true);
});

test("an empty board asks nobody for anything", async () => {
  const { pass, ticker, prices } = world([], {}, {});
  await pass();
  expect(ticker.asked).toEqual([]);
  expect(prices.status()[1]?.up).toBeNull();
});

describe.skipIf(redisMissing)("with a real Redis and a real ticker service", () => {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  test("a-key-of-the-wrong-type", async () => {
    await using server = await startRedis();
    await using service = await startTicker({ "NFO:NIFTY26N1724500CE": 117.5 });
    const client = new Redis(server.url);
    closing.push(async () => client.disconnect());
    await client.hset("ltp:NFO:NIFTY26N1724500CE", "last_price", "118");
    await client.set("ltp:NFO:NIFTY26N1724000PE", "112");
    await using prices = new Fallback({
      sources: [redisSource({ url: server.url }), tickerSource({ url: service.url })],
      deadline_ms: 5_000,
    });
    const board = new QuoteBoard(["NFO:NIFTY26N1724500CE", "NFO:NIFTY26N1724000PE"].map(ref));
    await prices.refresh(board, Date.now(), performance.now());
    expect([0, 1].map((index) => board.quote(index, Date.now())).map(({ price, source }) => [price, source])).toEqual([
      [117.5, "ticker"],
      [112, "redis"],
    ]);
    expect(service.asked).toEqual(["NFO:NIFTY26N1724500CE"]);
  });

  test("redis-away-must-not-hold-the-sample", async () => {
    await using server = await startRedis();
    await using service = await startTicker({ "NFO:A": 119 });
    await using pipe = await startPipe(server.port);
    const client = new Redis(server.url);
    closing.push(async () => client.disconnect());
    await client.set("ltp:NFO:A", "118");
    await using prices = new Fallback({
      sources: [redisSource({ url: `redis://127.0.0.1:${pipe.port}` }), tickerSource({ url: service.url })],
      deadline_ms: 800,
    });
    const board = new QuoteBoard([ref("NFO:A")]);
    const sample = async (): Promise<{ took_ms: number; source: string | null; price: number | null }> => {
      const start_ms = performance.now();
      await prices.refresh(board, Date.now(), start_ms);
      const { source, price } = board.quote(0, Date.now());
      return { took_ms: performance.now() - start_ms, source, price };
    };
    const twelve = async (): Promise<void> => {
      for (let pass = 0; pass < 12; pass += 1) {
        service.prices.set("NFO:A", 119 + pass);
        const { took_ms, ...quote } = await sample();
        expect(quote).toEqual({ source: "ticker", price: 119 + pass });
        expect(took_ms).toBeLessThan(900);
        await new Promise((resolve) => setTimeout(resolve, 150)); // the cadence of samples, shortened
      }
    };
    await pipe.refuse();
    await twelve();
    await pipe.accept();
    pipe.swallow();
    await twelve();
    pipe.flow();
    await expect.poll(sample, { timeout: 20_000 }).toMatchObject({ source: "redis", price: 118 });
    expect(prices.status().map(({ name, up }) => [name, up])).toEqual([
      ["redis", true],
      ["ticker", true],
    ]);
  });
});
