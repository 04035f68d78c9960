import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { openPool, type Database } from "../../packages/sdk/src/store/db.ts";
import { KIND_TABLES, TRANSFER_KINDS } from "../../packages/sdk/src/store/transfer-kinds.ts";
import { exportTo } from "../../packages/sdk/src/transfer/export.ts";
import { freshDatabase, POSTGRES, type FreshDatabase } from "./postgres.ts";
import { MIGRATED } from "./store.ts";

/** Databases to import into, and a folder for what is exported; all gone in the end. */
export class Desk {
  readonly #databases: { fresh: FreshDatabase; db: Database }[] = [];
  #folder: string | undefined;
  #made = 0;

  async path(name = "export"): Promise<string> {
    this.#folder ??= await mkdtemp(join(tmpdir(), "stratctl-transfer-"));
    this.#made += 1;
    return join(this.#folder, `${name}-${this.#made}`);
  }

  /** One with the tables and nothing in them, on the first kind of Postgres that is here. */
  async empty(): Promise<Database> {
    const server = POSTGRES.find(({ missing }) => missing === null)?.server;
    if (server === undefined) throw new Error("no Postgres");
    const fresh = await freshDatabase(await server(), MIGRATED);
    const db = await openPool(fresh.url, { connections_max: 2 });
    this.#databases.push({ fresh, db });
    return db;
  }

  /** Exports, and gives the path. */
  async exported(database: Database, form: "csv" | "json", strategy_ids: readonly number[]): Promise<string> {
    const path = await this.path(form);
    await exportTo(database, { path, form, strategy_ids });
    return path;
  }

  async end(): Promise<void> {
    for (const { fresh, db } of this.#databases) {
      await db.close();
      await fresh.drop();
    }
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }
}

/** What was brought in goes, and ids begin at 1 again. */
export async function cleared(db: Database): Promise<void> {
  await db.script("truncate trading_account, last_quote restart identity cascade");
}

/** The text of each file of an export, by its name; one file of JSON lines is called `lines`. */
export async function textsOf(path: string): Promise<Record<string, string>> {
  const names = await readdir(path).catch(() => null);
  if (names === null) return { lines: await readFile(path, "utf8") };
  const texts = await Promise.all(names.toSorted().map(async (name) => [name, await readFile(join(path, name), "utf8")] as const));
  return Object.fromEntries(texts);
}

/** All that an import could have written, table by table. */
export async function everything(db: Database): Promise<Record<string, unknown>> {
  const tables = TRANSFER_KINDS.map(async (kind) => {
    const sql = `select coalesce(json_agg(row_to_json(one) order by one::text), '[]')::text as rows from ${KIND_TABLES[kind].table} one`;
    return [kind, (await db.one(z.object({ rows: z.string() }), `test.all.${kind}`, sql)).rows] as const;
  });
  return Object.fromEntries(await Promise.all(tables));
}

export const NOTHING = Object.fromEntries(TRANSFER_KINDS.map((kind) => [kind, "[]"]));
