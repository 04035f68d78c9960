import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Problem } from "../../packages/sdk/src/api/problem.ts";
import type { Database } from "../../packages/sdk/src/store/db.ts";
import { startApi, type RunningApi } from "../support/api.ts";
import { refused } from "../support/refused.ts";
import { onEveryPostgres } from "../support/store.ts";

onEveryPostgres("connections to the server over", (store) => {
  let api: RunningApi;
  let token: string;
  beforeAll(async () => {
    api = await startApi({ db: store.db });
    token = await api.token();
    await store.db.run("test.account", "insert into trading_account (account_id) values ('A1')");
  });
  afterAll(() => api?.close());

  const head = (line: string, ...headers: string[]): string =>
    [line, "Host: stratctl", `Authorization: Bearer ${token}`, ...headers, "", ""].join("\r\n");

  /** All that comes back for these bytes until the server ends the connection. */
  const exchange = async (bytes: string, url = api.url): Promise<string> => {
    const socket = await opened(url);
    socket.write(bytes, "latin1");
    return rest(socket);
  };
  const problemIn = (answer: string): Problem => Problem.parse(JSON.parse(answer.slice(answer.indexOf("\r\n\r\n") + 4)));

  test.each([
    ["no HTTP at all", "hello\r\n\r\n", "the request is not HTTP"],
    ["a control character in a path", "GET /a\x01 HTTP/1.1\r\nHost: x\r\n\r\n", "the request is not HTTP"],
    ["no host", "GET /accounts HTTP/1.1\r\n\r\n", ""],
    ["two lengths", "POST /accounts HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "the request is not HTTP"],
    ["headers without end", `GET / HTTP/1.1\r\nHost: x\r\nX: ${"x".repeat(70_000)}\r\n\r\n`, "the headers are larger than 64 KiB"],
  ])("%s is answered with 400 and the connection ends", async (_, bytes, detail) => {
    const answer = await exchange(bytes);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    if (detail !== "") expect(problemIn(answer)).toMatchObject({ status: 400, code: "input_invalid", detail });
  });

  test("a body in chunks counts as it comes, and what is too long is refused", async () => {
    const chunk = `4000\r\n${"x".repeat(0x4000)}\r\n`;
    const answer = await exchange(
      head("POST /accounts HTTP/1.1", "Content-Type: application/json", "Transfer-Encoding: chunked", "Connection: close") +
        chunk.repeat(5),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(problemIn(answer).code).toBe("body_too_large");
  });

  test("a length that announces too much is refused before the body comes", async () => {
    const answer = await exchange(
      head("POST /accounts HTTP/1.1", "Content-Type: application/json", "Content-Length: 99999999", "Connection: close"),
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  test.each([
    ["headers", (own: string) => `GET /accounts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${own}\r\nX-Slow: `, { headers_ms: 300 }],
    [
      "a body",
      (own: string) =>
        `POST /accounts HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${own}\r\nContent-Type: application/json\r\nContent-Length: 10000\r\n\r\n`,
      { headers_ms: 200, request_ms: 300 },
    ],
  ])("who sends %s drop by drop is cut off", async (_, bytes, timeouts) => {
    await using impatient = await startApi({ db: store.db, timeouts: { ...timeouts, look_ms: 50 } });
    const socket = await opened(impatient.url);
    socket.write(bytes(await impatient.token()));
    // Each drop would put off a timeout that counts silence alone.
    const drops = setInterval(() => socket.writable && socket.write("x"), 20);
    const answer = await rest(socket);
    clearInterval(drops);
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(problemIn(answer)).toMatchObject({ detail: "the request did not come whole in time" });
  });

  test("another method of HTTP than those here is told what there is", async () => {
    expect(await exchange(head("PROPFIND /accounts HTTP/1.1", "Connection: close"))).toMatch(/^HTTP\/1\.1 (404|405) /);
    expect(await exchange(head("TRACE /accounts HTTP/1.1", "Connection: close"))).toMatch(/^HTTP\/1\.1 (404|405) /);
  });

  test("who goes away before the answer troubles nobody", async () => {
    const socket = await opened(api.url);
    socket.write(head("GET /accounts HTTP/1.1"));
    socket.resetAndDestroy();
    expect(await exchange(head("GET /accounts HTTP/1.1", "Connection: close"))).toMatch(/^HTTP\/1\.1 200 /);
    expect(api.lines.filter(({ level }) => level !== "info")).toEqual([]);
  });

  test("close: what is under way is answered, idle connections end, and nobody else gets in", async () => {
    const gate = Promise.withResolvers<void>();
    const entered = Promise.withResolvers<void>();
    const slow: Database = {
      ...store.db,
      many: async (row, name, ...more) => {
        entered.resolve();
        await gate.promise;
        return store.db.many(row, name, ...more);
      },
    };
    const own = await startApi({ db: slow });
    const before = token;
    token = await own.token();
    const idle = await opened(own.url);
    const working = await opened(own.url);
    working.write(head("GET /accounts HTTP/1.1"));
    token = before;
    await entered.promise;
    const closed = own.close();
    await expect(opened(own.url)).rejects.toThrow(/ECONNREFUSED/);
    expect(await rest(idle)).toBe("");
    gate.resolve();
    expect(await rest(working)).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*connection: close\r\n[\s\S]*"account_id":"A1"/i);
    await closed;
  });

  test("a port that is taken is said before anything is served", async () => {
    const port = new URL(api.url).port;
    await refused(startApi({ db: store.db, settings: { port } }), "address_in_use", `127.0.0.1:${port} is taken`, "--no-http");
    await refused(startApi({ db: store.db, settings: { host: "192.0.2.1" } }), "input_invalid", "cannot be listened on");
  });
});

async function opened(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  return socket;
}

async function rest(socket: Socket): Promise<string> {
  let text = "";
  socket.on("data", (chunk) => (text += chunk.toString("latin1")));
  socket.on("error", () => undefined);
  if (!socket.closed) await once(socket, "close");
  return text;
}
