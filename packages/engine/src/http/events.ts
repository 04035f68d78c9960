import type { FastifyReply, FastifyRequest } from "fastify";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { AHEAD_MS_MAX, Instant, StratctlError, type EventRoute, type StreamGap, type StreamOptions } from "@stratctl/sdk/internal";
import { failureOf, problemOf } from "./failure.ts";

/** How long a reader that was cut off waits before it comes again. */
const RETRY_MS = 2_000;
/** Proxies cut what is silent for longer. */
const HEARTBEAT_MS = 15_000;
/** Streams that are read at once, with one token and with all. */
const STREAMS_MAX = { token: 20, all: 200 };
/** When one of too many may have ended, nobody knows: not at once. */
const RETRY_AFTER_S = 5;
/** The longest that a timer takes. */
const TIMER_MS_MAX = 2_147_483_647;

export interface EventsOptions {
  readonly route: EventRoute;
  readonly open: (options: StreamOptions) => AsyncIterable<unknown>;
  /** Aborted: the server stops, or whoever asked is gone. */
  readonly signal: AbortSignal;
  readonly onCut: (error: unknown) => void;
  readonly now: () => number;
  readonly heartbeat_ms?: number | undefined;
}

/** Streams of a server that are open, by the digest of their token. */
const open_counts = new WeakMap<object, Map<string, number>>();

/** Events as they are sent: what many readers are told is one object, and is written once for all of them. */
const event_texts = new WeakMap<object, Buffer>();

/**
 * Answers with a route's events as server-sent events, one waiting at most: a reader that is slow holds up its own stream. What
 * refuses the stream before it begins is an answer of its own; what ends it afterwards is `event: problem`. A stream ends with its
 * token.
 */
export async function sendEvents(request: FastifyRequest, reply: FastifyReply, options: EventsOptions): Promise<FastifyReply> {
  const { "last-event-id": given } = request.headers;
  const after = afterOf([given].flat()[0], options.now());
  const leave = enter(request);
  reply.raw.once("close", leave);
  const signal = AbortSignal.any([options.signal, expiryOf(request)]);
  const gaps: StreamGap[] = [];
  const { promise: begun, resolve: begin } = Promise.withResolvers<null>();
  const events = options.open({
    signal,
    after,
    onGap: (gap) => gaps.push(gap),
    onOpen: () => begin(null),
  });
  const iterator = events[Symbol.asyncIterator]();
  const first = iterator.next();
  await Promise.race([begun, first]);
  reply.headers({
    "content-type": "text/event-stream",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
    // A connection that is kept would hold up the server's end.
    connection: "close",
  });
  const lines = linesOf({ ...options, signal, request_id: request.id }, { iterator, first, gaps });
  return reply.code(200).send(Readable.from(lines, { objectMode: false, highWaterMark: 0 }));
}

interface Reading {
  readonly iterator: AsyncIterator<unknown>;
  readonly first: Promise<IteratorResult<unknown>>;
  /** What the stream said that it cannot tell, since the last event. */
  readonly gaps: StreamGap[];
}

async function* linesOf(
  { route, signal, onCut, heartbeat_ms = HEARTBEAT_MS, request_id }: EventsOptions & { request_id: string },
  { iterator, first, gaps }: Reading,
): AsyncGenerator<string | Buffer, void, undefined> {
  try {
    yield `retry: ${RETRY_MS}\n\n`;
    for (let next = first; ; next = iterator.next()) {
      let result = await orSilence(next, heartbeat_ms);
      while (result === null) {
        yield ": still here\n\n";
        result = await orSilence(next, heartbeat_ms);
      }
      for (const gap of gaps.splice(0)) yield `event: gap\ndata: ${JSON.stringify(gap)}\n\n`;
      if (result.done === true) return;
      yield eventText(route, result.value);
    }
  } catch (error) {
    if (signal.aborted) return;
    onCut(error);
    yield `event: problem\ndata: ${JSON.stringify(problemOf(failureOf(error), request_id))}\n\n`;
  } finally {
    await iterator.return?.();
  }
}

function eventText(route: EventRoute, value: unknown): Buffer {
  const known = typeof value === "object" && value !== null ? event_texts.get(value) : undefined;
  if (known !== undefined) return known;
  const event = route.output.type === "array" ? "marks" : "mark";
  const text = Buffer.from(`id: ${route.instant(value)}\nevent: ${event}\ndata: ${JSON.stringify(value)}\n\n`);
  if (typeof value === "object" && value !== null) event_texts.set(value, text);
  return text;
}

/** Null where nothing came for so long. */
async function orSilence<Value>(promise: Promise<Value>, ms: number): Promise<Value | null> {
  const done = new AbortController();
  try {
    return await Promise.race([promise, sleep(ms, null, { signal: done.signal })]);
  } finally {
    done.abort();
  }
}

/** Refused here by the header's name: the field of the call has another. */
function afterOf(given: string | undefined, now_ms: number): string | undefined {
  if (given === undefined || given === "") return undefined;
  if (!Instant.safeParse(given).success)
    throw badHeader(`must be the id of an event, an instant with its zone, got ${JSON.stringify(given.slice(0, 40))}`);
  if (Date.parse(Instant.parse(given)) > now_ms + AHEAD_MS_MAX) throw badHeader(`${given} lies ahead of now`);
  return given;
}

function badHeader(message: string): StratctlError {
  return new StratctlError("input_invalid", `Last-Event-ID ${message}`, {
    hint: "leave Last-Event-ID out to begin with the latest mark",
    details: { errors: [{ field: "Last-Event-ID", message }] },
  });
}

/** Counts the stream to its token until it is left. */
function enter({ server, caller }: FastifyRequest): () => void {
  const token = caller?.token_digest ?? "";
  const counts = open_counts.get(server.server) ?? new Map<string, number>();
  open_counts.set(server.server, counts);
  const count = counts.get(token) ?? 0;
  const details = { retry_after_s: RETRY_AFTER_S };
  if (count >= STREAMS_MAX.token)
    throw new StratctlError("rate_limited", `${STREAMS_MAX.token} streams are open with this token already`, {
      hint: "close one, or follow a whole account with GET /marks/stream",
      details,
    });
  if ([...counts.values()].reduce((sum, one) => sum + one, 0) >= STREAMS_MAX.all)
    throw new StratctlError("server_busy", `${STREAMS_MAX.all} streams are open already, as many as this server has`, { details });
  counts.set(token, count + 1);
  return () => {
    const left = (counts.get(token) ?? 1) - 1;
    if (left === 0) counts.delete(token);
    else counts.set(token, left);
  };
}

/** Aborted when the token is not valid any more. */
function expiryOf({ caller }: FastifyRequest): AbortSignal {
  const expires_ms = caller?.expires_ms ?? null;
  if (expires_ms === null) return new AbortController().signal;
  return AbortSignal.timeout(Math.min(Math.max(0, expires_ms - Date.now()), TIMER_MS_MAX));
}
