import type { Client, ClientConfig, Pool, PoolClient, PoolConfig, QueryConfig, QueryResult } from "pg";
import type { z } from "zod";
import { assert, StratctlError } from "../errors.ts";
import { addressOf, databaseError } from "./failure.ts";

export type Param = string | number | boolean | null | readonly (string | null)[] | Buffer;

export type RowTexts = readonly (string | null)[];

/**
 * A pool, or the transaction of a callback. Statements are constant text with $1 parameters, each with a name of its own, and
 * every row goes through a parser. All methods reject with StratctlError only: database_unreachable, database_refused, or
 * what the constraints of a noun mean (`refusing`).
 */
export interface Db {
  /** How many statements may be under way at once: one in a transaction. */
  readonly lanes: number;
  /** The one row; none or several is a fault of the statement. */
  one<Row extends z.ZodType>(row: Row, name: string, sql: string, params?: readonly Param[]): Promise<z.output<Row>>;
  /** The row, or null where there is none; several is a fault of the statement. */
  maybeOne<Row extends z.ZodType>(row: Row, name: string, sql: string, params?: readonly Param[]): Promise<z.output<Row> | null>;
  many<Row extends z.ZodType>(row: Row, name: string, sql: string, params?: readonly Param[]): Promise<z.output<Row>[]>;
  /**
   * Each row as the texts of its columns, which are named in their order; their parser is whoever asked. For rows by the thousand
   * that go on as text: an object a row costs three times as much as its texts.
   */
  texts(columns: readonly string[], name: string, sql: string, params?: readonly Param[]): Promise<readonly RowTexts[]>;
  /** How many rows the statement wrote. */
  run(name: string, sql: string, params?: readonly Param[]): Promise<number>;
  /** Many statements without parameters, as a migration is; may take as long as it takes where it sets that itself. */
  script(sql: string): Promise<void>;
}

export interface Database extends Db {
  /** Where it is, without user and password: `db.example:5432`, or the folder of its socket. */
  readonly address: string;
  transaction<Result>(work: (db: Db) => Promise<Result>): Promise<Result>;
  /** Opens a connection that is none of the pool's: what is locked for the session stays locked until it ends. */
  session(options: SessionOptions): Promise<DbSession>;
  close(): Promise<void>;
}

export interface SessionOptions {
  /** What the server's list of sessions calls it. */
  readonly name: string;
  /** For opening it and for each statement: the server ends one past this, and a server that went silent is not waited for longer. */
  readonly timeout_ms: number;
}

export interface DbSession extends Db {
  /** Of the server's process, as the connection was told it when it opened; null: it was not. */
  readonly backend_pid: number | null;
  /** Resolves when the connection is gone, whoever ended it. */
  readonly ended: Promise<void>;
  /** Ends it at once, whatever is under way, and without a word to a server that may be silent. */
  drop(): void;
}

/** A server by URL, or as the embedded one tells it: its host is the folder of a Unix socket. */
export type DatabaseTarget = string | { readonly host: string; readonly port?: number; readonly database: string; readonly user: string };

export interface PoolOptions {
  /** Connections at most. */
  readonly connections_max?: number;
  readonly connect_timeout_ms?: number;
  /** The server ends a statement past this; a server that went silent is given 5 s more. */
  readonly statement_timeout_ms?: number;
}

/**
 * A pool of connections to one database. Nothing is opened before the first statement. `pg` is loaded here, so that what
 * needs no database does not pay for it.
 */
