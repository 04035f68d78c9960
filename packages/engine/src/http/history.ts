import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import {
  candleVersion,
  contract,
  DAY_MS,
  dayOf,
  isoOf,
  MINUTE_MS,
  parseInput,
  type Api,
  type Candle,
  type Context,
} from "@stratctl/sdk/internal";

export interface HistoryRequest {
  readonly api: Api;
  readonly input: Readonly<Record<string, unknown>>;
  readonly context: Pick<Context, "calendar" | "database" | "now" | "m2m_basis">;
  readonly signal: AbortSignal;
  /** Told what cut a body off after it had begun. */
  readonly onCut: (error: unknown) => void;
}

/** Candles of an answer that is put together whole: about two megabytes. What is longer is streamed. */
const WHOLE_MAX = 5_000;

/** Text that is written at once: what a socket takes without waiting, or a little more. */
const CHUNK_CHARS = 64 * 1024;

/**
 * Answers with a history. Up to 5,000 candles go whole; a longer one is read and written in parts, as fast as the reader takes
 * it, so that memory does not grow with the range. What goes wrong before the first candle is a problem like any other; what goes
 * wrong later cuts the connection, so that nobody takes half an array for a whole one.
 *
 * A history whose whole range lies in days of the exchange before today's has an ETag. Of one that is whole it is a hash of the
 * body, so that rows are read once; of a longer one it is the database's hash of the rows in the range, which then are not
 * brought over when the reader has them. A replay or a late candle changes either.
 */
export async function sendHistory(request: FastifyRequest, reply: FastifyReply, history: HistoryRequest): Promise<FastifyReply> {
  const { api, input, context, signal } = history;
  const query = parseInput(contract.strategies.m2m.history.input, input);
  const { limit, ...range } = query;
  const first = await api.strategies.m2m.history({ ...range, limit: limit ?? WHOLE_MAX }, { signal });
  const closed_to_ms = closedUntil(query, context);
  const last = first.at(-1);
  reply.type("application/json; charset=utf-8");
  const next_ms = last === undefined ? Infinity : Date.parse(last.timestamp) + 1;
  const is_whole = first.length < WHOLE_MAX || (query.to_time !== undefined && next_ms > Date.parse(query.to_time));
  if (limit !== undefined || last === undefined || is_whole) {
    const body = JSON.stringify(first);
    if (closed_to_ms !== null && isKnown(request, reply, body)) return reply.code(304).send();
    return reply.send(body);
  }
  if (closed_to_ms !== null) {
    const from_ms = Date.parse(first[0]?.timestamp ?? last.timestamp);
    const version = await candleVersion(context.database, { strategy_id: query.strategy_id, from_ms, to_ms: closed_to_ms });
    // What else the body depends on: the question, how this server answers it, and the form of a candle.
    if (isKnown(request, reply, JSON.stringify([query, context.m2m_basis, FORM, version]))) return reply.code(304).send();
  }
  if (request.method === "HEAD") return reply.send("");
  const { day: _, ...rest } = range;
  const others = api.strategies.m2m.each({ ...rest, from_time: isoOf(next_ms) }, { signal });
  return reply.send(
    Readable.from(
      arrayText(first, others, (error) => (signal.aborted ? undefined : history.onCut(error))),
      { objectMode: false, highWaterMark: CHUNK_CHARS },
    ),
  );
}

/** Changes where a candle is written in another form. */
const FORM = 1;

/** The last millisecond of the last day of the range where that day is before today's; null where the range is not over. */
function closedUntil(
  { day, to_time }: { day?: string | undefined; to_time?: string | undefined },
  { calendar, now }: HistoryRequest["context"],
): number | null {
  const last_day = day ?? (to_time === undefined ? null : dayOf(calendar, Date.parse(to_time)));
  if (last_day === null || last_day >= dayOf(calendar, now())) return null;
  return Date.parse(`${last_day}T00:00:00Z`) - calendar.zone.offset_minutes * MINUTE_MS + DAY_MS - 1;
}

/** Beside the origin, which CORS names where it is on. */
function addVary(reply: FastifyReply, name: string): void {
  const before = [reply.getHeader("vary") ?? []].flat().join(", ");
  reply.header("vary", before === "" ? name : `${before}, ${name}`);
}

/** Names what is about to be sent, and says whether the reader has it already. */
function isKnown(request: FastifyRequest, reply: FastifyReply, content: string): boolean {
  const tag = createHash("sha256").update(content).digest("base64url").slice(0, 27);
  reply.header("etag", `"${tag}"`).header("cache-control", "private, no-cache");
  addVary(reply, "authorization");
  const held = new Set((request.headers["if-none-match"] ?? "").split(",").map((one) => one.trim().replace(/^W\//, "")));
  return ["*", `"${tag}"`, `"${tag}${GZIP_SUFFIX}"`].some((one) => held.has(one));
}

/** A strong tag names bytes, so that the compressed body has another than the plain one. */
export const GZIP_SUFFIX = "-gzip";

async function* arrayText(
  first: readonly Candle[],
  others: AsyncIterable<Candle>,
  onCut: (error: unknown) => void,
): AsyncGenerator<string, void, undefined> {
  let text = "[";
  let before = "";
  try {
    for await (const candle of inOrder(first, others)) {
      text += before + JSON.stringify(candle);
      before = ",";
      if (text.length < CHUNK_CHARS) continue;
      yield text;
      text = "";
    }
    yield `${text}]`;
  } catch (error) {
    onCut(error);
    throw error;
  }
}

async function* inOrder(first: readonly Candle[], others: AsyncIterable<Candle>): AsyncGenerator<Candle, void, undefined> {
  yield* first;
  yield* others;
}
