import { z } from "zod";
import type { Db } from "../db.ts";
import {
  KNOWN_008,
  KNOWN_023,
  KNOWN_CONSTRAINTS,
  KNOWN_INDEXES,
  KNOWN_TRIGGERS,
  KNOWN_VIEWS,
  SIGNS_OF_023,
  SIGNS_OF_024,
  type KnownTable,
} from "./known.ts";

export type Generation = "008" | "023" | "024";

/**
 * Tables of the system that stratctl replaces, in a database without migrations of ours: none of them; one of its known
 * states, by the last migration that it had; or something else that has their names, with what differs, a line each.
 */
export type OlderTables =
  | { readonly state: "none" }
  | { readonly state: "older"; readonly generation: Generation }
  | { readonly state: "foreign"; readonly differences: readonly string[] };

/** Names that the tables and views of ours, and of an adoption, need. */
const NAMES = [
  "trading_account",
  "strategy",
  "strategy_instruments",
  "strategy_m2m_candles",
  "strategy_pnl_metrics",
  "strategy_mark",
  "last_quote",
  "strategy_legs",
  "strategy_pnl_candles",
  "strategy_instruments_refused",
  "strategy_m2m_candles_old",
];

/** Looks, and changes nothing. */
export async function olderTables(db: Db): Promise<OlderTables> {
  const relations = await db.many(Relation, "adopt.relations", RELATIONS, [NAMES]);
  if (relations.length === 0) return { state: "none" };
  const columns = await db.many(Column, "adopt.columns", COLUMNS, [NAMES]);
  const has = (table: string, names: readonly string[]): boolean =>
    columns.some((column) => column.table === table && names.includes(column.name));
  const is008 = !has("strategy", SIGNS_OF_023) && !relations.some(({ name }) => name in KNOWN_023 && !(name in KNOWN_008));
  const known = is008 ? KNOWN_008 : KNOWN_023;
  const differences = [
    ...tableDifferences(known, relations),
    ...columnDifferences(known, columns),
    ...(await db.many(Line, "adopt.strangers", STRANGERS, [Object.keys(known), KNOWN_TRIGGERS, KNOWN_VIEWS, KNOWN_INDEXES])).map(
      ({ line }) => line,
    ),
    ...(await constraintDifferences(db, known)),
  ];
  if (differences.length > 0) return (await adoptedMeanwhile(db)) ? { state: "none" } : { state: "foreign", differences };
  if (is008) return { state: "older", generation: "008" };
  return { state: "older", generation: has("strategy_instruments", SIGNS_OF_024) ? "024" : "023" };
}

/** Looks come one after the other: another process may have adopted the tables between two of them. */
async function adoptedMeanwhile(db: Db): Promise<boolean> {
  const { adopted } = await db.one(
    z.object({ adopted: z.boolean() }),
    "adopt.meanwhile",
    "select to_regclass('stratctl_migration') is not null as adopted",
  );
  return adopted;
}

const Relation = z.object({ name: z.string(), kind: z.string() });
const Column = z.object({ table: z.string(), name: z.string(), type: z.string() });
const Constraint = z.object({ table: z.string(), name: z.string(), definition: z.string().nullable() });
const Line = z.object({ line: z.string() });

type Known = Readonly<Record<string, KnownTable>>;

function tableDifferences(known: Known, relations: readonly z.output<typeof Relation>[]): string[] {
  const missing = Object.keys(known).filter((table) => !relations.some(({ name }) => name === table));
  return [
    ...missing.map((table) => `table ${table} is missing`),
    ...relations.filter(({ name }) => !(name in known)).map(({ name }) => `${name} is not of that system`),
    ...relations.filter(({ name, kind }) => name in known && kind !== "r").map(({ name }) => `${name} is not a plain table`),
  ];
}

