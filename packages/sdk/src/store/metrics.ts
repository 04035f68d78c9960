import { z } from "zod";
import type { PnlRange, Standing } from "../m2m/metrics.ts";
import type { LegPart } from "../m2m/trades.ts";
import { Day, InstantColumn } from "../model/instant.ts";
import { Leg } from "../model/leg.ts";
import { DayMetrics } from "../model/metrics.ts";
import { MoneyColumn, unitsOf } from "../model/money.ts";
import { int4Array } from "./array.ts";
import type { Db } from "./db.ts";
import { fenced, fenceParams, isFenced, type Fence } from "./leader.ts";
import { inShard, shardParams, type Shard } from "./shard.ts";

const Ratio = z.string().transform(Number).nullable();
const Amount = MoneyColumn.nullable();
const Row = DayMetrics.extend({
  day_pnl: Amount,
  cumulative_pnl: Amount,
  realized_pnl: Amount,
  unrealized_pnl: Amount,
  high_pnl: Amount,
  low_pnl: Amount,
  day_drawdown: Amount,
  max_drawdown: Amount,
  capital_deployed: Amount,
  margin_used: Amount,
  win_rate: Ratio,
  profit_factor: Ratio,
  roi_percent: Ratio,
  sharpe_ratio: Ratio,
  sortino_ratio: Ratio,
});

/** The figures of a row, and the types of their columns. */
const FIGURES = {
  day_pnl: "numeric",
  cumulative_pnl: "numeric",
  realized_pnl: "numeric",
  unrealized_pnl: "numeric",
  high_pnl: "numeric",
  low_pnl: "numeric",
  day_drawdown: "numeric",
  open_positions: "int4",
  closed_positions: "int4",
  total_trades: "int4",
  winning_trades: "int4",
  losing_trades: "int4",
  win_rate: "numeric",
  profit_factor: "numeric",
  max_consecutive_losses: "int4",
  capital_deployed: "numeric",
  roi_percent: "numeric",
  sharpe_ratio: "numeric",
  sortino_ratio: "numeric",
  max_drawdown: "numeric",
  margin_used: "numeric",
} satisfies Record<Exclude<keyof DayMetrics, "strategy_id" | "metric_date">, "numeric" | "int4">;
const NAMES = Object.keys(FIGURES);

/** Days of a strategy from ≤ day ≤ to, ascending. */
export function list(db: Db, { strategy_id, from, to }: { strategy_id: number; from?: string | undefined; to?: string | undefined }) {
  return db.many(
    Row,
    "metrics.list",
    `select strategy_id, metric_date, ${NAMES.map(filled).join(", ")} from strategy_pnl_metrics
      where strategy_id = $1 and ($2::date is null or metric_date >= $2) and ($3::date is null or metric_date <= $3)
      order by metric_date`,
    [strategy_id, from ?? null, to ?? null],
  );
}

/** A count that an older system left unknown is shown as none. */
function filled(name: string): string {
  return Object.entries(FIGURES).some(([figure, type]) => figure === name && type === "int4") ? `coalesce(${name}, 0) as ${name}` : name;
}

/** So many days are written by a statement. */
const ROWS_MAX = 2000;

export interface WriteOptions {
  /** The days of these strategies from a day on that are not among those given are removed. */
  readonly replace: readonly { readonly strategy_id: number; readonly from: string }[];
  readonly fence?: Fence | undefined;
}

/**
 * Writes days, in order by strategy; one that is there with these figures is left as it is. Gives how many rows are other than
 * before.
 */
export async function write(db: Db, rows: readonly DayMetrics[], { replace, fence }: WriteOptions): Promise<number> {
  const ids = new Set(rows.map(({ strategy_id }) => strategy_id));
  let changed = await remove(db, { given: [], spans: replace.filter(({ strategy_id }) => !ids.has(strategy_id)) });
  const from = new Map(replace.map((one) => [one.strategy_id, one.from]));
  for (let at = 0; at < rows.length; at += ROWS_MAX) {
    const given = rows.slice(at, at + ROWS_MAX);
    const [before, next] = [rows[at - 1], rows[at + ROWS_MAX]];
    const spans = [...Map.groupBy(given, ({ strategy_id }) => strategy_id)].flatMap(([strategy_id, [first]]) => {
      const day = before?.strategy_id === strategy_id ? first?.metric_date : from.get(strategy_id);
      const until = next?.strategy_id === strategy_id ? next.metric_date : undefined;
      return day === undefined || !from.has(strategy_id) ? [] : [{ strategy_id, from: day, until }];
    });
    changed += await remove(db, { given, spans });
    changed += await fenced(() => db.run("metrics.write", WRITE, [JSON.stringify(given), ...fenceParams(fence)]));
  }
  return changed;
}

interface Removal {
  readonly given: readonly DayMetrics[];
  /** from ≤ day < until. */
  readonly spans: readonly { readonly strategy_id: number; readonly from: string; readonly until?: string | undefined }[];
}

