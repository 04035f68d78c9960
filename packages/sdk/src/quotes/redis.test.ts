import { Redis } from "ioredis";
import { spawnSync } from "node:child_process";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readAll, ref } from "../../../../test/support/read.ts";
import { redisMissing, startRedis, type RedisServer } from "../../../../test/support/redis.ts";
import { startPipe } from "../../../../test/support/pipe.ts";
import { StratctlError } from "../errors.ts";
import { redisSource } from "./redis.ts";
import type { QuoteSink, QuoteSource } from "./source.ts";

const deaf: QuoteSink = { quote: () => undefined, refused: () => undefined, absent: () => undefined };

describe.skipIf(redisMissing)("a real Redis", () => {
  let server: RedisServer;
  let client: Redis;
  let source: QuoteSource;

  beforeAll(async () => {
    server = await startRedis();
    client = new Redis(server.url);
    source = redisSource({ url: server.url });
  });
  afterAll(async () => {
    await source.close();
    client.disconnect();
    await server.stop();
  });

  test("the first key, then the key of the token; plain numbers and JSON", async () => {
    await client.mset({
      "ltp:NFO:A": "118",
      "ltp:NSE:NIFTY 50": '{"last_price":22545.900390625,"timestamp":"2026-11-25 09:20:05"}',
      "ticker:7:ltp": "64.95",
      "ltp:NFO:BAD": '{"last_price":"soon"}',
      "ticker:8:ltp": '{"ltp":1.5,"ts":1764042605}',
      "ltp:NFO:WORSE": "",
      "ltp:NFO:WORST": "NaN",
    });
    const with_token = [ref("NFO:A", 1), ref("NFO:BY_TOKEN", 7), ref("NFO:BAD", 8), ref("NFO:NONE", 9), ref("NFO:WORST", 99)];
    const read = await readAll(source, [...with_token, ref("NSE:NIFTY 50"), ref("NFO:NOTHING"), ref("NFO:WORSE")]);
    expect(read.prices).toEqual({ "NFO:A": 118, "NSE:NIFTY 50": 22545.9004, "NFO:BY_TOKEN": 64.95, "NFO:BAD": 1.5 });
    expect(read.at).toEqual({
      "NFO:A": null,
      "NSE:NIFTY 50": Date.parse("2026-11-25T03:50:05Z"),
      "NFO:BY_TOKEN": null,
      "NFO:BAD": 1_764_042_605_000,
    });
    expect(read.absent).toEqual({ "NFO:NONE": "no key", "NFO:NOTHING": "no key" });
    expect(Object.keys(read.refused)).toEqual(["NFO:BAD", "NFO:WORST", "NFO:WORSE"]);
    expect(read.error).toBeNull();
  });

  test("a-key-of-the-wrong-type costs its own instrument", async () => {
    await client.hset("ltp:NFO:NIFTY26N1724500CE", "last_price", "118");
    await client.set("ltp:NFO:NIFTY26N1724000PE", "112");
    const read = await readAll(source, [ref("NFO:NIFTY26N1724500CE", 3), ref("NFO:NIFTY26N1724000PE")]);
    expect(read).toMatchObject({ prices: { "NFO:NIFTY26N1724000PE": 112 }, absent: { "NFO:NIFTY26N1724500CE": "no key" }, error: null });
  });

  test("a socket's path is a URL as well", async () => {
    const other = redisSource({ url: server.socket });
    expect((await readAll(other, [ref("NFO:A")])).prices).toEqual({ "NFO:A": 118 });
    await other.close();
  });

  test("a hundred thousand instruments in one read", { timeout: 120_000 }, async () => {
    const instruments = Array.from({ length: 100_000 }, (_, number) => ref(`NFO:T${number}`));
    for (let from = 0; from < instruments.length; from += 10_000)
      await client.mset(
        instruments
          .slice(from, from + 10_000)
          .flatMap(({ tradingsymbol }, place) => [`ltp:NFO:${tradingsymbol}`, `${from + place + 1}.05`]),
      );
    let count = 0;
    let sum = 0;
    const sink = {
      quote: (index: number, price_units: number) => {
        count += 1;
        if (price_units === (index + 1) * 10_000 + 500) sum += 1;
      },
      refused: () => undefined,
      absent: () => undefined,
    };
    let is_reading = true;
    let before_turn = 0;
    let told_max = 0;
    const turn = (): void => {
      told_max = Math.max(told_max, count - before_turn);
      before_turn = count;
      if (is_reading) setImmediate(turn);
    };
    setImmediate(turn);
    const start_ms = performance.now();
    await source.read(instruments, sink, { deadline_ms: 30_000 });
    is_reading = false;
    console.log(
      `redis.test.ts: 100,000 prices read in ${Math.round(performance.now() - start_ms)} ms, ${told_max} at most between two turns`,
    );
    expect([count, sum]).toEqual([100_000, 100_000]);
    expect(told_max).toBeLessThanOrEqual(8_000); // or nobody else gets a turn
  });

  test("keys of tokens, over many MGETs, when other instruments are without a first key in each pass", async () => {
    const instruments = Array.from({ length: 2_500 }, (_, number) => ref(`NFO:S${number}`, 10_000 + number));
    await client.mset(instruments.flatMap(({ instrument_token }) => [`ticker:${instrument_token}:ltp`, `${instrument_token}`]));
    for (const step of [1, 1, 3, 7]) {
      const own = instruments.filter((_, number) => number % step !== 0);
      await client.unlink(instruments.map(({ tradingsymbol }) => `ltp:NFO:${tradingsymbol}`));
      if (own.length > 0) await client.mset(own.flatMap(({ tradingsymbol }) => [`ltp:NFO:${tradingsymbol}`, "5"]));
      const { prices, error } = await readAll(source, instruments);
      const expected = instruments.map(({ instrument, instrument_token }, number) => [
        instrument,
        number % step === 0 ? instrument_token : 5,
      ]);
      expect([prices, error]).toEqual([Object.fromEntries(expected), null]);
    }
    await client.unlink("ticker:12499:ltp", "ltp:NFO:S2499", "ltp:NFO:S3");
    await client.set("ltp:NFO:S1", "NaN");
    const { absent, refused, prices } = await readAll(source, instruments);
    expect([absent, Object.keys(refused), prices["NFO:S1"], prices["NFO:S3"]]).toEqual([
      { "NFO:S2499": "no key" },
      ["NFO:S1"],
      10_001,
      10_003,
    ]);
  });

  test("callers beside the one it is for cost it nothing: neither one who is late nor one who hangs up", async () => {
    await client.set("ltp:NFO:A", "118");
    await using stack = new AsyncDisposableStack();
    const own = stack.adopt(redisSource({ url: server.url }), (one) => one.close());
    const others = own.forOthers?.() ?? own;
    const price = async (of: QuoteSource): Promise<unknown> => (await readAll(of, ["NFO:A"], 20_000)).prices["NFO:A"];
    expect([await price(own), await price(others)]).toEqual([118, 118]);
    await client.client("PAUSE", 1_000, "ALL");
    const engine = price(own);
    const hung_up = new AbortController();
    const gone = others.read([ref("NFO:A")], deaf, { deadline_ms: 20_000, signal: hung_up.signal });
    const patient = price(others);
    hung_up.abort();
    await expect(gone).rejects.toThrow("redis: interrupted");
    expect(await patient).toBe(118);
    expect(await engine).toBe(118);
    await client.client("PAUSE", 1_500, "ALL");
    const sampled = price(own);
    expect((await readAll(others, ["NFO:A"], 50)).error).toMatch(/no answer within 50 ms/);
    expect(await sampled).toBe(118);
  });

  test("what comes after the deadline is not told", async () => {
    const instruments = Array.from({ length: 100_000 }, (_, number) => ref(`NFO:T${number}`));
    const told: number[] = [];
    const sink = { quote: (index: number) => told.push(index), refused: () => undefined, absent: () => undefined };
    await expect(source.read(instruments, sink, { deadline_ms: 1 })).rejects.toMatchObject({
      code: "source_unavailable",
      message: "redis: no answer within 1 ms",
    });
    const { length } = told;
    expect(length).toBeLessThan(100_000);
    await client.ping(); // by now the server has sent all it was asked for
    await client.ping();
    expect(told).toHaveLength(length);
    await expect.poll(async () => (await readAll(source, [ref("NFO:A")])).prices, { timeout: 10_000 }).toEqual({ "NFO:A": 118 });
  });
});

