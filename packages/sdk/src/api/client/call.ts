import { z } from "zod";
import { parseInput } from "../input.ts";
import { IdempotencyKey, type CallOptions, type Route } from "../route.ts";
import { ANSWER_BYTES_MAX, invalid, parseAnswer, textOf } from "./answer.ts";
import type { Attempt, Connection, Outcome } from "./connection.ts";
import type { Failure } from "./failure.ts";
import { pause, waitOf, type Pace } from "./pace.ts";
import { requestOf, type RequestOptions } from "./request.ts";

export interface Tries {
  /** Further attempts after the first. */
  readonly retries: number;
  readonly pace: Pace;
  /** A call that is harmless when it is done twice. */
  readonly is_safe: boolean;
}

/** What every call of one client shares. */
export interface Client extends Omit<Tries, "is_safe"> {
  readonly connection: Connection;
  readonly request: RequestOptions;
}

/** Calls a route: its input checked before it is sent, its answer when it arrives. */
export async function callRoute<Output extends z.ZodType>(
  { connection, request: requestOptions, retries, pace }: Client,
  route: Route<z.ZodType, Output>,
  { input, options = {} }: { input: unknown; options: CallOptions | undefined },
): Promise<z.output<Output>> {
  const { signal } = options;
  signal?.throwIfAborted();
  const idempotency_key = keyOf(route, options);
  const request = requestOf(route, input, requestOptions);
  // A cut connection does not say whether the call was done: what adds or changes something is not made again by itself.
  const is_safe = route.method === "GET" || (route.method === "POST" && idempotency_key !== undefined);
  return attempts(
    connection,
    {
      request,
      headers: {
        accept: "application/json, application/problem+json",
        "accept-encoding": "gzip",
        ...(idempotency_key === undefined ? {} : { "idempotency-key": idempotency_key }),
      },
      signal,
      take: async (body, headers) => {
        const text = await textOf(body, headers["content-encoding"], ANSWER_BYTES_MAX);
        if (text === null) throw invalid(`${route.method} ${route.path}`, {}, "it is longer than 256 MiB");
        return parseAnswer(route, text);
      },
    },
    { retries, pace, is_safe },
  );
}

/** What changes nothing more when it is done twice has no key, in process neither. */
function keyOf({ method }: Route, { idempotency_key }: CallOptions): string | undefined {
  return method === "POST" && idempotency_key !== undefined ? parseInput(Key, { idempotency_key }).idempotency_key : undefined;
}

const Key = z.object({ idempotency_key: IdempotencyKey });

/** Makes attempts until one succeeds or another can do no good; then throws why the last one failed. */
export async function attempts<Result>(
  connection: Connection,
  attempt: Attempt<Result>,
  { retries, pace, is_safe }: Tries,
): Promise<Result> {
  let renewed = false;
  for (let failed_count = 0; ;) {
    const outcome: Outcome<Result> = await connection.attempt(attempt);
    if (outcome.ok) return outcome.result;
    if (outcome.again === "token" && connection.renews_token && !renewed) {
      renewed = true;
      continue;
    }
    failed_count += 1;
    const isWorthAnother = failed_count <= retries && isWorth(outcome, { is_safe, failed_count });
    if (!isWorthAnother || (outcome.wait_ms ?? 0) > pace.order_max_ms) throw outcome.error;
    await pause(Math.max(outcome.wait_ms ?? 0, waitOf(pace, failed_count)), attempt.signal);
  }
}

function isWorth({ again }: Failure, { is_safe, failed_count }: { is_safe: boolean; failed_count: number }): boolean {
  if (again === "unsent") return true;
  // At the first attempt it is another call's key that is in use, which whoever calls should know.
  if (again === "running") return is_safe && failed_count > 1;
  return again === "safe" && is_safe;
}
