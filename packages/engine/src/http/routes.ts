import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { z } from "zod";
import {
  contract,
  createService,
  routesOf,
  StratctlError,
  type Api,
  type Context,
  type EventRoute,
  type Route,
  type StreamOptions,
} from "@stratctl/sdk/internal";
import { assertAccepted } from "./accept.ts";
import { sendEvents } from "./events.ts";
import type { Gate } from "./gate.ts";
import { sendHistory } from "./history.ts";
import { inputReader, type WireRequest } from "./wire-input.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** As the contract writes it: `/strategies/{strategy_id}`. */
    route?: string;
    /** What it does to strategies: `create`. */
    operation?: string | null;
    wants_token?: boolean;
    /** Asked again and again by whoever watches the server: cheap, and never too often. */
    is_watched?: boolean;
  }
}

export interface RoutesOptions {
  readonly context: Omit<Context, "caller" | "account_id">;
  readonly gate: Gate;
  /** Aborted when the server stops: what has no end of its own ends then. */
  readonly stopping: AbortSignal;
  /** Told what cut an answer off after it had begun. */
  readonly onCut: (request: FastifyRequest, error: unknown) => void;
}

/** Every call of the contract at its method and path. */
export function mountRoutes(app: FastifyInstance, options: RoutesOptions): void {
  for (const { route, names } of routesOf(contract)) {
    const handler = route.kind === "answer" ? answers(route, names, options) : streams(route, names, options);
    app.route({
      method: route.method,
      url: route.path.replaceAll(/\{(\w+)\}/g, ":$1"),
      config: { route: route.path, operation: operationOf(names), wants_token: true },
      onRequest: async (request) => {
        await options.gate.enter(request);
      },
      exposeHeadRoute: route.kind === "answer",
      handler,
    });
  }
}

/** A call about strategies themselves, by its name. */
function operationOf([noun, verb, ...within]: readonly string[]): string | null {
  return noun === "strategies" && within.length === 0 ? (verb ?? null) : null;
}

type Handler = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>;

function answers(route: Route, names: readonly string[], options: RoutesOptions): Handler {
  const read = inputReader(route);
  return async (request, reply) => {
    assertAccepted(request.headers.accept, "application/json");
    const input = read(wireOf(request));
    const context = { ...options.context, caller: request.caller, account_id: null };
    const signal = signalOf(reply);
    reply.header("cache-control", "no-store");
    if (route === contract.strategies.m2m.history)
      return sendHistory(request, reply, { input, context, signal, onCut: (error) => options.onCut(request, error) });
    const { "idempotency-key": key } = request.headers;
    const idempotency_key = route.method === "POST" ? [key].flat()[0] : undefined;
    const output = await callOf(createService(context), names)(input, { signal, idempotency_key });
    addNextLink(request, reply, { route, input, output });
    return reply.code(route.status).type("application/json; charset=utf-8").send(JSON.stringify(output));
  };
}

function streams(route: EventRoute, names: readonly string[], options: RoutesOptions): Handler {
  const read = inputReader(route);
  return async (request, reply) => {
    assertAccepted(request.headers.accept, "text/event-stream");
    const input = read(wireOf(request));
    const api = createService({ ...options.context, caller: request.caller, account_id: null });
    const signal = AbortSignal.any([signalOf(reply), options.stopping]);
    const stream = streamOf(api, names);
    return sendEvents(request, reply, {
      route,
      open: (following) => stream(input, following),
      signal,
      now: options.context.now,
      onCut: (error) => options.onCut(request, error),
    });
  };
}

const Text = z.record(z.string(), z.string());

function wireOf(request: FastifyRequest): WireRequest {
  const at = request.url.indexOf("?");
  return {
    path: Text.parse(request.params),
    query: at === -1 ? "" : request.url.slice(at + 1),
    body: isRecord(request.body) ? request.body : undefined,
  };
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null;

/** Aborted when whoever asked is gone before the answer was. */
function signalOf(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) gone.abort();
  });
  return gone.signal;
}

type Call = (input: unknown, options: { signal: AbortSignal; idempotency_key: string | undefined }) => Promise<unknown>;
const isCall = (value: unknown): value is Call => typeof value === "function";

function callOf(api: Api, names: readonly string[]): Call {
  const call = memberOf(api, names);
  if (isCall(call)) return call;
  throw new StratctlError("internal", `the Api has no ${names.join(".")}`);
}

type Stream = (input: unknown, options: StreamOptions) => AsyncIterable<unknown>;
const isStream = (value: unknown): value is Stream => typeof value === "function";

function streamOf(api: Api, names: readonly string[]): Stream {
  const stream = memberOf(api, names);
  if (isStream(stream)) return stream;
  throw new StratctlError("internal", `the Api has no ${names.join(".")}`);
}

function memberOf(api: Api, names: readonly string[]): unknown {
  return names.reduce<unknown>((node, name) => (isRecord(node) ? node[name] : undefined), api);
}

const Listed = z.array(z.object({ strategy_id: z.int() }));

/** A full page says where the next one is; there may be nothing on it. */
function addNextLink(
  request: FastifyRequest,
  reply: FastifyReply,
  { route, input, output }: { route: Route; input: Readonly<Record<string, unknown>>; output: unknown },
): void {
  if (!route.places.query.includes("cursor") || input["limit"] === undefined) return;
  const listed = Listed.parse(output);
  const last = listed.at(-1);
  if (last === undefined || listed.length < Number(input["limit"])) return;
  const [path = "", query = ""] = request.url.split("?");
  const next = new URLSearchParams(query);
  next.set("cursor", String(last.strategy_id));
  reply.header("link", `<${path}?${next.toString()}>; rel="next"`);
}
