import { StratctlError } from "../errors.ts";
import type { Database, Db } from "./db.ts";

/**
 * Tables of the system that stratctl replaces, in a database without migrations of ours: none of them; one of its known
 * states, by the last migration that it had; or something else that has their names, with what differs, a line each.
 */
export type OlderTables =
  | { readonly state: "none" }
  | { readonly state: "older"; readonly generation: "008" | "023" | "024" }
  | { readonly state: "foreign"; readonly differences: readonly string[] };

/** Looks, and changes nothing. */
export function olderTables(_db: Db): Promise<OlderTables> {
  return Promise.resolve({ state: "none" });
}

/**
 * Brings an older system's tables to the state after migration 0001, which the caller then records as applied, in the
 * transaction it has opened. Every row is kept. Returns the report, a line for each thing done. Rejects with
 * database_foreign where the tables, or rows in them, are not what that system had.
 */
export function adopt(db: Db): Promise<string[]> {
  throw new StratctlError("internal", "not built yet");
}

/** What adopt would report: it is done, and undone. */
export function adoptionPlan(database: Database): Promise<string[]> {
  throw new StratctlError("internal", "not built yet");
}
