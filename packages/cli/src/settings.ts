import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Given } from "./commands/command.ts";
import type { Environment } from "./terminal/screen.ts";

/** Which database or server, which account, whose prices; what is undefined is left to the SDK's defaults. */
export interface Settings {
  readonly url: string | undefined;
  readonly account_id: string | undefined;
  readonly redis_url: string | undefined;
  readonly ticker_url: string | undefined;
  /** The file with the token for a server, where it is not the one that the SDK's own variables tell. */
  readonly token_file: string | undefined;
  /** The profile that the URL is of; null where it is of none. */
  readonly profile: string | null;
  /** How a daemon serves HTTP, each as text: `{ port: "8090" }`. What a value may be is the engine's to judge. */
  readonly http: Readonly<Record<string, string>>;
}

/** A database or a server under a name, with what goes with it. */
export interface Profile {
  readonly url: string;
  readonly account: string | undefined;
  /** A file of the user's, or the one that the profile keeps beside the config file. */
  readonly token_file: string | undefined;
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

const PLAIN_KEYS = ["url", "token_file", "account", "redis_url", "ticker_url"] as const;
export type PlainKey = (typeof PLAIN_KEYS)[number];
export type ConfigKey = PlainKey | `http.${HttpName}`;
/** What the config file may say. */
export const CONFIG_KEYS: readonly ConfigKey[] = [...PLAIN_KEYS, ...HTTP_NAMES.map((name) => `http.${name}` as const)];
export interface Config extends Readonly<Partial<Record<ConfigKey, string>>> {
  /** The profile in use. */
  readonly profile?: string;
  readonly profiles?: ReadonlyMap<string, Profile>;
}

/** What was given to a command, from where it may come. */
interface Sources {
  readonly flags: Given;
  readonly env: Environment;
  readonly config: Config;
}

/**
 * A flag goes before a variable made for stratctl, that before the config file, and the file before DATABASE_URL, which
 * other programs read too; at each of them a URL goes before the name of a profile. Variables that the SDK reads itself are left
 * to it unless the file would hide them. Rejects with profile_unknown.
 */
export async function settingsOf({ flags, env, config }: Sources): Promise<Settings> {
  const name = profileNameOf({ flags, env, config });
  const profile = name === null ? null : await profileOf(config, name);
  return {
    url: profile?.url ?? flags.text("url") ?? (env["STRATCTL_URL"] || config.url),
    account_id: accountOf({ flags, env, config }, profile),
    redis_url: env["REDIS_URL"] || config.redis_url,
    ticker_url: env["TICKER_URL"] || config.ticker_url,
    token_file: tokenFileOf({ flags, env, config }, profile),
    profile: name,
    http: { ...httpKept(config), ...httpOf(env) },
  };
}

function profileNameOf({ flags, env, config }: Sources): string | null {
  if (flags.text("url") !== undefined) return null;
  const asked = flags.text("profile");
  if (asked !== undefined) return asked;
  return env["STRATCTL_URL"] ? null : env["STRATCTL_PROFILE"] || config.profile || null;
}

/** The profile of a name. Rejects with profile_unknown, which says which there are. */
export async function profileOf({ profiles = new Map() }: Config, name: string): Promise<Profile> {
  const profile = profiles.get(name);
  if (profile !== undefined) return profile;
  const { StratctlError } = await import("@stratctl/sdk");
  const there = [...profiles.keys()].toSorted();
  throw new StratctlError("profile_unknown", `there is no profile ${JSON.stringify(name)}`, {
    hint: there.length === 0 ? "add it: stratctl profile add desk --url https://…" : `there are ${there.join(", ")}`,
    details: { profile: name, profiles: there },
  });
}

function accountOf({ flags, env, config }: Sources, profile: Profile | null): string | undefined {
  const named = flags.text("profile") === undefined ? undefined : profile?.account;
  return flags.text("account") ?? named ?? (env["STRATCTL_ACCOUNT"] || (profile?.account ?? config.account));
}

/** A token goes to the server that it was kept for: that of a profile to the profile's, that of the file to others. */
function tokenFileOf({ flags, env, config }: Sources, profile: Profile | null): string | undefined {
  const asked = flags.text("tokenFile") ?? (flags.text("profile") === undefined ? undefined : profile?.token_file);
  if (asked !== undefined) return asked;
  if (env["STRATCTL_TOKEN"] || env["STRATCTL_TOKEN_FILE"]) return undefined;
  return profile === null ? config.token_file : profile.token_file;
}

/** Whoever looks over a shoulder, and whoever reads a pasted list, need not see it. */
export function withoutPassword(value: string): string {
  return value
    .trim()
    .replace(/^(https?:\/\/).*@/i, "$1***@")
    .replace(/^([a-z][a-z0-9+.-]*:\/\/[^/@:]*):.*@/i, "$1:***@")
    .replaceAll(/([?&](?:password|token|key)=)[^&]*/gi, "$1***");
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
  const texts: Partial<Record<ConfigKey | "profile", string>> = {};
  for (const [key, value] of Object.entries(data)) {
    const known = key === "profile" ? key : CONFIG_KEYS.find((one) => one === key);
    if (known === undefined) continue; // a later version may have written it
    if (typeof value !== "string") throw await unusable(file, `has a ${key} that is not text`);
    texts[known] = value;
  }
  return "profiles" in data ? { ...texts, profiles: await profilesOf(file, data.profiles) } : texts;
}

async function profilesOf(file: string, data: unknown): Promise<ReadonlyMap<string, Profile>> {
  if (typeof data !== "object" || data === null) throw await unusable(file, "has profiles that are none");
  const profiles = new Map<string, Profile>();
  for (const [name, profile] of Object.entries(data)) {
    const url = textIn(profile, "url");
    if (url === undefined) throw await unusable(file, `has a profile ${name} without a url`);
    profiles.set(name, { url, account: textIn(profile, "account"), token_file: textIn(profile, "token_file") });
  }
  return profiles;
}

function textIn(data: unknown, key: string): string | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const found: unknown = Object.entries(data).find(([name]) => name === key)?.[1];
  return typeof found === "string" ? found : undefined;
}

async function unusable(file: string, what: string, cause?: unknown): Promise<Error> {
  const { StratctlError } = await import("@stratctl/sdk");
  return new StratctlError("file_unusable", `config file ${file} ${what}`, { hint: "mend it, or delete it to begin anew", cause });
}
