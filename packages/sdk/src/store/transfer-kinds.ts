import { z } from "zod";

/**
 * What leaves a database and comes into another, kind by kind: which table it is, and how each of its columns is written. A column
 * that a migration adds has to be told here; a test compares with the catalogue.
 */

/**
 * `whole` is an int4, `long` an int8, `amount` a decimal of at most four places, `instant` ISO 8601 in UTC to the microsecond, `list`
 * an array of texts as JSON, `seconds` sixty bits as 15 hex digits: as a number a spreadsheet would round them.
 */
export type Form = "text" | "whole" | "long" | "amount" | "instant" | "day" | "flag" | "list" | "json" | "seconds";

export interface TransferColumn {
  /** As the SDK calls it. */
  readonly name: string;
  /** As the table does. */
  readonly column: string;
  readonly form: Form;
  readonly is_nullable: boolean;
}

export const TransferKind = z.enum(["accounts", "strategies", "legs", "fills", "closes", "candles", "gaps", "metrics", "marks", "prices"]);
/** In an order in which each row finds what it refers to. */
export type TransferKind = z.infer<typeof TransferKind>;
export const TRANSFER_KINDS = TransferKind.options;

export interface KindTable {
  readonly table: string;
  readonly columns: readonly TransferColumn[];
  /** Names of those that a row is known by. */
  readonly key: readonly string[];
  /** Which rows are those of the strategies $1, of `one`. */
  readonly whose: string;
  /** Its ids come from a sequence. */
  readonly is_counted: boolean;
  /** The later of two rows stays, where `at` says so; of other kinds two rows of one key are one row or a conflict. */
  readonly is_latest: boolean;
  /** Names of columns that are not compared. */
  readonly not_compared: ReadonlySet<string>;
  /** What of a row `given` shows that what it refers to is not what it says, and the words for that. */
  readonly stray: { readonly where: string; readonly what: string } | null;
}

type Told = Readonly<Record<string, Form | `${Form}?`>>;

const OF_STRATEGY = "one.strategy_id = any ($1::text[]::int4[])";
const OF_ACCOUNT = "in (select trading_account_id from strategy where strategy_id = any ($1::text[]::int4[]))";
/** When a row was written is no part of what it says. */
const WRITTEN = ["created_at", "updated_at"];

function kind(
  table: string,
  columns: Told,
  about: Partial<Omit<KindTable, "table" | "columns" | "not_compared">> & {
    key: readonly string[];
    unlike?: Readonly<Record<string, string>>;
    derived?: readonly string[];
  },
): KindTable {
  const { unlike = {}, derived = [], ...more } = about;
  return {
    table,
    columns: Object.entries(columns).map(([name, told]) => ({
      name,
      column: unlike[name] ?? name,
      form: formOf(told),
      is_nullable: told.endsWith("?"),
    })),
    whose: OF_STRATEGY,
    is_counted: false,
    is_latest: false,
    not_compared: new Set([...WRITTEN, ...derived]),
    stray: null,
    ...more,
  };
}

const FORMS = z.enum(["text", "whole", "long", "amount", "instant", "day", "flag", "list", "json", "seconds"]);

function formOf(told: string): Form {
  return FORMS.parse(told.replace("?", ""));
}

const ACCOUNT_ID = { account_id: "trading_account_id" };
const WRITTEN_AT = { created_at: "instant", updated_at: "instant" } as const;

