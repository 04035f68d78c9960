import type { Command } from "commander";
import type { TransferReport } from "@stratctl/sdk/internal";
import type { Deps } from "../deps.ts";
import { deliver } from "../output.ts";
import { examples, type Act } from "./command.ts";
import { neededStrategy } from "./missing.ts";

const EXPORTED = ["kind", "rows"] as const;
const IMPORTED = ["kind", "added", "unchanged"] as const satisfies (keyof TransferReport)[];

export function addTransfer(program: Command, act: Act): void {
  program
    .command("export")
    .description("write strategies with legs, fills, candles and metrics to files")
    .argument("<path>", "what is made, not there yet: a file of JSON, a row a line; with --csv a folder")
    .argument("[strategy...]", "ids or whole names; left out: all of the account, archived ones too")
    .addHelpText(
      "after",
      `\nEvery amount has all its digits. docs/transfer.md has the files.
${examples(
  ["stratctl export desk.jsonl"],
  ["stratctl export desk --csv", "a folder with a file a kind, for a spreadsheet"],
  ["stratctl export condor.jsonl condor"],
  ["stratctl export desk.jsonl --account XJ4540"],
)}`,
    )
    .action(act((deps, given) => runExport(deps, { path: given.argument(0) ?? "", strategies: given.all.slice(1) })));

  program
    .command("import")
    .description("bring an export into the database: each row by its id, all of them or none")
    .argument("<path>", "as export made it: a file of JSON lines, or a folder of CSV")
    .option("--dry-run", "say what would come, and write nothing")
    .addHelpText("after", examples(["stratctl import desk.jsonl --dry-run"], ["stratctl import desk.jsonl", "again changes nothing"]))
    .action(act((deps, given) => runImport(deps, { path: given.argument(0) ?? "", dryRun: given.isSet("dryRun") })));
}

/** What is under way is undone when somebody stops it. */
const GRACE_MS = 5_000;

export async function runExport(deps: Deps, { path, strategies }: { path: string; strategies: readonly string[] }): Promise<void> {
  const [{ databaseUrl, exportTo, openDatabase }, { grouped }] = await Promise.all([
    import("@stratctl/sdk/internal"),
    import("../terminal/format.ts"),
  ]);
  const { url } = await deps.settings();
  databaseUrl({ url }); // a server is refused before it is asked about strategies
  const strategy_ids = await chosen(deps, strategies);
  const database = await openDatabase({ url, signal: deps.signal });
  deps.takeTime({ grace_ms: GRACE_MS, isEndless: false });
  try {
    const form = deps.output.format === "csv" ? "csv" : "json";
    const counts = await exportTo(database, { path, form, strategy_ids, signal: deps.signal });
    const rows = [...counts].map(([kind, count]) => ({ kind, rows: count }));
    // --csv is how the files are, not how this is told.
    const output = { ...deps.output, format: form === "csv" ? "auto" : deps.output.format } as const;
    await deliver(
      { ...deps, output },
      { data: { path, kinds: rows }, rows, fields: EXPORTED, view: () => `${path}: ${told(rows, grouped)}` },
    );
  } finally {
    await database.close();
  }
}

function told(rows: readonly { kind: string; rows: number }[], digits: (digits: string) => string): string {
  return rows
    .filter(({ rows: count }) => count > 0)
    .map(({ kind, rows: count }) => `${kind} ${digits(String(count))}`)
    .join(", ");
}

async function chosen(deps: Deps, strategies: readonly string[]): Promise<number[]> {
  const ids = new Set<number>();
  for (const named of strategies) ids.add((await neededStrategy(deps, named, "stratctl export desk.jsonl condor")).strategy_id);
  if (strategies.length > 0) return [...ids];
  const api = await deps.connect();
  return (await api.strategies.list({}, { signal: deps.signal })).map(({ strategy_id }) => strategy_id);
}

export async function runImport(deps: Deps, { path, dryRun }: { path: string; dryRun: boolean }): Promise<void> {
  const [{ databaseUrl, importFrom, openDatabase }, { grouped }] = await Promise.all([
    import("@stratctl/sdk/internal"),
    import("../terminal/format.ts"),
  ]);
  const { url } = await deps.settings();
  databaseUrl({ url });
  const database = await openDatabase({ url, signal: deps.signal });
  deps.takeTime({ grace_ms: GRACE_MS, isEndless: false });
  try {
    const report = await importFrom(database, { path, dry_run: dryRun, signal: deps.signal });
    const said = dryRun ? "would be added" : "added";
    const lines = report
      .filter(({ added, unchanged }) => added + unchanged > 0)
      .map(({ kind, added, unchanged }) => `${kind}: ${grouped(String(added))} ${said}, ${grouped(String(unchanged))} there already`);
    await deliver(deps, {
      data: report,
      rows: report.map((row) => ({ ...row })),
      fields: IMPORTED,
      view: () => (dryRun ? [...lines, "nothing was written"] : lines).join("\n"),
    });
  } finally {
    await database.close();
  }
}
