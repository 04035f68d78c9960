import { createServer } from "node:http";

/** A ticker service over HTTP: `GET /quote/{exchange}/{tradingsymbol}` answers what `prices` holds, 404 for the rest. */
export interface Ticker extends AsyncDisposable {
  readonly url: string;
  /** By instrument: a price, or a whole body. */
  readonly prices: Map<string, number | Readonly<Record<string, unknown>>>;
  /** Instruments asked for, in order. */
  readonly asked: string[];
}

export async function startTicker(prices: Readonly<Record<string, number | Readonly<Record<string, unknown>>>> = {}): Promise<Ticker> {
  const held = new Map(Object.entries(prices));
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const [, , exchange = "", tradingsymbol = ""] = (request.url ?? "").split("/").map(decodeURIComponent);
    const instrument = `${exchange}:${tradingsymbol}`;
    asked.push(instrument);
    const found = held.get(instrument);
    response.statusCode = found === undefined ? 404 : 200;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(found === undefined ? { detail: "not found" } : typeof found === "number" ? { last_price: found } : found));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the ticker has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    prices: held,
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}
