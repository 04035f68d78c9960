import { randomBytes } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import type { Command } from "commander";
import { configFile, readConfig, type Profile } from "../config-file.ts";
import type { Deps } from "../deps.ts";
import { withoutPassword } from "../keys.ts";
import { deliver } from "../output.ts";
import { profileOf } from "../settings.ts";
import { examples, type Act } from "./command.ts";
import { changeConfig, judgeUrl } from "./config.ts";

export function addProfile(program: Command, act: Act): void {
  const profile = program.command("profile").description("databases and servers under names of their own, with their tokens");

  profile
    .command("add")
    .description("keep a database or a server, as --url, --token-file and --account tell; one of that name is replaced")
    .argument("<name>", "1 to 50 letters, digits and . _ -")
    .option("--token-stdin", "read the token from standard input, and keep it in a file that only you can read")
    .addHelpText(
      "after",
      examples(
        ["stratctl profile add desk --url https://desk.example --token-file desk.token"],
        ["… | stratctl profile add desk --url https://desk.example --token-stdin"],
        ["stratctl profile add db --url postgres://db.example/s --account XJ4540"],
      ),
    )
    .action(
      act((deps, given) =>
        runAdd(deps, {
          name: given.argument(0) ?? "",
          url: given.text("url"),
          account: given.text("account"),
          token_file: given.text("tokenFile"),
          isTokenTyped: given.isSet("tokenStdin"),
        }),
      ),
    );

  profile
    .command("use")
    .description("make a profile that of commands which name none")
    .argument("[name]")
    .option("--none", "use none again")
    .addHelpText("after", examples(["stratctl profile use desk"], ["stratctl profile use --none"]))
    .action(act((deps, given) => runUse(deps, { name: given.argument(0), none: given.isSet("none") })));

  profile
    .command("list")
    .description("list the profiles and which is in use; tokens and passwords are not shown")
    .addHelpText("after", examples(["stratctl profile list"]))
    .action(act((deps) => runList(deps)));

  profile
    .command("remove")
    .description("forget a profile, and the token that it keeps")
    .argument("<name>")
    .addHelpText("after", examples(["stratctl profile remove desk"]))
    .action(act((deps, given) => runRemove(deps, { name: given.argument(0) ?? "" })));
}

interface Add {
  readonly name: string;
  readonly url: string | undefined;
  readonly account: string | undefined;
  readonly token_file: string | undefined;
  readonly isTokenTyped: boolean;
}

export async function runAdd(deps: Deps, { name, url, account, token_file, isTokenTyped }: Add): Promise<void> {
  const { StratctlError, readTokenFile } = await import("@stratctl/sdk/internal");
  if (!/^[A-Za-z0-9._-]{1,50}$/.test(name))
    throw new StratctlError("input_invalid", `${JSON.stringify(name)} is no name of a profile`, {
      hint: "1 to 50 letters, digits and . _ -, like desk",
    });
  if (url === undefined)
    throw new StratctlError("input_invalid", "missing --url", { hint: `e.g. stratctl profile add ${name} --url https://stratctl.example` });
  if (token_file !== undefined && isTokenTyped)
    throw new StratctlError("input_invalid", "--token-file and --token-stdin are both given", { hint: "give one of them" });
  await judgeUrl(url, { has_token: token_file !== undefined || isTokenTyped, env: deps.env });
  const file = configFile(deps.env);
  const { profiles = new Map<string, Profile>() } = await readConfig(file);
  const kept = keptFile(file, name);
  if (isTokenTyped) await writeToken(kept, await tokenTyped(deps));
  else if (token_file !== undefined) await readTokenFile(token_file);
  else if (profiles.get(name)?.token_file === kept) await rm(kept, { force: true });
  const token = isTokenTyped ? kept : token_file === undefined ? undefined : resolve(token_file);
  await writeProfiles(file, new Map([...profiles, [name, { url, account, token_file: token }]]));
  if (deps.screen.isTerminal) deps.screen.note(`${name} is kept in ${file}; stratctl profile use ${name} makes it that of all commands\n`);
}

