-- What its trigger wrote on insert, and what was left of an earlier attempt.
insert into instrument_registry (instrument_token, tradingsymbol, name, instrument_type, strike, expiry, lot_size, exchange) values
  (900, 'NIFTY2580725000CE', 'NIFTY', 'CE', 25000, '2025-08-07', 75, 'NFO');
insert into strategy_instruments (id, strategy_id, tradingsymbol, exchange, direction, quantity, entry_price, added_at, updated_at) values
  (21, 101, 'NIFTY2580725000CE', 'NFO', 'SELL', 75, 98.10, '2025-07-31 05:00+00', '2025-07-31 10:00+00'),
  (22, 101, 'NIFTY2580725200CE', 'NFO', 'BUY', 75, 65.90, '2025-07-31 05:01+00', '2025-07-31 10:00+00'),
  (23, 101, 'INFY', 'NSE', 'BUY', 5, 1500, '2025-07-31 05:02+00', '2025-07-31 10:00+00');
update strategy_instruments set instrument_type = 'OPT', lot_size = 0, strike = -1 where id = 1;
select setval('strategy_instruments_id_seq', 23);
