import { Readable } from "node:stream";
import { inspect } from "node:util";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { textOf } from "../../packages/sdk/src/api/client/answer.ts";
import { createClient, type ClientOptions } from "../../packages/sdk/src/api/client/client.ts";
import { StratctlError } from "../../packages/sdk/src/index.ts";
import { refused } from "../support/refused.ts";
import { json, playServer, problem, type PlayedServer } from "./played-server.ts";

const ACCOUNT = {
  account_id: "XJ4540",
  account_name: null,
  aliases: [],
  broker: "zerodha",
  is_active: true,
  created_at: "2025-07-31T03:45:00Z",
  updated_at: "2025-07-31T03:45:00Z",
};
const LEG = { strategy_id: 7, tradingsymbol: "NFO:NIFTY49D2825000CE", direction: "SELL", quantity: 75, entry_price: 100 };

type Client = ReturnType<typeof createClient> & AsyncDisposable;

function open(server: Pick<PlayedServer, "url">, options: Partial<ClientOptions> = {}): Client {
  const pace = { wait_first_ms: 1, wait_max_ms: 2, ...options.pace };
  const client = createClient({ account_id: null, ...options, url: new URL(server.url), pace });
  return { ...client, [Symbol.asyncDispose]: client.close };
}

async function thrown(call: Promise<unknown>): Promise<unknown> {
  return call.then(
    () => "nothing was thrown",
    (error: unknown) => error,
  );
}

describe("what is sent", () => {
  test("fields go where the route says, in percent-encoding", async () => {
    await using server = await playServer((response) => json(response, []));
    await using client = open({ url: `${server.url}/tradingview-api/` });
    await client.strategies.list({ account_id: "A&B", search: "50% + ü/🙂", tag: "a b" });
    await client.strategies.legs.list({ account_id: "A1", strategy_id: "7" });
    await client.strategies.m2m.history({ strategy_id: 7, from_time: "2025-07-31T09:15:00+05:30", limit: 5 });
    await client.quotes.get({ i: ["NSE:M&M", "NFO:NIFTY49D2825000CE", "NSE:NIFTY 50"] });
    expect(server.asked.map(({ method, url, body }) => [method, url, body])).toEqual([
      ["GET", "/tradingview-api/strategies?account_id=A%26B&tag=a%20b&search=50%25%20%2B%20%C3%BC%2F%F0%9F%99%82", ""],
      ["GET", "/tradingview-api/strategies/7/instruments?account_id=A1", ""],
      ["GET", "/tradingview-api/strategies/7/m2m?from_time=2025-07-31T03:45:00Z&limit=5", ""],
      ["GET", "/tradingview-api/quotes?i=NSE:M%26M&i=NFO:NIFTY49D2825000CE&i=NSE:NIFTY%2050", ""],
    ]);
  });

  test("a body holds what is not in path and query, and the account of the client is sent where a call names none", async () => {
    await using server = await playServer((response) => json(response, ACCOUNT));
    await using client = open(server, { account_id: "XJ4540" });
    await thrown(client.strategies.legs.add({ ...LEG, notes: 'a "b"' }, { idempotency_key: "k-1" }));
    await thrown(client.strategies.update({ account_id: "ZZ0001", strategy_id: 7, description: null }));
    await client.accounts.get({});
    await client.accounts.get({ account_id: "../a?b#c" });
    await client.accounts.get({ account_id: ".." });
    expect(
      server.asked.map(({ url, headers, body }) => [
        url,
        headers["idempotency-key"],
        headers["content-type"],
        body === "" ? null : JSON.parse(body),
      ]),
    ).toEqual([
      [
        "/strategies/7/instruments?account_id=XJ4540",
        "k-1",
        "application/json",
        { tradingsymbol: "NFO:NIFTY49D2825000CE", direction: "SELL", quantity: 75, entry_price: 100, notes: 'a "b"' },
      ],
      ["/strategies/7?account_id=ZZ0001", undefined, "application/json", { description: null }],
      ["/accounts/XJ4540", undefined, undefined, null],
      ["/accounts/..%2Fa%3Fb%23c", undefined, undefined, null],
      ["/accounts/%2E%2E", undefined, undefined, null],
    ]);
    await refused(client.accounts.create(JSON.parse('{"account_name":"x"}')), "input_invalid", "account_id is missing");
  });

  test("bad input is refused before anything is sent, as it is in process", async () => {
    await using server = await playServer((response) => json(response, []));
    await using client = open(server);
    const error = await thrown(client.strategies.legs.add({ ...LEG, quantity: 0, direction: "HOLD" }));
    expect(error).toBeInstanceOf(StratctlError);
    expect(error).toMatchObject({
      code: "input_invalid",
      details: { errors: [{ field: "direction" }, { field: "quantity", message: "quantity must be a whole number above 0, not 0" }] },
    });
    await refused(client.strategies.get({ strategy_id: "x" }), "input_invalid", 'strategy_id must be a number, not "x"');
    await refused(client.strategies.legs.add(LEG, { idempotency_key: "a\nb" }), "input_invalid", "idempotency_key");
    expect(server.asked).toEqual([]);
    expect(() => open(server, { timeout_ms: 0 })).toThrow("timeout_ms must be at least 1, not 0");
    expect(() => open(server, { retries: 1.5 })).toThrow("retries");
  });

  test("connections are kept between calls, and none is left after close", async () => {
    await using server = await playServer((response) => json(response, [ACCOUNT]));
    const client = open(server);
    for (let call = 0; call < 5; call += 1) await client.accounts.list({});
    expect(server.asked).toHaveLength(5);
    // A call right behind another may find its connection not free yet, and open a second.
    expect(server.connections.opened).toBeLessThan(3);
    await client.close();
    await client.close();
    await refused(client.accounts.list({}), "server_unreachable", "this client is closed");
    await expect.poll(() => server.connections.open.size).toBe(0);
  });
});

