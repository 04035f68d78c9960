import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import type { Environment } from "../terminal/screen.ts";
import { DAEMON_UNIT, DATABASE_UNIT } from "./daemon-unit.ts";

/** Whose units: the machine's, or the caller's own. */
export type Scope = "system" | "user";

export interface UnitFiles {
  readonly folder: string;
  readonly paths: readonly string[];
}

/** Where units of that scope are kept, and those that stratctl may have put there. */
export function unitsOf(scope: Scope, env: Environment): UnitFiles {
  const names = scope === "system" ? [DAEMON_UNIT] : [DATABASE_UNIT, DAEMON_UNIT];
  const folder = scope === "system" ? "/etc/systemd/system" : join(env["XDG_CONFIG_HOME"] || join(homedir(), ".config"), "systemd", "user");
  return { folder, paths: names.map((name) => join(folder, name)) };
}

/** Whether a systemd answers for that scope: in a container there is mostly none. */
export function isSystemdHere(scope: Scope, env: Environment): boolean {
  return existsSync(scope === "system" ? "/run/systemd/system" : join(env["XDG_RUNTIME_DIR"] || "/none", "systemd"));
}

export function systemctl(scope: Scope, args: readonly string[]): readonly [string, ...string[]] {
  return ["systemctl", ...(scope === "user" ? ["--user"] : []), ...args];
}

export interface Ran {
  /** Null where it could not be started, or was ended. */
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A systemctl that waits for a stop waits as long as a unit may take. */
const DEADLINE_MS = 120_000;

export async function ran([command, ...args]: readonly [string, ...string[]]): Promise<Ran> {
  const { execFile } = await import("node:child_process");
  return new Promise((resolve) => {
    execFile(command, args, { encoding: "utf8", timeout: DEADLINE_MS }, (error, stdout, stderr) => {
      const status = error === null ? 0 : typeof error.code === "number" ? error.code : null;
      resolve({ status, stdout, stderr: status === null ? (error?.message ?? stderr) : stderr });
    });
  });
}

/** `systemd 252 (252.38-1)`: 252; null where there is none. */
export async function systemdVersion(): Promise<number | null> {
  const { stdout } = await ran(["systemctl", "--version"]);
  const version = Number(/^systemd (\d+)/.exec(stdout)?.[1]);
  return Number.isNaN(version) ? null : version;
}
