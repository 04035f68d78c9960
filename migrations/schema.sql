-- What the migrations make, as the catalogue tells it. Not run: written by the tests (vitest -u), and compared by them.

create table book_change (
  strategy_id integer not null,
  changed_by xid8 not null,
  constraint book_change_pkey PRIMARY KEY (strategy_id)
) with (fillfactor=70);
CREATE INDEX book_change_changed_by_idx ON book_change USING btree (changed_by);

create table engine_leader (
  shard integer not null,
  of integer not null,
  fence bigint not null,
  holder text not null,
  backend_pid integer,
  since timestamp with time zone not null,
  seen_at timestamp with time zone not null,
  written_to timestamp with time zone,
  standing jsonb,
  constraint engine_leader_pkey PRIMARY KEY (shard, of),
  constraint engine_leader_shard_range CHECK (shard >= 1 AND shard <= of AND fence > 0)
) with (fillfactor=50);

create table idempotency_key (
  caller text not null,
  key text not null,
  request text not null,
  answer json not null,
  created_at timestamp with time zone not null default now(),
  constraint idempotency_key_key_range CHECK (length(key) >= 1 AND length(key) <= 200),
  constraint idempotency_key_pkey PRIMARY KEY (caller, key),
  constraint idempotency_key_request_form CHECK (request ~ '^[0-9a-f]{64}$'::text)
);
CREATE INDEX idempotency_key_created_idx ON idempotency_key USING btree (created_at);

create table instrument (
  exchange text not null,
  tradingsymbol text not null,
  instrument_token bigint not null,
  exchange_token bigint,
  name text,
  instrument_type text not null,
  strike numeric(18,4),
  expiry date,
  tick_size numeric(18,4),
  lot_size integer,
  segment text,
  seen_on date not null,
  words text not null,
  constraint instrument_contract_law CHECK ((instrument_type = ANY (ARRAY['CE'::text, 'PE'::text])) = (strike IS NOT NULL) AND (instrument_type = 'EQ'::text OR expiry IS NOT NULL)),
  constraint instrument_lot_size_range CHECK (lot_size > 0),
  constraint instrument_money_range CHECK (strike > 0::numeric AND abs(strike) <= '500000000000'::bigint::numeric AND tick_size > 0::numeric AND abs(tick_size) <= '500000000000'::bigint::numeric),
  constraint instrument_pkey PRIMARY KEY (tradingsymbol, exchange),
  constraint instrument_symbol_form CHECK (tradingsymbol ~ '^\S(.{0,48}\S)?$'::text AND tradingsymbol = upper(tradingsymbol)),
  constraint instrument_type_known CHECK (instrument_type = ANY (ARRAY['CE'::text, 'PE'::text, 'FUT'::text, 'EQ'::text]))
);
CREATE INDEX instrument_exchange_idx ON instrument USING btree (exchange);

create table last_quote (
  exchange text not null,
  tradingsymbol text not null,
  price numeric(18,4) not null,
  at timestamp with time zone not null,
  source text not null,
  constraint last_quote_pkey PRIMARY KEY (exchange, tradingsymbol),
  constraint last_quote_price_range CHECK (price > 0::numeric AND abs(price) <= '500000000000'::bigint::numeric)
) with (fillfactor=50);

create table stratctl_migration (
  id integer not null,
  name text not null,
  checksum text not null,
  applied_at timestamp with time zone not null default now(),
  constraint stratctl_migration_pkey PRIMARY KEY (id)
);

