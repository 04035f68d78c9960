import { basename, dirname, extname, resolve } from "node:path";
import type { Command } from "commander";
import type Conf from "conf";
import { configFile, readConfig, unknownKey } from "../config-file.ts";
import type { Deps } from "../deps.ts";
import { CONFIG_KEYS, factsOf, keyNamed, partsOf, shownOf, withoutPassword, type ConfigKey } from "../keys.ts";
import { deliver } from "../output.ts";
import { readCredentials } from "../settings.ts";
import type { Environment } from "../terminal/screen.ts";
import { examples, type Act } from "./command.ts";

const PLAIN = CONFIG_KEYS.filter((key) => partsOf(key).section === null);
const KEYS_SHOWN = `${PLAIN.join(", ")}, sources.<name>, daemon.<name>, http.<name>`;

export function addConfig(program: Command, act: Act): void {
  const config = program.command("config").description("what is asked for so often that it is kept in a file");

  config
    .command("get")
    .description("print one setting as it is")
    .argument("<key>", KEYS_SHOWN)
    .addHelpText("after", examples(["stratctl config get account"]))
    .action(act((deps, given) => runGet(deps, { key: given.argument(0) ?? "" })));

  config
    .command("set")
    .description("keep a setting")
    .argument("<key>", KEYS_SHOWN)
    .argument("<value>")
    .addHelpText(
      "after",
      `\nSettings, all of them in docs/configuration.md:
${PLAIN.map((key) => `  ${key.padEnd(13)} ${factsOf(key).about}`).join("\n")}
${SECTIONS.map(namesShown).join("")}${examples(["stratctl config set account XJ4540"], ["stratctl config set http.port 8090"])}`,
    )
    .action(act((deps, given) => runSet(deps, { key: given.argument(0) ?? "", value: given.argument(1) ?? "" })));

  config
    .command("unset")
    .description("forget a setting")
    .argument("<key>", KEYS_SHOWN)
    .addHelpText("after", examples(["stratctl config unset url"]))
    .action(act((deps, given) => runUnset(deps, { key: given.argument(0) ?? "" })));

  config
    .command("list")
    .description("list what is kept; passwords are not shown")
    .addHelpText("after", examples(["stratctl config list"]))
    .action(act((deps) => runList(deps)));

  config
    .command("show")
    .description("each setting as it counts now, and where it comes from; passwords are not shown")
    .addHelpText("after", examples(["stratctl config show"], ["stratctl config show --json"]))
    .action(act((deps) => runShow(deps)));

  config
    .command("check")
    .description("find every fault of the configuration, one a line; 2 where there is one")
    .argument("[file]", "another file, and nothing but that")
    .addHelpText("after", examples(["stratctl config check"], ["stratctl config check /etc/stratctl/config.json"]))
    .action(act((deps, given) => runCheck(deps, { file: given.argument(0) })));

  config
    .command("path")
    .description("print the file that settings are kept in")
    .addHelpText("after", examples(["cat $(stratctl config path)"]))
    .action(
      act(async ({ env, screen, output }) =>
        screen.print(output.format === "json" ? `${JSON.stringify(configFile(env))}\n` : `${configFile(env)}\n`),
      ),
    );
}

const SECTIONS = [
  { section: "sources", about: "Where prices come from" },
  { section: "daemon", about: "How a daemon marks" },
  { section: "http", about: "How it serves HTTP" },
] as const;

/** The names of a section, in lines of a terminal's width. */
function namesShown({ section, about }: (typeof SECTIONS)[number]): string {
  const lines: string[] = [];
  for (const key of CONFIG_KEYS.filter((one) => partsOf(one).section === section)) {
    const last = lines.at(-1);
    if (last === undefined || last.length + key.length > 74) lines.push(`  ${key}`);
    else lines[lines.length - 1] = `${last}, ${key}`;
  }
  return `\n${about}:\n${lines.join("\n")}\n`;
}

