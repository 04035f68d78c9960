-- A leg is closed in parts: the open leg keeps its id with what is left of its quantity and cost, and each part that was closed
-- is a row of its own beside it, so that the legs as of any instant are still those added by then and closed after it.
alter table strategy_instruments
  -- What the quantity was left at: exit_price × quantity unless told; the sums use this.
  add column exit_value numeric(18,4),
  -- A trade, the exchange's settlement, or a move to another strategy at its cost.
  add column closed_by text,
  -- How the cost of a part is told from the rest's; fixed by the first part.
  add column cost_method text,
  -- Of a part: the leg it was part of.
  add column part_of integer constraint strategy_instruments_part_ref references strategy_instruments;

update strategy_instruments set exit_value = exit_price * quantity, closed_by = 'fill' where exit_price is not null;

alter table strategy_instruments
  add constraint strategy_instruments_closed_by_known check (closed_by in ('fill', 'settlement', 'move')),
  add constraint strategy_instruments_cost_method_known check (cost_method in ('average', 'fifo')),
  add constraint strategy_instruments_exit_value_range check (
    exit_value >= 0 and abs(exit_value) <= 500000000000 and abs(cost - exit_value) <= 500000000000
  ),
  add constraint strategy_instruments_exit_law check (
    (exit_price is null) = (exit_value is null) and (exit_price is null) = (closed_by is null)
  ),
  -- Of a move the value is the cost, whatever its price is shown as.
  drop constraint strategy_instruments_exit_price_range,
  add constraint strategy_instruments_exit_price_range check (exit_price >= 0 and abs(exit_price) <= 500000000000);

create index strategy_instruments_part_idx on strategy_instruments (part_of) where part_of is not null;

create or replace function stratctl_leg_cost() returns trigger language plpgsql as $$
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
end $$;
drop trigger strategy_instruments_cost on strategy_instruments;
create trigger strategy_instruments_cost before insert or update of entry_price, quantity, cost, exit_price on strategy_instruments
  for each row execute function stratctl_leg_cost();

-- Each entry and each exit, one by one. Money moves by value; price is what it was done at.
create table strategy_fills (
  id serial constraint strategy_fills_pkey primary key,
  trading_account_id text not null constraint strategy_fills_account_ref references trading_account on delete cascade,
  strategy_id integer not null constraint strategy_fills_strategy_ref references strategy on delete cascade,
  -- The leg that it opened, or added to, or closed a part of.
  leg_id integer not null constraint strategy_fills_leg_ref references strategy_instruments on delete cascade,
  side text not null,
  quantity integer not null,
  price numeric(18,4) not null,
  value numeric(18,4) not null,
  at timestamptz not null,
  source text not null,
  -- The broker's trade id: a fill that is told again is the same.
  external_id text,
  -- Of an exit: what it realized, and by which cost.
  realized_pnl numeric(18,4),
  cost_method text,
  created_at timestamptz not null default now(),
  constraint strategy_fills_side_known check (side in ('BUY', 'SELL')),
  constraint strategy_fills_source_known check (source in ('entry', 'fill', 'settlement', 'move')),
  constraint strategy_fills_cost_method_known check (cost_method in ('average', 'fifo')),
  constraint strategy_fills_quantity_range check (quantity > 0),
  constraint strategy_fills_money_range check (
    price >= 0 and abs(price) <= 500000000000 and value >= 0 and abs(value) <= 500000000000 and abs(realized_pnl) <= 500000000000
  ),
  constraint strategy_fills_external_id_range check (length(external_id) between 1 and 100),
  constraint strategy_fills_exit_law check ((realized_pnl is null) = (cost_method is null))
);
create unique index strategy_fills_external_key on strategy_fills (trading_account_id, external_id, leg_id);
create index strategy_fills_strategy_idx on strategy_fills (strategy_id, at, id);
create index strategy_fills_leg_idx on strategy_fills (leg_id);

insert into strategy_fills (trading_account_id, strategy_id, leg_id, side, quantity, price, value, at, source)
select strategy.trading_account_id, strategy_id, leg.id, leg.direction, leg.quantity, leg.entry_price, leg.cost, leg.added_at, 'entry'
from strategy_instruments leg join strategy using (strategy_id) order by leg.added_at, leg.id;
insert into strategy_fills (trading_account_id, strategy_id, leg_id, side, quantity, price, value, at, source, realized_pnl, cost_method)
select strategy.trading_account_id, strategy_id, leg.id, case leg.direction when 'BUY' then 'SELL' else 'BUY' end, leg.quantity,
  leg.exit_price, leg.exit_value, leg.closed_at, 'fill',
  (leg.cost - leg.exit_value) * case leg.direction when 'SELL' then 1 else -1 end, 'average'
from strategy_instruments leg join strategy using (strategy_id) where leg.closed_at is not null order by leg.closed_at, leg.id;

-- What an exchange told of an underlying's close of a day, as an account was told it: its contracts that expire then settle
-- against it.
create table underlying_close (
  trading_account_id text not null constraint underlying_close_account_ref references trading_account on delete cascade,
  underlying text not null,
  day date not null,
  close numeric(18,4) not null,
  created_at timestamptz not null default now(),
  constraint underlying_close_pkey primary key (trading_account_id, underlying, day),
  constraint underlying_close_range check (close > 0 and abs(close) <= 500000000000)
);

create or replace view strategy_legs as
select
  leg.id, leg.strategy_id, leg.exchange || ':' || leg.tradingsymbol as instrument, leg.exchange, leg.tradingsymbol,
  leg.instrument_token, leg.instrument_type, leg.strike, leg.expiry, leg.underlying_symbol,
  leg.direction, leg.quantity, leg.lot_size, leg.entry_price, leg.cost, leg.exit_price, leg.closed_at,
  quote.price as current_price,
  quote.at as current_price_at,
  -- Beyond the bound of money it is unknown, as a mark of that leg is.
  case when abs(leg.cost - coalesce(leg.exit_value, quote.price * leg.quantity)) <= 500000000000
    then (leg.cost - coalesce(leg.exit_value, quote.price * leg.quantity)) * case leg.direction when 'SELL' then 1 else -1 end
  end as current_pnl,
  leg.notes, leg.metadata, leg.added_at, leg.updated_at, leg.exit_value, leg.closed_by, leg.cost_method, leg.part_of
from strategy_instruments leg
left join last_quote quote
  on quote.exchange = leg.exchange and quote.tradingsymbol = leg.tradingsymbol and leg.closed_at is null;