export async function openPool(target: DatabaseTarget, options: PoolOptions = {}): Promise<Database> {
  const { default: pg } = await import("pg");
  const address = addressOf(target);
  const timeout_ms = options.statement_timeout_ms ?? 30_000;
  const connection: ClientConfig = {
    ...configOf(target),
    application_name: "stratctl",
    keepAlive: true,
    // oxlint-disable-next-line typescript/no-unsafe-enum-assignment -- a type's id is any number; the enum has but the known ones
    types: { getTypeParser: (oid, format) => pg.types.getTypeParser(READ_AS.get(oid) ?? oid, format) },
  };
  const pool = new pg.Pool({
    ...connection,
    max: options.connections_max ?? 10,
    connectionTimeoutMillis: options.connect_timeout_ms ?? 5_000,
    query_timeout: timeout_ms + 5_000,
    // oxlint-disable-next-line typescript/no-misused-promises -- pg-pool waits for it; its types do not say so
    onConnect: (client) => client.query(sessionOf(timeout_ms)),
  });
  // A connection that dies while idle is no news: the pool drops it, and the next statement opens another.
  pool.on("error", () => undefined);
  const ask: Ask = (query) => asked(pool, query);
  return {
    ...dbOver(ask, address, Math.min(LANES_MAX, pool.options.max)),
    address,
    transaction: (work) => inTransaction(pool, address, work),
    session: ({ name, timeout_ms: ms }) => {
      const limits = { connectionTimeoutMillis: ms, query_timeout: ms };
      return openSession(new pg.Client({ ...connection, ...limits }), { address, name, timeout_ms: ms });
    },
    close: () => pool.end(),
  };
}

async function openSession(client: Client, of: { address: string; name: string; timeout_ms: number }): Promise<DbSession> {
  const { address, name, timeout_ms } = of;
  const { promise: ended, resolve } = Promise.withResolvers<void>();
  client.on("error", () => undefined); // `ended` tells
  client.on("end", resolve);
  const drop = (): void => void client.connection.stream.destroy();
  try {
    await client.connect();
    // Said here, since a name in the URL would have the last word when connecting, and others know the session by its own.
    await client.query(`set application_name = ${client.escapeLiteral(name)}; ${sessionOf(timeout_ms)}`);
  } catch (error) {
    drop();
    throw databaseError(error, { address, statement: "connect" });
  }
  const pid: unknown = Reflect.get(client, "processID"); // not in the driver's types
  return { ...dbOver((query) => client.query(query), address, 1), backend_pid: typeof pid === "number" ? pid : null, ended, drop };
}

/** Two write up to 1.6 times as fast as one on two cores, four hardly faster; the other connections are left to those who read. */
const LANES_MAX = 2;

/** Runs `work` in one transaction: all of it, or nothing and the connection clean. */
export function transaction<Result>(database: Database, work: (db: Db) => Promise<Result>): Promise<Result> {
  return database.transaction(work);
}

/**
 * Types that the driver would turn into a Date or into floats, by the type to read them as: DATE, timestamp, timestamptz and
 * their arrays, and arrays of numeric and int8 stay text. numeric and int8 themselves are text already.
 */
const READ_AS = new Map([
  [1082, 25],
  [1114, 25],
  [1184, 25],
  [1182, 1009],
  [1115, 1009],
  [1185, 1009],
  [1231, 1009],
  [1016, 1009],
]);

const AS_TEXT = { getTypeParser: () => (text: string) => text };

/**
 * A prepared statement's one plan for all values supposes arrays of ten; with thousands it takes seconds for what takes
 * milliseconds. Planned anew each time, a large statement would be compiled anew as well, which took longer than to run it.
 */
function sessionOf(timeout_ms: number): string {
  return `set TimeZone = 'UTC'; set DateStyle = 'ISO'; set plan_cache_mode = force_custom_plan; set jit = off;
    set statement_timeout = ${timeout_ms}; set lock_timeout = ${Math.min(timeout_ms, LOCK_MS_MAX)};
    set idle_in_transaction_session_timeout = ${timeout_ms}`;
}

/** A lock that somebody forgot is told as such, and sooner than a statement that is slow. */
const LOCK_MS_MAX = 10_000;

