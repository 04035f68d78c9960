import { spawn } from "node:child_process";
import { chown, mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureEmbedded, stopEmbedded, type EmbeddedDatabase } from "../embedded.ts";
import { runnerFor } from "./runner.ts";

export interface TemporaryDatabase extends EmbeddedDatabase, AsyncDisposable {
  /** Stops it and removes its folder; again: nothing. */
  readonly remove: () => Promise<void>;
}

/**
 * A built-in database in a temporary folder that does not outlive this process, however that ends.
 *
 * @example
 * await using database = await temporaryEmbedded();
 * await using stratctl = await connect({ url: database.url });
 */
export async function temporaryEmbedded({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<TemporaryDatabase> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "stratctl-")));
  const runner = runnerFor({ uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 });
  if (runner.kind === "user") await chown(folder, runner.uid, runner.gid); // then no other place is needed
  const release = watch(folder);
  const remove = async (): Promise<void> => {
    await stopEmbedded({ folder });
    await rm(folder, { recursive: true, force: true });
    release();
  };
  try {
    return { ...(await ensureEmbedded({ folder, signal })), remove, [Symbol.asyncDispose]: remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/**
 * A shell in a session of its own, where no Ctrl-C reaches it, that waits for our end of a pipe to close. A process of ours
 * that is killed leaves it the server to stop, if there is one, and the folder to remove; initdb may be at work still,
 * hence more than once.
 */
const WATCH = `
read -r _
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ]; then
  command=$(tr '\\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null || ps -ww -o command= -p "$pid")
  case "$command" in *"$1/data "*) kill -INT "$pid"; while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done ;; esac
fi
for _ in 1 2 3; do rm -rf "$1" && [ ! -e "$1" ] && sleep 0.3; done
`;

function watch(folder: string): () => void {
  const shell = spawn("/bin/sh", ["-c", WATCH, "stratctl-watch", folder], {
    cwd: "/",
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: { PATH: "/usr/local/bin:/usr/bin:/bin" }, // whatever the caller's is
  });
  shell.unref();
  const pipe: unknown = shell.stdin;
  if (typeof pipe === "object" && pipe !== null && "unref" in pipe && typeof pipe.unref === "function") pipe.unref();
  return () => shell.stdin.end();
}
