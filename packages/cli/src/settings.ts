import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Given } from "./commands/command.ts";
import type { Config, Profile } from "./config-file.ts";
import { CONFIG_KEYS, factsOf, partsOf, variableOf, type ConfigKey } from "./keys.ts";
import type { Environment } from "./terminal/screen.ts";

/** A setting, and where it came from. */
export interface Found {
  readonly value: string;
  /** `--url`, `STRATCTL_URL`, `credential database_url`, `profile desk`, `file`. */
  readonly origin: string;
}

export type FoundSettings = ReadonlyMap<ConfigKey, Found>;

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
  /** Where prices come from, beyond the two URLs, as text too. */
  readonly sources: Readonly<Record<string, string>>;
  /** Every setting that something sets. */
  readonly found: FoundSettings;
}

/** What was given to a command, from where it may come. */
interface Sources {
  readonly flags: Given;
  readonly env: Environment;
  readonly config: Config;
  readonly credentials?: Credentials;
}

/** A profile that counts, and what named it. */
interface Chosen {
  readonly name: string;
  readonly profile: Profile;
  readonly by: "flag" | "variable" | "file";
}

/**
 * The one precedence: a flag goes before a variable made for stratctl, that before a credential that a service was given, that
 * before the config file, and the file before DATABASE_URL, which other programs read too; at each of them a URL goes before the
 * name of a profile. REDIS_URL and TICKER_URL go before the file. Rejects with profile_unknown.
 */
export async function settingsOf({ flags, env, config, credentials = new Map() }: Sources): Promise<Settings> {
  const chosen = await chosenOf({ flags, env, config, credentials });
  const found = new Map<ConfigKey, Found>();
  for (const key of CONFIG_KEYS) {
    const first = foundFor(key, { flags, env, config, credentials }, chosen);
    if (first !== undefined) found.set(key, first);
  }
  const token = found.get("token_file");
  return {
    url: found.get("url")?.value,
    account_id: found.get("account")?.value,
    redis_url: found.get("redis_url")?.value,
    ticker_url: found.get("ticker_url")?.value,
    token_file: token?.origin.startsWith("STRATCTL_") === true ? undefined : token?.value,
    profile: chosen?.name ?? null,
    http: sectionOf(found, "http"),
    sources: sectionOf(found, "sources"),
    found,
  };
}

const FLAGS: Readonly<Partial<Record<ConfigKey, { readonly name: string; readonly shown: string }>>> = {
  url: { name: "url", shown: "--url" },
  token_file: { name: "tokenFile", shown: "--token-file" },
  account: { name: "account", shown: "--account" },
};

function foundFor(key: ConfigKey, { flags, env, config, credentials }: Required<Sources>, chosen: Chosen | null): Found | undefined {
  const flag = FLAGS[key];
  const { shared, credential = "" } = factsOf(key);
  const sharedFound = shared === undefined ? undefined : foundIn(env[shared.variable], shared.variable);
  const ofProfile = (by: Chosen["by"]): Found | undefined =>
    chosen?.by === by ? foundIn(fromProfile(chosen.profile, key), `profile ${chosen.name}`) : undefined;
  // A token goes to the server that it was kept for: that of a profile to the profile's, that of the file to others.
  const isOfProfile = key === "token_file" && chosen !== null;
  return (
    (flag === undefined ? undefined : foundIn(flags.text(flag.name), flag.shown)) ??
    ofProfile("flag") ??
    (key === "token_file" ? foundIn(env["STRATCTL_TOKEN"] && "***", "STRATCTL_TOKEN") : undefined) ??
    foundIn(env[variableOf(key)], variableOf(key)) ??
    (shared?.over_file === true ? sharedFound : undefined) ??
    ofProfile("variable") ??
    (isOfProfile ? undefined : foundIn(credentials.get(credential), `credential ${credential}`)) ??
    ofProfile("file") ??
    (isOfProfile ? undefined : foundIn(config[key], "file")) ??
    sharedFound
  );
}

/** A variable that is set to nothing is not set. */
function foundIn(value: string | undefined, origin: string): Found | undefined {
  return value === undefined || value === "" ? undefined : { value, origin };
}

function fromProfile({ url, account, token_file }: Profile, key: ConfigKey): string | undefined {
  return key === "url" ? url : key === "account" ? account : key === "token_file" ? token_file : undefined;
}

async function chosenOf({ flags, env, config, credentials }: Required<Sources>): Promise<Chosen | null> {
  if (flags.text("url") !== undefined) return null;
  const asked = flags.text("profile");
  if (asked !== undefined) return { name: asked, by: "flag", profile: await profileOf(config, asked) };
  if (env["STRATCTL_URL"]) return null;
  if (env["STRATCTL_PROFILE"])
    return { name: env["STRATCTL_PROFILE"], by: "variable", profile: await profileOf(config, env["STRATCTL_PROFILE"]) };
  if (!config.profile || credentials.has("database_url")) return null;
  return { name: config.profile, by: "file", profile: await profileOf(config, config.profile) };
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

/** The settings of a section by their names there: `{ port: "8090" }`. */
export function sectionOf(found: FoundSettings, section: string): Record<string, string> {
  return Object.fromEntries(
    [...found].flatMap(([key, { value }]) => {
      const parts = partsOf(key);
      return parts.section === section ? [[parts.name, value]] : [];
    }),
  );
}

/** Values by the names of a service's credentials: a URL's text, or the path of a file that holds a secret. */
export type Credentials = ReadonlyMap<string, string>;

/** What systemd's LoadCredential= gave this service, which it alone may read. Rejects with file_unusable. */
export async function readCredentials(env: Environment): Promise<Credentials> {
  const folder = env["CREDENTIALS_DIRECTORY"];
  if (!folder) return new Map();
  try {
    const names = await readdir(folder);
    const read = CONFIG_KEYS.map(factsOf).flatMap(({ credential = "", file }) => {
      // A folder that is loaded as a whole under the name stratctl has each file of it behind that name.
      const name = names.find((one) => one === credential || one === `stratctl_${credential}`);
      if (name === undefined) return [];
      const path = join(folder, name);
      const text = async (): Promise<string> => (file === undefined ? (await readFile(path, "utf8")).trim() : path);
      return [text().then((value) => [credential, value] as const)];
    });
    return new Map(await Promise.all(read));
  } catch (cause) {
    const { StratctlError } = await import("@stratctl/sdk");
    const why = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new StratctlError("file_unusable", `the service's credentials in ${folder} cannot be read (${why})`, {
      hint: "CREDENTIALS_DIRECTORY is systemd's: leave it alone",
      cause,
    });
  }
}
