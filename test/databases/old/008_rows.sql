insert into trading_account (account_id, account_name, broker, created_at, updated_at, metadata) values
  ('XJ4540', 'Main', 'zerodha', '2025-01-01 04:00+00', '2025-06-01 04:00+00', '{"desk": 1}'),
  ('ZZ0001', 'Second', 'zerodha', '2025-02-01 04:00+00', '2025-06-02 04:00+00', null);

-- Strategies of the Python SDK: lists of accounts, words of its own for the status.
insert into strategy
  (strategy_id, strategy_name, strategy_type, account_ids, status, is_active, total_pnl, created_at, updated_at, stopped_at, metadata, created_by) values
  (1, 'Scalper', 'scalping', '{XJ4540}', 'active', true, 1234.50, '2025-03-01 04:00+00', '2025-07-01 04:00+00', null, '{"note": "mine"}', 'user:1'),
  (2, 'scalper', 'scalping', '{XJ4540,ZZ0001}', 'active', true, 0, '2025-03-02 04:00+00', '2025-07-01 04:00+00', null, null, 'user:1'),
  (3, 'Draft', 'custom', '{ZZ0001}', 'draft', false, 0, '2025-03-03 04:00+00', '2025-07-03 04:00+00', null, '{}', null),
  (4, 'Paused', 'options', '{ZZ0001}', 'paused', true, -10, '2025-03-04 04:00+00', '2025-07-04 04:00+00', null, '{}', null),
  (5, 'Stopped', 'options', '{ZZ0001}', 'stopped', false, 'NaN', '2025-03-05 04:00+00', '2025-07-05 04:00+00', '2025-07-05 03:00+00', '[1, 2]', null),
  (6, 'Half on', 'manual', '{ZZ0001}', 'active', false, 0, '2025-03-06 04:00+00', '2025-07-06 04:00+00', null, '{}', null),
  (7, 'Nobody''s', 'manual', '{}', 'active', true, 0, '2025-03-07 04:00+00', '2025-07-07 04:00+00', null, '{}', null),
  (8, 'Primary', 'custom', '{primary}', 'active', true, 0, '2025-03-08 04:00+00', '2025-07-08 04:00+00', null, '{}', null),
  (9, 'SCALPER', 'scalping', '{gone,XJ4540}', 'active', true, 0, '2025-03-09 04:00+00', '2025-07-09 04:00+00', null, '{}', null),
  (10, 'scalper (2)', 'scalping', '{XJ4540}', 'active', true, 0, '2025-03-10 04:00+00', '2025-07-10 04:00+00', null, '{}', null),
  (11, 'Scalper', 'scalping', '{XJ4540}', 'stopped', false, 0, '2025-03-11 04:00+00', '2025-07-11 04:00+00', null, '{}', null),
  (12, 'default strategy', 'custom', '{XJ4540}', 'active', true, 0, '2025-03-12 04:00+00', '2025-07-12 04:00+00', null, '{}', null);
select setval('strategy_strategy_id_seq', 12);

insert into strategy_snapshot (snapshot_time, strategy_id, total_pnl) values ('2025-07-01 04:00+00', 1, 5);
insert into account_order (order_id, account_id, tradingsymbol, strategy_id) values ('o1', 'XJ4540', 'RELIANCE', 1);
insert into account_position (account_id, tradingsymbol) values ('XJ4540', 'RELIANCE');
