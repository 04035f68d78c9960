import { afterAll, beforeAll, expect, test } from "vitest";
import type { StreamOptions } from "../../packages/sdk/src/api/route.ts";
import type { MarkFeed } from "../../packages/sdk/src/api/service/context.ts";
import { isoOf } from "../../packages/sdk/src/model/instant.ts";
import type { Mark } from "../../packages/sdk/src/model/mark.ts";
import { startApi, type RunningApi } from "../support/api.ts";
import { markOf } from "../support/mark.ts";
import { serviceOn } from "../support/service.ts";
import { until } from "../support/server.ts";
import { onEveryPostgres } from "../support/store.ts";

const at = (second: number): string => isoOf(Date.UTC(2025, 6, 31, 3, 45, second));

const mark = (strategy_id: number, second: number): Mark => markOf({ strategy_id, at: at(second), m2m: second });

/** Gives three marks and goes on until it is left; what it was asked with is kept. */
class ThreeMarks implements MarkFeed {
  readonly asked: StreamOptions[] = [];
  open_count = 0;

  async *strategy(strategy_id: number, options: StreamOptions): AsyncGenerator<Mark, void, undefined> {
    this.asked.push(options);
    this.open_count += 1;
    try {
      if (options.after !== undefined) options.onGap?.({ from: options.after, to: at(1) });
      for (let second = 1; second <= 3; second += 1) yield mark(strategy_id, second);
      await new Promise((_, reject) => options.signal?.addEventListener("abort", () => reject(new Error("aborted"))));
    } finally {
      this.open_count -= 1;
    }
  }

  group(_: string, __: () => Promise<readonly number[]>, options: StreamOptions): Promise<AsyncGenerator<Mark[], void, undefined>> {
    return Promise.resolve(this.#together(options));
  }

  async *#together(options: StreamOptions): AsyncGenerator<Mark[], void, undefined> {
    for await (const one of this.strategy(1, options)) yield [one, { ...one, strategy_id: 2 }];
  }
}