create table strategy (
  strategy_id integer not null default nextval('strategy_strategy_id_seq'::regclass),
  trading_account_id text not null,
  strategy_name text not null,
  description text,
  strategy_type text not null default 'manual'::text,
  tags text[] not null default '{}'::text[],
  is_default boolean not null default false,
  status text not null default 'active'::text,
  current_m2m numeric(18,4),
  total_pnl numeric(18,4),
  total_capital_deployed numeric(18,4),
  total_margin_used numeric(18,4),
  created_by text,
  metadata jsonb not null default '{}'::jsonb,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  archived_at timestamp with time zone,
  constraint strategy_account_ref FOREIGN KEY (trading_account_id) REFERENCES trading_account(account_id) ON DELETE CASCADE,
  constraint strategy_archived_law CHECK ((status = 'archived'::text) = (archived_at IS NOT NULL)),
  constraint strategy_default_law CHECK (NOT is_default OR status = 'active'::text),
  constraint strategy_money_range CHECK (abs(current_m2m) <= '500000000000'::bigint::numeric AND abs(total_pnl) <= '500000000000'::bigint::numeric AND abs(total_capital_deployed) <= '500000000000'::bigint::numeric AND abs(total_margin_used) <= '500000000000'::bigint::numeric),
  constraint strategy_pkey PRIMARY KEY (strategy_id),
  constraint strategy_status_known CHECK (status = ANY (ARRAY['active'::text, 'archived'::text])),
  constraint strategy_type_known CHECK (strategy_type = ANY (ARRAY['manual'::text, 'automated'::text]))
) with (fillfactor=50);
CREATE INDEX strategy_account_created_idx ON strategy USING btree (trading_account_id, created_at DESC);
CREATE UNIQUE INDEX strategy_default_key ON strategy USING btree (trading_account_id) WHERE is_default;
CREATE UNIQUE INDEX strategy_name_key ON strategy USING btree (trading_account_id, lower(strategy_name)) WHERE status = 'active'::text;
CREATE TRIGGER strategy_candles_removed AFTER DELETE ON strategy FOR EACH ROW EXECUTE FUNCTION stratctl_remove_candles();
CREATE TRIGGER strategy_candles_truncated AFTER TRUNCATE ON strategy FOR EACH STATEMENT EXECUTE FUNCTION stratctl_remove_candles();
CREATE TRIGGER strategy_removed AFTER DELETE ON strategy FOR EACH ROW EXECUTE FUNCTION stratctl_strategy_changed();
CREATE TRIGGER strategy_status_changed AFTER UPDATE OF status, archived_at ON strategy FOR EACH ROW WHEN (old.status IS DISTINCT FROM new.status OR old.archived_at IS DISTINCT FROM new.archived_at) EXECUTE FUNCTION stratctl_strategy_changed();
CREATE TRIGGER strategy_updated_at BEFORE UPDATE OF trading_account_id, strategy_name, description, strategy_type, tags, is_default, status, total_capital_deployed, total_margin_used, created_by, metadata, archived_at ON strategy FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION stratctl_updated_at();

create table strategy_fills (
  id integer not null default nextval('strategy_fills_id_seq'::regclass),
  trading_account_id text not null,
  strategy_id integer not null,
  leg_id integer not null,
  side text not null,
  quantity integer not null,
  price numeric(18,4) not null,
  value numeric(18,4) not null,
  at timestamp with time zone not null,
  source text not null,
  external_id text,
  realized_pnl numeric(18,4),
  cost_method text,
  created_at timestamp with time zone not null default now(),
  constraint strategy_fills_account_ref FOREIGN KEY (trading_account_id) REFERENCES trading_account(account_id) ON DELETE CASCADE,
  constraint strategy_fills_cost_method_known CHECK (cost_method = ANY (ARRAY['average'::text, 'fifo'::text])),
  constraint strategy_fills_exit_law CHECK ((realized_pnl IS NULL) = (cost_method IS NULL)),
  constraint strategy_fills_external_id_range CHECK (length(external_id) >= 1 AND length(external_id) <= 100),
  constraint strategy_fills_leg_ref FOREIGN KEY (leg_id) REFERENCES strategy_instruments(id) ON DELETE CASCADE,
  constraint strategy_fills_money_range CHECK (price >= 0::numeric AND abs(price) <= '500000000000'::bigint::numeric AND value >= 0::numeric AND abs(value) <= '500000000000'::bigint::numeric AND abs(realized_pnl) <= '500000000000'::bigint::numeric),
  constraint strategy_fills_pkey PRIMARY KEY (id),
  constraint strategy_fills_quantity_range CHECK (quantity > 0),
  constraint strategy_fills_side_known CHECK (side = ANY (ARRAY['BUY'::text, 'SELL'::text])),
  constraint strategy_fills_source_known CHECK (source = ANY (ARRAY['entry'::text, 'fill'::text, 'settlement'::text, 'move'::text])),
  constraint strategy_fills_strategy_ref FOREIGN KEY (strategy_id) REFERENCES strategy(strategy_id) ON DELETE CASCADE
);
CREATE INDEX strategy_fills_entry_idx ON strategy_fills USING btree (at) WHERE cost_method IS NULL;
CREATE UNIQUE INDEX strategy_fills_external_key ON strategy_fills USING btree (trading_account_id, external_id, leg_id);
CREATE INDEX strategy_fills_leg_idx ON strategy_fills USING btree (leg_id);
CREATE INDEX strategy_fills_strategy_idx ON strategy_fills USING btree (strategy_id, at, id);

