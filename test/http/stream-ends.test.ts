import { fastify } from "fastify";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { sendEvents } from "../../packages/engine/src/http/events.ts";
import { contract } from "../../packages/sdk/src/api/contract.ts";
import type { StreamOptions } from "../../packages/sdk/src/api/route.ts";
import type { MarkFeed } from "../../packages/sdk/src/api/service/context.ts";
import { StratctlError } from "../../packages/sdk/src/errors.ts";
import { startApi } from "../support/api.ts";
import { markOf } from "../support/mark.ts";
import { serviceOn } from "../support/service.ts";
import { onEveryPostgres } from "../support/store.ts";

const MARK = markOf({ strategy_id: 1, at: "2026-11-25T05:00:01Z" });

/** One mark, and then what the test wants. */
function feedOf(then: (signal: AbortSignal | undefined) => Promise<void>): MarkFeed {
  return {
    async *strategy(strategy_id: number, { signal }: StreamOptions) {
      yield { ...MARK, strategy_id };
      await then(signal);
    },
    group: () => Promise.resolve(null),
  };
}

onEveryPostgres("a stream over", (store) => {
  async function textOf(feed: MarkFeed, { ttl_s }: { ttl_s: number }): Promise<{ text: string; took_ms: number }> {
    const service = serviceOn(store.db);
    const account_id = `A${Math.round(performance.now() * 1000)}`;
    await service.accounts.create({ account_id });
    const { strategy_id } = await service.strategies.create({ account_id, name: "One" });
    await using api = await startApi({ db: store.db, feed });
    const began_ms = performance.now();
    const answer = await fetch(`${api.url}/strategies/${strategy_id}/m2m/stream`, {
      headers: { authorization: `Bearer ${await api.token({ ttl_s })}` },
    });
    return { text: await answer.text(), took_ms: performance.now() - began_ms };
  }

  test("ends with its token", async () => {
    const waiting = feedOf((signal) => sleep(60_000, undefined, { signal }));
    const { text, took_ms } = await textOf(waiting, { ttl_s: 2 });
    expect(text).toContain("event: mark");
    expect(text).not.toContain("event: problem");
    expect(took_ms).toBeLessThan(30_000);
  });

  test("that cannot go on says why, and ends; a fault of ours says no more than that there is one", async () => {
    const refused = feedOf(() => Promise.reject(new StratctlError("strategy_archived", "it is archived")));
    expect((await textOf(refused, { ttl_s: 600 })).text).toMatch(
      /event: mark\n.*\n\nevent: problem\ndata: \{.*"code":"strategy_archived".*\}\n\n$/s,
    );
    const faulty = feedOf(() => Promise.reject(new Error("a word that nobody should read")));
    const { text } = await textOf(faulty, { ttl_s: 600 });
    expect(text).toContain('"code":"internal"');
    expect(text).not.toContain("nobody should read");
  });
});

test("where nothing happens a heartbeat says that it is still there", async () => {
  const app = fastify();
  app.decorateRequest("caller", null);
  app.get("/", async (request, reply) => {
    const gone = new AbortController();
    reply.raw.once("close", () => gone.abort());
    return sendEvents(request, reply, {
      route: contract.strategies.m2m.stream,
      async *open({ signal, onOpen }) {
        onOpen?.();
        await sleep(60_000, undefined, { signal });
        yield MARK;
      },
      signal: gone.signal,
      onCut: () => undefined,
      now: Date.now,
      heartbeat_ms: 5,
    });
  });
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  const answer = await fetch(url);
  let text = "";
  for await (const part of answer.body ?? []) {
    text += Buffer.from(part).toString();
    if (text.split(": still here\n\n").length > 3) break;
  }
  expect(text).toMatch(/^retry: 2000\n\n(: still here\n\n){3,}/);
  await app.close();
});

test("an event that many readers are told is written once", async () => {
  let written_count = 0;
  const together = Object.assign([MARK], {
    toJSON: () => {
      written_count += 1;
      return [MARK];
    },
  });
  const app = fastify();
  app.decorateRequest("caller", null);
  app.get("/", (request, reply) =>
    sendEvents(request, reply, {
      route: contract.marks.stream,
      async *open() {
        yield together;
      },
      signal: new AbortController().signal,
      onCut: () => undefined,
      now: Date.now,
    }),
  );
  const url = await app.listen({ port: 0, host: "127.0.0.1" });
  const texts = await Promise.all(Array.from({ length: 5 }, async () => (await fetch(url)).text()));
  expect(new Set(texts)).toEqual(new Set([`retry: 2000\n\nid: ${MARK.at}\nevent: marks\ndata: ${JSON.stringify([MARK])}\n\n`]));
  expect(written_count).toBe(1);
  await app.close();
});
