-- The rest of its migration 024, which is there only where no other table named instruments was in its way.
create view strategy_instruments_enriched as
select leg.*, quantity * lot_size as total_quantity, entry_price * quantity * lot_size as entry_value,
  current_price * quantity * lot_size as current_value
from strategy_instruments leg;

create function get_strategy_greeks(strategy integer) returns table (net_delta numeric) language sql as $$
  select sum(total_quantity)::numeric from strategy_instruments_enriched where strategy_id = strategy
$$;

create materialized view strategy_summary_with_greeks as
select strategy_id, count(*) as legs, sum(entry_value) as entry_value from strategy_instruments_enriched group by strategy_id;
create unique index idx_strategy_summary on strategy_summary_with_greeks (strategy_id);
