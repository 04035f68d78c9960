-- Run after every migrate where the TimescaleDB extension is installed; the second time it changes nothing. Rows that are there
-- already move into chunks.
do $$
begin
  perform create_hypertable(
    'strategy_m2m_candles', 'timestamp',
    chunk_time_interval => interval '1 day', create_default_indexes => false, if_not_exists => true, migrate_data => true
  );
  -- Its open-source edition has no compression.
  if current_setting('timescaledb.license', true) is distinct from 'timescale' then
    return;
  end if;
  -- Some versions refuse to set it again once a chunk is compressed.
  if not (
    select compression_enabled from timescaledb_information.hypertables
    where hypertable_name = 'strategy_m2m_candles' and hypertable_schema = current_schema()
  ) then
    alter table strategy_m2m_candles set (
      timescaledb.compress, timescaledb.compress_segmentby = 'strategy_id', timescaledb.compress_orderby = 'timestamp desc'
    );
  end if;
  perform add_compression_policy('strategy_m2m_candles', interval '7 days', if_not_exists => true);
end $$;
