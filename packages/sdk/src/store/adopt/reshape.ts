import { z } from "zod";
import type { Db } from "../db.ts";

/**
 * Tables that are there are brought to the shape that migration 0001 gives them, column by column, by asking the catalogue:
 * its create statements are run in a schema of their own, and what differs there is altered here. So the shape is written
 * in one place, and an adopted table cannot differ from a fresh one but by what it had more.
 */
const SAMPLES = "stratctl_adoption";

/** Statements of a migration, each with the table that it creates, if it creates one. */
export interface Statement {
  readonly sql: string;
  readonly creates: string | null;
}

/** The statements of a script in which no quoted name and no nested comment occurs. */
export function statementsOf(script: string): Statement[] {
  const found = script.match(/(?:\$\$[\s\S]*?\$\$|'(?:[^']|'')*'|--.*|[^;])+/g) ?? [];
  return found
    .map((text) => text.replace(/^(\s+|--.*)+/, ""))
    .filter((sql) => sql !== "")
    .map((sql) => ({ sql, creates: /^create table (\w+)/.exec(sql)?.[1] ?? null }));
}

/** Makes an empty sample of each table beside the real ones. */
export async function makeSamples(db: Db, creates: readonly Statement[]): Promise<void> {
  await db.script(`create schema ${SAMPLES}`);
  await within(db, SAMPLES, () => db.script(creates.map(({ sql }) => sql).join(";\n")));
}

export async function dropSamples(db: Db): Promise<void> {
  await db.script(`drop schema ${SAMPLES} cascade`);
}

/** Adds columns, widens types and sets defaults; nothing is forbidden yet, so that rows can be put right. */
export async function widen(db: Db, table: string): Promise<void> {
  const [have, want] = [await columnsOf(db, table, false), await columnsOf(db, table, true)];
  const added = want.filter(({ name }) => !have.some((column) => column.name === name));
  const changes = [
    ...added.map(({ name, type, initial }) => `add column ${name} ${type}${initial === null ? "" : ` default ${initial}`}`),
    ...have.flatMap((column) => {
      const due = want.find(({ name }) => name === column.name);
      // A column of the older system alone must not stop an insert of ours.
      if (due === undefined) return [`alter column ${column.name} drop not null`];
      return changesOf(column, due);
    }),
  ];
  await db.script(`alter table ${table} ${changes.join(", ")}`);
}

/** Forbids what the sample forbids: NULLs, and what its constraints refuse. */
export async function tighten(db: Db, table: string): Promise<void> {
  const columns = (await columnsOf(db, table, true)).filter(({ required }) => required);
  const options = await db.maybeOne(Options, "adopt.options", OPTIONS, [`${SAMPLES}.${table}`]);
  const changes = [
    ...columns.map(({ name }) => `alter column ${name} set not null`),
    ...constraintChanges(await constraintsOf(db, table, false), await constraintsOf(db, table, true)),
    ...(options === null ? [] : [`set (${options.line})`]),
  ];
  await db.script(changes.map((change) => `alter table ${table} ${change}`).join(";\n"));
}

/** A constraint that says the same gets our name, since what refers to a key would be in the way of a new one. */
function constraintChanges(have: readonly Constraint[], want: readonly Constraint[]): string[] {
  const kept = new Map(want.map((due) => [due, have.find(({ definition }) => definition === due.definition)]));
  const keeps = new Set(kept.values());
  return [
    ...have.filter((one) => !keeps.has(one)).map(({ name }) => `drop constraint ${name}`),
    ...[...kept].flatMap(([due, one]) => {
      if (one === undefined) return [`add constraint ${due.name} ${due.definition}`];
      return one.name === due.name ? [] : [`rename constraint ${one.name} to ${due.name}`];
    }),
  ];
}

const Column = z.object({ name: z.string(), type: z.string(), required: z.boolean(), initial: z.string().nullable() });
type Column = z.output<typeof Column>;

function changesOf(have: Column, want: Column): string[] {
  const { name, type, initial } = want;
  const changes = [];
  if (have.type !== type) changes.push(`alter column ${name} type ${type}`);
  if (have.required && !want.required) changes.push(`alter column ${name} drop not null`);
  // Both count by a sequence of their own.
  const counted = have.initial?.startsWith("nextval(") === true && initial?.startsWith("nextval(") === true;
  if (have.initial !== initial && !counted)
    changes.push(`alter column ${name} ${initial === null ? "drop default" : `set default ${initial}`}`);
  return changes;
}

function columnsOf(db: Db, table: string, sample: boolean): Promise<Column[]> {
  return db.many(Column, "adopt.shape", SHAPE, [sample ? `${SAMPLES}.${table}` : table]);
}

const SHAPE = `select attname as name, format_type(atttypid, atttypmod) as type, attnotnull as required, pg_get_expr(adbin, adrelid) as initial
  from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
  where attrelid = $1::regclass and attnum > 0 and not attisdropped order by attnum`;

const Constraint = z.object({ name: z.string(), definition: z.string() });
type Constraint = z.output<typeof Constraint>;

/** With the schema's own search path, so that both name their neighbours alike. */
function constraintsOf(db: Db, table: string, sample: boolean): Promise<Constraint[]> {
  if (!sample) return db.many(Constraint, "adopt.laws", LAWS, [table]);
  return within(db, SAMPLES, () => db.many(Constraint, "adopt.laws", LAWS, [table]));
}

/** Keys come before what refers to them. */
const LAWS = `select conname as name, pg_get_constraintdef(oid) as definition from pg_constraint
  where conrelid = $1::regclass and contype in ('p', 'u', 'f', 'c', 'x') order by contype = 'f', conname`;

const Options = z.object({ line: z.string() });
const OPTIONS = `select array_to_string(reloptions, ', ') as line from pg_class where oid = $1::regclass and reloptions is not null`;

async function within<T>(db: Db, schema: string, work: () => Promise<T>): Promise<T> {
  const { path } = await db.one(z.object({ path: z.string() }), "adopt.path", "select current_setting('search_path') as path");
  await db.script(`set local search_path to ${schema}`);
  const result = await work();
  await db.script(`set local search_path to ${path}`);
  return result;
}
