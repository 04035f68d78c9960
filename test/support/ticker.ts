import { createServer, type IncomingMessage, type ServerResponse } from "node:http";

type Answer = number | Readonly<Record<string, unknown>>;

/**
 * A ticker service over HTTP: `GET /quote/{exchange}/{tradingsymbol}` answers what `prices` holds, 404 for the rest;
 * `GET /quote/ltp?i=EX:SYM&i=…` all that it holds of those.
 */
export interface Ticker extends AsyncDisposable {
  readonly url: string;
  /** By instrument: a price, or a whole body. */
  readonly prices: Map<string, Answer>;
  /** Instruments asked for, in order. */
  readonly asked: string[];
  /** Answers instead of the service, or leaves a request without an answer. */
  fault: ((request: IncomingMessage, response: ServerResponse) => void) | null;
}

export async function startTicker(prices: Readonly<Record<string, Answer>> = {}): Promise<Ticker> {
  const held = new Map(Object.entries(prices));
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? "", "http://ticker");
    const batch = pathname === "/quote/ltp" ? searchParams.getAll("i") : null;
    const [, , exchange = "", tradingsymbol = ""] = pathname.split("/").map(decodeURIComponent);
    const instrument = `${exchange}:${tradingsymbol}`;
    asked.push(...(batch ?? [instrument]));
    if (ticker.fault !== null) return ticker.fault(request, response);
    const found = held.get(instrument);
    const body = batch === null ? found : { data: Object.fromEntries(batch.flatMap((one) => entryOf(one, held.get(one)))) };
    response.statusCode = body === undefined ? 404 : 200;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(body === undefined ? { detail: "not found" } : bodyOf(body)));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the ticker has no port");
  const ticker: Ticker = {
    url: `http://127.0.0.1:${address.port}`,
    prices: held,
    asked,
    fault: null,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
  return ticker;
}

function entryOf(instrument: string, answer: Answer | undefined): [string, unknown][] {
  return answer === undefined ? [] : [[instrument, bodyOf(answer)]];
}

function bodyOf(answer: Answer): unknown {
  return typeof answer === "number" ? { last_price: answer } : answer;
}
