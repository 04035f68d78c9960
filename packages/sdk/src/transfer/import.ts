import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { StratctlError } from "../errors.ts";
import type { Database } from "../store/db.ts";
import { imported, type TransferReport, type TransferRow } from "../store/transfer.ts";
import { TRANSFER_KINDS, type TransferKind } from "../store/transfer-kinds.ts";
import { columnsOf, faultOf, type Cell } from "./cell.ts";
import { CONTENTS, Contents, csvFile } from "./contents.ts";
import { CsvFault, CsvReader, type CsvRecord } from "./csv.ts";
import { readJsonLine } from "./json-lines.ts";
import { fileError, piecesOf } from "./text-file.ts";

export interface ImportFromOptions {
  /** What an export made: a folder, or a file of JSON lines. */
  readonly path: string;
  /** Says what would come, and writes nothing. */
  readonly dry_run: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Brings an export into a database: each row by its key, all of them or none; again changes nothing. Rows are read as they are
 * written. Rejects with file_unusable where the export is not whole or a value is none, with import_differs where the database says
 * something else; both name file, line and column.
 */
export async function importFrom(database: Database, { path, dry_run, signal }: ImportFromOptions): Promise<TransferReport[]> {
  const found = await stat(path).catch((error: unknown) => {
    throw fileError(error, path, "read");
  });
  if (!found.isFile() && !found.isDirectory())
    throw new StratctlError("file_unusable", `${path} is neither a file nor a folder`, { hint: "write it to a file first" });
  const is_folder = found.isDirectory();
  const fileOf = (kind: TransferKind): string => (is_folder ? join(path, csvFile(kind)) : path);
  return imported(database, within(is_folder ? folderRows(path) : lineRows(path), signal), {
    dry_run,
    place: ({ kind, line }) => `${fileOf(kind)}:${line}`,
  });
}

async function* within(rows: AsyncIterable<TransferRow>, signal: AbortSignal | undefined): AsyncGenerator<TransferRow, void, undefined> {
  for await (const row of rows) {
    signal?.throwIfAborted();
    yield row;
  }
}

function unusable(place: string, what: string, hint?: string): StratctlError {
  return new StratctlError("file_unusable", `${place}: ${what}`, { hint: hint ?? "nothing was written; put that line right" });
}

const CUT = "the export was cut short, or rows were removed; export again, or give the number that is right";

async function* folderRows(folder: string): AsyncGenerator<TransferRow, void, undefined> {
  const counts = await contentsIn(folder);
  for (const kind of TRANSFER_KINDS) {
    const file = join(folder, csvFile(kind));
    let count = 0;
    let read: ((record: CsvRecord) => TransferRow) | null = null;
    for await (const record of recordsOf(file)) {
      if (read === null) {
        read = rowReader(kind, file, record);
        continue;
      }
      count += 1;
      yield read(record);
    }
    if (read === null) throw unusable(file, "is empty, and has no header", "export again: the file was cut short");
    const due = counts[kind];
    if (count !== due) throw unusable(file, `rows: ${count}, and ${CONTENTS} says ${due ?? "nothing"}`, CUT);
  }
}

async function contentsIn(folder: string): Promise<Partial<Record<TransferKind, number>>> {
  const file = join(folder, CONTENTS);
  const text = await readFile(file, "utf8").catch((error: unknown) => {
    if (error instanceof Error && "code" in error && error.code === "ENOENT")
      throw unusable(folder, `has no ${CONTENTS}: it is no export, or one that was cut short`, "import takes what stratctl export made");
    throw fileError(error, file, "read");
  });
  try {
    return checkedEnd(file, JSON.parse(text));
  } catch (error) {
    throw error instanceof StratctlError ? error : unusable(file, "is not JSON", "import takes what stratctl export made");
  }
}

function checkedEnd(place: string, given: unknown): Partial<Record<TransferKind, number>> {
  const contents = Contents.safeParse(given);
  if (contents.success) return contents.data.rows;
  throw unusable(place, 'is not {"stratctl_export":1,"rows":{…}}', "import takes what this version of stratctl exports");
}

async function* recordsOf(file: string): AsyncGenerator<CsvRecord, void, undefined> {
  const reader = new CsvReader();
  try {
    for await (const piece of piecesOf(file)) yield* reader.read(piece);
    reader.end();
  } catch (error) {
    throw error instanceof CsvFault ? unusable(`${file}:${error.line}`, error.message) : error;
  }
}

/** Columns by their names, in any order. */
function rowReader(kind: TransferKind, file: string, header: CsvRecord): (record: CsvRecord) => TransferRow {
  const names = header.cells.map((name) => name ?? "");
  const places = placesOf(kind, names, `${file}:${header.line}`);
  return ({ line, cells }) => {
    if (cells.length !== names.length) throw unusable(`${file}:${line}`, `${cells.length} fields where the header has ${names.length}`);
    return checkedRow({ kind, line, cells: places.map((place) => cells[place] ?? null) }, file);
  };
}

/** Where each column of the kind stands among the names. */
function placesOf(kind: TransferKind, names: readonly string[], place: string): number[] {
  const columns = columnsOf(kind);
  if (names.length === columns.length && columns.every(({ name }, at) => name === names[at])) return columns.map((_, at) => at);
  const missing = columns.filter(({ name }) => !names.includes(name)).map(({ name }) => name);
  const strange = names.filter((name, at) => names.indexOf(name) !== at || !columns.some((column) => column.name === name));
  const hint = `${kind} have the columns ${columns.map(({ name }) => name).join(", ")}`;
  if (missing.length > 0) throw unusable(place, `no column ${missing.join(", ")}`, hint);
  if (strange.length > 0)
    throw unusable(place, `column ${strange.map((name) => JSON.stringify(name)).join(", ")} is not known, or there twice`, hint);
  return columns.map(({ name }) => names.indexOf(name));
}

function checkedRow(row: TransferRow, file: string): TransferRow {
  const columns = columnsOf(row.kind);
  // A spreadsheet may put quotes around nothing.
  const cells = row.cells.map((cell, at) => (cell === "" && columns[at]?.form !== "text" ? null : cell));
  for (const [at, column] of columns.entries()) {
    const cell = cells[at] ?? null;
    const fault = faultOf(cell, column);
    if (fault === null) continue;
    const value = cell === null ? "" : ` ${JSON.stringify(cell.length > 60 ? `${cell.slice(0, 60)}…` : cell)}`;
    throw unusable(`${file}:${row.line}`, `${column.name}${value} ${fault}`);
  }
  return { ...row, cells };
}

/** The rows of a file of JSON lines, whose last line says how many of each kind there are. */
async function* lineRows(file: string): AsyncGenerator<TransferRow, void, undefined> {
  const counts = new Map<TransferKind, number>();
  let due: Partial<Record<TransferKind, number>> | null = null;
  let line = 0;
  let rest = "";
  for await (const piece of piecesOf(file)) {
    const lines = (rest + piece).split("\n");
    rest = lines.pop() ?? "";
    for (const text of lines) {
      line += 1;
      if (text.trim() === "") continue;
      const place = `${file}:${line}`;
      if (due !== null) throw unusable(place, "stands behind the line that ends the export", "import one export at a time");
      const read = readJsonLine(text);
      if ("fault" in read) throw unusable(place, read.fault, "import takes what stratctl export made");
      if ("end" in read) due = checkedEnd(place, read.end);
      else {
        counts.set(read.kind, (counts.get(read.kind) ?? 0) + 1);
        yield checkedRow({ kind: read.kind, line, cells: cellsIn(read, place) }, file);
      }
    }
  }
  if (due === null)
    throw unusable(file, "does not end with the line that says how many rows there are", "export again: the file was cut short");
  for (const kind of TRANSFER_KINDS) {
    const count = counts.get(kind) ?? 0;
    if (count !== due[kind]) throw unusable(file, `rows of ${kind}: ${count}, and its last line says ${due[kind] ?? "nothing"}`, CUT);
  }
}

function cellsIn({ kind, cells }: { kind: TransferKind; cells: ReadonlyMap<string, Cell> }, place: string): Cell[] {
  const names = [...cells.keys()];
  placesOf(kind, names, place);
  return columnsOf(kind).map(({ name }) => cells.get(name) ?? null);
}
