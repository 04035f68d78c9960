import { access, mkdir, mkdtemp, open, rename, rm, type FileHandle } from "node:fs/promises";
import { join, resolve } from "node:path";
import { StratctlError } from "../errors.ts";
import type { Database, RowTexts } from "../store/db.ts";
import { exported } from "../store/transfer.ts";
import { TRANSFER_KINDS, type TransferKind } from "../store/transfer-kinds.ts";
import { cellOf, columnsOf } from "./cell.ts";
import { csvLine } from "./csv.ts";
import { CONTENTS, contentsOf, csvFile, endLine, type Counts } from "./contents.ts";
import { jsonLine } from "./json-lines.ts";
import { fileError } from "./text-file.ts";

export interface ExportOptions {
  /** What is made: it must not be there yet. */
  readonly path: string;
  /** `csv`: a folder with a file a kind; `json`: one file, a row a line. */
  readonly form: "csv" | "json";
  readonly strategy_ids: readonly number[];
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes the rows of these strategies and of their accounts, as they are at one instant. What is at `path` afterwards is whole; it is
 * for its owner alone. Gives how many rows of each kind there are. Rejects with file_unusable.
 */
export async function exportTo(database: Database, { path, form, strategy_ids, signal }: ExportOptions): Promise<Counts> {
  const target = resolve(path);
  await refuseExisting(target, path);
  const made = await mkdtemp(`${target}.`).catch((error: unknown) => {
    throw fileError(error, path, "write");
  });
  try {
    const inside = join(made, "export");
    const writer = form === "csv" ? await folderWriter(inside) : await lineWriter(inside);
    const counts = new Map<TransferKind, number>(TRANSFER_KINDS.map((kind) => [kind, 0]));
    try {
      await exported(database, strategy_ids, async ({ kind, rows }) => {
        signal?.throwIfAborted();
        counts.set(kind, (counts.get(kind) ?? 0) + rows.length);
        await writer.write(kind, rows);
      });
      await writer.end(counts);
    } finally {
      await writer.close();
    }
    await rename(inside, target);
    return counts;
  } catch (error) {
    throw fileError(error, path, "write");
  } finally {
    await rm(made, { recursive: true, force: true });
  }
}

async function refuseExisting(target: string, path: string): Promise<void> {
  const is_there = await access(target).then(
    () => true,
    () => false,
  );
  if (is_there) throw new StratctlError("file_unusable", `${path} is there already`, { hint: "name another one, or remove it" });
}

interface Writer {
  write(kind: TransferKind, rows: readonly RowTexts[]): Promise<void>;
  end(counts: Counts): Promise<void>;
  close(): Promise<void>;
}

async function folderWriter(folder: string): Promise<Writer> {
  await mkdir(folder, { mode: 0o700 });
  const files = new Map<TransferKind, FileHandle>();
  const close = async (): Promise<void> => {
    await Promise.all([...files.values()].map((file) => file.close()));
  };
  for (const kind of TRANSFER_KINDS) {
    const file = await open(join(folder, csvFile(kind)), "wx", 0o600);
    files.set(kind, file);
    await file.writeFile(csvLine(columnsOf(kind).map(({ name }) => name)));
  }
  return {
    async write(kind, rows) {
      const columns = columnsOf(kind);
      const lines = rows.map((row) => csvLine(columns.map(({ form }, at) => cellOf(row[at] ?? null, form))));
      await files.get(kind)?.writeFile(lines.join(""));
    },
    async end(counts) {
      for (const file of files.values()) await file.sync();
      const contents = await open(join(folder, CONTENTS), "wx", 0o600);
      await contents.writeFile(contentsOf(counts));
      await contents.close();
    },
    close,
  };
}

async function lineWriter(path: string): Promise<Writer> {
  const file = await open(path, "wx", 0o600);
  return {
    write: (kind, rows) => file.writeFile(rows.map((row) => jsonLine(kind, row)).join("")),
    async end(counts) {
      await file.writeFile(endLine(counts));
      await file.sync();
    },
    close: () => file.close(),
  };
}
