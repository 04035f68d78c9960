import type { Readable } from "node:stream";
import { createParser, type EventSourceMessage } from "eventsource-parser";
import { z } from "zod";
import { ERRORS, StratctlError } from "../../errors.ts";
import { Instant } from "../../model/instant.ts";
import { parseInput } from "../input.ts";
import { errorOf, Problem } from "../problem.ts";
import { StreamGap, type EventRoute, type StreamOptions } from "../route.ts";
import { invalid, parseAnswer, parsedJson } from "./answer.ts";
import { attempts, type Client } from "./call.ts";
import { connectionFailure } from "./failure.ts";
import { pause, waitOf } from "./pace.ts";
import { requestOf, type WireRequest } from "./request.ts";

/** The marks of all strategies of an account come in one event: some megabytes where there are ten thousand. */
const EVENT_CHARS_MAX = 64 * 2 ** 20;

/** Names of the events that hold what the route says; what is called otherwise is of a later server, and passed over. */
const NAMED: ReadonlySet<string> = new Set(["mark", "marks", "message"]);

const After = z.object({ after: Instant });

/** Where a stream stands, across all its connections. */
interface Place {
  /** The id of the last event, sent when connecting again. */
  last_id: string | undefined;
  /** How long the server asks to wait before connecting again, in milliseconds. */
  retry_ms: number;
  /** Connections in a row that brought nothing. */
  failed_count: number;
  opened: boolean;
}

/**
 * The events of a route, across as many connections as it takes: one that is cut or silent is opened again after the last event
 * seen, none twice. Ends where the client is closed; throws the signal's reason, and what no further attempt would mend. Until
 * the first connection stands, as many attempts are made as for a call.
 */
export async function* streamRoute<Output extends z.ZodType>(
  client: Client,
  route: EventRoute<z.ZodType, Output>,
  { input, options = {} }: { input: unknown; options: StreamOptions | undefined },
): AsyncGenerator<z.output<Output>, void, undefined> {
  const { signal, after, onGap } = options;
  signal?.throwIfAborted();
  if (after !== undefined) parseInput(After, { after });
  const request = requestOf(route, input, client.request);
  const place: Place = { last_id: after, retry_ms: 0, failed_count: 0, opened: false };
  // What whoever reads throws is thrown here, and is no failure of a connection.
  for await (const told of follow(client, { route, request, signal, place })) {
    if (told.gap === null) yield told.event;
    else onGap?.(told.gap);
  }
}

type Told<Event> = { readonly gap: null; readonly event: Event } | { readonly gap: StreamGap };

interface Following<Output extends z.ZodType> {
  readonly route: EventRoute<z.ZodType, Output>;
  readonly request: WireRequest;
  readonly signal: AbortSignal | undefined;
  readonly place: Place;
}

async function* follow<Output extends z.ZodType>(
  client: Client,
  following: Following<Output>,
): AsyncGenerator<Told<z.output<Output>>, void, undefined> {
  const { connection, pace } = client;
  const { request, signal, place } = following;
  while (!connection.closed) {
    try {
      yield* toldBy(await opened(client, following), following);
    } catch (error) {
      signal?.throwIfAborted();
      if (connection.closed) return;
      const failure = error instanceof StratctlError ? error : connectionFailure(error, request, connection.server).error;
      if (!place.opened || !ERRORS[failure.code].retry) throw failure;
    }
    place.failed_count += 1;
    await pause(place.retry_ms + waitOf(pace, place.failed_count), signal);
  }
}

/** What one connection tells, without what was seen before it. */
async function* toldBy<Output extends z.ZodType>(
  body: Readable,
  { route, place }: Following<Output>,
): AsyncGenerator<Told<z.output<Output>>, void, undefined> {
  const resumed_after = place.last_id;
  for await (const { event = "message", data, id } of messages(body, place)) {
    if (event === "problem") throw problemOf(route, data);
    if (event === "gap") yield { gap: gapOf(route, data) };
    if (!NAMED.has(event)) {
      place.last_id = id ?? place.last_id;
      continue;
    }
    const told = parseAnswer(route, data);
    const instant = route.instant(told);
    place.last_id = id ?? instant;
    place.failed_count = 0;
    if (resumed_after === undefined || isAfter(instant, resumed_after)) yield { gap: null, event: told };
  }
}

async function opened<Output extends z.ZodType>(
  { connection, pace, retries }: Client,
  { route, request, signal, place }: Following<Output>,
): Promise<Readable> {
  const headers = { accept: "text/event-stream, application/problem+json", "accept-encoding": "identity", "cache-control": "no-cache" };
  const body = await attempts(
    connection,
    {
      request,
      headers: place.last_id === undefined ? headers : { ...headers, "last-event-id": place.last_id },
      signal,
      silence_ms: pace.silence_ms,
      take: (answer, { "content-type": type }) => {
        if (typeof type === "string" && type.startsWith("text/event-stream")) return Promise.resolve(answer);
        answer.destroy();
        throw invalid(`${route.method} ${route.path}`, {}, "it is no stream of events");
      },
    },
    // Who follows a stream waits, however long the server asks for; who only begins is told.
    { retries, pace: place.opened ? { ...pace, order_max_ms: Number.POSITIVE_INFINITY } : pace, is_safe: true },
  );
  place.opened = true;
  return body;
}

/** The messages of one connection; it is closed when the reader is done with them. */
async function* messages(body: Readable, place: Place): AsyncGenerator<EventSourceMessage, void, undefined> {
  const waiting: EventSourceMessage[] = [];
  const parser = createParser({
    onEvent: (message) => void waiting.push(message),
    onRetry: (retry_ms) => {
      place.retry_ms = Math.min(retry_ms, RETRY_MS_MAX);
    },
    maxBufferSize: EVENT_CHARS_MAX,
  });
  const decoder = new TextDecoder();
  try {
    for await (const chunk of body) {
      if (!(chunk instanceof Uint8Array)) continue;
      parser.feed(decoder.decode(chunk, { stream: true }));
      yield* waiting.splice(0);
    }
  } finally {
    body.destroy();
  }
}

/** A server that asks for more than this is not obeyed: nobody follows a stream to hear nothing. */
const RETRY_MS_MAX = 60_000;

function isAfter(instant: string, other: string): boolean {
  const [at, last] = [Date.parse(instant), Date.parse(other)];
  return Number.isNaN(at) || Number.isNaN(last) || at > last;
}

function gapOf(route: EventRoute, data: string): StreamGap {
  const called = `${route.method} ${route.path}`;
  const { data: gap } = StreamGap.safeParse(parsedJson(called, data));
  if (gap === undefined) throw invalid(called, {}, "a gap without its times");
  return gap;
}

function problemOf(route: EventRoute, data: string): StratctlError {
  const called = `${route.method} ${route.path}`;
  const { data: problem } = Problem.safeParse(parsedJson(called, data));
  return problem === undefined ? invalid(called, {}, "a problem that tells nothing") : errorOf(problem);
}
