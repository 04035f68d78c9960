import { createService } from "../../packages/sdk/src/api/service.ts";
import type { Caller, Context } from "../../packages/sdk/src/api/service/context.ts";
import type { Scope } from "../../packages/sdk/src/api/route.ts";
import type { Api } from "../../packages/sdk/src/api/contract.ts";
import { builtinCalendar } from "../../packages/sdk/src/market/days.ts";
import { builtinLots } from "../../packages/sdk/src/market/lots.ts";
import type { Database } from "../../packages/sdk/src/store/db.ts";

/** A service over a database, in process, without sources of prices. */
export function serviceOn(database: Database, parts: Partial<Context> = {}): Api {
  return createService({
    database,
    sources: [],
    calendar: builtinCalendar(),
    lots: builtinLots(),
    account_id: null,
    now: Date.now,
    caller: null,
    m2m_basis: "m2m",
    feed: null,
    ...parts,
  });
}

/** Whoever has a token for these accounts. */
export function callerOf(
  accounts: readonly string[] | "all",
  { subject = "user:1", scopes = ["read", "trade"] }: { subject?: string; scopes?: readonly Scope[] } = {},
): Caller {
  return { subject, id: subject, accounts: accounts === "all" ? "all" : new Set(accounts), scopes: new Set(scopes) };
}

/** All that a finite stream tells. */
export async function allOf<Event>(events: AsyncIterable<Event>): Promise<Event[]> {
  const all: Event[] = [];
  for await (const event of events) all.push(event);
  return all;
}