create table strategy_gap (
  strategy_id integer not null,
  from_minute timestamp with time zone not null,
  to_minute timestamp with time zone not null,
  reason text not null,
  constraint strategy_gap_minute_form CHECK (from_minute = date_bin('00:01:00'::interval, from_minute, '2000-01-01 00:00:00+00'::timestamp with time zone) AND to_minute = date_bin('00:01:00'::interval, to_minute, '2000-01-01 00:00:00+00'::timestamp with time zone)),
  constraint strategy_gap_pkey PRIMARY KEY (strategy_id, from_minute),
  constraint strategy_gap_span_law CHECK (from_minute <= to_minute),
  constraint strategy_gap_strategy_ref FOREIGN KEY (strategy_id) REFERENCES strategy(strategy_id) ON DELETE CASCADE
) with (fillfactor=50);

create table strategy_instruments (
  id integer not null default nextval('strategy_instruments_id_seq'::regclass),
  strategy_id integer not null,
  tradingsymbol text not null,
  exchange text not null,
  instrument_token bigint,
  instrument_type text,
  strike numeric(18,4),
  expiry date,
  underlying_symbol text,
  direction text not null,
  quantity integer not null,
  lot_size integer,
  entry_price numeric(18,4) not null,
  cost numeric(18,4) not null,
  exit_price numeric(18,4),
  closed_at timestamp with time zone,
  notes text,
  metadata jsonb not null default '{}'::jsonb,
  added_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  exit_value numeric(18,4),
  closed_by text,
  cost_method text,
  part_of integer,
  constraint strategy_instruments_closed_by_known CHECK (closed_by = ANY (ARRAY['fill'::text, 'settlement'::text, 'move'::text])),
  constraint strategy_instruments_closed_law CHECK ((exit_price IS NULL) = (closed_at IS NULL) AND (closed_at IS NULL OR closed_at >= added_at)),
  constraint strategy_instruments_cost_method_known CHECK (cost_method = ANY (ARRAY['average'::text, 'fifo'::text])),
  constraint strategy_instruments_cost_range CHECK (cost >= 0::numeric AND abs(cost) <= '500000000000'::bigint::numeric),
  constraint strategy_instruments_direction_known CHECK (direction = ANY (ARRAY['BUY'::text, 'SELL'::text])),
  constraint strategy_instruments_entry_price_range CHECK (entry_price > 0::numeric AND abs(entry_price) <= '500000000000'::bigint::numeric),
  constraint strategy_instruments_exit_law CHECK ((exit_price IS NULL) = (exit_value IS NULL) AND (exit_price IS NULL) = (closed_by IS NULL)),
  constraint strategy_instruments_exit_price_range CHECK (exit_price >= 0::numeric AND abs(exit_price) <= '500000000000'::bigint::numeric),
  constraint strategy_instruments_exit_value_range CHECK (exit_value >= 0::numeric AND abs(exit_value) <= '500000000000'::bigint::numeric AND abs(cost - exit_value) <= '500000000000'::bigint::numeric),
  constraint strategy_instruments_lot_size_range CHECK (lot_size > 0),
  constraint strategy_instruments_part_ref FOREIGN KEY (part_of) REFERENCES strategy_instruments(id),
  constraint strategy_instruments_pkey PRIMARY KEY (id),
  constraint strategy_instruments_quantity_range CHECK (quantity > 0),
  constraint strategy_instruments_strategy_ref FOREIGN KEY (strategy_id) REFERENCES strategy(strategy_id) ON DELETE CASCADE,
  constraint strategy_instruments_strike_range CHECK (strike >= 0::numeric AND abs(strike) <= '500000000000'::bigint::numeric),
  constraint strategy_instruments_symbol_form CHECK (tradingsymbol <> ''::text AND tradingsymbol = upper(btrim(tradingsymbol)) AND exchange ~ '^[A-Z]{1,10}$'::text),
  constraint strategy_instruments_token_range CHECK (instrument_token >= 1 AND instrument_token <= '9007199254740991'::bigint),
  constraint strategy_instruments_type_known CHECK (instrument_type = ANY (ARRAY['CE'::text, 'PE'::text, 'FUT'::text, 'EQ'::text]))
);
CREATE INDEX strategy_instruments_part_idx ON strategy_instruments USING btree (part_of) WHERE part_of IS NOT NULL;
CREATE INDEX strategy_instruments_strategy_idx ON strategy_instruments USING btree (strategy_id, id);
CREATE TRIGGER strategy_instruments_added AFTER INSERT ON strategy_instruments REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION stratctl_legs_changed();
CREATE TRIGGER strategy_instruments_changed AFTER UPDATE ON strategy_instruments REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION stratctl_legs_changed();
CREATE TRIGGER strategy_instruments_cost BEFORE INSERT OR UPDATE OF entry_price, quantity, cost, exit_price ON strategy_instruments FOR EACH ROW EXECUTE FUNCTION stratctl_leg_cost();
CREATE TRIGGER strategy_instruments_moved AFTER UPDATE ON strategy_instruments REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION stratctl_legs_changed();
CREATE TRIGGER strategy_instruments_removed AFTER DELETE ON strategy_instruments REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION stratctl_legs_changed();
CREATE TRIGGER strategy_instruments_updated_at BEFORE UPDATE ON strategy_instruments FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION stratctl_updated_at();

