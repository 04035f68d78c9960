import { afterAll, beforeAll } from "vitest";
import { openPool, type Database } from "../../packages/sdk/src/store/db.ts";
import { embeddedServer, freshDatabase } from "../support/postgres.ts";
import { redisMissing, startRedis, type RedisServer } from "../support/redis.ts";
import { MIGRATED } from "../support/store.ts";

/** What a file's tests may touch: only inside its tests and hooks. */
export interface Given {
  readonly redis: RedisServer;
  readonly db: Database;
  /** Of the database. */
  readonly url: string;
}

/** A Redis and a migrated built-in database for a file's tests, which are skipped where there is no Redis. */
export function redisAndDatabase(): Given {
  let given: Given | null = null;
  const held = new AsyncDisposableStack();
  beforeAll(async () => {
    if (redisMissing !== null) return;
    const redis = held.use(await startRedis());
    const fresh = held.use(await freshDatabase(await embeddedServer(), MIGRATED));
    const db = await openPool(fresh.url);
    held.defer(() => db.close());
    given = { redis, db, url: fresh.url };
  });
  afterAll(() => held.disposeAsync());
  const now = (): Given => {
    if (given === null) throw new Error("they are there only inside tests and hooks");
    return given;
  };
  return {
    get redis() {
      return now().redis;
    },
    get db() {
      return now().db;
    },
    get url() {
      return now().url;
    },
  };
}
