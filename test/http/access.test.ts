import { createHmac, generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { contract } from "../../packages/sdk/src/api/contract.ts";
import { routesOf } from "../../packages/sdk/src/api/route.ts";
import { insert as insertAccount } from "../../packages/sdk/src/store/account.ts";
import { insert as insertStrategy } from "../../packages/sdk/src/store/strategy.ts";
import { startApi, type RunningApi } from "../support/api.ts";
import { onEveryPostgres } from "../support/store.ts";

/** An issuer elsewhere signs with keys of its own; this server has a secret as well. */

const NOW_S = Math.floor(Date.now() / 1000);
const GOOD = { sub: "u1", iss: "user_service", aud: ["trading_platform"], acct_ids: ["A1"], exp: NOW_S + 600 };
const SECRET = { key: randomBytes(32), is_local: true } as const;

type Claims = Readonly<Record<string, unknown>>;

const k1 = generateKeyPairSync("rsa", { modulusLength: 2048 });
const k2 = generateKeyPairSync("rsa", { modulusLength: 2048 });
const short = generateKeyPairSync("rsa", { modulusLength: 1024 });
const jwk = (key: KeyObject, kid: string) => ({ ...key.export({ format: "jwk" }), kid, use: "sig", alg: "RS256" });

const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** Signed by hand, so that what no library would make can be made. */
function rsa(
  claims: Claims,
  { key = k1.privateKey, kid = "k1", alg = "RS256", hash = "sha256" }: Partial<Signing> = {},
  change = (text: string): string => text,
): string {
  const payload = Buffer.from(change(JSON.stringify(claims))).toString("base64url");
  const text = `${part({ alg, typ: "JWT", ...(kid === "" ? {} : { kid }) })}.${payload}`;
  return `${text}.${sign(hash, Buffer.from(text), key).toString("base64url")}`;
}

interface Signing {
  readonly key: KeyObject;
  /** "" names none. */
  readonly kid: string;
  readonly alg: string;
  readonly hash: string;
}

function hmac(claims: Claims, key: string | Uint8Array, header: Claims = {}): string {
  const text = `${part({ alg: "HS256", typ: "JWT", ...header })}.${part(claims)}`;
  return `${text}.${createHmac("sha256", key).update(text).digest("base64url")}`;
}

const unsigned = (alg: string): string => `${part({ alg, kid: "k1" })}.${part(GOOD)}.`;

function tampered(): string {
  const [head, , signature] = rsa(GOOD).split(".");
  return `${head}.${part({ ...GOOD, acct_ids: ["A2"] })}.${signature}`;
}

const pem = String(k1.publicKey.export({ type: "spki", format: "pem" }));
const without = (claim: keyof typeof GOOD): Claims => Object.fromEntries(Object.entries(GOOD).filter(([name]) => name !== claim));

/** What each says of who calls, and the code that it is refused with. */
const REFUSED: readonly (readonly [what: string, authorization: string | undefined])[] = [
  ["none at all", undefined],
  ["of another scheme", `Basic ${Buffer.from("u:p").toString("base64")}`],
  ["no JWT", "Bearer this-is-no-token"],
  ["expired", `Bearer ${rsa({ ...GOOD, exp: NOW_S - 60 })}`],
  ["not good yet", `Bearer ${rsa({ ...GOOD, nbf: NOW_S + 600 })}`],
  ["without an end", `Bearer ${rsa(without("exp"))}`],
  ["whose end is null", `Bearer ${rsa({ ...GOOD, exp: null })}`],
  ["whose end is text", `Bearer ${rsa({ ...GOOD, exp: "2030-01-01" })}`],
  ["of another issuer", `Bearer ${rsa({ ...GOOD, iss: "somebody" })}`],
  ["of no issuer", `Bearer ${rsa(without("iss"))}`],
  ["for another audience", `Bearer ${rsa({ ...GOOD, aud: ["other"] })}`],
  ["for no audience", `Bearer ${rsa(without("aud"))}`],
  ["signed by RS384", `Bearer ${rsa(GOOD, { alg: "RS384", hash: "sha384" })}`],
  ["signed by the public key as a secret (PEM)", `Bearer ${hmac(GOOD, pem, { kid: "k1" })}`],
  ["signed by the public key as a secret (JWK)", `Bearer ${hmac(GOOD, JSON.stringify(jwk(k1.publicKey, "k1")), { kid: "k1" })}`],
  ["signed by none", `Bearer ${unsigned("none")}`],
  ["signed by nOnE", `Bearer ${unsigned("nOnE")}`],
  ["changed after it was signed", `Bearer ${tampered()}`],
  ["of an unknown key", `Bearer ${rsa(GOOD, { key: k2.privateKey, kid: "k9" })}`],
  ["that names none of several keys", `Bearer ${rsa(GOOD, { kid: "" })}`],
  ["of another key than it names", `Bearer ${rsa(GOOD, { key: k2.privateKey })}`],
  ["that says it is this machine's, by a key elsewhere", `Bearer ${rsa({ ...GOOD, iss: "stratctl" })}`],
  ["of this machine's secret, of another issuer", `Bearer ${hmac({ ...GOOD, iss: "stratctl" }, SECRET.key)}`],
  ["of this machine's secret, for another audience", `Bearer ${hmac({ ...GOOD, aud: ["other"] }, SECRET.key)}`],
  ["of this machine's secret, for no audience", `Bearer ${hmac(without("aud"), SECRET.key)}`],
  ["of nobody", `Bearer ${rsa(without("sub"))}`],
  ["to get another with", `Bearer ${rsa({ ...GOOD, typ: "refresh" })}`],
  ["whose end never comes", `Bearer ${rsa(GOOD, {}, (text) => text.replace(/"exp":\d+/, '"exp":1e999'))}`],
  ["whose accounts are null", `Bearer ${rsa({ ...GOOD, acct_ids: null })}`],
  ["of a key that is none", `Bearer ${rsa(GOOD, { kid: "broken" })}`],
  ["of a key that is too short", `Bearer ${rsa(GOOD, { key: short.privateKey, kid: "short" })}`],
  ["whose accounts are no list", `Bearer ${rsa({ ...GOOD, acct_ids: "A1" })}`],
  ["longer than a token is", `Bearer ${rsa({ ...GOOD, sid: "x".repeat(9_000) })}`],
];

const Told = z.looseObject({ code: z.string(), detail: z.string() });

/** Publishes keys, and counts how often it was asked. */
async function issuer(): Promise<{
  url: string;
  keys: object[];
  asked: () => number;
  fails: (does: boolean) => void;
  close: () => Promise<void>;
}> {
  const keys: object[] = [jwk(k1.publicKey, "k1")];
  let asked = 0;
  let isDown = false;
  const server: Server = createServer((_, response) => {
    asked += 1;
    response.statusCode = isDown ? 500 : 200;
    response.end(JSON.stringify({ keys }));
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { url: `http://127.0.0.1:${address.port}/jwks.json`, keys, asked: () => asked, fails: (does) => (isDown = does), close };
}

onEveryPostgres("tokens", (store) => {
  let keys: Awaited<ReturnType<typeof issuer>>;
  let api: RunningApi;
  const ids: number[] = [];
  const settings = (): Record<string, unknown> => ({
    jwks_url: keys.url,
    jwt_issuer: "user_service",
    jwt_audience: "trading_platform",
    rate_limit: 100_000,
  });
  beforeAll(async () => {
    keys = await issuer();
    keys.keys.push(jwk(short.publicKey, "short"), { ...jwk(k2.publicKey, "broken"), n: "!" });
    for (const account_id of ["A1", "A2"]) {
      await insertAccount(store.db, { account_id });
      ids.push((await insertStrategy(store.db, { account_id, name: "condor" })).strategy_id);
    }
    api = await startApi({ db: store.db, settings: settings(), secret: SECRET });
  });
  afterAll(async () => {
    await api.close();
    await keys.close();
  });

  const ask = (path: string, authorization: string | undefined, { method = "GET", at = api.url } = {}): Promise<Response> =>
    fetch(`${at}${path}`, {
      method,
      headers: {
        ...(authorization === undefined ? {} : { authorization }),
        ...(method === "POST" || method === "PUT" ? { "content-type": "application/json" } : {}),
      },
      ...(method === "POST" || method === "PUT" ? { body: "{}" } : {}),
    });
  const bearer = (claims: Claims): string => `Bearer ${rsa(claims)}`;
  const paths = routesOf(contract).map(({ route }) => ({
    ...route,
    url: route.path.replace("{account_id}", "A1").replace("{strategy_id}", "1").replace("{instrument_id}", "1"),
  }));

  describe("is refused on every route", () => {
    test.each(REFUSED)("a token %s", async (_, authorization) => {
      for (const { method, url } of paths) {
        const answer = await ask(url, authorization, { method });
        expect(`${method} ${url} ${answer.status}`).toBe(`${method} ${url} 401`);
        expect(answer.headers.get("www-authenticate")).toMatch(/^Bearer/);
        const text = await answer.text();
        expect(Told.parse(JSON.parse(text)).code).toBe(authorization === undefined ? "token_required" : "token_invalid");
        if (authorization !== undefined) expect(text).not.toContain(authorization.split(" ")[1]);
      }
    });

    test("and the open ones stay open", async () => {
      for (const url of ["/health", "/live", "/openapi.json", "/docs"]) expect((await ask(url, undefined)).status, url).toBeLessThan(400);
    });
  });

  test("a good token is let in, whatever the case of Bearer, as the one who calls", async () => {
    for (const authorization of [bearer(GOOD), `bearer ${rsa(GOOD)}`])
      expect((await ask("/strategies?account_id=A1", authorization)).status).toBe(200);
    expect((await ask("/strategies?account_id=A1", `Bearer ${await api.token()}`)).status).toBe(200);
  });

  test("a subject of an issuer and one of this server's secret are two, though they have one name", async () => {
    const create = async (token: string, name: string) => {
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json", "idempotency-key": "one-key" };
      const body = JSON.stringify({ name });
      const answer = await fetch(`${api.url}/strategies?account_id=A1`, { method: "POST", headers, body });
      return { status: answer.status, name: z.object({ name: z.string() }).parse(await answer.json()).name };
    };
    expect(await create(rsa(GOOD), "of the issuer")).toEqual({ status: 201, name: "of the issuer" });
    expect(await create(hmac(GOOD, SECRET.key), "of the secret")).toEqual({ status: 201, name: "of the secret" });
    // A new token of the same subject is the same caller: what was cut off is tried again with it.
    expect(await create(rsa({ ...GOOD, exp: GOOD.exp + 1 }), "of the issuer")).toEqual({ status: 201, name: "of the issuer" });
  });

  test("without the scope to trade nothing is changed, on any route", async () => {
    for (const scope of [{ scope: "read" }, { scp: ["read"] }])
      for (const { method, url, scope: wanted } of paths) {
        if (wanted === "read") continue;
        const answer = await ask(url, bearer({ ...GOOD, ...scope }), { method });
        expect(`${method} ${url} ${answer.status} ${Told.parse(await answer.json()).code}`).toBe(`${method} ${url} 403 scope_missing`);
      }
    const reader = await ask("/strategies?account_id=A1", bearer({ ...GOOD, scope: "trade" }));
    expect(reader.status).toBe(403);
  });

  test("for another account nothing is read or changed, on any route", async () => {
    const stranger = bearer({ ...GOOD, acct_ids: ["NOBODY"] });
    for (const { method, path, url } of paths) {
      if (path === "/accounts" || /^\/(quotes|instruments)\b/.test(path)) continue; // a stranger's list is empty; of nobody's account
      const at = path.includes("{") || method !== "GET" ? url : `${url}?account_id=A1`;
      const answer = await ask(path.startsWith("/accounts/") ? "/accounts/A1" : at.replace("/1", `/${ids[0]}`), stranger, { method });
      expect([400, 403, 404], `${method} ${url} ${answer.status}`).toContain(answer.status);
      if (answer.status === 400) expect(Told.parse(await answer.json()).code).toMatch(/^(input_invalid|account_required)$/);
    }
    expect(await (await ask("/accounts", stranger)).json()).toEqual([]);
  });

  test("accounts are numbers or texts, whole, and an issuer elsewhere cannot say all", async () => {
    const status = async (acct_ids: unknown): Promise<number> =>
      (await ask("/strategies?account_id=A2", bearer({ ...GOOD, acct_ids }))).status;
    expect(await status(["A2"])).toBe(200);
    expect(await status(["A1", "A2"])).toBe(200);
    for (const given of [["A"], ["A22"], ["a2"], ["*"], [], [7], undefined]) expect(await status(given), JSON.stringify(given)).toBe(403);
  });

  test("existence-is-not-told", async () => {
    const token = bearer({ ...GOOD, acct_ids: ["A1"] });
    const told = async (path: string): Promise<[number, string]> => {
      const answer = await ask(path, token);
      const { status } = answer;
      return [status, (await answer.text()).replaceAll(/"request_id":"[^"]*"/g, "").replaceAll(/\b(\d+|A2|NO-SUCH)\b/g, "#")];
    };
    const of = { own: await told(`/strategies/${ids[0]}?account_id=A1`) };
    const [other, none] = [await told(`/strategies/${ids[1]}?account_id=A1`), await told("/strategies/999999?account_id=A1")];
    const [another, nowhere] = [await told("/strategies?account_id=A2"), await told("/strategies?account_id=NO-SUCH")];
    expect([of.own[0], other[0], none[0], another[0], nowhere[0]]).toEqual([200, 404, 404, 403, 403]);
    expect(other[1]).toBe(none[1]);
    expect(another[1]).toBe(nowhere[1]);
  });

  test("audience-may-be-a-list", async () => {
    const given = [
      "trading_platform",
      ["other", "trading_platform"],
      ["other"],
      [],
      "",
      "trading_platform2",
      null,
      { 0: "trading_platform" },
    ];
    const statuses = [];
    for (const aud of given) statuses.push((await ask("/strategies?account_id=A1", bearer({ ...GOOD, aud }))).status);
    expect(statuses).toEqual([200, 200, 401, 401, 401, 401, 401, 401]);
  });

  test("a-new-key-id-after-rotation", async () => {
    const rotating = await issuer();
    await using server = await startApi({ db: store.db, settings: { ...settings(), jwks_url: rotating.url } });
    const status = async (options: Partial<Signing>): Promise<number> =>
      (await ask("/strategies?account_id=A1", `Bearer ${rsa(GOOD, options)}`, { at: server.url })).status;
    const second = { key: k2.privateKey, kid: "k2" };
    expect(await status({})).toBe(200);
    rotating.keys.push(jwk(k2.publicKey, "k2"));
    expect(await status(second)).toBe(200);
    const random = await Promise.all(Array.from({ length: 100 }, (_, n) => status({ kid: `made-up-${n}` })));
    expect(new Set(random)).toEqual(new Set([401]));
    expect([await status({}), await status(second)]).toEqual([200, 200]);
    expect(rotating.asked()).toBe(2);
    rotating.fails(true);
    expect(await status({})).toBe(200);
    await rotating.close();
  });

  test("keys that cannot be had are nobody's fault: 503, and when to come again", async () => {
    const down = await issuer();
    down.fails(true);
    await using server = await startApi({ db: store.db, settings: { ...settings(), jwks_url: down.url } });
    const answer = await ask("/strategies?account_id=A1", bearer(GOOD), { at: server.url });
    expect([answer.status, Told.parse(await answer.json()).code]).toEqual([503, "server_busy"]);
    expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
    await down.close();
  });
});
