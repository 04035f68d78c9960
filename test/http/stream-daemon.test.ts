import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect, type Mark, type StreamGap } from "../../packages/sdk/src/index.ts";
import { until } from "../support/server.ts";
import { insert as insertStrategy } from "../../packages/sdk/src/store/strategy.ts";
import { leg, strategy } from "../engine/entered.ts";
import { World } from "../engine/world.ts";
import { startApi, type RunningApi } from "../support/api.ts";
import { redisMissing, startRedis, type RedisServer } from "../support/redis.ts";
import { serviceOn } from "../support/service.ts";
import { onEveryPostgres } from "../support/store.ts";

const FUT = "NFO:NIFTY26DECFUT";
const LEG = { instrument: FUT, direction: "BUY", quantity: 65, entry: 24_500 } as const;

let redis: RedisServer;
beforeAll(async () => {
  if (redisMissing === null) redis = await startRedis();
});
afterAll(() => redis?.stop());

describe.skipIf(redisMissing)("marks of a running daemon", () => {
  onEveryPostgres("over", (store) => {
    /** A daemon from 05:00:00 on whose instrument is at 24,600 and a rupee more each second. */
    async function running(): Promise<{ world: World; api: RunningApi; to: (instant: string) => Promise<void> }> {
      let api: RunningApi | null = null;
      const world = await World.start({
        db: store.db,
        redis,
        at: "2026-11-25T05:00:00Z",
        serve: async (loop) => (api = await startApi({ db: store.db, loop, feed: loop.feed, now: () => world?.clock.now() ?? 0 })),
      });
      await world.hears(/^ready/);
      if (api === null) throw new Error("the daemon serves nothing");
      const to = (instant: string): Promise<void> => world.to(instant, (at_ms) => world.quote(FUT, priceAt(at_ms), at_ms));
      return { world, api, to };
    }

    test("a mark a sample, whose last in a minute is the candle's close, in order and each once, to a script over HTTP", async () => {
      const own = await strategy(store, [LEG]);
      const { world, api, to } = await running();
      await to("05:00:10");
      await using client = await connect({ url: api.url, token: await api.token() });
      const stop = new AbortController();
      const marks: Mark[] = [];
      const reading = collect(client.strategies.m2m.stream({ strategy_id: own }, { signal: stop.signal }), marks);
      await until(
        async () => expect(marks.length).toBeGreaterThan(0),
        () => "no mark",
      );
      await to("05:02:05");
      await until(
        async () => expect(marks.at(-1)?.at).toBe("2026-11-25T05:02:05Z"),
        () => `the last is ${marks.at(-1)?.at}`,
      );
      const live = marks.filter(({ at }) => at > "2026-11-25T05:00:10Z");
      expect(live.map(({ at }) => at)).toEqual(seconds("05:00:11", 115));
      for (const { at, m2m, pnl } of live)
        expect([m2m, pnl]).toEqual([-65 * priceAt(Date.parse(at)), 65 * (priceAt(Date.parse(at)) - 24_500)]);
      stop.abort();
      await expect(reading).rejects.toThrow(/abort/i);
      await world.stop();
      const [candle] = await client.strategies.m2m
        .history({ strategy_id: own, from_time: "2026-11-25T05:01:00Z", to_time: "2026-11-25T05:01:00Z" })
        .catch(() => []);
      expect(candle).toBeUndefined(); // the server ended with the daemon
      await using direct = await connect({ url: store.url });
      const [kept] = await direct.strategies.m2m.history({
        strategy_id: own,
        from_time: "2026-11-25T05:01:00Z",
        to_time: "2026-11-25T05:01:00Z",
      });
      expect(kept?.close).toBe(live.find(({ at }) => at === "2026-11-25T05:01:59Z")?.m2m);
    });

    test("cut off, it goes on right after the last one; after more than a minute the gap is told first", async () => {
      const own = await strategy(store, [LEG]);
      const { world, api, to } = await running();
      await to("05:00:05");
      const token = await api.token();
      const read = (after: string | null) => open(`${api.url}/strategies/${own}/m2m/stream`, { token, after });
      const first = await read(null);
      await first.until((text) => text.includes("event: mark"));
      await to("05:00:10");
      await first.until((text) => text.includes('"2026-11-25T05:00:10Z"'));
      await first.close();
      await to("05:00:30");
      const second = await read("2026-11-25T05:00:10Z");
      await to("05:00:31");
      const text = await second.until((all) => all.includes('"2026-11-25T05:00:31Z"'));
      expect(text).not.toContain("event: gap");
      expect([...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id)).toEqual(seconds("05:00:11", 21));
      await second.close();
      await to("05:02:00");
      const late = await read("2026-11-25T05:00:31Z");
      await to("05:02:01");
      const told = await late.until((all) => all.includes("event: mark"));
      expect(told.indexOf("event: gap")).toBeGreaterThan(0);
      expect(told.indexOf("event: gap")).toBeLessThan(told.indexOf("event: mark"));
      expect(told).toContain('"from":"2026-11-25T05:00:31Z"');
      await late.close();
      await world.stop();
    });

    test("an account's marks come together, those of a strategy added meanwhile too, and nobody else's", async () => {
      const one = await strategy(store, [LEG]);
      const { account_id } = await serviceOn(store.db).strategies.get({ strategy_id: one });
      const another = async (name: string, added_at?: string): Promise<number> => {
        const { strategy_id } = await insertStrategy(store.db, { account_id, name });
        await leg(store, strategy_id, { ...LEG, direction: "SELL", ...(added_at === undefined ? {} : { added_at }) });
        return strategy_id;
      };
      const two = await another("two");
      const { world, api, to } = await running();
      await to("05:00:05");
      await using client = await connect({ url: api.url, token: await api.token() });
      const stop = new AbortController();
      const gaps: StreamGap[] = [];
      const samples: Mark[][] = [];
      const reading = collect(client.marks.stream({ account_id }, { signal: stop.signal, onGap: (gap) => gaps.push(gap) }), samples);
      await until(
        async () => expect(samples.length).toBeGreaterThan(0),
        () => "no sample",
      );
      await to("05:00:20");
      const third = await another("three", "2026-11-25T05:00:20Z");
      await to("05:03:00");
      await until(
        async () => expect(samples.at(-1)?.[0]?.at).toBe("2026-11-25T05:03:00Z"),
        () => `the last is ${samples.at(-1)?.[0]?.at}`,
      );
      const ids = (at: string) => samples.find(([first]) => first?.at === at)?.map(({ strategy_id }) => strategy_id);
      expect(ids("2026-11-25T05:00:15Z")).toEqual([one, two]);
      expect(ids("2026-11-25T05:03:00Z")).toEqual([one, two, third]);
      expect(gaps).toEqual([]);
      const other = await connect({ url: api.url, token: await api.token({ accounts: ["NOBODY"] }) });
      await expect(collect(other.marks.stream({ account_id }), [])).rejects.toMatchObject({ code: "account_forbidden" });
      await expect(collect(other.strategies.m2m.stream({ strategy_id: one }), [])).rejects.toMatchObject({ code: "strategy_unknown" });
      await other.close();
      stop.abort();
      await expect(reading).rejects.toThrow(/abort/i);
      await world.stop();
    });
  });
});