export const KIND_TABLES: Readonly<Record<TransferKind, KindTable>> = {
  accounts: kind(
    "trading_account",
    {
      account_id: "text",
      account_name: "text?",
      aliases: "list",
      broker: "text",
      is_active: "flag",
      metadata: "json",
      ...WRITTEN_AT,
    },
    { key: ["account_id"], whose: `one.account_id ${OF_ACCOUNT}` },
  ),
  strategies: kind(
    "strategy",
    {
      strategy_id: "whole",
      account_id: "text",
      name: "text",
      description: "text?",
      tags: "list",
      strategy_type: "text",
      status: "text",
      is_default: "flag",
      current_pnl: "amount?",
      current_m2m: "amount?",
      total_capital_deployed: "amount?",
      total_margin_used: "amount?",
      created_by: "text?",
      metadata: "json",
      ...WRITTEN_AT,
      archived_at: "instant?",
    },
    {
      key: ["strategy_id"],
      unlike: { ...ACCOUNT_ID, name: "strategy_name", current_pnl: "total_pnl" },
      is_counted: true,
      derived: ["current_pnl", "current_m2m"], // the engine's, minute by minute
    },
  ),
  legs: kind(
    "strategy_instruments",
    {
      id: "whole",
      strategy_id: "whole",
      exchange: "text",
      tradingsymbol: "text",
      direction: "text",
      quantity: "whole",
      entry_price: "amount",
      cost: "amount",
      exit_price: "amount?",
      exit_value: "amount?",
      added_at: "instant",
      closed_at: "instant?",
      closed_by: "text?",
      cost_method: "text?",
      part_of: "whole?",
      instrument_token: "long?",
      instrument_type: "text?",
      underlying_symbol: "text?",
      strike: "amount?",
      expiry: "day?",
      lot_size: "whole?",
      notes: "text?",
      metadata: "json",
      updated_at: "instant",
    },
    {
      key: ["id"],
      is_counted: true,
      stray: {
        where: `given.part_of is not null and not exists (
          select from strategy_instruments leg where leg.id = given.part_of and leg.strategy_id = given.strategy_id)
          and not exists (select from given leg where leg.id = given.part_of and leg.strategy_id = given.strategy_id)`,
        what: "part_of is no leg of that strategy",
      },
    },
  ),
  fills: kind(
    "strategy_fills",
    {
      id: "whole",
      account_id: "text",
      strategy_id: "whole",
      leg_id: "whole",
      side: "text",
      quantity: "whole",
      price: "amount",
      value: "amount",
      at: "instant",
      source: "text",
      external_id: "text?",
      realized_pnl: "amount?",
      cost_method: "text?",
      created_at: "instant",
    },
    {
      key: ["id"],
      unlike: ACCOUNT_ID,
      is_counted: true,
      stray: {
        where: `not exists (select from strategy_instruments leg join strategy using (strategy_id)
          where leg.id = given.leg_id and leg.strategy_id = given.strategy_id and strategy.trading_account_id = given.trading_account_id)`,
        what: "leg_id is no leg of that strategy and account",
      },
    },
  ),
  closes: kind(
    "underlying_close",
    { account_id: "text", underlying: "text", day: "day", close: "amount", created_at: "instant" },
    { key: ["account_id", "underlying", "day"], unlike: ACCOUNT_ID, whose: `one.trading_account_id ${OF_ACCOUNT}` },
  ),
  candles: kind(
    "strategy_m2m_candles",
    {
      strategy_id: "whole",
      timestamp: "instant",
      open: "amount",
      high: "amount",
      low: "amount",
      close: "amount",
      entry_value: "amount",
      realized_pnl: "amount",
      instrument_count: "whole",
      sample_count: "whole",
      stale_count: "whole",
      oldest_age_ms: "whole",
      sampled: "seconds",
      first_at: "instant",
      last_at: "instant",
      source: "text",
    },
    {
      key: ["strategy_id", "timestamp"],
      // The table has no foreign key.
      stray: {
        where: "not exists (select from strategy where strategy.strategy_id = given.strategy_id)",
        what: "strategy_id is no strategy",
      },
    },
  ),
  gaps: kind(
    "strategy_gap",
    { strategy_id: "whole", from_minute: "instant", to_minute: "instant", reason: "text" },
    { key: ["strategy_id", "from_minute"] },
  ),
  metrics: kind(
    "strategy_pnl_metrics",
    {
      strategy_id: "whole",
      metric_date: "day",
      day_pnl: "amount?",
      cumulative_pnl: "amount?",
      realized_pnl: "amount?",
      unrealized_pnl: "amount?",
      high_pnl: "amount?",
      low_pnl: "amount?",
      day_drawdown: "amount?",
      open_positions: "whole?",
      closed_positions: "whole?",
      total_trades: "whole?",
      winning_trades: "whole?",
      losing_trades: "whole?",
      win_rate: "amount?",
      profit_factor: "amount?",
      max_consecutive_losses: "whole?",
      capital_deployed: "amount?",
      margin_used: "amount?",
      roi_percent: "amount?",
      sharpe_ratio: "amount?",
      sortino_ratio: "amount?",
      max_drawdown: "amount?",
      ...WRITTEN_AT,
    },
    { key: ["strategy_id", "metric_date"] },
  ),
  marks: kind(
    "strategy_mark",
    {
      strategy_id: "whole",
      at: "instant",
      m2m: "amount?",
      pnl: "amount?",
      entry_value: "amount",
      realized_pnl: "amount",
      instrument_count: "whole",
      priced: "whole",
      stale: "whole",
      oldest_age_ms: "long?",
      reason: "text?",
    },
    { key: ["strategy_id"], is_latest: true },
  ),
  prices: kind(
    "last_quote",
    { exchange: "text", tradingsymbol: "text", price: "amount", at: "instant", source: "text" },
    {
      key: ["exchange", "tradingsymbol"],
      is_latest: true,
      whose: `(one.exchange, one.tradingsymbol) in (
        select exchange, tradingsymbol from strategy_instruments where closed_at is null and strategy_id = any ($1::text[]::int4[]))`,
    },
  ),
};

/** Columns of a kind that a row is known by. */
export function keyColumns({ columns, key }: KindTable): TransferColumn[] {
  return key.flatMap((name) => columns.filter((column) => column.name === name));
}

const TYPES: Readonly<Record<Form, string>> = {
  text: "text",
  whole: "int4",
  long: "int8",
  amount: "numeric",
  instant: "timestamptz",
  day: "date",
  flag: "boolean",
  list: "text[]",
  json: "jsonb",
  seconds: "int8",
};

/** A column of `one` as text. */
export function textSql({ column, form }: TransferColumn): string {
  if (form === "amount") return `trim_scale(one."${column}")::text`;
  if (form === "list") return `array_to_json(one."${column}")::text`;
  if (form === "seconds") return `lpad(to_hex(one."${column}"), 15, '0')`;
  return `one."${column}"::text`;
}

/** A text as what the column holds. */
export function valueSql(text: string, { form }: TransferColumn): string {
  if (form === "list") return `case when ${text} is not null then array(select json_array_elements_text(${text}::json)) end`;
  if (form === "seconds") return `('x0' || ${text})::bit(64)::int8`;
  return `${text}::${TYPES[form]}`;
}