async function remove(db: Db, { given, spans }: Removal): Promise<number> {
  if (spans.length === 0) return 0;
  return db.run(
    "metrics.remove",
    `delete from strategy_pnl_metrics kept using jsonb_to_recordset($1::jsonb) as gone(strategy_id int4, "from" date, until date)
      where kept.strategy_id = gone.strategy_id and kept.metric_date >= gone.from and (gone.until is null or kept.metric_date < gone.until)
        and not exists (
          select from jsonb_to_recordset($2::jsonb) as given(strategy_id int4, metric_date date)
           where given.strategy_id = kept.strategy_id and given.metric_date = kept.metric_date)`,
    [JSON.stringify(spans), JSON.stringify(given.map(({ strategy_id, metric_date }) => ({ strategy_id, metric_date })))],
  );
}

/** A strategy may be gone since its legs were read. */
const WRITE = `insert into strategy_pnl_metrics as kept (strategy_id, metric_date, ${NAMES.join(", ")})
  select given.strategy_id, given.metric_date, ${NAMES.map((name) => `given.${name}`).join(", ")}
  from jsonb_to_recordset($1::jsonb) as given(strategy_id int4, metric_date date, ${Object.entries(FIGURES)
    .map(([name, type]) => `${name} ${type === "numeric" ? "numeric(18,4)" : type}`)
    .join(", ")})
  where exists (select from strategy where strategy.strategy_id = given.strategy_id) and ${isFenced("$2", "$3", "$4")}
  on conflict (strategy_id, metric_date) do update set ${NAMES.map((name) => `${name} = excluded.${name}`).join(", ")}
  where (${NAMES.map((name) => `kept.${name}`).join(", ")}) is distinct from (${NAMES.map((name) => `excluded.${name}`).join(", ")})`;

export interface Subject {
  readonly strategy_id: number;
  readonly is_default: boolean;
  readonly capital: number | null;
  readonly margin: number | null;
  readonly archived_at: string | null;
  /** The minute of its first candle; null: it has none. */
  readonly first_candle: string | null;
  /** The last day that is written; null: none is. */
  readonly last_day: string | null;
}

const SubjectRow = z.object({
  strategy_id: z.int(),
  is_default: z.boolean(),
  capital: MoneyColumn.nullable(),
  margin: MoneyColumn.nullable(),
  archived_at: InstantColumn.nullable(),
  first_candle: InstantColumn.nullable(),
  last_day: Day.nullable(),
});

export interface SubjectFilter {
  readonly account_id?: string | undefined;
  readonly strategy_id?: number | undefined;
  readonly shard?: Shard | undefined;
}

/** Strategies that may have days, archived ones too, by id. */
export function subjects(db: Db, { account_id, strategy_id, shard }: SubjectFilter): Promise<Subject[]> {
  return db.many(
    SubjectRow,
    "metrics.subjects",
    `select strategy_id, is_default, total_capital_deployed as capital, total_margin_used as margin, archived_at,
       (select min(timestamp) from strategy_m2m_candles candle where candle.strategy_id = strategy.strategy_id) as first_candle,
       (select max(metric_date) from strategy_pnl_metrics day where day.strategy_id = strategy.strategy_id) as last_day
     from strategy
     where ($1::text is null or trading_account_id = $1) and ($2::int4 is null or strategy_id = $2) and ${inShard("$3", "$4")}
     order by strategy_id`,
    [account_id ?? null, strategy_id ?? null, ...shardParams(shard)],
  );
}

export interface PartRow extends LegPart {
  readonly strategy_id: number;
  readonly exchange: string;
}

const Part = z.object({
  strategy_id: z.int(),
  leg_id: z.int(),
  exchange: z.string(),
  added_at: InstantColumn,
  closed_at: InstantColumn.nullable(),
  closed_by: Leg.shape.closed_by,
  realized: MoneyColumn,
});

/** Legs and closed parts of strategies, with what each realized. */
export async function parts(db: Db, strategy_ids: readonly number[]): Promise<PartRow[]> {
  const rows = await db.many(
    Part,
    "metrics.parts",
    `select strategy_id, coalesce(part_of, id) as leg_id, exchange, added_at, closed_at, closed_by,
       case when closed_at is null or closed_by = 'move' then 0 else (cost - exit_value) * case direction when 'SELL' then 1 else -1 end end
         as realized
     from strategy_instruments where strategy_id = any ($1::int4[]) order by added_at, id`,
    [idArray(strategy_ids)],
  );
  return rows.map(({ added_at, closed_at, realized, ...row }) => ({
    ...row,
    added_at_ms: Date.parse(added_at),
    closed_at_ms: closed_at === null ? null : Date.parse(closed_at),
    realized_units: BigInt(unitsOf(realized)),
  }));
}

/** What the candles of a day tell. Money in units. */
export interface DayCandles {
  readonly strategy_id: number;
  readonly day: string;
  readonly range: PnlRange;
  /** The start of the last minute, and the book and close of it. */
  readonly last_minute_ms: number;
  readonly realized: bigint;
  readonly unrealized: bigint;
  readonly instrument_count: number;
}

const Units = z.string().transform(BigInt);
const CandlesRow = z.object({
  strategy_id: z.int(),
  day: Day,
  high: Units,
  low: Units,
  fall: Units,
  last_minute: InstantColumn,
  realized: Units,
  unrealized: Units,
  instrument_count: z.int(),
});

