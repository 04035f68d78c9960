-- How the engine that leads a shard stands, as it tells it with its writes: for whoever asks for the status, by whatever door.
alter table engine_leader add column standing jsonb;