const FROM_MS = Date.parse("2026-11-25T05:00:00Z");
const priceAt = (at_ms: number): number => 24_600 + (at_ms - FROM_MS) / 1000;

function seconds(from: string, count: number): string[] {
  const from_ms = Date.parse(`2026-11-25T${from}Z`);
  return Array.from({ length: count }, (_, second) => new Date(from_ms + second * 1000).toISOString().replace(".000Z", "Z"));
}

async function collect<Event>(events: AsyncIterable<Event>, into: Event[]): Promise<void> {
  for await (const event of events) into.push(event);
}

/** The text of an event stream as it comes. */
async function open(url: string, { token, after }: { token: string; after: string | null }) {
  const stop = new AbortController();
  const headers = { authorization: `Bearer ${token}`, ...(after === null ? {} : { "last-event-id": after }) };
  const answer = await fetch(url, { headers, signal: stop.signal });
  let text = "";
  const reading = (async () => {
    for await (const part of answer.body ?? []) text += Buffer.from(part).toString();
  })().catch(() => undefined);
  return {
    async until(holds: (text: string) => boolean): Promise<string> {
      await until(
        async () => expect(holds(text)).toBe(true),
        () => text,
      );
      return text;
    },
    async close(): Promise<void> {
      stop.abort();
      await reading;
    },
  };
}
