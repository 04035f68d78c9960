import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { World } from "../engine/world.ts";
import { startApi, type RunningApi } from "../support/api.ts";
import { redisMissing, startRedis, type RedisServer } from "../support/redis.ts";
import { onEveryPostgres } from "../support/store.ts";

/**
 * A tab of the front end that was made for the system before: what it sends, and what it takes for granted of an answer.
 * It names the account by a number of the user service, on some calls not at all, and shows `detail` of an error as it is.
 */

const ACCOUNT = "4711";
const CE = "NIFTY26D0124500CE";
const PE = "NIFTY26D0124000PE";
const FROM = "2026-11-25T05:00:00Z";
const SECONDS = 600;
/** Its ranges, in seconds back from now: 1H 4H 1D 1W. */
const RANGES = [3_600, 14_400, 86_400, 604_800];

const Time = z.string().refine((text) => /(Z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text)));

const Strategy = z.object({
  strategy_id: z.int(),
  name: z.string(),
  description: z.string().nullable(),
  tags: z.array(z.string()),
  status: z.enum(["active", "archived"]),
  is_default: z.boolean(),
  created_at: Time,
  updated_at: Time,
  archived_at: Time.nullable(),
  current_pnl: z.number().nullable(),
  current_m2m: z.number().nullable(),
  total_capital_deployed: z.number().nullable(),
  total_margin_used: z.number().nullable(),
  instrument_count: z.int(),
});

const Leg = z.object({
  id: z.int(),
  strategy_id: z.int(),
  tradingsymbol: z.string(),
  exchange: z.string(),
  direction: z.enum(["BUY", "SELL"]),
  quantity: z.int(),
  entry_price: z.number(),
  current_price: z.number().nullable(),
  current_pnl: z.number().nullable(),
  instrument_type: z.string(),
  strike: z.number().nullable(),
  expiry: z.iso.date().nullable(),
  lot_size: z.int().nullable(),
  added_at: Time,
  notes: z.string().nullable(),
});

const Candle = z.object({ timestamp: Time, close: z.number(), open: z.number(), high: z.number(), low: z.number() });

class Tab {
  readonly #url: string;
  readonly #headers: Readonly<Record<string, string>>;
  calls = 0;

  constructor(url: string, token: string) {
    this.#url = url;
    this.#headers = { authorization: `Bearer ${token}`, "content-type": "application/json", origin: "http://localhost:3001" };
  }

  strategies = (): Promise<z.infer<typeof Strategy>[]> => this.#send(z.array(Strategy), 200, "GET", `/strategies?account_id=${ACCOUNT}`);

  strategy = (id: number): Promise<z.infer<typeof Strategy>> => this.#send(Strategy, 200, "GET", `/strategies/${id}?account_id=${ACCOUNT}`);

  create = (body: object): Promise<z.infer<typeof Strategy>> =>
    this.#send(Strategy, 201, "POST", `/strategies?account_id=${ACCOUNT}`, body);

  legs = (id: number): Promise<z.infer<typeof Leg>[]> => this.#send(z.array(Leg), 200, "GET", `/strategies/${id}/instruments`);

  add = (id: number, body: object): Promise<z.infer<typeof Leg>> => this.#send(Leg, 201, "POST", `/strategies/${id}/instruments`, body);

  remove = (id: number, leg: number): Promise<unknown> => this.#send(z.unknown(), 200, "DELETE", `/strategies/${id}/instruments/${leg}`);

  m2m = (id: number, from_s: number, to_s: number): Promise<z.infer<typeof Candle>[]> =>
    this.#send(z.array(Candle), 200, "GET", `/strategies/${id}/m2m?from_time=${from_s}&to_time=${to_s}`);

  /** What it would show of an answer that is an error. */
  async error(method: string, path: string, body?: object): Promise<string> {
    const answer = await this.#fetch(method, path, body);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    return z.object({ detail: z.string() }).parse(await answer.json()).detail;
  }

