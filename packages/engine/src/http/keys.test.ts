import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { afterEach, expect, test } from "vitest";
import { IssuerKeys } from "./keys.ts";

const jwk = (kid: string) => ({
  ...generateKeyPairSync("ec", { namedCurve: "P-256" }).publicKey.export({ format: "jwk" }),
  kid,
  use: "sig",
  alg: "ES256",
});
const [K1, K2] = [jwk("k1"), jwk("k2")];
const header = (kid: string) => ({ alg: "ES256", kid });

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0)) await close();
});

/** An issuer that answers as it is told, and counts. */
async function issuer(answer: RequestListener): Promise<{ url: string; asked: () => number }> {
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    answer(request, response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  open.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return { url: `http://127.0.0.1:${address.port}/keys`, asked: () => asked };
}

const publishes =
  (keys: readonly object[]): RequestListener =>
  (_, response) =>
    response.end(JSON.stringify({ keys }));

test("calls that come together share one fetch", async () => {
  const { url, asked } = await issuer(publishes([K1]));
  const keys = new IssuerKeys(url, Date.now);
  await Promise.all(Array.from({ length: 20 }, () => keys.find(header("k1"))));
  expect(asked()).toBe(1);
});

test("keys that are old are fetched again beside the calls that use them, and stay good where that fails", async () => {
  let published: readonly object[] | null = [K1];
  const { url, asked } = await issuer((request, response) => {
    if (published === null) response.writeHead(500).end();
    else publishes(published)(request, response);
  });
  let now_ms = 0;
  const keys = new IssuerKeys(url, () => now_ms);
  await keys.find(header("k1"));
  published = null;
  now_ms = 700_000;
  await keys.find(header("k1"));
  await expect.poll(asked).toBe(2);
  await keys.find(header("k1"));
  published = [K2];
  now_ms += 31_000;
  await keys.find(header("k1"));
  await expect.poll(asked).toBe(3);
  await expect
    .poll(() =>
      keys.find(header("k2")).then(
        () => true,
        () => false,
      ),
    )
    .toBe(true);
  await expect(keys.find(header("k1"))).rejects.toThrow();
});

test("an unknown id asks once, and then not before half a minute has passed", async () => {
  const published: object[] = [K1];
  const { url, asked } = await issuer((request, response) => publishes(published)(request, response));
  let now_ms = 0;
  const keys = new IssuerKeys(url, () => now_ms);
  await keys.find(header("k1"));
  for (const kid of ["a", "b", "c"]) await expect(keys.find(header(kid))).rejects.toThrow();
  expect(asked()).toBe(2);
  published.push(K2);
  await expect(keys.find(header("k2"))).rejects.toThrow();
  now_ms = 30_000;
  await keys.find(header("k2"));
  expect(asked()).toBe(3);
});

test.each<[what: string, answer: RequestListener]>([
  ["leads elsewhere", (_, response) => response.writeHead(302, { location: "/other" }).end()],
  ["is larger than any set of keys", (_, response) => response.end(JSON.stringify({ keys: [K1], more: "x".repeat(300_000) }))],
  ["is no set of keys", (_, response) => response.end("<html>")],
  ["has no key", publishes([])],
  ["is cut off", (_, response) => response.writeHead(200, { "content-length": "1000" }).write("{", () => response.destroy())],
])("an answer that %s is none: 503, with when to come again", async (_, answer) => {
  const { url } = await issuer(answer);
  let now_ms = 0;
  const keys = new IssuerKeys(url, () => now_ms);
  await expect(keys.find(header("k1"))).rejects.toMatchObject({ code: "server_busy", details: { retry_after_s: 30 } });
  now_ms = 20_000;
  await expect(keys.find(header("k1"))).rejects.toMatchObject({ code: "server_busy", details: { retry_after_s: 10 } });
});
