import { open } from "node:fs/promises";
import { StratctlError } from "../../errors.ts";

/** Longer than any token. */
const TOKEN_BYTES_MAX = 64 * 1024;

/**
 * The token in a file: its first line. A file that others may read is refused, since they may call with it. Throws
 * `file_unusable`.
 */
export async function readTokenFile(file: string): Promise<string> {
  const handle = await open(file).catch((cause: unknown) => {
    throw unusable(file, "cannot be read", "is the path right?", cause);
  });
  try {
    const { mode, size } = await handle.stat();
    if ((mode & 0o077) !== 0 && process.platform !== "win32")
      throw unusable(file, `can be read by others (mode ${(mode & 0o777).toString(8).padStart(4, "0")})`, `chmod 600 ${file}`);
    const [line = ""] = size > TOKEN_BYTES_MAX ? [] : (await handle.readFile("utf8")).split(/\r?\n/);
    if (line.trim() === "") throw unusable(file, "holds no token in its first line", `stratctl token > ${file}`);
    return line.trim();
  } finally {
    await handle.close();
  }
}

function unusable(file: string, what: string, hint: string, cause?: unknown): StratctlError {
  return new StratctlError("file_unusable", `the token file ${file} ${what}`, { hint, details: { file }, cause });
}
