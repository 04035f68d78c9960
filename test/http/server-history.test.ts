import { request as plainRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { Candle } from "../../packages/sdk/src/model/candle.ts";
import type { Database, Db } from "../../packages/sdk/src/store/db.ts";
import { startApi, type RunningApi } from "../support/api.ts";
import { until } from "../support/server.ts";
import { onEveryPostgres } from "../support/store.ts";

/** The exchange's today is 2026-11-25; a year of minutes ends in it. */
const NOW_MS = Date.parse("2026-11-25T06:00:00Z");
const FROM = "2025-11-25T00:00:00Z";
/** Every eighth minute of a year: not much less than a year of sessions has. */
const CANDLES = 65_700;

onEveryPostgres("histories over", (store) => {
  let api: RunningApi;
  let token: string;
  let strategy_id: number;
  beforeAll(async () => {
    api = await startApi({ db: store.db, now: () => NOW_MS });
    token = await api.token();
    await store.db.run("test.account", "insert into trading_account (account_id) values ('A1')");
    strategy_id = (await store.db.one(z.object({ strategy_id: z.int() }), "test.strategy", "select strategy_id from strategy")).strategy_id;
    await store.db.run(
      "test.year",
      `insert into strategy_m2m_candles (strategy_id, timestamp, open, high, low, close, entry_value, realized_pnl, instrument_count,
         sample_count, stale_count, oldest_age_ms, sampled, first_at, last_at, source)
       select $1, $2::timestamptz + n * interval '8 minutes', -100.25 - n % 7, -90, -110, -100.25, 0, 5.5, 2, 1, 0, 0, 1,
         $2::timestamptz + n * interval '8 minutes', $2::timestamptz + n * interval '8 minutes', 'live'
       from generate_series(0, $3::int - 1) as n`,
      [strategy_id, FROM, CANDLES],
    );
  });
  afterAll(() => api?.close());

  const m2m = (query: string, headers: Record<string, string> = {}, url = api.url, method = "GET"): Promise<Response> =>
    fetch(`${url}/strategies/${strategy_id}/m2m?${query}`, { method, headers: { authorization: `Bearer ${token}`, ...headers } });

  test("a year of minutes is one JSON array, ascending and whole", async () => {
    const answer = await m2m(`from_time=${FROM}&to_time=2026-11-25T00:00:00Z`);
    expect(answer.status).toBe(200);
    const candles = z.array(Candle).parse(await answer.json());
    expect(candles.length).toBe(CANDLES);
    expect(candles[5_000]?.timestamp).toBe(new Date(Date.parse(FROM) + 5_000 * 480_000).toISOString().replace(".000", ""));
    expect(candles.every(({ timestamp }, place) => place === 0 || timestamp > (candles[place - 1]?.timestamp ?? ""))).toBe(true);
    expect(candles[3]).toMatchObject({ open: -103.25, close: -100.25, pnl_close: 105.75 });
  });

  test("as many candles as are read at once, to the very last, are whole", async () => {
    const last = new Date(Date.parse(FROM) + 4_999 * 480_000).toISOString();
    const answer = await m2m(`from_time=${FROM}&to_time=${last}`);
    expect(z.array(Candle).parse(await answer.json()).length).toBe(5_000);
  });

  test("it is written as fast as it is read: a reader that stops holds up the reading of rows", async () => {
    let asked = 0;
    const counting: Database = {
      ...store.db,
      texts: (columns, name, ...rest) => {
        if (name.startsWith("candle.")) asked += 1;
        return store.db.texts(columns, name, ...rest);
      },
    };
    await using own = await startApi({ db: counting, now: () => NOW_MS });
    const headers = { authorization: `Bearer ${await own.token()}` };
    const asking = plainRequest(`${own.url}/strategies/${strategy_id}/m2m?from_time=${FROM}`, { headers });
    asking.end();
    const response = await answerOf(asking);
    await once(response, "readable");
    const first = z.instanceof(Buffer).parse(response.read(1024)).toString();
    expect(first).toMatch(/^\[\{"strategy_id":/);
    // Nobody reads on: what a socket and its buffers take is a part of the year, whatever the time that goes by.
    let before = -1;
    while (before !== asked) {
      before = asked;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect(asked).toBeLessThan(CANDLES / 5_000 / 2);
    let length = first.length;
    for await (const chunk of response) length += z.instanceof(Buffer).parse(chunk).length;
    expect(asked).toBeGreaterThan(CANDLES / 5_000);
    expect(own.lines.filter(({ level }) => level !== "info")).toEqual([]);
    expect(length).toBeGreaterThan(CANDLES * 300);
  });

  test("a year goes through a process that has no room for it", async () => {
    const entry = path.join(import.meta.dirname, "server-process.ts");
    // Megabytes: what such a process needs for itself, and a fraction of what the candles of a year would.
    const child = spawn(process.execPath, ["--max-old-space-size=56", entry, store.url], { stdio: ["ignore", "pipe", "inherit"] });
    const ended = once(child, "exit");
    const [line] = await once(createInterface({ input: child.stdout }), "line");
    const own = z.object({ url: z.string(), token: z.string() }).parse(JSON.parse(String(line)));
    const answer = await m2m(`from_time=${FROM}`, { authorization: `Bearer ${own.token}` }, own.url);
    expect(z.array(Candle).parse(await answer.json()).length).toBe(CANDLES);
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
  });

  test("a reader that goes away in the middle ends the reading of rows, and is no trouble", async () => {
    let asked = 0;
    const counting: Database = {
      ...store.db,
      texts: (columns, name, ...rest) => {
        if (name.startsWith("candle.")) asked += 1;
        return store.db.texts(columns, name, ...rest);
      },
    };
    await using own = await startApi({ db: counting, now: () => NOW_MS });
    const leaving = new AbortController();
    const headers = { authorization: `Bearer ${await own.token()}` };
    const answer = await fetch(`${own.url}/strategies/${strategy_id}/m2m?from_time=${FROM}`, { headers, signal: leaving.signal });
    const reader = answer.body?.getReader();
    await reader?.read();
    leaving.abort();
    await expect(reader?.read()).rejects.toThrow("aborted");
    await until(
      async () => expect(own.lines.map(({ text }) => text)).toEqual(["GET /strategies/{strategy_id}/m2m 200, cut off"]),
      () => JSON.stringify(own.lines),
    );
    expect(asked).toBeLessThan(CANDLES / 5_000);
  });

  test("a fault in the middle cuts the connection: half an array is never taken for a whole one", async () => {
    let asked = 0;
    const failing: Database = {
      ...store.db,
      texts: (columns, name, ...rest) => {
        if (name.startsWith("candle.")) asked += 1;
        if (asked > 3) throw new Error("the disk of sesame is gone");
        return store.db.texts(columns, name, ...rest);
      },
    };
    await using own = await startApi({ db: failing, now: () => NOW_MS });
    token = await own.token();
    for (const headers of [{}, { "accept-encoding": "gzip" }]) {
      asked = 0;
      const answer = await m2m(`from_time=${FROM}`, headers, own.url);
      expect(answer.status).toBe(200);
      await expect(answer.text()).rejects.toThrow(/terminated/);
    }
    expect(own.lines.filter(({ event }) => event === "fault").map(({ text }) => text)).toEqual([
      "GET /strategies/{strategy_id}/m2m: the disk of sesame is gone",
      "GET /strategies/{strategy_id}/m2m: the disk of sesame is gone",
    ]);
    token = await api.token();
  });

  test("a fault before the first row is a problem", async () => {
    const failing: Database = { ...store.db, texts: () => Promise.reject(new Error("no")) };
    await using own = await startApi({ db: failing, now: () => NOW_MS });
    const answer = await m2m(`from_time=${FROM}`, { authorization: `Bearer ${await own.token()}` }, own.url);
    expect({ status: answer.status, type: answer.headers.get("content-type") }).toEqual({
      status: 500,
      type: "application/problem+json; charset=utf-8",
    });
  });

  test.each(["", "&to_time=2025-12-02T10:00:00Z"])("a damaged row is a problem, not half an answer (%s)", async (until_then) => {
    const damaging: Database = {
      ...store.db,
      texts: async (columns, name, ...rest) => {
        const rows = await store.db.texts(columns, name, ...rest);
        return rows.map((row, at) => (at === 3 ? row.with(columns.indexOf("pnl_low"), "NaN") : row));
      },
    };
    await using own = await startApi({ db: damaging, now: () => NOW_MS });
    const answer = await m2m(`from_time=${FROM}${until_then}`, { authorization: `Bearer ${await own.token()}` }, own.url);
    expect({ status: answer.status, type: answer.headers.get("content-type") }).toEqual({
      status: 500,
      type: "application/problem+json; charset=utf-8",
    });
    expect(await answer.text()).not.toContain("NaN");
    expect(own.lines.filter(({ event }) => event === "fault").map(({ text }) => text)).toEqual([expect.stringContaining('pnl_low "NaN"')]);
  });

  test("gzip where it is asked for, of a whole answer and of a long one", async () => {
    for (const query of ["day=2026-11-20", "from_time=2026-10-01T00:00:00Z"]) {
      const plain = await raw(query, { "accept-encoding": "identity" });
      const packed = await raw(query, { "accept-encoding": "gzip" });
      expect(plain.headers["content-encoding"]).toBeUndefined();
      expect(packed.headers).toMatchObject({ "content-encoding": "gzip", vary: expect.stringContaining("accept-encoding") });
      expect(packed.body.length).toBeLessThan(plain.body.length / 5);
      expect(gunzipSync(packed.body).equals(plain.body)).toBe(true);
    }
  });

  describe("ETag", () => {
    const CLOSED = [
      "day=2026-11-24",
      "from_time=2026-11-20T00:00:00Z&to_time=2026-11-24T18:29:59Z",
      "from_time=2026-10-01T00:00:00Z&to_time=2026-11-24T10:00:00Z",
    ];

    test.each(CLOSED)("of %s, which is over: strong, the same again, and 304 for who has it", async (query) => {
      const first = await m2m(query, { "accept-encoding": "identity" });
      const tag = first.headers.get("etag") ?? "";
      expect(tag).toMatch(/^"[\w-]{27}"$/);
      expect(first.headers.get("cache-control")).toBe("private, no-cache");
      expect(first.headers.get("vary")).toContain("authorization");
      await first.arrayBuffer();
      const again = await m2m(query, { "if-none-match": `"x", ${tag}` });
      expect({ status: again.status, text: await again.text(), tag: again.headers.get("etag") }).toEqual({ status: 304, text: "", tag });
      const packed = await m2m(query, { "accept-encoding": "gzip" });
      const packed_tag = packed.headers.get("etag") ?? "";
      expect(packed_tag).toBe(`${tag.slice(0, -1)}-gzip"`);
      await packed.arrayBuffer();
      expect((await m2m(query, { "if-none-match": packed_tag, "accept-encoding": "gzip" })).status).toBe(304);
      expect((await m2m(query, { "if-none-match": '"other"' }, api.url, "HEAD")).headers.get("etag")).toContain(tag.slice(0, -1));
      expect((await m2m(`${query}&basis=pnl`, { "if-none-match": tag })).status).toBe(200);
    });

    test.each(["day=2026-11-25", "from_time=2026-11-24T00:00:00Z", "from_time=2026-11-24T00:00:00Z&to_time=2026-11-24T18:30:00Z"])(
      "none of %s, which reaches into today",
      async (query) => {
        const answer = await m2m(query);
        expect({ status: answer.status, tag: answer.headers.get("etag") }).toEqual({ status: 200, tag: null });
        expect(answer.headers.get("cache-control")).toBe("no-store");
        await answer.arrayBuffer();
      },
    );

    test.each(CLOSED)("of %s: another when a candle changes", async (query) => {
      const before = (await m2m(query)).headers.get("etag") ?? "";
      await changed(store.db, strategy_id, "2026-11-23T04:00:00Z");
      await changed(store.db, strategy_id, "2026-11-24T04:00:00Z");
      await changed(store.db, strategy_id, "2026-11-20T04:00:00Z");
      const after = await m2m(query, { "if-none-match": before });
      expect(after.status).toBe(200);
      expect(after.headers.get("etag")).not.toBe(before);
      await after.arrayBuffer();
    });
  });

  test("HEAD of a year reads no more than its beginning", async () => {
    const answer = await m2m(`from_time=${FROM}`, {}, api.url, "HEAD");
    expect({ status: answer.status, text: await answer.text() }).toEqual({ status: 200, text: "" });
    // Of what is not read nobody knows the length; that of an answer which goes whole is told.
    expect(answer.headers.get("content-length")).toBe(null);
    const [head, whole] = [await m2m("day=2025-11-26", {}, api.url, "HEAD"), await m2m("day=2025-11-26")];
    expect(Number(head.headers.get("content-length"))).toBe((await whole.arrayBuffer()).byteLength);
  });

  async function raw(query: string, headers: Record<string, string>): Promise<{ headers: Record<string, unknown>; body: Buffer }> {
    const all = { authorization: `Bearer ${token}`, ...headers };
    const asking = plainRequest(`${api.url}/strategies/${strategy_id}/m2m?${query}`, { headers: all });
    asking.end();
    const response = await answerOf(asking);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(z.instanceof(Buffer).parse(chunk));
    return { headers: response.headers, body: Buffer.concat(chunks) };
  }
});

function answerOf(asking: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    asking.once("response", resolve).once("error", reject);
  });
}

async function changed(db: Db, strategy_id: number, minute: string): Promise<void> {
  const sql = "update strategy_m2m_candles set oldest_age_ms = oldest_age_ms + 1 where strategy_id = $1 and timestamp = $2";
  expect(await db.run("test.change", sql, [strategy_id, minute])).toBe(1);
}
