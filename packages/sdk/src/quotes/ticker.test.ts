import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { afterEach, describe, expect, test } from "vitest";
import { readAll, ref } from "../../../../test/support/read.ts";
import type { QuoteSource, SourceClock } from "./source.ts";
import { tickerSource, type TickerOptions } from "./ticker.ts";

interface Service extends AsyncDisposable {
  readonly url: string;
  /** URLs asked for, in order. */
  readonly asked: string[];
  readonly headers: IncomingMessage["headers"][];
  /** Requests under way at once, at most; connections made. */
  readonly most: { under_way: number; connections: number };
}

type Answer = (url: string, response: ServerResponse) => void | Promise<void>;

async function startService(answer: Answer): Promise<Service> {
  const asked: string[] = [];
  const headers: IncomingMessage["headers"][] = [];
  const most = { under_way: 0, connections: 0 };
  let under_way = 0;
  const server = createServer((request, response) => {
    under_way += 1;
    most.under_way = Math.max(most.under_way, under_way);
    response.on("close", () => (under_way -= 1));
    asked.push(request.url ?? "");
    headers.push(request.headers);
    void answer(request.url ?? "", response);
  });
  server.on("connection", () => (most.connections += 1));
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((resolve) => {
      server.close(resolve);
    });
  };
  return { url: `http://127.0.0.1:${address.port}`, asked, headers, most, [Symbol.asyncDispose]: stop };
}

const json = (response: ServerResponse, body: unknown, status = 200, headers: Record<string, string> = {}): void => {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
};

const opened: QuoteSource[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((source) => source.close()));
});

function open(options: TickerOptions): QuoteSource {
  const source = tickerSource(options);
  opened.push(source);
  return source;
}

describe("one instrument a request", () => {
  test("the path is encoded, the answer is last_price or ltp with its time", async () => {
    await using service = await startService((url, response) =>
      json(
        response,
        url.includes("NIFTY") ? { ltp: 22545.9, timestamp: "2026-11-25 09:20:05" } : { last_price: 3600.05, last_quantity: 5 },
      ),
    );
    const read = await readAll(open({ url: `${service.url}/api/` }), ["NFO:M&M26NOV3600CE", "NSE:NIFTY 50"]);
    expect(read).toMatchObject({ prices: { "NFO:M&M26NOV3600CE": 3600.05, "NSE:NIFTY 50": 22545.9 }, error: null });
    expect(read.at["NSE:NIFTY 50"]).toBe(Date.parse("2026-11-25T03:50:05Z"));
    expect(service.asked.toSorted()).toEqual(["/api/quote/NFO/M%26M26NOV3600CE", "/api/quote/NSE/NIFTY%2050"]);
  });

  test("what it does not know, or says badly, costs its own instrument", async () => {
    const answers: Record<string, (response: ServerResponse) => void> = {
      "/quote/NFO/A": (response) => json(response, { last_price: 117.5 }),
      "/quote/NFO/NONE": (response) => json(response, { detail: "no such" }, 404),
      "/quote/NFO/BROKEN": (response) => json(response, {}, 500),
      "/quote/NFO/MOVED": (response) => response.writeHead(302, { location: "/quote/NFO/A" }).end(),
      "/quote/NFO/ZERO": (response) => json(response, { last_price: 0 }),
      "/quote/NFO/HTML": (response) => response.end("<html>sign in</html>"),
      "/quote/NFO/EMPTY": (response) => response.end(),
      "/quote/NFO/CUT": (response) => response.socket?.destroy(),
    };
    await using service = await startService((url, response) => answers[url]?.(response));
    const read = await readAll(
      open({ url: service.url, concurrency: 1 }),
      ["A", "NONE", "BROKEN", "MOVED", "ZERO", "HTML", "EMPTY", "CUT"].map((symbol) => `NFO:${symbol}`),
    );
    expect(read.prices).toEqual({ "NFO:A": 117.5 });
    expect(read.absent).toEqual({ "NFO:NONE": "404", "NFO:BROKEN": "500", "NFO:MOVED": "302", "NFO:CUT": "connection cut" });
    expect(Object.keys(read.refused)).toEqual(["NFO:ZERO", "NFO:HTML", "NFO:EMPTY"]);
    expect(read.error).toBeNull();
  });

  test("as many at once as allowed, on connections that are kept", async () => {
    await using service = await startService(async (_url, response) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      json(response, { last_price: 1 });
    });
    const source = open({ url: service.url, concurrency: 4, requests_per_second_max: 1_000 });
    const instruments = Array.from({ length: 40 }, (_, number) => `NFO:T${number}`);
    for (let pass = 0; pass < 3; pass += 1) expect(Object.keys((await readAll(source, instruments)).prices)).toHaveLength(40);
    expect(service.most.under_way).toBe(4);
    expect(service.most.connections).toBeLessThanOrEqual(4);
  });

  test("a user and a password go into the header, never into a text", async () => {
    await using service = await startService((_url, response) => json(response, { last_price: 1 }));
    const url = service.url.replace("://", "://desk:s%3Acret@");
    expect((await readAll(open({ url }), ["NFO:A"])).prices).toEqual({ "NFO:A": 1 });
    expect(service.headers[0]?.authorization).toBe(`Basic ${Buffer.from("desk:s:cret").toString("base64")}`);
    const { error } = await readAll(open({ url: "http://desk:s3cret@127.0.0.1:1" }), ["NFO:A"]);
    expect(error).toBe("ticker: connection refused");
  });
});

