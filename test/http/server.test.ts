import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { Problem } from "../../packages/sdk/src/api/problem.ts";
import { openPool } from "../../packages/sdk/src/store/db.ts";
import { startApi, type RunningApi } from "../support/api.ts";
import { onEveryPostgres } from "../support/store.ts";

/** What a request is answered with, as it came. */
interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

const Strategy = z.looseObject({ notices: z.array(z.unknown()) });
const CE = "NFO:NIFTY49D2825000CE";

onEveryPostgres("the server over", (store) => {
  let api: RunningApi;
  let token: string;
  let strategy_id: number;
  beforeAll(async () => {
    api = await startApi({ db: store.db });
    token = await api.token();
    await send("POST /accounts", { account_id: "A1", aliases: ["4711"] });
    await send("POST /accounts", { account_id: "A2" });
    const made = await send("POST /strategies?account_id=A1", { name: "condor" });
    strategy_id = z.object({ strategy_id: z.int() }).parse(JSON.parse(made.text)).strategy_id;
  });
  afterAll(() => api?.close());

  const at = async (url: string, line: string, init: RequestInit = {}): Promise<Answer> => {
    const gap = line.indexOf(" ");
    const response = await fetch(`${url}${line.slice(gap + 1)}`, { method: line.slice(0, gap), ...init });
    return { status: response.status, headers: response.headers, text: await response.text() };
  };
  const ask = (line: string, headers: Record<string, string> = {}, body?: string): Promise<Answer> =>
    at(api.url, line, { headers: { authorization: `Bearer ${token}`, ...headers }, ...(body === undefined ? {} : { body }) });
  const send = (line: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> =>
    ask(line, { "content-type": "application/json", ...headers }, typeof body === "string" ? body : JSON.stringify(body));

  /** The answer is a problem of that status and code, whole, and its detail one line of text. */
  const problem = (answer: Answer, status: number, code: string): Problem => {
    expect({ status: answer.status, type: answer.headers.get("content-type") }, answer.text).toEqual({
      status,
      type: "application/problem+json; charset=utf-8",
    });
    const told = Problem.parse(JSON.parse(answer.text));
    expect(told).toMatchObject({ status, code, type: `urn:stratctl:error:${code}`, request_id: answer.headers.get("x-request-id") });
    expect(told.detail).toMatch(/^[^\n]+$/);
    return told;
  };

  describe("every status of the table", () => {
    test("400: bad fields of path, query and body at once, each with its value", async () => {
      const told = problem(
        await send("PUT /strategies/0?account_id=a%20b&acount_id=A1&strategy_id=3", {
          name: "",
          quantity: 1,
          account_id: "A1",
          tags: ["a,b"],
        }),
        400,
        "input_invalid",
      );
      expect(told.errors?.map(({ field }) => field).toSorted()).toEqual(
        ["account_id", "account_id", "acount_id", "name", "quantity", "strategy_id", "strategy_id", "tags.0"].toSorted(),
      );
      expect(told.errors?.map(({ message }) => message)).toContain("acount_id is not a field here; did you mean account_id?");
      expect(told.errors?.map(({ message }) => message)).toContain("strategy_id belongs to the path, not to the query");
      expect(told.errors?.map(({ message }) => message)).toContain("account_id belongs to the query, not to the body");
    });

    test("401: without a token, and with a bad one", async () => {
      const none = await at(api.url, "GET /strategies");
      problem(none, 401, "token_required");
      expect(none.headers.get("www-authenticate")).toBe("Bearer");
      const bad = await ask("GET /strategies", { authorization: "Bearer xyz" });
      problem(bad, 401, "token_invalid");
      expect(bad.headers.get("www-authenticate")).toBe('Bearer error="invalid_token"');
      expect(bad.text).not.toContain("xyz");
    });

    test("403: another's account, and a scope that the token lacks", async () => {
      const authorization = `Bearer ${await api.token({ accounts: ["A1"], scopes: ["read"] })}`;
      problem(await ask("GET /strategies?account_id=A2", { authorization }), 403, "account_forbidden");
      problem(await send("POST /strategies?account_id=A1", { name: "x" }, { authorization }), 403, "scope_missing");
    });

    test("404: no such strategy, and no such path", async () => {
      problem(await ask("GET /strategies/2000000000"), 404, "strategy_unknown");
      problem(await at(api.url, "GET /strategy"), 404, "route_unknown");
      problem(await at(api.url, "POST /strategy", { body: "<", headers: { "content-type": "text/xml" } }), 404, "route_unknown");
    });

    test("405: with what is allowed", async () => {
      const answer = await ask("PATCH /strategies/1");
      problem(answer, 405, "method_unknown");
      expect(answer.headers.get("allow")).toBe("GET, HEAD, PUT, DELETE");
      expect((await ask("DELETE /strategies")).headers.get("allow")).toBe("POST, PUT, GET, HEAD");
      expect((await ask("OPTIONS /accounts")).status).toBe(405);
      for (const open of ["/health", "/live"]) expect((await ask(`POST ${open}`)).headers.get("allow")).toBe("GET, HEAD");
      expect((await ask("DELETE /metrics")).headers.get("allow")).toBe("GET, HEAD, POST");
    });

    test("406: JSON is ruled out", async () => {
      problem(await ask("GET /accounts", { accept: "text/html" }), 406, "not_acceptable");
      problem(await ask("GET /accounts", { accept: "application/json;q=0, */*" }), 406, "not_acceptable");
      for (const accept of ["*/*", "application/*;q=0.5", "text/html, application/json"])
        expect((await ask("GET /accounts", { accept })).status).toBe(200);
    });

    test("409: an account that is there already", async () => {
      problem(await send("POST /accounts", { account_id: "A1" }), 409, "account_exists");
    });

    test("413: a body over 64 KiB, sent whole or announced", async () => {
      problem(await send("POST /strategies?account_id=A1", { name: "x", description: "x".repeat(65_536) }), 413, "body_too_large");
    });

    test("415: another type than JSON", async () => {
      problem(await ask("POST /strategies", { "content-type": "text/plain" }, "name=x"), 415, "media_type_unsupported");
      problem(await ask("POST /strategies", { "content-type": "garbage" }, "{}"), 415, "media_type_unsupported");
      problem(await send("POST /strategies", "x", { "content-encoding": "gzip" }), 415, "media_type_unsupported");
    });

    test("422: lots of a contract whose lot is not known", async () => {
      const leg = { tradingsymbol: "NFO:ACME49DECFUT", direction: "BUY", lots: 1, entry_price: 10 };
      problem(await send(`POST /strategies/${strategy_id}/instruments`, leg), 422, "lot_size_unknown");
    });

    test("429: more than the limit within a minute, for one token or one address, and when to come again", async () => {
      await using narrow = await startApi({ db: store.db, settings: { rate_limit: "3" } });
      const own = { headers: { authorization: `Bearer ${await narrow.token({ subject: "a" })}` } };
      const others = { headers: { authorization: `Bearer ${await narrow.token({ subject: "a", ttl_s: 60 })}` } };
      const statuses: number[] = [];
      for (let count = 0; count < 4; count += 1) statuses.push((await at(narrow.url, "GET /accounts", own)).status);
      expect(statuses).toEqual([200, 200, 200, 429]);
      const answer = await at(narrow.url, "GET /accounts", own);
      expect(problem(answer, 429, "rate_limited").detail).toMatch(/too many requests within a minute; the next is taken in \d+ s/);
      expect(Number(answer.headers.get("retry-after"))).toBeGreaterThan(0);
      expect((await at(narrow.url, "GET /accounts", others)).status).toBe(200);
      const bad: number[] = [];
      for (let count = 0; count < 5; count += 1)
        bad.push((await at(narrow.url, "GET /accounts", { headers: { authorization: `Bearer bad${count}` } })).status);
      expect(bad).toEqual([401, 401, 401, 429, 429]);
      for (let count = 0; count < 4; count += 1) await at(narrow.url, "GET /nothing");
      expect((await at(narrow.url, "GET /nothing")).status).toBe(429);
      expect([(await at(narrow.url, "GET /health")).status, (await at(narrow.url, "GET /metrics")).status]).toEqual([200, 200]);
      // A good token is not refused for what others of its address do: behind a proxy all share one.
      const unseen = { headers: { authorization: `Bearer ${await narrow.token({ subject: "c" })}` } };
      expect((await at(narrow.url, "GET /accounts", unseen)).status).toBe(200);
      expect((await at(narrow.url, "GET /accounts", others)).status).toBe(200);
    });

    test("503: the database is away, and its address is no caller's business", async () => {
      const db = await openPool("postgres://stratctl:sesame@127.0.0.1:1/none");
      await using away = await startApi({ db });
      const headers = { authorization: `Bearer ${await away.token()}` };
      const answer = await at(away.url, "GET /accounts", { headers });
      expect(problem(answer, 503, "database_unreachable")).toMatchObject({ detail: "the server's database does not answer", hint: null });
      expect(answer.headers.get("retry-after")).toBe("1");
      expect(answer.text).not.toContain("127.0.0.1");
      expect(away.lines.find(({ event }) => event === "http")?.text).toContain("127.0.0.1:1");
      expect(JSON.parse((await at(away.url, "GET /health")).text)).toMatchObject({ status: "down", database: { reachable: false } });
      expect((await at(away.url, "GET /health")).status).toBe(503);
      // A restart would not bring it back.
      expect(await at(away.url, "GET /live")).toMatchObject({ status: 200, text: "ok\n" });
      await db.close();
    });

    test("500: a fault is told as one, with the request's id, and the log has its stack", async () => {
      const now = (): number => {
        throw new TypeError("the clock of sesame fell down");
      };
      await using faulty = await startApi({ db: store.db, now });
      const headers = { authorization: `Bearer ${await faulty.token()}`, "x-request-id": "r-1" };
      const answer = await at(faulty.url, `GET /strategies/${strategy_id}/m2m`, { headers });
      expect(JSON.parse(answer.text)).toEqual({
        type: "urn:stratctl:error:internal",
        title: "Internal Server Error",
        status: 500,
        detail: "fault in stratctl",
        code: "internal",
        hint: null,
        request_id: "r-1",
      });
      const line = faulty.lines.find(({ event }) => event === "fault");
      expect(line?.fields).toMatchObject({ request_id: "r-1", route: "/strategies/{strategy_id}/m2m" });
      expect(line?.fields?.["stack"]).toMatch(/TypeError: the clock of sesame fell down\n\s+at /);
    });
  });

  describe("what is read of a request", () => {
    test.each(["1e3", "0x1", "1.5", "-1", "0", "99999999999", "9".repeat(30), "%00", "%20", "one", "1%00", "null", "[1]"])(
      "a path's id %s is refused",
      async (id) => {
        problem(await ask(`GET /strategies/${id}`), 400, "input_invalid");
      },
    );

    test("bad percent-encoding in path and query", async () => {
      problem(await ask("GET /strategies/%zz"), 400, "input_invalid");
      problem(await ask("GET /strategies?search=%zz"), 400, "input_invalid");
      problem(await ask("GET /strategies?%ff=1"), 400, "input_invalid");
    });

    test("a field given twice is refused where it is one, and a list where it is several", async () => {
      const told = problem(await ask("GET /strategies?search=a&search=b"), 400, "input_invalid");
      expect(told.detail).toBe("search is given 2 times in the query");
      const quotes = await ask(`GET /quotes?i=${CE}&i=${encodeURIComponent(CE)}`);
      expect(JSON.parse(quotes.text)).toMatchObject([{ instrument: CE }, { instrument: CE }]);
      expect(JSON.parse((await ask(`GET /quotes?i=${CE}`)).text)).toMatchObject([{ instrument: CE, price: null }]);
    });

    test("a NUL is no text of a database", async () => {
      for (const line of ["GET /strategies?search=%00", "GET /strategies?tag=a%00", "GET /strategies?account_id=%00", "GET /quotes?i=%00"])
        problem(await ask(line), 400, "input_invalid");
      problem(await send("POST /strategies?account_id=A1", { name: "x", description: "a\0b" }), 400, "input_invalid");
      problem(await send("POST /strategies?account_id=A1", { name: "x", tags: ["a\0"] }), 400, "input_invalid");
    });

    test.each(["", "{", "null", "[]", '"x"', "1", "{}x", "\u00a0{}", '{"name":"a"'])("the body %j is no JSON object", async (body) => {
      const answer = await send("POST /strategies?account_id=A1", body);
      expect(problem(answer, 400, "input_invalid").detail).toMatch(
        body === "" ? /name is missing/ : /the body (is not JSON|must be a JSON object)/,
      );
    });

    test("bytes that are no UTF-8, and depths that nobody needs", async () => {
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
      const body = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]);
      const told = problem(await at(api.url, "POST /strategies?account_id=A1", { headers, body }), 400, "input_invalid");
      expect(told).toMatchObject({ detail: "the body is not JSON", hint: expect.stringContaining("in UTF-8") });
      const deep = `{"name":${"[".repeat(30_000)}${"]".repeat(30_000)}}`;
      problem(await send("POST /strategies?account_id=A1", deep), 400, "input_invalid");
    });

    test("names of prototypes are unknown fields like any other", async () => {
      const told = problem(
        await send("POST /strategies?account_id=A1", '{"name":"p","__proto__":{"tags":["x"]},"constructor":{"prototype":{"y":1}}}'),
        400,
        "input_invalid",
      );
      expect(told.errors?.map(({ field }) => field)).toEqual(["__proto__", "constructor"]);
      problem(await ask("GET /strategies?__proto__=1"), 400, "input_invalid");
      expect(Object.keys({})).toEqual([]);
      expect("tags" in {}).toBe(false);
    });

    test("a PUT without a body changes nothing, and neither does an empty one", async () => {
      // What its expiries ask for is told to who looks at it alone.
      const { notices, ...before } = Strategy.parse(JSON.parse((await ask(`GET /strategies/${strategy_id}`)).text));
      expect(notices).toEqual([]);
      for (const answer of [
        await ask(`PUT /strategies/${strategy_id}`),
        await send(`PUT /strategies/${strategy_id}`, {}),
        await send(`PUT /strategies/${strategy_id}`, ""),
      ])
        expect(JSON.parse(answer.text)).toEqual(before);
    });

    test("GET and DELETE may say a type and have no body", async () => {
      expect((await ask("GET /accounts", { "content-type": "application/json" })).status).toBe(200);
      expect((await ask("GET /accounts", { "content-type": "text/plain" })).status).toBe(200);
      const made = z
        .object({ strategy_id: z.int() })
        .parse(JSON.parse((await send("POST /strategies?account_id=A1", { name: "gone" })).text));
      expect((await ask(`DELETE /strategies/${made.strategy_id}`, { "content-type": "application/json" })).status).toBe(200);
      problem(await send(`DELETE /strategies/${made.strategy_id}`, { name: "x" }), 400, "input_invalid");
    });

    test("a key makes one strategy of a call that is sent again, and must be one", async () => {
      const again = (name: string, key: string): Promise<Answer> =>
        send("POST /strategies?account_id=A1", { name }, { "idempotency-key": key });
      const [first, second] = [await again("keyed", "k-1"), await again("keyed", "k-1")];
      expect([first.status, second.status, second.text]).toEqual([201, 201, first.text]);
      problem(await again("other", "k-1"), 409, "idempotency_conflict");
      problem(await again("other", "\u00e9"), 400, "input_invalid");
    });

    test("a slash at the end is nothing, and HEAD is GET without the body", async () => {
      const plain = await ask(`GET /strategies/${strategy_id}`);
      expect((await ask(`GET /strategies/${strategy_id}/`)).text).toBe(plain.text);
      expect((await ask("GET /strategies/?account_id=A1&search=a/")).status).toBe(200);
      const head = await ask(`HEAD /strategies/${strategy_id}`);
      expect({ status: head.status, text: head.text, length: head.headers.get("content-length") }).toEqual({
        status: 200,
        text: "",
        length: plain.headers.get("content-length"),
      });
      expect((await ask("HEAD /strategies/2000000000")).status).toBe(404);
    });

    test("plus-in-a-query-is-a-space: an instant with a raw + is another text, never another instant", async () => {
      const m2m = (query: string): Promise<Answer> => ask(`GET /strategies/${strategy_id}/m2m?account_id=A1&${query}`);
      expect((await m2m("from_time=2026-11-25T09:15:00%2B05:30&to_time=2026-11-25T10:10:00Z")).status).toBe(200);
      problem(await m2m("from_time=2026-11-25T09:15:00+05:30&to_time=2026-11-25T10:10:00Z"), 400, "input_invalid");
      expect((await m2m("from_time=2026-11-25T03:45:00Z")).status).toBe(200);
      problem(await m2m("from_time=2026-11-25T09:15:00"), 400, "input_invalid");
      problem(await m2m("from_time=2026-11-25"), 400, "input_invalid");
      for (const epoch of ["1795578605", "1795578605000"]) expect((await m2m(`from_time=${epoch}`)).status).toBe(200);
      problem(await m2m("from_time=2026-11-25T10:10:00Z&to_time=2026-11-25T03:45:00Z"), 400, "input_invalid");
      expect(JSON.parse((await ask("GET /strategies?account_id=A1&search=con+dor")).text)).toEqual([]);
    });

    test("empty-is-not-zero: a quantity is a JSON number above 0", async () => {
      const statuses: number[] = [];
      const given = ["75", '""', '"  "', "null", "true", "[]", "[75]", "0", "-75", "75.5", '"75"', "1e21", "9007199254740993", '"abc"'];
      for (const quantity of given) {
        const body = `{"tradingsymbol":"${CE}","direction":"BUY","quantity":${quantity},"entry_price":100}`;
        statuses.push((await send(`POST /strategies/${strategy_id}/instruments`, body)).status);
      }
      expect(statuses).toEqual([201, ...given.slice(1).map(() => 400)]);
      const legs = z
        .array(z.object({ quantity: z.int() }))
        .parse(JSON.parse((await ask(`GET /strategies/${strategy_id}/instruments`)).text));
      expect(legs).toEqual([{ quantity: 75 }]);
    });
  });
});
