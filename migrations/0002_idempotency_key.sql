-- A key of a caller that was used for a call which adds something, and the answer that was given: the same key again adds
-- nothing. Written in the transaction that added it; kept for a day, then removed by whoever adds next.
create table idempotency_key (
  -- The subject of the token, empty where a script calls in process.
  caller text not null,
  key text not null,
  -- SHA-256 of the call and its input.
  request text not null,
  answer json not null,
  created_at timestamptz not null default now(),
  constraint idempotency_key_pkey primary key (caller, key),
  constraint idempotency_key_key_range check (length(key) between 1 and 200),
  constraint idempotency_key_request_form check (request ~ '^[0-9a-f]{64}$')
);

create index idempotency_key_created_idx on idempotency_key (created_at);
