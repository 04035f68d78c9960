import { z } from "zod";
import type { Db } from "../db.ts";
import { KNOWN_FUNCTIONS, KNOWN_INDEXES, KNOWN_TRIGGERS, KNOWN_VIEWS } from "./known.ts";

/**
 * Drops the older system's triggers, views, functions and indexes, in whose place ours come: its triggers move updated_at
 * and overwrite what is inserted, its views hold the types of columns fast. A line for each kind.
 */
export async function dropOlderObjects(db: Db): Promise<string[]> {
  const found = await db.many(Found, "adopt.objects", OBJECTS, [KNOWN_TRIGGERS, KNOWN_VIEWS, KNOWN_FUNCTIONS, KNOWN_INDEXES]);
  for (const { statement } of found) await db.script(statement);
  return [...Map.groupBy(found, ({ kind }) => kind)].map(
    ([kind, objects]) => `${kind} dropped: ${objects.map(({ name }) => name).join(", ")}`,
  );
}

const Found = z.object({ kind: z.string(), name: z.string(), statement: z.string() });

/** Triggers first, since they use functions; then views, in the order in which they are known. */
const OBJECTS = `
  select kind, name, statement from (
    select 1 as turn, 0 as place, 'triggers' as kind, tgname::text as name, format('drop trigger %I on %I', tgname, relname) as statement
    from pg_trigger join pg_class on pg_class.oid = tgrelid
    where relnamespace = current_schema()::regnamespace and tgname = any ($1) and not tgisinternal
    union all
    select 2, array_position($2, relname::text), 'views', relname,
      format('drop %s %I', case relkind when 'm' then 'materialized view' else 'view' end, relname)
    from pg_class where relnamespace = current_schema()::regnamespace and relname = any ($2) and relkind in ('v', 'm')
    union all
    select 3, 0, 'functions', proname, format('drop function %s', pg_proc.oid::regprocedure)
    from pg_proc where pronamespace = current_schema()::regnamespace and proname = any ($3)
    union all
    select 4, 0, 'indexes', relname, format('drop index %I', relname)
    from pg_class where relnamespace = current_schema()::regnamespace and relname = any ($4) and relkind = 'i'
  ) as object order by turn, place, name`;

/**
 * The candles get another name: their numbers are P&L by another formula, not M2M. A hypertable stays one, compressed or not.
 */
export async function setCandlesAside(db: Db): Promise<string[]> {
  const { rows } = await db.one(z.object({ rows: z.int() }), "adopt.candles", CANDLES);
  const keys = await db.many(z.object({ name: z.string() }), "adopt.candle_keys", KEYS);
  await db.script(
    [
      "alter table strategy_m2m_candles rename to strategy_m2m_candles_old",
      ...keys.map(
        ({ name }) => `alter table strategy_m2m_candles_old rename constraint ${name} to ${name.replace("candles", "candles_old")}`,
      ),
    ].join(";\n"),
  );
  const count = rows > CANDLES_COUNTED_MAX ? `more than ${CANDLES_COUNTED_MAX}` : String(rows);
  return [`strategy_m2m_candles (${count} rows): set aside as strategy_m2m_candles_old, since its numbers are P&L and not M2M`];
}

/** Counting is for the report alone, and years of minutes take long to count. */
const CANDLES_COUNTED_MAX = 1_000_000;
const CANDLES = `select count(*)::integer as rows from (select from strategy_m2m_candles limit ${CANDLES_COUNTED_MAX + 1}) as counted`;

/** The key's name is its index's name too, and so one of the schema's. */
const KEYS = `select conname as name from pg_constraint
  where conrelid = 'strategy_m2m_candles'::regclass and contype = 'p' and conname like '%candles%'`;

/** The day's figures: money and ratios of 0 were never written, and what our constraints refuse is unknown. */
export async function adoptMetrics(db: Db): Promise<string[]> {
  const { rows } = await db.one(
    z.object({ rows: z.int() }),
    "adopt.metrics_count",
    "select count(*)::integer as rows from strategy_pnl_metrics",
  );
  await db.run("adopt.metrics", METRICS);
  return rows === 0 ? [] : [`strategy_pnl_metrics (${rows} rows): kept; figures of 0 were never written and are unknown now`];
}

const MONEY = (column: string): string => `${column} = case when abs(${column}) <= 500000000000 then nullif(${column}, 0) end`;
const COUNT = (column: string): string => `${column} = case when ${column} >= 0 then ${column} end`;

const METRICS = `update strategy_pnl_metrics set
  ${["day_pnl", "cumulative_pnl", "realized_pnl", "unrealized_pnl", "capital_deployed", "margin_used", "roi_percent", "sharpe_ratio", "sortino_ratio"].map(MONEY).join(", ")},
  max_drawdown = case when abs(max_drawdown) <= 500000000000 then nullif(abs(max_drawdown), 0) end,
  win_rate = case when win_rate between 0 and 100 then win_rate end,
  ${["open_positions", "closed_positions", "total_trades", "winning_trades", "losing_trades", "max_consecutive_losses"].map(COUNT).join(", ")}`;
