import type { Command } from "commander";
import { calendarOf } from "../calendar.ts";
import type { Deps } from "../deps.ts";
import type { Finding } from "../doctor/finding.ts";
import { withoutPassword } from "../keys.ts";
import { deliver } from "../output.ts";
import type { Settings } from "../settings.ts";
import { examples, type Act } from "./command.ts";
import { faultsHere } from "./config.ts";

const FIELDS = ["what", "state", "told", "advice"] as const satisfies (keyof Finding)[];

export function addDoctor(program: Command, act: Act): void {
  program
    .command("doctor")
    .description("look at all that marking needs, and say what to do; nothing is started or changed")
    .addHelpText(
      "after",
      `\nThe exit status is 0 where nothing fails, whatever it warns of; else that of the
first failure.\n${examples(["stratctl doctor"], ["stratctl doctor --url https://desk.example.com"], ["stratctl doctor --json"])}`,
    )
    .action(act(runDoctor));
}

export async function runDoctor(deps: Deps): Promise<void> {
  const findings = await findingsOf(deps);
  const { doctorView } = await import("../views/doctor.ts");
  await deliver(deps, {
    data: findings,
    rows: findings.map((finding) => ({ ...finding })),
    fields: FIELDS,
    view: (options) => doctorView(findings, options),
  });
  const failed = findings.filter(({ state }) => state === "fail");
  const code = failed[0]?.code;
  if (code === undefined || code === null) return;
  const { StratctlError } = await import("@stratctl/sdk");
  throw new StratctlError(code, `${failed.length} of ${findings.length} fail: ${[...new Set(failed.map(({ what }) => what))].join(", ")}`);
}

async function findingsOf(deps: Deps): Promise<Finding[]> {
  const { looked } = await import("../doctor/finding.ts");
  const { signal } = deps;
  const configuration = await looked("configuration", () => lookAtConfiguration(deps), { signal, code: "input_invalid" });
  const settings = await deps.settings().catch(() => null);
  // What cannot be read as a whole says nothing of where to look.
  if (settings === null) return configuration;
  const { isServerUrl } = await import("@stratctl/sdk/internal");
  const { url } = settings;
  const rest =
    url !== undefined && isServerUrl(url)
      ? [looked("server", () => lookAtServerOf(deps, url), { signal, code: "server_unreachable" })]
      : looksHere(deps, settings).map(([what, look, code]) => looked(what, look, { signal, code }));
  return [...configuration, ...(await Promise.all(rest)).flat()];
}

async function lookAtConfiguration(deps: Deps): Promise<Finding[]> {
  const { fail, ok } = await import("../doctor/finding.ts");
  const { path, rows } = await faultsHere(deps, { file: undefined });
  if (rows.length === 0) return [ok("configuration", `${path} and the environment are in order`)];
  return rows.map(({ where, fault, hint }) =>
    fail("configuration", `${where}: ${fault}`, { advice: hint ?? "stratctl config show", code: "input_invalid" }),
  );
}

async function lookAtServerOf({ connect, signal, now }: Deps, url: string): Promise<Finding[]> {
  const { lookAtServer } = await import("../doctor/server.ts");
  return lookAtServer({ url: withoutPassword(url), connect, signal, now });
}

type Look = readonly [what: string, look: () => Promise<Finding[]>, code: "database_unreachable" | "source_unavailable" | "file_unusable"];

/** Where the database is reached from here, the prices are, too. */
function looksHere({ now }: Deps, settings: Settings): Look[] {
  return [
    [
      "database",
      async () => {
        const [{ lookAtDatabase }, { databaseUrl }] = await Promise.all([
          import("../doctor/database.ts"),
          import("@stratctl/sdk/internal"),
        ]);
        return lookAtDatabase({ url: databaseUrl(settings), now });
      },
      "database_unreachable",
    ],
    ["sources", async () => (await import("../doctor/sources.ts")).lookAtSources(settings), "source_unavailable"],
    ["calendar", () => lookAtCalendar(settings, now), "file_unusable"],
    [
      "permissions",
      async () => {
        const { foldersOf, lookAtFolders, lookAtSpool } = await import("../doctor/place.ts");
        const spool_folder = settings.found.get("daemon.spool_folder")?.value;
        const folders = await foldersOf({ spool_folder, is_builtin: settings.url === undefined });
        return [...(await lookAtFolders(folders)), ...(await lookAtSpool(folders.at(-1) ?? ""))];
      },
      "file_unusable",
    ],
  ];
}

async function lookAtCalendar(settings: Settings, now: () => number): Promise<Finding[]> {
  const [{ calendarFindings }, { calendarWarnings }] = await Promise.all([import("../doctor/place.ts"), import("@stratctl/sdk")]);
  const calendar = await calendarOf(settings);
  return calendarFindings(calendar, calendarWarnings(calendar, [...calendar.exchanges.keys()], now()));
}
