import type { Command } from "commander";
import type { Database, MigrationReport, MigrationStatus } from "@stratctl/sdk/internal";
import type { Deps } from "../deps.ts";
import { deliver } from "../output.ts";
import { examples, type Act } from "./command.ts";

export function addDb(program: Command, act: Act): void {
  const db = program.command("db").description("the database: the built-in one, or that of --url");

  db.command("start")
    .description("start the built-in database; commands do so themselves when they need it")
    .addHelpText("after", examples(["stratctl db start"]))
    .action(act((deps) => runStart(deps)));

  db.command("stop")
    .description("stop the built-in database, and whoever is connected to it")
    .addHelpText("after", examples(["stratctl db stop"]))
    .action(act((deps) => runStop(deps)));

  db.command("status")
    .description("which database is used, whether it runs, and whether its tables are up to date")
    .addHelpText("after", examples(["stratctl db status"], ["stratctl db status --json"]))
    .action(act((deps) => runStatus(deps)));

  db.command("url")
    .description("print the database's URL, for psql and for other programs; the built-in one is started")
    .addHelpText("after", examples(['psql "$(stratctl db url)"']))
    .action(act((deps) => runUrl(deps)));

  db.command("migrate")
    .description("bring a database's tables up to date; those of an older system are adopted with --yes")
    .option("--yes", "adopt the older system's tables as the plan says")
    .addHelpText(
      "after",
      examples(
        ["stratctl db migrate --url postgres://stratctl@db.example/stratctl"],
        ["stratctl db migrate --yes", "after reading the plan that it printed"],
      ),
    )
    .action(act((deps, given) => runMigrate(deps, { yes: given.isSet("yes") })));

  db.command("backup")
    .description("copy the built-in database into a new folder, while it is used")
    .argument("<folder>", "one that is not there yet")
    .addHelpText(
      "after",
      examples(
        ["stratctl db backup /backup/stratctl-2025-11-03"],
        ["STRATCTL_DATA=/backup/stratctl-2025-11-03 stratctl account list", "a backup is a folder like any other of the built-in database"],
      ),
    )
    .action(act((deps, given) => runBackup(deps, { folder: given.argument(0) ?? "" })));
}

export async function runBackup(deps: Deps, { folder }: { folder: string }): Promise<void> {
  const { backupEmbedded, databaseUrl, StratctlError } = await import("@stratctl/sdk/internal");
  if (databaseUrl(await deps.settings()) !== null)
    throw new StratctlError("url_invalid", "this copies the built-in database, and the URL is that of another", {
      hint: "a database by URL is copied by Postgres' own: pg_dump --format=custom --file=stratctl.dump <its url>",
    });
  const report = await backupEmbedded(folder, { signal: deps.signal });
  await deliver(deps, {
    data: report,
    rows: [{ ...report }],
    fields: ["folder", "file_count", "byte_count"],
    view: () => `${report.folder} · ${report.file_count} files · ${Math.ceil(report.byte_count / 1_000_000)} MB`,
  });
}

interface StatusRow {
  readonly database: "built-in" | "by url";
  /** Without a password. */
  readonly address: string;
  /** Of the built-in one: absent, stopped or running. */
  readonly server: string;
  /** Of the tables; null where the server does not run. */
  readonly tables: MigrationStatus["state"] | null;
  readonly applied: readonly string[];
  readonly pending: readonly string[];
  readonly timescaledb: string | null;
}

const STATUS_FIELDS = [
  "database",
  "address",
  "server",
  "tables",
  "applied",
  "pending",
  "timescaledb",
] as const satisfies (keyof StatusRow)[];

export async function runStart(deps: Deps): Promise<void> {
  const { ensureEmbedded } = await import("@stratctl/sdk/internal");
  await ensureEmbedded({ signal: deps.signal });
  await deliverStatus(deps, await builtinStatus(deps));
}

export async function runStop(deps: Deps): Promise<void> {
  const { stopEmbedded } = await import("@stratctl/sdk/internal");
  const wasRunning = await stopEmbedded({ signal: deps.signal });
  if (deps.screen.isTerminal && !wasRunning) deps.screen.note("it did not run\n");
  await deliverStatus(deps, await builtinStatus(deps));
}

export async function runStatus(deps: Deps): Promise<void> {
  const { databaseUrl } = await import("@stratctl/sdk/internal");
  const url = databaseUrl(await deps.settings());
  await deliverStatus(deps, url === null ? await builtinStatus(deps) : await statusByUrl(deps));
}