describe("away", () => {
  test("refused: one attempt a worker, an error at once, and then none for a while", async () => {
    const clock = new HandClock();
    const source = open({ url: "http://127.0.0.1:1", concurrency: 2, clock, random: () => 0.4 });
    const instruments = Array.from({ length: 500 }, (_, number) => `NFO:T${number}`);
    const first = await readAll(source, instruments);
    expect(first.error).toBe("ticker: connection refused");
    expect(first.absent["NFO:T499"]).toBe("connection refused");
    expect(source.allowance?.()).toEqual({ instrument_count: 0, why: "connection refused" });
    expect((await readAll(source, instruments)).error).toBe("ticker: connection refused");
    clock.pass(1_099);
    expect(source.allowance?.().why).toBe("connection refused");
    clock.pass(1);
    expect(source.allowance?.().why).toBeNull();
  });

  test("nothing but faults of its own: left alone for 1, 2, 4, 5, 5 s, and one good answer ends the row", async () => {
    const clock = new HandClock();
    let status = 502;
    await using service = await startService((_url, response) => json(response, { last_price: 1 }, status));
    const source = open({ url: service.url, clock, random: () => 0 });
    const waits: number[] = [];
    for (let again = 0; again < 7; again += 1) {
      if (again === 5) status = 200;
      const { error, absent } = await readAll(source, ["NFO:A", "NFO:B"]);
      expect([error, absent["NFO:A"]]).toEqual(again === 5 ? [null, undefined] : ["ticker: 502", "502"]);
      const before_ms = clock.monotonic();
      while (source.allowance?.().why !== null) clock.pass(1_000);
      waits.push((clock.monotonic() - before_ms) / 1_000);
      if (again === 5) status = 502;
    }
    expect(waits).toEqual([1, 2, 4, 5, 5, 0, 1]);
  });

  test.each([
    [401, "{}", "401, wrong or missing credentials"],
    [403, "{}", "403, wrong or missing credentials"],
    [302, "", "302, sends somewhere else"],
    [200, "\n<!doctype html><html>sign in</html>", "answers with a page (HTML)"],
  ])("nothing but %i %j: as away as one that answers nothing, and says why without what it was sent", async (status, text, why) => {
    await using service = await startService((_url, response) => void response.writeHead(status).end(text));
    for (const batch of [undefined, { path: "/quote/ltp", parameter: "i" }]) {
      const source = open({ url: service.url.replace("://", "://desk:s3cret@"), batch, clock: new HandClock() });
      expect((await readAll(source, ["NFO:A", "NFO:B"])).error).toBe(`ticker: ${why}`);
      expect(source.allowance?.()).toEqual({ instrument_count: 0, why });
    }
  });

  test("404 for everything is an answer: it is there, and knows none of it", async () => {
    await using service = await startService((_url, response) => json(response, {}, 404));
    expect(await readAll(open(service), ["NFO:A"])).toMatchObject({ absent: { "NFO:A": "404" }, error: null });
  });

  test("what others ask about with a fault for an answer keeps the one it is for from nothing", async () => {
    await using service = await startService((url, response) => json(response, { last_price: 1 }, url.endsWith("/ODD") ? 403 : 200));
    const source = open({ url: service.url });
    const others = source.forOthers?.() ?? source;
    expect((await readAll(others, ["NFO:ODD"])).error).toBe("ticker: 403, wrong or missing credentials");
    expect((await readAll(source, ["NFO:A"])).prices).toEqual({ "NFO:A": 1 });
  });

  test("cut before any answer: nobody goes on asking", async () => {
    await using service = await startService((_url, response) => void response.socket?.destroy());
    const source = open({ url: service.url, concurrency: 2 });
    const read = await readAll(
      source,
      Array.from({ length: 100 }, (_, number) => `NFO:T${number}`),
    );
    expect(read.error).toBe("ticker: connection cut");
    expect(Object.keys(read.absent)).toHaveLength(100);
    expect(service.asked.length).toBeLessThanOrEqual(2);
  });

  test("silent: the deadline holds, and what has been answered counts", async () => {
    await using service = await startService((url, response) => (url.endsWith("/A") ? json(response, { last_price: 1 }) : undefined));
    const source = open({ url: service.url, concurrency: 2 });
    const read = await readAll(source, ["NFO:A", "NFO:B", "NFO:C", "NFO:D"], 200);
    expect(read.took_ms).toBeLessThan(400);
    expect(read.prices).toEqual({ "NFO:A": 1 });
    const why = "no answer within 200 ms";
    expect(read.absent).toEqual({ "NFO:B": why, "NFO:C": why, "NFO:D": why });
    expect(read.error).toBeNull();
    expect((await readAll(source, ["NFO:B"], 200)).error).toBe("ticker: no answer within 200 ms");
  });

  test("a caller's signal ends it", async () => {
    await using service = await startService(() => undefined);
    const source = open({ url: service.url });
    const controller = new AbortController();
    const reading = source.read(
      [ref("NFO:A")],
      { quote: () => undefined, refused: () => undefined, absent: () => undefined },
      { deadline_ms: 10_000, signal: controller.signal },
    );
    await expect.poll(() => service.asked).toHaveLength(1);
    controller.abort();
    await expect(reading).rejects.toMatchObject({ code: "source_unavailable", message: "ticker: interrupted" });
    expect(source.allowance?.().why).toBeNull(); // it was not the service that failed
  });

  test.each(["localhost:8080", "ftp://x", "redis://localhost", "http://"])("%j is no URL of a service", (url) => {
    expect(() => tickerSource({ url })).toThrow(expect.objectContaining({ code: "url_invalid" }));
  });
});