describe.skipIf(redisMissing)("redis-away-must-not-hold-the-sample", () => {
  test("refused from the start, then black-holed, then back: errors at once, and no restart", async () => {
    await using server = await startRedis();
    const client = new Redis(server.url);
    await client.set("ltp:NFO:A", "118");
    await using pipe = await startPipe(server.port);
    await pipe.refuse();
    const source = redisSource({ url: `redis://127.0.0.1:${pipe.port}` });

    for (let pass = 0; pass < 5; pass += 1) {
      const read = await readAll(source, [ref("NFO:A")], 300);
      expect(read.error).toBe("redis: connection refused");
      expect(read.took_ms).toBeLessThan(400);
    }

    await pipe.accept();
    pipe.swallow();
    // Connected, and silent: of a connection that stalls only the first read waits for its deadline.
    for (let pass = 0; pass < 12; pass += 1) {
      const read = await readAll(source, [ref("NFO:A")], 300);
      expect(read.error).toMatch(/^redis: (connection refused|no answer|connection cut)/);
      expect(read.took_ms).toBeLessThan(500);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }

    pipe.flow();
    await expect.poll(async () => (await readAll(source, [ref("NFO:A")], 300)).prices, { timeout: 15_000 }).toEqual({ "NFO:A": 118 });

    // Once more while connected: the black hole opens under a connection that works.
    pipe.swallow();
    const first = await readAll(source, [ref("NFO:A")], 300);
    expect(first.error).toBe("redis: no answer within 300 ms");
    const second = await readAll(source, [ref("NFO:A")], 300);
    expect(second.error).toBe("redis: no answer");
    expect(second.took_ms).toBeLessThan(100);
    await client.set("ltp:NFO:A", "119");
    pipe.flow();
    await expect.poll(async () => (await readAll(source, [ref("NFO:A")], 300)).prices, { timeout: 15_000 }).toEqual({ "NFO:A": 119 });
    await source.close();
    client.disconnect();
  });

  test("a process that was stopped: late answers are not heard, close leaves nothing, and it answers again", async () => {
    await using server = await startRedis();
    const client = new Redis(server.socket);
    await client.set("ltp:NFO:A", "1");
    const pid = Number(/process_id:(\d+)/.exec(await client.info("server"))?.[1]);
    const sockets = (): number => process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
    const source = redisSource({ url: server.url });
    const leaving = redisSource({ url: server.url });
    expect((await readAll(leaving, [ref("NFO:A")])).prices).toEqual({ "NFO:A": 1 });

    const told: number[] = [];
    process.kill(pid, "SIGSTOP");
    try {
      // The kernel takes the connection, nobody greets: the read gives up while it connects.
      const first = source.read([ref("NFO:A")], { ...deaf, quote: (index) => told.push(index) }, { deadline_ms: 200 });
      await expect(first).rejects.toThrow("redis: no answer within 200 ms");
      expect((await readAll(leaving, [ref("NFO:A")], 200)).error).toBe("redis: no answer within 200 ms");
      await leaving.close();
      // disconnect() alone would wait two seconds for the peer's goodbye.
      await expect.poll(sockets, { timeout: 1_000 }).toBe(1);
    } finally {
      process.kill(pid, "SIGCONT"); // a stopped server could not be ended
    }

    await expect.poll(async () => (await readAll(source, [ref("NFO:A")], 300)).prices, { timeout: 15_000 }).toEqual({ "NFO:A": 1 });
    expect(told).toEqual([]);
    await source.close();
    client.disconnect();
  });
});