function configOf(target: DatabaseTarget): PoolConfig {
  if (typeof target !== "string") return { ...target };
  if (!URL.canParse(target) || !/^postgres(ql)?:\/\//.test(target))
    throw new StratctlError("url_invalid", "the database's URL is not one of Postgres", {
      hint: "write it like postgres://user:password@host:5432/database",
    });
  return { connectionString: target };
}

/** The driver knows a time limit for one query; its types do not. */
type Query = QueryConfig & { readonly query_timeout?: number; readonly rowMode?: "array" };
type Ask = (query: Query) => Promise<QueryResult>;

function dbOver(ask: Ask, address: string, lanes: number): Db {
  const rowsOf = async <Row extends z.ZodType>(row: Row, name: string, text: string, params: readonly Param[]) => {
    const { rows } = await ask({ name, text, values: [...params] }).catch(failed(address, name));
    return rows.map((given) => parsed(row, name, given));
  };
  return {
    lanes,
    async one(row, name, sql, params = []) {
      const rows = await rowsOf(row, name, sql, params);
      const [only] = rows;
      assert(rows.length === 1 && only !== undefined, `${name}: ${rows.length} rows where one was due`);
      return only;
    },
    async maybeOne(row, name, sql, params = []) {
      const rows = await rowsOf(row, name, sql, params);
      assert(rows.length <= 1, `${name}: ${rows.length} rows where one at most was due`);
      return rows[0] ?? null;
    },
    many: (row, name, sql, params = []) => rowsOf(row, name, sql, params),
    async texts(columns, name, text, params = []) {
      const query: Query = { name, text, values: [...params], rowMode: "array", types: AS_TEXT };
      const { rows, fields }: { rows: RowTexts[]; fields: { name: string }[] } = await ask(query).catch(failed(address, name));
      const given = fields.map((field) => field.name);
      assert(given.join() === columns.join(), `${name}: its columns are ${given.join()}, not ${columns.join()}`);
      return rows;
    },
    async run(name, text, params = []) {
      const { rowCount } = await ask({ name, text, values: [...params] }).catch(failed(address, name));
      return rowCount ?? 0;
    },
    async script(text) {
      await ask({ text, query_timeout: NO_LIMIT_MS }).catch(failed(address, "script"));
    },
  };
}

/**
 * A migration elsewhere may have changed a type under a statement that a connection had prepared. Postgres refuses it before
 * it runs, and the pool drops a connection whose query failed: another one prepares it anew.
 */
async function asked(pool: Pool, query: Query): Promise<QueryResult> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await pool.query(query);
    } catch (error) {
      if (tries > pool.options.max || !isStalePlan(error)) throw error;
    }
  }
}

function isStalePlan(error: unknown): boolean {
  // The message is in the server's language.
  return error instanceof Error && "routine" in error && error.routine === "RevalidateCachedQuery";
}

/** The longest a timer can wait. */
const NO_LIMIT_MS = 2_147_483_647;

function failed(address: string, name: string): (error: unknown) => never {
  return (error) => {
    throw databaseError(error, { address, statement: name });
  };
}

function parsed<Row extends z.ZodType>(row: Row, name: string, given: unknown): z.output<Row> {
  const result = row.safeParse(given);
  if (result.success) return result.data;
  throw new StratctlError("internal", `${name}: a row is not as the schema says`, { cause: result.error });
}

async function inTransaction<Result>(pool: Pool, address: string, work: (db: Db) => Promise<Result>): Promise<Result> {
  const client = await pool.connect().catch(failed(address, "connect"));
  const ask: Ask = (query) => client.query(query);
  try {
    await ask({ text: "begin" }).catch(failed(address, "begin"));
    const result = await work(dbOver(ask, address, 1));
    const { command } = await ask({ text: "commit" }).catch(failed(address, "commit"));
    // A statement that failed and whose error was swallowed leaves a transaction that can only be undone.
    assert(command === "COMMIT", "a transaction that had failed was to be committed");
    client.release();
    return result;
  } catch (error) {
    await leave(client);
    throw error;
  }
}

/** Undoes and gives back the connection; one that cannot do that is dropped. */
async function leave(client: PoolClient): Promise<void> {
  try {
    await client.query("rollback");
    client.release();
  } catch {
    client.release(true);
  }
}
