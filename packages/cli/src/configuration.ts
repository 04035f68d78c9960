import { access, constants, stat } from "node:fs/promises";
import { z } from "zod";
import { DaemonSettings, HttpSettings } from "@stratctl/engine";
import {
  calendarFaults,
  isServerUrl,
  nearest,
  parseInput,
  readPrivate,
  serverUrl,
  SourceSettings,
  StratctlError,
} from "@stratctl/sdk/internal";
import { readCalendarText } from "./calendar.ts";
import { surveyConfig, type Config } from "./config-file.ts";
import { CONFIG_KEYS, factsOf, OTHER_VARIABLES, partsOf, shownOf, variableOf, withoutPassword, type ConfigKey } from "./keys.ts";
import { sectionOf, type Found, type FoundSettings } from "./settings.ts";
import type { Environment } from "./terminal/screen.ts";

const Url = z.string().superRefine((url, context) => {
  const issue = (message: string): void => context.addIssue({ code: "custom", message, input: url });
  if (!isServerUrl(url)) {
    if (!/^postgres(ql)?:\/\//i.test(url) || !URL.canParse(url)) issue("is not the URL of a database or a server");
    return;
  }
  try {
    serverUrl(url, { has_token: false, insecure_http: false });
  } catch (error) {
    if (!(error instanceof StratctlError)) throw error;
    issue(`is refused: ${error.message}`);
  }
});

const urlOf = (protocol: RegExp, error: string) =>
  z.string().refine((url) => URL.canParse(url) && protocol.test(new URL(url).protocol), { error });

const Path = z.string().trim().min(1);

/** All of the configuration. Each value comes as text from a flag, a variable or the config file. */
export const Configuration = z.strictObject({
  url: Url.optional(),
  token_file: Path.optional(),
  account: z
    .string()
    .regex(/^\S{1,100}$/, { error: "is not an account id, which has no blanks" })
    .optional(),
  redis_url: z
    .union([z.string().startsWith("/"), urlOf(/^rediss?:$/, "is not a URL of redis")], { error: "is not a URL of redis" })
    .default("redis://127.0.0.1:6379"),
  ticker_url: urlOf(/^https?:$/, "is not a URL of http").default("http://127.0.0.1:8080"),
  calendar_file: Path.optional(),
  sources: SourceSettings.prefault({}),
  daemon: DaemonSettings.prefault({}),
  http: HttpSettings.prefault({}),
});
export type Configuration = z.infer<typeof Configuration>;

type Shape = Readonly<Record<string, z.ZodType>>;

function shapeOf(section: string | null): Shape {
  if (section === "http") return HttpSettings.shape;
  if (section === "daemon") return DaemonSettings.shape;
  return section === "sources" ? SourceSettings.shape : Configuration.shape;
}

/** The schema's own keys, as they are written: `http.port`. */
export function schemaKeys(): string[] {
  const sections = new Set(["sources", "daemon", "http"]);
  return Object.keys(Configuration.shape).flatMap((name) =>
    sections.has(name) ? Object.keys(shapeOf(name)).map((inner) => `${name}.${inner}`) : [name],
  );
}

/** What counts where nothing is set, as text; null where that is nothing. */
export function defaultOf(key: ConfigKey): string | null {
  const { section, name } = partsOf(key);
  const schema = shapeOf(section)[name];
  const value: unknown = schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault ? schema.def.defaultValue : null;
  if (Array.isArray(value)) return value.join(",") || null;
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? String(value) : null;
}

/** What is wrong with one value. */
export interface ConfigFault {
  /** The key, or the variable or field that is none; null where a file as a whole is meant. */
  readonly key: string | null;
  readonly message: string;
  readonly hint: string | null;
}

/** What is wrong with the value of a key; null where nothing is. A password is not repeated. */
export function faultOf(key: ConfigKey, value: string): ConfigFault | null {
  const message = complaintOn(key, value);
  if (message === null) return null;
  const shown = shownOf(key, value);
  const told = shown === value ? message : (complaintOn(key, shown) ?? `${partsOf(key).name} ${JSON.stringify(shown)} is not valid`);
  const { section } = partsOf(key);
  return { key, message: section === null ? told : `${section}.${told}`, hint: `write it like ${factsOf(key).example}` };
}

function complaintOn(key: ConfigKey, value: string): string | null {
  const { section, name } = partsOf(key);
  const schema = shapeOf(section)[name];
  if (schema === undefined) return `${name} is not a setting`;
  return complaintOf(() => parseInput(z.object({ [name]: schema }), { [name]: value }));
}

function complaintOf(parse: () => unknown): string | null {
  try {
    parse();
    return null;
  } catch (error) {
    if (error instanceof StratctlError) return error.message;
    throw error;
  }
}

/** What is wrong with values, each alone, then together. */
export function faultsOf(found: FoundSettings): (ConfigFault & { readonly origin: string | null })[] {
  const alone = [...found].flatMap(([key, { value, origin }]) => {
    const fault = key === "token_file" && value === "***" ? null : faultOf(key, value);
    return fault === null ? [] : [{ ...fault, origin }];
  });
  if (alone.length > 0) return alone;
  return (["sources", "daemon", "http"] as const).flatMap((section) => {
    const given = sectionOf(found, section);
    const message = complaintOf(() => parseInput(Configuration.shape[section], given));
    return message === null ? [] : [{ key: section, message: `${section}.${message}`, hint: null, origin: null }];
  });
}

/**
 * The configuration by its schema. `over` is what flags of the command itself say, which go before all else.
 *
 * @throws StratctlError input_invalid, with all faults in `details.faults`
 */
export function parseConfiguration(
  found: FoundSettings,
  { over = {}, env }: { over?: Readonly<Partial<Record<ConfigKey, string | undefined>>>; env: Environment },
): Configuration {
  const all = new Map<ConfigKey, Found>(found);
  for (const key of CONFIG_KEYS) {
    const value = over[key];
    if (value !== undefined) all.set(key, { value, origin: "flag" });
  }
  const faults = [...faultsOf(all), ...unknownVariables(env).map((fault) => ({ ...fault, origin: null }))];
  const [first] = faults;
  if (first !== undefined) {
    const where = first.origin === null || first.origin === "flag" ? "" : `; it comes from ${first.origin}`;
    throw new StratctlError("input_invalid", first.message, {
      hint: `${first.hint ?? "stratctl config show says where each value comes from"}${where}`,
      details: { faults: faults.map(({ key, message }) => ({ key, message })) },
    });
  }
  const plain = [...all].filter(([key]) => partsOf(key).section === null).map(([key, { value }]) => [key, value]);
  const sections = Object.fromEntries((["sources", "daemon", "http"] as const).map((section) => [section, sectionOf(all, section)]));
  return parseInput(Configuration, { ...Object.fromEntries(plain), ...sections });
}

const PREFIX = "STRATCTL_";

/** Variables that begin like ours and are none, where one of ours must have been meant. */
export function unknownVariables(env: Environment): ConfigFault[] {
  const known = [...CONFIG_KEYS.map(variableOf), ...OTHER_VARIABLES];
  const bare = known.map((variable) => variable.slice(PREFIX.length));
  return Object.keys(env).flatMap((variable) => {
    if (!variable.startsWith(PREFIX) || known.includes(variable)) return [];
    const meant = nearest(variable.slice(PREFIX.length), bare);
    if (meant === null && !/^STRATCTL_(HTTP|DAEMON|SOURCES)_/.test(variable)) return [];
    return [{ key: variable, message: `${variable} is not a setting`, hint: meant === null ? null : `did you mean ${PREFIX}${meant}?` }];
  });
}

/** All that is wrong with a config file: its form, its keys, its values, and the files that it names. */
export async function checkFile(file: string): Promise<ConfigFault[]> {
  const { config, faults, is_there } = await surveyConfig(file);
  if (!is_there) return [{ key: null, message: "is not there", hint: null }];
  const found = new Map(
    CONFIG_KEYS.flatMap((key) => {
      const value = config[key];
      return value === undefined ? [] : [[key, { value, origin: "file" }] as const];
    }),
  );
  return [
    ...faults.map(({ key, message, hint }) => ({ key, message, hint })),
    ...faultsOf(found).map(({ key, message, hint }) => ({ key, message, hint })),
    ...profileFaults(config),
    ...(await namedFiles(found)),
    ...(await openToOthers(file, config)),
  ];
}

function profileFaults({ profile, profiles = new Map() }: Config): ConfigFault[] {
  const names = [...profiles.keys()];
  const unused =
    profile !== undefined && profile !== "" && !profiles.has(profile)
      ? [{ key: "profile", message: `profile ${JSON.stringify(profile)} is none of profiles`, hint: nearest(profile, names) }]
      : [];
  const urls = [...profiles].flatMap(([name, { url }]) => {
    const fault = faultOf("url", url);
    return fault === null ? [] : [{ ...fault, key: `profiles.${name}.url`, message: `profiles.${name}.${fault.message}` }];
  });
  return [...unused.map((fault) => ({ ...fault, hint: fault.hint === null ? null : `did you mean ${fault.hint}?` })), ...urls];
}

/** Whether the files that settings name can be read, and those that hold a secret by their owner alone. */
export async function namedFiles(found: FoundSettings): Promise<ConfigFault[]> {
  const faults = await Promise.all(
    [...found].map(async ([key, { value }]): Promise<ConfigFault[]> => {
      const { file } = factsOf(key);
      if (file === undefined || file === "folder" || value === "***") return [];
      try {
        if (file === "secret") await readPrivate(value, "file");
        else await access(value, constants.R_OK);
        return key === "calendar_file" ? await calendarFaultsOf(value) : [];
      } catch (error) {
        const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
        return error instanceof StratctlError
          ? [{ key, message: `${key}: ${error.message}`, hint: error.hint }]
          : [{ key, message: `${key}: ${value} cannot be read (${code})`, hint: "is the path right?" }];
      }
    }),
  );
  return faults.flat();
}

async function calendarFaultsOf(file: string): Promise<ConfigFault[]> {
  const faults = calendarFaults(await readCalendarText(file));
  return faults.map((fault) => ({ key: "calendar_file", message: `calendar_file ${file}: ${fault}`, hint: null }));
}

/** A file with a password in it is for its owner alone. */
async function openToOthers(file: string, { profiles = new Map(), ...config }: Config): Promise<ConfigFault[]> {
  const urls = [...CONFIG_KEYS.map((key) => config[key] ?? ""), ...[...profiles.values()].map(({ url }) => url)];
  const { mode } = await stat(file);
  if ((mode & 0o077) === 0 || process.platform === "win32" || urls.every((url) => withoutPassword(url) === url.trim())) return [];
  return [{ key: null, message: "holds a password, and others can read it", hint: `chmod 600 ${file}` }];
}