describe("many instruments a request", () => {
  const batch = { path: "/quote/ltp", parameter: "i" };

  test("batch-of-quotes-over-http", async () => {
    await using service = await startService((url, response) => {
      const asked = new URL(url, "http://x").searchParams.getAll("i").filter((instrument) => instrument !== "NFO:T0007");
      json(response, {
        status: "success",
        data: Object.fromEntries(asked.map((instrument) => [instrument, { instrument_token: 1, last_price: 2.5 }])),
      });
    });
    const instruments = [
      "NFO:M&M26NOV3600CE",
      ...Array.from({ length: 1_200 }, (_, number) => `NFO:T${String(number + 1).padStart(4, "0")}`),
    ];
    const read = await readAll(open({ url: service.url, batch }), instruments);
    const sizes = service.asked.map((url) => new URL(url, "http://x").searchParams.getAll("i").length);
    expect(sizes.toSorted((a, b) => b - a)).toEqual([500, 500, 201]);
    expect(service.asked.join(" ")).toMatch(/i=NFO(:|%3A)M%26M26NOV3600CE/);
    expect(Object.keys(read.prices)).toHaveLength(1_200);
    expect(read).toMatchObject({ absent: { "NFO:T0007": "not in the answer" }, refused: {}, error: null });
  });

  test("long names make shorter requests, none lost", async () => {
    await using service = await startService((url, response) => {
      expect(url.length).toBeLessThan(8_000);
      const asked = new URL(url, "http://x").searchParams.getAll("i");
      json(response, { data: Object.fromEntries(asked.map((instrument) => [instrument, { last_price: 2.5 }])) });
    });
    const instruments = Array.from({ length: 1_000 }, (_, number) => `NFO:BAJAJ-AUTO & SONS26NOV${10_000 + number}CE`);
    const read = await readAll(open({ url: service.url, batch }), instruments);
    expect(Object.keys(read.prices)).toHaveLength(1_000);
    expect(service.asked.length).toBeGreaterThan(3);
  });

  test("an answer without the envelope, a bad entry, and an answer that is none", async () => {
    let body = '{"NFO:A":{"ltp":1.5},"NFO:B":{"last_price":0},"NFO:C":null}';
    await using service = await startService((_url, response) => void response.end(body));
    const source = open({ url: service.url, batch });
    const read = await readAll(source, ["NFO:A", "NFO:B", "NFO:C", "NFO:__proto__"]);
    expect(read).toMatchObject({ prices: { "NFO:A": 1.5 }, absent: { "NFO:__proto__": "not in the answer" } });
    expect(Object.keys(read.refused)).toEqual(["NFO:B", "NFO:C"]);
    body = "[]";
    expect((await readAll(source, ["NFO:A"])).refused).toEqual({ "NFO:A": "the answer is not JSON" });
  });
});

