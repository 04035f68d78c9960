import type { z } from "zod";
import { StratctlError } from "../../errors.ts";
import { parseInput } from "../input.ts";
import type { CallOptions, Route } from "../route.ts";
import { requireScope } from "./access.ts";
import type { Caller, Context } from "./context.ts";

/** A call of the contract over the store: what its caller may do looked at and its input parsed, then the work. */
export function call<Input extends z.ZodType, Output extends z.ZodType>(
  { caller }: Context,
  route: Route<Input, Output>,
  work: (input: z.output<Input>, options: CallOptions) => Promise<z.output<Output>>,
): (input: z.input<Input>, options?: CallOptions) => Promise<z.output<Output>> {
  return async (input, options = {}) => {
    options.signal?.throwIfAborted();
    return work(admitted(caller, route, input), options);
  };
}

/** The input of a call that its caller may make; scope_missing where he may not, input_invalid where it is none. */
export function admitted<Input extends z.ZodType>(
  caller: Caller | null,
  route: Pick<Route<Input>, "scope" | "input">,
  input: unknown,
): z.output<Input> {
  requireScope(caller, route.scope);
  return parsed(route.input, input);
}

/** The input as its schema gives it, or input_invalid. */
export function parsed<Schema extends z.ZodType>(schema: Schema, given: unknown): z.output<Schema> {
  const input = parseInput(schema, given);
  refuseUnkeepable(input);
  return input;
}

/** Postgres keeps every character but NUL in a text, and half of a pair (a lone surrogate) would be written as another character. */
function refuseUnkeepable(input: unknown): void {
  if (typeof input !== "object" || input === null) return;
  for (const [field, value] of Object.entries(input)) {
    const texts = (Array.isArray(value) ? value : [value]).filter((text: unknown) => typeof text === "string");
    const what = texts.some((text) => text.includes("\0"))
      ? "holds a NUL character"
      : texts.some((text) => !text.isWellFormed())
        ? "holds half of a character (a lone surrogate)"
        : null;
    if (what === null) continue;
    const message = `${field} ${what}`;
    throw new StratctlError("input_invalid", message, { details: { errors: [{ field, message }] } });
  }
}
