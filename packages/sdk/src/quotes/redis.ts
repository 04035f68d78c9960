import type { Cluster, Redis } from "ioredis";
import { tellText } from "./price.ts";
import { RedisLink } from "./redis-link.ts";
import type { InstrumentRef, QuoteSink, QuoteSource, ReadOptions } from "./source.ts";
import { unavailable } from "./unavailable.ts";

/** Keys of one MGET: few enough that the server, which serves one command at a time, is not held for a millisecond. */
const MGET_KEYS = 1_000;

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

/** Value of the key at `index`; null where there is none, with the reason if it is not that the key is missing. */
type Each = (index: number, value: string | null, why?: string) => void;

class RedisSource implements QuoteSource {
  readonly name = "redis";
  readonly #link: RedisLink;
  /** First keys of the list that was asked for last: the engine asks for the same one a second later. */
  #cached: { instruments: readonly InstrumentRef[]; keys: readonly string[] } = { instruments: [], keys: [] };

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
    const client = await this.#link.ready();
    try {
      await this.#readBothKeys(client, instruments, sink, end);
    } catch (error) {
      if ("nodes" in client || !isOfCluster(error)) throw error;
      await this.#link.becomeCluster();
      await this.#readBothKeys(await this.#link.ready(), instruments, sink, end);
    }
  }

  async #readBothKeys(client: Redis | Cluster, instruments: readonly InstrumentRef[], sink: QuoteSink, end: AbortSignal): Promise<void> {
    // It may have taken until now to connect, and the caller has gone on: a late answer must not reach its next sample.
    end.throwIfAborted();
    const left: number[] = [];
    const refused = new Set<number>();
    await get(client, this.#firstKeys(instruments), (index, value, why) => {
      if (value !== null && tellText(sink, index, value)) return;
      if (value !== null) refused.add(index);
      if ((instruments[index]?.instrument_token ?? null) !== null) left.push(index);
      else if (value === null) sink.absent(index, why ?? "no key");
    });
    const second = left.map((index) => `ticker:${instruments[index]?.instrument_token ?? ""}:ltp`);
    await get(client, second, (place, value, why) => {
      const index = left[place] ?? -1;
      if (value !== null && tellText(sink, index, value)) return;
      if (value === null && !refused.has(index)) sink.absent(index, why ?? "no key");
    });
  }

  #firstKeys(instruments: readonly InstrumentRef[]): readonly string[] {
    if (this.#cached.instruments !== instruments) {
      const keys = instruments.map(({ exchange, tradingsymbol }) => `ltp:${exchange}:${tradingsymbol}`);
      this.#cached = { instruments, keys };
    }
    return this.#cached.keys;
  }
}

/** The keys' values, each told as soon as it is there. Rejects where nothing could be read. */
async function get(client: Redis | Cluster, keys: readonly string[], each: Each): Promise<void> {
  await ("nodes" in client ? getOfCluster(client, keys, each) : getOfServer(client, keys, each));
}

/** Many MGETs written at once. A key of another type is nil to MGET. */
async function getOfServer(client: Redis, keys: readonly string[], each: Each): Promise<void> {
  const readChunk = async (from: number): Promise<void> => {
    const values = await client.mget(keys.slice(from, from + MGET_KEYS));
    for (let place = 0; place < values.length; place += 1) each(from + place, values[place] ?? null);
  };
  const chunks: Promise<void>[] = [];
  for (let from = 0; from < keys.length; from += MGET_KEYS) chunks.push(readChunk(from));
  // What the other chunks hold is told before one that failed ends the read.
  const failed = (await Promise.allSettled(chunks)).find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
}

/** GETs, since MGET takes keys of one slot only; the client sends them as one pipeline a node. A node that is away costs its own keys. */
async function getOfCluster(cluster: Cluster, keys: readonly string[], each: Each): Promise<void> {
  const failures: unknown[] = [];
  await Promise.all(
    keys.map((key, index) =>
      cluster.get(key).then(
        (value) => each(index, value),
        (error: unknown) => {
          if (isOfType(error)) return each(index, null);
          failures.push(error);
          each(index, null, "its node does not answer");
        },
      ),
    ),
  );
  if (failures.length > 0 && failures.length === keys.length) throw failures[0];
}

function isOfCluster(error: unknown): boolean {
  return error instanceof Error && /^(CROSSSLOT|MOVED) /.test(error.message);
}

function isOfType(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith("WRONGTYPE ");
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