export async function runGet({ env, screen, output }: Deps, { key }: { key: string }): Promise<void> {
  const known = await knownKey(key);
  const value = (await readConfig(configFile(env)))[known] ?? null;
  if (output.format === "json") screen.print(`${JSON.stringify(value)}\n`);
  else if (value !== null) screen.print(`${value}\n`);
}

export async function runSet({ env, screen }: Deps, { key, value }: { key: string; value: string }): Promise<void> {
  const known = await knownKey(key);
  const kept = factsOf(known).file === undefined ? value : resolve(value);
  await judge(known, kept);
  const file = configFile(env);
  await readConfig(file); // a file that cannot be understood is not written over
  await changeConfig(file, (store) => store.set(known, kept));
  if (screen.isTerminal) screen.note(`${known} is kept in ${file}\n`);
}

export async function runUnset({ env }: Deps, { key }: { key: string }): Promise<void> {
  const known = await knownKey(key);
  const file = configFile(env);
  if ((await readConfig(file))[known] === undefined) return;
  await changeConfig(file, (store) => store.delete(known));
}

export async function runList(deps: Deps): Promise<void> {
  const config = await readConfig(configFile(deps.env));
  const rows = CONFIG_KEYS.flatMap((key) => {
    const value = config[key];
    return value === undefined ? [] : [{ key, value: shownOf(key, value) }];
  });
  await deliver(deps, {
    data: Object.fromEntries(rows.map(({ key, value }) => [key, value])),
    rows,
    fields: ["key", "value"],
    view: async ({ width, color }) => {
      if (rows.length === 0) return "nothing is kept; e.g. stratctl config set account XJ4540";
      const { table } = await import("../terminal/table.ts");
      const columns = [
        { title: "setting", cell: ({ key }: { key: string }) => key },
        { title: "value", cell: ({ value }: { value: string }) => value, shrink: { to: 20 } },
      ];
      return table(columns, rows, { width, color });
    },
  });
}

async function knownKey(key: string): Promise<ConfigKey> {
  const known = keyNamed(key);
  if (known !== null) return known;
  const { StratctlError } = await import("@stratctl/sdk");
  const { hint } = await unknownKey(key);
  throw new StratctlError("input_invalid", `"${key}" is not a setting`, {
    hint: key === "token" ? TOKEN_HINT : (hint ?? "stratctl config show lists them"),
  });
}

const TOKEN_HINT = "a token is kept in a file of its own: stratctl config set token_file <file>";

/** A setting is judged when it is kept, not when a command at six in the morning trips over it. */
async function judge(key: ConfigKey, value: string): Promise<void> {
  const [{ faultOf, namedFiles }, { StratctlError }] = await Promise.all([import("../configuration.ts"), import("@stratctl/sdk")]);
  const fault = faultOf(key, value) ?? (await namedFiles(new Map([[key, { value, origin: "argument" }]])))[0];
  if (fault !== undefined) throw new StratctlError("input_invalid", fault.message, { hint: fault.hint ?? undefined });
}

interface CheckRow {
  /** The file, or `environment`. */
  readonly where: string;
  readonly key: string | null;
  readonly fault: string;
  readonly hint: string | null;
}

/** Every fault of the file that is named, or else of all that counts here: the file, the environment and the credentials. */
export async function faultsHere(deps: Deps, { file }: { file: string | undefined }): Promise<{ path: string; rows: CheckRow[] }> {
  const { checkFile, faultsOf, namedFiles, unknownVariables } = await import("../configuration.ts");
  const path = file ?? configFile(deps.env);
  const rowsOf = (where: string, faults: readonly { key: string | null; message: string; hint: string | null }[]): CheckRow[] =>
    faults.map(({ key, message, hint }) => ({ where, key, fault: message, hint }));
  const rows = rowsOf(path, await checkFile(path)).filter(({ fault }) => file !== undefined || fault !== "is not there");
  if (file === undefined) {
    rows.push(...rowsOf("environment", unknownVariables(deps.env)));
    // What the file is to blame for is told already, and what it spoils cannot be put together.
    const found = rows.some(({ where }) => where === path) ? new Map() : (await deps.settings()).found;
    const elsewhere = new Map([...found].filter(([, { origin }]) => origin !== "file"));
    rows.push(...faultsOf(found).map(({ key, message, hint, origin }) => ({ where: origin ?? "all together", key, fault: message, hint })));
    rows.push(...rowsOf("environment", await namedFiles(elsewhere)));
    await readCredentials(deps.env);
  }
  return { path, rows };
}

