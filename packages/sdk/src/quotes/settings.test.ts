import { describe, expect, test } from "vitest";
import { SOURCE_KEYS, SourceSettings, sourcesOfEnvironment } from "./settings.ts";

const faults = (given: unknown): string[] =>
  (SourceSettings.safeParse(given).error?.issues ?? []).map(({ path, message }) => `${path.join(".")}: ${message}`);

test("what is left out", () => {
  expect(SourceSettings.parse({})).toEqual({
    order: ["redis", "ticker"],
    ticker_requests_per_second: 100,
    ticker_retry_after_ms_max: 60_000,
    allow_mock: false,
    jump_percent_max: null,
  });
});

test("as text, and as what the text stands for", () => {
  const typed = {
    order: ["pubsub", "redis"],
    redis_deadline_ms: 250,
    redis_sentinels: [
      { host: "10.0.0.1", port: 26_380 },
      { host: "two", port: 26_379 },
      { host: "::1", port: 5 },
    ],
    redis_master: "prices",
    ticker_batch_path: "/quote/ltp",
    ticker_requests_per_second: 0.5,
    ticker_retry_after_ms_max: 5_000,
    pubsub_channels: ["ticker:nifty:options", "ticker:nifty:underlying"],
    allow_mock: true,
    jump_percent_max: 20.5,
  };
  expect(
    SourceSettings.parse({
      order: "pubsub, redis",
      redis_deadline_ms: "250",
      redis_sentinels: "10.0.0.1:26380, two,[::1]:5",
      redis_master: " prices ",
      ticker_batch_path: "/quote/ltp",
      ticker_requests_per_second: "0.5",
      ticker_retry_after_ms_max: "5000",
      pubsub_channels: "ticker:nifty:options,ticker:nifty:underlying",
      allow_mock: "yes",
      jump_percent_max: "20.5",
    }),
  ).toEqual(typed);
  expect(SourceSettings.parse({ jump_percent_max: "off", order: ["ticker"], allow_mock: false })).toMatchObject({
    jump_percent_max: null,
    order: ["ticker"],
  });
});

describe("refused, each with its key", () => {
  test.each([
    [{ order: "redis,redis" }, "order: names a source twice"],
    [{ order: "" }, "order: names no source"],
    [{ order: "redis,kite" }, "order: names kite, which is none of redis, ticker, pubsub"],
    [{ order: "pubsub" }, "order: needs pubsub_channels where it names pubsub"],
    [{ redis_deadline_ms: "soon" }, "redis_deadline_ms: is not a number of milliseconds"],
    [{ ticker_deadline_ms: "9" }, "ticker_deadline_ms: is below 10"],
    [{ redis_deadline_ms: "10.5" }, "redis_deadline_ms: is not whole"],
    [{ redis_sentinels: "a:b:c", redis_master: "m" }, "redis_sentinels: names a:b:c, which is not host:port"],
    [{ redis_sentinels: "a:70000", redis_master: "m" }, "redis_sentinels: names a:70000, which is not host:port"],
    [{ redis_sentinels: "a" }, "redis_sentinels: needs redis_master"],
    [{ redis_master: "m" }, "redis_master: needs redis_sentinels"],
    [{ redis_sentinel_password_file: "/f" }, "redis_sentinel_password_file: needs redis_sentinels"],
    [{ redis_password_file: " " }, "redis_password_file: is empty"],
    [{ ticker_batch_path: "quote" }, "ticker_batch_path: is not a path like /quote/ltp"],
    [{ allow_mock: "perhaps" }, "allow_mock: is neither true nor false"],
    [{ jump_percent_max: "0" }, "jump_percent_max: is not above 0"],
    [{ jump_percent_max: "much" }, "jump_percent_max: is neither a number of percent nor off"],
    [{ pubsub_channels: " , " }, "pubsub_channels: names no channel"],
    [{ orders: "redis" }, ': Unrecognized key: "orders"'],
  ])("%j", (given, fault) => {
    expect(faults(given)).toEqual([fault]);
  });
});

test("of the environment its own variables only, and none that is empty", () => {
  const env = { STRATCTL_SOURCES_ORDER: "ticker", STRATCTL_SOURCES_ALLOW_MOCK: "", STRATCTL_SOURCES_OTHER: "1", ORDER: "redis" };
  expect(sourcesOfEnvironment(env)).toEqual({ order: "ticker" });
  expect(SOURCE_KEYS).toContain("jump_percent_max");
});
