import { StratctlError } from "../errors.ts";
import type { Database, Db } from "./db.ts";

export { olderTables, type OlderTables } from "./adopt/look.ts";

/**
 * Brings an older system's tables to the state after migration 0001, which the caller then records as applied, in the
 * transaction it has opened. Every row is kept. Returns the report, a line for each thing done. Rejects with
 * database_foreign where the tables, or rows in them, are not what that system had.
 */
export function adopt(_db: Db): Promise<string[]> {
  throw new StratctlError("internal", "not built yet");
}

/** What adopt would report: it is done, and undone. */
export function adoptionPlan(_database: Database): Promise<string[]> {
  throw new StratctlError("internal", "not built yet");
}