describe("tokens", () => {
  test("one that is asked for is asked for before each attempt, and once more where it is refused", async () => {
    await using server = await playServer((response, { message }) =>
      message.headers.authorization === "Bearer fresh" ? json(response, [ACCOUNT]) : json(response, problem("token_invalid", 401), 401),
    );
    const tokens = ["stale", "fresh", "fresh", "stale", "stale"];
    await using client = open(server, { getToken: () => tokens.shift() ?? "none left" });
    expect(await client.accounts.list({})).toEqual([ACCOUNT]);
    expect(await client.accounts.list({})).toEqual([ACCOUNT]);
    await refused(client.accounts.list({}), "token_invalid", "said: token_invalid");
    expect(server.asked.map(({ headers }) => headers.authorization)).toEqual(
      ["stale", "fresh", "fresh", "stale", "stale"].map((token) => `Bearer ${token}`),
    );
  });

  test("one that cannot be made sends nothing, and its maker's error is the cause", async () => {
    await using server = await playServer((response) => json(response, []));
    const cause = new Error("the vault is shut");
    await using client = open(server, { getToken: () => Promise.reject(cause) });
    const errors = [await thrown(client.accounts.list({})), await thrown(client.marks.stream({})[Symbol.asyncIterator]().next())];
    for (const error of errors) expect(error).toMatchObject({ code: "token_required", message: "getToken() failed", cause });
    expect(server.asked).toEqual([]);
  });

  test("a fixed one that is refused is not sent again", async () => {
    await using server = await playServer((response) => json(response, problem("token_invalid", 401), 401));
    await using client = open(server, { token: " abc\n" });
    await refused(client.accounts.list({}), "token_invalid");
    expect(server.asked.map(({ headers }) => headers.authorization)).toEqual(["Bearer abc"]);
  });

  test("never shows: not in the client, not in an error of any kind", async () => {
    const token = "eyJ.sesame.sig";
    const shown: unknown[] = [];
    const parts = [
      (response: Parameters<typeof json>[0]) => json(response, "<html>sesame</html>", 502),
      (response: Parameters<typeof json>[0]) => void response.socket?.destroy(),
      (response: Parameters<typeof json>[0]) => void response.socket?.end("garbage sesame\r\n\r\n"),
      (response: Parameters<typeof json>[0]) => json(response, { sesame: "sesame" }),
    ];
    for (const part of parts) {
      await using server = await playServer(part);
      await using client = open(server, { token, retries: 0 });
      shown.push(client, await thrown(client.accounts.list({})), await thrown(client.strategies.archive({ strategy_id: 1 })));
    }
    shown.push(await thrown(Promise.resolve().then(() => open({ url: "http://127.0.0.1:1" }, { token: "sesame\r\nx: y" }))));
    const text = inspect(shown, { depth: 20, showHidden: true }) + JSON.stringify(shown);
    expect(text).not.toContain("sesame");
    expect(text).toContain("server_unreachable");
    expect(text).toContain("token_invalid");
  });
});

