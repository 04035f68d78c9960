-- What exchanges list, as dumps of instruments told it. What is gone from a later dump stays: a contract that has expired is
-- still what somebody holds a leg of.
create table instrument (
  exchange text not null,
  tradingsymbol text not null,
  -- The broker gives an old number to a new instrument: it names one for as long as that is listed.
  instrument_token bigint not null,
  exchange_token bigint,
  name text,
  instrument_type text not null,
  strike numeric(18,4),
  expiry date,
  -- The step of its prices, and the units of one lot, as the newest dump told them.
  tick_size numeric(18,4),
  lot_size integer,
  segment text,
  -- The day of that dump.
  seen_on date not null,
  -- What a search looks for, each word after a blank and before one.
  words text not null,
  constraint instrument_pkey primary key (tradingsymbol, exchange),
  constraint instrument_symbol_form check (tradingsymbol ~ '^\S(.{0,48}\S)?$' and tradingsymbol = upper(tradingsymbol)),
  constraint instrument_type_known check (instrument_type in ('CE', 'PE', 'FUT', 'EQ')),
  constraint instrument_money_range check (
    strike > 0 and abs(strike) <= 500000000000 and tick_size > 0 and abs(tick_size) <= 500000000000
  ),
  constraint instrument_lot_size_range check (lot_size > 0),
  constraint instrument_contract_law check (
    (instrument_type in ('CE', 'PE')) = (strike is not null) and (instrument_type = 'EQ' or expiry is not null)
  )
);
-- Whether an exchange's instruments are known at all.
create index instrument_exchange_idx on instrument (exchange);
