import { migrate, type Database } from "@stratctl/sdk/internal";
import { openPool } from "../packages/sdk/src/store/db.ts";
import {
  freshDatabase,
  startDebianPostgres,
  startEmbeddedPostgres,
  type FreshDatabase,
  type PostgresServer,
} from "../test/support/postgres.ts";
import { startRedis, type RedisServer } from "../test/support/redis.ts";

/** A migrated database of one part, opened as the engine opens it. */
export interface BenchDatabase extends AsyncDisposable {
  readonly url: string;
  readonly db: Database;
}

/** Real servers, each started when a part first asks for it, all ended with the bench. */
export class Servers implements AsyncDisposable {
  #debian: Promise<PostgresServer> | null = null;
  #embedded: Promise<PostgresServer> | null = null;
  #redis: Promise<RedisServer> | null = null;

  readonly #settings: readonly string[];

  /** `settings` of Debian's Postgres beyond its own: `["fsync=off"]`. */
  constructor({ settings = [] }: { settings?: readonly string[] } = {}) {
    this.#settings = settings;
  }

  /** Debian's Postgres with its own settings, those of durability among them. */
  debian(): Promise<PostgresServer> {
    this.#debian ??= startDebianPostgres({ settings: this.#settings });
    return this.#debian;
  }

  /** The built-in one, as `stratctl` starts it. */
  embedded(): Promise<PostgresServer> {
    this.#embedded ??= startEmbeddedPostgres();
    return this.#embedded;
  }

  redis(): Promise<RedisServer> {
    this.#redis ??= startRedis();
    return this.#redis;
  }

  async database(server: Promise<PostgresServer>): Promise<BenchDatabase> {
    const fresh = await freshDatabase(await server);
    // What the bench enters takes longer than any statement of the engine may.
    const db = await openPool(fresh.url, { statement_timeout_ms: 600_000 });
    await migrate(db, { adopt: false });
    return { url: fresh.url, db, [Symbol.asyncDispose]: () => closed(db, fresh) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of [this.#debian, this.#embedded, this.#redis]) await (await server)?.stop();
  }
}

async function closed(db: Database, fresh: FreshDatabase): Promise<void> {
  await db.close();
  await fresh.drop();
}
