import type { Param } from "./db.ts";

/** One of several engines that share a database: the accounts whose hash falls on it. Shard 1 of 1 has them all. */
export interface Shard {
  /** From 1 to `of`. */
  readonly shard: number;
  readonly of: number;
}

/**
 * True for a row of `strategy` whose account is of the shard, or where the parameters are NULL. The first 32 bits of the id's
 * MD5, modulo: the same on every machine and version of Postgres, which its own hash functions do not promise.
 */
export function inShard(shard: `$${number}`, of: `$${number}`): string {
  return `(${of}::int4 is null or mod(('x' || left(md5(trading_account_id), 8))::bit(32)::int8, ${of}) = ${shard}::int4 - 1)`;
}

export function shardParams(shard: Shard | undefined): [Param, Param] {
  return shard === undefined ? [null, null] : [shard.shard, shard.of];
}
