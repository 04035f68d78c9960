import { z } from "zod";
import { assert, type ErrorCode } from "../errors.ts";

const METHODS = ["GET", "POST", "PUT", "DELETE"] as const;
export type Method = (typeof METHODS)[number];
export type Success = 200 | 201;
/** What a token must allow: `read` to look, `trade` to change. */
export type Scope = "read" | "trade";

interface Line<Input extends z.ZodType, Output extends z.ZodType> {
  readonly method: Method;
  /** Fields of the input named in braces are taken from the path. */
  readonly path: string;
  readonly input: Input;
  readonly output: Output;
  /** Codes that this route may answer with beyond input_invalid, internal, those of access and those of the database. */
  readonly errors: readonly ErrorCode[];
  readonly summary: string;
  readonly scope: Scope;
  readonly places: Places;
}

/** Where on the wire each field of the input goes. */
export interface Places {
  readonly path: readonly string[];
  readonly query: readonly string[];
  /** A JSON object of these; without any there is no body. */
  readonly body: readonly string[];
}

/** What a route is: one line of the contract, from which the type of the Api, REST, the client and OpenAPI follow. */
export interface Route<Input extends z.ZodType = z.ZodType, Output extends z.ZodType = z.ZodType> extends Line<Input, Output> {
  readonly kind: "answer";
  readonly status: Success;
}

/** A route that goes on answering; `output` is one event. */
export interface EventRoute<Input extends z.ZodType = z.ZodType, Output extends z.ZodType = z.ZodType> extends Line<Input, Output> {
  readonly kind: "events";
  /** The instant of an event: what a reader that was cut off has seen up to. */
  readonly instant: (event: z.output<Output>) => string;
}

/** What a call may be given beside its input. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
  /** For a call that adds something: the same key again, within a day, adds nothing more and gives the same answer. */
  readonly idempotency_key?: string | undefined;
}

/** Of the caller's own making, a new one for each call: what an attempt that is made again has in common with the first. */
export const IdempotencyKey = z.string().regex(/^[\x21-\x7e](?:[\x20-\x7e]{0,198}[\x21-\x7e])?$/, {
  error: "is not a key: 1 to 200 printable ASCII characters",
});

/** What a stream may be given beside its input. */
export interface StreamOptions {
  readonly signal?: AbortSignal | undefined;
  /** The instant of the last event seen: the stream goes on after it, or says what it cannot tell any more. */
  readonly after?: string | undefined;
  /** The stream is there for the caller: what comes now are events. */
  readonly onOpen?: (() => void) | undefined;
  /** Events that are not told any more. */
  readonly onGap?: ((gap: StreamGap) => void) | undefined;
}

/** Nothing is known of from < at < to. */
export const StreamGap = z.object({ from: z.iso.datetime({ offset: true }), to: z.iso.datetime({ offset: true }) });
export type StreamGap = z.infer<typeof StreamGap>;

interface Parts<Input extends z.ZodObject, Output extends z.ZodType> {
  readonly summary: string;
  readonly input: Input;
  readonly output: Output;
  readonly errors?: readonly ErrorCode[];
}

export function route<Input extends z.ZodObject, Output extends z.ZodType>(
  line: `${Method} /${string}`,
  parts: Parts<Input, Output> & {
    status?: Success;
    /** Fields of a call with a body that are sent in the query all the same; account_id. */
    in_query?: readonly string[];
  },
): Route<Input, Output> {
  return { kind: "answer", ...lineOf(line, parts, parts.in_query ?? ["account_id"]), status: parts.status ?? 200 };
}

export function events<Input extends z.ZodObject, Output extends z.ZodType>(
  line: `GET /${string}`,
  parts: Parts<Input, Output> & { instant: (event: z.output<Output>) => string },
): EventRoute<Input, Output> {
  return { kind: "events", ...lineOf(line, parts, []), instant: parts.instant };
}

function lineOf<Input extends z.ZodObject, Output extends z.ZodType>(
  line: string,
  { summary, input, output, errors = [] }: Parts<Input, Output>,
  in_query: readonly string[],
): Line<Input, Output> {
  const gap = line.indexOf(" ");
  const method = METHODS.find((known) => known === line.slice(0, gap));
  assert(method !== undefined, `route: ${line} has no method`);
  const path = line.slice(gap + 1);
  const fields = Object.keys(input.shape);
  const in_path = fields.filter((field) => path.includes(`{${field}}`));
  assert(in_path.length === path.split("{").length - 1, `route: ${line} names a field that its input does not have`);
  const has_body = method === "POST" || method === "PUT";
  const rest = fields.filter((field) => !in_path.includes(field));
  const query = has_body ? rest.filter((field) => in_query.includes(field)) : rest;
  const places = { path: in_path, query, body: rest.filter((field) => !query.includes(field)) };
  return { method, path, input, output, errors, summary, scope: method === "GET" ? "read" : "trade", places };
}

export interface Contract {
  readonly [name: string]: Route | EventRoute | Contract;
}

export function isRoute(line: Contract[string]): line is Route | EventRoute {
  return typeof line["kind"] === "string";
}

export interface NamedRoute {
  readonly route: Route | EventRoute;
  /** Where the call is in the Api: `strategies`, `legs`, `add`. */
  readonly names: readonly string[];
}

/** Every route of a contract, and where its call is. */
export function routesOf(contract: Contract, within: readonly string[] = []): NamedRoute[] {
  return Object.entries(contract).flatMap(([name, line]) =>
    isRoute(line) ? [{ route: line, names: [...within, name] }] : routesOf(line, [...within, name]),
  );
}

/** The calls of a contract: each route a function from its input to its output, each stream one to its events. */
export type Calls<C> = {
  readonly [K in keyof C]: C[K] extends Route<infer Input, infer Output>
    ? (input: z.input<Input>, options?: CallOptions) => Promise<z.output<Output>>
    : C[K] extends EventRoute<infer Input, infer Output>
      ? (input: z.input<Input>, options?: StreamOptions) => AsyncIterable<z.output<Output>>
      : Calls<C[K]>;
};
