import { open, stat, type FileHandle } from "node:fs/promises";
import { pipeline, type Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { StratctlError, type ErrorParts } from "../errors.ts";
import { recordingInvalid } from "./recording-rows.ts";

/** Some lines of a file, without their ends. */
export interface Lines {
  readonly lines: string[];
  /** The number of the first of them; a file's first line is 1. */
  readonly first_number: number;
  /** How much of the file has been read, 0 to 1. */
  readonly progress: number;
}

/** What a file is to be: the word for it, and the fault of one that is none. */
export interface FileKind {
  readonly noun: string;
  readonly invalid: (place: { path: string; line?: number }, what: string, parts?: ErrorParts) => StratctlError;
}

const RECORDING: FileKind = { noun: "recording", invalid: recordingInvalid };

/** A row is some dozen characters; a longer line is no row, and must not be collected without end. */
const LINE_CHARS_MAX = 65_536;
const CHUNK_BYTES = 262_144;

/**
 * The lines of a text file, gzipped (by its content, whatever its name) or not, as they are read: LF or CRLF, with or
 * without a byte order mark and a newline at the end.
 *
 * @throws StratctlError file_unusable, and the kind's own: recording_invalid
 */
export async function* readLines(path: string, kind = RECORDING): AsyncGenerator<Lines> {
  await using file = await openFile(path, kind);
  const { size } = await file.stat();
  const is_gzip = (await file.read(new Uint8Array(2), 0, 2, 0)).buffer.join() === "31,139";
  const source = file.createReadStream({ start: 0, highWaterMark: CHUNK_BYTES, autoClose: false });
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let carried = "";
  let first_number = 1;
  const cut = (text: string): string[] => {
    const lines = (carried + text).split("\n").map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line));
    carried = lines.pop() ?? "";
    if (carried.length > LINE_CHARS_MAX) throw kind.invalid({ path, line: first_number + lines.length }, "is longer than any row");
    return lines;
  };
  try {
    for await (const chunk of is_gzip ? unzipped(source) : source) {
      const lines = cut(decoder.decode(bytesOf(chunk), { stream: true }));
      if (lines.length > 0) yield { lines, first_number, progress: size === 0 ? 1 : Math.min(1, source.bytesRead / size) };
      first_number += lines.length;
    }
    const last = carried + decoder.decode();
    if (last !== "") yield { lines: [last.replace(/\r$/, "")], first_number, progress: 1 };
  } catch (error) {
    throw explained(error, kind, { path, line: first_number - 1 });
  }
}

/** A pipe is refused before it is opened, which could wait for a writer for ever: a recording is read from its start, maybe twice. */
async function openFile(path: string, { noun }: FileKind): Promise<FileHandle> {
  try {
    const found = await stat(path);
    if (found.isFile()) return await open(path);
    throw new StratctlError("file_unusable", `${path} is ${found.isDirectory() ? "a folder" : "no regular file"}, not a ${noun}`, {
      hint: found.isDirectory() ? undefined : "write it to a file first",
      details: { path },
    });
  } catch (error) {
    throw error instanceof StratctlError ? error : unreadable(path, error);
  }
}

function unzipped(source: Readable): Readable {
  const gunzip = createGunzip({ chunkSize: CHUNK_BYTES });
  pipeline(source, gunzip, () => undefined); // a fault of the source becomes one of the iteration
  return gunzip;
}

function bytesOf(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw new StratctlError("internal", "a file was read as something else than bytes");
}

/** A fault of decompression, decoding or reading, after which line it came. */
function explained(error: unknown, kind: FileKind, { path, line }: { path: string; line: number }): unknown {
  if (error instanceof StratctlError || !(error instanceof Error)) return error;
  const code = "code" in error ? error.code : null;
  const invalid = (what: string, parts: ErrorParts = {}): StratctlError =>
    line > 0 ? kind.invalid({ path, line }, `what follows is ${what}`, parts) : kind.invalid({ path }, `is ${what}`, parts);
  if (code === "Z_BUF_ERROR") return invalid("gzip data that ends in the middle", { hint: "zcat keeps what is whole of it" });
  if (typeof code === "string" && code.startsWith("Z_")) return invalid("damaged gzip data");
  if (code === "ERR_ENCODING_INVALID_ENCODED_DATA") return invalid("not UTF-8 text");
  return code === null ? error : unreadable(path, error);
}

const WORDS: Readonly<Record<string, string>> = { ENOENT: "no such file", EACCES: "not permitted", EISDIR: "it is a folder" };

function unreadable(path: string, error: unknown): StratctlError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  return new StratctlError("file_unusable", `cannot read ${path} (${WORDS[code] ?? code})`, { details: { path }, cause: error });
}
