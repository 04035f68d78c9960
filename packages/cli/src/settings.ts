import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Given } from "./commands/command.ts";
import type { Environment } from "./terminal/screen.ts";

/** Which database, which account, whose prices; what is undefined is left to the SDK's defaults. */
export interface Settings {
  readonly url: string | undefined;
  readonly account_id: string | undefined;
  readonly redis_url: string | undefined;
  readonly ticker_url: string | undefined;
  /** How a daemon serves HTTP, each as text: `{ port: "8090" }`. What a value may be is the engine's to judge. */
  readonly http: Readonly<Record<string, string>>;
}

/** How a daemon serves HTTP: the names that the engine knows, kept as `http.port`. */
export const HTTP_NAMES = [
  "host",
  "port",
  "m2m_basis",
  "cors_origins",
  "jwks_url",
  "jwt_issuer",
  "jwt_audience",
  "jwt_algorithms",
  "jwt_accounts_claim",
  "jwt_secret_file",
  "rate_limit",
] as const;
type HttpName = (typeof HTTP_NAMES)[number];

const PLAIN_KEYS = ["url", "account", "redis_url", "ticker_url"] as const;
export type PlainKey = (typeof PLAIN_KEYS)[number];
export type ConfigKey = PlainKey | `http.${HttpName}`;
/** What the config file may say. */
export const CONFIG_KEYS: readonly ConfigKey[] = [...PLAIN_KEYS, ...HTTP_NAMES.map((name) => `http.${name}` as const)];
export type Config = Readonly<Partial<Record<ConfigKey, string>>>;

/**
 * A flag goes before a variable made for stratctl, that before the config file, and the file before DATABASE_URL, which
 * other programs read too. Variables that the SDK reads itself are left to it unless the file would hide them.
 */
export function settingsOf({ flags, env, config }: { flags: Given; env: Environment; config: Config }): Settings {
  return {
    url: flags.text("url") ?? (env["STRATCTL_URL"] || config.url),
    account_id: flags.text("account") ?? (env["STRATCTL_ACCOUNT"] || config.account),
    redis_url: env["REDIS_URL"] || config.redis_url,
    ticker_url: env["TICKER_URL"] || config.ticker_url,
    http: { ...httpKept(config), ...httpOf(env) },
  };
}

const HTTP_VARIABLE = /^STRATCTL_HTTP_(\w+)$/;

/** STRATCTL_HTTP_PORT is `port`; a variable that is set to nothing is not set. */
function httpOf(env: Environment): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([variable, value]) => {
      const name = HTTP_VARIABLE.exec(variable)?.[1]?.toLowerCase();
      return name === undefined || !value ? [] : [[name, value]];
    }),
  );
}

function httpKept(config: Config): Record<string, string> {
  return Object.fromEntries(
    HTTP_NAMES.flatMap((name) => {
      const value = config[`http.${name}`];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** STRATCTL_CONFIG, else stratctl/config.json where the user's config files are. */
export function configFile(env: Environment): string {
  if (env["STRATCTL_CONFIG"]) return env["STRATCTL_CONFIG"];
  return join(env["XDG_CONFIG_HOME"] || join(homedir(), ".config"), "stratctl", "config.json");
}

/** What the config file says; nothing where there is none. Rejects with file_unusable where it cannot be understood. */
export async function readConfig(file: string): Promise<Config> {
  const text = await readFile(file, "utf8").catch(async (cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT" || cause.code === "ENOTDIR") return null;
    throw await unusable(file, `cannot be read (${cause.code ?? cause.message})`, cause);
  });
  if (text === null) return {};
  let data: unknown;
  try {
    data = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw await unusable(file, "is not JSON", cause);
  }
  if (typeof data !== "object" || data === null || Array.isArray(data)) throw await unusable(file, "is not a JSON object");
  const config: Partial<Record<ConfigKey, string>> = {};
  for (const [key, value] of Object.entries(data)) {
    const known = CONFIG_KEYS.find((one) => one === key);
    if (known === undefined) continue; // a later version may have written it
    if (typeof value !== "string") throw await unusable(file, `has a ${key} that is not text`);
    config[known] = value;
  }
  return config;
}

async function unusable(file: string, what: string, cause?: unknown): Promise<Error> {
  const { StratctlError } = await import("@stratctl/sdk");
  return new StratctlError("file_unusable", `config file ${file} ${what}`, { hint: "mend it, or delete it to begin anew", cause });
}
