import { Redis } from "ioredis";
import { expect, test, vi } from "vitest";
import { readAll } from "../../../../test/support/read.ts";
import { redisMissing, startRedis } from "../../../../test/support/redis.ts";
import { startTicker } from "../../../../test/support/ticker.ts";
import { openSources, sourceSettings } from "./open.ts";

const names = (given: Parameters<typeof sourceSettings>[0]): string[] =>
  openSources({ sources: sourceSettings(given) }).map(({ name }) => name);

test("Redis, then the ticker service, or what was set, in its order", () => {
  expect(names({})).toEqual(["redis", "ticker"]);
  expect(names({ order: "ticker" })).toEqual(["ticker"]);
  expect(names({ order: "pubsub,ticker,redis", pubsub_channels: "ticker:nifty:options" })).toEqual(["pubsub", "ticker", "redis"]);
  expect(openSources({}).map(({ name }) => name)).toEqual(["redis", "ticker"]);
});

test("each with its own deadline", () => {
  const sources = openSources({ sources: sourceSettings({ redis_deadline_ms: "250" }) });
  expect(sources.map(({ deadline_ms }) => deadline_ms)).toEqual([250, undefined]);
});

test("what was given goes before the environment", () => {
  vi.stubEnv("STRATCTL_SOURCES_ORDER", "ticker");
  vi.stubEnv("STRATCTL_SOURCES_JUMP_PERCENT_MAX", "20");
  try {
    expect(names({})).toEqual(["ticker"]);
    expect(names({ order: "redis" })).toEqual(["redis"]);
    expect(sourceSettings()).toMatchObject({ order: ["ticker"], jump_percent_max: 20 });
  } finally {
    vi.unstubAllEnvs();
  }
});

test("what is wrong is named, with the nearest key that there is", () => {
  expect(() => sourceSettings({ orders: "redis" })).toThrow(
    expect.objectContaining({ code: "input_invalid", message: expect.stringContaining("order") }),
  );
  expect(() => sourceSettings({ order: "redis,kite" })).toThrow('order "redis,kite" names kite, which is none of redis, ticker, pubsub');
  expect(() => openSources({ redis_url: "/a/socket", sources: sourceSettings({ redis_ca_file: "/ca.pem" }) })).toThrow(
    expect.objectContaining({ code: "url_invalid" }),
  );
});

test.skipIf(redisMissing)("of every source a price that calls itself made up is none, unless that is set", async () => {
  await using stack = new AsyncDisposableStack();
  const redis = stack.use(await startRedis());
  const client = stack.adopt(new Redis(redis.url), async (one) => one.disconnect());
  const ticker = stack.use(await startTicker({ "NFO:A": { last_price: 5, is_mock: true } }));
  await client.set("ltp:NFO:A", '{"last_price":5,"is_mock":true}');
  const mock = { prices: {}, refused: { "NFO:A": "it calls itself made up (is_mock)" }, error: null };
  const price = { prices: { "NFO:A": 5 }, refused: {}, error: null };
  const cases = [
    [{}, mock],
    [{ ticker_batch_path: "/quote/ltp" }, mock],
    [{ allow_mock: "true" }, price],
    [{ ticker_batch_path: "/quote/ltp", allow_mock: "true" }, price],
  ] as const;
  for (const [given, expected] of cases)
    for (const source of openSources({ redis_url: redis.url, ticker_url: ticker.url, sources: sourceSettings(given) })) {
      stack.defer(() => source.close());
      // Twice: a value that did not change is not parsed again.
      for (let read = 0; read < 2; read += 1) expect(await readAll(source, ["NFO:A"])).toMatchObject(expected);
    }
});
