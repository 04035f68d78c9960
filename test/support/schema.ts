import { z } from "zod";
import type { Db } from "../../packages/sdk/src/store/db.ts";

/**
 * The shape of everything in a database's public schema, as SQL in an order of its own: the same text for the same shape on any
 * version of Postgres, so that a review sees what changed and an adopted database can be compared with a fresh one.
 */
export async function schemaOf(db: Db): Promise<string> {
  const tables = await db.many(Table, "test.tables", TABLES);
  const views = await db.many(Line, "test.views", VIEWS);
  const functions = await db.many(Line, "test.functions", FUNCTIONS);
  return [...tables.map(tableText), ...[...views, ...functions].map(({ line }) => `${plain(line)};\n`)].join("\n");
}

const Line = z.object({ line: z.string() });

const Table = z.object({
  name: z.string(),
  options: z.string().nullable(),
  parts: z.array(z.string()),
  extras: z.array(z.string()),
});

function tableText({ name, options, parts, extras }: z.output<typeof Table>): string {
  const body = parts.map((part) => `  ${plain(part)}`).join(",\n");
  return `create table ${name} (\n${body}\n)${options === null ? "" : ` with (${options})`};\n${extras.map((extra) => `${plain(extra)};\n`).join("")}`;
}

/** Without the schema; and up to version 15 a view over one table names it before each column. */
function plain(sql: string): string {
  return sql.replaceAll("public.", "").replaceAll("strategy_m2m_candles.", "").trimEnd().replace(/;$/, "");
}

/** Not-null constraints are left to the columns: newer versions give them names. */
const TABLES = `select relname as name, array_to_string(reloptions, ', ') as options,
    array(
      select attname || ' ' || format_type(atttypid, atttypmod) || case when attnotnull then ' not null' else '' end
        || coalesce(' default ' || pg_get_expr(adbin, adrelid), '')
      from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
      where attrelid = pg_class.oid and attnum > 0 and not attisdropped order by attnum
    ) || array(
      select 'constraint ' || conname || ' ' || pg_get_constraintdef(oid, true) from pg_constraint
      where conrelid = pg_class.oid and contype in ('p', 'u', 'f', 'c', 'x') order by conname collate "C"
    ) as parts,
    array(
      select pg_get_indexdef(indexrelid, 0, true) from pg_index
      where indrelid = pg_class.oid and not exists (select from pg_constraint where conindid = indexrelid and contype in ('p', 'u', 'x'))
      order by indexrelid::regclass::text collate "C"
    ) || array(
      select pg_get_triggerdef(oid, true) from pg_trigger
      where tgrelid = pg_class.oid and not tgisinternal order by tgname collate "C"
    ) as extras
  from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname collate "C"`;

const VIEWS = `select case relkind when 'm' then 'create materialized view ' else 'create view ' end || relname
    || E' as\\n' || pg_get_viewdef(oid, true) as line
  from pg_class where relnamespace = 'public'::regnamespace and relkind in ('v', 'm') order by relname collate "C"`;

const FUNCTIONS = `select pg_get_functiondef(oid) as line from pg_proc
  where pronamespace = 'public'::regnamespace and prokind = 'f'
    and not exists (select from pg_depend where objid = pg_proc.oid and classid = 'pg_proc'::regclass and deptype = 'e')
  order by proname collate "C"`;
