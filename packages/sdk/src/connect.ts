import type { Api } from "./api/contract.ts";
import { createService } from "./api/service.ts";
import { StratctlError } from "./errors.ts";
import { builtinCalendar } from "./market/days.ts";
import { builtinLots } from "./market/lots.ts";
import { redisSource } from "./quotes/redis.ts";
import type { QuoteSource } from "./quotes/source.ts";
import { tickerSource } from "./quotes/ticker.ts";
import { openPool, type Database } from "./store/db.ts";
import { ensureEmbedded } from "./store/embedded.ts";
import { assertCurrent, migrate } from "./store/migrate.ts";

/** What is left out comes from the environment, then from the default. */
export interface ConnectOptions {
  /** `postgres://…`: that database. STRATCTL_URL, DATABASE_URL, else the built-in one. */
  readonly url?: string | undefined;
  /** The account, by id or alias, of calls that name none. STRATCTL_ACCOUNT, else the only one there is. */
  readonly account_id?: string | undefined;
  /** REDIS_URL, else redis://127.0.0.1:6379. */
  readonly redis_url?: string | undefined;
  /** The ticker service, asked about what Redis does not have. TICKER_URL, else http://127.0.0.1:8080. */
  readonly ticker_url?: string | undefined;
  /** Gives up waiting for the built-in database to start. */
  readonly signal?: AbortSignal | undefined;
}

/** All of stratctl: calls grouped as the REST paths are, and an end. */
export type Stratctl = Api & AsyncDisposable & { close(): Promise<void> };

/**
 * Opens stratctl on a database: the one place that chooses which. The built-in database is started and migrated where
 * needed, and stays up afterwards; a database by URL must be migrated already. Prices are asked for only when a call needs
 * them.
 *
 * @throws StratctlError url_invalid, database_unreachable, database_behind, database_newer, database_foreign,
 * embedded_unavailable, embedded_version
 * @example
 * import { connect } from "@stratctl/sdk";
 *
 * await using stratctl = await connect();
 * const accounts = await stratctl.accounts.list({});
 * console.log(accounts.map(({ account_id }) => account_id));
 */
export async function connect(options: ConnectOptions = {}): Promise<Stratctl> {
  const database = await openDatabase(options);
  const sources = openSources(options);
  const close = async (): Promise<void> => {
    await Promise.all([...sources.map((source) => source.close()), database.close()]);
  };
  const service = createService({
    database,
    sources,
    calendar: builtinCalendar(),
    lots: builtinLots(),
    account_id: options.account_id ?? fromEnvironment("STRATCTL_ACCOUNT") ?? null,
    now: Date.now,
    caller: null,
    m2m_basis: "m2m",
    feed: null,
  });
  return { ...service, close, [Symbol.asyncDispose]: close };
}

/** The URL of the database that is asked for, or null for the built-in one. */
export function databaseUrl({ url }: Pick<ConnectOptions, "url">): string | null {
  const chosen = url ?? fromEnvironment("STRATCTL_URL") ?? fromEnvironment("DATABASE_URL");
  if (chosen === undefined) return null;
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(chosen)?.[1]?.toLowerCase();
  if (scheme === "postgres" || scheme === "postgresql") return chosen;
  const what = scheme === undefined ? "the URL of the database has no scheme" : `${scheme}:// is not a database`;
  throw new StratctlError("url_invalid", what, {
    hint: "write it like postgres://user@host:5432/name, or leave it out to use the built-in database",
  });
}

/** The database that is asked for, opened; `as_it_is` skips the check that it is migrated. */
export async function openDatabase(
  options: Pick<ConnectOptions, "url" | "signal">,
  { as_it_is = false }: { as_it_is?: boolean } = {},
): Promise<Database> {
  const url = databaseUrl(options);
  const database = await openPool(url ?? (await ensureEmbedded({ signal: options.signal })).url);
  try {
    if (as_it_is) return database;
    if (url === null) await migrate(database, { adopt: false });
    else await assertCurrent(database);
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** Where prices come from, in the order in which they are asked. Nothing is opened before the first price is needed. */
export function openSources(options: Pick<ConnectOptions, "redis_url" | "ticker_url">): QuoteSource[] {
  return [
    redisSource({ url: options.redis_url ?? fromEnvironment("REDIS_URL") ?? "redis://127.0.0.1:6379" }),
    tickerSource({ url: options.ticker_url ?? fromEnvironment("TICKER_URL") ?? "http://127.0.0.1:8080" }),
  ];
}

/** A variable that is set to nothing is not set. */
function fromEnvironment(name: string): string | undefined {
  return process.env[name] === "" ? undefined : process.env[name];
}
