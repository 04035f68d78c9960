import { Redis } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startPipe } from "../../../../test/support/pipe.ts";
import { readAll, ref } from "../../../../test/support/read.ts";
import { redisMissing, startRedis, type RedisServer } from "../../../../test/support/redis.ts";
import { pubsubSource } from "./redis-pubsub.ts";
import type { QuoteSource } from "./source.ts";

const OPTIONS = "ticker:nifty:options";
const UNDERLYING = "ticker:nifty:underlying";
const CE = "NFO:NIFTY26N1724500CE";

describe.skipIf(redisMissing)("what a real Redis publishes", () => {
  let server: RedisServer;
  let publisher: Redis;
  beforeAll(async () => {
    server = await startRedis();
    publisher = new Redis(server.url);
  });
  afterAll(async () => {
    publisher.disconnect();
    await server.stop();
  });

  const publish = (price: number, more: Record<string, unknown> = {}): Promise<number> =>
    publisher.publish(
      OPTIONS,
      JSON.stringify({
        symbol: "NIFTY",
        tradingsymbol: "NIFTY26N1724500CE",
        exchange: "NFO",
        price,
        ts: Date.now() / 1000,
        is_mock: false,
        ...more,
      }),
    );
  const price = async (source: QuoteSource): Promise<number | string | undefined> => {
    const { prices, absent, error } = await readAll(source, [CE], 500);
    return prices[CE] ?? error ?? absent[CE];
  };
  /** Publishes until the source has it: it subscribes in its own time. */
  const heard = async (source: QuoteSource, value: number): Promise<void> => {
    const tell = async (): Promise<unknown> => publish(value).then(() => price(source));
    await expect.poll(tell, { timeout: 15_000 }).toBe(value);
  };

  test("both channels, asked as any source is", async () => {
    const source = pubsubSource({ url: server.url, channels: [OPTIONS, UNDERLYING] });
    expect(await price(source)).toBe("nothing published");
    expect(await publish(118.35)).toBe(1);
    await publisher.publish(
      UNDERLYING,
      JSON.stringify({ symbol: "NIFTY", open: 1, high: 1, low: 1, close: 24_531.25, ts: Date.now() / 1000 }),
    );
    await publisher.publish(UNDERLYING, "garbage");
    await publisher.publish("another", JSON.stringify({ symbol: "TCS", last_price: 5 }));
    const asked = [CE, ref("NSE:NIFTY 50", 256_265), "NSE:TCS"];
    await expect.poll(async () => (await readAll(source, asked)).prices).toEqual({ [CE]: 118.35, "NSE:NIFTY 50": 24_531.25 });
    expect((await readAll(source, asked)).absent).toEqual({ "NSE:TCS": "nothing published" });
    await publish(5, { is_mock: true });
    await expect.poll(async () => (await readAll(source, asked)).refused).toEqual({ [CE]: "it calls itself made up (is_mock)" });
    expect(await price(source)).toBe(118.35);
    await source.close();
  });

  test("cut, refused and back: not asked for what it heard before, and it subscribes again", async () => {
    const pipe = await startPipe(server.port);
    const source = pubsubSource({ url: `redis://127.0.0.1:${pipe.port}`, channels: [OPTIONS] });
    await heard(source, 100);
    await pipe.refuse();
    await expect.poll(() => price(source)).toMatch(/^pubsub: connection (refused|cut)$/);
    await pipe.accept();
    await heard(source, 101);
    await pipe[Symbol.asyncDispose]();
    await source.close();
  });

  test("a connection that is silent is not taken for a quiet market", async () => {
    const pipe = await startPipe(server.port);
    const source = pubsubSource({ url: `redis://127.0.0.1:${pipe.port}`, channels: [OPTIONS] });
    await heard(source, 100);
    // A quiet market: nothing is published for longer than a silent connection is given.
    const until_ms = performance.now() + 2_500;
    while (performance.now() < until_ms) {
      expect((await readAll(source, [CE], 500)).error).toBeNull();
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    pipe.swallow();
    await expect.poll(async () => (await readAll(source, [CE], 500)).error, { timeout: 10_000 }).toMatch(/^pubsub: /);
    pipe.flow();
    await heard(source, 102);
    await pipe[Symbol.asyncDispose]();
    await source.close();
  });

  test("a user who may not listen is told so, and listens once he may", async () => {
    await publisher.call("ACL", "SETUSER", "deaf", "on", ">x", "resetchannels", "+subscribe", "+ping");
    const source = pubsubSource({ url: `redis://deaf:x@127.0.0.1:${server.port}`, channels: [OPTIONS] });
    await expect.poll(() => price(source)).toMatch(/^pubsub: NOPERM/);
    await publisher.call("ACL", "SETUSER", "deaf", "&ticker:*");
    await heard(source, 103);
    await source.close();
  });
});