export async function runUrl(deps: Deps): Promise<void> {
  const { databaseUrl, ensureEmbedded } = await import("@stratctl/sdk/internal");
  const url = databaseUrl(await deps.settings()) ?? (await ensureEmbedded({ signal: deps.signal })).url;
  deps.screen.print(deps.output.format === "json" ? `${JSON.stringify(url)}\n` : `${url}\n`);
}

export async function runMigrate(deps: Deps, { yes }: { yes: boolean }): Promise<void> {
  const { migrate, migrationPlan, migrationStatus, openDatabase } = await import("@stratctl/sdk/internal");
  const { url } = await deps.settings();
  const database = await openDatabase({ url, signal: deps.signal }, { as_it_is: true });
  try {
    const plan = await migrationPlan(database);
    const isOlder = (await migrationStatus(database)).state === "older";
    const adopt = isOlder && (yes || (await confirmed(deps, plan)));
    const report = await migrate(database, { adopt });
    await deliverReport(deps, database, report);
  } finally {
    await database.close();
  }
}

/** Somebody else's tables are changed only by who has seen what will be done to them. */
async function confirmed(deps: Deps, plan: readonly string[]): Promise<boolean> {
  if (deps.output.format !== "json") deps.screen.note(plan.map((line) => `  ${line}\n`).join(""));
  const ask = await deps.ask();
  if (ask !== null && (await ask.confirm({ message: "Adopt the tables of the older system like this?", initial: false }))) return true;
  const { StratctlError } = await import("@stratctl/sdk");
  throw new StratctlError("confirmation_required", "the database has the tables of an older system; nothing was changed", {
    hint: "to adopt them as planned: stratctl db migrate --yes",
    details: { plan },
  });
}

async function deliverReport(deps: Deps, { address }: Database, { applied, adopted }: MigrationReport): Promise<void> {
  const rows = [...adopted.map((line) => ({ done: "adopted", what: line })), ...applied.map((name) => ({ done: "applied", what: name }))];
  await deliver(deps, {
    data: { applied, adopted },
    rows,
    fields: ["done", "what"],
    view: () => (rows.length === 0 ? `${address} is up to date` : rows.map(({ done, what }) => `${done}  ${what}`).join("\n")),
  });
}

async function builtinStatus({ signal }: Deps): Promise<StatusRow> {
  const { embeddedStatus } = await import("@stratctl/sdk/internal");
  const { folder, state, url } = await embeddedStatus({ signal });
  const tables = url === null ? null : await tablesOf(url);
  return { database: "built-in", address: folder, server: state, ...NO_TABLES, ...tables };
}

async function statusByUrl({ settings, signal }: Deps): Promise<StatusRow> {
  const { databaseUrl, openDatabase } = await import("@stratctl/sdk/internal");
  const { url } = await settings();
  const database = await openDatabase({ url, signal }, { as_it_is: true });
  const { address } = database;
  await database.close();
  return { database: "by url", address, server: "running", ...NO_TABLES, ...(await tablesOf(databaseUrl({ url }) ?? "")) };
}

const NO_TABLES = { tables: null, applied: [], pending: [], timescaledb: null } as const;

async function tablesOf(url: string): Promise<Pick<StatusRow, "tables" | "applied" | "pending" | "timescaledb">> {
  const { migrationStatus, openDatabase } = await import("@stratctl/sdk/internal");
  const database = await openDatabase({ url }, { as_it_is: true });
  try {
    const { state, applied, pending, timescaledb } = await migrationStatus(database);
    return { tables: state, applied, pending, timescaledb };
  } finally {
    await database.close();
  }
}

async function deliverStatus(deps: Deps, status: StatusRow): Promise<void> {
  await deliver(deps, { data: status, rows: [{ ...status }], fields: STATUS_FIELDS, view: () => statusCard(status) });
}

function statusCard({ database, address, server, tables, applied, pending, timescaledb }: StatusRow): string {
  const state = {
    empty: "no tables yet: stratctl db migrate",
    current: `up to date, ${applied.at(-1) ?? ""}`,
    behind: `behind by ${pending.join(", ")}: stratctl db migrate`,
    newer: `newer than this version of stratctl, ${applied.at(-1) ?? ""}`,
    older: "those of an older system: stratctl db migrate shows what adopting them would do",
    foreign: "some of the same names that are not stratctl's",
  };
  return [
    `${database === "built-in" ? "built-in database" : "database"} · ${address} · ${server}`,
    ...(tables === null ? [] : [` tables ${state[tables]}`, ` TimescaleDB ${timescaledb ?? "not installed: candles are a plain table"}`]),
  ].join("\n");
}
