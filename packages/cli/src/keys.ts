/** What may be configured: the names, and what a person is told of each. What a value may be is in configuration.ts. */
export interface KeyFacts {
  readonly about: string;
  /** A value as somebody would write it. */
  readonly example: string;
  /** A variable of other programs too, and whether it goes before the config file. */
  readonly shared?: { readonly variable: string; readonly over_file: boolean };
  /** Its name among a service's credentials (systemd's LoadCredential=): a URL's text, or the file itself. */
  readonly credential?: string;
  /** A path: kept whole, since commands run in any folder. `secret`: a file that only its owner may read. */
  readonly file?: "plain" | "secret" | "folder";
  /** A URL, which may hold a password. */
  readonly may_hold_password?: true;
}

export const KEYS = {
  url: {
    about: "the database or server",
    example: "postgres://user@host/name, or https://host",
    shared: { variable: "DATABASE_URL", over_file: false },
    credential: "database_url",
    may_hold_password: true,
  },
  token_file: {
    about: "the file with the token for a server that no profile names",
    example: "/a/file",
    credential: "token",
    file: "secret",
  },
  account: { about: "the account of calls that name none", example: "XJ4540" },
  redis_url: {
    about: "where prices are looked up first",
    example: "redis://host:6379, or /a/socket",
    shared: { variable: "REDIS_URL", over_file: true },
    credential: "redis_url",
    may_hold_password: true,
  },
  ticker_url: {
    about: "the ticker service, asked for what Redis lacks",
    example: "http://host:8080",
    shared: { variable: "TICKER_URL", over_file: true },
    credential: "ticker_url",
    may_hold_password: true,
  },
  calendar_file: { about: "sessions and holidays over those that stratctl knows", example: "/a/calendar.json", file: "plain" },
  "sources.order": { about: "which sources are asked for prices, one after the other", example: "redis,ticker" },
  "sources.redis_deadline_ms": { about: "the most that Redis may take of a sample", example: "250" },
  "sources.ticker_deadline_ms": { about: "the most that the ticker service may take of a sample", example: "500" },
  "sources.redis_sentinels": { about: "sentinels that know where the master is", example: "10.0.0.1:26379,10.0.0.2:26379" },
  "sources.redis_master": { about: "the name under which they know it", example: "prices" },
  "sources.redis_sentinel_password_file": {
    about: "the file with the password of the sentinels",
    example: "/a/file",
    credential: "redis_sentinel_password",
    file: "secret",
  },
  "sources.redis_password_file": {
    about: "the file with the password of Redis",
    example: "/a/file",
    credential: "redis_password",
    file: "secret",
  },
  "sources.redis_ca_file": {
    about: "authorities that may have signed the certificate of a Redis by rediss://",
    example: "/a/file.pem",
    credential: "redis_ca",
    file: "plain",
  },
  "sources.ticker_batch_path": { about: "a path of the ticker service that takes many instruments", example: "/quote/ltp" },
  "sources.ticker_requests_per_second": { about: "requests to the ticker service, at most", example: "100" },
  "sources.ticker_retry_after_ms_max": { about: "the longest wait that the ticker service may order", example: "60000" },
  "sources.pubsub_channels": { about: "channels of Redis that prices are published on", example: "ticker:nifty:options" },
  "sources.allow_mock": { about: "whether a quote that calls itself made up is a price", example: "true" },
  "sources.jump_percent_max": { about: "a price this far from the last waits for a second quote", example: "20" },
  "daemon.interval": { about: "time between samples: seconds that divide a minute", example: "1s" },
  "daemon.write_interval_ms": { about: "candles, marks and prices are written this often", example: "5000" },
  "daemon.stale_ms_max": { about: "a price older than this is stale", example: "60000" },
  "daemon.carry_after_ms": { about: "after the open, a leg that has not traded is carried from then on", example: "60000" },
  "daemon.waiting_max": { about: "candles that wait in memory for a database that is away, at most", example: "1000000" },
  "daemon.spool_folder": { about: "where candles wait on disk while the database is away", example: "/a/folder", file: "folder" },
  "daemon.always": { about: "sample outside sessions too, for markets that never close", example: "true" },
  "http.host": { about: "the address that a daemon listens on", example: "127.0.0.1" },
  "http.port": { about: "the port that a daemon listens on, 0 for any that is free", example: "8081" },
  "http.m2m_basis": { about: "what open, high, low and close of a history are of", example: "m2m" },
  "http.cors_origins": { about: "pages of these origins may call from a browser", example: "https://desk.example" },
  "http.jwks_url": {
    about: "the keys of tokens that somebody else signs",
    example: "https://users.example/.well-known/jwks.json",
    may_hold_password: true,
  },
  "http.jwt_issuer": { about: "who must have issued a token", example: "https://users.example" },
  "http.jwt_audience": { about: "whom a token must be for", example: "stratctl" },
  "http.jwt_algorithms": { about: "how a token may be signed by a key of its own", example: "RS256,ES256" },
  "http.jwt_accounts_claim": { about: "the claim that lists a token's accounts", example: "acct_ids" },
  "http.jwt_secret_file": {
    about: "the file with a secret of one's own for HS256",
    example: "/a/file",
    credential: "jwt_secret",
    file: "secret",
  },
  "http.rate_limit": { about: "requests a minute of one token", example: "1200" },
} as const satisfies Record<string, KeyFacts>;

export type ConfigKey = keyof typeof KEYS;

export const CONFIG_KEYS: readonly ConfigKey[] = keysOf(KEYS);

function keysOf<Key extends string>(table: Readonly<Record<Key, unknown>>): Key[] {
  const keys: Key[] = [];
  for (const key in table) keys.push(key);
  return keys;
}

/** The key of that name; null where it is none. */
export function keyNamed(name: string): ConfigKey | null {
  return CONFIG_KEYS.find((key) => key === name) ?? null;
}

export function factsOf(key: ConfigKey): KeyFacts {
  return KEYS[key];
}

/** `http.port` is STRATCTL_HTTP_PORT. */
export function variableOf(key: ConfigKey): string {
  return `STRATCTL_${key.replaceAll(".", "_").toUpperCase()}`;
}

/** The section of a key and its name there: `http.port` is port of http; `url` is of none. */
export function partsOf(key: ConfigKey): { section: string | null; name: string } {
  const [section = "", name] = key.split(".");
  return name === undefined ? { section: null, name: section } : { section, name };
}

/** Variables that stratctl reads and that are no keys. */
export const OTHER_VARIABLES: readonly string[] = [
  "STRATCTL_CONFIG",
  "STRATCTL_DATA",
  "STRATCTL_INSECURE_HTTP",
  "STRATCTL_PROFILE",
  "STRATCTL_TOKEN",
];

/** Whoever looks over a shoulder, and whoever reads a pasted list, need not see it. */
export function withoutPassword(value: string): string {
  return value
    .trim()
    .replace(/^(https?:\/\/).*@/i, "$1***@")
    .replace(/^([a-z][a-z0-9+.-]*:\/\/[^/@:]*):.*@/i, "$1:***@")
    .replaceAll(/([?&](?:password|token|key)=)[^&]*/gi, "$1***");
}

/** A value as it may be shown. */
export function shownOf(key: ConfigKey, value: string): string {
  return factsOf(key).may_hold_password === true ? withoutPassword(value) : value;
}