export async function runCheck(deps: Deps, options: { file: string | undefined }): Promise<void> {
  const { path, rows } = await faultsHere(deps, options);
  await deliver(deps, {
    data: rows,
    rows: rows.map((row) => ({ ...row })),
    fields: ["where", "key", "fault", "hint"],
    view: () => (rows.length === 0 ? `${path} is in order` : rows.map(lineOf).join("\n")),
  });
  if (rows.length === 0) return;
  const { StratctlError } = await import("@stratctl/sdk");
  throw new StratctlError("input_invalid", `${rows.length} ${rows.length === 1 ? "fault" : "faults"} in the configuration`);
}

function lineOf({ where, fault, hint }: CheckRow): string {
  return `${where}: ${fault}${hint === null ? "" : ` (${hint})`}`;
}

/** What counts where nothing is set, where that is not a value. */
const WITHOUT: Readonly<Partial<Record<ConfigKey, string>>> = { url: "the built-in database", account: "the only one" };

/** Every setting as it counts for a command that is given the same flags and environment. */
export async function runShow(deps: Deps): Promise<void> {
  const { defaultOf } = await import("../configuration.ts");
  const { found } = await deps.settings();
  const rows = CONFIG_KEYS.map((key) => {
    const set = found.get(key);
    return { key, value: set === undefined ? defaultOf(key) : shownOf(key, set.value), from: set?.origin ?? "default" };
  });
  await deliver(deps, {
    data: rows,
    rows,
    fields: ["key", "value", "from"],
    view: async ({ width, color }) => {
      const { table } = await import("../terminal/table.ts");
      type Row = (typeof rows)[number];
      const columns = [
        { title: "setting", cell: ({ key }: Row) => key },
        { title: "value", cell: ({ key, value }: Row) => value ?? WITHOUT[key] ?? "—", shrink: { to: 12 } },
        {
          title: "from",
          cell: ({ from }: Row) => (from === "file" ? configFile(deps.env) : from),
          shrink: { to: 7, cut: "start" as const },
        },
      ];
      return table(columns, rows, { width, color });
    },
  });
}

/** The URL of a database or of a server. Rejects with url_invalid. */
export async function judgeUrl(url: string, { has_token, env }: { has_token: boolean; env: Environment }): Promise<void> {
  const { isServerUrl, serverUrl, StratctlError } = await import("@stratctl/sdk/internal");
  if (isServerUrl(url)) return void serverUrl(url, { has_token, insecure_http: env["STRATCTL_INSECURE_HTTP"] === "1" });
  if (/^postgres(ql)?:\/\//i.test(url) && URL.canParse(url)) return;
  throw new StratctlError("url_invalid", `url ${JSON.stringify(withoutPassword(url))} is not the URL of a database or a server`, {
    hint: "write it like postgres://user@host/name, or https://host",
  });
}

/** The file may hold a password: 0600, written whole or not at all. */
export async function changeConfig(file: string, work: (store: Conf) => void): Promise<void> {
  const { default: Store } = await import("conf");
  const extension = extname(file);
  try {
    const store = new Store<Record<string, unknown>>({
      cwd: dirname(file),
      configName: basename(file, extension),
      fileExtension: extension.slice(1),
      configFileMode: 0o600,
      accessPropertiesByDotNotation: false,
    });
    work(store);
  } catch (cause) {
    const { StratctlError } = await import("@stratctl/sdk");
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StratctlError("file_unusable", `config file ${file} cannot be written (${why})`, {
      hint: "STRATCTL_CONFIG names another file",
      cause,
    });
  }
}
