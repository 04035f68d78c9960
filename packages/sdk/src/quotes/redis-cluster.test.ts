import { expect, describe, test } from "vitest";
import { redisMissing } from "../../../../test/support/redis.ts";
import { startRedisCluster } from "../../../../test/support/redis-cluster.ts";
import { startTicker } from "../../../../test/support/ticker.ts";
import { QuoteBoard } from "./board.ts";
import { Fallback } from "./fallback.ts";
import { redisSource } from "./redis.ts";
import type { InstrumentRef } from "./source.ts";
import { tickerSource } from "./ticker.ts";

const ref = (tradingsymbol: string, instrument_token: number | null = null): InstrumentRef => ({
  instrument: `NFO:${tradingsymbol}`,
  exchange: "NFO",
  tradingsymbol,
  instrument_token,
});

/** What a pass over the instruments brings: price in rupees and source of each, and why not. */
async function pass(
  prices: Fallback,
  board: QuoteBoard,
): Promise<{ price: number | null; source: string | null; reason: string | null }[]> {
  await prices.refresh(board, Date.now(), performance.now());
  const quotes = [...board.instruments.keys()].map((place) => board.quote(place, Date.now()));
  return quotes.map(({ price, source, reason }) => ({ price, source, reason }));
}

describe.skipIf(redisMissing)("a cluster of three nodes", () => {
  test("cluster-keys-in-different-slots are read from the nodes that have them", async () => {
    await using world = await startRedisCluster(3);
    const keys = ["ltp:NFO:NIFTY26N1724500CE", "ltp:NFO:NIFTY26N1724000PE", "ltp:NFO:NIFTY26N1724700CE", "ltp:NFO:NIFTY26N1723800PE"];
    expect(await Promise.all(keys.map(world.slotOf))).toEqual([11428, 6611, 10279, 5055]);
    expect(await Promise.all(keys.map(world.nodeOf))).toEqual([2, 1, 1, 0]);
    await world.set(Object.fromEntries(keys.map((key, number) => [key, `${[118, 112, 49, 44][number]}`])));
    await world.nodes[await world.nodeOf("ltp:NFO:HASH")]?.hset("ltp:NFO:HASH", "last_price", "1");
    await world.set({ "ltp:NFO:BAD": "soon", "ltp:NFO:JSON": '{"ltp":5,"ts":1764042605}' });

    await using prices = new Fallback({ sources: [redisSource({ url: world.url })], deadline_ms: 5_000 });
    const board = new QuoteBoard(
      [...keys.map((key) => key.slice("ltp:NFO:".length)), "HASH", "NONE", "BAD", "JSON"].map((name) => ref(name)),
    );
    for (let again = 0; again < 3; again += 1) {
      const read = await pass(prices, board);
      expect(read.map(({ price }) => price)).toEqual([118, 112, 49, 44, null, null, null, 5]);
      expect(read.slice(4, 7).map(({ reason }) => reason)).toEqual(["redis: no key", "redis: no key", 'redis: "soon" is not a price']);
    }
    // After a deadline that was missed the connections are new ones, and the cluster is found again.
    await prices.refresh(board, Date.now(), performance.now() - 4_997);
    await expect.poll(async () => (await pass(prices, board)).flatMap(({ price }) => price ?? []), { timeout: 15_000 }).toHaveLength(5);
  });

  test("ten thousand keys, by name and by token: none is lost, none is another's", async () => {
    await using world = await startRedisCluster(3);
    const instruments = Array.from({ length: 10_000 }, (_, number) => ref(`N${number}`, number % 3 === 0 ? number + 1 : null));
    const keyOf = ({ tradingsymbol, instrument_token }: InstrumentRef): string =>
      instrument_token === null ? `ltp:NFO:${tradingsymbol}` : `ticker:${instrument_token}:ltp`;
    await world.set(Object.fromEntries(instruments.map((instrument, number) => [keyOf(instrument), `${number + 1}.05`])));
    const key_counts = await Promise.all(world.nodes.map((node) => node.dbsize()));
    for (const count of key_counts) expect(count).toBeGreaterThan(3_000);

    await using prices = new Fallback({ sources: [redisSource({ url: world.url })], deadline_ms: 20_000 });
    const board = new QuoteBoard(instruments);
    for (let again = 0; again < 3; again += 1) {
      const start_ms = performance.now();
      const read = await pass(prices, board);
      console.log(`redis-cluster.test.ts: 10,000 prices of three nodes read in ${Math.round(performance.now() - start_ms)} ms`);
      expect(read.map(({ price }) => price)).toEqual(instruments.map((_, number) => number + 1.05));
    }
    expect(board.counts).toEqual({ accepted: 10_000, refused: 0, rounded: 0, late: 0 });
  });

  test("a slot that moved to another node is found there at once", async () => {
    await using world = await startRedisCluster(3);
    await using prices = new Fallback({ sources: [redisSource({ url: world.url })], deadline_ms: 5_000 });
    const board = new QuoteBoard([ref("MOVES"), ref("STAYS")]);
    await world.set({ "ltp:NFO:MOVES": "1", "ltp:NFO:STAYS": "2" });
    expect((await pass(prices, board)).map(({ price }) => price)).toEqual([1, 2]);

    const from = await world.nodeOf("ltp:NFO:MOVES");
    const slot = await world.slotOf("ltp:NFO:MOVES");
    await world.nodes[from]?.unlink("ltp:NFO:MOVES");
    const to = world.nodes[(from + 1) % 3];
    const id = await to?.cluster("MYID");
    for (const node of world.nodes) await node.cluster("SETSLOT", slot, "NODE", `${id}`);
    await to?.set("ltp:NFO:MOVES", "3");
    expect((await pass(prices, board)).map(({ price }) => price)).toEqual([3, 2]);
  });

  test("a node that hangs, or is gone: its share is the ticker's, and Redis' again once it is back", { timeout: 120_000 }, async () => {
    await using world = await startRedisCluster(3);
    const names = Array.from({ length: 600 }, (_, number) => `N${number}`);
    await using service = await startTicker(Object.fromEntries(names.map((name, number) => [`NFO:${name}`, number + 2])));
    await world.set(Object.fromEntries(names.map((name, number) => [`ltp:NFO:${name}`, `${number + 1}`])));
    const owner = await Promise.all(names.map((name) => world.nodeOf(`ltp:NFO:${name}`)));
    await using prices = new Fallback({
      sources: [redisSource({ url: world.url }), tickerSource({ url: service.url, requests_per_second_max: 1_000 })],
      deadline_ms: 4_000,
    });
    const board = new QuoteBoard(names.map((name) => ref(name)));
    const sources = async (): Promise<(string | null)[]> => (await pass(prices, board)).map(({ source }) => source);
    const without = (node: number | null): string[] => owner.map((number) => (number === node ? "ticker" : "redis"));
    await expect.poll(sources, { timeout: 20_000 }).toEqual(without(null));

    world.signal(1, "SIGSTOP");
    try {
      for (let again = 0; again < 4; again += 1) {
        const start_ms = performance.now();
        expect(await sources()).toEqual(without(1));
        expect(performance.now() - start_ms).toBeLessThan(4_500);
        expect(prices.status()[0]).toMatchObject({ up: true });
      }
    } finally {
      world.signal(1, "SIGCONT");
    }
    // What the ticker said is as new as what the node has: only a price that moves shows who is asked.
    const later = Object.fromEntries(names.map((name, number) => [`ltp:NFO:${name}`, `${number + 5}`]));
    await expect.poll(async () => world.set(later).then(sources), { timeout: 30_000 }).toEqual(without(null));
    expect([...board.price_units]).toEqual(names.map((_, number) => (number + 5) * 10_000));

    world.signal(2, "SIGKILL");
    await expect.poll(sources, { timeout: 30_000 }).toEqual(without(2));
    expect(board.quote(owner.indexOf(0), Date.now()).source).toBe("redis");
  });
});
