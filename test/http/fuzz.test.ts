import * as fc from "fast-check";
import { Agent, request as httpRequest } from "node:http";
import { tickerSource } from "@stratctl/sdk/internal";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { batchOf, upsertMany } from "../../packages/sdk/src/store/candle.ts";
import { openPool, type Database } from "../../packages/sdk/src/store/db.ts";
import * as listings from "../../packages/sdk/src/store/listing.ts";
import { startApi, type RunningApi } from "../support/api.ts";
import { embeddedServer, freshDatabase, type FreshDatabase } from "../support/postgres.ts";
import { MIGRATED } from "../support/store.ts";
import { startTicker, type Ticker } from "../support/ticker.ts";
import { createJudge, type Answer } from "./answers.ts";
import { operationAt, operationsOf, type Operation } from "./document.ts";
import { requestsFor, type Known, type MadeUp, type TokenKind } from "./requests.ts";

/**
 * Requests made up from the OpenAPI document against the real server: whatever is sent, no fault of ours, and no answer that the
 * document does not describe. `pnpm fuzz` sends 5,000; STRATCTL_FUZZ_SEED repeats a run.
 */

const RUNS = Number(process.env["STRATCTL_FUZZ_RUNS"] ?? 400);
const SEED = Number(process.env["STRATCTL_FUZZ_SEED"] ?? Date.now() % 2 ** 31);

/** Expire far ahead, whenever this runs. */
const CE = "NFO:NIFTY49D2825000CE";
const PE = "NFO:NIFTY49D2824600PE";

let fresh: FreshDatabase;
let database: Database;
let ticker: Ticker;
let api: RunningApi;
let tokens: Readonly<Record<TokenKind, string | null>>;
const agent = new Agent({ keepAlive: true, maxSockets: 4 });

beforeAll(async () => {
  fresh = await freshDatabase(await embeddedServer(), MIGRATED);
  database = await openPool(fresh.url);
  ticker = await startTicker({ [CE]: 97.35, [PE]: 106.2 });
  const source = tickerSource({ url: ticker.url });
  api = await startApi({ db: database, sources: [source], settings: { rate_limit: 1_000_000 } });
  tokens = {
    good: await api.token({ subject: "fuzz" }),
    reader: await api.token({ scopes: ["read"], subject: "reader" }),
    stranger: await api.token({ accounts: ["ZZ9999"], subject: "stranger" }),
    bad: "aaa.bbb.ccc",
    none: null,
  };
});
afterAll(async () => {
  agent.destroy();
  await api?.close();
  await ticker?.[Symbol.asyncDispose]();
  await database?.close();
  await fresh?.drop();
});

