import { RedisBlocks } from "./redis-blocks.ts";
import { readCluster } from "./redis-cluster.ts";
import { RedisLink } from "./redis-link.ts";
import type { InstrumentRef, QuoteSink, QuoteSource, ReadOptions } from "./source.ts";
import { unavailable } from "./unavailable.ts";

/**
 * Prices in Redis: the key `ltp:{exchange}:{tradingsymbol}`, then `ticker:{instrument_token}:ltp`; a plain number, or
 * JSON with last_price or ltp and a time. All instruments are read in one pipeline. Connects at the first read and comes
 * back by itself; a cluster is recognised by its answers and read node by node.
 *
 * `url`: `redis://:password@host:6379/0`, `rediss://…`, or the path of a Unix socket. Throws `url_invalid` otherwise.
 *
 * @example
 * const redis = redisSource({ url: "redis://localhost:6379" });
 */
export function redisSource({ url }: { readonly url: string }): QuoteSource {
  return new RedisSource(url);
}

class RedisSource implements QuoteSource {
  readonly name = "redis";
  readonly #link: RedisLink;
  /** By the list itself: the engine asks for the same one a second later, and forgets it with its book. */
  readonly #blocks = new WeakMap<readonly InstrumentRef[], RedisBlocks>();

  constructor(url: string) {
    this.#link = new RedisLink(url);
  }

  async read(instruments: readonly InstrumentRef[], sink: QuoteSink, { deadline_ms, signal }: ReadOptions): Promise<void> {
    if (instruments.length === 0) return;
    const timeout = AbortSignal.timeout(Math.ceil(deadline_ms));
    const end = signal === undefined ? timeout : AbortSignal.any([timeout, signal]);
    try {
      await untilAborted(end, this.#readAll(instruments, sink, end));
    } catch (error) {
      if (!end.aborted) throw unavailable(this.name, this.#link.reasonOf(error));
      this.#link.drop();
      throw unavailable(this.name, timeout.aborted ? `no answer within ${Math.ceil(deadline_ms)} ms` : "interrupted");
    }
  }

  close(): Promise<void> {
    return this.#link.close();
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
    const client = await this.#link.ready();
    // It may have taken until now to connect, and the caller has gone on: a late answer must not reach its next sample.
    end.throwIfAborted();
    await ("nodes" in client ? readCluster(client, instruments, sink) : this.#blocksOf(instruments).read(client, sink, end));
  }

  #blocksOf(instruments: readonly InstrumentRef[]): RedisBlocks {
    const blocks = this.#blocks.get(instruments) ?? new RedisBlocks(instruments);
    this.#blocks.set(instruments, blocks);
    return blocks;
  }
}

function isOfCluster(error: unknown): boolean {
  return error instanceof Error && /^(CROSSSLOT|MOVED) /.test(error.message);
}

/** Settles with the work, or rejects when the signal fires; the work's own later rejection is then of no interest. */
function untilAborted<Result>(signal: AbortSignal, work: Promise<Result>): Promise<Result> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(new Error("aborted"));
    if (signal.aborted) stop();
    signal.addEventListener("abort", stop, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", stop));
  });
}
