import { existsSync, readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { text } from "node:stream/consumers";
import { Client } from "pg";
import { z } from "zod";
import { SOCKET_NAME } from "../../packages/sdk/src/store/embedded/postmaster.ts";
import { temporaryEmbedded } from "../../packages/sdk/src/store/embedded/temporary.ts";
import { serverFolder, serverUser, type ServerUser } from "./scratch.ts";
import { startServer, until, type Server, type ServerCommand } from "./server.ts";

export interface PostgresServer extends Server {
  /** Of the database `postgres`, as superuser, through a Unix socket. */
  readonly url: string;
  /** Path of its Unix socket, for a pipe put before it. */
  readonly socket: string;
  /** The URL of another database of it. */
  readonly urlOf: (database: string) => string;
}

export interface DebianServer extends PostgresServer {
  /** Ends it as its administrator would, and keeps its data; call what it gives to start it again. */
  readonly halt: () => Promise<() => Promise<void>>;
}

const binaries = debianBinaries();

/** Why tests on Debian's Postgres are skipped, or null. Give it to `test.skipIf`; it has been printed. */
export const debianMissing: string | null =
  binaries === null ? "skipped: no Postgres in /usr/lib/postgresql (apt-get install postgresql-15)" : null;
if (debianMissing !== null) console.warn(debianMissing);

let debian: Promise<PostgresServer> | undefined;

/** A Debian Postgres that the tests of this file have to themselves, started when first asked for; do not stop it. */
export function debianServer(): Promise<PostgresServer> {
  debian ??= borrow("debian");
  return debian;
}

/** A Debian Postgres of one's own, to be killed or stopped at will; `settings` as Postgres takes them: `["fsync=off"]`. */
export async function startDebianPostgres({ settings = QUICK }: { settings?: readonly string[] } = {}): Promise<DebianServer> {
  if (binaries === null) throw new Error(debianMissing ?? "no Postgres");
  const user = serverUser();
  const folder = await serverFolder(user);
  const data = join(folder, "data");
  run(join(binaries, "initdb"), ["-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"], user);
  const command: ServerCommand = {
    command: join(binaries, "postgres"),
    args: [
      "-D",
      data,
      "-c",
      "listen_addresses=",
      "-c",
      `unix_socket_directories=${folder}`,
      ...settings.flatMap((setting) => ["-c", setting]),
    ],
    folder,
    user,
    signal: "INT",
  };
  const first = startServer(command);
  const running = await answering(folder, first);
  let again: Server | null = null;
  return {
    ...running,
    halt: async () => {
      const file = join(data, "postmaster.pid");
      process.kill(Number(readFileSync(file, "utf8").split("\n")[0]), "SIGINT");
      const ended = async (): Promise<void> => {
        if (existsSync(file)) throw new Error("it runs yet");
      };
      await until(ended, () => readFileSync(join(folder, "server.log"), "utf8"));
      return async () => {
        again = startServer(command);
        await answering(folder, again);
      };
    },
    stop: async () => {
      await again?.stop();
      await first.stop();
    },
  };
}

let embedded: Promise<PostgresServer> | undefined;

/** A built-in Postgres that the tests of this file have to themselves, started when first asked for; do not stop it. */
export function embeddedServer(): Promise<PostgresServer> {
  embedded ??= borrow("embedded");
  return embedded;
}

/** A built-in Postgres of the test's own, to be killed or stopped at will. */
export async function startEmbeddedPostgres(): Promise<PostgresServer> {
  const { url, remove } = await temporaryEmbedded();
  return { url, urlOf: urlsLike(url), socket: join(decodeURIComponent(new URL(url).hostname), SOCKET_NAME), stop: remove };
}

/** In the environment of a test run's workers: the socket where its servers are lent. */
export const LENDER = "TEST_SERVERS";

/** A server to be lent to one file after another. */
export async function startLent(kind: string): Promise<PostgresServer> {
  // It lives long enough to be vacuumed, and what vacuums a template is connected to it: no copy can be made meanwhile.
  if (kind === "debian") return startDebianPostgres({ settings: [...QUICK, "autovacuum=off"] });
  const server = await startEmbeddedPostgres();
  await query(server.url, "alter system set autovacuum = off");
  // Durability is no matter here either.
  await query(server.url, "alter system set fsync = off");
  await query(server.url, "alter system set full_page_writes = off");
  await query(server.url, "select pg_reload_conf()");
  return server;
}

/** The run's server of this worker; outside of a run one that ends with the process. */
async function borrow(kind: "debian" | "embedded"): Promise<PostgresServer> {
  const path = process.env[LENDER];
  if (path === undefined) return startLent(kind);
  const socket = connect(path);
  socket.write(`${kind} ${process.env["VITEST_POOL_ID"] ?? ""}\n`);
  const lent = Lent.parse(JSON.parse(await text(socket)));
  if ("error" in lent) throw new Error(lent.error);
  return { ...lent, urlOf: urlsLike(lent.url), stop: () => Promise.reject(new Error("it is lent to others too")) };
}

const Lent = z.union([z.strictObject({ error: z.string() }), z.strictObject({ url: z.string(), socket: z.string() })]);

/** URLs of a server's other databases. */
function urlsLike(url: string): (database: string) => string {
  return (database) => url.replace(/\/[^/?]*(?=\?|$)/, `/${database}`);
}

/** Both kinds of Postgres that stratctl is tested on: `describe.each(POSTGRES)("$name", ({ missing, server }) => …)`. */
export const POSTGRES: readonly { name: string; missing: string | null; server: () => Promise<PostgresServer> }[] = [
  { name: "embedded", missing: null, server: embeddedServer },
  { name: "Debian", missing: debianMissing, server: debianServer },
];

/** Durability is no matter here; the rest is as Debian has it. */
const QUICK = ["fsync=off", "full_page_writes=off", "max_connections=60", "shared_buffers=64MB"];

async function answering(folder: string, server: Server): Promise<PostgresServer> {
  const urlOf = (database: string): string => `postgres://postgres@${encodeURIComponent(folder)}/${database}`;
  const url = urlOf("postgres");
  await until(
    () => query(url, "select 1"),
    () => readFileSync(join(folder, "server.log"), "utf8"),
  );
  return { url, urlOf, socket: join(folder, SOCKET_NAME), stop: server.stop };
}

/** What a database starts as: built once a server, then copied for each test. */
export interface Template {
  /** Letters and underscores; one of another name is another, in whatever file. */
  readonly name: string;
  /** Brings an empty database to the state to copy. */
  readonly prepare: (url: string) => Promise<void>;
}

export interface FreshDatabase extends AsyncDisposable {
  readonly name: string;
  readonly url: string;
  /** Removes it, whoever is still connected. */
  readonly drop: () => Promise<void>;
}

const templates = new WeakMap<PostgresServer, Map<string, Promise<string>>>();
let made = 0;

/**
 * A database of the test's own: empty, or a copy of the template.
 *
 * @example
 * await using database = await freshDatabase(await debianServer());
 * const pool = new Pool({ connectionString: database.url });
 */
export async function freshDatabase(server: PostgresServer, template?: Template): Promise<FreshDatabase> {
  const name = `test_${process.pid}_${(made += 1)}`;
  await query(server.url, `create database ${name} template ${template ? await templateOf(server, template) : "template0"}`);
  const drop = async (): Promise<void> => {
    await query(server.url, `drop database if exists ${name} with (force)`);
  };
  return { name, url: server.urlOf(name), drop, [Symbol.asyncDispose]: drop };
}

function templateOf(server: PostgresServer, { name, prepare }: Template): Promise<string> {
  const known = templates.get(server) ?? new Map<string, Promise<string>>();
  templates.set(server, known);
  const ready = known.get(name) ?? build(server, `template_${name}`, prepare);
  known.set(name, ready);
  return ready;
}

/** Under another name until it is whole; a file before this one may have built it. */
async function build(server: PostgresServer, database: string, prepare: Template["prepare"]): Promise<string> {
  const known = await query(server.url, `select from pg_database where datname = '${database}'`);
  if (known > 0) return database;
  const half = `${database}_${process.pid}`;
  await query(server.url, `create database ${half} template template0`);
  await prepare(server.urlOf(half));
  await query(server.url, `alter database ${half} rename to ${database}`);
  return database;
}

/** The count of its rows. */
async function query(url: string, sql: string): Promise<number> {
  const client = new Client({ connectionString: url });
  client.on("error", () => undefined); // a server that is killed in a test
  await client.connect();
  try {
    return (await client.query(sql)).rowCount ?? 0;
  } finally {
    await client.end();
  }
}

function run(command: string, args: readonly string[], user: ServerUser | null): void {
  const { status, stderr, error } = spawnSync(command, args, { cwd: "/", encoding: "utf8", env: { LC_ALL: "C" }, ...user });
  if (status !== 0) throw new Error(`${command} failed: ${stderr}`, { cause: error });
}

/** The newest of the versions that are installed. */
function debianBinaries(): string | null {
  const root = "/usr/lib/postgresql";
  if (!existsSync(root)) return null;
  const versions = readdirSync(root).toSorted((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(root, version, "bin")).find((bin) => existsSync(join(bin, "postgres"))) ?? null;
}
