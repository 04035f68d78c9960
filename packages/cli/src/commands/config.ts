import { basename, dirname, extname, resolve } from "node:path";
import type { Command } from "commander";
import type Conf from "conf";
import type { Deps } from "../deps.ts";
import { deliver } from "../output.ts";
import { CONFIG_KEYS, configFile, HTTP_NAMES, readConfig, withoutPassword, type ConfigKey, type PlainKey } from "../settings.ts";
import type { Environment } from "../terminal/screen.ts";
import { examples, type Act } from "./command.ts";

const MEANINGS = {
  url: "the database or server: postgres://user@host/name, https://host",
  token_file: "the file with the token for a server that no profile names: /a/file",
  account: "the account of calls that name none",
  redis_url: "where prices are looked up first: redis://host:6379, or /a/socket",
  ticker_url: "the ticker service, asked for what Redis lacks: http://host:8080",
} as const satisfies Record<PlainKey, string>;

const KEYS = `${Object.keys(MEANINGS).join(", ")}, http.<name>`;

export function addConfig(program: Command, act: Act): void {
  const config = program.command("config").description("what is asked for so often that it is kept in a file");

  config
    .command("get")
    .description("print one setting as it is")
    .argument("<key>", KEYS)
    .addHelpText("after", examples(["stratctl config get account"]))
    .action(act((deps, given) => runGet(deps, { key: given.argument(0) ?? "" })));

  config
    .command("set")
    .description("keep a setting")
    .argument("<key>", KEYS)
    .argument("<value>")
    .addHelpText(
      "after",
      `\nSettings:\n${Object.entries(MEANINGS)
        .map(([key, meaning]) => `  ${key.padEnd(10)} ${meaning}`)
        .join("\n")}\n\nHow a daemon serves HTTP, all in docs/api.md:\n${httpKeys()}\n${examples(
        ["stratctl config set account XJ4540"],
        ["stratctl config set http.port 8090"],
      )}`,
    )
    .action(act((deps, given) => runSet(deps, { key: given.argument(0) ?? "", value: given.argument(1) ?? "" })));

  config
    .command("unset")
    .description("forget a setting")
    .argument("<key>", KEYS)
    .addHelpText("after", examples(["stratctl config unset url"]))
    .action(act((deps, given) => runUnset(deps, { key: given.argument(0) ?? "" })));

  config
    .command("list")
    .description("list what is kept; passwords are not shown")
    .addHelpText("after", examples(["stratctl config list"]))
    .action(act((deps) => runList(deps)));

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

/** All keys of HTTP, in lines of a terminal's width. */
function httpKeys(): string {
  const lines = [HTTP_NAMES.slice(0, 4), HTTP_NAMES.slice(4, 7), HTTP_NAMES.slice(7, 9), HTTP_NAMES.slice(9)];
  return lines.map((names) => `  ${names.map((name) => `http.${name}`).join(", ")}`).join("\n");
}

export async function runGet({ env, screen, output }: Deps, { key }: { key: string }): Promise<void> {
  const known = await knownKey(key);
  const value = (await readConfig(configFile(env)))[known] ?? null;
  if (output.format === "json") screen.print(`${JSON.stringify(value)}\n`);
  else if (value !== null) screen.print(`${value}\n`);
}

export async function runSet({ env, screen }: Deps, { key, value }: { key: string; value: string }): Promise<void> {
  const known = await knownKey(key);
  const kept = FILES.has(known) ? resolve(value) : value;
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
    return value === undefined ? [] : [{ key, value: withoutPassword(value) }];
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

/** Commands run in any folder: what is kept is the whole path. */
const FILES: ReadonlySet<ConfigKey> = new Set(["token_file", "http.jwt_secret_file"]);

async function knownKey(key: string): Promise<ConfigKey> {
  const known = CONFIG_KEYS.find((one) => one === key);
  if (known !== undefined) return known;
  const { StratctlError } = await import("@stratctl/sdk");
  throw new StratctlError("input_invalid", `"${key}" is not a setting`, { hint: hintFor(key) });
}

function hintFor(key: string): string {
  if (key === "token") return "a token is kept in a file of its own: stratctl config set token_file <file>";
  return key.startsWith("http.") ? `settings of HTTP are ${HTTP_NAMES.join(", ")}` : `settings are ${KEYS}`;
}

const SCHEMES = {
  redis_url: ["redis", "rediss"],
  ticker_url: ["http", "https"],
} as const;

/** A setting is judged when it is kept, not when a command at six in the morning trips over it. */
async function judge(key: ConfigKey, value: string): Promise<void> {
  if (isHttpKey(key)) {
    const { parseHttpSettings } = await import("@stratctl/engine");
    parseHttpSettings({ [key.slice("http.".length)]: value });
    return;
  }
  const { StratctlError } = await import("@stratctl/sdk");
  if (key === "account") {
    if (/^\S{1,100}$/.test(value)) return;
    throw new StratctlError("input_invalid", `account ${JSON.stringify(value)} is not an account id`, {
      hint: "it has no blanks, like XJ4540",
    });
  }
  if (key === "url") return judgeUrl(value, { has_token: false, env: {} });
  if (key === "token_file") {
    const { readTokenFile } = await import("@stratctl/sdk/internal");
    return void (await readTokenFile(value));
  }
  if (key === "redis_url" && value.startsWith("/")) return;
  const schemes: readonly string[] = SCHEMES[key];
  const scheme = URL.canParse(value) ? new URL(value).protocol.slice(0, -1) : null;
  if (scheme !== null && schemes.includes(scheme)) return;
  throw new StratctlError("url_invalid", `${key} ${JSON.stringify(withoutPassword(value))} is not a URL of ${schemes[0]}`, {
    hint: `write it like ${MEANINGS[key].split(": ")[1]}`,
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

function isHttpKey(key: ConfigKey): key is Exclude<ConfigKey, PlainKey> {
  return key.startsWith("http.");
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
