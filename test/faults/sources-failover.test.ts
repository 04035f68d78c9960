import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { redisMissing, startRedis, startSentinel, type RedisServer } from "../support/redis.ts";
import { INSTRUMENTS, Sampling } from "../support/sampling.ts";

/** Redis fails over, and what is published comes from another server: no restart, and no pass longer than it may be. */

interface Pair {
  readonly world: Sampling;
  /** Connections to the replica and to the sentinel. */
  readonly replica: Redis;
  readonly sentinel: Redis;
}

const SYNC_AT_ONCE = ["--repl-diskless-sync-delay", "0"];

/** A master with a replica and a sentinel that watches both. */
async function startPair(): Promise<Pair> {
  const held: { replica?: RedisServer; sentinel_port?: number } = {};
  const world = await Sampling.start({
    args: SYNC_AT_ONCE,
    sources: async (master, stack) => {
      held.replica = stack.use(await startRedis(["--replicaof", `127.0.0.1 ${master.port}`]));
      const { port } = stack.use(await startSentinel(master.port));
      held.sentinel_port = port;
      return { redis_sentinels: `127.0.0.1:1,127.0.0.1:${port}`, redis_master: "prices" };
    },
  });
  const replica = clientOf({ path: held.replica?.socket ?? "" });
  const sentinel = clientOf({ host: "127.0.0.1", port: held.sentinel_port ?? 0 });
  const knowsReplica = async (): Promise<unknown> => {
    const replicas = await sentinel.call("SENTINEL", "REPLICAS", "prices");
    return Array.isArray(replicas) && replicas.length === 1 && JSON.stringify(replicas).includes('"master-link-status","ok"');
  };
  // It would look for replicas every ten seconds.
  await sentinel.call("SENTINEL", "DEBUG", "INFO-PERIOD", "100");
  await expect.poll(knowsReplica, { timeout: 25_000, interval: 50 }).toBe(true);
  return { world, replica, sentinel };
}

function clientOf(at: { path: string } | { host: string; port: number }): Redis {
  const client = new Redis({ ...at, protocol: 2 });
  client.on("error", () => undefined);
  return client;
}

/** Whoever is master gets the prices. */
const feedBoth =
  ({ world, replica }: Pair, { master_hangs }: { master_hangs: boolean }) =>
  async (values: Record<string, string>): Promise<void> => {
    const writes = [replica.mset(values), ...(master_hangs ? [] : [world.admin.mset(values)])];
    await Promise.allSettled(writes);
  };

describe.skipIf(redisMissing)("Redis with sentinels", () => {
  test.for(["SIGKILL", "SIGSTOP"] as const)("the master gets %s: the replica takes over", async (signal) => {
    const pair = await startPair();
    await using world = pair.world;
    await world.becomes("redis");
    const pid = Number(/process_id:(\d+)/.exec(await world.admin.info("server"))?.[1]);
    world.feed = feedBoth(pair, { master_hangs: true });
    process.kill(pid, signal);
    try {
      await world.becomes("ticker");
      await world.becomes("redis", 30_000);
      await world.stays("redis");
    } finally {
      if (signal === "SIGSTOP") process.kill(pid, "SIGCONT");
      pair.replica.disconnect();
      pair.sentinel.disconnect();
    }
  });

  test("a failover that somebody asked for", async () => {
    const pair = await startPair();
    await using world = pair.world;
    await world.becomes("redis");
    world.feed = feedBoth(pair, { master_hangs: false });
    await pair.sentinel.call("SENTINEL", "FAILOVER", "prices");
    await expect.poll(async () => /role:(\w+)/.exec(await pair.replica.info("replication"))?.[1], { timeout: 20_000 }).toBe("master");
    await world.becomes("redis", 30_000);
    await world.stays("redis");
    pair.replica.disconnect();
    pair.sentinel.disconnect();
  });
});

describe.skipIf(redisMissing)("what Redis publishes", () => {
  const publish = (world: Sampling, value: (place: number) => Record<string, unknown>): Promise<unknown> =>
    Promise.all(
      INSTRUMENTS.map((instrument, place) =>
        world.admin.publish(
          "ticks",
          JSON.stringify({ exchange: "NFO", tradingsymbol: instrument.slice(4), ts: Date.now() / 1000, ...value(place) }),
        ),
      ),
    );

  async function start(): Promise<Sampling> {
    const world = await Sampling.start({ sources: { order: "pubsub,ticker", pubsub_channels: "ticks" } });
    world.feed = async (values) => publish(world, (place) => ({ price: Number(values[`ltp:${INSTRUMENTS[place] ?? ""}`]) }));
    return world;
  }

  test("is cut off, then silent: the ticker service serves, and it is listened to again", async () => {
    await using world = await start();
    await world.becomes("pubsub");
    await world.pipe.refuse();
    await world.becomes("ticker");
    await world.stays("ticker", 3);
    await world.pipe.accept();
    await world.becomes("pubsub");
    world.pipe.swallow();
    await world.becomes("ticker");
    await world.says("pubsub", /^(no answer|connection cut)/);
    world.pipe.flow();
    await world.becomes("pubsub");
  });

  test("is made up, or has no price, for some: the ticker service tells those", async () => {
    await using world = await start();
    world.feed = async (values) =>
      publish(world, (place) => ({ price: place === 1 ? 0.0 : Number(values[`ltp:${INSTRUMENTS[place] ?? ""}`]), is_mock: place === 3 }));
    await world.becomes(["pubsub", "ticker", "pubsub", "ticker"]);
    expect(world.board.quotesOf(3)[0]).toMatchObject({ source: "pubsub", hit: 0, why: "it calls itself made up (is_mock)" });
  });
});
