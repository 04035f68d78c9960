import { z } from "zod";
import { assert } from "../errors.ts";
import type { Db } from "./db.ts";

/** Whose key it is, and the key: two callers may use one key for two things. */
export interface KeyOf {
  /** The subject of a token and who vouches for it; "" in process. */
  readonly caller: string;
  readonly key: string;
}

const Kept = z.object({ request: z.string(), answer: z.unknown() });

/** What the key was used for within the last day, and the answer that was given; null where it was not used. */
export function find(db: Db, { caller, key }: KeyOf): Promise<z.output<typeof Kept> | null> {
  return db.maybeOne(
    Kept,
    "idempotency.find",
    `select request, answer from idempotency_key where caller = $1 and key = $2 and created_at >= ${HORIZON}`,
    [caller, key],
  );
}

/** False: another transaction has the key. True: this one has it until its end, and sees what whoever had it before wrote. */
export async function lock(db: Db, { caller, key }: KeyOf): Promise<boolean> {
  const { locked } = await db.one(
    z.object({ locked: z.boolean() }),
    "idempotency.lock",
    "select pg_try_advisory_xact_lock(hashtextextended(json_build_array('idempotency', $1::text, $2::text)::text, 0)) as locked",
    [caller, key],
  );
  return locked;
}

export interface KeyRow extends KeyOf {
  /** Tells this call from others: 64 hex digits. */
  readonly request: string;
  /** JSON. */
  readonly answer: string;
}

/** Keeps the answer for a day, and removes some that are older. In the transaction that has the lock and did the work. */
export async function insert(db: Db, { caller, key, request, answer }: KeyRow): Promise<void> {
  const written = await db.run("idempotency.insert", INSERT, [caller, key, request, answer]);
  assert(written === 1, "an idempotency key was used while this transaction had it");
  await db.run("idempotency.forget", FORGET);
}

const HORIZON = "now() - interval '24 hours'";

const INSERT = `insert into idempotency_key as kept (caller, key, request, answer) values ($1, $2, $3, $4::json)
  on conflict (caller, key) do update set request = excluded.request, answer = excluded.answer, created_at = excluded.created_at
  where kept.created_at < ${HORIZON}`;

/**
 * Each call adds one and removes up to a hundred, so that few are left over. Those that another call is removing are skipped:
 * two that wait for each other's would be a deadlock.
 */
const FORGET = `delete from idempotency_key where (caller, key) in (
    select caller, key from idempotency_key where created_at < ${HORIZON} order by created_at limit 100 for update skip locked)`;
