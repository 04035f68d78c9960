import { StratctlError } from "../errors.ts";
import type { Database, Db } from "./db.ts";

export interface MigrationStatus {
  /** empty: no table of ours or theirs. older: the system that stratctl replaces. foreign: something else. */
  readonly state: "empty" | "current" | "behind" | "newer" | "older" | "foreign";
  /** Migrations applied, and those that this code has and the database lacks, by name: `0001_first_light`. */
  readonly applied: readonly string[];
  readonly pending: readonly string[];
  /** Version of the extension, or null where it is not installed. */
  readonly timescaledb: string | null;
}

/** How a database stands to this code. Changes nothing. Rejects with database_refused where a checksum differs. */
export function migrationStatus(db: Db): Promise<MigrationStatus> {
  throw new StratctlError("internal", "not built yet");
}

/** What `migrate` would do, a line each; none where there is nothing to do. */
export function migrationPlan(db: Db): Promise<string[]> {
  throw new StratctlError("internal", "not built yet");
}

export interface MigrationReport {
  readonly applied: readonly string[];
  /** Lines of the adoption of an older system's tables; none where there were none. */
  readonly adopted: readonly string[];
}

/**
 * Brings a database up to this code, each migration in a transaction of its own and all under one lock, then runs
 * timescale.sql where the extension is. Safe to call from many processes at once. An older system's tables are adopted only
 * with `adopt: true`, else confirmation_required. Rejects with database_newer, database_foreign.
 */
export function migrate(database: Database, options: { adopt: boolean }): Promise<MigrationReport> {
  throw new StratctlError("internal", "not built yet");
}

/** Passes where the database is current. Rejects with database_behind (hint: stratctl db migrate), database_newer, database_foreign. */
export function assertCurrent(db: Db): Promise<void> {
  throw new StratctlError("internal", "not built yet");
}