create table strategy_m2m_candles (
  strategy_id integer not null,
  timestamp timestamp with time zone not null,
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
  sampled bigint not null,
  first_at timestamp with time zone not null,
  last_at timestamp with time zone not null,
  source text not null,
  constraint strategy_m2m_candles_count_range CHECK (stale_count >= 0 AND instrument_count >= stale_count AND oldest_age_ms >= 0),
  constraint strategy_m2m_candles_minute_form CHECK ("timestamp" = date_bin('00:01:00'::interval, "timestamp", '2000-01-01 00:00:00+00'::timestamp with time zone)),
  constraint strategy_m2m_candles_money_range CHECK (abs(low) <= '500000000000'::bigint::numeric AND abs(high) <= '500000000000'::bigint::numeric AND abs(open) <= '500000000000'::bigint::numeric AND abs(close) <= '500000000000'::bigint::numeric AND abs(entry_value) <= '500000000000'::bigint::numeric AND abs(realized_pnl) <= '500000000000'::bigint::numeric AND abs(realized_pnl + entry_value - low) <= '500000000000'::bigint::numeric AND abs(realized_pnl + entry_value - high) <= '500000000000'::bigint::numeric),
  constraint strategy_m2m_candles_ohlc_law CHECK (low <= open AND low <= close AND open <= high AND close <= high),
  constraint strategy_m2m_candles_pkey PRIMARY KEY (strategy_id, "timestamp"),
  constraint strategy_m2m_candles_sampled_law CHECK (sampled >= 1 AND sampled <= '1152921504606846975'::bigint AND sample_count = bit_count(sampled::bit(64))),
  constraint strategy_m2m_candles_source_known CHECK (source = ANY (ARRAY['live'::text, 'replay'::text, 'backfill'::text])),
  constraint strategy_m2m_candles_time_law CHECK ("timestamp" <= first_at AND first_at <= last_at AND (last_at - "timestamp") < '00:01:00'::interval)
) with (fillfactor=50);

create table strategy_mark (
  strategy_id integer not null,
  at timestamp with time zone not null,
  m2m numeric(18,4),
  pnl numeric(18,4),
  entry_value numeric(18,4) not null,
  realized_pnl numeric(18,4) not null,
  instrument_count integer not null,
  priced integer not null,
  stale integer not null,
  oldest_age_ms bigint,
  reason text,
  constraint strategy_mark_age_range CHECK (oldest_age_ms >= 0 AND oldest_age_ms <= '9007199254740991'::bigint),
  constraint strategy_mark_count_range CHECK (stale >= 0 AND priced >= stale AND instrument_count >= priced),
  constraint strategy_mark_money_range CHECK (abs(m2m) <= '500000000000'::bigint::numeric AND abs(pnl) <= '500000000000'::bigint::numeric AND abs(entry_value) <= '500000000000'::bigint::numeric AND abs(realized_pnl) <= '500000000000'::bigint::numeric AND abs(entry_value - m2m) <= '500000000000'::bigint::numeric),
  constraint strategy_mark_pkey PRIMARY KEY (strategy_id),
  constraint strategy_mark_pnl_law CHECK ((m2m IS NULL) = (pnl IS NULL) AND (m2m IS NULL OR pnl = (realized_pnl + entry_value - m2m))),
  constraint strategy_mark_reason_law CHECK (m2m IS NOT NULL OR reason IS NOT NULL),
  constraint strategy_mark_strategy_ref FOREIGN KEY (strategy_id) REFERENCES strategy(strategy_id) ON DELETE CASCADE
) with (fillfactor=50);

