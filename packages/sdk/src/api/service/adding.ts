import { createHash } from "node:crypto";
import { z } from "zod";
import { assert, StratctlError } from "../../errors.ts";
import type { Db } from "../../store/db.ts";
import * as keys from "../../store/idempotency.ts";
import { parseInput } from "../input.ts";
import { IdempotencyKey, type CallOptions, type Route } from "../route.ts";
import { call } from "./call.ts";
import type { Context } from "./context.ts";

/** What a call is about is of an account. */
interface OfAccount {
  readonly account_id: string;
}

/** What the work of a call that adds something is given. */
interface Adding<Output> {
  readonly signal?: AbortSignal | undefined;
  /** Does what the call writes, in a transaction; what it gives is the call's answer. It commits together with the call's key, where it has one. */
  readonly write: (write: (db: Db) => Promise<Output>) => Promise<Output>;
}

/**
 * A call that adds something. With an idempotency key it is done once: the same key again gives the same answer, with another
 * input idempotency_conflict, and while the first call writes idempotency_in_use. A call that fails keeps no key.
 */
export function adding<Input extends z.ZodType, Output extends z.ZodType, Subject extends OfAccount>(
  context: Context,
  route: Route<Input, Output>,
  {
    access,
    work,
  }: {
    /** What the call is about, or the refusal: asked before an answer is given again too, since a token may have lost an account. */
    access: (input: z.output<Input>) => Promise<Subject>;
    work: (input: z.output<Input>, options: Adding<z.output<Output>>, subject: Subject) => Promise<z.output<Output>>;
  },
): (input: z.input<Input>, options?: CallOptions) => Promise<z.output<Output>> {
  const { database } = context;
  return call(context, route, async (input, { signal, idempotency_key }) => {
    const subject = await access(input);
    if (idempotency_key === undefined) return work(input, { signal, write: (write) => database.transaction(write) }, subject);
    const { key } = parseInput(Key, { idempotency_key });
    const request = requestOf(route, input, subject);
    const of = { caller: context.caller?.id ?? "", key };
    const answered = async (db: Db): Promise<Answered<z.output<Output>> | null> => {
      const kept = await keys.find(db, of);
      if (kept === null) return null;
      if (kept.request !== request) throw conflict(key);
      const answer = route.output.safeParse(kept.answer);
      assert(answer.success, "an answer kept with its idempotency key is not as its schema says");
      return { answer: answer.data };
    };
    const before = await answered(database);
    if (before !== null) return before.answer;
    const once = (write: (db: Db) => Promise<z.output<Output>>): Promise<z.output<Output>> =>
      database.transaction(async (db) => {
        if (!(await keys.lock(db, of))) throw inUse(key);
        const meanwhile = await answered(db);
        if (meanwhile !== null) return meanwhile.answer;
        const answer = await write(db);
        await keys.insert(db, { ...of, request, answer: JSON.stringify(answer) });
        return answer;
      });
    try {
      return await work(input, { signal, write: once }, subject);
    } catch (error) {
      // What stands in the way may be what the first call of this key has just done: the leg is closed, the name is taken.
      const meanwhile = isRefusal(error) ? await answered(database) : null;
      if (meanwhile !== null) return meanwhile.answer;
      throw error;
    }
  });
}

interface Answered<Output> {
  readonly answer: Output;
}

const Key = z.object({ idempotency_key: IdempotencyKey }).transform(({ idempotency_key }) => ({ key: idempotency_key }));

/** The same for the same call with the same input, in whatever order its fields were given and however its account was named. */
function requestOf({ method, path }: Pick<Route, "method" | "path">, input: unknown, { account_id }: OfAccount): string {
  const fields = Object.entries(Object.assign({}, input, { account_id })).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify([method, path, fields]))
    .digest("hex");
}

/** Refused by the state of things. */
function isRefusal(error: unknown): boolean {
  return error instanceof StratctlError && error.exit === 3 && error.code !== "idempotency_conflict";
}

function conflict(key: string): StratctlError {
  return new StratctlError("idempotency_conflict", `idempotency key "${key}" was used for another call`, {
    hint: "use a new key for each call; the same one only to try the same call again",
    details: { idempotency_key: key },
  });
}

function inUse(key: string): StratctlError {
  return new StratctlError("idempotency_in_use", `a call with idempotency key "${key}" is under way`, {
    hint: "try again: its answer is then given",
    details: { idempotency_key: key },
  });
}
