-- Why a strategy got no candle: minutes on end, from the start of the first to that of the last, for one reason. Written by the
-- engine at a minute's end; minutes that nobody marked have no row.
create table strategy_gap (
  strategy_id integer not null constraint strategy_gap_strategy_ref references strategy on delete cascade,
  from_minute timestamptz not null,
  to_minute timestamptz not null,
  reason text not null,
  constraint strategy_gap_pkey primary key (strategy_id, from_minute),
  constraint strategy_gap_minute_form check (
    from_minute = date_bin('1 minute', from_minute, timestamptz '2000-01-01 00:00:00+00')
    and to_minute = date_bin('1 minute', to_minute, timestamptz '2000-01-01 00:00:00+00')
  ),
  constraint strategy_gap_span_law check (from_minute <= to_minute)
) with (fillfactor = 50); -- a gap that goes on is written each minute
