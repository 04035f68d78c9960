-- Strategies made by the REST API: an account, the user as maker, tags or none.
insert into strategy
  (strategy_id, strategy_name, strategy_type, description, trading_account_id, status, is_active, is_default, tags, total_pnl, current_m2m,
   total_capital_deployed, created_at, updated_at, created_by) values
  (101, 'Condor', 'manual', 'weekly', 'XJ4540', 'active', true, false, '{condor,NULL,weekly}', -1500, -1500, 0, '2025-07-01 04:00+00', '2025-07-31 04:00+00', 'user:1'),
  (102, 'CONDOR', 'manual', null, 'XJ4540', 'active', true, null, null, 0, 0, 250000, '2025-07-02 04:00+00', '2025-07-31 04:00+00', 'user:2'),
  (103, 'Condor', 'manual', null, 'ZZ0001', 'active', true, false, '{}', 20, 20, 0, '2025-07-03 04:00+00', '2025-07-31 04:00+00', 'user:2');
insert into strategy
  (strategy_id, strategy_name, strategy_type, trading_account_id, status, is_active, is_default, created_at, updated_at, archived_at) values
  (104, 'Condor', 'manual', 'XJ4540', 'archived', false, false, '2025-06-01 04:00+00', '2025-07-30 04:00+00', '2025-07-30 04:00+00'),
  (105, 'Undead', 'manual', 'XJ4540', 'active', true, false, '2025-06-02 04:00+00', '2025-07-30 04:00+00', '2025-07-29 04:00+00');
select setval('strategy_strategy_id_seq', 200);
-- A default that somebody stopped by hand.
update strategy set status = 'stopped', is_active = false where is_default and trading_account_id = 'ZZ0001';

insert into strategy_instruments
  (id, strategy_id, tradingsymbol, exchange, instrument_token, direction, quantity, entry_price, current_price, current_pnl, added_at, updated_at, notes, metadata)
values
  (1, 101, 'NIFTY2580724400PE', 'NFO', 12345, 'BUY', 75, 64.95, 58.40, -491.25, '2025-07-31 04:00+00', '2025-07-31 10:00+00', 'far wing', '{"by": "hand"}'),
  (2, 101, 'nifty2580724600pe', 'nfo', null, 'SELL', 75, 111.95, null, null, '2025-07-31 04:01+00', '2025-07-31 10:00+00', null, null),
  (3, 101, 'NIFTY25AUGFUT', 'NFO', 0, 'SELL', 75, 24650.05, 24700, -3746.25, '2025-07-31 04:02+00', '2025-07-31 10:00+00', null, '{}'),
  (4, 101, 'RELIANCE', 'NSE', 738561, 'BUY', 10, 1400.10, 1390, -101, '2025-07-31 04:03+00', '2025-07-31 10:00+00', null, '{}'),
  (5, 101, 'NIFTY2580724400PE', 'NFO', 12345, 'BUY', 75, 60.05, 58.40, -123.75, '2025-07-31 04:04+00', '2025-07-31 10:00+00', 'the same again', '{}'),
  (6, 102, 'NIFTY2580724400PE', 'NFO', null, 'SELL', 0, 64.95, null, null, '2025-07-31 04:05+00', '2025-07-31 10:00+00', null, '{}'),
  (7, 102, 'NIFTY2580724400PE', 'NFO', null, 'SELL', -75, 64.95, null, null, '2025-07-31 04:06+00', '2025-07-31 10:00+00', 'typed wrong', '{"k": 1}'),
  (8, 102, 'NIFTY2580724400PE', 'NFO', null, 'BUY', 75, 'NaN', null, null, '2025-07-31 04:07+00', '2025-07-31 10:00+00', null, '{}'),
  (9, 102, 'NIFTY2580724400PE', 'NFO', null, 'BUY', 75, 0, null, null, '2025-07-31 04:08+00', '2025-07-31 10:00+00', null, '{}'),
  (10, 103, 'SOMETHING ELSE', 'NFO', null, 'BUY', 5, 1, null, null, '2025-07-31 04:09+00', '2025-07-31 10:00+00', null, '[]'),
  (11, 103, 'GOLD', 'MCX-FO', null, 'BUY', 5, 1, null, null, '2025-07-31 04:10+00', '2025-07-31 10:00+00', null, '{}'),
  (12, 103, 'BIG', 'NSE', null, 'BUY', 2000000000, 9999999999.99, null, null, '2025-07-31 04:11+00', '2025-07-31 10:00+00', null, '{}');
select setval('strategy_instruments_id_seq', 12);

insert into strategy_m2m_candles (timestamp, strategy_id, open, high, low, close, instrument_count)
select timestamptz '2025-07-31 03:45+00' + minute * interval '1 minute', strategy, -minute, -minute, -minute, -minute, 5
from generate_series(0, 374) as minute, unnest('{101,103}'::integer[]) as strategy;

insert into strategy_pnl_metrics (strategy_id, metric_date, day_pnl, realized_pnl, total_trades, win_rate, max_drawdown, sharpe_ratio) values
  (101, '2025-07-31', -1500, 0, 3, 33.33, -250, 1.5),
  (103, '2025-07-31', 0, 0, 0, 120, null, 'NaN');

update account_position set strategy_id = 101;
