import type { Cluster, Redis, RedisOptions } from "ioredis";
import { redisOptions, type RedisTarget } from "./redis-target.ts";
import { reasonOf, unavailable } from "./unavailable.ts";

/** A connection attempt and a server that answers nothing are given up after this long; the next attempt follows. */
export const SILENT_MS_MAX = 2_000;
/** Between attempts: 100, 200, 400 ms …, each up to a quarter longer; a server that comes back is found within three seconds. */
const RETRY_MS_MAX = 2_000;

/**
 * A connection that never holds its caller: not ready is an error at once, nothing is queued to be answered later, and
 * it comes back by itself. Opened at the first `ready`.
 */
export class RedisLink {
  readonly #target: RedisTarget;
  readonly #onReady: ((client: Redis) => void) | null;
  #secrets: readonly string[] = [];
  #client: Redis | Cluster | null = null;
  #opening: Promise<Redis | Cluster> | null = null;
  /** Settles with the outcome of the first attempt, good or bad: only that one is worth waiting for. */
  #first: Promise<unknown> = Promise.resolve();
  /** Not the client's own status: that says ready until a destroyed connection has closed. */
  #is_ready = false;
  /** Why it is not ready. */
  #problem: string | null = null;
  /** Why the last sentinel that was asked did not tell where the master is. */
  #sentinel_problem = "no sentinel answers";

  /** `onReady` is called whenever a connection to the server is there, before anybody else uses it. */
  constructor(target: RedisTarget, onReady: ((client: Redis) => void) | null = null) {
    this.#target = target;
    this.#onReady = onReady;
  }

  /** The client, connected; rejects with why it is not. */
  async ready(): Promise<Redis | Cluster> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      // A file that could not be read may be there the next time.
      this.#opening = null;
      throw error;
    });
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
      // A cluster that is not whole says so key by key; asking it beforehand takes one more right, and fails without a word.
      enableReadyCheck: false,
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
    const why = reasonOf(error, this.#secrets);
    return why.startsWith("Socket timeout") ? "no answer" : why;
  }

  async #open(): Promise<Redis> {
    const { Redis: RedisClient } = await import("ioredis");
    const { url, options, secrets } = await redisOptions(this.#target);
    this.#secrets = secrets;
    const client = new RedisClient(url, { ...OPTIONS, ...options });
    client.on("ready", () => this.#onReady?.(client));
    client.on("sentinelError", ({ message }: Error) => (this.#sentinel_problem = sentinelProblem(message, this.#target.master)));
    return this.#adopt(client);
  }

  /** A password that was changed in its file is found without a restart. */
  async #rereadPassword(client: Redis | Cluster): Promise<void> {
    if (this.#target.password_file === undefined) return;
    const secrets = await redisOptions(this.#target).then(
      (read) => read.secrets,
      () => this.#secrets,
    );
    if (this.#client === client && secrets.join("\n") !== this.#secrets.join("\n")) await this.close();
  }

  #adopt<Client extends Redis | Cluster>(client: Client): Client {
    this.#client = client;
    const turns = (is_ready: boolean, problem: string | null): void => {
      // A client that was replaced still has its end to tell.
      if (this.#client !== client) return;
      this.#is_ready = is_ready;
      this.#problem = problem;
    };
    client.on("error", (error: unknown) => {
      const why = this.reasonOf(lastNodeError(error));
      turns(this.#is_ready, why.startsWith(ALL_SENTINELS) ? this.#sentinel_problem : why);
      if (/^(WRONGPASS|NOAUTH)/.test(why)) void this.#rereadPassword(client);
    });
    client.on("ready", () => turns(true, null));
    client.on("close", () => turns(false, this.#problem ?? "connection cut"));
    // Not the promise of connect(): a cluster's is kept before it is ready, and that of sentinels nobody ends while none answers.
    // Why it failed is told by the error event.
    const first = Promise.withResolvers<void>();
    client.once("ready", first.resolve).once("close", first.resolve).once("error", first.resolve);
    client.connect().catch(() => first.resolve());
    this.#first = first.promise;
    return client;
  }
}

const OPTIONS = {
  lazyConnect: true,
  enableOfflineQueue: false,
  autoResendUnfulfilledCommands: false,
  autoResubscribe: false,
  maxRetriesPerRequest: 0,
  retryStrategy: retryAfter,
  sentinelRetryStrategy: retryAfter,
  sentinelCommandTimeout: SILENT_MS_MAX,
  // Where they are is configured; what one of them says of the others may lead to nowhere.
  updateSentinels: false,
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
  return Math.min(100 * 2 ** Math.min(attempt - 1, 10), RETRY_MS_MAX) * (1 + Math.random() / 4);
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

/** How the client begins to say that it asked all of them in vain. */
const ALL_SENTINELS = "All sentinels are unreachable";

function sentinelProblem(said: string, master: string | undefined): string {
  if (said.includes("invalid reply")) return `no sentinel knows the master ${JSON.stringify(master)}`;
  const [refusal] = /\b(NOAUTH|WRONGPASS|NOPERM) .*/.exec(said) ?? [];
  return refusal === undefined ? "no sentinel answers" : `a sentinel says ${refusal}`;
}
