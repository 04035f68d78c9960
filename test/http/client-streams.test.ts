import type { ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { createClient, type ClientOptions } from "../../packages/sdk/src/api/client/client.ts";
import { StratctlError, type StreamGap } from "../../packages/sdk/src/index.ts";
import { json, playServer, problem, type PlayedServer } from "./played-server.ts";
import { markOf } from "../support/mark.ts";

type Client = ReturnType<typeof createClient> & AsyncDisposable;

function open(server: Pick<PlayedServer, "url">, options: Partial<ClientOptions> = {}): Client {
  const pace = { wait_first_ms: 1, wait_max_ms: 2, ...options.pace };
  const client = createClient({ account_id: null, ...options, url: new URL(server.url), pace });
  return { ...client, [Symbol.asyncDispose]: client.close };
}

const at = (second: number): string => new Date(Date.UTC(2025, 6, 31, 3, 45, second)).toISOString().replace(".000Z", "Z");

const mark = (second: number) => markOf({ strategy_id: 7, at: at(second), m2m: second });

const event = (second: number, name = "mark"): string => `event: ${name}\nid: ${at(second)}\ndata: ${JSON.stringify(mark(second))}\n\n`;

function begin(response: ServerResponse): ServerResponse {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.flushHeaders();
  return response;
}

/** The m2m of the first so many marks. */
async function first(count: number, stream: AsyncIterable<{ readonly m2m: number | null }>): Promise<(number | null)[]> {
  const seen: (number | null)[] = [];
  for await (const { m2m } of stream) {
    seen.push(m2m);
    if (seen.length === count) break;
  }
  return seen;
}

const CUTS: readonly (readonly [what: string, cut: (response: ServerResponse) => void])[] = [
  ["ended", (response) => void response.end()],
  ["cut", (response) => void response.write(": x\n\n", () => response.socket?.destroy())],
  ["silent", () => undefined],
  ["told to come again", (response) => void response.end(`event: problem\ndata: ${JSON.stringify(problem("interrupted", 503))}\n\n`)],
];

describe("a stream that is", () => {
  test.concurrent.for(CUTS)("%s goes on after its last event, and tells none twice", async ([, cut], { expect: local }) => {
    await using server = await playServer((response, { nth }) => {
      if (nth === 2) return json(response, "", 502);
      if (nth === 3) return json(response, problem("rate_limited", 429), 429);
      begin(response);
      // Each time one more than was asked for: a server may not know exactly what was seen.
      const from = nth === 1 ? 1 : 2;
      for (let second = from; second < from + 3; second += 1) response.write(event(second));
      if (nth === 1) cut(response);
      return undefined;
    });
    await using client = open(server, { pace: { silence_ms: 100 } });
    expect(await first(4, client.strategies.m2m.stream({ strategy_id: 7 }))).toEqual([1, 2, 3, 4]);
    expect(server.asked.map(({ headers }) => headers["last-event-id"])).toEqual([undefined, at(3), at(3), at(3)]);
    expect(server.asked.map(({ url, headers }) => [url, headers.accept?.split(",")[0]])[0]).toEqual([
      "/strategies/7/m2m/stream",
      "text/event-stream",
    ]);
    await local.poll(() => server.connections.open.size).toBeLessThan(2);
  });
});

test("heartbeats keep it, and do not show", async () => {
  await using server = await playServer((response) => {
    begin(response);
    let beats = 0;
    const beat = setInterval(() => {
      beats += 1;
      response.write(beats === 30 ? event(1) : ": beat\n\n");
    }, 50);
    response.on("close", () => clearInterval(beat));
  });
  await using client = open(server, { timeout_ms: 200, pace: { silence_ms: 300 } });
  expect(await first(1, client.strategies.m2m.stream({ strategy_id: 7 }))).toEqual([1]);
  expect(server.asked).toHaveLength(1);
});

test("marks of an account, in pieces, in any line end, with events of a later server between", async () => {
  await using server = await playServer((response) => {
    begin(response);
    const text = `event: colour\nid: ${at(0)}\ndata: red\n\nevent: marks\r\nid: ${at(1)}\r\ndata: [${JSON.stringify(mark(1))}]\r\n\r\n`;
    for (const byte of Buffer.from(text)) response.write(Buffer.of(byte));
  });
  await using client = open(server, { account_id: "XJ4540" });
  for await (const marks of client.marks.stream({})) {
    expect(marks).toEqual([mark(1)]);
    break;
  }
  expect(server.asked[0]?.url).toBe("/marks/stream?account_id=XJ4540");
});

test("what was not told is told to onGap, and `after` is where it begins", async () => {
  await using server = await playServer((response) => {
    begin(response).write(`event: gap\ndata: ${JSON.stringify({ from: at(5), to: at(9) })}\n\n${event(5)}${event(9)}`);
  });
  await using client = open(server);
  const gaps: StreamGap[] = [];
  const stream = client.strategies.m2m.stream({ strategy_id: 7 }, { after: at(5), onGap: (gap) => void gaps.push(gap) });
  expect(await first(1, stream)).toEqual([9]);
  expect(gaps).toEqual([{ from: at(5), to: at(9) }]);
  expect(server.asked.map(({ headers }) => headers["last-event-id"])).toEqual([at(5)]);
});

test("what onGap throws is thrown, once", async () => {
  await using server = await playServer((response) => {
    begin(response).write(`event: gap\ndata: ${JSON.stringify({ from: at(5), to: at(9) })}\n\n${event(9)}`);
  });
  await using client = open(server);
  const onGap = (): never => {
    throw new StratctlError("server_busy", "mine");
  };
  await expect(first(1, client.strategies.m2m.stream({ strategy_id: 7 }, { onGap }))).rejects.toThrow("mine");
  expect(server.asked).toHaveLength(1);
  await expect.poll(() => server.connections.open.size).toBe(0);
});

test("a reader that stops closes the connection", async () => {
  await using server = await playServer((response) => {
    begin(response).write(event(1));
  });
  await using client = open(server);
  await first(1, client.strategies.m2m.stream({ strategy_id: 7 }));
  await expect.poll(() => server.connections.open.size).toBe(0);
});

test.for<[string, string | null]>([
  ["an order of the server", "retry: 300\n\n"],
  ["none", null],
])("connecting again waits by %s", async ([, order]) => {
  const asked_ms: number[] = [];
  await using server = await playServer((response, { nth }) => {
    asked_ms.push(performance.now());
    begin(response).end((order ?? "") + event(nth));
  });
  await using client = open(server);
  expect(await first(2, client.strategies.m2m.stream({ strategy_id: 7 }))).toEqual([1, 2]);
  if (order !== null) expect((asked_ms[1] ?? 0) - (asked_ms[0] ?? 0)).toBeGreaterThan(290);
});

describe("ends", () => {
  test("with the signal's reason: while connecting, while waiting for an event, while waiting to connect again", async () => {
    const parts: ((response: ServerResponse) => void)[] = [
      () => undefined,
      (response) => void begin(response),
      (response) => void begin(response).end("retry: 30000\n\n"),
    ];
    for (const part of parts) {
      const abort = new AbortController();
      await using server = await playServer((response) => {
        part(response);
        setTimeout(() => abort.abort(), 30);
      });
      await using client = open(server);
      const error: unknown = await first(1, client.strategies.m2m.stream({ strategy_id: 7 }, { signal: abort.signal })).catch(
        (reason: unknown) => reason,
      );
      expect(error).toBe(abort.signal.reason);
      expect(server.asked).toHaveLength(1);
      await client.close();
      await expect.poll(() => server.connections.open.size).toBe(0);
    }
  });

  test("where the client is closed", async () => {
    await using server = await playServer((response) => {
      begin(response).write(event(1));
    });
    const client = open(server);
    const seen: (number | null)[] = [];
    for await (const { m2m } of client.strategies.m2m.stream({ strategy_id: 7 })) {
      seen.push(m2m);
      setTimeout(() => void client.close(), 20);
    }
    expect(seen).toEqual([1]);
  });

  test.for<[string, number]>([
    ["strategy_unknown", 404],
    ["account_forbidden", 403],
    ["token_invalid", 401],
  ])("with %s, at once and after events", async ([code, status]) => {
    await using server = await playServer((response, { nth }) => {
      if (nth === 2) begin(response).end(event(1));
      else json(response, problem(code, status), status);
    });
    await using client = open(server);
    await expect(first(9, client.strategies.m2m.stream({ strategy_id: 7 }))).rejects.toMatchObject({ code });
    await expect(first(9, client.strategies.m2m.stream({ strategy_id: 7 }))).rejects.toMatchObject({ code });
    expect(server.asked).toHaveLength(3);
  });

  test("with a problem that no further attempt would mend, an event that is none, and what is no stream", async () => {
    const bodies = [
      `event: problem\ndata: ${JSON.stringify(problem("strategy_archived", 409))}\n\n`,
      "event: mark\ndata: {\n\n",
      `event: mark\ndata: ${JSON.stringify({ ...mark(1), priced: "one" })}\n\n`,
      "event: gap\ndata: {}\n\n",
      "event: problem\ndata: {}\n\n",
    ];
    await using server = await playServer((response, { nth }) => {
      if (bodies[nth - 1] === undefined) json(response, "<html>", 200, { "content-type": "text/html" });
      else begin(response).write(bodies[nth - 1]);
    });
    await using client = open(server);
    const codes: unknown[] = [];
    for (let call = 0; call <= bodies.length; call += 1)
      codes.push(await first(1, client.strategies.m2m.stream({ strategy_id: 7 })).catch(({ code }: { code: string }) => code));
    expect(codes).toEqual(["strategy_archived", ...Array.from({ length: 5 }, () => "answer_invalid")]);
    expect(server.asked).toHaveLength(6);
  });

  test("where nobody ever answered, after as many attempts as a call makes", async () => {
    await using client = open({ url: "http://127.0.0.1:1" }, { retries: 1 });
    await expect(first(1, client.strategies.m2m.stream({ strategy_id: 7 }))).rejects.toMatchObject({ code: "server_unreachable" });
  });
});

test("a server that is away for long is waited for, with a fresh token", async () => {
  await using server = await playServer((response, { nth, message }) => {
    if (nth > 1 && nth < 12) return void response.socket?.destroy();
    if (nth === 12) return json(response, problem("token_invalid", 401), 401);
    expect(message.headers.authorization).toBe(`Bearer t${nth}`);
    begin(response).end(event(nth));
    return undefined;
  });
  let asked = 0;
  await using client = open(server, {
    retries: 0,
    getToken: () => {
      asked += 1;
      return `t${asked}`;
    },
  });
  expect(await first(2, client.strategies.m2m.stream({ strategy_id: 7 }))).toEqual([1, 13]);
});

test("bad input is refused before anything is sent", async () => {
  await using server = await playServer((response) => json(response, []));
  await using client = open(server);
  await expect(first(1, client.strategies.m2m.stream({ strategy_id: 0 }))).rejects.toMatchObject({ code: "input_invalid" });
  expect(server.asked).toEqual([]);
});
