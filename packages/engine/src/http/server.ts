import compress from "@fastify/compress";
import cors, { type FastifyCorsOptions } from "@fastify/cors";
import rateLimit from "@fastify/rate-limit";
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { contract, ERRORS, routesOf, StratctlError, type Context } from "@stratctl/sdk/internal";
import type { Log } from "../log.ts";
import type { Loop, Served } from "../loop.ts";
import { acceptBodies, BODY_BYTES_MAX } from "./body.ts";
import { mountDocs } from "./docs.ts";
import { failureOf, problemOf, PROBLEM_TYPE, retryAfterOf } from "./failure.ts";
import type { Verifier } from "./access.ts";
import { createGate } from "./gate.ts";
import { createHealth, deadOf } from "./health.ts";
import { GZIP_SUFFIX } from "./history.ts";
import { createMetrics, type Metrics } from "./metrics.ts";
import { mountRoutes } from "./routes.ts";
import type { HttpSettings } from "./settings.ts";
import { serverVersion } from "./version.ts";

export interface ServeOptions {
  readonly settings: HttpSettings;
  readonly context: Omit<Context, "caller" | "account_id">;
  readonly verifier: Verifier;
  readonly log: Log;
  /** The engine's loop beside it; null where there is none. */
  readonly loop: Loop | null;
  /** Those of TIMEOUTS unless said. */
  readonly timeouts?: Partial<Timeouts> | undefined;
}

/** How long who is slow is waited for. */
export interface Timeouts {
  /** A whole request must have come by then; headers much sooner. */
  readonly request_ms: number;
  readonly headers_ms: number;
  /** A connection that nothing moves on: a reader that stopped reading. Streams have a heartbeat every 15 s. */
  readonly silent_ms: number;
  /** So often the first two are looked at. */
  readonly look_ms: number;
}

const TIMEOUTS: Timeouts = { request_ms: 30_000, headers_ms: 10_000, silent_ms: 60_000, look_ms: 5_000 };
/** 500 instruments in a query, each in percent-encoding. */
const HEADER_BYTES_MAX = 64 * 1024;
/** Of the daemon's 5 s. */
const CLOSE_MS = 3_000;

/** A path with a slash at its end is the path without. The page of documents has to know, since its own links are relative. */
const SLASH_AT_END = /^(?!\/docs\/)([^?]*[^?/])\/(?=\?|$)/;

/**
 * Serves the contract over HTTP until it is closed: then it takes no more requests, ends streams, answers what is under way, and
 * cuts what is not done 3 s later.
 *
 * @throws StratctlError address_in_use, input_invalid: a host that is not of this machine
 */
export async function serve(options: ServeOptions): Promise<Served> {
  const { settings } = options;
  const { app, stopping } = await buildServer(options);
  const silent = silentOf(app);
  await app.listen({ host: settings.host, port: settings.port }).catch((error: unknown) => {
    throw listenFailure(error, settings);
  });
  return { url: urlOf(app, settings.host), close: () => close(app, { stopping, silent }) };
}

/** The server before it listens. */
export async function buildServer(options: ServeOptions): Promise<{ app: FastifyInstance; stopping: AbortController }> {
  const { settings, log } = options;
  const timeouts = { ...TIMEOUTS, ...options.timeouts };
  const stopping = new AbortController();
  const app = fastify({
    logger: false,
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: timeouts.request_ms,
    connectionTimeout: timeouts.silent_ms,
    http: { headersTimeout: timeouts.headers_ms, maxHeaderSize: HEADER_BYTES_MAX, connectionsCheckingInterval: timeouts.look_ms },
    routerOptions: { maxParamLength: 1_000, querystringParser: () => ({}) },
    rewriteUrl: ({ url = "/" }) => url.replace(SLASH_AT_END, "$1"),
    genReqId: requestId,
    return503OnClosing: false,
    forceCloseConnections: "idle",
    frameworkErrors: (error, request, reply) => {
      fail(error, request, reply, log);
    },
    clientErrorHandler: refuseBroken,
  });
  const metrics = createMetrics(options.loop);
  app.decorateRequest("caller", null);
  app.addHook("onRequest", async (request, reply) => {
    reply.header("x-request-id", request.id).header("x-correlation-id", request.id).header("x-content-type-options", "nosniff");
    const began_ms = performance.now();
    // Not onResponse, which is not told of an answer that was cut off.
    reply.raw.once("close", () => answered(request, reply, { ms: performance.now() - began_ms, log, metrics }));
  });
  // Who is answered while the server stops is not to send another request on that connection.
  app.addHook("onSend", async (_request, reply) => {
    if (stopping.signal.aborted) reply.header("connection", "close");
  });
  app.setErrorHandler((error, request, reply) => fail(error, request, reply, log));
  await app.register(rateLimit, { global: false });
  const gate = createGate(app, { rate_limit: settings.rate_limit, verifier: options.verifier });
  if (settings.cors_origins.length > 0) await app.register(cors, corsOptions(settings.cors_origins));
  app.addHook("onRequest", async (request) => {
    const { wants_token = false, is_watched = false } = request.routeOptions.config;
    if (!wants_token && !is_watched) await gate.pass(request);
    if (request.is404) throw unknownRoute(request);
  });
  await app.register(compress, { encodings: ["gzip"], globalDecompression: false });
  tagCompressed(app);
  acceptBodies(app);
  mountRoutes(app, {
    context: options.context,
    gate,
    stopping: stopping.signal,
    onCut: (request, error) => told(log, request, failureOf(error)),
  });
  await mountDocs(app);
  mountStatus(app, options, metrics);
  app.setNotFoundHandler((request) => {
    throw unknownRoute(request);
  });
  return { app, stopping };
}

