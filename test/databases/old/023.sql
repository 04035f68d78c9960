-- What its migration 023 adds.
alter table strategy
  add column trading_account_id varchar(100) references trading_account on delete cascade,
  add column is_default boolean default false,
  add column tags text[],
  add column current_m2m numeric(15,2) default 0,
  add column total_capital_deployed numeric(15,2) default 0,
  add column total_margin_used numeric(15,2) default 0,
  add column archived_at timestamptz,
  alter column account_ids drop not null;
create index idx_strategy_trading_account on strategy (trading_account_id);
create unique index idx_strategy_default_per_account on strategy (trading_account_id) where is_default = true;

create table strategy_instruments (
  id serial primary key,
  strategy_id integer not null references strategy on delete cascade,
  tradingsymbol varchar(50) not null,
  exchange varchar(10) not null,
  instrument_token bigint,
  direction varchar(4) not null check (direction in ('BUY', 'SELL')),
  quantity integer not null,
  entry_price numeric(12,2) not null,
  current_price numeric(12,2),
  current_pnl numeric(15,2),
  added_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  notes text,
  metadata jsonb default '{}'
);
create index idx_strategy_instruments_strategy on strategy_instruments (strategy_id);
create index idx_strategy_instruments_symbol on strategy_instruments (tradingsymbol);
create trigger update_strategy_instruments_updated_at before update on strategy_instruments
  for each row execute function update_updated_at_column();

create table strategy_m2m_candles (
  timestamp timestamptz not null,
  strategy_id integer not null references strategy on delete cascade,
  open numeric(15,2) not null,
  high numeric(15,2) not null,
  low numeric(15,2) not null,
  close numeric(15,2) not null,
  instrument_count integer default 0,
  volume integer default 0,
  primary key (timestamp, strategy_id)
);
create index idx_m2m_strategy_time on strategy_m2m_candles (strategy_id, timestamp desc);

create table strategy_pnl_metrics (
  id serial primary key,
  strategy_id integer not null references strategy on delete cascade,
  metric_date date not null,
  day_pnl numeric(15,2) default 0,
  cumulative_pnl numeric(15,2) default 0,
  realized_pnl numeric(15,2) default 0,
  unrealized_pnl numeric(15,2) default 0,
  open_positions integer default 0,
  closed_positions integer default 0,
  avg_position_size numeric(15,2),
  total_trades integer default 0,
  winning_trades integer default 0,
  losing_trades integer default 0,
  win_rate numeric(5,2),
  capital_deployed numeric(15,2),
  margin_used numeric(15,2),
  max_drawdown numeric(15,2),
  sharpe_ratio numeric(8,4),
  sortino_ratio numeric(8,4),
  max_consecutive_losses integer,
  roi_percent numeric(8,4),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (strategy_id, metric_date)
);
create index idx_pnl_metrics_strategy_date on strategy_pnl_metrics (strategy_id, metric_date desc);
create trigger update_strategy_pnl_metrics_updated_at before update on strategy_pnl_metrics
  for each row execute function update_updated_at_column();

alter table account_position add column strategy_id integer references strategy;
create index idx_account_position_strategy on account_position (strategy_id) where strategy_id is not null;

create function create_default_strategy_for_account() returns trigger language plpgsql as $$
begin
  insert into strategy (strategy_name, strategy_type, description, trading_account_id, status, is_active, is_default, created_by)
  values ('Default Strategy', 'default', 'Made with the account', new.account_id, 'active', true, true, new.account_id);
  return new;
end $$;
create trigger trigger_create_default_strategy_for_account after insert on trading_account
  for each row execute function create_default_strategy_for_account();

-- The backfill: accounts that have none.
insert into strategy (strategy_name, strategy_type, description, trading_account_id, status, is_active, is_default, created_by)
select 'Default Strategy', 'default', 'Made with the account', account_id, 'active', true, true, account_id from trading_account
where not exists (select from strategy where trading_account_id = account_id and is_default);
