import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { redisMissing } from "../support/redis.ts";
import { Sampling } from "../support/sampling.ts";

/** Each fault of the ticker service, which is asked first here: Redis serves, and the service is back without a restart. */

type Answering = (request: IncomingMessage, response: ServerResponse) => void;

const answer =
  (status: number, text: string, headers: Record<string, string> = {}): Answering =>
  (_, response) =>
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(text);

const FAULTS: Readonly<Record<string, { readonly fault: Answering; readonly says?: RegExp }>> = {
  "cuts every connection": { fault: ({ socket }) => socket.destroy(), says: /^connection cut$/ },
  "never answers": { fault: () => undefined, says: /^no answer within \d+ ms$/ },
  "begins to answer and stops": {
    fault: (_, response) => void response.writeHead(200).write('{"last_price":'),
    says: /^no answer within \d+ ms$/,
  },
  "answers later than anybody waits": {
    fault: (_, response) => void setTimeout(() => response.end('{"last_price":1}'), 1_500).unref(),
    says: /^no answer within \d+ ms$/,
  },
  "orders to wait": { fault: answer(429, "{}", { "retry-after": "1" }), says: /^429, waits 1 s$/ },
  "has faults of its own": { fault: answer(500, '{"detail":"oops"}'), says: /^500$/ },
  "is behind a gateway that finds nobody": { fault: answer(502, "<html>Bad Gateway</html>"), says: /^502$/ },
  "wants a login": { fault: answer(401, "{}"), says: /^401, wrong or missing credentials$/ },
  "sends somewhere else": { fault: answer(302, "", { location: "http://127.0.0.1:1/" }), says: /^302, sends somewhere else$/ },
  "answers with a page": { fault: answer(200, "<html>sign in</html>"), says: /^answers with a page \(HTML\)$/ },
  "answers with nothing": { fault: answer(200, "") },
  "answers with half of it": { fault: answer(200, '{"last_price":1') },
  "answers with what is no price": { fault: answer(200, '{"last_price":0}') },
};

const BATCH = { ticker_batch_path: "/quote/ltp" };

describe.skipIf(redisMissing)("the ticker service", () => {
  const named = Object.entries(FAULTS).map(([name, fault]) => ({ name, ...fault }));
  const one_by_one = named.map((fault) => ({ ...fault, form: "one a request", batch: {} }));
  const many = named.filter(({ says }) => says === undefined).map((fault) => ({ ...fault, form: "many a request", batch: BATCH }));

  test.for([...one_by_one, ...many])("$name, $form", async ({ fault, says, batch }) => {
    await using world = await Sampling.start({ sources: { order: "ticker,redis", ticker_deadline_ms: "300", ...batch } });
    await world.becomes("ticker");
    world.ticker.fault = fault;
    await world.becomes("redis");
    await world.stays("redis", 3);
    if (says !== undefined) await world.says("ticker", says);
    world.ticker.fault = null;
    await world.becomes("ticker");
    expect(world.status("ticker")).toMatchObject({ up: true, reason: null });
  });

  test("knows half of the instruments: Redis tells the others in every pass", async () => {
    await using world = await Sampling.start({ sources: { order: "ticker,redis", ...BATCH } });
    world.knows = (instrument) => instrument < "NFO:C";
    const half = ["ticker", "ticker", "redis", "redis"];
    await world.becomes(half);
    await world.stays(half);
    world.knows = () => true;
    await world.becomes("ticker");
  });

  test("is asked nothing while it orders to wait, and is asked again after it", async () => {
    await using world = await Sampling.start({ sources: { order: "ticker,redis" } });
    await world.becomes("ticker");
    world.ticker.fault = answer(429, "{}", { "retry-after": "1" });
    await world.becomes("redis");
    const { length } = world.ticker.asked;
    world.ticker.fault = null;
    const until_ms = performance.now() + 500;
    while (performance.now() < until_ms) await world.stays("redis", 1);
    expect(world.ticker.asked).toHaveLength(length);
    await world.becomes("ticker");
  });
});
