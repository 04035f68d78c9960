import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { CONFIG_KEYS, keyNamed, type ConfigKey } from "./keys.ts";
import { repeatedKeys } from "./repeated-keys.ts";
import type { Environment } from "./terminal/screen.ts";

/** A database or a server under a name, with what goes with it. */
export interface Profile {
  readonly url: string;
  readonly account: string | undefined;
  /** A file of the user's, or the one that the profile keeps beside the config file. */
  readonly token_file: string | undefined;
}

/** What the config file may say. */
export interface Config extends Readonly<Partial<Record<ConfigKey, string>>> {
  /** The profile in use. */
  readonly profile?: string;
  readonly profiles?: ReadonlyMap<string, Profile>;
}

export interface FileFault {
  /** The key as the file has it; null where the file as a whole is meant. */
  readonly key: string | null;
  /** What the file does: `is not JSON`, `has a url that is not text`. */
  readonly message: string;
  readonly hint: string | null;
  /** A key that there is not: what is known can be used all the same. */
  readonly is_unknown: boolean;
}

export interface ConfigSurvey {
  readonly config: Config;
  readonly faults: readonly FileFault[];
  readonly is_there: boolean;
}

/** STRATCTL_CONFIG, else stratctl/config.json where the user's config files are. */
export function configFile(env: Environment): string {
  if (env["STRATCTL_CONFIG"]) return env["STRATCTL_CONFIG"];
  return join(env["XDG_CONFIG_HOME"] || join(homedir(), ".config"), "stratctl", "config.json");
}

/**
 * What the config file says; nothing where there is none. Rejects with file_unusable where it cannot be understood. Keys that
 * it has and that there are not, which a later version may have written, are left out and told to `onUnknown`, or refused.
 */
export async function readConfig(file: string, onUnknown?: ((faults: readonly FileFault[]) => void) | "refuse"): Promise<Config> {
  const { config, faults } = await surveyConfig(file);
  const fatal = faults.find(({ is_unknown }) => onUnknown === "refuse" || !is_unknown);
  if (fatal !== undefined) {
    const { StratctlError } = await import("@stratctl/sdk");
    throw new StratctlError("file_unusable", `config file ${file} ${fatal.message}`, { hint: fatal.hint ?? MEND });
  }
  if (faults.length > 0 && typeof onUnknown === "function") onUnknown(faults);
  return config;
}

const MEND = "mend it, or delete it to begin anew";

/** All that a config file says, and all that is wrong with it; nothing is thrown. */
export async function surveyConfig(file: string): Promise<ConfigSurvey> {
  const whole = (message: string): ConfigSurvey => ({ config: {}, faults: [fault(null, message)], is_there: true });
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    if (code === "ENOENT" || code === "ENOTDIR") return { config: {}, faults: [], is_there: false };
    return whole(`cannot be read (${code})`);
  }
  let data: unknown;
  try {
    text = text.replace(/^\uFEFF/, "");
    data = JSON.parse(text);
  } catch {
    return whole("is not JSON");
  }
  if (typeof data !== "object" || data === null || Array.isArray(data)) return whole("is not a JSON object");
  const texts: Partial<Record<ConfigKey | "profile", string>> = {};
  const faults: FileFault[] = repeatedKeys(text).map(({ key, lines }) => {
    const first = [...new Set(lines)];
    const last = first.pop();
    const place = first.length === 0 ? `line ${last}` : `lines ${first.join(", ")} and ${last}`;
    const message = `has ${JSON.stringify(key)} more than once, on ${place}`;
    return fault(key, message, { hint: "keep one of them" });
  });
  for (const [name, value] of Object.entries(data)) {
    if (name === "profiles") continue;
    const key = name === "profile" ? name : keyNamed(name);
    const given = textOf(value);
    if (key === null) faults.push(await unknownKey(name, value));
    else if (given === null) faults.push(fault(name, `has a ${name} that is not text`));
    else texts[key] = given;
  }
  if (!("profiles" in data)) return { config: texts, faults, is_there: true };
  const { profiles, faults: more } = await profilesOf(data.profiles);
  return { config: { ...texts, profiles }, faults: [...faults, ...more], is_there: true };
}

/** Whoever writes the file by hand writes a port as a number and a list as one. */
function textOf(value: unknown): string | null {
  if (typeof value === "string") return value;
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  return Array.isArray(value) && value.every((entry) => typeof entry === "string") ? value.join(",") : null;
}

function fault(
  key: string | null,
  message: string,
  { hint = null, is_unknown = false }: Partial<Pick<FileFault, "hint" | "is_unknown">> = {},
): FileFault {
  return { key, message, hint, is_unknown };
}

/** A key that there is not, with the one that was meant where one is near. */
export async function unknownKey(name: string, value?: unknown): Promise<FileFault> {
  const message = `has ${JSON.stringify(name)}, which is not a setting`;
  const within = CONFIG_KEYS.filter((key) => key.startsWith(`${name}.`));
  if (within.length > 0 && typeof value === "object" && value !== null)
    return { key: name, message, hint: `write its settings one by one, like "${within[0]}"`, is_unknown: true };
  const { nearest } = await import("@stratctl/sdk/internal");
  const meant = nearest(name, [...CONFIG_KEYS, "profile", "profiles"]);
  return { key: name, message, hint: meant === null ? null : `did you mean ${meant}?`, is_unknown: true };
}

async function profilesOf(data: unknown): Promise<{ profiles: ReadonlyMap<string, Profile>; faults: readonly FileFault[] }> {
  const profiles = new Map<string, Profile>();
  if (typeof data !== "object" || data === null || Array.isArray(data))
    return { profiles, faults: [fault("profiles", "has profiles that are none")] };
  const faults: FileFault[] = [];
  for (const [name, profile] of Object.entries(data)) {
    const url = textIn(profile, "url");
    if (url === undefined) faults.push(fault(`profiles.${name}`, `has a profile ${name} without a url`));
    else profiles.set(name, { url, account: textIn(profile, "account"), token_file: textIn(profile, "token_file") });
    const strange = Object.keys(typeof profile === "object" && profile !== null ? profile : {}).filter((key) => !PROFILE_KEYS.has(key));
    for (const key of strange)
      faults.push(fault(`profiles.${name}.${key}`, `has a profile ${name} with ${JSON.stringify(key)}`, { is_unknown: true }));
  }
  return { profiles, faults };
}

const PROFILE_KEYS: ReadonlySet<string> = new Set(["url", "account", "token_file"]);

function textIn(data: unknown, key: string): string | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const found: unknown = Object.entries(data).find(([name]) => name === key)?.[1];
  return typeof found === "string" ? found : undefined;
}