onEveryPostgres("streams of the server over", (store) => {
  const feed = new ThreeMarks();
  let api: RunningApi;
  let strategy_id: number;
  beforeAll(async () => {
    api = await startApi({ db: store.db, feed });
    const service = serviceOn(store.db);
    await service.accounts.create({ account_id: "A1" });
    strategy_id = (await service.strategies.create({ account_id: "A1", name: "One" })).strategy_id;
  });
  afterAll(() => api?.close());

  const open = async (path: string, headers: Record<string, string> = {}, accounts: readonly string[] | "all" = "all") =>
    openWith(await api.token({ accounts, subject: path }), path, headers);
  const openWith = async (token: string, path: string, headers: Record<string, string> = {}) => {
    const gone = new AbortController();
    const response = await fetch(`${api.url}${path}`, { headers: { authorization: `Bearer ${token}`, ...headers }, signal: gone.signal });
    return { response, leave: () => gone.abort() };
  };
  const path = (): string => `/strategies/${strategy_id}/m2m/stream`;

  /** What comes until the text has it. */
  const textUntil = async (response: Response, what: string): Promise<string> => {
    let text = "";
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      text += decoder.decode(chunk, { stream: true });
      if (text.includes(what)) break;
    }
    return text;
  };

  test("a strategy's marks are events with their instant as id, uncompressed and unbuffered", async () => {
    const { response } = await open(path(), { "accept-encoding": "gzip" });
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "text/event-stream",
      "cache-control": "no-cache, no-transform",
      "x-accel-buffering": "no",
      connection: "close",
    });
    expect(response.headers.get("content-encoding")).toBe(null);
    const text = await textUntil(response, `id: ${at(3)}\nevent: mark\ndata: ${JSON.stringify(mark(strategy_id, 3))}\n\n`);
    expect(text).toBe(
      `retry: 2000\n\n${[1, 2, 3].map((n) => `id: ${at(n)}\nevent: mark\ndata: ${JSON.stringify(mark(strategy_id, n))}\n\n`).join("")}`,
    );
  });

  test("a reader that comes again is told what is missing before the first event", async () => {
    const { response } = await open(path(), { "last-event-id": at(0) });
    const text = await textUntil(response, "event: mark");
    expect(text).toContain(`event: gap\ndata: ${JSON.stringify({ from: at(0), to: at(1) })}\n\nid: ${at(1)}`);
    expect(feed.asked.at(-1)?.after).toBe(at(0));
  });

  test("an account's marks come together", async () => {
    const { response } = await open("/marks/stream?account_id=A1");
    const text = await textUntil(response, "event: marks");
    expect(text).toContain(`event: marks\ndata: ${JSON.stringify([mark(1, 1), mark(2, 1)])}\n\n`);
  });

  test("what refuses a stream is an answer of its own", async () => {
    const answers = await Promise.all([
      open(path(), { "last-event-id": "yesterday" }),
      open("/strategies/999999/m2m/stream"),
      open(path(), {}, ["B2"]),
      open("/marks/stream?account_id=A1", {}, ["B2"]),
      open(path(), { accept: "application/json" }),
    ]);
    expect(answers.map(({ response }) => response.status)).toEqual([400, 404, 404, 403, 406]);
    expect(await answers[0]?.response.json()).toMatchObject({
      detail: 'Last-Event-ID must be the id of an event, an instant with its zone, got "yesterday"',
      errors: [{ field: "Last-Event-ID" }],
    });
  });

  test("an instant ahead of now is refused by the header that named it", async () => {
    const ahead = new Date(Date.now() + 3_600_000).toISOString();
    const { response } = await open(path(), { "last-event-id": ahead });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      detail: `Last-Event-ID ${ahead} lies ahead of now`,
      hint: "leave Last-Event-ID out to begin with the latest mark",
      errors: [{ field: "Last-Event-ID" }],
    });
  });

  test("a reader that is gone leaves the stream, and one that has too many is refused", async () => {
    await until(
      async () => expect(feed.open_count).toBe(0),
      () => `${feed.open_count} are open`,
    );
    const token = await api.token({ subject: "many" });
    const opened = await Promise.all(Array.from({ length: 20 }, () => openWith(token, path())));
    expect(opened.map(({ response }) => response.status)).toEqual(Array.from({ length: 20 }, () => 200));
    const { response } = await openWith(token, path());
    expect([response.status, response.headers.get("retry-after")]).toEqual([429, "5"]);
    // Another token of the same subject has streams of its own.
    const other = await openWith(await api.token({ subject: "many", ttl_s: 600 }), path());
    expect(other.response.status).toBe(200);
    for (const { leave } of [other, ...opened]) leave();
    await until(
      async () => expect(feed.open_count).toBe(0),
      () => `${feed.open_count} are open`,
    );
    const again = await openWith(token, path());
    expect(again.response.status).toBe(200);
    again.leave();
  });

  test("the server has so many streams and no more, whatever the tokens", async () => {
    await using full = await startApi({ db: store.db, feed: new ThreeMarks() });
    const tokens = await Promise.all(Array.from({ length: 11 }, (_, n) => full.token({ subject: `reader ${n}` })));
    const gone = new AbortController();
    const ask = (token: string | undefined): Promise<Response> =>
      fetch(`${full.url}${path()}`, { headers: { authorization: `Bearer ${token}` }, signal: gone.signal });
    // Held until the end: an answer that nobody holds is let go.
    const answers: Response[] = [];
    for (const token of tokens.slice(0, 10)) answers.push(...(await Promise.all(Array.from({ length: 20 }, () => ask(token)))));
    const refused = await ask(tokens[10]);
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(await refused.json()).toMatchObject({ code: "server_busy" });
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 200 }, () => 200));
    gone.abort();
    await until(
      async () => expect((await fetch(`${full.url}${path()}`, { headers: { authorization: `Bearer ${tokens[10]}` } })).status).toBe(200),
      () => "a stream is not taken though all others ended",
    );
  });

  test("a server that closes ends its streams", async () => {
    const closing = await startApi({ db: store.db, feed });
    const token = await closing.token();
    const response = await fetch(`${closing.url}${path()}`, { headers: { authorization: `Bearer ${token}` } });
    const all = response.text();
    await closing.close();
    expect(await all).not.toContain("event: problem");
  });
});
