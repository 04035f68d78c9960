import { createReadStream, createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { once } from "node:events";
import type { Command } from "commander";
import type { TransferReport, TransferRow } from "@stratctl/sdk/internal";
import type { Deps } from "../deps.ts";
import { deliver } from "../output.ts";
import { examples, type Act } from "./command.ts";
import { neededStrategy } from "./missing.ts";

const FIELDS = ["table", "added", "unchanged"] as const satisfies (keyof TransferReport)[];

export function addTransfer(program: Command, act: Act): void {
  program
    .command("export")
    .description("write strategies with legs, fills, candles and metrics to a file")
    .argument("<file>", "one that is not there yet; JSON, a row a line")
    .argument("[strategy...]", "ids or whole names; left out: all of the account, archived ones too")
    .addHelpText(
      "after",
      `\nEvery amount has all its digits. For a spreadsheet each noun has rows of its
own: leg list, fill list, m2m and metrics with --csv.
${examples(["stratctl export desk.jsonl"], ["stratctl export condor.jsonl condor"])}`,
    )
    .action(act((deps, given) => runExport(deps, { file: given.argument(0) ?? "", strategies: given.all.slice(1) })));

  program
    .command("import")
    .description("bring an export into the database: each row by its id, all of them or none")
    .argument("<file>", "as export wrote it")
    .option("--dry-run", "say what would come, and write nothing")
    .addHelpText("after", examples(["stratctl import desk.jsonl --dry-run"], ["stratctl import desk.jsonl", "again changes nothing"]))
    .action(act((deps, given) => runImport(deps, { file: given.argument(0) ?? "", dryRun: given.isSet("dryRun") })));
}

export async function runExport(deps: Deps, { file, strategies }: { file: string; strategies: readonly string[] }): Promise<void> {
  const { exported, openDatabase } = await import("@stratctl/sdk/internal");
  const { url } = await databaseOf(deps, "export");
  const api = await deps.connect();
  const chosen: number[] = [];
  for (const named of strategies) chosen.push((await neededStrategy(deps, named, "stratctl export desk.jsonl condor")).strategy_id);
  const ids =
    strategies.length > 0 ? chosen : (await api.strategies.list({}, { signal: deps.signal })).map(({ strategy_id }) => strategy_id);
  const database = await openDatabase({ url, signal: deps.signal });
  const counts = new Map<string, number>();
  try {
    await written(file, exported(database, ids), (table) => counts.set(table, (counts.get(table) ?? 0) + 1));
  } finally {
    await database.close();
  }
  const rows = [...counts].map(([table, added]) => ({ table, rows: added }));
  await deliver(deps, {
    data: { file, tables: rows },
    rows,
    fields: ["table", "rows"],
    view: () => `${file}: ${rows.map(({ table, rows: count }) => `${count} of ${table}`).join(", ")}`,
  });
}

/** Under another name until it is whole. Rejects with file_unusable where it is there already. */
async function written(file: string, rows: AsyncIterable<TransferRow>, onRow: (table: string) => void): Promise<void> {
  const { StratctlError } = await import("@stratctl/sdk");
  const { access } = await import("node:fs/promises");
  const is_there = await access(file).then(
    () => true,
    () => false,
  );
  if (is_there) throw new StratctlError("file_unusable", `${file} is there already`, { hint: "name another file, or remove it" });
  const part = `${file}.part`;
  const stream = createWriteStream(part, { mode: 0o600 });
  try {
    const opened = once(stream, "open");
    await opened;
    for await (const { table, row } of rows) {
      onRow(table);
      if (!stream.write(`{"table":${JSON.stringify(table)},"row":${row}}\n`)) await once(stream, "drain");
    }
    stream.end();
    await once(stream, "close");
    await rename(part, file);
  } catch (error) {
    stream.destroy();
    await rm(part, { force: true });
    if (error instanceof StratctlError) throw error;
    throw new StratctlError("file_unusable", `${file} cannot be written (${error instanceof Error ? error.message : String(error)})`, {
      cause: error,
    });
  }
}

export async function runImport(deps: Deps, { file, dryRun }: { file: string; dryRun: boolean }): Promise<void> {
  const { imported, openDatabase } = await import("@stratctl/sdk/internal");
  const { url } = await databaseOf(deps, "import");
  const database = await openDatabase({ url, signal: deps.signal });
  try {
    const report = await imported(database, rowsOf(file), { dry_run: dryRun });
    const said = dryRun ? "would be added" : "added";
    await deliver(deps, {
      data: report,
      rows: report.map((row) => ({ ...row })),
      fields: FIELDS,
      view: () => report.map(({ table, added, unchanged }) => `${table}: ${added} ${said}, ${unchanged} there already`).join("\n"),
    });
  } finally {
    await database.close();
  }
}

async function* rowsOf(file: string): AsyncGenerator<TransferRow, void, undefined> {
  const [{ TRANSFER_TABLES }, { StratctlError }] = await Promise.all([import("@stratctl/sdk/internal"), import("@stratctl/sdk")]);
  const lines = createInterface({ input: createReadStream(file), crlfDelay: Infinity });
  let place = 0;
  try {
    for await (const line of lines) {
      place += 1;
      if (line.trim() === "") continue;
      const [, name = "", row = ""] = /^\{"table":"(\w+)","row":(\{.*\})\}$/.exec(line) ?? [];
      const table = TRANSFER_TABLES.safeParse(name);
      if (!table.success)
        throw new StratctlError("file_unusable", `${file}:${place} is no row of an export`, {
          hint: "import takes what stratctl export wrote",
        });
      yield { table: table.data, row };
    }
  } catch (error) {
    if (error instanceof StratctlError) throw error;
    throw new StratctlError("file_unusable", `${file} cannot be read (${error instanceof Error ? error.message : String(error)})`, {
      cause: error,
    });
  }
}

/** Rows go from table to table: a server is asked for what its calls tell, and takes none. */
async function databaseOf(deps: Deps, what: string): Promise<{ url: string | undefined }> {
  const { isServerUrl, StratctlError } = await import("@stratctl/sdk/internal");
  const { url } = await deps.settings();
  if (url !== undefined && isServerUrl(url))
    throw new StratctlError("url_invalid", `${what} works on a database, and the URL is a server's`, {
      hint: "run it where the database is, or give --url postgres://…",
    });
  return { url };
}