function columnDifferences(known: Known, columns: readonly z.output<typeof Column>[]): string[] {
  return Object.entries(known).flatMap(([table, { must, may }]) => {
    const found = new Map(columns.filter((column) => column.table === table).map(({ name, type }) => [name, type]));
    if (found.size === 0) return []; // the table is missing
    const wanted = { ...must, ...may };
    return [
      ...Object.keys(must)
        .filter((name) => !found.has(name))
        .map((name) => `${table}.${name} is missing`),
      ...[...found].filter(([name]) => !(name in wanted)).map(([name, type]) => `${table}.${name} (${type}) is not of that system`),
      ...[...found].flatMap(([name, type]) => {
        const due = wanted[name];
        return due === undefined || fits(type, due) ? [] : [`${table}.${name} is ${type}, not ${due}`];
      }),
    ];
  });
}

/** Text of any length, and decimals that numeric(18,4) holds without rounding, are as good as what is known. */
function fits(type: string, known: string): boolean {
  if (type === known) return true;
  const isText = (name: string): boolean => /^(text|character varying(\(\d+\))?)$/.test(name);
  if (isText(known)) return isText(type);
  return known.startsWith("numeric(") && /^numeric\(\d+,[0-4]\)$/.test(type);
}

async function constraintDifferences(db: Db, known: Known): Promise<string[]> {
  const constraints = await db.many(Constraint, "adopt.constraints", CONSTRAINTS, [Object.keys(known)]);
  return constraints
    .filter(({ definition }) => definition !== null && !KNOWN_CONSTRAINTS.some((pattern) => pattern.test(definition)))
    .map(({ table, name, definition }) => `constraint ${name} on ${table} is not of that system: ${definition}`);
}

const RELATIONS = `select relname as name, relkind as kind from pg_class
  where relnamespace = current_schema()::regnamespace and relname = any ($1) order by relname`;

const COLUMNS = `select relname as table, attname as name, format_type(atttypid, atttypmod) as type
  from pg_attribute join pg_class on pg_class.oid = attrelid
  where relnamespace = current_schema()::regnamespace and relname = any ($1) and attnum > 0 and not attisdropped
  order by relname, attnum`;

/** A definition is NULL where the constraint is dropped while we look. */
const CONSTRAINTS = `select relname as table, conname as name, pg_get_constraintdef(pg_constraint.oid) as definition
  from pg_constraint join pg_class on pg_class.oid = conrelid
  where relnamespace = current_schema()::regnamespace and relname = any ($1) and contype in ('p', 'u', 'f', 'c', 'x')
  order by relname, conname`;

/** What hangs on the tables ($1) beside the known triggers ($2), views ($3) and indexes ($4), and would stand in the way. */
const STRANGERS = `
  select format('trigger %s on %s is not of that system', tgname, relname) as line
  from pg_trigger join pg_class on pg_class.oid = tgrelid
  where relnamespace = current_schema()::regnamespace and relname = any ($1) and relname <> 'strategy_m2m_candles'
    and not tgisinternal and tgname <> all ($2)
  union all
  select distinct format('view %s uses %s', viewed.relname, used.relname)
  from pg_depend
  join pg_rewrite on pg_rewrite.oid = objid
  join pg_class viewed on viewed.oid = ev_class
  join pg_class used on used.oid = refobjid
  where pg_depend.classid = 'pg_rewrite'::regclass and refclassid = 'pg_class'::regclass
    and used.relnamespace = current_schema()::regnamespace and (used.relname = any ($1) or used.relname = any ($3))
    and used.relname <> 'strategy_m2m_candles' and viewed.oid <> used.oid
    and not (viewed.relnamespace = current_schema()::regnamespace and viewed.relname = any ($3))
  union all
  select format('unique index %s on %s is not of that system', indexed.relname, pg_class.relname)
  from pg_index join pg_class on pg_class.oid = indrelid join pg_class indexed on indexed.oid = indexrelid
  where pg_class.relnamespace = current_schema()::regnamespace and pg_class.relname = any ($1) and pg_class.relname <> 'strategy_m2m_candles'
    and indisunique and not exists (select from pg_constraint where conindid = indexrelid) and indexed.relname <> all ($4)
  order by line`;
