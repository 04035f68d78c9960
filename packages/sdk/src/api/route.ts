import type { z } from "zod";
import { assert, type ErrorCode } from "../errors.ts";

const METHODS = ["GET", "POST", "PUT", "DELETE"] as const;
export type Method = (typeof METHODS)[number];
export type Success = 200 | 201;

/** What a route is: one line of the contract, from which the type of the Api, REST, the client and OpenAPI follow. */
export interface Route<Input extends z.ZodType = z.ZodType, Output extends z.ZodType = z.ZodType> {
  readonly method: Method;
  /** Fields of the input named in braces are taken from the path. */
  readonly path: string;
  readonly status: Success;
  readonly input: Input;
  readonly output: Output;
  /** Codes that this route may answer with beyond input_invalid, internal and those of the database. */
  readonly errors: readonly ErrorCode[];
  readonly summary: string;
}

/** What a call may be given beside its input. */
export interface CallOptions {
  readonly signal?: AbortSignal | undefined;
}

export function route<Input extends z.ZodType, Output extends z.ZodType>(
  line: `${Method} /${string}`,
  parts: { summary: string; input: Input; output: Output; status?: Success; errors?: readonly ErrorCode[] },
): Route<Input, Output> {
  const gap = line.indexOf(" ");
  const method = METHODS.find((known) => known === line.slice(0, gap));
  assert(method !== undefined, `route: ${line} has no method`);
  return {
    method,
    path: line.slice(gap + 1),
    status: parts.status ?? 200,
    input: parts.input,
    output: parts.output,
    errors: parts.errors ?? [],
    summary: parts.summary,
  };
}

export interface Contract {
  readonly [name: string]: Route | Contract;
}

/** The calls of a contract: each route a function from its input to its output. */
export type Calls<C> = {
  readonly [K in keyof C]: C[K] extends Route<infer Input, infer Output>
    ? (input: z.input<Input>, options?: CallOptions) => Promise<z.output<Output>>
    : Calls<C[K]>;
};
