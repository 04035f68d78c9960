import { accessSync, chownSync, constants, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { Redis } from "ioredis";
import { startServer, until, type Server } from "./server.ts";
import { serverFolder, serverUser } from "./scratch.ts";

const binary = (process.env["PATH"] ?? "")
  .split(delimiter)
  .map((folder) => join(folder, "redis-server"))
  .find(executable);

/** Why tests that need Redis are skipped, or null. Give it to `test.skipIf`; it has been printed. */
export const redisMissing: string | null = binary === undefined ? "skipped: no redis-server on PATH (apt-get install redis-server)" : null;
if (redisMissing !== null) console.warn(redisMissing);

export interface RedisServer extends Server, AsyncDisposable {
  /** `redis://127.0.0.1:port`. */
  readonly url: string;
  readonly port: number;
  /** Path of its Unix socket. */
  readonly socket: string;
}

/** A Redis of the test's own, empty, that keeps nothing on disk. `args` as redis-server takes them: `["--maxmemory", "1mb"]`. */
export async function startRedis(args: readonly string[] = []): Promise<RedisServer> {
  if (binary === undefined) throw new Error(redisMissing ?? "no redis-server");
  const user = serverUser();
  const folder = await serverFolder(user);
  const socket = join(folder, "redis.sock");
  const port = await freePort();
  const server = startServer({
    command: binary,
    args: ["--bind", "127.0.0.1", "--port", String(port), "--unixsocket", socket, "--save", "", "--appendonly", "no", ...args],
    folder,
    user,
    signal: "TERM",
  });
  await until(
    () => ping({ path: socket }),
    () => readFileSync(join(folder, "server.log"), "utf8"),
  );
  return { url: `redis://127.0.0.1:${port}`, port, socket, stop: server.stop, [Symbol.asyncDispose]: server.stop };
}

async function ping(at: { path: string } | { host: string; port: number }): Promise<void> {
  const client = new Redis({
    ...at,
    lazyConnect: true,
    retryStrategy: () => null,
    enableReadyCheck: false,
    disableClientInfo: true,
    protocol: 2,
  });
  client.on("error", () => undefined); // the failed attempt rejects connect() as well
  try {
    await client.connect();
    await client.ping().catch((error: unknown) => {
      // One that wants a password is there as well.
      if (!(error instanceof Error && error.message.startsWith("NOAUTH"))) throw error;
    });
  } finally {
    client.disconnect();
  }
}

export interface RedisSentinel extends Server, AsyncDisposable {
  readonly port: number;
}

/** A sentinel that watches the master `prices` and takes it for dead after half a second; one of them is enough to say so. */
export async function startSentinel(master_port: number, lines: readonly string[] = []): Promise<RedisSentinel> {
  if (binary === undefined) throw new Error(redisMissing ?? "no redis-server");
  const user = serverUser();
  const folder = await serverFolder(user);
  const port = await freePort();
  const config = join(folder, "sentinel.conf");
  const watching = [
    `sentinel monitor prices 127.0.0.1 ${master_port} 1`,
    "sentinel down-after-milliseconds prices 500",
    "sentinel failover-timeout prices 2000",
  ];
  writeFileSync(config, [`bind 127.0.0.1`, `port ${port}`, ...watching, ...lines, ""].join("\n"));
  if (user !== null) chownSync(config, user.uid, user.gid);
  const server = startServer({ command: binary, args: [config, "--sentinel"], folder, user, signal: "TERM" });
  await until(
    () => ping({ host: "127.0.0.1", port }),
    () => readFileSync(join(folder, "server.log"), "utf8"),
  );
  return { port, stop: server.stop, [Symbol.asyncDispose]: server.stop };
}

/** A port nobody listens on: Redis takes no port 0 to mean "any". */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
