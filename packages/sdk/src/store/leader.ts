import { z } from "zod";
import { StratctlError } from "../errors.ts";
import { InstantColumn } from "../model/instant.ts";
import { WholeColumn } from "./column.ts";
import type { Db, Param } from "./db.ts";
import { refusing } from "./failure.ts";
import type { Shard } from "./shard.ts";

/** What an engine leads under: each of its writes says it, and one that is not the latest of its shard is refused. */
export interface Fence {
  readonly shard: Shard;
  /** Greater with each change of leader. */
  readonly number: number;
}

/** Who leads a shard. */
export interface Leader extends Shard {
  /** `host:pid` */
  readonly holder: string;
  /** An instant in UTC, by the database's clock, as is the next. */
  readonly since: string;
  /** When it last told that it lives; null: it left. */
  readonly seen_at: string | null;
  /** By its own clock: what it sampled up to then is in the tables. Null: it has not told yet. */
  readonly written_to: string | null;
}

export interface LeadAnswer {
  /** Null: another leads the same accounts, or some of them. */
  readonly fence: Fence | null;
  /** False: the session of the leader before could not be ended and holds the lock yet; the fence alone keeps it out. */
  readonly is_locked: boolean;
  /** Where `fence` is null who leads; else who led before, or null: nobody. */
  readonly other: Leader | null;
  /** How long ago that one told last that it lives, by the database's clock; null: it left, or there is none. */
  readonly silent_ms: number | null;
  /** The server's process that answered: of one session always the same, unless something between shares it out. */
  readonly backend_pid: number;
}

export interface LeadQuestion {
  readonly shard: Shard;
  readonly holder: string;
  /** Under which the same engine led last: it does not wait for itself. */
  readonly own: Fence | null;
  /** A leader that was not seen for longer is ended and followed. */
  readonly silent_ms: number;
}

/**
 * Asks to lead the accounts of a shard. The session must be one that is kept, and is not the pool's: it holds the lock, and its
 * end is the end of the lead.
 */
export async function lead(session: Db, { shard, holder, own, silent_ms }: LeadQuestion): Promise<LeadAnswer> {
  const row = await session.one(Answer, "leader.lead", LEAD, [shard.shard, shard.of, holder, own?.number ?? null, `${silent_ms} ms`]);
  return {
    fence: row.fence === null ? null : { shard, number: row.fence },
    is_locked: row.is_locked ?? false,
    other: otherOf(row),
    silent_ms: row.silent_ms,
    backend_pid: row.backend_pid,
  };
}

const Columns = z.object({
  shard: z.int().nullable(),
  of: z.int().nullable(),
  holder: z.string().nullable(),
  since: InstantColumn.nullable(),
  seen_at: InstantColumn.nullable(),
  written_to: InstantColumn.nullable(),
});
const Answer = Columns.extend({
  fence: WholeColumn.nullable(),
  is_locked: z.boolean().nullable(),
  silent_ms: z.int().nullable(),
  backend_pid: z.int(),
});

function otherOf({ shard, of, holder, since, seen_at, written_to }: z.output<typeof Columns>): Leader | null {
  if (shard === null || of === null || holder === null || since === null) return null;
  return { shard, of, holder, since, seen_at, written_to };
}

/** One who left was last seen before all time, which is no instant of ours. */
const SEEN_AT = "nullif(seen_at, '-infinity') as seen_at";

const LEAD = `select fence, is_locked, shard, of, holder, since, ${SEEN_AT}, written_to, pg_backend_pid() as backend_pid,
    (extract(epoch from clock_timestamp() - nullif(seen_at, '-infinity')) * 1000)::int4 as silent_ms
  from stratctl_lead($1::int4, $2::int4, $3, $4::int8, $5::interval)`;

export interface LeaderNews {
  /** By the engine's clock: what it sampled up to then is in the tables. Null: not known yet. */
  readonly written_to_ms: number | null;
}

/** Tells, through the session that holds the lock, that the leader lives. False: another leads by now. */
export async function tellAlive(
  session: Db,
  fence: Fence,
  { written_to_ms }: LeaderNews,
): Promise<{ leads: boolean; backend_pid: number }> {
  const params = [fence.shard.shard, fence.shard.of, fence.number, written_to_ms];
  const row = await session.one(Told, "leader.tell", TELL, params);
  return { leads: row.leads, backend_pid: row.backend_pid };
}

const Told = z.object({ leads: z.boolean(), backend_pid: z.int() });
const TELL = `with told as (
    update engine_leader set seen_at = clock_timestamp(), written_to = coalesce(to_timestamp($4::float8 / 1000), written_to)
    where shard = $1::int4 and of = $2::int4 and fence = $3::int8
    returning fence
  )
  select exists (select from told) as leads, pg_backend_pid() as backend_pid`;

/** Tells that the leader leaves, so that whoever stands by need not wait. */
export async function leave(session: Db, { shard, number }: Fence): Promise<void> {
  await session.run("leader.leave", LEAVE, [shard.shard, shard.of, number]);
}

const LEAVE = `with left_by as (
    update engine_leader set backend_pid = null, seen_at = '-infinity'
    where shard = $1::int4 and of = $2::int4 and fence = $3::int8
  )
  select pg_advisory_unlock(hashtext('stratctl'), hashtext('leader ' || $1::int4 || '/' || $2::int4))`;

/** Of each shard that ever had an engine who leads it, or led it last. */
export async function leaders(db: Db): Promise<Leader[]> {
  const rows = await db.many(Columns, "leader.all", ALL);
  return rows.flatMap((row) => otherOf(row) ?? []);
}

const ALL = `select shard, of, holder, since, ${SEEN_AT}, written_to from engine_leader order by of, shard`;

/** A condition of a write: true without a fence, and under the latest one; under another the statement fails before it writes. */
export function isFenced(shard: `$${number}`, of: `$${number}`, number: `$${number}`): string {
  return `(${number}::int8 is null or (select stratctl_fenced(${shard}::int4, ${of}::int4, ${number}::int8)))`;
}

export function fenceParams(fence: Fence | null | undefined): [Param, Param, Param] {
  return fence ? [fence.shard.shard, fence.shard.of, fence.number] : [null, null, null];
}

/** Runs a write under a fence. Rejects with leadership_lost where another leads. */
export function fenced<Result>(work: () => Promise<Result>): Promise<Result> {
  return refusing({ [FENCED_OUT]: lostTo }, work);
}

const FENCED_OUT = "SC001";

function lostTo(cause: StratctlError): StratctlError {
  return new StratctlError("leadership_lost", "another engine marks these accounts by now: nothing was written", {
    hint: "stratctl status names it",
    details: cause.details,
    cause,
  });
}
