import { hash } from "node:crypto";
import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { z } from "zod";
import {
  admitted,
  candleVersion,
  contract,
  DAY_MS,
  dayOf,
  historyJson,
  isoOf,
  MINUTE_MS,
  type CandlesJson,
  type Context,
} from "@stratctl/sdk/internal";

export interface HistoryRequest {
  readonly input: Readonly<Record<string, unknown>>;
  readonly context: Context;
  readonly signal: AbortSignal;
  /** Told what cut a body off after it had begun. */
  readonly onCut: (error: unknown) => void;
}

/** Candles of an answer that is put together whole, and of a part of a longer one: about two megabytes. */
const PART_MAX = 5_000;

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
  const { input, context } = history;
  const query = admitted(context.caller, contract.strategies.m2m.history, input);
  const { limit, ...range } = query;
  const first = await historyJson(context, { ...range, limit: limit ?? PART_MAX });
  const closed_to_ms = closedUntil(query, context);
  reply.type("application/json; charset=utf-8");
  const next = limit === undefined ? nextOf(first, query) : null;
  if (next === null) {
    const body = Buffer.concat([OPENING, first.bytes, CLOSING]);
    if (closed_to_ms !== null && isKnown(request, reply, body)) return reply.code(304).send();
    return reply.send(body);
  }
  if (closed_to_ms !== null) {
    const from_ms = Date.parse(first.first ?? next);
    const version = await candleVersion(context.database, { strategy_id: query.strategy_id, from_ms, to_ms: closed_to_ms });
    // What else the body depends on: the question, how this server answers it, and the form of a candle.
    if (isKnown(request, reply, JSON.stringify([query, context.m2m_basis, FORM, version]))) return reply.code(304).send();
  }
  if (request.method === "HEAD") return reply.send(Readable.from([])); // of which nobody knows the length
  return reply.send(Readable.from(parts(first, { ...range, from_time: next, day: undefined }, history), { objectMode: false }));
}

const [OPENING, COMMA, CLOSING] = [Buffer.from("["), Buffer.from(","), Buffer.from("]")];

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
function isKnown(request: FastifyRequest, reply: FastifyReply, content: string | Buffer): boolean {
  const tag = hash("sha256", content, "base64url").slice(0, 27);
  reply.header("etag", `"${tag}"`).header("cache-control", "private, no-cache");
  addVary(reply, "authorization");
  const held = new Set((request.headers["if-none-match"] ?? "").split(",").map((one) => one.trim().replace(/^W\//, "")));
  return ["*", `"${tag}"`, `"${tag}${GZIP_SUFFIX}"`].some((one) => held.has(one));
}

/** A strong tag names bytes, so that the compressed body has another than the plain one. */
export const GZIP_SUFFIX = "-gzip";

type Query = z.output<typeof contract.strategies.m2m.history.input>;

/** Where a history goes on after a part of it; null where nothing of the range is left. */
function nextOf({ count, last }: CandlesJson, { to_time }: Query): string | null {
  if (last === null || count < PART_MAX) return null;
  const next_ms = Date.parse(last) + 1;
  return to_time !== undefined && next_ms > Date.parse(to_time) ? null : isoOf(next_ms);
}

/** The first part and what comes after it, of which each is read when the one before has been taken. */
async function* parts(
  first: CandlesJson,
  after: Query,
  { context, signal, onCut }: HistoryRequest,
): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield Buffer.concat([OPENING, first.bytes]);
    for (let next = after.from_time ?? null; next !== null;) {
      signal.throwIfAborted();
      const part = await historyJson(context, { ...after, from_time: next, limit: PART_MAX });
      if (part.count > 0) yield Buffer.concat([COMMA, part.bytes]);
      next = nextOf(part, after);
    }
    yield CLOSING;
  } catch (error) {
    if (!signal.aborted) onCut(error);
    throw error;
  }
}
