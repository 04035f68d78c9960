import { readFile } from "node:fs/promises";
import { afterEach } from "vitest";
import { z } from "zod";
import { openPool, type Database } from "../../../packages/sdk/src/store/db.ts";
import { freshDatabase, type FreshDatabase, type PostgresServer, type Template } from "../../support/postgres.ts";
import { schemaOf } from "../../support/schema.ts";

/** The older system as its migrations left it, with rows of every bad kind, built from what is known of it. */
const OLDER = {
  "008": ["008", "008_rows"],
  "023": ["008", "008_rows", "023", "023_rows"],
  "024": ["008", "008_rows", "023", "023_rows", "024", "024_rows", "024_views"],
  "024 half-way": ["008", "008_rows", "023", "023_rows", "024", "024_rows"],
  "024 whose function fails": ["008", "008_rows", "023", "023_rows", "024", "024_rows", "024_broken"],
} as const;
export type Older = keyof typeof OLDER;

function template(older: Older): Template {
  return {
    name: `older_${older.replaceAll(/\W/g, "_")}`,
    async prepare(url) {
      const db = await openPool(url);
      await runOlder(db, OLDER[older]);
      await db.close();
    },
  };
}

/** Runs files of this folder, by their names. */
export async function runOlder(db: Database, files: readonly string[]): Promise<void> {
  for (const file of files) await db.script(await readFile(new URL(`${file}.sql`, import.meta.url), "utf8"));
}

export interface OlderDatabase {
  readonly db: Database;
  /** A database of its own in that state, for the test at hand. */
  readonly start: (older: Older) => Promise<void>;
}

/** To be called in a suite: what a test has started is gone after it. */
export function olderDatabase(server: () => Promise<PostgresServer>): OlderDatabase {
  let fresh: FreshDatabase | undefined;
  let database: Database | undefined;
  afterEach(async () => {
    await database?.close();
    await fresh?.drop();
    fresh = undefined;
    database = undefined;
  });
  return {
    get db() {
      if (database === undefined) throw new Error("no database was started");
      return database;
    },
    async start(older) {
      fresh = await freshDatabase(await server(), template(older));
      database = await openPool(fresh.url);
    },
  };
}

const AnyRow = z.record(z.string(), z.unknown());

let asked = 0;

/** Each under a name of its own, since tables change between two that read alike. */
export function rowsOf(db: Database, sql: string): Promise<Record<string, unknown>[]> {
  asked += 1;
  return db.many(AnyRow, `test.${asked}`, sql);
}

/** Every row of every table, as text. */
async function everything(db: Database): Promise<string[]> {
  const tables = await rowsOf(
    db,
    "select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1",
  );
  const texts = tables.map(({ name }) =>
    rowsOf(
      db,
      `select '${String(name)}' as name, coalesce(array_agg(row::text order by row::text), '{}')::text as rows from ${String(name)} as row`,
    ),
  );
  return (await Promise.all(texts)).flat().map((row) => JSON.stringify(row));
}

/** The shape and the rows of all there is. */
export async function stateOf(db: Database): Promise<readonly unknown[]> {
  return [await schemaOf(db), await everything(db)];
}
