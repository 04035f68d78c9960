import { z } from "zod";
import { StratctlError } from "../errors.ts";
import { textArray } from "./array.ts";
import type { Database, Db, RowTexts } from "./db.ts";
import { isOfTheRow } from "./failure.ts";
import { KIND_TABLES, keyColumns, textSql, TRANSFER_KINDS, valueSql, type KindTable, type TransferKind } from "./transfer-kinds.ts";
import { defaultsAdopted, defaultsNumbered, defaultsParked } from "./transfer-defaults.ts";
import { refusedRow } from "./transfer-refusal.ts";

/** Rows of a kind, each as the texts of its columns in the order of KIND_TABLES, as Postgres writes them. */
export interface TransferRows {
  readonly kind: TransferKind;
  readonly rows: readonly RowTexts[];
}

/** A row that is to be brought in. */
export interface TransferRow {
  readonly kind: TransferKind;
  readonly cells: RowTexts;
  /** Of its file, to say where a fault is. */
  readonly line: number;
}

/** Rows of one statement. */
const AT_ONCE = 2_000;

/** The rows of these strategies and their accounts, as all of them were at one instant; some thousand in memory at a time. */
export async function exported(
  database: Database,
  strategy_ids: readonly number[],
  each: (rows: TransferRows) => Promise<void>,
): Promise<void> {
  await database.transaction(async (db) => {
    await db.script("set transaction isolation level repeatable read, read only");
    for (const kind of TRANSFER_KINDS) {
      const { table, columns, whose } = KIND_TABLES[kind];
      const names = columns.map(({ name }) => name);
      const select = columns.map((column) => `${textSql(column)} as "${column.name}"`).join(", ");
      // One order whatever the database's collation is.
      const order = keyColumns(KIND_TABLES[kind]).map(({ column, form }) => `one."${column}"${form === "text" ? ' collate "C"' : ""}`);
      await db.run(
        `transfer.export.${kind}`,
        `declare transfer_${kind} no scroll cursor for select ${select} from ${table} one where ${whose} order by ${order.join(", ")}`,
        [strategy_ids.map(String)],
      );
      for (;;) {
        const rows = await db.texts(names, `transfer.fetch.${kind}`, `fetch forward ${AT_ONCE} from transfer_${kind}`);
        if (rows.length > 0) await each({ kind, rows });
        if (rows.length < AT_ONCE) break;
      }
      await db.run(`transfer.close.${kind}`, `close transfer_${kind}`);
    }
  });
}

/** What became of the rows of a kind. */
export interface TransferReport {
  readonly kind: TransferKind;
  /** Of marks and prices, those too that are later than what was there. */
  readonly added: number;
  /** There already, the same. */
  readonly unchanged: number;
}

export interface ImportOptions {
  readonly dry_run: boolean;
  /** The file and line of a row, as a message begins with it. */
  readonly place: (row: TransferRow) => string;
}

/**
 * Puts rows into a database, each by its key, in one transaction: one that is there already and the same is left alone. With
 * `dry_run` all of it is undone. Rejects, and nothing is written, with import_differs where the database says something else, with
 * file_unusable where it refuses a row; both name the row's place.
 */
