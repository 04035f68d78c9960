import { readTokenFile } from "./api/client/token-file.ts";
import type { TokenOptions } from "./api/client/token.ts";
import { isServerUrl, serverUrl } from "./api/client/url.ts";
import type { Api } from "./api/contract.ts";
import { withEach } from "./api/each.ts";
import { createService } from "./api/service.ts";
import { StratctlError } from "./errors.ts";
import { builtinCalendar, type Calendar } from "./market/days.ts";
import { builtinLots } from "./market/lots.ts";
import { openSources, sourceSettings } from "./quotes/open.ts";
import type { SourceSettingsInput } from "./quotes/settings.ts";
import { openPool, type Database } from "./store/db.ts";
import { ensureEmbedded } from "./store/embedded.ts";
import { assertCurrent, migrate } from "./store/migrate.ts";

/** What is left out comes from the environment, then from the default. */
export interface ConnectOptions extends TokenOptions {
  /** `postgres://…`: that database; `https://…`: that server. STRATCTL_URL, DATABASE_URL, else the built-in database. */
  readonly url?: string | undefined;
  /** The account, by id or alias, of calls that name none. STRATCTL_ACCOUNT, else the only one there is. */
  readonly account_id?: string | undefined;
  /** REDIS_URL, else redis://127.0.0.1:6379. */
  readonly redis_url?: string | undefined;
  /** The ticker service, asked about what Redis does not have. TICKER_URL, else http://127.0.0.1:8080. */
  readonly ticker_url?: string | undefined;
  /**
   * Which sources of prices, in which order, and how each is reached: `{ order: "ticker,redis" }`. Over what the environment
   * says: STRATCTL_SOURCES_ORDER and so on; else Redis, then the ticker service.
   */
  readonly sources?: SourceSettingsInput | undefined;
  /** Sessions, holidays and expiries, of a database: calendarFrom reads one of your own. builtinCalendar(). */
  readonly calendar?: Calendar | undefined;
  /** Gives up waiting for the built-in database to start. */
  readonly signal?: AbortSignal | undefined;
  /** What a server is told of who calls. STRATCTL_TOKEN, else the first line of the file STRATCTL_TOKEN_FILE, read for each attempt. */
  readonly token?: TokenOptions["token"];
  /** Instead of `token`: asked before each attempt, and once more where a token is refused. */
  readonly getToken?: TokenOptions["getToken"];
  /** Of an attempt at a call of a server, without a byte of an answer; 10 000. */
  readonly timeout_ms?: number | undefined;
  /** Further attempts at a call of a server that nothing is lost by: one that only reads, has an idempotency key, or never left; 2. */
  readonly retries?: number | undefined;
  /** Lets a token go to another machine over http://, where others may read it. STRATCTL_INSECURE_HTTP=1, else false. */
  readonly insecure_http?: boolean | undefined;
}

/** All of stratctl: calls grouped as the REST paths are, and an end. */
export type Stratctl = Api & AsyncDisposable & { close(): Promise<void> };

/**
 * Opens stratctl on a database or a server: the one place that chooses which. The built-in database is started and migrated
 * where needed, and stays up afterwards; a database by URL must be migrated already. Prices are asked for only when a call needs
 * them. A server is called for the first time by the first call; what it refuses is thrown as it would be in process.
 *
 * @throws StratctlError url_invalid, input_invalid, database_unreachable, database_behind, database_newer, database_foreign,
 * embedded_unavailable, embedded_version; of a server url_invalid, token_invalid, file_unusable
 * @example
 * import { connect } from "@stratctl/sdk";
 *
 * await using stratctl = await connect();
 * const accounts = await stratctl.accounts.list({});
 * console.log(accounts.map(({ account_id }) => account_id));
 * @example
 * import { connect } from "@stratctl/sdk";
 *
 * // The same calls of a server: `stratctl daemon` there, and a token that `stratctl token` minted.
 * const getToken = () => process.env["MY_TOKEN"] ?? "";
 * await using stratctl = await connect({ url: "https://stratctl.example", getToken, account_id: "XJ4540" });
 * console.log(typeof stratctl.strategies.list); // function
 */
export async function connect(options: ConnectOptions = {}): Promise<Stratctl> {
  const url = options.url ?? fromEnvironment("STRATCTL_URL") ?? fromEnvironment("DATABASE_URL");
  return url !== undefined && isServerUrl(url) ? connectServer(url, options) : connectDatabase(options);
}

/** What HTTP takes to load is paid by those who use it. */
async function connectServer(url: string, options: ConnectOptions): Promise<Stratctl> {
  const tokens = await tokensOf(options);
  const has_token = tokens.token !== undefined || tokens.getToken !== undefined;
  const insecure_http = options.insecure_http ?? fromEnvironment("STRATCTL_INSECURE_HTTP") === "1";
  const { timeout_ms, retries } = options;
  const { createClient } = await import("./api/client/client.ts");
  const { close, ...calls } = createClient({
    ...tokens,
    url: serverUrl(url, { has_token, insecure_http }),
    account_id: options.account_id ?? fromEnvironment("STRATCTL_ACCOUNT") ?? null,
    timeout_ms,
    retries,
  });
  return { ...withEach(calls), close, [Symbol.asyncDispose]: close };
}

async function tokensOf({ token, getToken }: TokenOptions): Promise<TokenOptions> {
  if (token !== undefined && getToken !== undefined)
    throw new StratctlError("input_invalid", "token and getToken are both given", { hint: "give one of them" });
  if (token !== undefined || getToken !== undefined) return { token, getToken };
  const fromVariable = fromEnvironment("STRATCTL_TOKEN");
  const file = fromEnvironment("STRATCTL_TOKEN_FILE");
  if (fromVariable !== undefined || file === undefined) return { token: fromVariable };
  // Once at the start, so that a file that cannot be used is told of here and not by the first call.
  await readTokenFile(file);
  return { getToken: () => readTokenFile(file) };
}

async function connectDatabase(options: ConnectOptions): Promise<Stratctl> {
  const { redis_url, ticker_url } = options;
  const sources = openSources({ redis_url, ticker_url, sources: sourceSettings(options.sources) });
  const database = await openDatabase(options);
  const close = async (): Promise<void> => {
    await Promise.all([...sources.map((source) => source.close()), database.close()]);
  };
  const service = createService({
    database,
    sources,
    calendar: options.calendar ?? builtinCalendar(),
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
  if (isServerUrl(chosen))
    throw new StratctlError("url_invalid", "this works on the database itself, and the URL is that of a server", {
      hint: "run it where the database is, with postgres://… as the URL, or leave the URL out to use the built-in database",
    });
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

/** A variable that is set to nothing is not set. */
function fromEnvironment(name: string): string | undefined {
  return process.env[name] === "" ? undefined : process.env[name];
}
