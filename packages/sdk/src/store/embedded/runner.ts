import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Stats } from "node:fs";

/**
 * As whom Postgres runs. It refuses root, so that root either shows it another user by a user namespace, in which the
 * files stay root's and folders that only root may enter can be entered, or lends it an ordinary user.
 */
export type Runner =
  | { readonly kind: "self" }
  | { readonly kind: "namespace"; readonly uid: number; readonly gid: number }
  | { readonly kind: "user"; readonly uid: number; readonly gid: number };

/** A command as the runner runs it. */
export interface RunnerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly identity: { readonly uid?: number; readonly gid?: number };
}

/** Whoever owns the data runs the server. `data` describes the data folder, or the folder it will be made in. */
export function runnerFor(data: Pick<Stats, "uid" | "gid">): Runner {
  if (process.getuid?.() !== 0) return { kind: "self" };
  if (data.uid !== 0) return { kind: "user", uid: data.uid, gid: data.gid };
  const nobody = nobodyUser();
  return { kind: namespaceWorks(nobody) ? "namespace" : "user", ...nobody };
}

export function runnerCommand(runner: Runner, command: string, args: readonly string[]): RunnerCommand {
  if (runner.kind === "self") return { command, args, identity: {} };
  if (runner.kind === "user") return { command, args, identity: { uid: runner.uid, gid: runner.gid } };
  return { command: "unshare", args: [...namespaceFlags(runner), command, ...args], identity: {} };
}

/** unshare becomes the command (exec), so that the process we start is the server itself. */
function namespaceFlags({ uid, gid }: { uid: number; gid: number }): string[] {
  return ["--user", `--map-user=${uid}`, `--map-group=${gid}`, "--"];
}

/** Containers often forbid user namespaces, and small systems have no unshare: asked by doing it. */
function namespaceWorks(nobody: { uid: number; gid: number }): boolean {
  return spawnSync("unshare", [...namespaceFlags(nobody), "true"], { stdio: "ignore" }).status === 0;
}

/** initdb wants its user in /etc/passwd. */
function nobodyUser(): { uid: number; gid: number } {
  const row = /^nobody:[^:]*:(\d+):(\d+):/m.exec(passwd());
  return { uid: Number(row?.[1] ?? 65_534), gid: Number(row?.[2] ?? 65_534) };
}

function passwd(): string {
  try {
    return readFileSync("/etc/passwd", "utf8");
  } catch {
    return ""; // a machine without it: 65534 is what nobody is nearly everywhere
  }
}
