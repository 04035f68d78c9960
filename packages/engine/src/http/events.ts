import type { FastifyReply, FastifyRequest } from "fastify";
import { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { Instant, StratctlError, type EventRoute, type StreamGap, type StreamOptions } from "@stratctl/sdk/internal";
import { failureOf, problemOf } from "./failure.ts";

/** How long a reader that was cut off waits before it comes again. */
const RETRY_MS = 2_000;
/** Proxies cut what is silent for longer. */
const HEARTBEAT_MS = 15_000;
/** Streams that one subject reads at once. */
const STREAMS_MAX = 20;
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
  readonly heartbeat_ms?: number | undefined;
}

/** Streams that are open, by the subject of their token. */
const open_counts = new WeakMap<object, Map<string, number>>();

/**
 * Answers with a route's events as server-sent events, one waiting at most: a reader that is slow holds up its own stream. What
 * refuses the stream before it begins is an answer of its own; what ends it afterwards is `event: problem`. A stream ends with its
 * token.
 */
export async function sendEvents(request: FastifyRequest, reply: FastifyReply, options: EventsOptions): Promise<FastifyReply> {
  const { "last-event-id": given } = request.headers;
  const after = afterOf([given].flat()[0]);
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
): AsyncGenerator<string, void, undefined> {
  const event = route.output.type === "array" ? "marks" : "mark";
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
      yield `id: ${route.instant(result.value)}\nevent: ${event}\ndata: ${JSON.stringify(result.value)}\n\n`;
    }
  } catch (error) {
    if (signal.aborted) return;
    onCut(error);
    yield `event: problem\ndata: ${JSON.stringify(problemOf(failureOf(error), request_id))}\n\n`;
  } finally {
    await iterator.return?.();
  }
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
function afterOf(given: string | undefined): string | undefined {
  if (given === undefined || given === "") return undefined;
  if (Instant.safeParse(given).success) return given;
  const message = `must be the id of an event, an instant with its zone, got ${JSON.stringify(given.slice(0, 40))}`;
  throw new StratctlError("input_invalid", `Last-Event-ID ${message}`, {
    hint: "leave it out to begin with the latest mark",
    details: { errors: [{ field: "Last-Event-ID", message }] },
  });
}

/** Counts the stream to its token's subject until it is left. */
function enter({ server, caller }: FastifyRequest): () => void {
  const subject = caller?.subject ?? "";
  const counts = open_counts.get(server.server) ?? new Map<string, number>();
  open_counts.set(server.server, counts);
  const count = counts.get(subject) ?? 0;
  if (count >= STREAMS_MAX)
    throw new StratctlError("rate_limited", `${STREAMS_MAX} streams are open already`, {
      hint: "close one, or follow a whole account with GET /marks/stream",
      details: { retry_after_s: RETRY_AFTER_S },
    });
  counts.set(subject, count + 1);
  return () => {
    const left = (counts.get(subject) ?? 1) - 1;
    if (left === 0) counts.delete(subject);
    else counts.set(subject, left);
  };
}

/** Aborted when the token is not valid any more. */
function expiryOf({ caller }: FastifyRequest): AbortSignal {
  const expires_ms = caller?.expires_ms ?? null;
  if (expires_ms === null) return new AbortController().signal;
  return AbortSignal.timeout(Math.min(Math.max(0, expires_ms - Date.now()), TIMER_MS_MAX));
}
