import { expect, test } from "vitest";
import { ref } from "../../../../test/support/read.ts";
import { QuoteBoard } from "./board.ts";
import { Fallback } from "./fallback.ts";
import type { InstrumentRef, QuoteSink, QuoteSource, ReadOptions } from "./source.ts";
import { unavailable } from "./unavailable.ts";

/** How it is found out that a source is back which nothing has to be asked. */

const T = Date.parse("2026-11-25T04:00:00Z");

/** Has prices of what it knows; is down as long as `down` says why, and hangs as long as `hangs`. */
class MadeUp implements QuoteSource {
  readonly name: string;
  readonly asked: string[][] = [];
  knows: readonly string[];
  down: string | null = null;
  hangs = false;
  aborted_count = 0;

  constructor(name: string, knows: readonly string[]) {
    this.name = name;
    this.knows = knows;
  }

  async read(instruments: readonly InstrumentRef[], sink: QuoteSink, { signal }: ReadOptions): Promise<void> {
    this.asked.push(instruments.map(({ instrument }) => instrument));
    if (this.hangs)
      await new Promise<void>((_, reject) => {
        signal?.addEventListener("abort", () => {
          this.aborted_count += 1;
          reject(unavailable(this.name, "interrupted"));
        });
      });
    if (this.down !== null) throw unavailable(this.name, this.down);
    for (const [index, { instrument }] of instruments.entries())
      if (this.knows.includes(instrument)) sink.quote(index, 7, null);
      else sink.absent(index, "404");
  }

  close = async (): Promise<void> => undefined;
}

class Stage {
  readonly redis = new MadeUp("redis", ["NFO:A", "NFO:B"]);
  readonly ticker = new MadeUp("ticker", ["NFO:A", "NFO:B"]);
  readonly board: QuoteBoard;
  readonly prices: Fallback;
  ms = 0;

  constructor(instruments: readonly string[] = ["NFO:A", "NFO:B"]) {
    const clock = { now: () => T + this.ms, monotonic: () => this.ms };
    this.prices = new Fallback({ sources: [this.redis, this.ticker], clock, random: () => 0 });
    this.board = new QuoteBoard(instruments.map((instrument) => ref(instrument)));
  }

  /** A pass, and a second in which what it left under way may come to its end. */
  async pass(): Promise<void> {
    await this.prices.refresh(this.board, T + this.ms, this.ms);
    await this.second();
  }

  /** The same where nothing is to be refreshed; whether a source was told to be back. */
  async idle(): Promise<boolean> {
    const is_back = this.prices.probe(this.board, T + this.ms, this.ms);
    await this.second();
    return is_back;
  }

  get up(): (boolean | null)[] {
    return this.prices.status().map(({ up }) => up);
  }

  async second(): Promise<void> {
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
    this.ms += 1_000;
  }

  /** The ticker is found to be away because Redis lacks a price, and is not needed from then on. */
  async tickerGoesDown(): Promise<void> {
    this.redis.knows = ["NFO:A"];
    this.ticker.down = "connection refused";
    await this.pass();
    this.redis.knows = ["NFO:A", "NFO:B"];
    await this.pass();
    expect(this.up).toEqual([true, false]);
    this.ticker.asked.length = 0;
  }
}

test("one that is down and not needed is asked for one instrument, and is back with the pass after it answered", async () => {
  const stage = new Stage();
  await stage.tickerGoesDown();
  await stage.pass();
  expect([stage.up, stage.board.quotesOf(0)[1]?.why]).toEqual([[true, false], "connection refused"]);
  stage.ticker.down = null;
  for (let second = 0; second < 6; second += 1) await stage.pass();
  expect(stage.prices.status()[1]).toMatchObject({ up: true, reason: null, quote_count: 0 });
  expect(stage.board.quotesOf(0)[1]?.why).toBeNull();
  expect(stage.ticker.asked.every((asked) => asked.length === 1)).toBe(true);
  const { length } = stage.ticker.asked;
  await stage.pass();
  expect(stage.ticker.asked).toHaveLength(length); // who is up and not needed is left in peace
});

test("probes come with growing waits, and none is a sample's price", async () => {
  const stage = new Stage();
  await stage.tickerGoesDown();
  const asked_s: number[] = [];
  for (let second = 0; second < 20; second += 1) {
    const before = stage.ticker.asked.length;
    await stage.pass();
    if (stage.ticker.asked.length > before) asked_s.push(second);
  }
  expect(asked_s).toEqual([0, 1, 2, 4, 8, 13, 18]);
  expect(stage.board.bySource()[1]).toMatchObject({ hit: 0 });
});

test("outside sessions all that are down are probed, of an empty board too, and it is told once that one is back", async () => {
  for (const instruments of [["NFO:A", "NFO:B"], []]) {
    const stage = new Stage(["NFO:A"]);
    stage.redis.down = "connection cut";
    stage.ticker.down = "connection refused";
    await stage.pass();
    stage.board.rebook(instruments.map((instrument) => ref(instrument)));
    expect([await stage.idle(), await stage.idle(), stage.up]).toEqual([false, false, [false, false]]);
    stage.redis.down = null;
    const told: boolean[] = [];
    for (let second = 0; second < 10; second += 1) told.push(await stage.idle());
    expect(stage.up).toEqual([true, false]);
    expect(told.filter((is_back) => is_back)).toHaveLength(1);
    expect(stage.redis.asked.at(-1)).toEqual(instruments.length === 0 ? ["NSE:NIFTY 50"] : ["NFO:A"]);
    stage.ticker.down = null;
    for (let second = 0; second < 10; second += 1) await stage.idle();
    expect(stage.up).toEqual([true, true]);
  }
});

test("a pass waits for no probe: one under way ends when it begins, and says nothing of the source", async () => {
  const stage = new Stage();
  await stage.tickerGoesDown();
  stage.ticker.hangs = true;
  await stage.idle();
  expect(stage.ticker.asked).toHaveLength(1);
  await stage.idle(); // not asked twice at once
  expect([stage.ticker.asked.length, stage.ticker.aborted_count]).toEqual([1, 0]);
  await stage.pass();
  expect(stage.ticker.aborted_count).toBe(1);
  expect(stage.prices.status()[1]).toMatchObject({ up: false, reason: "connection refused" });
});

test("a source that was never heard is down when it let its time go by twice, or at once when it says no", async () => {
  const stage = new Stage(["NFO:A"]);
  const slowly = async (sink: QuoteSink, { deadline_ms }: ReadOptions): Promise<void> => {
    sink.absent(0, "no answer");
    stage.ms += deadline_ms;
    throw unavailable("redis", "no answer");
  };
  stage.redis.read = (_, sink, options) => slowly(sink, options);
  stage.ticker.down = "connection refused";
  await stage.pass();
  expect(stage.prices.status()).toMatchObject([
    { up: null, reason: "no answer", since_ms: null },
    { up: false, reason: "connection refused" },
  ]);
  await stage.pass();
  expect(stage.prices.status()[0]).toMatchObject({ up: false, reason: "no answer" });
});
