import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { Health } from "../../packages/engine/src/http/health.ts";
import { HttpSettings, parseHttpSettings } from "../../packages/engine/src/http/settings.ts";
import type { Loop, LoopListener, LoopStanding } from "../../packages/engine/src/loop.ts";
import type { Database } from "../../packages/sdk/src/store/db.ts";
import { startApi, type RunningApi } from "../support/api.ts";
import { onEveryPostgres } from "../support/store.ts";

onEveryPostgres("around the calls, over", (store) => {
  let api: RunningApi;
  let headers: Record<string, string>;
  beforeAll(async () => {
    api = await startApi({ db: store.db, settings: { cors_origins: "http://localhost:3001, https://desk.example" } });
    headers = { authorization: `Bearer ${await api.token()}` };
    await store.db.run("test.account", "insert into trading_account (account_id) values ('A1')");
  });
  afterAll(() => api?.close());

  test("a request's id is the caller's where it is one, and otherwise made", async () => {
    const ids = async (given: Record<string, string>): Promise<(string | null)[]> => {
      const answer = await fetch(`${api.url}/accounts`, { headers: { ...headers, ...given } });
      return [answer.headers.get("x-request-id"), answer.headers.get("x-correlation-id")];
    };
    expect(await ids({ "x-request-id": "r-1", "x-correlation-id": "c-1" })).toEqual(["r-1", "r-1"]);
    expect(await ids({ "x-correlation-id": "c-1" })).toEqual(["c-1", "c-1"]);
    for (const bad of ["a b", "x".repeat(129), '"', "<script>"]) {
      const [made] = await ids({ "x-request-id": bad });
      expect(made).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  test("the log has a line for each request, and neither token nor query nor id", async () => {
    const from = api.lines.length;
    await fetch(`${api.url}/strategies/1?account_id=SECRET&x=${headers["authorization"]}`, { headers });
    await fetch(`${api.url}/nothing/SECRET?SECRET`);
    const lines = api.lines.slice(from);
    expect(lines.map(({ event, text, for_machines }) => ({ event, text, for_machines }))).toEqual([
      { event: "request", text: "GET /strategies/{strategy_id} 400", for_machines: true },
      { event: "request", text: "GET other 404", for_machines: true },
    ]);
    expect(lines[0]?.fields).toMatchObject({
      method: "GET",
      route: "/strategies/{strategy_id}",
      status: 400,
      request_id: expect.any(String),
    });
    expect(JSON.stringify(lines)).not.toMatch(/SECRET|token-/);
  });

  test("and none for who watches the server and finds it well", async () => {
    const { loop, standing } = madeUp();
    await using own = await startApi({ db: store.db, loop });
    for (const path of ["/health", "/live", "/metrics"]) expect((await fetch(`${own.url}${path}`)).status).toBe(200);
    standing.is_turning = false;
    for (const path of ["/health", "/live", "/metrics"]) await fetch(`${own.url}${path}`);
    const texts = (): string[] => own.lines.filter(({ event }) => event === "request").map(({ text }) => text);
    expect(texts()).toEqual(["GET /health 503", "GET /live 503"]);
    // They are counted as any other.
    expect(await (await fetch(`${own.url}/metrics`)).text()).toContain('route="/live",status="200"} 1');
  });

  describe("CORS", () => {
    const preflight = (origin: string, url = api.url): Promise<Response> =>
      fetch(`${url}/strategies`, {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": "GET", "access-control-request-headers": "authorization,content-type" },
      });

    test("a preflight of a listed origin needs no token", async () => {
      const answer = await preflight("http://localhost:3001");
      expect(answer.status).toBe(204);
      expect(Object.fromEntries(answer.headers)).toMatchObject({
        "access-control-allow-origin": "http://localhost:3001",
        "access-control-allow-credentials": "true",
        "access-control-allow-methods": "GET, POST, PUT, DELETE, PATCH, OPTIONS",
        "access-control-max-age": "600",
        vary: "Origin",
      });
      const allowed = answer.headers.get("access-control-allow-headers")?.split(", ");
      for (const name of [
        "Content-Type",
        "Authorization",
        "X-Requested-With",
        "Accept",
        "X-Account-ID",
        "X-Correlation-ID",
        "Idempotency-Key",
      ])
        expect(allowed).toContain(name);
    });

    test("answers and problems say it too, to listed origins only", async () => {
      for (const line of ["/accounts", "/strategies/x"]) {
        const answer = await fetch(`${api.url}${line}`, { headers: { ...headers, origin: "https://desk.example" } });
        expect(answer.headers.get("access-control-allow-origin")).toBe("https://desk.example");
        expect(answer.headers.get("access-control-expose-headers")).toContain("X-Request-ID");
      }
      const none = await fetch(`${api.url}/accounts`, { headers: { origin: "https://desk.example" } });
      expect({ status: none.status, origin: none.headers.get("access-control-allow-origin") }).toEqual({
        status: 401,
        origin: "https://desk.example",
      });
      for (const origin of ["https://desk.example.evil.example", "http://desk.example", "null"]) {
        expect((await preflight(origin)).headers.get("access-control-allow-origin")).toBeNull();
        expect(
          (await fetch(`${api.url}/accounts`, { headers: { ...headers, origin } })).headers.get("access-control-allow-origin"),
        ).toBeNull();
      }
    });

    test("without a list there is none", async () => {
      await using closed = await startApi({ db: store.db });
      const answer = await preflight("http://localhost:3001", closed.url);
      expect({ status: answer.status, origin: answer.headers.get("access-control-allow-origin") }).toEqual({ status: 405, origin: null });
    });
  });

  test("a full page says where the next is, until there is none", async () => {
    for (const name of ["a", "b", "c"])
      await fetch(`${api.url}/strategies?account_id=A1`, {
        method: "POST",
        headers: { ...headers, "content-type": "application/json" },
        body: JSON.stringify({ name }),
      });
    const names: string[][] = [];
    for (let next: string | null = "/strategies?account_id=A1&limit=3"; next !== null;) {
      const answer: Response = await fetch(`${api.url}${next}`, { headers });
      names.push(
        z
          .array(z.object({ name: z.string() }))
          .parse(await answer.json())
          .map(({ name }) => name),
      );
      next = /^<(.*)>; rel="next"$/.exec(answer.headers.get("link") ?? "")?.[1] ?? null;
    }
    expect(names).toEqual([["Default Strategy", "c", "b"], ["a"]]);
  });

  describe("GET /health", () => {
    test("tells without a token how the loop and the database are", async () => {
      const { loop, standing } = madeUp();
      await using own = await startApi({ db: store.db, loop });
      const health = async (): Promise<{ http: number } & Health> => {
        const answer = await fetch(`${own.url}/health`);
        return { http: answer.status, ...Health.parse(await answer.json()) };
      };
      expect(await health()).toMatchObject({
        http: 200,
        status: "ok",
        reasons: [],
        database: { reachable: true },
        sources: [{ name: "redis", up: true, reason: null }],
        leader: true,
        last_sample: "2026-11-25T06:00:00Z",
        lag_ms: 400,
      });
      standing.sources = [{ name: "redis", up: false, reason: "connection refused", since_ms: 0, quote_count: 0 }];
      standing.write_failure = "database does not answer: sesame";
      const quotes = [{ source: "redis", hit: 0, stale: 0, miss: 9, refused: 1, latency_ms: null, why: "no key" }];
      standing.unpriced = [{ instrument: "NFO:A", why: "redis: no key", since_ms: Date.parse("2026-11-25T05:59:00Z"), quotes }];
      const degraded = await health();
      expect(degraded).toMatchObject({
        http: 200,
        status: "degraded",
        reasons: ["redis is away", "no price for NFO:A (redis: no key)", "the last write failed; candles wait"],
        unpriced: [{ instrument: "NFO:A", since: "2026-11-25T05:59:00Z", quotes }],
      });
      expect(JSON.stringify(degraded)).not.toContain("sesame");
      standing.role = "stand_by";
      expect(await health()).toMatchObject({ http: 200, leader: false });
      standing.is_turning = false;
      standing.lag_ms = 30_000;
      expect(await health()).toMatchObject({ http: 503, status: "down", reasons: expect.arrayContaining(["the loop stands for 30 s"]) });
      const live = await fetch(`${own.url}/live`);
      expect([live.status, await live.text()]).toEqual([503, "the loop stands for 30 s\n"]);
    });

    test("asks the database once a second at most, however often it is asked", async () => {
      let asked = 0;
      const db: Database = {
        ...store.db,
        one: (row, name, ...more) => {
          if (name === "alive") asked += 1;
          return store.db.one(row, name, ...more);
        },
      };
      await using own = await startApi({ db });
      const began_ms = performance.now();
      for (let round = 0; round < 10; round += 1) await Promise.all(Array.from({ length: 10 }, () => fetch(`${own.url}/health`)));
      expect(asked).toBeLessThanOrEqual(1 + Math.ceil((performance.now() - began_ms) / 1000));
    });
  });

  test("GET /metrics counts requests by route and status, and what the loop did; no ids", async () => {
    const { loop, told } = madeUp();
    await using own = await startApi({ db: store.db, loop });
    const auth = { authorization: `Bearer ${await own.token()}` };
    await fetch(`${own.url}/strategies/1`, { headers: auth });
    await fetch(`${own.url}/strategies/1234567890`, { headers: auth });
    await fetch(`${own.url}/strategies/1234567890`);
    told()?.pass(12);
    told()?.write(40);
    const answer = await fetch(`${own.url}/metrics`);
    expect(answer.headers.get("content-type")).toContain("text/plain; version=0.0.4");
    const text = await answer.text();
    for (const line of [
      'stratctl_http_requests_total{method="GET",route="/strategies/{strategy_id}",status="200"} 1',
      'stratctl_http_requests_total{method="GET",route="/strategies/{strategy_id}",status="404"} 1',
      'stratctl_http_requests_total{method="GET",route="/strategies/{strategy_id}",status="401"} 1',
      'strategy_operations_total{operation="get",status="success"} 1',
      'strategy_operations_total{operation="get",status="error"} 2',
      "stratctl_samples_total 21600",
      "stratctl_samples_skipped_total 2",
      'strategy_m2m_calculations_total{status="success"} 43000',
      'strategy_m2m_calculations_total{status="error"} 200',
      'stratctl_candles_total{outcome="written"} 720',
      'stratctl_quotes_total{outcome="accepted"} 500',
      "stratctl_candles_waiting 3",
      "stratctl_loop_lag_seconds 0.4",
      'stratctl_source_up{source="redis"} 1',
      "strategy_m2m_calculation_duration_seconds_count 1",
      "stratctl_write_duration_seconds_sum 0.04",
    ])
      expect(text.split("\n")).toContain(line);
    expect(text).not.toContain("1234567890");
    // Read again: what somebody else counts is not added up.
    expect(await (await fetch(`${own.url}/metrics`)).text()).toContain("stratctl_samples_total 21600\n");
  });
});

describe("settings of the server", () => {
  test("what is left out has a default, and text is read as a config file has it", () => {
    expect(HttpSettings.parse({})).toEqual({
      host: "127.0.0.1",
      port: 8081,
      m2m_basis: "m2m",
      cors_origins: [],
      jwt_algorithms: ["RS256", "ES256", "EdDSA"],
      jwt_accounts_claim: "acct_ids",
      rate_limit: 1200,
    });
    expect(
      parseHttpSettings({ port: "0", cors_origins: "http://localhost:3001, https://a.example", jwt_algorithms: "RS256" }),
    ).toMatchObject({
      port: 0,
      cors_origins: ["http://localhost:3001", "https://a.example"],
      jwt_algorithms: ["RS256"],
    });
  });

  test.each([
    [{ port: "" }, /^http\.port /],
    [{ port: "80810" }, /^http\.port must be /],
    [{ m2m_basis: "profit" }, /^http\.m2m_basis must be one of m2m, pnl, not "profit"/],
    [{ cors_origins: "https://a.example/path" }, /^http\.cors_origins.* is not an origin/],
    [{ jwt_algorithms: "none" }, /^http\.jwt_algorithms/],
    [{ jwks_url: "ftp://a" }, /^http\.jwks_url "ftp:\/\/a" is not a URL/],
    [{ ports: "1" }, /^http\.ports is not a field here; did you mean port\?/],
    [{ rate_limit: "0" }, /^http\.rate_limit /],
  ])("%j is refused in one line that names the key", (given, message) => {
    expect(() => parseHttpSettings(given)).toThrow(message);
  });
});

/** A loop that a test tells what to say. */
function madeUp(): { loop: Loop; standing: { -readonly [K in keyof LoopStanding]: LoopStanding[K] }; told: () => LoopListener | null } {
  const standing = {
    is_turning: true,
    strategy_count: 0,
    lag_ms: 400,
    last_pass_at_ms: Date.parse("2026-11-25T06:00:00Z"),
    last_sample_at_ms: Date.parse("2026-11-25T06:00:00Z"),
    marked_count: 43_000,
    unmarked_count: 200,
    unpriced: [],
    write_failure: null,
    role: "leader" as const,
    fence: 1,
    led_since_ms: 0,
    pass_count: 21_700,
    sample_count: 21_600,
    skipped_count: 2,
    candles: { carried: 720, written: 720, left_out: 0, dropped: 0, refused: 0, spooled: 0, torn: 0, aside: 0 },
    lost_count: 3,
    quotes: { accepted: 500, refused: 1, rounded: 0, late: 2 },
    sources: [{ name: "redis", up: true, reason: null, since_ms: 0, quote_count: 5 }],
    quotes_by_source: [],
    spool_depth: 0,
  };
  const held: { listener: LoopListener | null } = { listener: null };
  return {
    loop: { standing: () => standing, listen: (given) => (held.listener = given), feed: null },
    standing,
    told: () => held.listener,
  };
}
