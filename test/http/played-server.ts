import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** A server that answers what a test makes it answer, right or wrong. */
export interface PlayedServer extends AsyncDisposable {
  readonly url: string;
  /** What came, in order. */
  readonly asked: { readonly method: string; readonly url: string; readonly headers: IncomingMessage["headers"]; readonly body: string }[];
  /** Connections that were ever opened, and those that are open. */
  readonly connections: { opened: number; readonly open: Set<Socket> };
}

/** `nth` counts requests from 1. */
export type Part = (
  response: ServerResponse,
  request: { readonly nth: number; readonly url: string; readonly message: IncomingMessage },
) => void;

export async function playServer(part: Part): Promise<PlayedServer> {
  const asked: PlayedServer["asked"] = [];
  const connections = { opened: 0, open: new Set<Socket>() };
  const server = createServer((message, response) => {
    let body = "";
    message.setEncoding("utf8");
    message.on("data", (chunk: string) => {
      body += chunk;
    });
    message.on("end", () => {
      const { method = "", url = "", headers } = message;
      asked.push({ method, url, headers, body });
      part(response, { nth: asked.length, url, message });
    });
  });
  server.on("connection", (socket) => {
    connections.opened += 1;
    connections.open.add(socket);
    socket.on("close", () => connections.open.delete(socket));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    asked,
    connections,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => {
        server.close(resolve);
      });
    },
  };
}

export function json(response: ServerResponse, body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(typeof body === "string" ? body : JSON.stringify(body));
}

export function problem(code: string, status: number, more: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
  return {
    type: `urn:stratctl:error:${code}`,
    title: "Error",
    status,
    detail: `said: ${code}`,
    code,
    hint: "a hint",
    request_id: "r-1",
    ...more,
  };
}
