-- The older system's tables after its migrations 008 and 009, as far as they touch accounts and strategies.
create function update_updated_at_column() returns trigger language plpgsql as $$
begin new.updated_at = now(); return new; end $$;

create table trading_account (
  account_id varchar(100) primary key,
  account_name varchar(255) not null,
  broker varchar(50) not null default 'zerodha',
  is_active boolean not null default true,
  login_status varchar(20) default 'logged_out',
  last_login_at timestamptz,
  last_sync_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  metadata jsonb default '{}'
);
create index idx_trading_account_active on trading_account (is_active);
create index idx_trading_account_status on trading_account (login_status);
create trigger update_trading_account_updated_at before update on trading_account for each row execute function update_updated_at_column();

create table strategy (
  strategy_id serial primary key,
  strategy_name varchar(255) not null,
  description text,
  strategy_type varchar(50) not null,
  config jsonb not null default '{}',
  account_ids text[] not null,
  status varchar(20) not null default 'draft',
  is_active boolean not null default false,
  total_pnl numeric(12,2) default 0,
  total_trades integer default 0,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  started_at timestamptz,
  stopped_at timestamptz,
  created_by varchar(100),
  metadata jsonb default '{}'
);
create index idx_strategy_status on strategy (status);
create index idx_strategy_active on strategy (is_active);
create index idx_strategy_type on strategy (strategy_type);
create index idx_strategy_accounts on strategy using gin (account_ids);
create index idx_strategy_active_updated on strategy (is_active, updated_at desc) where is_active;
create trigger update_strategy_updated_at before update on strategy for each row execute function update_updated_at_column();

-- Tables that refer to those two and are none of our business.
create table strategy_snapshot (
  snapshot_time timestamptz not null,
  strategy_id integer not null references strategy on delete cascade,
  total_pnl numeric(12,2),
  primary key (snapshot_time, strategy_id)
);
create table account_order (
  order_id varchar(100) primary key,
  account_id varchar(100) not null references trading_account on delete cascade,
  tradingsymbol varchar(50),
  strategy_id integer,
  updated_at timestamptz default now()
);
create trigger update_account_order_updated_at before update on account_order for each row execute function update_updated_at_column();
create table account_position (
  id serial primary key,
  account_id varchar(100) not null references trading_account on delete cascade,
  tradingsymbol varchar(50) not null
);
