import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { spawnSync } from "node:child_process";
import { Client } from "pg";
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

let debian: Promise<DebianServer> | undefined;

/** The Debian Postgres of this test process, started when first asked for. It ends with the process; do not stop it. */
export function debianServer(): Promise<DebianServer> {
  debian ??= startDebianPostgres();
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

/** The built-in Postgres of this test process, in a temporary folder, started when first asked for. It ends with the process. */
export function embeddedServer(): Promise<PostgresServer> {
  embedded ??= startEmbeddedPostgres();
  return embedded;
}

/** A built-in Postgres of the test's own, to be killed or stopped at will. */
export async function startEmbeddedPostgres(): Promise<PostgresServer> {
  const { url, remove } = await temporaryEmbedded();
  const urlOf = (database: string): string => url.replace(/\/stratctl\?/, `/${database}?`);
  return { url, urlOf, socket: join(decodeURIComponent(new URL(url).hostname), SOCKET_NAME), stop: remove };
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
  /** Letters and underscores. */
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

async function build(server: PostgresServer, database: string, prepare: Template["prepare"]): Promise<string> {
  await query(server.url, `create database ${database} template template0`);
  await prepare(server.urlOf(database));
  return database;
}

async function query(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  client.on("error", () => undefined); // a server that is killed in a test
  await client.connect();
  try {
    await client.query(sql);
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
