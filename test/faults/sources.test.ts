import { createServer } from "node:net";
import { describe, expect, test } from "vitest";
import { redisMissing } from "../support/redis.ts";
import { Sampling } from "../support/sampling.ts";

/** Each fault of Redis: the ticker service serves, no pass takes longer than it may, and Redis is back without a restart. */

interface Fault {
  readonly breaks: (world: Sampling) => unknown;
  readonly heals: (world: Sampling) => unknown;
  /** What its status says meanwhile. */
  readonly says: RegExp;
}

const pidOf = async ({ admin }: Sampling): Promise<number> => Number(/process_id:(\d+)/.exec(await admin.info("server"))?.[1]);

let stopped_pid = 0;

const FAULTS: Readonly<Record<string, Fault>> = {
  down: { breaks: ({ pipe }) => pipe.refuse(), heals: ({ pipe }) => pipe.accept(), says: /^connection (cut|refused)$/ },
  "hanging, its connections open": { breaks: ({ pipe }) => pipe.swallow(), heals: ({ pipe }) => pipe.flow(), says: /^no answer/ },
  "stopped as a process": {
    breaks: async (world) => {
      stopped_pid = await pidOf(world);
      world.feed = async () => undefined;
      process.kill(stopped_pid, "SIGSTOP");
    },
    heals: (world) => {
      process.kill(stopped_pid, "SIGCONT");
      world.feed = (values) => world.admin.mset(values);
    },
    says: /^no answer/,
  },
  "slow: each answer later than anybody waits": {
    breaks: (world) => {
      world.feed = (values) => world.admin.multi().mset(values).client("PAUSE", 600, "ALL").exec();
    },
    heals: async (world) => {
      world.feed = (values) => world.admin.mset(values);
      await world.admin.client("UNPAUSE");
    },
    says: /^no answer/,
  },
  "asking for another password": {
    breaks: async ({ admin }) => {
      await admin.call("ACL", "SETUSER", "reader", "resetpass", ">another");
      await admin.call("CLIENT", "KILL", "USER", "reader");
    },
    heals: ({ admin }) => admin.call("ACL", "SETUSER", "reader", "resetpass", ">word"),
    says: /^WRONGPASS/,
  },
  "taking away the right to read": {
    breaks: ({ admin }) => admin.call("ACL", "SETUSER", "reader", "-mget"),
    heals: ({ admin }) => admin.call("ACL", "SETUSER", "reader", "+mget"),
    says: /^NOPERM/,
  },
};

describe.skipIf(redisMissing)("Redis is", () => {
  test.for(Object.entries(FAULTS))("%s", async ([, { breaks, heals, says }]) => {
    await using world = await Sampling.start({ login: "reader:word@" });
    await world.admin.call("ACL", "SETUSER", "reader", "on", ">word", "~*", "+mget");
    await world.becomes("redis");
    await breaks(world);
    try {
      await world.becomes("ticker");
      await world.stays("ticker");
      await world.says("redis", says);
    } finally {
      await heals(world);
    }
    await world.becomes("redis");
    await world.stays("redis", 2);
    expect(world.status("redis")).toMatchObject({ up: true, reason: null });
  });

  test("another server that answers with garbage", async () => {
    await using world = await Sampling.start();
    await world.pipe.refuse();
    const garbage = createServer((socket) => {
      socket.on("error", () => undefined);
      socket.on("data", () => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
    });
    await new Promise<void>((resolve) => {
      garbage.listen(world.pipe.port, "127.0.0.1", resolve);
    });
    await world.becomes("ticker");
    await world.stays("ticker");
    expect(world.status("redis")).toMatchObject({ up: false });
    await new Promise((resolve) => {
      garbage.close(resolve);
    });
    await world.pipe.accept();
    await world.becomes("redis");
  });
});

describe.skipIf(redisMissing)("Redis has", () => {
  const half = ["redis", "ticker", "redis", "ticker"];

  test("half of the instruments", async () => {
    await using world = await Sampling.start();
    world.feed = ({ "ltp:NFO:A": a = "", "ltp:NFO:C": c = "" }) => world.admin.mset({ "ltp:NFO:A": a, "ltp:NFO:C": c });
    await world.becomes(half);
    await world.stays(half);
    world.feed = (values) => world.admin.mset(values);
    await world.stays("redis", 1);
  });

  test("a key of another type, and values that are no prices: each costs one question", async () => {
    await using world = await Sampling.start();
    await world.admin.hset("ltp:NFO:B", "last_price", "5");
    world.feed = ({ "ltp:NFO:B": _hash, ...values }) => world.admin.mset({ ...values, "ltp:NFO:D": "999999" });
    await world.becomes(half);
    await world.stays(half);
    expect(world.board.quotesOf(1).map(({ source, why }) => [source, why])).toEqual([
      ["redis", "no key"],
      ["ticker", null],
    ]);
    expect(world.board.quotesOf(3)[0]).toMatchObject({ source: "redis", hit: 0, why: "999999 stands for no price" });
    expect(world.board.bySource()[0]?.refused.placeholder).toBeGreaterThan(5);
    await world.admin.del("ltp:NFO:B");
    world.feed = (values) => world.admin.mset(values);
    await world.stays("redis", 1);
  });

  test("nothing but garbage, and the ticker service is away: the prices stay, and both are told", async () => {
    await using world = await Sampling.start();
    await world.becomes("redis");
    world.feed = (values) => world.admin.mset(Object.fromEntries(Object.keys(values).map((key) => [key, "soon"])));
    world.ticker.fault = (request) => request.socket.destroy();
    await world.becomes([null, null, null, null]);
    await world.stays([null, null, null, null]);
    expect(world.board.quote(0, Date.now())).toMatchObject({ source: "redis", price: expect.any(Number) });
    expect(world.board.why(0)).toMatch(/^redis: "soon" is not a price; ticker: connection cut$/);
    world.ticker.fault = null;
    await world.becomes("ticker");
  });
});
