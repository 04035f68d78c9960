import { z } from "zod";
import { StratctlError } from "../errors.ts";
import { adopt as adoptOlder, adoptionPlan, olderTables } from "./adopt.ts";
import type { Database, Db } from "./db.ts";
import { migrationFiles, timescaleScript, type MigrationFile } from "./migration-files.ts";

export interface MigrationStatus {
  /**
   * empty: no table of ours. behind: some migrations lack. newer: it has migrations that this code does not know. older: the
   * tables of the system that stratctl replaces. foreign: tables of those names that are not that system's either.
   */
  readonly state: "empty" | "current" | "behind" | "newer" | "older" | "foreign";
  /** Migrations by name, `0001_first_light`: those it has, and those that this code has and it lacks. */
  readonly applied: readonly string[];
  readonly pending: readonly string[];
  /** Where it is foreign: what differs, a line each. */
  readonly differences: readonly string[];
  /** Version of the extension, or null where the database does not have it. */
  readonly timescaledb: string | null;
}

/** How a database stands to this code. Changes nothing. Rejects with database_refused where an applied migration differs from ours. */
export async function migrationStatus(db: Db): Promise<MigrationStatus> {
  const files = await migrationFiles();
  const { has_migrations, timescaledb } = await db.one(
    z.object({ has_migrations: z.boolean(), timescaledb: z.string().nullable() }),
    "migrate.extent",
    `select to_regclass('stratctl_migration') is not null as has_migrations,
       (select extversion from pg_extension where extname = 'timescaledb') as timescaledb`,
  );
  if (!has_migrations) {
    const older = await olderTables(db);
    const pending = files.map((file) => file.name);
    const differences = older.state === "foreign" ? older.differences : [];
    return { state: older.state === "none" ? "empty" : older.state, applied: [], pending, differences, timescaledb };
  }
  const rows = await applied(db);
  assertUnchanged(rows, files);
  const pending = files.filter((file) => !rows.some((row) => row.id === file.id));
  const newer = rows.some((row) => !files.some((file) => file.id === row.id));
  return {
    state: newer ? "newer" : pending.length === 0 ? "current" : "behind",
    applied: rows.map((row) => row.name),
    pending: pending.map((file) => file.name),
    differences: [],
    timescaledb,
  };
}

/** Passes where the database is current. Rejects with database_behind (hint: stratctl db migrate), database_newer, database_foreign. */
export async function assertCurrent(db: Db): Promise<void> {
  const status = await migrationStatus(db);
  assertOurs(status);
  if (status.state === "current") return;
  throw new StratctlError("database_behind", behindWhy(status), { hint: "stratctl db migrate", details: { pending: status.pending } });
}

function behindWhy({ state, pending }: MigrationStatus): string {
  if (state === "empty") return "the database has no tables of stratctl yet";
  if (state === "older") return "the database has the tables of an older system";
  return `the database lacks ${pending.join(", ")}`;
}

/** What `migrate` would do, a line each; none where there is nothing to do. */
export async function migrationPlan(database: Database): Promise<string[]> {
  const status = await migrationStatus(database);
  assertOurs(status);
  const adoption = status.state === "older" ? await adoptionPlan(database) : [];
  const pending = status.state === "older" ? status.pending.slice(1) : status.pending;
  return [...adoption, ...pending.map((name) => `apply ${name}`)];
}

export interface MigrationReport {
  readonly applied: readonly string[];
  /** Lines on the adoption of an older system's tables; none where there were none. */
  readonly adopted: readonly string[];
}

/**
 * Brings a database up to this code, each migration in a transaction of its own under one lock, then runs timescale.sql where
 * the extension is. Safe to call from many processes at once, and again. An older system's tables are adopted only with
 * `adopt: true`, else confirmation_required. Rejects with database_newer, database_foreign.
 */
export async function migrate(database: Database, options: { adopt: boolean }): Promise<MigrationReport> {
  const status = await migrationStatus(database);
  assertOurs(status);
  if (status.state === "older" && !options.adopt)
    throw new StratctlError("confirmation_required", "the database has the tables of an older system; adopting them changes them", {
      hint: "stratctl db migrate shows what it would do; with --yes it does it",
    });
  const files = await migrationFiles();
  const done: string[] = [];
  let adopted: string[] = [];
  for (const file of files) {
    if (status.applied.includes(file.name)) continue;
    const lines = await database.transaction((db) => step(db, file, options));
    if (lines === null) continue; // another process was faster
    done.push(file.name);
    adopted = [...adopted, ...lines];
  }
  if (status.timescaledb !== null) await database.transaction(timescale);
  return { applied: done, adopted };
}

/** Lines on what was adopted, or null where the migration was there already. */
async function step(db: Db, file: MigrationFile, options: { adopt: boolean }): Promise<string[] | null> {
  await db.script(LOCK);
  const now = await migrationStatus(db);
  if (now.applied.includes(file.name)) return null;
  let adopted: string[] = [];
  // The first migration makes the tables; adoption makes them out of those that are there.
  if (now.state === "older" && options.adopt) adopted = await adoptOlder(db);
  else await db.script(file.sql);
  await db.run("migrate.record", "insert into stratctl_migration (id, name, checksum) values ($1, $2, $3)", [
    file.id,
    file.name,
    file.checksum,
  ]);
  return adopted;
}

async function timescale(db: Db): Promise<void> {
  await db.script(LOCK);
  await db.script(await timescaleScript());
}

/** Held until the transaction ends. A migration may take long, and so may the wait for another process's. */
const LOCK =
  "set local statement_timeout = 0; set local lock_timeout = 0; select pg_advisory_xact_lock(hashtext('stratctl'), hashtext('migrate'))";

const Applied = z.object({ id: z.int(), name: z.string(), checksum: z.string() });

function applied(db: Db): Promise<z.output<typeof Applied>[]> {
  return db.many(Applied, "migrate.applied", "select id, name, checksum from stratctl_migration order by id");
}

function assertUnchanged(rows: readonly z.output<typeof Applied>[], files: readonly MigrationFile[]): void {
  const changed = rows.find((row) => files.some((file) => file.id === row.id && file.checksum !== row.checksum));
  if (changed === undefined) return;
  throw new StratctlError("database_refused", `migration ${changed.name} of the database is not the one of this version`, {
    hint: "use the version of stratctl that migrated it, or a newer release",
    details: { migration: changed.name },
  });
}

function assertOurs(status: MigrationStatus): void {
  if (status.state === "newer")
    throw new StratctlError(
      "database_newer",
      `the database is newer than this version of stratctl: it has ${status.applied.at(-1) ?? ""}`,
      {
        hint: "update stratctl",
        details: { applied: status.applied },
      },
    );
  if (status.state === "foreign")
    throw new StratctlError(
      "database_foreign",
      `the database's tables are not stratctl's, nor an older system's: ${status.differences.join("; ")}`,
      {
        hint: "put these right, or give the URL of another database",
        details: { differences: status.differences },
      },
    );
}