create table strategy_pnl_metrics (
  strategy_id integer not null,
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
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  high_pnl numeric(18,4),
  low_pnl numeric(18,4),
  day_drawdown numeric(18,4),
  profit_factor numeric(18,4),
  constraint strategy_pnl_metrics_count_range CHECK (open_positions >= 0 AND closed_positions >= 0 AND total_trades >= 0 AND winning_trades >= 0 AND losing_trades >= 0 AND max_consecutive_losses >= 0),
  constraint strategy_pnl_metrics_day_range CHECK (abs(high_pnl) <= '500000000000'::bigint::numeric AND abs(low_pnl) <= '500000000000'::bigint::numeric AND low_pnl <= high_pnl AND day_drawdown >= 0::numeric AND abs(day_drawdown) <= '500000000000'::bigint::numeric AND profit_factor >= 0::numeric AND abs(profit_factor) <= '500000000000'::bigint::numeric),
  constraint strategy_pnl_metrics_money_range CHECK (abs(day_pnl) <= '500000000000'::bigint::numeric AND abs(cumulative_pnl) <= '500000000000'::bigint::numeric AND abs(realized_pnl) <= '500000000000'::bigint::numeric AND abs(unrealized_pnl) <= '500000000000'::bigint::numeric AND abs(capital_deployed) <= '500000000000'::bigint::numeric AND abs(margin_used) <= '500000000000'::bigint::numeric AND max_drawdown >= 0::numeric AND abs(max_drawdown) <= '500000000000'::bigint::numeric),
  constraint strategy_pnl_metrics_pkey PRIMARY KEY (strategy_id, metric_date),
  constraint strategy_pnl_metrics_ratio_range CHECK (win_rate >= 0::numeric AND win_rate <= 100::numeric AND abs(roi_percent) <= '500000000000'::bigint::numeric AND abs(sharpe_ratio) <= '500000000000'::bigint::numeric AND abs(sortino_ratio) <= '500000000000'::bigint::numeric),
  constraint strategy_pnl_metrics_strategy_ref FOREIGN KEY (strategy_id) REFERENCES strategy(strategy_id) ON DELETE CASCADE
);
CREATE TRIGGER strategy_pnl_metrics_updated_at BEFORE UPDATE ON strategy_pnl_metrics FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION stratctl_updated_at();

create table trading_account (
  account_id text not null,
  account_name text,
  aliases text[] not null default '{}'::text[],
  broker text not null default 'zerodha'::text,
  is_active boolean not null default true,
  metadata jsonb not null default '{}'::jsonb,
  created_at timestamp with time zone not null default now(),
  updated_at timestamp with time zone not null default now(),
  constraint trading_account_id_form CHECK (account_id ~ '^\S{1,100}$'::text),
  constraint trading_account_pkey PRIMARY KEY (account_id)
);
CREATE CONSTRAINT TRIGGER trading_account_aliases_key AFTER INSERT OR UPDATE OF account_id, aliases ON trading_account NOT DEFERRABLE INITIALLY IMMEDIATE FOR EACH ROW EXECUTE FUNCTION stratctl_one_account_a_name();
CREATE TRIGGER trading_account_default_strategy AFTER INSERT ON trading_account FOR EACH ROW EXECUTE FUNCTION stratctl_default_strategy();
CREATE TRIGGER trading_account_updated_at BEFORE UPDATE ON trading_account FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION stratctl_updated_at();

create table underlying_close (
  trading_account_id text not null,
  underlying text not null,
  day date not null,
  close numeric(18,4) not null,
  created_at timestamp with time zone not null default now(),
  constraint underlying_close_account_ref FOREIGN KEY (trading_account_id) REFERENCES trading_account(account_id) ON DELETE CASCADE,
  constraint underlying_close_pkey PRIMARY KEY (trading_account_id, underlying, day),
  constraint underlying_close_range CHECK (close > 0::numeric AND abs(close) <= '500000000000'::bigint::numeric)
);