describe("answers", () => {
  test("a problem is thrown as the error that it tells", async () => {
    await using server = await playServer((response) =>
      json(
        response,
        problem("strategy_ambiguous", 409, { details: { candidates: ["a", "b"] }, errors: [{ field: "x", message: "x is bad" }] }),
        409,
        { "content-type": "application/problem+json; charset=utf-8" },
      ),
    );
    await using client = open(server);
    const error = await thrown(client.strategies.resolve({ strategy: "c" }));
    expect(error).toBeInstanceOf(StratctlError);
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      code: "strategy_ambiguous",
      message: "said: strategy_ambiguous",
      hint: "a hint",
      details: { candidates: ["a", "b"], errors: [{ field: "x", message: "x is bad" }], request_id: "r-1" },
    });
    expect(server.asked).toHaveLength(1);
  });

  test.for<[string, number, string, string]>([
    ["an HTML page of a proxy", 502, "server_unreachable", "answered 502"],
    ["an empty one", 504, "server_unreachable", "answered 504"],
    ["a page", 503, "server_busy", "answered 503"],
    ["a page", 429, "rate_limited", "answered 429"],
    ["a page", 500, "answer_invalid", "answered 500"],
    ["a page", 404, "answer_invalid", "answered 404"],
    ["a page", 401, "token_invalid", "answered 401"],
  ])("%s with %i is %s", async ([what, status, code, message]) => {
    await using server = await playServer((response) =>
      json(response, what === "an empty one" ? "" : "<html>secret page</html>", status, { "content-type": "text/html" }),
    );
    await using client = open(server, { retries: 0 });
    const error = await thrown(client.accounts.list({}));
    expect(error).toBeInstanceOf(StratctlError);
    expect(error).toMatchObject({ code, message: expect.stringContaining(message), details: { status } });
    expect(JSON.stringify(error)).not.toContain("secret page");
  });

  test("a redirect is not followed, and told without its query", async () => {
    await using other = await playServer((response) => json(response, [ACCOUNT]));
    await using server = await playServer((response) => json(response, "", 302, { location: `${other.url}/accounts?key=sesame` }));
    await using client = open(server, { token: "t" });
    await refused(client.accounts.list({}), "answer_invalid", `answered 302, a redirect to ${other.url}/accounts, which is not followed`);
    expect(other.asked).toEqual([]);
  });

  test("what is not of the route's form names the route and the first bad field, not what it held", async () => {
    await using server = await playServer((response, { url }) =>
      url === "/accounts" ? json(response, [ACCOUNT, { ...ACCOUNT, aliases: ["hidden value", 5] }]) : json(response, "<html>hidden value"),
    );
    await using client = open(server);
    await refused(client.accounts.list({}), "answer_invalid", "the answer to GET /accounts is not one of stratctl's: 1.aliases.0: ");
    await refused(
      client.accounts.get({ account_id: "x" }),
      "answer_invalid",
      "GET /accounts/{account_id} is not one of stratctl's: it is not JSON",
    );
    const error = await thrown(client.accounts.list({}));
    expect(inspect(error)).not.toContain("hidden value");
    expect(error).toMatchObject({ details: { route: "GET /accounts", field: "1.aliases.0" } });
  });

  test("packed ones are unpacked, and those in pieces put together", async () => {
    await using server = await playServer((response, { nth }) => {
      if (nth === 1) {
        response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
        response.end(gzipSync(JSON.stringify([ACCOUNT])));
      } else if (nth === 2) {
        const text = Buffer.from(JSON.stringify([{ ...ACCOUNT, account_name: "जय" }]));
        response.writeHead(200, { "content-type": "application/json" });
        for (const byte of text) response.write(Buffer.of(byte));
        response.end();
      } else if (nth === 3) json(response, "not packed", 200, { "content-encoding": "gzip" });
      else {
        response.writeHead(409, { "content-type": "application/problem+json", "content-encoding": "gzip" });
        response.end(gzipSync(JSON.stringify(problem("leg_closed", 409))));
      }
    });
    await using client = open(server);
    expect(await client.accounts.list({})).toEqual([ACCOUNT]);
    expect(server.asked[0]?.headers["accept-encoding"]).toBe("gzip");
    expect(await client.accounts.list({})).toEqual([{ ...ACCOUNT, account_name: "जय" }]);
    await refused(client.accounts.list({}), "answer_invalid", "cannot be unpacked");
    await refused(client.accounts.list({}), "leg_closed");
  });

  test("one that is longer than it may be is given up, packed or not", async () => {
    const zeros = Buffer.alloc(3 * 2 ** 20);
    const packed = gzipSync(zeros);
    for (const [bytes, encoding] of [
      [zeros, undefined],
      [packed, "gzip"],
    ] as const) {
      expect(await textOf(Readable.from([bytes]), encoding, zeros.length)).toHaveLength(zeros.length);
      expect(await textOf(Readable.from([bytes]), encoding, zeros.length - 1)).toBeNull();
    }
    await using server = await playServer((response) => json(response, "x".repeat(2 ** 22), 502));
    await using client = open(server, { retries: 0 });
    await refused(client.accounts.list({}), "server_unreachable", "answered 502");
  });

  test("what it does not know of a later server is left out, and its codes are told in its words", async () => {
    await using server = await playServer((response, { nth }) =>
      nth === 1 ? json(response, [{ ...ACCOUNT, colour: "red" }]) : json(response, problem("strategy_on_fire", 409), 409),
    );
    await using client = open(server);
    expect(await client.accounts.list({})).toEqual([ACCOUNT]);
    await refused(client.accounts.list({}), "answer_invalid", "said: strategy_on_fire");
  });
});