describe("what a URL says", () => {
  test.each(["localhost:6379", "http://localhost:6379", "redis://", "", "redis://[::1"])("%j is no URL of a Redis", (url) => {
    expect(() => redisSource({ url })).toThrow(expect.objectContaining({ code: "url_invalid" }));
  });

  test("a password that is no percent-encoding is not shown either", async () => {
    const source = redisSource({ url: "redis://:s3cret%zz@127.0.0.1:1" });
    const { error } = await readAll(source, [ref("NFO:A")]);
    expect(error).toMatch(/^redis: /);
    expect(error).not.toMatch(/s3cret/);
    await source.close();
  });

  test("a name that does not resolve", async () => {
    const source = redisSource({ url: "redis://no-such-host.invalid:6379" });
    expect((await readAll(source, [ref("NFO:A")])).error).toBe("redis: name not found");
    await source.close();
  });

  test("a socket that is not there", async () => {
    const source = redisSource({ url: "/no/such/socket" });
    expect((await readAll(source, [ref("NFO:A")])).error).toBe("redis: no such socket");
    await source.close();
  });

  test.skipIf(redisMissing)("a wrong password is said, and not shown", async () => {
    await using server = await startRedis();
    const client = new Redis(server.url);
    await client.config("SET", "requirepass", "right p@ss");
    client.disconnect();
    for (const [url, error] of [
      [`redis://:s3cret%2Fpass@127.0.0.1:${server.port}`, /^redis: WRONGPASS/],
      [server.url, /^redis: NOAUTH/],
    ] as const) {
      const source = redisSource({ url });
      const failure = await source.read([ref("NFO:A")], deaf, { deadline_ms: 3_000 }).catch((thrown: unknown) => thrown);
      if (!(failure instanceof StratctlError)) throw new Error("it was read without the password");
      expect(failure.message).toMatch(error);
      expect(JSON.stringify(failure) + inspect(failure, { depth: 10 })).not.toMatch(/s3cret/);
      await source.close();
    }
    const source = redisSource({ url: `redis://:right%20p%40ss@127.0.0.1:${server.port}/0` });
    expect((await readAll(source, [ref("NFO:A")])).absent).toEqual({ "NFO:A": "no key" });
    await source.close();
  });
});

test("making a source opens nothing", () => {
  const script = `
    import { redisSource } from ${JSON.stringify(new URL("redis.ts", import.meta.url).href)};
    redisSource({ url: "redis://127.0.0.1:1" });
    console.log(JSON.stringify(process.getActiveResourcesInfo()), Object.keys(process.moduleLoadList ?? {}).length);
    const { createRequire } = await import("node:module");
    console.log(Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes("ioredis")));
  `;
  const { stdout, status } = spawnSync(process.execPath, ["--input-type=module", "--eval", script], { encoding: "utf8", timeout: 20_000 });
  expect(status).toBe(0);
  expect(stdout).toMatch(/^\[\]/);
  expect(stdout).toContain("false");
});
