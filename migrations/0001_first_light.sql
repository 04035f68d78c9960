-- Money is numeric(18,4) in rupees, within ±500,000,000,000 (MONEY_MAX of the SDK). numeric knows NaN and thinks it greater
-- than any number, so every bound is written abs(x) <= bound, which NaN fails. Money that nobody knows is NULL, never 0.
-- Constraints are named <table>_<what>_<kind>, kind being key, ref, known, range, form or law: the store maps them to errors.

create table stratctl_migration (
  id integer constraint stratctl_migration_pkey primary key,
  name text not null,
  checksum text not null,
  applied_at timestamptz not null default now()
);

create table trading_account (
  account_id text constraint trading_account_pkey primary key,
  account_name text,
  -- Other ids that callers may use, such as the numeric id of a user service.
  aliases text[] not null default '{}',
  broker text not null default 'zerodha',
  is_active boolean not null default true,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint trading_account_id_form check (account_id ~ '^\S{1,100}$')
);

create table strategy (
  strategy_id serial constraint strategy_pkey primary key,
  trading_account_id text not null constraint strategy_account_ref references trading_account on delete cascade,
  strategy_name text not null,
  description text,
  strategy_type text not null default 'manual',
  tags text[] not null default '{}',
  is_default boolean not null default false,
  status text not null default 'active',
  -- For readers of this table: as of the latest minute that closed, NULL after one without a Mark. The API reads strategy_mark.
  current_m2m numeric(18,4),
  total_pnl numeric(18,4),
  total_capital_deployed numeric(18,4),
  total_margin_used numeric(18,4),
  created_by text,
  metadata jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  archived_at timestamptz,
  constraint strategy_type_known check (strategy_type in ('manual', 'automated')),
  constraint strategy_status_known check (status in ('active', 'archived')),
  constraint strategy_archived_law check ((status = 'archived') = (archived_at is not null)),
  constraint strategy_default_law check (not is_default or status = 'active'),
  constraint strategy_money_range check (
    abs(current_m2m) <= 500000000000 and abs(total_pnl) <= 500000000000
    and abs(total_capital_deployed) <= 500000000000 and abs(total_margin_used) <= 500000000000
  )
) with (fillfactor = 50); -- the update at each minute's end stays on its page, that of every row at once

create unique index strategy_default_key on strategy (trading_account_id) where is_default;
create unique index strategy_name_key on strategy (trading_account_id, lower(strategy_name)) where status = 'active';
create index strategy_account_created_idx on strategy (trading_account_id, created_at desc);

create table strategy_instruments (
  id serial constraint strategy_instruments_pkey primary key,
  strategy_id integer not null constraint strategy_instruments_strategy_ref references strategy on delete cascade,
  tradingsymbol text not null,
  exchange text not null,
  instrument_token bigint,
  instrument_type text,
  strike numeric(18,4),
  expiry date,
  underlying_symbol text,
  direction text not null,
  -- Units, never lots; lot_size is for display and enters no sum.
  quantity integer not null,
  lot_size integer,
  entry_price numeric(18,4) not null,
  -- What the quantity cost: entry_price × quantity unless told; the sums use this, entry_price is what is shown.
  cost numeric(18,4) not null,
  exit_price numeric(18,4),
  closed_at timestamptz,
  notes text,
  metadata jsonb not null default '{}',
  added_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint strategy_instruments_symbol_form check (
    tradingsymbol <> '' and tradingsymbol = upper(btrim(tradingsymbol)) and exchange ~ '^[A-Z]{1,10}$'
  ),
  constraint strategy_instruments_token_range check (instrument_token between 1 and 9007199254740991),
  constraint strategy_instruments_type_known check (instrument_type in ('CE', 'PE', 'FUT', 'EQ')),
  constraint strategy_instruments_strike_range check (strike >= 0 and abs(strike) <= 500000000000),
  constraint strategy_instruments_direction_known check (direction in ('BUY', 'SELL')),
  constraint strategy_instruments_quantity_range check (quantity > 0),
  constraint strategy_instruments_lot_size_range check (lot_size > 0),
  constraint strategy_instruments_entry_price_range check (entry_price > 0 and abs(entry_price) <= 500000000000),
  constraint strategy_instruments_cost_range check (cost >= 0 and abs(cost) <= 500000000000),
  -- An option may expire worthless: 0 is a price to leave at.
  constraint strategy_instruments_exit_price_range check (
    exit_price >= 0 and abs(exit_price) <= 500000000000 and abs(cost - exit_price * quantity) <= 500000000000
  ),
  constraint strategy_instruments_closed_law check (
    (exit_price is null) = (closed_at is null) and (closed_at is null or closed_at >= added_at)
  )
);