describe("any request", () => {
  test(`is answered as the document says (${RUNS} of seed ${SEED})`, { timeout: 600_000 }, async () => {
    const document: unknown = JSON.parse((await send({ method: "GET", url: "/openapi.json", headers: {}, body: null })).body);
    const judge = createJudge(document);
    const known = await madeUpWorld();
    const operations = operationsOf(document);
    const made = fc.sample(requestsFor(operations, known), { numRuns: RUNS, seed: SEED });
    const { complaints, seen } = await answersOf(made, { operations, judge });
    expect(complaints.length, `${complaints.slice(0, 20).join("\n\n")}\nseed ${SEED}`).toBe(0);
    // A generator that gets nowhere would find nothing.
    const reached = [...seen].filter(([, statuses]) => [...statuses].some((status) => status < 300)).map(([name]) => name);
    const refused = [...seen.values()].flatMap((statuses) => [...statuses]);
    expect([...new Set(refused)]).toEqual(expect.arrayContaining([200, 400, 401, 404]));
    if (RUNS >= 2_000) expect(reached.toSorted()).toEqual([...seen.keys()].toSorted());
  });

  test(`over a database that is gone is answered all the same (100 of seed ${SEED})`, async () => {
    const gone = await freshDatabase(await embeddedServer(), MIGRATED);
    const pool = await openPool(gone.url);
    await using server = await startApi({ db: pool, settings: { rate_limit: 1_000_000 } });
    await gone.drop();
    const document: unknown = JSON.parse((await send({ method: "GET", url: "/openapi.json", headers: {}, body: null }, server.url)).body);
    const operations = operationsOf(document);
    const made = fc.sample(requestsFor(operations, { values: {}, legs: [{ strategy_id: 1, instrument_id: 1 }] }), {
      numRuns: 100,
      seed: SEED,
    });
    const token = await server.token();
    const all = { good: token, reader: token, stranger: token, bad: null, none: null };
    const { complaints, seen } = await answersOf(made, { operations, judge: createJudge(document), url: server.url, tokens: all });
    await pool.close();
    expect(complaints.length, `${complaints.slice(0, 20).join("\n\n")}\nseed ${SEED}`).toBe(0);
    expect([...seen.values()].flatMap((statuses) => [...statuses])).toContain(503);
  });

  test("the judge does refuse: an undocumented status, a wrong type, a field nobody told of, words of the inside", async () => {
    const { body } = await send({ method: "GET", url: "/openapi.json", headers: {}, body: null });
    const document: unknown = JSON.parse(body);
    const judge = createJudge(document);
    const list = operationsOf(document).find(({ operationId }) => operationId === "accounts.list") ?? null;
    const answer = (status: number, json: unknown, type = "application/json"): Answer => ({
      status,
      headers: { "content-type": type, "x-request-id": "r" },
      body: JSON.stringify(json),
    });
    const account = {
      account_id: "A1",
      account_name: null,
      aliases: [],
      broker: "zerodha",
      is_active: true,
      created_at: "2025-07-31T03:45:00Z",
      updated_at: "2025-07-31T03:45:00Z",
    };
    const problem = { type: "t", title: "t", status: 404, detail: "d", code: "account_unknown", hint: null, request_id: "r" };
    expect(judge(list, "GET", answer(200, [account]))).toEqual([]);
    expect(judge(list, "GET", answer(200, [{ ...account, is_active: "yes" }]))).toHaveLength(1);
    expect(judge(list, "GET", answer(200, [{ ...account, password: "x" }]))).toHaveLength(1);
    expect(judge(list, "GET", answer(201, [account]))).toHaveLength(1);
    expect(judge(list, "GET", answer(500, problem))).toHaveLength(1);
    expect(judge(null, "GET", answer(404, problem, "application/problem+json"))).toEqual([]);
    const withHint = { ...problem, hint: "name one with --account" };
    expect(judge(null, "GET", answer(404, withHint, "application/problem+json"))).toHaveLength(1);
    expect(judge(null, "GET", answer(400, problem, "application/problem+json"))).toHaveLength(2);
    const saying = (detail: string): string[] => judge(null, "GET", answer(404, { ...problem, detail }, "application/problem+json"));
    for (const inside of ["select 1 from strategy where x", "at find (file:///srv/store.js:12:3)", "at node:internal/timers:5:1"])
      expect(saying(inside)).toHaveLength(1);
    expect(saying('at "x" is not an instant; write it like 2025-07-31T09:15:00+05:30')).toEqual([]);
  });
});

interface Against {
  readonly operations: readonly Operation[];
  readonly judge: ReturnType<typeof createJudge>;
  readonly url?: string;
  readonly tokens?: Readonly<Record<TokenKind, string | null>>;
}

/** Sends each in turn: what is wrong with the answers, with the request before it, and the statuses that each operation gave. */
async function answersOf(
  made: readonly MadeUp[],
  { operations, judge, url: base = api.url, tokens: known = tokens }: Against,
): Promise<{ complaints: string[]; seen: Map<string, Set<number>> }> {
  const complaints: string[] = [];
  const seen = new Map<string, Set<number>>();
  for (const request of made) {
    const { operation, method, url, headers, body } = request;
    const token = known[request.token];
    const authorization = token === null ? {} : { authorization: `Bearer ${token}` };
    const answer = await send({ method, url, headers: { ...headers, ...authorization }, body }, base);
    seen.set(operation.operationId, (seen.get(operation.operationId) ?? new Set()).add(answer.status));
    const faults = judge(operationAt(operations, method, url), method, answer);
    if (faults.length > 0) complaints.push(`${told(request)}\n  → ${answer.status} ${answer.body.slice(0, 200)}\n  ${faults.join("\n  ")}`);
  }
  return { complaints, seen };
}

