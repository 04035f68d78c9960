import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { createClient, type ClientOptions } from "../../packages/sdk/src/api/client/client.ts";
import { refused } from "../support/refused.ts";
import { json, playServer, problem, type Part, type PlayedServer } from "./played-server.ts";

const LEG = { strategy_id: 7, tradingsymbol: "NFO:NIFTY49D2825000CE", direction: "SELL", quantity: 75, entry_price: 100 };
const KEY = { strategy_id: 7, instrument_id: 1 };

type Client = ReturnType<typeof createClient> & AsyncDisposable;

function open(server: Pick<PlayedServer, "url">, options: Partial<ClientOptions> = {}): Client {
  const pace = { wait_first_ms: 1, wait_max_ms: 2, ...options.pace };
  const client = createClient({ account_id: null, ...options, url: new URL(server.url), pace });
  return { ...client, [Symbol.asyncDispose]: client.close };
}

/** Ways in which an attempt ends without an answer of ours, that pass. */
const PASSING: readonly (readonly [what: string, part: Part])[] = [
  ["cut before the headers", (response) => void response.socket?.destroy()],
  [
    "cut within the body",
    (response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("[");
      setTimeout(() => response.socket?.destroy(), 5);
    },
  ],
  [
    "cut within a packed body",
    (response) => {
      response.writeHead(200, { "content-encoding": "gzip" });
      response.write(gzipSync("[]").subarray(0, 12));
      setTimeout(() => response.socket?.destroy(), 5);
    },
  ],
  ["slow headers", () => undefined],
  ["a body that stops", (response) => void response.write("[")],
  ["a proxy's 429", (response) => json(response, "", 429)],
  ["a proxy's 502", (response) => json(response, "<html>", 502)],
  ["a proxy's 504", (response) => json(response, "", 504)],
  ["503", (response) => json(response, problem("database_unreachable", 503), 503)],
];