create index strategy_instruments_strategy_idx on strategy_instruments (strategy_id, id);

-- The last price kept of an instrument: one row an instrument, however many legs hold it.
create table last_quote (
  exchange text not null,
  tradingsymbol text not null,
  price numeric(18,4) not null,
  at timestamptz not null,
  source text not null,
  constraint last_quote_pkey primary key (exchange, tradingsymbol),
  constraint last_quote_price_range check (price > 0 and abs(price) <= 500000000000)
) with (fillfactor = 50);

-- The latest mark: one narrow row a strategy, written in place.
create table strategy_mark (
  strategy_id integer
    constraint strategy_mark_pkey primary key
    constraint strategy_mark_strategy_ref references strategy on delete cascade,
  at timestamptz not null,
  m2m numeric(18,4),
  pnl numeric(18,4),
  entry_value numeric(18,4) not null,
  realized_pnl numeric(18,4) not null,
  instrument_count integer not null,
  priced integer not null,
  stale integer not null,
  oldest_age_ms bigint,
  reason text,
  constraint strategy_mark_money_range check (
    abs(m2m) <= 500000000000 and abs(pnl) <= 500000000000
    and abs(entry_value) <= 500000000000 and abs(realized_pnl) <= 500000000000
    and abs(entry_value - m2m) <= 500000000000
  ),
  constraint strategy_mark_pnl_law check ((m2m is null) = (pnl is null) and (m2m is null or pnl = realized_pnl + entry_value - m2m)),
  constraint strategy_mark_reason_law check (m2m is not null or reason is not null),
  constraint strategy_mark_count_range check (stale >= 0 and priced >= stale and instrument_count >= priced),
  constraint strategy_mark_age_range check (oldest_age_ms between 0 and 9007199254740991)
) with (fillfactor = 50);

-- OHLC of a strategy's M2M through [timestamp, timestamp + 1 minute). A minute has one book, that of its start: entry_value,
-- realized_pnl and instrument_count are the book's, so P&L candles follow exactly.
create table strategy_m2m_candles (
  -- Of a strategy that is there: the writer looks, and a trigger on strategy takes the candles with it. A foreign key would read
  -- and lock the strategy's row for each new candle, which was a third of a minute's write.
  strategy_id integer not null,
  timestamp timestamptz not null,
  open numeric(18,4) not null,
  high numeric(18,4) not null,
  low numeric(18,4) not null,
  close numeric(18,4) not null,
  entry_value numeric(18,4) not null,
  realized_pnl numeric(18,4) not null,
  instrument_count integer not null,
  sample_count integer not null,
  stale_count integer not null,
  oldest_age_ms integer not null,
  -- Bit n: second n of the minute was sampled.
  sampled bigint not null,
  first_at timestamptz not null,
  last_at timestamptz not null,
  source text not null,
  constraint strategy_m2m_candles_pkey primary key (strategy_id, timestamp),
  constraint strategy_m2m_candles_minute_form check (timestamp = date_bin('1 minute', timestamp, timestamptz '2000-01-01 00:00:00+00')),
  constraint strategy_m2m_candles_ohlc_law check (low <= open and low <= close and open <= high and close <= high),
  constraint strategy_m2m_candles_money_range check (
    abs(low) <= 500000000000 and abs(high) <= 500000000000 and abs(open) <= 500000000000 and abs(close) <= 500000000000
    and abs(entry_value) <= 500000000000 and abs(realized_pnl) <= 500000000000
    and abs(realized_pnl + entry_value - low) <= 500000000000 and abs(realized_pnl + entry_value - high) <= 500000000000
  ),
  constraint strategy_m2m_candles_sampled_law check (
    sampled between 1 and 1152921504606846975 and sample_count = bit_count(sampled::bit(64))
  ),
  constraint strategy_m2m_candles_count_range check (stale_count >= 0 and instrument_count >= stale_count and oldest_age_ms >= 0),
  constraint strategy_m2m_candles_time_law check (
    timestamp <= first_at and first_at <= last_at and last_at - timestamp < interval '1 minute'
  ),
  constraint strategy_m2m_candles_source_known check (source in ('live', 'replay', 'backfill'))
) with (fillfactor = 50); -- a minute's row is written every few seconds: the update stays on its page, and the index is left alone

