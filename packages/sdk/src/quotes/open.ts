import { parseInput } from "../api/input.ts";
import { pubsubSource } from "./redis-pubsub.ts";
import { redisSource } from "./redis.ts";
import type { RedisTarget } from "./redis-target.ts";
import { SourceSettings, sourcesOfEnvironment, type SourceSettingsInput } from "./settings.ts";
import type { QuoteSource } from "./source.ts";
import { tickerSource } from "./ticker.ts";

export interface SourcesOptions {
  /** REDIS_URL, else redis://127.0.0.1:6379. */
  readonly redis_url?: string | undefined;
  /** The ticker service, asked about what Redis does not have. TICKER_URL, else http://127.0.0.1:8080. */
  readonly ticker_url?: string | undefined;
  /** Which sources, in which order, and how each is reached. STRATCTL_SOURCES_ORDER and so on, else Redis, then the ticker service. */
  readonly sources?: SourceSettings | undefined;
}

/** What was given, checked, over what the environment sets. Throws `input_invalid`, which names each key that is wrong. */
export function sourceSettings(given: SourceSettingsInput | Readonly<Record<string, unknown>> = {}): SourceSettings {
  return parseInput(SourceSettings, { ...sourcesOfEnvironment(process.env), ...given });
}

/**
 * Where prices come from, in the order in which they are asked. Nothing is opened before the first price is needed.
 *
 * @throws StratctlError url_invalid, input_invalid
 */
export function openSources({ redis_url, ticker_url, sources = sourceSettings() }: SourcesOptions): QuoteSource[] {
  const target: RedisTarget = {
    url: redis_url ?? fromEnvironment("REDIS_URL") ?? "redis://127.0.0.1:6379",
    sentinels: sources.redis_sentinels,
    master: sources.redis_master,
    password_file: sources.redis_password_file,
    sentinel_password_file: sources.redis_sentinel_password_file,
    ca_file: sources.redis_ca_file,
  };
  const make = {
    redis: () => redisSource({ ...target, deadline_ms: sources.redis_deadline_ms, allow_mock: sources.allow_mock }),
    pubsub: () => pubsubSource({ ...target, channels: sources.pubsub_channels ?? [], allow_mock: sources.allow_mock }),
    ticker: () =>
      tickerSource({
        url: ticker_url ?? fromEnvironment("TICKER_URL") ?? "http://127.0.0.1:8080",
        deadline_ms: sources.ticker_deadline_ms,
        allow_mock: sources.allow_mock,
        requests_per_second_max: sources.ticker_requests_per_second,
        retry_after_ms_max: sources.ticker_retry_after_ms_max,
        batch: sources.ticker_batch_path === undefined ? undefined : { path: sources.ticker_batch_path, parameter: "i" },
      }),
  };
  return sources.order.map((name) => make[name]());
}

/** A variable that is set to nothing is not set. */
function fromEnvironment(name: string): string | undefined {
  return process.env[name] === "" ? undefined : process.env[name];
}