export async function imported(
  database: Database,
  rows: AsyncIterable<TransferRow>,
  { dry_run, place }: ImportOptions,
): Promise<TransferReport[]> {
  const work = async (db: Db): Promise<TransferReport[]> => {
    const counts = new Map(TRANSFER_KINDS.map((kind) => [kind, { added: 0, unchanged: 0 }]));
    const put = async (batch: readonly TransferRow[]): Promise<void> => {
      const [first] = batch;
      const count = first === undefined ? undefined : counts.get(first.kind);
      if (first === undefined || count === undefined) return;
      const added = await putBatch(db, { kind: first.kind, rows: batch, place });
      count.added += added;
      count.unchanged += batch.length - added;
    };
    let batch: TransferRow[] = [];
    for await (const row of rows) {
      if (batch.length === AT_ONCE || (batch[0] !== undefined && batch[0].kind !== row.kind)) {
        await put(batch);
        batch = [];
      }
      batch.push(row);
    }
    await put(batch);
    const report = [...counts].map(([kind, count]) => ({ kind, ...count }));
    if (dry_run) throw new Undone(report);
    await raiseSequences(db); // nothing brings a sequence back
    await defaultsNumbered(db);
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

interface Batch {
  readonly kind: TransferKind;
  readonly rows: readonly TransferRow[];
  readonly place: ImportOptions["place"];
}

/** How many were added. One row that the database refuses is found by halves, so that its line can be told. */
async function putBatch(db: Db, batch: Batch): Promise<number> {
  const { kind, rows, place } = batch;
  const [first] = rows;
  await db.script("savepoint transfer");
  try {
    const added = await putRows(db, batch);
    await db.script("release savepoint transfer");
    return added;
  } catch (error) {
    if (first === undefined || !(error instanceof StratctlError) || !isOfTheRow(error)) throw error;
    await db.script("rollback to savepoint transfer");
    if (rows.length === 1) throw await refusedRow(db, { table: KIND_TABLES[kind], cells: first.cells, place: place(first), error });
    const half = Math.ceil(rows.length / 2);
    const before = await putBatch(db, { kind, place, rows: rows.slice(0, half) });
    return before + (await putBatch(db, { kind, place, rows: rows.slice(half) }));
  }
}

async function putRows(db: Db, { kind, rows, place }: Batch): Promise<number> {
  const about = KIND_TABLES[kind];
  const { table, columns, stray } = about;
  const params = columns.map((_, at) =>
    textArray(
      rows.map(({ cells }) => cells[at] ?? null),
      rows.length,
    ),
  );
  const given = givenSql(about);
  if (stray !== null) {
    const found = await placeOf(
      db,
      `transfer.stray.${kind}`,
      `${given} select place from given where ${stray.where} order by place limit 1`,
      params,
    );
    const row = rows[found - 1];
    if (row !== undefined)
      throw new StratctlError("file_unusable", `${place(row)}: ${stray.what}, neither here nor in the database`, {
        hint: "an export has each row with what it belongs to; was a line of it removed?",
      });
  }
  const adopted = kind === "strategies" ? await defaultsAdopted(db, { given, params }) : 0;
  const names = columns.map(({ column }) => `"${column}"`).join(", ");
  const key = keyColumns(about);
  const added = await db.run(
    `transfer.import.${kind}`,
    `${given} insert into ${table} as there (${names}) select ${names} from given order by place
       on conflict (${key.map(({ column }) => `"${column}"`).join(", ")}) ${about.is_latest ? laterSql(about) : "do nothing"}`,
    params,
  );
  if (kind === "accounts" && added > 0) await defaultsParked(db, { given, params });
  if (added < rows.length && !about.is_latest) await refuseDiffering(db, { about, given, params, rows, place, kind });
  return added + adopted;
}

/** `given`: the rows of the parameters, as the table's columns, and `place`, which counts from 1. */
function givenSql({ columns }: KindTable): string {
  const values = columns.map((column, at) => `${valueSql(`c${at}`, column)} as "${column.column}"`);
  const texts = columns.map((_, at) => `$${at + 1}::text[]`).join(", ");
  return `with given as materialized (
    select ${values.join(", ")}, place from unnest(${texts}) with ordinality as told (${columns.map((_, at) => `c${at}`).join(", ")}, place))`;
}

function laterSql({ columns, key }: KindTable): string {
  const rest = columns.filter(({ name }) => !key.includes(name)).map(({ column }) => `"${column}" = excluded."${column}"`);
  return `do update set ${rest.join(", ")} where excluded.at > there.at`;
}

/** The place of the row that the statement finds, counted from 1; 0 where it finds none. */
async function placeOf(db: Db, name: string, sql: string, params: readonly Buffer[]): Promise<number> {
  const row = await db.maybeOne(z.object({ place: z.coerce.number() }), name, sql, params);
  return row?.place ?? 0;
}

const Differing = z.object({ place: z.coerce.number(), names: z.array(z.string()) });

async function refuseDiffering(
  db: Db,
  { about, given, params, rows, place, kind }: Batch & { about: KindTable; given: string; params: readonly Buffer[] },
): Promise<void> {
  const same = keyColumns(about).map(({ column }) => `of_key."${column}" = given."${column}"`);
  const compared = about.columns.filter(({ name }) => !about.key.includes(name) && !about.not_compared.has(name));
  const is = compared.map(({ column, name }) => `case when given."${column}" is distinct from there."${column}" then '${name}' end`);
  const found = await db.maybeOne(
    Differing,
    `transfer.differing.${kind}`,
    `${given} select place, names
       from given,
         lateral (select * from ${about.table} of_key where ${same.join(" and ")} limit 1) there, -- by its index: the table may be large
         lateral (select array_remove(array[${is.join(", ")}]::text[], null)) as differing (names)
      where names <> '{}' order by place limit 1`,
    params,
  );
  const row = rows[(found?.place ?? 0) - 1];
  if (found === null || row === undefined) return;
  const at = about.columns.findIndex(({ name }) => name === found.names[0]);
  const id = about.key.map((name) => `${name} ${row.cells[about.columns.findIndex((column) => column.name === name)] ?? ""}`).join(", ");
  throw new StratctlError(
    "import_differs",
    `${place(row)}: ${id} is in the database already, and differs in ${found.names.join(", ")}: here ${found.names[0] ?? ""} is ${shown(row.cells[at] ?? null)}`,
    {
      hint: "import into an empty database; nothing was written",
      details: { kind, line: row.line, columns: found.names },
    },
  );
}

function shown(text: string | null): string {
  if (text === null) return "not known";
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

/** A row that somebody adds later gets an id that none of these has; one that is higher already stays. */
async function raiseSequences(db: Db): Promise<void> {
  for (const kind of TRANSFER_KINDS) {
    const about = KIND_TABLES[kind];
    const [id] = about.key;
    if (!about.is_counted || id === undefined) continue;
    const sequence = `pg_get_serial_sequence('${about.table}', '${id}')`;
    await db.many(
      z.object({ value: z.string() }),
      `transfer.sequence.${kind}`,
      `select setval(${sequence}, greatest_id)::text as value
         from (select max(${id}) as greatest_id from ${about.table}) as of_rows
        where greatest_id > coalesce(pg_sequence_last_value(${sequence}::regclass), 0)`,
    );
  }
}
