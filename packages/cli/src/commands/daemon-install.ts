import { mkdir, readFile, realpath, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import type { Deps } from "../deps.ts";
import { deliver } from "../output.ts";
import { version } from "../version.ts";
import { examples, type Act } from "./command.ts";
import { DATABASE_URL_FILE, HIDDEN_FOLDERS, MADE_BY, SYSTEM, systemUnit, userUnits, type Unit, type UnitPlace } from "./daemon-unit.ts";
import { isSystemdHere, ran, systemctl, systemdVersion, unitsOf, type Scope } from "./systemctl.ts";

export function addInstall(daemon: Command, act: Act): void {
  daemon
    .command("install")
    .description("run the daemon as a systemd service: print the system's unit, or write it")
    .option("--user", "your own service, over the built-in database of your folder")
    .option("--write", "write the system's unit instead of printing it: for root")
    .option("--force", "over a unit that is another")
    .addHelpText(
      "after",
      `\nThe system's service needs the URL of a database, which becomes a file that only
root can read: ${DATABASE_URL_FILE}. What to run next
is said.
${examples(["stratctl daemon install --user"], ["stratctl daemon install", "prints the unit"], ["sudo stratctl daemon install --write --url postgres://stratctl@db/stratctl"])}`,
    )
    .action(
      act((deps, given) => {
        const flags = { write: given.isSet("write"), force: given.isSet("force") };
        return given.isSet("user") ? runInstallUser(deps, flags) : runInstallSystem(deps, flags);
      }),
    );

  daemon
    .command("uninstall")
    .description("stop the service and remove its unit; data and settings stay")
    .option("--user", "your own service")
    .option("--force", "a unit that stratctl did not make, too")
    .addHelpText("after", examples(["stratctl daemon uninstall --user"], ["stratctl daemon uninstall", "as root"]))
    .action(act((deps, given) => runUninstall(deps, { scope: given.isSet("user") ? "user" : "system", force: given.isSet("force") })));
}

interface InstallFlags {
  readonly write: boolean;
  readonly force: boolean;
}

/** What was done to a file: nothing where it was so already. */
interface Done {
  readonly path: string;
  readonly done: "written" | "replaced" | "unchanged" | "removed";
}

async function runInstallSystem(deps: Deps, { write, force }: InstallFlags): Promise<void> {
  const place = await placeOf();
  const unit = systemUnit(place);
  if (!write) {
    deps.screen.print(unit.text);
    const hidden = hiddenPath(place);
    if (hidden !== null) deps.screen.note(`note: ${hidden} is out of the unit's sight, so that this unit would not start\n`);
    deps.screen.note(
      `not installed: as root, stratctl daemon install --write; it needs DATABASE_URL, or the URL in ${DATABASE_URL_FILE}\n`,
    );
    return;
  }
  const hidden = hiddenPath(place);
  const { StratctlError } = await import("@stratctl/sdk");
  if (hidden !== null)
    throw new StratctlError("file_unusable", `${hidden} is out of the unit's sight, which has ${HIDDEN_FOLDERS.join(", ")} hidden`, {
      hint: "install Node and stratctl where every user may read them: npm install --global, as root",
    });
  const secret = await databaseSecret(deps);
  const written = await writeUnits([unit], unitsOf("system", deps.env), force);
  const done = secret === null ? written : [await writeSecret(secret), ...written];
  await deliverDone(deps, done, [
    "systemctl daemon-reload",
    `DATABASE_URL="$(cat ${DATABASE_URL_FILE})" stratctl db migrate`,
    written.some((one) => one.done === "replaced") ? "systemctl restart stratctl" : "systemctl enable --now stratctl",
    "stratctl daemon status",
  ]);
}

/** The URL that the service is to be given, or null where it has one. Rejects with input_invalid where there is none at all. */
async function databaseSecret(deps: Deps): Promise<string | null> {
  const kept = await textOf(DATABASE_URL_FILE);
  const { databaseUrl, StratctlError } = await import("@stratctl/sdk/internal");
  const url = databaseUrl(await deps.settings());
  if (kept !== null && url !== null && kept.trim() !== url)
    deps.screen.note(`note: ${DATABASE_URL_FILE} stays as it is, which is another URL than the one given\n`);
  if (kept !== null) return null;
  if (url !== null) return url;
  throw new StratctlError("input_invalid", "the system's service needs the URL of a database, and none is given", {
    hint: `give --url or DATABASE_URL, or write it to ${DATABASE_URL_FILE} first; --user is for the built-in database`,
  });
}

async function writeSecret(url: string): Promise<Done> {
  await writeWhole(DATABASE_URL_FILE, `${url}\n`, { mode: 0o600, folder_mode: 0o700 });
  return { path: DATABASE_URL_FILE, done: "written" };
}

async function runInstallUser(deps: Deps, { force }: InstallFlags): Promise<void> {
  const { embeddedFolder } = await import("@stratctl/sdk/internal");
  const url = (await deps.settings()).found.get("url");
  const isKept = url?.origin === "file" || url?.origin.startsWith("profile ") === true;
  const units = userUnits({
    ...(await placeOf()),
    data: embeddedFolder(),
    config: deps.env["STRATCTL_CONFIG"] || null,
    is_builtin: !isKept,
  });
  const done = await writeUnits(units, unitsOf("user", deps.env), force);
  if (url !== undefined && !isKept)
    deps.screen.note(`note: the service does not see the ${url.origin} of this shell; stratctl config set url keeps one that it does\n`);
  const isChanged = done.some((one) => one.done === "replaced");
  await deliverDone(deps, done, [
    "systemctl --user daemon-reload",
    isChanged ? "systemctl --user restart stratctl" : "systemctl --user enable --now stratctl",
    "loginctl enable-linger    # so that it runs while you are not logged in",
    "stratctl daemon status",
  ]);
}

async function runUninstall(deps: Deps, { scope, force }: { scope: Scope; force: boolean }): Promise<void> {
  const units = unitsOf(scope, deps.env);
  const there: string[] = [];
  for (const path of units.paths) {
    const text = await textOf(path);
    if (text === null) continue;
    if (!text.startsWith(MADE_BY) && !force) throw await unlike(path, "was not made by stratctl daemon install");
    there.push(path);
  }
  if (there.length === 0) {
    if (deps.output.format === "json") await deliverDone(deps, [], []);
    deps.screen.note(`nothing to remove: ${units.folder} has no unit of stratctl\n`);
    return;
  }
  // Stopped while systemd still knows the unit: what runs flushes and leaves.
  const names = there.map((path) => path.slice(units.folder.length + 1));
  if (isSystemdHere(scope, deps.env)) await complain(deps, systemctl(scope, ["disable", "--now", ...names.toReversed()]));
  for (const path of there) await rm(path).catch(failedAt(path));
  if (isSystemdHere(scope, deps.env)) await complain(deps, systemctl(scope, ["daemon-reload"]));
  await deliverDone(
    deps,
    there.map((path) => ({ path, done: "removed" as const })),
    [],
  );
  const { embeddedFolder } = await import("@stratctl/sdk/internal");
  const kept = scope === "system" ? `${dirname(SYSTEM.config)} and ${SYSTEM.state}` : embeddedFolder();
  deps.screen.note(`kept: ${kept}\n`);
}

async function complain(deps: Deps, command: ReturnType<typeof systemctl>): Promise<void> {
  const { status, stderr } = await ran(command);
  if (status !== 0) deps.screen.note(`note: ${command.join(" ")} failed: ${stderr.trim()}\n`);
}

/** The units as files of a folder. None is written where one of them is another already, unless that is wanted. */
async function writeUnits(units: readonly Unit[], { folder }: { folder: string }, force: boolean): Promise<Done[]> {
  const plans: (Done & { readonly text: string })[] = [];
  for (const { name, text } of units) {
    const path = join(folder, name);
    const before = await textOf(path);
    if (before !== null && before !== text && !force) throw await unlike(path, "is another than the one that would be written");
    plans.push({ path, text, done: before === null ? "written" : before === text ? "unchanged" : "replaced" });
  }
  for (const { path, text, done } of plans) if (done !== "unchanged") await writeWhole(path, text, { mode: 0o644, folder_mode: 0o755 });
  return plans.map(({ path, done }) => ({ path, done }));
}

async function unlike(path: string, what: string): Promise<Error> {
  const { StratctlError } = await import("@stratctl/sdk");
  return new StratctlError("confirmation_required", `${path} ${what}; nothing was changed`, {
    hint: "look at it, keep what is yours with systemctl edit, then --force",
    details: { path },
  });
}

async function textOf(path: string): Promise<string | null> {
  return readFile(path, "utf8").catch(async (cause: NodeJS.ErrnoException) => {
    if (cause.code === "ENOENT" || cause.code === "ENOTDIR") return null;
    return failedAt(path)(cause);
  });
}

/** Whoever reads it meanwhile finds the one before, or all of this one. */
async function writeWhole(path: string, text: string, { mode, folder_mode }: { mode: number; folder_mode: number }): Promise<void> {
  const draft = `${path}.${process.pid}.new`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: folder_mode });
    await writeFile(draft, text, { mode, flag: "wx" });
    await rename(draft, path);
  } catch (cause) {
    await rm(draft, { force: true });
    await failedAt(path)(cause);
  }
}

