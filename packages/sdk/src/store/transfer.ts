import { z } from "zod";
import { StratctlError } from "../errors.ts";
import type { Database, Db } from "./db.ts";

/** What leaves a database and comes into another, in an order in which each row finds what it refers to. */
const TABLES = {
  trading_account: { key: ["account_id"] },
  strategy: { key: ["strategy_id"], sequence: "strategy_id" },
  strategy_instruments: { key: ["id"], sequence: "id" },
  strategy_fills: { key: ["id"], sequence: "id" },
  strategy_m2m_candles: { key: ["strategy_id", "timestamp"] },
  strategy_gap: { key: ["strategy_id", "from_minute"] },
  strategy_pnl_metrics: { key: ["strategy_id", "metric_date"] },
} as const satisfies Record<string, { key: readonly string[]; sequence?: string }>;

export const TRANSFER_TABLES = z.enum([
  "trading_account",
  "strategy",
  "strategy_instruments",
  "strategy_fills",
  "strategy_m2m_candles",
  "strategy_gap",
  "strategy_pnl_metrics",
]);
export type TransferTable = z.infer<typeof TRANSFER_TABLES>;

/** A row as Postgres writes it as JSON: every amount with all its digits, every instant in UTC. */
export interface TransferRow {
  readonly table: TransferTable;
  /** JSON of the row. */
  readonly row: string;
}

/** Rows of one statement. */
const AT_ONCE = 2_000;

/** The rows of these strategies and their accounts, table by table, a few thousand in memory at a time. */
export async function* exported(db: Db, strategy_ids: readonly number[]): AsyncGenerator<TransferRow, void, undefined> {
  for (const table of TRANSFER_TABLES.options) {
    const { key } = TABLES[table];
    const order = key.map((column) => `one.${column}`).join(", ");
    const columns = key.join(", ");
    const whose =
      table === "trading_account"
        ? "one.account_id in (select trading_account_id from strategy where strategy_id = any ($1::text[]::int4[]))"
        : "one.strategy_id = any ($1::text[]::int4[])";
    let after: string | null = null;
    for (;;) {
      const rows: { row: string; key: string }[] = await db.many(
        z.object({ row: z.string(), key: z.string() }),
        `transfer.export.${table}`,
        `select row_to_json(one)::text as row, row_to_json(keyed)::text as key
           from ${table} one, lateral (select ${order}) as keyed
          where ${whose} and ($2::text is null or (${order}) > (select ${columns} from json_populate_record(null::${table}, $2::json)))
          order by ${order} limit ${AT_ONCE}`,
        [strategy_ids.map(String), after],
      );
      for (const { row } of rows) yield { table, row };
      after = rows.at(-1)?.key ?? null;
      if (rows.length < AT_ONCE) break;
    }
  }
}

/** What became of the rows of a table. */
export interface TransferReport {
  readonly table: TransferTable;
  readonly added: number;
  /** There already, the same. */
  readonly unchanged: number;
}

/**
 * Puts rows into a database, each by its id, in one transaction: one that is there already and the same is left alone. Where a row of
 * that id says something else nothing is written, and import_differs names it. With `dry_run` nothing is written either way.
 */
export async function imported(
  database: Database,
  rows: AsyncIterable<TransferRow>,
  { dry_run }: { dry_run: boolean },
): Promise<TransferReport[]> {
  const counts = new Map<TransferTable, { added: number; unchanged: number }>();
  const work = async (db: Db): Promise<TransferReport[]> => {
    let batch: TransferRow[] = [];
    const put = async (): Promise<void> => {
      const [first] = batch;
      if (first === undefined) return;
      const before = counts.get(first.table) ?? { added: 0, unchanged: 0 };
      const { added, unchanged } = await putBatch(db, first.table, batch);
      counts.set(first.table, { added: before.added + added, unchanged: before.unchanged + unchanged });
      batch = [];
    };
    for await (const row of rows) {
      if (batch.length === AT_ONCE || (batch[0] !== undefined && batch[0].table !== row.table)) await put();
      batch.push(row);
    }
    await put();
    for (const table of TRANSFER_TABLES.options) await raiseSequence(db, table);
    const report = TRANSFER_TABLES.options.flatMap((table) => {
      const count = counts.get(table);
      return count === undefined ? [] : [{ table, ...count }];
    });
    if (dry_run) throw new Undone(report);
    return report;
  };
  return database.transaction(work).catch((error: unknown) => {
    if (error instanceof Undone) return error.report;
    throw error;
  });
}

/** Ends a transaction that was only to be looked at. */
class Undone extends Error {
  readonly report: TransferReport[];

  constructor(report: TransferReport[]) {
    super("a dry run is undone");
    this.report = report;
  }
}

async function putBatch(db: Db, table: TransferTable, batch: readonly TransferRow[]): Promise<{ added: number; unchanged: number }> {
  const { key } = TABLES[table];
  const json = `[${batch.map(({ row }) => row).join(",")}]`;
  const same = `transfer_row.${key[0]} = there.${key[0]}${key
    .slice(1)
    .map((column) => ` and transfer_row.${column} = there.${column}`)
    .join("")}`;
  const added = await db.run(
    `transfer.import.${table}`,
    `insert into ${table} select * from json_populate_recordset(null::${table}, $1::json) on conflict (${key.join(", ")}) do nothing`,
    [json],
  );
  // The default strategy that comes with an account by itself makes way for the one that is brought.
  if (table === "trading_account" && added > 0)
    await db.run(
      "transfer.makeWay",
      "delete from strategy where is_default and created_at = now() and trading_account_id in (select account_id from json_populate_recordset(null::trading_account, $1::json))",
      [json],
    );
  const differing = await db.many(
    z.object({ id: z.string() }),
    `transfer.differing.${table}`,
    `select array_to_string(array[${key.map((column) => `there.${column}::text`).join(", ")}], ' ') as id
       from json_populate_recordset(null::${table}, $1::json) transfer_row join ${table} there on ${same}
      where to_jsonb(transfer_row) is distinct from to_jsonb(there) limit 5`,
    [json],
  );
  if (differing.length === 0) return { added, unchanged: batch.length - added };
  throw new StratctlError(
    "import_differs",
    `${table} ${differing.map(({ id }) => id).join(", ")}: the database has another row of that id`,
    {
      hint: "import into an empty database, or leave these out",
      details: { table, ids: differing.map(({ id }) => id) },
    },
  );
}

/** A row that somebody adds later gets an id that none of these has. */
async function raiseSequence(db: Db, table: TransferTable): Promise<void> {
  const about = TABLES[table];
  if (!("sequence" in about)) return;
  await db.one(
    z.object({ value: z.string().nullable() }),
    `transfer.sequence.${table}`,
    `select setval(pg_get_serial_sequence('${table}', '${about.sequence}'), coalesce(max(${about.sequence}), 1))::text as value
       from ${table}`,
  );
}
