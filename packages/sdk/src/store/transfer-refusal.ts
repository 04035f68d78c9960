import { z } from "zod";
import { StratctlError } from "../errors.ts";
import type { Db, RowTexts } from "./db.ts";
import type { KindTable } from "./transfer-kinds.ts";

interface Refused {
  readonly table: KindTable;
  readonly cells: RowTexts;
  /** File and line. */
  readonly place: string;
  readonly error: StratctlError;
}

/** What another row of the database has already, by the name of the constraint. */
const TAKEN: Readonly<Record<string, { readonly names: readonly string[]; readonly what: string; readonly hint: string }>> = {
  strategy_name_key: {
    names: ["name"],
    what: "another active strategy of that account has the name",
    hint: "rename or archive one of the two",
  },
  strategy_default_key: {
    names: ["account_id"],
    what: "the account has a default strategy already, which holds something or was edited",
    hint: "import into a database without that account, or export the other strategies by name",
  },
  trading_account_aliases_key: {
    names: ["account_id", "aliases"],
    what: "one of these names is another account's",
    hint: "give the account other aliases",
  },
  strategy_fills_external_key: {
    names: ["external_id"],
    what: "another fill of that leg has the broker's id",
    hint: "a trade counts once in an account",
  },
};

/** A row that the database refused, alone: its place, what of it, and why. */
export async function refusedRow(db: Db, { table, cells, place, error }: Refused): Promise<StratctlError> {
  const constraint = z.string().catch("").parse(error.details["constraint"]);
  const value = (name: string): string => {
    const cell = cells[table.columns.findIndex((column) => column.name === name)] ?? null;
    return `${name} ${cell === null ? "(empty)" : JSON.stringify(cell)}`;
  };
  const taken = TAKEN[constraint];
  if (taken !== undefined) {
    const { names, what, hint } = taken;
    return new StratctlError("import_differs", `${place}: ${names.map(value).join(", ")}: ${what}`, { hint, cause: error });
  }
  const refused = (what: string): StratctlError =>
    new StratctlError("file_unusable", `${place}: ${what}`, { hint: "nothing was written; put that line right", cause: error });
  const rule = constraint === "" ? null : await ruleOf(db, constraint);
  if (rule === null) return refused(error.message);
  const words = new Set(rule.match(/\w+/g));
  const named = table.columns.filter(({ column }) => words.has(column)).map(({ name }) => name);
  if (rule.startsWith("FOREIGN KEY")) return refused(`${value(named[0] ?? "")} is neither here nor in the database`);
  return refused(`${named.map(value).join(", ")} breaks the rule ${readable(rule)}`);
}

async function ruleOf(db: Db, constraint: string): Promise<string | null> {
  const row = await db.maybeOne(
    z.object({ rule: z.string() }),
    "transfer.rule",
    "select pg_get_constraintdef(oid) as rule from pg_constraint where conname = $1 and connamespace = current_schema()::regnamespace limit 1",
    [constraint],
  );
  return row?.rule ?? null;
}

/** Without what Postgres adds for itself: `CHECK ((quantity > 0))` is `quantity > 0`. */
function readable(rule: string): string {
  return rule
    .replace(/^CHECK \(\((.*)\)\)$/s, "$1")
    .replaceAll(/'(\d+)'::bigint/g, "$1")
    .replaceAll(/::(text|numeric|bigint)(\[\])?/g, "");
}