/** How the server is, for who watches it: no token is asked for, and no name of an account or a strategy is told. */
function mountStatus(app: FastifyInstance, { context, loop }: ServeOptions, metrics: Metrics): void {
  const health = createHealth({ database: context.database, standing: loop?.standing ?? null, version: serverVersion() });
  app.get("/health", { config: { route: "/health", is_watched: true } }, async (_, reply) => {
    const body = await health();
    return reply
      .code(body.status === "down" ? 503 : 200)
      .header("cache-control", "no-store")
      .send(body);
  });
  app.get("/live", { config: { route: "/live", is_watched: true } }, (_, reply) => {
    const dead = deadOf(loop?.standing() ?? null);
    return reply
      .code(dead === null ? 200 : 503)
      .type("text/plain; charset=utf-8")
      .header("cache-control", "no-store")
      .send(`${dead ?? "ok"}\n`);
  });
  app.get("/metrics", { config: { route: "/metrics", is_watched: true } }, async (_, reply) =>
    reply
      .type(metrics.content_type)
      .header("cache-control", "no-store")
      .send(await metrics.text()),
  );
}

/** A request and its answer, in a line for machines: no token, no query, no id of a strategy. */
function answered(
  { method, id, is404, routeOptions }: FastifyRequest,
  { raw }: FastifyReply,
  { ms, log, metrics }: { ms: number; log: Log; metrics: Metrics },
): void {
  const { route = is404 ? "other" : (routeOptions.url ?? "other"), operation = null, is_watched = false } = routeOptions.config;
  const status = raw.statusCode;
  metrics.answered({ method, route, operation, status, ms });
  const is_whole = raw.writableFinished;
  // Whoever watches us asks every few seconds, all day.
  if (is_watched && is_whole && status >= 200 && status < 300) return;
  const fields = { method, route, status, ms: Math.round(ms * 10) / 10, request_id: id, ...(is_whole ? {} : { is_whole }) };
  log({ level: "info", event: "request", text: `${method} ${route} ${status}${is_whole ? "" : ", cut off"}`, fields, for_machines: true });
}

/** An id that the caller gave, where it is one to be repeated in a header and a log. */
function requestId({ headers }: Pick<IncomingMessage, "headers">): string {
  const given = headers["x-request-id"] ?? headers["x-correlation-id"];
  return typeof given === "string" && /^[\w.:/+=-]{1,128}$/.test(given) ? given : randomUUID();
}

/** What a page in a browser may send, and read of an answer. */
const SENT = "Content-Type Authorization X-Requested-With Accept X-Account-ID X-Correlation-ID X-Request-ID Idempotency-Key If-None-Match";
const READ = "ETag Link Retry-After X-Correlation-ID X-Request-ID";

function corsOptions(origin: string[]): FastifyCorsOptions {
  return {
    origin,
    credentials: true,
    methods: ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"],
    allowedHeaders: [...SENT.split(" "), "Last-Event-ID"],
    exposedHeaders: READ.split(" "),
    maxAge: 600,
    strictPreflight: false,
  };
}

/** After the compression, which adds its own hook to each route just before. */
function tagCompressed(app: FastifyInstance): void {
  app.addHook("onRoute", (route) => {
    if (route.config?.route !== contract.strategies.m2m.history.path) return;
    route.onSend = [route.onSend ?? []].flat().concat(async (_request, reply, payload) => {
      const tag = reply.getHeader("etag");
      if (typeof tag === "string" && reply.getHeader("content-encoding") === "gzip")
        reply.header("etag", `${tag.slice(0, -1)}${GZIP_SUFFIX}"`);
      return payload;
    });
  });
}

/** Paths beside those of the contract. */
const OPEN = new Set(["/health", "/live", "/metrics", "/openapi.json", "/docs"]);

