-- The transactions that a row's xmax names: one, or the members of a group that share the row.
create function stratctl_row_holders(row_xmax xid) returns setof xid language plpgsql as $$
begin
  return next row_xmax;
  return query select members.xid from pg_get_multixact_members(row_xmax) members;
exception when others then
  return; -- no group has this number
end $$;

-- Asks to lead the accounts of a shard, from a session that is kept. The fence under which it leads from now on, or null: then a
-- leader of the same accounts lives, and the rest says who. A leader that was not seen for `silent` has its session ended, and its
-- fence is passed, so that nothing of it arrives any more.
create or replace function stratctl_lead(
  asked_shard integer, asked_of integer, asked_holder text, own_fence bigint, silent interval,
  out fence bigint, out is_locked boolean, out shard integer, out of integer, out holder text, out since timestamptz,
  out seen_at timestamptz, out written_to timestamptz
) language plpgsql
-- What the leader before writes at the moment is waited for so long, and then ended: whoever takes over has ten seconds in all.
set lock_timeout = '1s' as $$
#variable_conflict use_column
declare
  lock_key integer := hashtext('leader ' || asked_shard || '/' || asked_of);
  other record;
begin
  perform pg_advisory_xact_lock(hashtext('stratctl'), hashtext('engine_leader')); -- one asks at a time
  -- Two shards have an account in common where some number leaves the remainders of both.
  for other in
    select leader.*, exists (select from pg_stat_activity where pid = leader.backend_pid) as lives
    from engine_leader leader
    where mod(leader.shard - asked_shard, gcd(leader.of, asked_of)) = 0
      and not (leader.shard = asked_shard and leader.of = asked_of and leader.fence = coalesce(own_fence, 0))
    order by leader.seen_at
  loop
    holder := other.holder;
    since := other.since;
    seen_at := other.seen_at;
    written_to := other.written_to;
    shard := other.shard;
    of := other.of;
    if other.lives and other.seen_at > clock_timestamp() - silent then
      return;
    end if;
  end loop;
  for other in
    select leader.shard, leader.of, leader.backend_pid from engine_leader leader
    where mod(leader.shard - asked_shard, gcd(leader.of, asked_of)) = 0 and leader.backend_pid <> pg_backend_pid()
  loop
    begin
      -- Up to a second: its lock goes with it. A number that another session got since is left alone.
      perform pg_terminate_backend(pid, 1000) from pg_stat_activity
      where pid = other.backend_pid and application_name = 'stratctl leader';
    exception when insufficient_privilege then
      null; -- of another role: the fence alone keeps it out
    end;
  end loop;
  begin
    -- Held by each write of the leader before, until it is committed.
    perform from engine_leader leader where mod(leader.shard - asked_shard, gcd(leader.of, asked_of)) = 0 for update;
  exception when lock_not_available then
    begin
      -- Who holds one of these rows: those of other accounts write on.
      perform pg_terminate_backend(pid, 500) from pg_locks join pg_stat_activity using (pid)
      where locktype = 'transactionid' and granted and pid <> pg_backend_pid() and xact_start < clock_timestamp() - interval '1 second'
        and transactionid in (
          select stratctl_row_holders(leader.xmax) from engine_leader leader
          where mod(leader.shard - asked_shard, gcd(leader.of, asked_of)) = 0
        );
    exception when insufficient_privilege then
      null; -- of another role: it is waited for once more
    end;
    perform from engine_leader leader where mod(leader.shard - asked_shard, gcd(leader.of, asked_of)) = 0 for update;
  end;
  update engine_leader leader set fence = leader.fence + 1, backend_pid = null, seen_at = '-infinity'
  where mod(leader.shard - asked_shard, gcd(leader.of, asked_of)) = 0 and not (leader.shard = asked_shard and leader.of = asked_of);
  insert into engine_leader as leader (shard, of, fence, holder, backend_pid, since, seen_at)
  values (asked_shard, asked_of, 1, asked_holder, pg_backend_pid(), clock_timestamp(), clock_timestamp())
  on conflict on constraint engine_leader_pkey do update set fence = leader.fence + 1, holder = excluded.holder,
    backend_pid = excluded.backend_pid, since = excluded.since, seen_at = excluded.seen_at, written_to = null
  returning leader.fence into fence;
  is_locked := pg_try_advisory_lock(hashtext('stratctl'), lock_key);
end $$;
