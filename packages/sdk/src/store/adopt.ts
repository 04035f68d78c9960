import { z } from "zod";
import { StratctlError } from "../errors.ts";
import { adoptMetrics, dropOlderObjects, setCandlesAside } from "./adopt/aside.ts";
import { adoptLegs } from "./adopt/legs.ts";
import { olderTables, type Generation } from "./adopt/look.ts";
import { dropSamples, makeSamples, statementsOf, tighten, widen } from "./adopt/reshape.ts";
import { adoptStrategies } from "./adopt/strategies.ts";
import type { Database, Db } from "./db.ts";
import { migrationFiles } from "./migration-files.ts";

export { olderTables } from "./adopt/look.ts";

/**
 * Brings an older system's tables to the state after migration 0001, which the caller then records as applied, in the
 * transaction it has opened. Every row is kept. Returns the report, a line for each thing done. Rejects with
 * database_foreign where the tables, or rows in them, are not what that system had.
 *
 * Beyond a fresh database, an adopted one has: the older columns of trading_account (login_status, last_login_at,
 * last_sync_at), strategy (config, account_ids, is_active, total_trades, started_at, stopped_at) and strategy_pnl_metrics
 * (avg_position_size); the tables strategy_m2m_candles_old and strategy_instruments_refused; the function
 * update_updated_at_column, which other tables of that system use; and that system's other tables, untouched.
 */
export async function adopt(db: Db): Promise<string[]> {
  const older = await olderTables(db);
  if (older.state !== "older")
    throw new StratctlError("database_foreign", "the database has no tables of the older system that could be adopted", {
      details: { differences: older.state === "foreign" ? older.differences : [] },
    });
  const tables = STAYING[older.generation];
  await db.script(`set local lock_timeout = '10s'; lock table ${tables.join(", ")} in access exclusive mode`);
  const statements = await firstMigration();
  const lines = [await heading(db, older.generation)];
  lines.push(...(await dropOlderObjects(db)));
  if (older.generation !== "008") {
    lines.push(...(await setCandlesAside(db)));
    await db.script("alter table strategy_pnl_metrics drop column id"); // nothing refers to it; the key is strategy and day
  }
  await makeSamples(
    db,
    statements.filter(({ creates }) => creates !== null && tables.includes(creates)),
  );
  for (const table of tables) await widen(db, table);
  lines.push(...(await adoptStrategies(db)));
  if (older.generation !== "008") lines.push(...(await adoptLegs(db)), ...(await adoptMetrics(db)));
  for (const table of tables) await tighten(db, table);
  await dropSamples(db);
  for (const { sql } of statements.filter(({ creates }) => creates === null || !tables.includes(creates))) await db.script(sql);
  return lines;
}

/** What adopt would report: it is done, and undone. Whoever reads these tables waits as long. */
export async function adoptionPlan(database: Database): Promise<string[]> {
  const rehearsed = new StratctlError("interrupted", "a plan is not carried out");
  let lines: string[] = [];
  try {
    await database.transaction(async (db) => {
      await db.script("set local statement_timeout = 0");
      lines = await adopt(db);
      throw rehearsed;
    });
  } catch (error) {
    if (error !== rehearsed) throw error;
  }
  return lines;
}

/** The older system's tables that become ours, in the order in which they refer to each other. */
const STAYING: Readonly<Record<Generation, readonly string[]>> = {
  "008": ["trading_account", "strategy"],
  "023": ["trading_account", "strategy", "strategy_instruments", "strategy_pnl_metrics"],
  "024": ["trading_account", "strategy", "strategy_instruments", "strategy_pnl_metrics"],
};

async function firstMigration() {
  const [first] = await migrationFiles();
  return statementsOf(first?.sql ?? "");
}

async function heading(db: Db, generation: Generation): Promise<string> {
  const counted = await db.one(z.object({ accounts: z.int(), strategies: z.int() }), "adopt.counts", COUNTS);
  const migrations = { "008": "008", "023": "008 and 023", "024": "008, 023 and 024" }[generation];
  return `tables of the older system (its migrations ${migrations}): ${counted.accounts} accounts and ${counted.strategies} strategies, all kept`;
}

const COUNTS = `select (select count(*)::integer from trading_account) as accounts, (select count(*)::integer from strategy) as strategies`;
