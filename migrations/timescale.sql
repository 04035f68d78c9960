-- Run after every migrate where the TimescaleDB extension is installed; changes nothing the second time. Rows that are there
-- already move into chunks.
select create_hypertable(
  'strategy_m2m_candles', 'timestamp',
  chunk_time_interval => interval '1 day', create_default_indexes => false, if_not_exists => true, migrate_data => true
);
alter table strategy_m2m_candles set (
  timescaledb.compress, timescaledb.compress_segmentby = 'strategy_id', timescaledb.compress_orderby = 'timestamp desc'
);
select add_compression_policy('strategy_m2m_candles', interval '7 days', if_not_exists => true);
