/**
 * The tables of the older system as its migrations 008, 023 and 024 leave them: what adoption knows, and nothing else is
 * taken for that system. Types are as format_type prints them.
 */

type Columns = Readonly<Record<string, string>>;

const TRADING_ACCOUNT: Columns = {
  account_id: "character varying(100)",
  account_name: "character varying(255)",
  broker: "character varying(50)",
  is_active: "boolean",
  login_status: "character varying(20)",
  last_login_at: "timestamp with time zone",
  last_sync_at: "timestamp with time zone",
  created_at: "timestamp with time zone",
  updated_at: "timestamp with time zone",
  metadata: "jsonb",
};

const STRATEGY_008: Columns = {
  strategy_id: "integer",
  strategy_name: "character varying(255)",
  description: "text",
  strategy_type: "character varying(50)",
  config: "jsonb",
  account_ids: "text[]",
  status: "character varying(20)",
  is_active: "boolean",
  total_pnl: "numeric(12,2)",
  total_trades: "integer",
  created_at: "timestamp with time zone",
  updated_at: "timestamp with time zone",
  started_at: "timestamp with time zone",
  stopped_at: "timestamp with time zone",
  created_by: "character varying(100)",
  metadata: "jsonb",
};

const STRATEGY_023: Columns = {
  trading_account_id: "character varying(100)",
  is_default: "boolean",
  tags: "text[]",
  current_m2m: "numeric(15,2)",
  total_capital_deployed: "numeric(15,2)",
  total_margin_used: "numeric(15,2)",
  archived_at: "timestamp with time zone",
};

const STRATEGY_INSTRUMENTS: Columns = {
  id: "integer",
  strategy_id: "integer",
  tradingsymbol: "character varying(50)",
  exchange: "character varying(10)",
  instrument_token: "bigint",
  direction: "character varying(4)",
  quantity: "integer",
  entry_price: "numeric(12,2)",
  current_price: "numeric(12,2)",
  current_pnl: "numeric(15,2)",
  added_at: "timestamp with time zone",
  updated_at: "timestamp with time zone",
  notes: "text",
  metadata: "jsonb",
};

/** Any of them may be there: 024 stops half-way where another table is in its way. */
const STRATEGY_INSTRUMENTS_024: Columns = {
  instrument_type: "character varying(10)",
  strike: "numeric(12,2)",
  expiry: "date",
  underlying_symbol: "character varying(20)",
  lot_size: "integer",
};

const STRATEGY_M2M_CANDLES: Columns = {
  timestamp: "timestamp with time zone",
  strategy_id: "integer",
  open: "numeric(15,2)",
  high: "numeric(15,2)",
  low: "numeric(15,2)",
  close: "numeric(15,2)",
  instrument_count: "integer",
  volume: "integer",
};

const STRATEGY_PNL_METRICS: Columns = {
  id: "integer",
  strategy_id: "integer",
  metric_date: "date",
  day_pnl: "numeric(15,2)",
  cumulative_pnl: "numeric(15,2)",
  realized_pnl: "numeric(15,2)",
  unrealized_pnl: "numeric(15,2)",
  open_positions: "integer",
  closed_positions: "integer",
  avg_position_size: "numeric(15,2)",
  total_trades: "integer",
  winning_trades: "integer",
  losing_trades: "integer",
  win_rate: "numeric(5,2)",
  capital_deployed: "numeric(15,2)",
  margin_used: "numeric(15,2)",
  max_drawdown: "numeric(15,2)",
  sharpe_ratio: "numeric(8,4)",
  sortino_ratio: "numeric(8,4)",
  max_consecutive_losses: "integer",
  roi_percent: "numeric(8,4)",
  created_at: "timestamp with time zone",
  updated_at: "timestamp with time zone",
};

/** Columns that a table must have, and others that it may have. */
export interface KnownTable {
  readonly must: Columns;
  readonly may: Columns;
}

export const KNOWN_008: Readonly<Record<string, KnownTable>> = {
  trading_account: { must: TRADING_ACCOUNT, may: {} },
  strategy: { must: STRATEGY_008, may: {} },
};

export const KNOWN_023: Readonly<Record<string, KnownTable>> = {
  trading_account: { must: TRADING_ACCOUNT, may: {} },
  strategy: { must: { ...STRATEGY_008, ...STRATEGY_023 }, may: {} },
  strategy_instruments: { must: STRATEGY_INSTRUMENTS, may: STRATEGY_INSTRUMENTS_024 },
  strategy_m2m_candles: { must: STRATEGY_M2M_CANDLES, may: {} },
  strategy_pnl_metrics: { must: STRATEGY_PNL_METRICS, may: {} },
};

/** By which of its columns a database is past 008, and past 023. */
export const SIGNS_OF_023 = Object.keys(STRATEGY_023);
export const SIGNS_OF_024 = Object.keys(STRATEGY_INSTRUMENTS_024);

/** The older system's names in the order to drop them: what uses before what is used. */
export const KNOWN_VIEWS = ["strategy_summary_with_greeks", "strategy_instruments_enriched"];
export const KNOWN_FUNCTIONS = ["get_strategy_greeks", "create_default_strategy_for_account", "populate_instrument_metadata"];
export const KNOWN_TRIGGERS = [
  "update_trading_account_updated_at",
  "trigger_create_default_strategy_for_account",
  "update_strategy_updated_at",
  "update_strategy_instruments_updated_at",
  "trigger_populate_instrument_metadata",
  "update_strategy_pnl_metrics_updated_at",
];

/** Constraints by what they say, since nothing is known of their names. */
export const KNOWN_CONSTRAINTS = [
  /^PRIMARY KEY /,
  /^FOREIGN KEY \(trading_account_id\) REFERENCES (\S+\.)?trading_account\(account_id\)/,
  /^FOREIGN KEY \(strategy_id\) REFERENCES (\S+\.)?strategy\(strategy_id\)/,
  /^UNIQUE \(strategy_id, metric_date\)$/,
  /^CHECK .*\bdirection\b.*'BUY'.*'SELL'/,
];

/** Its indexes on tables that stay, which ours take the place of. */
export const KNOWN_INDEXES = [
  "idx_trading_account_active",
  "idx_trading_account_status",
  "idx_strategy_status",
  "idx_strategy_active",
  "idx_strategy_type",
  "idx_strategy_accounts",
  "idx_strategy_active_updated",
  "idx_strategy_trading_account",
  "idx_strategy_default_per_account",
  "idx_strategy_instruments_strategy",
  "idx_strategy_instruments_symbol",
  "idx_strategy_instruments_expiry",
  "idx_strategy_instruments_underlying",
];