/**
 * The days of strategies' candles with from ≤ timestamp < to. Of a minute it is known that its open came first and its close last; a
 * fall counts where its high is known to have come before its low.
 */
export async function dayCandles(
  db: Db,
  {
    strategy_ids,
    from_ms,
    to_ms,
    offset_minutes,
  }: { strategy_ids: readonly number[]; from_ms: number; to_ms: number; offset_minutes: number },
): Promise<DayCandles[]> {
  const rows = await db.many(
    CandlesRow,
    "metrics.dayCandles",
    `with candle as (
       select strategy_id, timestamp, ((timestamp at time zone 'UTC') + make_interval(mins => $4::int4))::date as day, instrument_count,
         realized_pnl as realized, entry_value - close as unrealized, realized_pnl + entry_value - open as first,
         realized_pnl + entry_value - low as high, realized_pnl + entry_value - high as low, realized_pnl + entry_value - close as last
       from strategy_m2m_candles
       where strategy_id = any ($1::int4[]) and timestamp >= to_timestamp($2::float8 / 1000) and timestamp < to_timestamp($3::float8 / 1000)
     ), peaked as (
       select *, max(high) over (partition by strategy_id, day order by timestamp rows between unbounded preceding and 1 preceding) as peak,
         row_number() over (partition by strategy_id, day order by timestamp desc) as from_end
       from candle
     )
     select strategy_id, day, ${inUnits("max(high)")} as high, ${inUnits("min(low)")} as low,
       ${inUnits("max(greatest(greatest(peak, first) - low, greatest(peak, high) - last))")} as fall,
       max(timestamp) as last_minute,
       ${inUnits("max(realized) filter (where from_end = 1)")} as realized,
       ${inUnits("max(unrealized) filter (where from_end = 1)")} as unrealized,
       max(instrument_count) filter (where from_end = 1) as instrument_count
     from peaked group by strategy_id, day order by strategy_id, day`,
    [idArray(strategy_ids), from_ms, to_ms, offset_minutes],
  );
  return rows.map(({ high, low, fall, last_minute, ...row }) => ({
    ...row,
    range: { high, low, fall },
    last_minute_ms: Date.parse(last_minute),
  }));
}

/** How a strategy stood after the last of its days before a day, and what that day's row says. Money in units. */
export interface StandingAfter extends Standing {
  readonly last: {
    /** Null: nobody knows it. */
    readonly realized: bigint | null;
    readonly unrealized: bigint | null;
    readonly open_positions: number;
    readonly closed_positions: number;
    readonly total_trades: number;
  };
}

const Held = { open_positions: z.int(), closed_positions: z.int(), total_trades: z.int() };
const StandingRow = z.object({
  strategy_id: z.int(),
  cumulative: Units.nullable(),
  realized: Units.nullable(),
  unrealized: Units.nullable(),
  ...Held,
  high: Units,
  low: Units,
  fall: Units,
  count: z.int(),
  sum: Units,
  squares: Units,
  below: Units,
});

/** How strategies stood after the last of their days before a day each; without one of them a strategy is left out. */
export async function standings(db: Db, before: readonly { strategy_id: number; day: string }[]): Promise<Map<number, StandingAfter>> {
  const last = (name: string): string => `(array_agg(${name} order by metric_date desc))[1]`;
  const rows = await db.many(
    StandingRow,
    "metrics.standings",
    `select day.strategy_id,
       ${["cumulative", "realized", "unrealized"].map((name) => `${inUnits(last(`${name}_pnl`))} as ${name}`).join(", ")},
       ${Object.keys(Held)
         .map((name) => `coalesce(${last(name)}, 0) as ${name}`)
         .join(", ")},
       ${inUnits("greatest(max(high_pnl), 0)")} as high, ${inUnits("least(min(low_pnl), 0)")} as low,
       ${inUnits("coalesce(max(max_drawdown), 0)")} as fall,
       count(day_pnl)::int4 as count, ${inUnits("coalesce(sum(day_pnl), 0)")} as sum,
       ${inUnits("coalesce(sum(day_pnl * day_pnl), 0) * 10000")} as squares,
       ${inUnits("coalesce(sum(least(day_pnl, 0) * least(day_pnl, 0)), 0) * 10000")} as below
     from strategy_pnl_metrics day
     join jsonb_to_recordset($1::jsonb) as asked(strategy_id int4, day date)
       on asked.strategy_id = day.strategy_id and day.metric_date < asked.day
     group by day.strategy_id`,
    [JSON.stringify(before)],
  );
  return new Map(
    rows.map(({ strategy_id, cumulative, high, low, fall, count, sum, squares, below, ...held }) => [
      strategy_id,
      { cumulative, range: { high, low, fall }, returns: { count, sum, squares, below }, last: held },
    ]),
  );
}

function inUnits(sql: string): string {
  return `trunc((${sql}) * 10000)::text`;
}

function idArray(strategy_ids: readonly number[]): Buffer {
  return int4Array(Int32Array.from(strategy_ids), strategy_ids.length);
}