create view strategy_legs as
 SELECT leg.id,
    leg.strategy_id,
    (leg.exchange || ':'::text) || leg.tradingsymbol AS instrument,
    leg.exchange,
    leg.tradingsymbol,
    leg.instrument_token,
    leg.instrument_type,
    leg.strike,
    leg.expiry,
    leg.underlying_symbol,
    leg.direction,
    leg.quantity,
    leg.lot_size,
    leg.entry_price,
    leg.cost,
    leg.exit_price,
    leg.closed_at,
    quote.price AS current_price,
    quote.at AS current_price_at,
        CASE
            WHEN abs(leg.cost - COALESCE(leg.exit_value, quote.price * leg.quantity::numeric)) <= '500000000000'::bigint::numeric THEN (leg.cost - COALESCE(leg.exit_value, quote.price * leg.quantity::numeric)) *
            CASE leg.direction
                WHEN 'SELL'::text THEN 1
                ELSE '-1'::integer
            END::numeric
            ELSE NULL::numeric
        END AS current_pnl,
    leg.notes,
    leg.metadata,
    leg.added_at,
    leg.updated_at,
    leg.exit_value,
    leg.closed_by,
    leg.cost_method,
    leg.part_of
   FROM strategy_instruments leg
     LEFT JOIN last_quote quote ON quote.exchange = leg.exchange AND quote.tradingsymbol = leg.tradingsymbol AND leg.closed_at IS NULL;

create view strategy_pnl_candles as
 SELECT strategy_id,
    "timestamp",
    realized_pnl + entry_value - open AS open,
    realized_pnl + entry_value - low AS high,
    realized_pnl + entry_value - high AS low,
    realized_pnl + entry_value - close AS close,
    entry_value,
    realized_pnl,
    instrument_count,
    sample_count,
    stale_count,
    oldest_age_ms,
    sampled,
    first_at,
    last_at,
    source
   FROM strategy_m2m_candles;

CREATE OR REPLACE FUNCTION stratctl_default_strategy()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into strategy (trading_account_id, strategy_name, description, is_default, created_by)
  values (new.account_id, 'Default Strategy', 'Legs of the account that belong to no other strategy', true, new.account_id)
  on conflict (trading_account_id) where is_default do nothing;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION stratctl_fenced(asked_shard integer, asked_of integer, asked_fence bigint)
 RETURNS boolean
 LANGUAGE plpgsql
AS $function$
begin
  perform from engine_leader where shard = asked_shard and of = asked_of and fence = asked_fence for key share;
  if not found then
    raise exception using errcode = 'SC001', message = 'another engine leads these accounts';
  end if;
  return true;
end $function$;

CREATE OR REPLACE FUNCTION stratctl_lead(asked_shard integer, asked_of integer, asked_holder text, own_fence bigint, silent interval, OUT fence bigint, OUT is_locked boolean, OUT shard integer, OUT of integer, OUT holder text, OUT since timestamp with time zone, OUT seen_at timestamp with time zone, OUT written_to timestamp with time zone)
 RETURNS record
 LANGUAGE plpgsql
 SET lock_timeout TO '1s'
AS $function$
#variable_conflict use_column
declare
  lock_key integer := hashtext('leader ' || asked_shard || '/' || asked_of);
  other record;
