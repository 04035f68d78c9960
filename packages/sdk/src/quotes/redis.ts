import { RedisBlocks } from "./redis-blocks.ts";
import { ClusterKeys } from "./redis-cluster.ts";
import { RedisLink } from "./redis-link.ts";
import { checkedTarget, type RedisTarget } from "./redis-target.ts";
import type { InstrumentRef, QuoteSink, QuoteSource, ReadOptions } from "./source.ts";
import { untilAborted } from "./until-aborted.ts";
import { unavailable } from "./unavailable.ts";

export interface RedisSourceOptions extends RedisTarget {
  /** The most that a read may take; an equal share of the time where it is left out. */
  readonly deadline_ms?: number | undefined;
  /** Whether a value that calls itself made up is a price; false. */
  readonly allow_mock?: boolean | undefined;
}

/**
 * Prices in Redis: the key `ltp:{exchange}:{tradingsymbol}`, then `ticker:{instrument_token}:ltp`; a plain number, or
 * JSON with last_price or ltp and a time. All instruments are read in one pipeline. Connects at the first read and comes
 * back by itself; a cluster is recognised by its answers and read node by node, and sentinels are asked where the master is
 * at each connection. Throws `url_invalid`.
 *
 * @example
 * const redis = redisSource({ url: "redis://localhost:6379" });
 */
export function redisSource(options: RedisSourceOptions): QuoteSource {
  return new RedisSource(options);
}

class RedisSource implements QuoteSource {
  readonly name = "redis";
  readonly deadline_ms: number | undefined;
  readonly #options: RedisSourceOptions;
  readonly #link: RedisLink;
  readonly #others: QuoteSource[] = [];
  /** By the list itself: the engine asks for the same one a second later, and forgets it with its book. */
  readonly #of_server = new WeakMap<readonly InstrumentRef[], RedisBlocks>();
  readonly #of_cluster = new WeakMap<readonly InstrumentRef[], ClusterKeys>();

  constructor(options: RedisSourceOptions) {
    this.#options = options;
    this.deadline_ms = options.deadline_ms;
    this.#link = new RedisLink(checkedTarget(options));
  }

  async read(instruments: readonly InstrumentRef[], sink: QuoteSink, { deadline_ms, signal }: ReadOptions): Promise<void> {
    if (instruments.length === 0) return;
    const timeout = AbortSignal.timeout(Math.ceil(deadline_ms));
    const end = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
    try {
      await this.#readAll(instruments, sink, end);
    } catch (error) {
      if (!end.aborted) throw unavailable(this.name, this.#link.reasonOf(error));
      // Whoever only lost interest has not found it silent.
      if (timeout.aborted) this.#link.drop();
      throw unavailable(this.name, timeout.aborted ? `no answer within ${Math.ceil(deadline_ms)} ms` : "interrupted");
    }
  }

  /** With a connection of their own: one that is dropped because theirs were late is not the one that this source reads by. */
  forOthers(): QuoteSource {
    const others = redisSource(this.#options);
    this.#others.push(others);
    return others;
  }

  async close(): Promise<void> {
    await Promise.all([this.#link.close(), ...this.#others.map((others) => others.close())]);
  }

  async #readAll(instruments: readonly InstrumentRef[], sink: QuoteSink, end: AbortSignal): Promise<void> {
    try {
      await this.#readOnce(instruments, sink, end);
    } catch (error) {
      if (!isOfCluster(error)) throw error;
      await this.#link.becomeCluster();
      await this.#readOnce(instruments, sink, end);
    }
  }

  async #readOnce(instruments: readonly InstrumentRef[], sink: QuoteSink, end: AbortSignal): Promise<void> {
    const client = await untilAborted(end, this.#link.ready());
    const options = { allow_mock: this.#options.allow_mock ?? false };
    if ("nodes" in client) return kept(this.#of_cluster, instruments, () => new ClusterKeys(instruments, options)).read(client, sink, end);
    const blocks = kept(this.#of_server, instruments, () => new RedisBlocks(instruments, options));
    await untilAborted(end, blocks.read(client, sink, end));
  }
}

function kept<Key extends object, Value>(values: WeakMap<Key, Value>, key: Key, make: () => Value): Value {
  const value = values.get(key) ?? make();
  values.set(key, value);
  return value;
}

function isOfCluster(error: unknown): boolean {
  return error instanceof Error && /^(CROSSSLOT|MOVED) /.test(error.message);
}
