-- What its migration 024 adds, with its function as it was edited on the live system: it reads instrument_registry.
create table instrument_registry (
  instrument_token bigint primary key,
  tradingsymbol text not null,
  name text,
  segment text,
  instrument_type text,
  strike double precision,
  expiry text,
  tick_size double precision,
  lot_size integer,
  exchange text,
  is_active boolean,
  last_refreshed_at timestamptz
);

alter table strategy_instruments
  add column instrument_type varchar(10),
  add column strike numeric(12,2),
  add column expiry date,
  add column underlying_symbol varchar(20),
  add column lot_size integer default 1;
create index idx_strategy_instruments_expiry on strategy_instruments (expiry) where expiry is not null;
create index idx_strategy_instruments_underlying on strategy_instruments (underlying_symbol) where underlying_symbol is not null;

create function populate_instrument_metadata() returns trigger language plpgsql as $$
declare found_row instrument_registry%rowtype;
begin
  select * into found_row from instrument_registry i where i.tradingsymbol = new.tradingsymbol limit 1;
  new.instrument_type := coalesce(found_row.instrument_type, 'EQ');
  new.strike := found_row.strike;
  new.expiry := found_row.expiry::date;
  new.underlying_symbol := found_row.name;
  new.lot_size := coalesce(found_row.lot_size, 1);
  new.instrument_token := coalesce(new.instrument_token, found_row.instrument_token);
  return new;
end $$;
create trigger trigger_populate_instrument_metadata before insert on strategy_instruments
  for each row execute function populate_instrument_metadata();
