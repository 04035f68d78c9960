import { open } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { StratctlError } from "./errors.ts";

/** Longer than any token or secret. */
const BYTES_MAX = 64 * 1024;

/**
 * The text of a file that holds a secret, "" where it is longer than any. One that others may read is refused, since they may use
 * it. `noun` says in an error what it is: `token file`. Throws `file_unusable`.
 */
export async function readPrivate(file: string, noun: string): Promise<string> {
  const handle = await open(file).catch((cause: unknown) => {
    throw privateUnusable(file, noun, { what: `cannot be read${codeOf(cause)}`, hint: "is the path right?", cause });
  });
  try {
    const { mode, size } = await handle.stat();
    if ((mode & othersBits(file)) !== 0 && process.platform !== "win32") {
      const what = `can be read by others (mode ${(mode & 0o777).toString(8).padStart(4, "0")})`;
      throw privateUnusable(file, noun, { what, hint: `chmod 600 ${file}` });
    }
    return size > BYTES_MAX ? "" : await handle.readFile("utf8");
  } finally {
    await handle.close();
  }
}

/**
 * Which bits of a mode let others in. A credential of a service lies in a folder that the service alone can enter, and systemd 257
 * gives it to a group.
 */
function othersBits(file: string): number {
  const folder = process.env["CREDENTIALS_DIRECTORY"] ?? "";
  return folder !== "" && dirname(resolve(file)) === resolve(folder) ? 0o007 : 0o077;
}

export function privateUnusable(file: string, noun: string, parts: { what: string; hint: string; cause?: unknown }): StratctlError {
  return new StratctlError("file_unusable", `the ${noun} ${file} ${parts.what}`, {
    hint: parts.hint,
    details: { file },
    cause: parts.cause,
  });
}

function codeOf(cause: unknown): string {
  return cause instanceof Error && "code" in cause ? ` (${String(cause.code)})` : "";
}
