import { spawn } from "node:child_process";
import { once } from "node:events";
import type { ServerUser } from "./scratch.ts";

/** A server process of a test, and its folder. */
export interface Server {
  /** Ends the process and removes its folder; again: nothing. */
  readonly stop: () => Promise<void>;
}

export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  /** Removed once the server has ended. */
  readonly folder: string;
  readonly user: ServerUser | null;
  readonly env?: Readonly<Record<string, string>>;
  /** The signal that ends it at once but cleanly. */
  readonly signal: "INT" | "TERM";
}

/**
 * Between us and the server stands a shell in a session of its own that reads a pipe of ours. Whatever ends this process
 * (the last test, Ctrl-C, kill -9), the pipe closes, and the shell ends the server and removes its folder.
 */
const KEEPER = `
signal=$1 folder=$2; shift 2
cd "$folder" || exit 1
"$@" </dev/null >"$folder/server.log" 2>&1 & server=$!
read -r _
kill -$signal $server 2>/dev/null
wait $server
cd / && rm -rf "$folder"
`;

/** Starts a server that cannot outlive this process. Its output goes to `server.log` in its folder. */
export function startServer({ command, args, folder, user, env, signal }: ServerCommand): Server {
  const keeper = spawn("/bin/sh", ["-c", KEEPER, "keeper", signal, folder, command, ...args], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: { PATH: process.env["PATH"] ?? "/usr/bin:/bin", LC_ALL: "C", ...env },
    ...user,
  });
  const exited = once(keeper, "exit");
  keeper.unref();
  unrefPipe(keeper.stdin);
  return {
    async stop() {
      keeper.ref();
      keeper.stdin.end();
      await exited;
    },
  };
}

/** An open pipe keeps a process alive; this one must not. */
function unrefPipe(pipe: unknown): void {
  if (typeof pipe === "object" && pipe !== null && "unref" in pipe && typeof pipe.unref === "function") pipe.unref();
}

/** Calls `probe` until it resolves; past a deadline that only a hang reaches its last error is thrown, with what `world` tells. */
export async function until<T>(probe: () => Promise<T>, world: () => string, deadline_ms = 60_000): Promise<T> {
  const end = performance.now() + deadline_ms;
  for (;;) {
    try {
      return await probe();
    } catch (error) {
      if (performance.now() > end) throw new Error(`not within ${deadline_ms} ms: ${world()}`, { cause: error });
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