const PATTERNS = [...Map.groupBy(routesOf(contract), ({ route }) => route.path)].map(([path, all]) => ({
  pattern: new RegExp(`^${path.replaceAll(/\{\w+\}/g, "[^/]+")}$`),
  methods: all.flatMap(({ route }) => (route.method === "GET" && route.kind === "answer" ? ["GET", "HEAD"] : [route.method])),
}));

/** Nothing is at the path, or nothing by that method. */
function unknownRoute({ url, method }: FastifyRequest): StratctlError {
  const [path = ""] = url.split("?");
  const own = OPEN.has(path) ? ["GET", "HEAD"] : [];
  const allow = [...own, ...PATTERNS.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods)];
  if (allow.length === 0)
    return new StratctlError("route_unknown", "there is nothing at that path", { hint: "GET /openapi.json lists what there is" });
  return new StratctlError("method_unknown", `${method} does nothing here; ${allow.join(", ")} do`, { details: { allow } });
}

/** The one place where an error becomes an answer. */
function fail(error: unknown, request: FastifyRequest, reply: FastifyReply, log: Log): FastifyReply {
  const failure = failureOf(error);
  const problem = problemOf(failure, request.id);
  told(log, request, failure);
  if (problem.status === 401)
    reply.header("www-authenticate", failure.code === "token_required" ? "Bearer" : 'Bearer error="invalid_token"');
  const { allow } = failure.details;
  if (Array.isArray(allow)) reply.header("allow", allow.join(", "));
  const retry_after_s = retryAfterOf(failure);
  if (retry_after_s !== null) reply.header("retry-after", String(retry_after_s));
  return reply
    .code(problem.status)
    .header("x-request-id", request.id)
    .header("x-correlation-id", request.id)
    .header("cache-control", "no-store")
    .type(PROBLEM_TYPE)
    .send(JSON.stringify(problem));
}

/** What the caller is not told: the words of a fault and of the database. Who went away before the answer is no trouble. */
function told(log: Log, request: FastifyRequest, failure: StratctlError): void {
  if (ERRORS[failure.code].http < 500 || failure.code === "interrupted") return;
  const route = request.routeOptions.config.route ?? "unknown";
  const fields = { method: request.method, route, code: failure.code, request_id: request.id };
  if (failure.code !== "internal")
    return log({ level: "warn", event: "http", text: `${request.method} ${route}: ${failure.message}`, fields, for_machines: true });
  const stack = (failure.cause instanceof Error ? failure.cause.stack : undefined) ?? failure.stack ?? "";
  log({ level: "error", event: "fault", text: `${request.method} ${route}: ${failure.message}`, fields: { ...fields, stack } });
}

/** What is no HTTP, too long or too slow; no request has come of it. */
function refuseBroken(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || !socket.writable) return void socket.destroy();
  const what =
    error.code === "HPE_HEADER_OVERFLOW"
      ? "the headers are larger than 64 KiB"
      : error.code === "ERR_HTTP_REQUEST_TIMEOUT"
        ? "the request did not come whole in time"
        : "the request is not HTTP";
  const problem = problemOf(new StratctlError("input_invalid", what), randomUUID());
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 400 Bad Request\r\nContent-Type: ${PROBLEM_TYPE}; charset=utf-8\r\nX-Request-ID: ${problem.request_id}\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}

function listenFailure(error: unknown, { host, port }: HttpSettings): unknown {
  const code = error instanceof Error && "code" in error ? error.code : null;
  if (code === "EADDRINUSE")
    return new StratctlError("address_in_use", `${host}:${port} is taken: another daemon, or another program, listens there`, {
      hint: "choose another with --port, or serve nothing with --no-http",
      cause: error,
    });
  if (code === "EACCES" || code === "EADDRNOTAVAIL" || code === "ENOTFOUND" || code === "EAI_AGAIN")
    return new StratctlError("input_invalid", `${host}:${port} cannot be listened on (${code})`, {
      hint: "give an address of this machine with --host, and a port above 1023 with --port",
      cause: error,
    });
  return error;
}

function urlOf(app: FastifyInstance, host: string): string {
  const address = app.server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return `http://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

async function close(
  app: FastifyInstance,
  { stopping, silent }: { stopping: AbortController; silent: ReadonlySet<Socket> },
): Promise<void> {
  stopping.abort();
  for (const socket of silent) socket.destroy();
  const cut = setTimeout(() => app.server.closeAllConnections(), CLOSE_MS);
  await app.close();
  clearTimeout(cut);
}

/** Connections on which no request has come yet: Node does not count them among the idle ones that it closes. */
function silentOf(app: FastifyInstance): ReadonlySet<Socket> {
  const silent = new Set<Socket>();
  app.server.on("connection", (socket: Socket) => {
    silent.add(socket);
    socket.once("close", () => silent.delete(socket));
  });
  app.server.on("request", ({ socket }: IncomingMessage) => silent.delete(socket));
  return silent;
}