-- A strategy's exchange day in figures. What nobody computed, or what is not defined (no capital, one day only), is NULL.
create table strategy_pnl_metrics (
  strategy_id integer not null constraint strategy_pnl_metrics_strategy_ref references strategy on delete cascade,
  metric_date date not null,
  day_pnl numeric(18,4),
  cumulative_pnl numeric(18,4),
  realized_pnl numeric(18,4),
  unrealized_pnl numeric(18,4),
  open_positions integer,
  closed_positions integer,
  total_trades integer,
  winning_trades integer,
  losing_trades integer,
  win_rate numeric(18,4),
  capital_deployed numeric(18,4),
  margin_used numeric(18,4),
  roi_percent numeric(18,4),
  sharpe_ratio numeric(18,4),
  sortino_ratio numeric(18,4),
  max_drawdown numeric(18,4),
  max_consecutive_losses integer,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint strategy_pnl_metrics_pkey primary key (strategy_id, metric_date),
  constraint strategy_pnl_metrics_money_range check (
    abs(day_pnl) <= 500000000000 and abs(cumulative_pnl) <= 500000000000
    and abs(realized_pnl) <= 500000000000 and abs(unrealized_pnl) <= 500000000000
    and abs(capital_deployed) <= 500000000000 and abs(margin_used) <= 500000000000
    and max_drawdown >= 0 and abs(max_drawdown) <= 500000000000
  ),
  constraint strategy_pnl_metrics_ratio_range check (
    win_rate between 0 and 100 and abs(roi_percent) <= 500000000000
    and abs(sharpe_ratio) <= 500000000000 and abs(sortino_ratio) <= 500000000000
  ),
  constraint strategy_pnl_metrics_count_range check (
    open_positions >= 0 and closed_positions >= 0 and total_trades >= 0 and winning_trades >= 0 and losing_trades >= 0
    and max_consecutive_losses >= 0
  )
);

-- Whoever inserts an account, its default strategy comes with it.
create function stratctl_default_strategy() returns trigger language plpgsql as $$
begin
  insert into strategy (trading_account_id, strategy_name, description, is_default, created_by)
  values (new.account_id, 'Default Strategy', 'Legs of the account that belong to no other strategy', true, new.account_id)
  on conflict (trading_account_id) where is_default do nothing;
  return null;
end $$;
create trigger trading_account_default_strategy after insert on trading_account
  for each row execute function stratctl_default_strategy();

-- A strategy's candles go with it. The lock waits for writers that looked for the strategy while it was there, and those that
-- wait for the lock look after the strategy is gone.
create function stratctl_remove_candles() returns trigger language plpgsql as $$
begin
  if tg_op = 'TRUNCATE' then
    truncate strategy_m2m_candles;
    return null;
  end if;
  lock table strategy_m2m_candles in share row exclusive mode;
  delete from strategy_m2m_candles where strategy_id = old.strategy_id;
  return null;
end $$;
create trigger strategy_candles_removed after delete on strategy
  for each row execute function stratctl_remove_candles();
create trigger strategy_candles_truncated after truncate on strategy
  for each statement execute function stratctl_remove_candles();

-- A name leads to one account: no alias is another account's id or alias.
create function stratctl_one_account_a_name() returns trigger language plpgsql as $$
begin
  perform pg_advisory_xact_lock(hashtext('stratctl'), hashtext('trading_account.aliases'));
  if exists (
    select from trading_account other
    where other.account_id <> new.account_id
      and (other.account_id = any (new.aliases) or other.aliases && (new.aliases || new.account_id))
  ) then
    raise unique_violation using
      message = 'an alias of this account names another account', constraint = 'trading_account_aliases_key', table = 'trading_account';
  end if;
  return null;
end $$;
create constraint trigger trading_account_aliases_key after insert or update of account_id, aliases on trading_account
  for each row execute function stratctl_one_account_a_name();

create function stratctl_leg_cost() returns trigger language plpgsql as $$
begin
  if new.cost is null then
    new.cost := new.entry_price * new.quantity;
  elsif tg_op = 'UPDATE' and new.cost = old.cost and (new.entry_price <> old.entry_price or new.quantity <> old.quantity) then
    new.cost := new.entry_price * new.quantity;
  end if;
  return new;
end $$;
create trigger strategy_instruments_cost before insert or update of entry_price, quantity, cost on strategy_instruments
  for each row execute function stratctl_leg_cost();

-- updated_at moves on edits, and not when the engine brings its figures up to date.
create function stratctl_updated_at() returns trigger language plpgsql as $$
begin
  new.updated_at := now();
  return new;