  async #send<T extends z.ZodType>(type: T, status: number, method: string, path: string, body?: object): Promise<z.output<T>> {
    this.calls += 1;
    const answer = await this.#fetch(method, path, body);
    const text = await answer.text();
    expect({ path, status: answer.status, origin: answer.headers.get("access-control-allow-origin") }, text).toEqual({
      path,
      status,
      origin: "http://localhost:3001",
    });
    return type.parse(JSON.parse(text));
  }

  /** As a browser: it asks whether it may before it does, since Authorization and the type of JSON want it. */
  async #fetch(method: string, path: string, body?: object): Promise<Response> {
    const preflight = await fetch(`${this.#url}${path}`, {
      method: "OPTIONS",
      headers: {
        origin: "http://localhost:3001",
        "access-control-request-method": method,
        "access-control-request-headers": "authorization,content-type",
      },
    });
    expect({ ok: preflight.ok, methods: preflight.headers.get("access-control-allow-methods") }).toMatchObject({
      ok: true,
      methods: expect.stringContaining(method),
    });
    return fetch(`${this.#url}${path}`, { method, headers: this.#headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  }
}

let redis: RedisServer;
beforeAll(async () => {
  if (redisMissing === null) redis = await startRedis();
});
afterAll(() => redis?.stop());

describe.skipIf(redisMissing)("a tab of the old front end", () => {
  onEveryPostgres("over", (store) => {
    let api: RunningApi;

    test("polls through ten minutes: every call succeeds, and every value is of the type it expects", async () => {
      await store.db.run("test.account", "insert into trading_account (account_id, aliases) values ('XJ4540', array['4711'])");
      const serve = async (loop: Parameters<typeof startApi>[0]["loop"]): Promise<RunningApi> => {
        const settings = { cors_origins: "http://localhost:3001", m2m_basis: "pnl" };
        api = await startApi({ db: store.db, loop: loop ?? null, now: () => world.clock.now(), settings });
        return api;
      };
      await using world = await World.start({ db: store.db, redis, at: FROM, serve });
      const tab = new Tab(api.url, await api.token({ accounts: [ACCOUNT], subject: "user:1" }));

      const [first] = await tab.strategies();
      expect(first).toMatchObject({ is_default: true, current_pnl: null, current_m2m: null, instrument_count: 0 });
      const { strategy_id } = await tab.create({ name: "Iron condor", description: "weekly", tags: ["nifty"] });
      const sold = await tab.add(strategy_id, { tradingsymbol: CE, direction: "SELL", quantity: 65, entry_price: 150.05, notes: "short" });
      expect(sold).toMatchObject({ exchange: "NFO", instrument_type: "CE", strike: 24_500, expiry: "2026-12-01", entry_price: 150.05 });
      await tab.add(strategy_id, { tradingsymbol: PE, direction: "BUY", quantity: 65, entry_price: 120 });
      const mistaken = await tab.add(strategy_id, { tradingsymbol: PE, direction: "BUY", quantity: 650, entry_price: 120 });
      await tab.remove(strategy_id, mistaken.id);
      // The made-up clock stands behind the database's: the legs are dated as if they had been added before.
      await store.db.run("test.added", "update strategy_instruments set added_at = '2026-11-25T03:45:00Z'");

      for (let second = 0; second < SECONDS; second += 1) {
        await world.quote(`NFO:${CE}`, 150 + (second % 40) / 20);
        await world.quote(`NFO:${PE}`, 120 - (second % 30) / 20);
        await world.to(new Date(Date.parse(FROM) + (second + 1) * 1000).toISOString());
        const now_s = world.clock.now() / 1000;
        if (second % 30 === 0) expect((await tab.strategies()).map(({ name }) => name)).toEqual(["Default Strategy", "Iron condor"]);
        if (second % 15 === 0) expect(await tab.legs(strategy_id)).toHaveLength(2);
        if (second % 60 === 0) for (const range_s of RANGES) await tab.m2m(strategy_id, now_s - range_s, now_s);
        if (second % 5 !== 0) continue;
        const { current_pnl, current_m2m } = await tab.strategy(strategy_id);
        if (second > 120)
          expect({ current_pnl: typeof current_pnl, current_m2m }).toEqual({ current_pnl: "number", current_m2m: current_pnl });
      }

      const now_s = world.clock.now() / 1000;
      const candles = await tab.m2m(strategy_id, now_s - 3_600, now_s);
      expect(candles.length).toBeGreaterThanOrEqual(8);
      expect(candles.every(({ timestamp }, place) => place === 0 || timestamp > (candles[place - 1]?.timestamp ?? ""))).toBe(true);
      for (const leg of await tab.legs(strategy_id)) {
        expect(typeof leg.current_price).toBe("number");
        expect(typeof leg.current_pnl).toBe("number");
      }
      // About 19 calls a minute, and those at the start.
      expect(tab.calls).toBeGreaterThan(190);

      expect(await tab.error("GET", `/strategies?account_id=9999`)).toMatch(/9999/);
      expect(
        await tab.error("POST", `/strategies/${strategy_id}/instruments`, { tradingsymbol: CE, direction: "UP", quantity: "x" }),
      ).toMatch(/^[a-z_]+ .+/);
      expect(await tab.error("GET", "/strategies/999999?account_id=4711")).toMatch(/^no strategy 999999/);
      expect(await tab.error("POST", `/strategies?account_id=${ACCOUNT}`, { name: "iron condor" })).toMatch(/iron condor/i);
    });
  });
});