function failedAt(path: string): (cause: unknown) => Promise<never> {
  return async (cause) => {
    const { StratctlError } = await import("@stratctl/sdk");
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    const isForbidden = code === "EACCES" || code === "EPERM" || code === "EROFS";
    throw new StratctlError("file_unusable", `${path} cannot be read or written (${code})`, {
      hint: isForbidden ? "run it as root, or with --user" : undefined,
      details: { path },
      cause,
    });
  };
}

async function placeOf(): Promise<UnitPlace> {
  return { node: process.execPath, main: await realpath(process.argv[1] ?? ""), version: version(), systemd: await systemdVersion() };
}

function hiddenPath({ node, main }: UnitPlace): string | null {
  const hidden = [...HIDDEN_FOLDERS, homedir()];
  return [node, main].find((path) => hidden.some((folder) => folder !== "/" && path.startsWith(`${folder}/`))) ?? null;
}

async function deliverDone(deps: Deps, done: readonly Done[], next: readonly string[]): Promise<void> {
  await deliver(deps, {
    data: { files: done, next },
    rows: done.map((one) => ({ ...one })),
    fields: ["done", "path"],
    view: () => done.map(({ path, done: what }) => `${what}  ${path}`).join("\n"),
  });
  if (deps.output.format !== "json" && next.length > 0) deps.screen.note(`next:\n${next.map((line) => `  ${line}\n`).join("")}`);
}