describe("what passes", () => {
  test.concurrent.for(PASSING)("%s: a call that reads is made again", async ([, part]) => {
    await using server = await playServer((response, request) => (request.nth < 3 ? part(response, request) : json(response, [])));
    await using client = open(server, { timeout_ms: 100 });
    expect(await client.accounts.list({})).toEqual([]);
    expect(server.asked).toHaveLength(3);
  });

  test("the server's own 429 comes before anything is done: any call is made again", async () => {
    const busy: Part = (response) => json(response, problem("rate_limited", 429), 429);
    await using server = await playServer(busy);
    await using client = open(server, { retries: 2 });
    await refused(client.strategies.archive({ strategy_id: 1 }), "rate_limited");
    expect(server.asked).toHaveLength(3);
  });

  test.concurrent.for(PASSING)("%s: a call that writes is made once, unless it has an idempotency key", async ([, part]) => {
    await using server = await playServer(part);
    await using client = open(server, { timeout_ms: 100, retries: 1 });
    const calls = [
      client.strategies.legs.add(LEG),
      client.strategies.legs.update({ ...KEY, quantity: 5 }),
      client.strategies.legs.remove(KEY),
    ];
    const outcomes = await Promise.allSettled([...calls, client.strategies.legs.add(LEG, { idempotency_key: "k" })]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected", "rejected", "rejected"]);
    const asked = server.asked.map(({ method, headers }) => `${method} ${String(headers["idempotency-key"])}`);
    expect(asked.toSorted()).toEqual(["DELETE undefined", "POST k", "POST k", "POST undefined", "PUT undefined"]);
  });

  test("a call that never left is made again, whatever it is; its error says where nobody listens", async () => {
    const started = performance.now();
    await using client = open({ url: "http://127.0.0.1:1" }, { pace: { wait_first_ms: 40, wait_max_ms: 40, random: () => 0.9 } });
    await refused(
      client.strategies.legs.remove(KEY),
      "server_unreachable",
      "the server does not answer: http://127.0.0.1:1 (connection refused)",
      "stratctl daemon",
    );
    // Twice 36 ms: it waited and tried again.
    expect(performance.now() - started).toBeGreaterThan(70);
  });

  test("a writing call that was cut off says that it may have been done", async () => {
    await using server = await playServer((response) => void response.socket?.destroy());
    await using client = open(server);
    await refused(client.strategies.legs.remove(KEY), "server_unreachable", "connection cut", "it may have been done all the same");
    await refused(client.strategies.legs.add(LEG), "server_unreachable", "connection cut", "or give an idempotency_key");
  });

  test("waits grow, and end somewhere below their bound", async () => {
    const asked_ms: number[] = [];
    await using server = await playServer((response) => {
      asked_ms.push(performance.now());
      json(response, "", 502);
    });
    await using client = open(server, { retries: 3, pace: { wait_first_ms: 40, wait_max_ms: 100, random: () => 0.99 } });
    await refused(client.accounts.list({}), "server_unreachable");
    const waits = asked_ms.slice(1).map((at, index) => at - (asked_ms[index] ?? 0));
    expect(waits).toHaveLength(3);
    for (const [index, wait_ms] of [39, 79, 99].entries()) expect(waits[index]).toBeGreaterThanOrEqual(wait_ms - 2);
  });
});

describe("orders to wait", () => {
  test("are obeyed", async () => {
    const asked_ms: number[] = [];
    await using server = await playServer((response, { nth }) => {
      asked_ms.push(performance.now());
      if (nth === 1) json(response, problem("rate_limited", 429), 429, { "retry-after": "1" });
      else json(response, []);
    });
    await using client = open(server);
    await client.accounts.list({});
    expect((asked_ms[1] ?? 0) - (asked_ms[0] ?? 0)).toBeGreaterThan(990);
  });

  test.for(["3600", new Date(Date.now() + 3_600_000).toUTCString()])(
    "that are too long are told, and not waited for (%s)",
    async (order) => {
      await using server = await playServer((response) => json(response, problem("rate_limited", 429), 429, { "retry-after": order }));
      await using client = open(server);
      await refused(client.accounts.list({}), "rate_limited");
      expect(server.asked).toHaveLength(1);
    },
  );
});

describe("what does not pass", () => {
  test.for<[string, number]>([
    ["input_invalid", 400],
    ["account_forbidden", 403],
    ["strategy_unknown", 404],
    ["strategy_archived", 409],
    ["quote_missing", 422],
    ["internal", 500],
    ["database_behind", 503],
  ])("%s is thrown at once", async ([code, status]) => {
    await using server = await playServer((response) => json(response, problem(code, status), status));
    await using client = open(server);
    await expect(client.strategies.get({ strategy_id: 1 })).rejects.toMatchObject({ code });
    await expect(client.strategies.legs.add(LEG, { idempotency_key: "k" })).rejects.toMatchObject({ code });
    expect(server.asked).toHaveLength(2);
  });

  test("a key in use is thrown at once, but waited for where an attempt of this call may use it", async () => {
    await using server = await playServer((response, { nth }) => {
      if (nth === 2) response.socket?.destroy();
      else json(response, problem("idempotency_in_use", 409), 409);
    });
    await using client = open(server);
    await refused(client.strategies.legs.add(LEG, { idempotency_key: "k" }), "idempotency_in_use");
    expect(server.asked).toHaveLength(1);
    await refused(client.strategies.legs.add(LEG, { idempotency_key: "k" }), "idempotency_in_use");
    expect(server.asked).toHaveLength(4);
  });
});

describe("abort", () => {
  const HANGING: readonly (readonly [where: string, part: Part])[] = [
    ["before the headers", () => undefined],
    ["within the body", (response) => void response.write("[")],
    ["between attempts", (response) => json(response, problem("rate_limited", 429), 429, { "retry-after": "20" })],
  ];

  test.for(HANGING)("%s ends the call with the signal's reason", async ([, part]) => {
    const abort = new AbortController();
    await using server = await playServer((response, request) => {
      part(response, request);
      setTimeout(() => abort.abort(), 30);
    });
    await using client = open(server);
    const error: unknown = await client.accounts.list({}, { signal: abort.signal }).catch((reason: unknown) => reason);
    expect(error).toBe(abort.signal.reason);
    expect(error).toMatchObject({ name: "AbortError" });
    expect(server.asked).toHaveLength(1);
  });

  test("before the call sends nothing; while a token is made, neither", async () => {
    await using server = await playServer((response) => json(response, []));
    const abort = new AbortController();
    await using client = open(server, {
      getToken: () => {
        abort.abort(new Error("enough"));
        return "t";
      },
    });
    await expect(client.accounts.list({}, { signal: abort.signal })).rejects.toThrow("enough");
    await expect(client.accounts.list({}, { signal: AbortSignal.abort() })).rejects.toMatchObject({ name: "AbortError" });
    expect(server.asked).toEqual([]);
  });

  test("a signal used for many calls gathers no listeners", async () => {
    await using server = await playServer((response) => json(response, []));
    await using client = open(server);
    const { signal } = new AbortController();
    const warnings: unknown[] = [];
    const note = (warning: unknown): void => void warnings.push(warning);
    process.on("warning", note);
    for (let call = 0; call < 30; call += 1) await client.accounts.list({}, { signal });
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off("warning", note);
    expect(warnings).toEqual([]);
  });
});
