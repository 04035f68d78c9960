-- Its function as it was committed: it reads a table whose columns are others, so that every insert of a leg fails.
create table instruments (id serial primary key, symbol text, company_name text, exchange text, instrument_type text);
create or replace function populate_instrument_metadata() returns trigger language plpgsql as $$
begin
  select i.strike, i.lot_size into new.strike, new.lot_size from instruments i where i.symbol = new.tradingsymbol;
  return new;
end $$;
