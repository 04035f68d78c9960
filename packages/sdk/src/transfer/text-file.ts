import { createReadStream } from "node:fs";
import { StratctlError } from "../errors.ts";

const CHUNK_BYTES = 262_144;

/** The text of a file in pieces, without a byte order mark. Rejects with file_unusable where it cannot be read or is not UTF-8. */
export async function* piecesOf(path: string): AsyncGenerator<string, void, undefined> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: CHUNK_BYTES })) {
      if (!(chunk instanceof Uint8Array)) throw new StratctlError("internal", "a file was read as something else than bytes");
      yield decoder.decode(chunk, { stream: true });
    }
    const last = decoder.decode();
    if (last !== "") yield last;
  } catch (error) {
    throw fileError(error, path, "read");
  }
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: "no such file",
  EACCES: "not permitted",
  EISDIR: "it is a folder",
  ENOSPC: "the disk is full",
  EROFS: "the disk is read-only",
  ENOTDIR: "a part of the path is no folder",
  ERR_ENCODING_INVALID_ENCODED_DATA: "it is not UTF-8 text",
};

/** What the system says of a file, in our words; any other error as it is. */
export function fileError(error: unknown, path: string, what: "read" | "write"): unknown {
  // What ends a call that is given up has a code too, a number.
  if (error instanceof StratctlError || !(error instanceof Error) || !("code" in error) || typeof error.code !== "string") return error;
  const { code } = error;
  return new StratctlError("file_unusable", `cannot ${what} ${path} (${WORDS[code] ?? code})`, { details: { path }, cause: error });
}
