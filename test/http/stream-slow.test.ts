import { builtinCalendar, isoOf, QuoteBoard } from "@stratctl/sdk/internal";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { beforeAll, expect, test } from "vitest";
import { LiveFeed } from "../../packages/engine/src/feed.ts";
import { Sampler } from "../../packages/engine/src/sample.ts";
import { startApi, type RunningApi } from "../support/api.ts";
import { testBook } from "../support/book.ts";
import { until } from "../support/server.ts";
import { serviceOn } from "../support/service.ts";
import { onEveryPostgres } from "../support/store.ts";

const OPEN_MS = Date.parse("2026-11-25T04:00:00Z");
const PATH = "/marks/stream?account_id=A1";
/** A sample of them is 100 KB: two hundred are far more than sockets take for who does not read. */
const STRATEGIES = 500;

onEveryPostgres("a reader that stops reading, over", (store) => {
  let live: ReturnType<typeof liveFeed>;
  beforeAll(async () => {
    const service = serviceOn(store.db);
    await service.accounts.create({ account_id: "A1" });
    const names = Array.from({ length: STRATEGIES }, (_, n) => `Calendar ${n}`);
    const made = await Promise.all(names.map((name) => service.strategies.create({ account_id: "A1", name })));
    live = liveFeed(made.map(({ strategy_id }) => strategy_id));
  });

  test("has nothing kept for it, however much the others are told", async () => {
    live.sample();
    await using api = await startApi({ db: store.db, feed: live.feed });
    await using slow = await stopped(api);
    await using reader = await reading(api);
    const before = buffers();
    for (let count = 0; count < 200; count += 1) await reader.told(live.sample());
    expect(reader.bytes()).toBeGreaterThan(16_000_000);
    await until(
      async () => expect(buffers() - before).toBeLessThan(reader.bytes() / 2),
      () => "what the slow one has not read is kept",
    );
    expect(slow.socket.destroyed).toBe(false);
  });

  test("is dropped, and the others go on", async () => {
    live.sample();
    await using api = await startApi({ db: store.db, feed: live.feed, timeouts: { silent_ms: 1_500 } });
    await using _ = await stopped(api);
    await using reader = await reading(api);
    const ended = () => api.lines.filter(({ event, fields }) => event === "request" && fields?.["route"] === "/marks/stream");
    await until(
      async () => {
        await reader.told(live.sample());
        expect(ended()).toMatchObject([{ fields: { is_whole: false } }]);
      },
      () => "the reader that stopped is still there",
    );
    await reader.told(live.sample());
    expect(ended()).toHaveLength(1);
  });
});

/** A feed of these strategies, and what makes its next sample: whose instant it gives. */
function liveFeed(strategy_ids: readonly number[]) {
  const leg = { instrument: "NFO:NIFTY26DECFUT", direction: "BUY", quantity: 1, entry_units: 1_000_000 } as const;
  const book = testBook(strategy_ids.toSorted((a, b) => a - b).map((strategy_id) => ({ strategy_id, legs: [leg] })));
  const board = new QuoteBoard(book.instruments);
  const sampler = new Sampler({ calendar: builtinCalendar(), board, stale_ms_max: 60_000, carry_after_ms: 60_000, source: "live" });
  const feed = new LiveFeed(() => book);
  let at_ms = OPEN_MS;
  const sample = (): string => {
    at_ms += 1_000;
    if (sampler.minute_ms !== null && at_ms >= sampler.minute_ms + 60_000) sampler.finish({ with_marks: false });
    if (sampler.minute_ms === null) sampler.start(book, at_ms - (at_ms % 60_000));
    board.accept(0, 1_000_000, at_ms, at_ms, "test");
    sampler.sample(at_ms);
    feed.sweep(at_ms);
    feed.publish(sampler, at_ms);
    return isoOf(at_ms);
  };
  return { feed, sample };
}

/** Asks for the stream, and reads none of it. */
async function stopped(api: RunningApi): Promise<{ socket: Socket } & AsyncDisposable> {
  const { hostname, port } = new URL(api.url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => undefined);
  await once(socket, "connect");
  socket.write(`GET ${PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${await api.token()}\r\n\r\n`);
  return { socket, [Symbol.asyncDispose]: async () => void socket.destroy() };
}

async function reading(api: RunningApi) {
  const gone = new AbortController();
  const headers = { authorization: `Bearer ${await api.token()}` };
  const answer = await fetch(`${api.url}${PATH}`, { headers, signal: gone.signal });
  let end = "";
  let bytes = 0;
  const all = (async () => {
    for await (const part of answer.body ?? []) {
      bytes += part.length;
      end = (end + Buffer.from(part).toString("latin1")).slice(-300);
    }
  })().catch(() => undefined);
  return {
    bytes: () => bytes,
    /** The sample of that instant has come whole. */
    told: (at: string): Promise<void> =>
      until(
        async () => expect(end).toMatch(new RegExp(`"at":"${at}".*\\]\\n\\n$`, "s")),
        () => `the sample of ${at} is not told to who reads`,
      ),
    [Symbol.asyncDispose]: async () => {
      gone.abort();
      await all;
    },
  };
}

/**
 * Bytes of buffers that somebody holds, and of those that nobody does and a thread of the collector's has yet to free, which on a
 * loaded machine it does in its own time: to be asked until it says what is expected.
 */
function buffers(): number {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  if (typeof collect === "function") collect();
  return process.memoryUsage().arrayBuffers;
}
