import type { QuoteSource } from "./source.ts";

export interface RedisOptions {
  /** `redis://:password@host:6379/0`, `rediss://…`, or the path of a Unix socket. */
  readonly url: string;
  /** True for a cluster: keys are read from the node that has them. */
  readonly cluster?: boolean | undefined;
}

/** Prices in Redis: `ltp:{exchange}:{tradingsymbol}`, then `ticker:{instrument_token}:ltp`. Connects on the first read. */
export function redisSource(_options: RedisOptions): QuoteSource {
  throw new Error("not yet");
}