class HandClock implements SourceClock {
  #ms = 0;
  now = (): number => Date.parse("2026-11-25T04:00:10Z") + this.#ms;
  monotonic = (): number => 5_000 + this.#ms;
  pass(ms: number): void {
    this.#ms += ms;
  }
}

describe("too-many-requests-is-an-order", () => {
  test.each([
    ["3", 3_000, "429, waits 3 s"],
    ["Wed, 25 Nov 2026 04:00:20 GMT", 10_000, "429, waits 10 s"],
    ["7200", 60_000, "429, waits 60 s (asked for 7200 s)"],
    [null, 1_125, "429, waits 1.1 s"],
    ["soon", 1_125, "429, waits 1.1 s"],
    ["Wed, 25 Nov 2026 03:00:00 GMT", 0, null],
  ])("Retry-After: %s", async (retry_after, wait_ms, why) => {
    const clock = new HandClock();
    let status = 429;
    await using service = await startService((_url, response) =>
      json(response, { last_price: 1 }, status, status === 429 && retry_after !== null ? { "retry-after": retry_after } : {}),
    );
    const source = open({ url: service.url, concurrency: 1, clock, random: () => 0.5 });
    const first = await readAll(source, ["NFO:A", "NFO:B", "NFO:C"]);
    expect(first.error).toBe(why === null ? null : `ticker: ${why}`);
    if (why !== null) {
      expect(first.absent).toEqual({ "NFO:A": why, "NFO:B": why, "NFO:C": why });
      expect(service.asked).toHaveLength(1);
      clock.pass(wait_ms - 1);
      const waiting = await readAll(source, ["NFO:A"]);
      expect(waiting.error).toBe(`ticker: ${why}`);
      expect(waiting.took_ms).toBeLessThan(50);
      expect(source.allowance?.()).toEqual({ instrument_count: 0, why });
      expect(service.asked).toHaveLength(1);
    }
    status = 200;
    clock.pass(1);
    expect((await readAll(source, ["NFO:A"])).prices).toEqual({ "NFO:A": 1 });
  });

  test("orders without a time grow, to 30 s at most, and an answer ends the row", async () => {
    const clock = new HandClock();
    let status = 429;
    await using service = await startService((_url, response) => json(response, { last_price: 1 }, status));
    const source = open({ url: service.url, clock, random: () => 0 });
    const waits: number[] = [];
    for (let order = 0; order < 8; order += 1) {
      await readAll(source, ["NFO:A"]);
      const before_ms = clock.monotonic();
      while (source.allowance?.().why !== null) clock.pass(1_000);
      waits.push((clock.monotonic() - before_ms) / 1_000);
      if (order === 6) {
        status = 200;
        await readAll(source, ["NFO:A"]);
        status = 429;
      }
    }
    expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30, 1]);
  });

  test("of several orders at once the longest wait holds", async () => {
    const clock = new HandClock();
    const waiting: ServerResponse[] = [];
    await using service = await startService((_url, response) => {
      waiting.push(response);
      const seconds = ["10", "3"];
      if (waiting.length === 2) for (const [place, held] of waiting.entries()) json(held, {}, 429, { "retry-after": seconds[place] ?? "" });
    });
    const source = open({ url: service.url, concurrency: 2, clock });
    expect((await readAll(source, ["NFO:A", "NFO:B"])).error).toBe("ticker: 429, waits 10 s");
    clock.pass(9_999);
    expect(source.allowance?.().why).toBe("429, waits 10 s");
    clock.pass(1);
    expect(source.allowance?.().why).toBeNull();
  });

  test("503 is an order where it says how long", async () => {
    const clock = new HandClock();
    await using service = await startService((url, response) => json(response, {}, 503, url.endsWith("/A") ? { "retry-after": "5" } : {}));
    const source = open({ url: service.url, concurrency: 1, clock, random: () => 0 });
    expect(await readAll(source, ["NFO:B", "NFO:C"])).toMatchObject({ absent: { "NFO:B": "503", "NFO:C": "503" }, error: "ticker: 503" });
    clock.pass(1_000);
    expect((await readAll(source, ["NFO:A", "NFO:B"])).error).toBe("ticker: 503, waits 5 s");
  });

  test("never faster than its rate", async () => {
    const clock = new HandClock();
    await using service = await startService((_url, response) => json(response, { last_price: 1 }));
    const source = open({ url: service.url, clock, requests_per_second_max: 3 });
    const instruments = ["NFO:A", "NFO:B", "NFO:C", "NFO:D", "NFO:E"];
    expect(source.allowance?.().instrument_count).toBe(3);
    const read = await readAll(source, instruments);
    expect([Object.keys(read.prices).length, read.absent["NFO:D"], read.error]).toEqual([3, "not asked: over its rate", null]);
    expect(Object.keys((await readAll(source, instruments)).prices)).toHaveLength(0);
    clock.pass(334);
    expect(Object.keys((await readAll(source, instruments)).prices)).toHaveLength(1);
    clock.pass(3_600_000);
    expect(Object.keys((await readAll(source, instruments)).prices)).toHaveLength(3);
    expect(service.asked).toHaveLength(7);
  });

  test("others get a quarter of its rate, and never what the one it is for needs", async () => {
    const clock = new HandClock();
    await using service = await startService((_url, response) => json(response, { last_price: 1 }));
    const source = open({ url: service.url, clock, requests_per_second_max: 8 });
    const others = source.forOthers?.() ?? source;
    const instruments = ["NFO:A", "NFO:B", "NFO:C", "NFO:D", "NFO:E", "NFO:F", "NFO:G", "NFO:H"];
    const answered = async (of: QuoteSource): Promise<number> => Object.keys((await readAll(of, instruments)).prices).length;
    expect([await answered(others), await answered(others)]).toEqual([2, 0]);
    expect(await answered(source)).toBe(6);
    clock.pass(1_000);
    expect([await answered(source), await answered(others)]).toEqual([8, 0]);
    clock.pass(1_000);
    expect([others.allowance?.().instrument_count, await answered(others), await answered(source)]).toEqual([2, 2, 6]);
  });

  test("of one request a second others get one in four seconds", async () => {
    const clock = new HandClock();
    await using service = await startService((_url, response) => json(response, { last_price: 1 }));
    const source = open({ url: service.url, clock, requests_per_second_max: 1 });
    const others = source.forOthers?.() ?? source;
    const counts: number[] = [];
    for (let second = 0; second < 9; second += 1, clock.pass(1_000))
      counts.push(Object.keys((await readAll(others, ["NFO:A"])).prices).length);
    expect(counts).toEqual([1, 0, 0, 0, 1, 0, 0, 0, 1]);
  });
});