async function tokenTyped(deps: Deps): Promise<string> {
  const { StratctlError } = await import("@stratctl/sdk");
  const hint = "e.g. ssh desk stratctl token | stratctl profile add desk --url https://… --token-stdin";
  const text = await deps.input();
  if (text === null) throw new StratctlError("input_invalid", "a token that is typed at a terminal can be read by others", { hint });
  const token = text.split(/\r?\n/)[0]?.trim() ?? "";
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  const what = token === "" ? "standard input has no token in its first line" : "the token holds characters that no token has";
  throw new StratctlError("token_invalid", what, { hint });
}

/** Where the token of a profile is kept: beside the config file, `config.desk.token`. */
function keptFile(config_file: string, name: string): string {
  return join(dirname(resolve(config_file)), `${basename(config_file, extname(config_file))}.${name}.token`);
}

/** Its owner's alone from its first byte on, and never half a token. */
async function writeToken(file: string, token: string): Promise<void> {
  const part = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    await mkdir(dirname(file), { recursive: true });
    await writeFile(part, `${token}\n`, { mode: 0o600, flag: "wx" });
    await rename(part, file);
  } catch (cause) {
    await rm(part, { force: true }).catch(() => undefined);
    const { StratctlError } = await import("@stratctl/sdk");
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new StratctlError("file_unusable", `the token cannot be kept in ${file} (${why})`, {
      hint: "STRATCTL_CONFIG names another place",
    });
  }
}

async function writeProfiles(file: string, profiles: ReadonlyMap<string, Profile>): Promise<void> {
  await changeConfig(file, (store) => store.set("profiles", Object.fromEntries(profiles)));
}

export async function runUse(deps: Deps, { name, none }: { name: string | undefined; none: boolean }): Promise<void> {
  const file = configFile(deps.env);
  const config = await readConfig(file);
  if (none === (name !== undefined)) {
    const { StratctlError } = await import("@stratctl/sdk");
    throw new StratctlError("input_invalid", none ? "a name and --none are both given" : "missing name", {
      hint: "e.g. stratctl profile use desk; stratctl profile use --none to use none",
    });
  }
  if (name !== undefined) await profileOf(config, name);
  await changeConfig(file, (store) => (name === undefined ? store.delete("profile") : store.set("profile", name)));
}

export async function runRemove(deps: Deps, { name }: { name: string }): Promise<void> {
  const file = configFile(deps.env);
  const config = await readConfig(file);
  const { token_file } = await profileOf(config, name);
  const left = new Map([...(config.profiles ?? [])].filter(([other]) => other !== name));
  if (config.profile === name) await changeConfig(file, (store) => store.delete("profile"));
  await writeProfiles(file, left);
  if (token_file === keptFile(file, name)) await rm(token_file, { force: true });
}

const FIELDS = ["profile", "is_used", "url", "account", "token_file"] as const;

export async function runList(deps: Deps): Promise<void> {
  const { profile: used, profiles = new Map<string, Profile>() } = await readConfig(configFile(deps.env));
  const rows = [...profiles].map(([profile, { url, account, token_file }]) => ({
    profile,
    is_used: profile === used,
    url: withoutPassword(url),
    account: account ?? null,
    token_file: token_file ?? null,
  }));
  await deliver(deps, {
    data: rows,
    rows,
    fields: FIELDS,
    view: async ({ width, color }) => {
      if (rows.length === 0) return "no profiles; e.g. stratctl profile add desk --url https://stratctl.example";
      const { table } = await import("../terminal/table.ts");
      type Row = (typeof rows)[number];
      const columns = [
        { title: "", cell: ({ is_used }: Row) => (is_used ? "★" : "") },
        { title: "profile", cell: ({ profile }: Row) => profile },
        { title: "url", cell: ({ url }: Row) => url, shrink: { to: 20 } },
        { title: "account", cell: ({ account }: Row) => account ?? "" },
        { title: "token", cell: ({ token_file }: Row) => token_file ?? "", shrink: { to: 12, cut: "start" as const } },
      ];
      return table(columns, rows, { width, color });
    },
  });
}
