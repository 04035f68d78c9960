import { Redis } from "ioredis";
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { readAll } from "../../../../test/support/read.ts";
import { redisMissing, startRedis } from "../../../../test/support/redis.ts";
import { sourceSettings } from "./open.ts";
import { HeldQuotes } from "./pubsub-held.ts";
import { pubsubSource } from "./redis-pubsub.ts";
import { redisSource } from "./redis.ts";
import { SOURCE_KEYS } from "./settings.ts";

/** What docs/sources.md lets a reader copy. */

const page = readFileSync(new URL("../../../../docs/sources.md", import.meta.url), "utf8");
const blocks = (language: string): string[] =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(([, block = ""]) => block.trim());

test.each(blocks("sh"))("settings that go together: %j", (block) => {
  const lines = block.split("\n").map((line) => /^stratctl config set (\S+) (\S+)$/.exec(line));
  expect(lines).not.toContain(null);
  const settings = lines.flatMap((line) => {
    const [, key = "", value = ""] = line ?? [];
    return key.startsWith("sources.") ? [[key.slice("sources.".length), value]] : [];
  });
  expect(() => sourceSettings(Object.fromEntries(settings))).not.toThrow();
});

test("the page speaks of every setting", () => {
  expect(SOURCE_KEYS.filter((key) => !page.includes(key))).toEqual([]);
});

test("each message that it shows is understood", () => {
  const now_ms = Date.parse("2026-11-25T04:30:00Z");
  const held = new HeldQuotes({ allow_mock: false, now: () => now_ms });
  for (const message of blocks("json")) held.take(message);
  const told: [string, number, number | null][] = [];
  const asked = ["NFO:NIFTY26D0124500CE", "NSE:NIFTY 50", "NSE:RELIANCE"];
  held.tell(
    asked.map((instrument) => ({ instrument, exchange: "", tradingsymbol: "", instrument_token: null })),
    {
      quote: (place, units, at_ms) => told.push([asked[place] ?? "", units / 10_000, at_ms]),
      refused: () => undefined,
      absent: () => undefined,
    },
  );
  expect(told).toEqual([
    ["NFO:NIFTY26D0124500CE", 118.35, 1_795_579_200_000],
    ["NSE:NIFTY 50", 24_531.25, 1_795_579_200_000],
    ["NSE:RELIANCE", 1_402.5, Date.parse("2026-11-25T04:00:00Z")],
  ]);
});

test.skipIf(redisMissing)("its user may do what stratctl does, and no more", async () => {
  await using server = await startRedis();
  const admin = new Redis(server.url);
  await admin.set("ltp:NFO:A", "118");
  const [rule = ""] = blocks("redis");
  const [command = "", ...words] = rule.split(" ");
  await admin.call(command, ...words);
  const url = server.url.replace("://", "://stratctl:a-long-password@");
  const [redis, feed] = [redisSource({ url }), pubsubSource({ url, channels: ["ticker:nifty:options"] })];
  expect((await readAll(redis, ["NFO:A"])).prices).toEqual({ "NFO:A": 118 });
  expect((await readAll(feed, ["NFO:A"])).error).toBeNull();
  const stranger = new Redis(url, { enableReadyCheck: false });
  await expect(stranger.get("ltp:NFO:A")).rejects.toThrow("NOPERM");
  await Promise.all([redis.close(), feed.close()]);
  stranger.disconnect();
  admin.disconnect();
});