/** Accounts, strategies, legs and candles, and what a request may name of them. */
async function madeUpWorld(): Promise<Known> {
  const post = async (url: string, body: object): Promise<Record<string, unknown>> => {
    const headers = { authorization: `Bearer ${tokens.good}`, "content-type": "application/json" };
    const answer = await send({ method: "POST", url, headers, body: JSON.stringify(body) });
    if (answer.status !== 201) throw new Error(`POST ${url}: ${answer.body}`);
    return z.record(z.string(), z.unknown()).parse(JSON.parse(answer.body));
  };
  await post("/accounts", { account_id: "XJ4540", aliases: ["1042"] });
  await post("/accounts", { account_id: "ZZ9999" });
  const names = ["Iron condor", "Straddle", "औसत", ...Array.from({ length: 37 }, (_, n) => `Calendar ${n}`)];
  const strategies = await Promise.all(names.map((name) => post("/strategies?account_id=XJ4540", { name, tags: ["weekly"] })));
  const ids = strategies.map(({ strategy_id }) => Number(strategy_id));
  const leg = { direction: "SELL", quantity: 75, entry_price: 101.55 };
  const legs = await Promise.all(
    ids.flatMap((id) => [CE, PE].map((tradingsymbol) => post(`/strategies/${id}/instruments`, { tradingsymbol, ...leg }))),
  );
  const open_ms = Date.parse("2025-07-31T03:45:00Z");
  const minutes = ids.slice(0, 4).flatMap((id) => Array.from({ length: 375 }, (_, minute) => candleAt(id, open_ms + minute * 60_000)));
  await upsertMany(database, batchOf(minutes, "live"), { overwrite: false });
  await listings.upsertMany(database, [SHARE], { seen_on: "2025-07-31" });
  const values = {
    account_id: ["XJ4540", "XJ4540", "1042", "ZZ9999", "NOBODY"],
    strategy_id: [...ids, 1, 2, 999_999],
    to_strategy_id: ids,
    instrument_id: [...legs.map(({ id }) => Number(id)), 999_999],
    cursor: ids,
    strategy: ["Iron condor", "STRADDLE", "औसत", "1", "nothing"],
    tradingsymbol: [CE, PE, "NIFTY49D2825000CE", "NIFTY49D2824600PE", "NFO:NIFTY2580725000CE", "INFY"],
    exchange: ["NFO", "NFO", "NFO", "NSE", "BFO"],
    quantity: [1, 75, 150],
    lots: [1, 2],
    lot_size: [75],
    entry_price: [101.55, 98, 0.05],
    exit_price: [84.2, 0.05],
    i: [[CE], [CE, PE], ["NSE:INFY", CE]],
    instrument: ["NSE:INFY", "INFY", CE],
    q: ["INFY", "infosys eq"],
    tag: ["weekly"],
    search: ["con", "औ", "%", "_"],
    day: ["2025-07-31", "2025-08-01"],
    from_time: ["2025-07-31T03:45:00Z", 1_753_933_500, 1_753_933_500_000],
    to_time: ["2025-07-31T10:00:00Z", 1_753_956_000],
    name: ["Butterfly", "Strangle", "Iron condor"],
    "Idempotency-Key": ["key-1", "key-2"],
    "Last-Event-ID": ["2025-07-31T03:45:00Z"],
    "If-None-Match": ["*", '"x"'],
  };
  return { values, legs: legs.map(({ id, strategy_id }) => ({ strategy_id: Number(strategy_id), instrument_id: Number(id) })) };
}

const SHARE: listings.ListingRow = {
  exchange: "NSE",
  tradingsymbol: "INFY",
  instrument_token: 408_065,
  exchange_token: 1594,
  name: "INFOSYS",
  instrument_type: "EQ",
  strike: null,
  expiry: null,
  tick_size: 0.05,
  lot_size: 1,
  segment: "NSE",
};

function candleAt(strategy_id: number, minute_ms: number): Parameters<typeof batchOf>[0][number] {
  const sums = { open_units: -15_000_000, high_units: -13_205_000, low_units: -16_100_000, close_units: -14_022_500 };
  const book = { entry_value_units: 0, realized_pnl_units: 50_000, instrument_count: 2 };
  return {
    strategy_id,
    minute_ms,
    ...sums,
    ...book,
    sampled: 3n,
    stale_count: 0,
    oldest_age_ms: 0,
    first_at_ms: minute_ms,
    last_at_ms: minute_ms + 1_000,
    source: "live",
  };
}

interface Sent {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

/** Sends it as it is; of a stream only the beginning is waited for. */
function send({ method, url, headers, body }: Sent, base = api.url): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base);
    const length = body === null ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const request = httpRequest({ agent, hostname, port, method, path: url, headers: { ...headers, ...length } }, (response) => {
      const status = response.statusCode ?? 0;
      const found = Object.fromEntries(Object.entries(response.headers).map(([name, value]) => [name, [value].flat().join(", ")]));
      if (found["content-type"]?.startsWith("text/event-stream") === true) {
        resolve({ status, headers: found, body: "" });
        request.destroy();
        return;
      }
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => resolve({ status, headers: found, body: text }));
      response.on("error", reject);
    });
    request.on("error", (error) => reject(new Error(`${method} ${url}: ${error.message}`, { cause: error })));
    request.end(body ?? undefined);
  });
}

/** The request as one line that can be sent again. */
function told({ method, url, headers, body, token }: MadeUp): string {
  const sent = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return `${method} ${url.slice(0, 300)} [${[...sent, `token ${token}`].join("; ").slice(0, 300)}] ${body?.slice(0, 300) ?? ""}`;
}
