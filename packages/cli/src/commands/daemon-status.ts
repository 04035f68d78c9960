import type { Command } from "commander";
import type { Health } from "@stratctl/engine";
import type { Deps } from "../deps.ts";
import { deliver } from "../output.ts";
import { examples, type Act } from "./command.ts";
import { DAEMON_UNIT } from "./daemon-unit.ts";
import { isSystemdHere, ran, systemctl, type Scope } from "./systemctl.ts";

export function addStatus(daemon: Command, act: Act): void {
  daemon
    .command("status")
    .description("how the service is, as systemd has it and as the daemon says itself")
    .addHelpText("after", examples(["stratctl daemon status"], ["stratctl daemon status --port 8090"], ["stratctl daemon status --json"]))
    .action(act((deps, given) => runStatus(deps, { host: given.text("host"), port: given.text("port") })));
}

/** A service as systemd has it; null is what it does not say. */
interface ServiceRow {
  readonly service: Scope;
  /** `not installed`, `active (running)`, `failed (exit-code)`; null where no systemd answers. */
  readonly state: string | null;
  /** Whether it starts by itself: `enabled`, `disabled`. */
  readonly start: string | null;
  readonly since: string | null;
  readonly pid: number | null;
  /** Starts anew after a failure, since it was started. */
  readonly restart_count: number | null;
  /** What the daemon told systemd last. */
  readonly told: string | null;
}

const FIELDS = ["service", "state", "start", "since", "pid", "restart_count", "told"] as const satisfies (keyof ServiceRow)[];

export async function runStatus(deps: Deps, over: { host: string | undefined; port: string | undefined }): Promise<void> {
  const [{ askHealth, localUrl }, { parseConfiguration }, settings] = await Promise.all([
    import("@stratctl/engine"),
    import("../configuration.ts"),
    deps.settings(),
  ]);
  const { http } = parseConfiguration(settings.found, { over: { "http.host": over.host, "http.port": over.port }, env: deps.env });
  const url = localUrl(http);
  const [services, health] = await Promise.all([
    Promise.all((["system", "user"] as const).map((scope) => serviceRow(deps, scope))),
    askHealth(url),
  ]);
  await deliver(deps, {
    data: { services, url, health },
    rows: services.map((row) => ({ ...row })),
    fields: FIELDS,
    view: () => [...services.map(serviceText), healthText(url, health)].join("\n"),
  });
}

async function serviceRow({ env }: Deps, scope: Scope): Promise<ServiceRow> {
  const unknown = { service: scope, state: null, start: null, since: null, pid: null, restart_count: null, told: null };
  if (!isSystemdHere(scope, env)) return unknown;
  const { status, stdout } = await ran(systemctl(scope, ["show", DAEMON_UNIT, `--property=${PROPERTIES.join(",")}`]));
  return status === 0 ? { ...unknown, ...said(stdout) } : unknown;
}

const PROPERTIES = [
  "LoadState",
  "ActiveState",
  "SubState",
  "Result",
  "UnitFileState",
  "ActiveEnterTimestamp",
  "MainPID",
  "NRestarts",
  "StatusText",
];

/** `systemctl show`, as a row. */
export function said(stdout: string): Omit<ServiceRow, "service"> {
  const lines = stdout.split("\n").map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)] as const);
  const values = new Map(lines.filter(([, value]) => value !== ""));
  const { LoadState, ActiveState, SubState, Result, UnitFileState, ActiveEnterTimestamp, MainPID, NRestarts, StatusText } =
    Object.fromEntries(values);
  const isThere = LoadState !== undefined && LoadState !== "not-found";
  const detail = ActiveState === "failed" ? Result : SubState;
  return {
    state: isThere ? `${ActiveState} (${detail})` : "not installed",
    start: UnitFileState ?? null,
    since: ActiveEnterTimestamp ?? null,
    pid: MainPID === undefined || MainPID === "0" ? null : Number(MainPID),
    restart_count: isThere && NRestarts !== undefined ? Number(NRestarts) : null,
    told: StatusText ?? null,
  };
}

function serviceText({ service, state, start, since, restart_count, told }: ServiceRow): string {
  if (state === null) return `${service.padEnd(NAME_WIDTH)}no systemd answers`;
  const isActive = state.startsWith("active");
  const parts = [
    state,
    ...(isActive && since !== null ? [`since ${since}`] : []),
    ...(start === null ? [] : [start]),
    ...(restart_count === null || restart_count === 0 ? [] : [`started anew ${restart_count} times`]),
  ];
  return [`${service.padEnd(NAME_WIDTH)}${parts.join(" · ")}`, ...(told === null ? [] : [`${"".padEnd(NAME_WIDTH)}${told}`])].join("\n");
}

const NAME_WIDTH = 8;

function healthText(url: string, health: Health | null): string {
  if (health === null) return `${"daemon".padEnd(NAME_WIDTH)}${url} does not answer`;
  const last = health.last_sample === null ? "no sample yet" : `last sample ${health.last_sample}`;
  return `${"daemon".padEnd(NAME_WIDTH)}${[url, health.status, last, ...health.reasons].join(" · ")}`;
}
