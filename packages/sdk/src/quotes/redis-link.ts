import type { Cluster, Redis, RedisOptions } from "ioredis";
import { StratctlError } from "../errors.ts";
import { reasonOf, secretsOf, unavailable } from "./unavailable.ts";

/** A connection attempt and a server that answers nothing are given up after this long; the next attempt follows. */
const SILENT_MS_MAX = 2_000;
/** Between attempts: 100, 200, 400 ms …; a server that comes back is found within two seconds. */
const RETRY_MS_MAX = 2_000;

/**
 * A connection that never holds its caller: not ready is an error at once, nothing is queued to be answered later, and
 * it comes back by itself. Opened at the first `ready`.
 */
export class RedisLink {
  readonly #url: string;
  readonly #secrets: readonly string[];
  #client: Redis | Cluster | null = null;
  #opening: Promise<Redis | Cluster> | null = null;
  /** Settles with the outcome of the first attempt, good or bad: only that one is worth waiting for. */
  #first: Promise<unknown> = Promise.resolve();
  /** Not the client's own status: that says ready until a destroyed connection has closed. */
  #is_ready = false;
  /** Why it is not ready. */
  #problem: string | null = null;

  constructor(url: string) {
    this.#url = checked(url);
    this.#secrets = secretsOf(this.#url);
  }

  /** The client, connected; rejects with why it is not. */
  async ready(): Promise<Redis | Cluster> {
    this.#opening ??= this.#open();
    const client = await this.#opening;
    await this.#first;
    if (!this.#is_ready) throw unavailable("redis", this.#problem ?? "no answer");
    return client;
  }

  /** A read ran into its deadline: what its connection still has to say is of no use, and would make the next read late. */
  drop(): void {
    this.#first = Promise.resolve();
    this.#problem = "no answer";
    if (this.#is_ready && this.#client !== null) cut(this.#client, { reconnect: true });
    this.#is_ready = false;
  }

  /** The server turned out to be one node of a cluster: from here on its nodes are asked, each for its own keys. */
  async becomeCluster(): Promise<void> {
    const { Cluster: ClusterClient } = await import("ioredis");
    const [node] = this.#client === null ? [] : nodesOf(this.#client);
    if (node === undefined) return;
    const { host, port, username, password, tls } = node.options;
    await this.close();
    const cluster = new ClusterClient([{ host: host ?? "localhost", port: port ?? 6379 }], {
      lazyConnect: true,
      enableOfflineQueue: false,
      clusterRetryStrategy: retryAfter,
      slotsRefreshTimeout: SILENT_MS_MAX,
      // A node whose connection ended is connected to again when the slots are told anew.
      slotsRefreshInterval: RETRY_MS_MAX,
      redisOptions: { ...OPTIONS, username, password, tls },
    });
    this.#opening = Promise.resolve(this.#adopt(cluster));
  }

  async close(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    this.#opening = null;
    this.#is_ready = false;
    if (client !== null) cut(client, { reconnect: false });
  }

  /** Why an error came, without the password. */
  reasonOf(error: unknown): string {
    return reasonOf(error, this.#secrets);
  }

  async #open(): Promise<Redis> {
    const { Redis: RedisClient } = await import("ioredis");
    return this.#adopt(new RedisClient(this.#url, OPTIONS));
  }

  #adopt<Client extends Redis | Cluster>(client: Client): Client {
    this.#client = client;
    const turns = (is_ready: boolean, problem: string | null): void => {
      // A client that was replaced still has its end to tell.
      if (this.#client !== client) return;
      this.#is_ready = is_ready;
      this.#problem = problem;
    };
    client.on("error", (error: unknown) => turns(this.#is_ready, this.reasonOf(lastNodeError(error))));
    client.on("ready", () => turns(true, null));
    client.on("close", () => turns(false, this.#problem ?? "connection cut"));
    // Not the promise of connect(): a cluster's is kept before it is ready. Why it failed is told by the error event.
    const first = Promise.withResolvers<void>();
    client.once("ready", first.resolve).once("close", first.resolve);
    client.connect().catch(() => first.resolve());
    this.#first = first.promise;
    return client;
  }
}

const OPTIONS = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: 0,
  retryStrategy: retryAfter,
  connectTimeout: SILENT_MS_MAX,
  socketTimeout: SILENT_MS_MAX,
  // GET and MGET need nothing of RESP3, and proxies that do not know HELLO stay usable.
  protocol: 2,
  disableClientInfo: true,
  connectionName: "stratctl",
  // A server that still loads its data answers MGET with LOADING, which says it as well and without INFO's rights.
  enableReadyCheck: false,
} as const satisfies RedisOptions;

function retryAfter(attempt: number): number {
  return Math.min(100 * 2 ** Math.min(attempt - 1, 10), RETRY_MS_MAX);
}

function nodesOf(client: Redis | Cluster): readonly Redis[] {
  return "nodes" in client ? client.nodes() : [client];
}

/** disconnect() alone says goodbye first and waits for an answer; a silent peer gives none. */
function cut(client: Redis | Cluster, { reconnect }: { reconnect: boolean }): void {
  const nodes = nodesOf(client);
  client.disconnect(reconnect);
  for (const node of nodes) node.stream?.destroy();
}

function lastNodeError(error: unknown): unknown {
  return error instanceof Error && "lastNodeError" in error ? (error.lastNodeError ?? error) : error;
}

function checked(url: string): string {
  if (url.startsWith("/")) return url;
  if (/^rediss?:\/\//.test(url) && URL.canParse(url) && new URL(url).hostname !== "") return url;
  throw new StratctlError("url_invalid", "the Redis URL is neither redis://host:port, rediss://host:port nor the path of a socket", {
    hint: "e.g. redis://localhost:6379",
  });
}