end $$;
create trigger trading_account_updated_at before update on trading_account
  for each row when (old.* is distinct from new.*) execute function stratctl_updated_at();
-- Not even looked at when current_m2m and total_pnl are all that is set: that was a fifth of their cost.
create trigger strategy_updated_at
  before update of trading_account_id, strategy_name, description, strategy_type, tags, is_default, status, total_capital_deployed,
    total_margin_used, created_by, metadata, archived_at on strategy
  for each row when (old.* is distinct from new.*) execute function stratctl_updated_at();
create trigger strategy_instruments_updated_at before update on strategy_instruments
  for each row when (old.* is distinct from new.*) execute function stratctl_updated_at();
create trigger strategy_pnl_metrics_updated_at before update on strategy_pnl_metrics
  for each row when (old.* is distinct from new.*) execute function stratctl_updated_at();

-- Legs with what they are worth at the last price kept. Direction: BUY = -1 (cash out), SELL = +1 (cash in).
create view strategy_legs as
select
  leg.id, leg.strategy_id, leg.exchange || ':' || leg.tradingsymbol as instrument, leg.exchange, leg.tradingsymbol,
  leg.instrument_token, leg.instrument_type, leg.strike, leg.expiry, leg.underlying_symbol,
  leg.direction, leg.quantity, leg.lot_size, leg.entry_price, leg.cost, leg.exit_price, leg.closed_at,
  quote.price as current_price,
  quote.at as current_price_at,
  -- Beyond the bound of money it is unknown, as a mark of that leg is.
  case when abs(leg.cost - coalesce(leg.exit_price, quote.price) * leg.quantity) <= 500000000000
    then (leg.cost - coalesce(leg.exit_price, quote.price) * leg.quantity) * case leg.direction when 'SELL' then 1 else -1 end
  end as current_pnl,
  leg.notes, leg.metadata, leg.added_at, leg.updated_at
from strategy_instruments leg
left join last_quote quote
  on quote.exchange = leg.exchange and quote.tradingsymbol = leg.tradingsymbol and leg.closed_at is null;

-- pnl = realized_pnl + entry_value - m2m: P&L is high where M2M is low.
create view strategy_pnl_candles as
select
  strategy_id, timestamp,
  realized_pnl + entry_value - open as open,
  realized_pnl + entry_value - low as high,
  realized_pnl + entry_value - high as low,
  realized_pnl + entry_value - close as close,
  entry_value, realized_pnl, instrument_count, sample_count, stale_count, oldest_age_ms, sampled, first_at, last_at, source
from strategy_m2m_candles;

-- What the engine's book must read again. A row tells the transaction that last changed a strategy's legs, or whether it counts
-- at all. Who keeps the snapshot of his last look finds what that look could not see: also what was under way then and
-- committed since, which a counter or a time stamp would miss. No reference to strategy: a deleted one has changed too.
create table book_change (
  strategy_id integer constraint book_change_pkey primary key,
  changed_by xid8 not null
) with (fillfactor = 70);
create index book_change_changed_by_idx on book_change (changed_by);

create function stratctl_legs_changed() returns trigger language plpgsql as $$
begin
  insert into book_change (strategy_id, changed_by)
  select distinct strategy_id, pg_current_xact_id() from changed order by strategy_id
  on conflict (strategy_id) do update set changed_by = excluded.changed_by where book_change.changed_by <> excluded.changed_by;
  return null;
end $$;
create trigger strategy_instruments_added after insert on strategy_instruments
  referencing new table as changed for each statement execute function stratctl_legs_changed();
create trigger strategy_instruments_removed after delete on strategy_instruments
  referencing old table as changed for each statement execute function stratctl_legs_changed();
create trigger strategy_instruments_changed after update on strategy_instruments
  referencing new table as changed for each statement execute function stratctl_legs_changed();
create trigger strategy_instruments_moved after update on strategy_instruments
  referencing old table as changed for each statement execute function stratctl_legs_changed();

create function stratctl_strategy_changed() returns trigger language plpgsql as $$
begin
  insert into book_change (strategy_id, changed_by) values (old.strategy_id, pg_current_xact_id())
  on conflict (strategy_id) do update set changed_by = excluded.changed_by;
  return null;
end $$;
create trigger strategy_status_changed after update of status, archived_at on strategy
  for each row when ((old.status, old.archived_at) is distinct from (new.status, new.archived_at))
  execute function stratctl_strategy_changed();
create trigger strategy_removed after delete on strategy for each row execute function stratctl_strategy_changed();
