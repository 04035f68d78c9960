import type { Stratctl } from "../../packages/sdk/src/index.ts";
import type { Database } from "../../packages/sdk/src/store/db.ts";
import type { Ticker } from "../support/ticker.ts";

/** What a step has at hand. */
export interface World {
  /** Without an account of its own. */
  readonly api: Stratctl;
  /** Of ZZ0001. */
  readonly other: Stratctl;
  /** For what no call of the Api writes: candles and marks. */
  readonly database: Database;
  readonly ticker: Ticker;
  /** Ids by the name under which a step kept its answer. */
  readonly ids: Map<string, number>;
}

/** One call, and what it tells. */
export interface Step {
  /** Where the call is in the Api: `strategies.legs.add`. */
  readonly call: string;
  readonly what: string;
  readonly run: (world: World, id: (name: string) => number) => Promise<unknown>;
  /** What the answer matches, or how it is refused. */
  readonly tells: unknown;
  /** Keeps the id of the answer under this name. */
  readonly keep?: string;
}

export class Refusal {
  readonly code: string;
  readonly message: string;

  constructor(code: string, message = "") {
    this.code = code;
    this.message = message;
  }
}

/** Refused with that code, and a message that holds the text. */
export function refusal(code: string, message?: string): Refusal {
  return new Refusal(code, message);
}

/** The first so many of an endless stream. */
export async function first<Event>(count: number, stream: AsyncIterable<Event>): Promise<Event[]> {
  const seen: Event[] = [];
  for await (const event of stream) {
    seen.push(event);
    if (seen.length === count) break;
  }
  return seen;
}

export async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const found: Item[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** What is of the moment and the machine, and not of the answer: times of now, ages, ids of requests, who called. */
export function lasting(value: unknown, caller: string | null): unknown {
  if (Array.isArray(value)) return value.map((item) => lasting(item, caller));
  if (typeof value === "string") return isOfNow(value) ? "now" : value;
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([field, inner]) => {
      if (field === "request_id") return [];
      if (field.endsWith("age_ms") && typeof inner === "number") return [[field, "age"]];
      if (field === "created_by") return [[field, inner === caller ? "caller" : inner]];
      return [[field, lasting(inner, caller)]];
    }),
  );
}

function isOfNow(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(text) && Math.abs(Date.parse(text) - Date.now()) < 86_400_000;
}