begin
  perform pg_advisory_xact_lock(hashtext('stratctl'), hashtext('engine_leader')); -- one asks at a time
  -- Two shards have an account in common where some number leaves the remainders of both.
  for other in
    select leader.*, exists (select from pg_stat_activity where pid = leader.backend_pid) as lives
    from engine_leader leader
    where mod(leader.shard - asked_shard, gcd(leader.of, asked_of)) = 0
      and not (leader.shard = asked_shard and leader.of = asked_of and leader.fence = coalesce(own_fence, 0))
    order by leader.seen_at
  loop
    holder := other.holder;
    since := other.since;
    seen_at := other.seen_at;
    written_to := other.written_to;
    shard := other.shard;
    of := other.of;
    if other.lives and other.seen_at > clock_timestamp() - silent then
      return;
    end if;
  end loop;
  for other in
    select leader.shard, leader.of, leader.backend_pid from engine_leader leader
    where mod(leader.shard - asked_shard, gcd(leader.of, asked_of)) = 0 and leader.backend_pid <> pg_backend_pid()
  loop
    begin
      -- Up to a second: its lock goes with it. A number that another session got since is left alone.
      perform pg_terminate_backend(pid, 1000) from pg_stat_activity
      where pid = other.backend_pid and application_name = 'stratctl leader';
    exception when insufficient_privilege then
      null; -- of another role: the fence alone keeps it out
    end;
  end loop;
  begin
    -- Held by each write of the leader before, until it is committed.
    perform from engine_leader leader where mod(leader.shard - asked_shard, gcd(leader.of, asked_of)) = 0 for update;
  exception when lock_not_available then
    begin
      -- Who holds one of these rows: those of other accounts write on.
      perform pg_terminate_backend(pid, 500) from pg_locks join pg_stat_activity using (pid)
      where locktype = 'transactionid' and granted and pid <> pg_backend_pid() and xact_start < clock_timestamp() - interval '1 second'
        and transactionid in (
          select stratctl_row_holders(leader.xmax) from engine_leader leader
          where mod(leader.shard - asked_shard, gcd(leader.of, asked_of)) = 0
        );
    exception when insufficient_privilege then
      null; -- of another role: it is waited for once more
    end;
    perform from engine_leader leader where mod(leader.shard - asked_shard, gcd(leader.of, asked_of)) = 0 for update;
  end;
  update engine_leader leader set fence = leader.fence + 1, backend_pid = null, seen_at = '-infinity'
  where mod(leader.shard - asked_shard, gcd(leader.of, asked_of)) = 0 and not (leader.shard = asked_shard and leader.of = asked_of);
  insert into engine_leader as leader (shard, of, fence, holder, backend_pid, since, seen_at)
  values (asked_shard, asked_of, 1, asked_holder, pg_backend_pid(), clock_timestamp(), clock_timestamp())
  on conflict on constraint engine_leader_pkey do update set fence = leader.fence + 1, holder = excluded.holder,
    backend_pid = excluded.backend_pid, since = excluded.since, seen_at = excluded.seen_at, written_to = null
  returning leader.fence into fence;
  is_locked := pg_try_advisory_lock(hashtext('stratctl'), lock_key);
end $function$;

CREATE OR REPLACE FUNCTION stratctl_leg_cost()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if new.cost is null then
    new.cost := new.entry_price * new.quantity;
  elsif tg_op = 'UPDATE' and new.cost = old.cost and (new.entry_price <> old.entry_price or new.quantity <> old.quantity) then
    new.cost := new.entry_price * new.quantity;
  end if;
  if new.exit_price is not null and new.exit_value is null then
    new.exit_value := new.exit_price * new.quantity;
  end if;
  if new.exit_price is not null and new.closed_by is null then
    new.closed_by := 'fill';
  end if;
  return new;
end $function$;

CREATE OR REPLACE FUNCTION stratctl_legs_changed()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into book_change (strategy_id, changed_by)
  select distinct strategy_id, pg_current_xact_id() from changed order by strategy_id
  on conflict (strategy_id) do update set changed_by = excluded.changed_by where book_change.changed_by <> excluded.changed_by;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION stratctl_one_account_a_name()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
end $function$;

CREATE OR REPLACE FUNCTION stratctl_remove_candles()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  if tg_op = 'TRUNCATE' then
    truncate strategy_m2m_candles;
    return null;
  end if;
  lock table strategy_m2m_candles in share row exclusive mode;
  delete from strategy_m2m_candles where strategy_id = old.strategy_id;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION stratctl_row_holders(row_xmax xid)
 RETURNS SETOF xid
 LANGUAGE plpgsql
AS $function$
begin
  return next row_xmax;
  return query select members.xid from pg_get_multixact_members(row_xmax) members;
exception when others then
  return; -- no group has this number
end $function$;

CREATE OR REPLACE FUNCTION stratctl_strategy_changed()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  insert into book_change (strategy_id, changed_by) values (old.strategy_id, pg_current_xact_id())
  on conflict (strategy_id) do update set changed_by = excluded.changed_by;
  return null;
end $function$;

CREATE OR REPLACE FUNCTION stratctl_updated_at()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
begin
  new.updated_at := now();
  return new;
end $function$;
