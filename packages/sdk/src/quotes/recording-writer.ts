import { once } from "node:events";
import { open } from "node:fs/promises";
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import { constants, createGzip, type Gzip } from "node:zlib";
import { assert, StratctlError } from "../errors.ts";
import { isoOf } from "../model/instant.ts";
import { formatUnits } from "../model/money.ts";
import type { RecordedQuote } from "./recording-rows.ts";

export interface RecordingWriter extends AsyncDisposable {
  readonly path: string;
  /** Rows written, and quotes that came too late to be put in order. */
  readonly counts: { readonly written: number; readonly late: number };
  /** Keeps a quote until `advance` has passed its time. */
  write(quote: RecordedQuote): void;
  /** Writes out, in order of time, what is at or before `until_ms`; a quote older than the last row written is late from then on. */
  advance(until_ms: number): Promise<void>;
  /** Writes out the rest and closes the file; again: nothing. */
  close(): Promise<void>;
}

const MINUTE_MS = 60_000;

/**
 * A new recording of ticks that openRecording reads, gzipped where the name ends in `.gz`. Rows ascend in time although
 * sources do not tell them so: what has come is put in order until `advance` says that time has passed.
 *
 * @throws StratctlError file_unusable where the file exists or cannot be written, here and from every later call
 * @example
 * await using recording = await createRecording("2026-11-25.csv.gz");
 * recording.write({ at_ms: Date.now(), instrument: "NFO:NIFTY26N2524500CE", price_units: 1_015_500 });
 * await recording.advance(Date.now() - 2_000);
 */
export async function createRecording(path: string): Promise<RecordingWriter> {
  const writer = new TickWriter(path, await openNew(path));
  await writer.begin();
  return writer;
}

export class TickWriter implements RecordingWriter {
  readonly path: string;
  readonly counts = { written: 0, late: 0 };
  readonly #gzip: Gzip | null;
  readonly #into: Writable;
  readonly #done: Promise<void>;
  #waiting: RecordedQuote[] = [];
  #last_ms = Number.NEGATIVE_INFINITY;
  #is_closed = false;

  constructor(path: string, file: Writable) {
    this.path = path;
    this.#gzip = path.endsWith(".gz") ? createGzip() : null;
    this.#gzip?.pipe(file);
    this.#into = this.#gzip ?? file;
    this.#done = finished(file, { readable: false }).catch((error: unknown) => {
      throw unwritable(path, error);
    });
    // It is awaited at the end; until then whoever writes learns of it.
    this.#done.catch((error: unknown) => this.#gzip?.destroy(error instanceof Error ? error : undefined));
    this.#gzip?.on("error", () => undefined);
  }

  begin(): Promise<void> {
    return this.#send("at_utc,instrument,price\n");
  }

  write(quote: RecordedQuote): void {
    assert(Number.isSafeInteger(quote.price_units) && quote.price_units > 0, `a recorded price is above 0, not ${quote.price_units} units`);
    if (quote.at_ms < this.#last_ms) this.counts.late += 1;
    else this.#waiting.push(quote);
  }

  async advance(until_ms: number): Promise<void> {
    const due = this.#waiting.filter(({ at_ms }) => at_ms <= until_ms).toSorted((a, b) => a.at_ms - b.at_ms);
    const last = due.at(-1);
    if (last === undefined) return;
    this.#waiting = this.#waiting.filter(({ at_ms }) => at_ms > until_ms);
    const is_new_minute = Math.floor(last.at_ms / MINUTE_MS) > Math.floor(this.#last_ms / MINUTE_MS);
    this.#last_ms = last.at_ms;
    this.counts.written += due.length;
    await this.#send(due.map(rowOf).join(""));
    // Of a process that is killed the file then holds all but the last minute.
    if (is_new_minute) this.#gzip?.flush(constants.Z_SYNC_FLUSH);
  }

  async close(): Promise<void> {
    if (this.#is_closed) return;
    this.#is_closed = true;
    await this.advance(Number.POSITIVE_INFINITY);
    this.#into.end();
    await this.#done;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Writes, and waits where the disk is slower than the market. */
  async #send(text: string): Promise<void> {
    if (this.#into.destroyed || this.#into.errored) await this.#done;
    if (!this.#into.write(text)) await Promise.race([once(this.#into, "drain"), this.#done]);
  }
}

async function openNew(path: string): Promise<Writable> {
  try {
    return (await open(path, "wx")).createWriteStream();
  } catch (error) {
    throw unwritable(path, error);
  }
}

function rowOf({ at_ms, instrument, price_units }: RecordedQuote): string {
  const name = /[",\n]/.test(instrument) ? `"${instrument.replaceAll('"', '""')}"` : instrument;
  return `${isoOf(at_ms)},${name},${formatUnits(price_units)}\n`;
}

const WORDS: Readonly<Record<string, string>> = {
  EEXIST: "it exists already",
  ENOENT: "no such folder",
  EACCES: "not permitted",
  EROFS: "read-only file system",
  ENOSPC: "the disk is full",
  EISDIR: "it is a folder",
};

function unwritable(path: string, error: unknown): StratctlError {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const hint = code === "EEXIST" ? "a recording is never overwritten: choose another name" : undefined;
  return new StratctlError("file_unusable", `cannot write ${path} (${WORDS[code] ?? code})`, { hint, details: { path }, cause: error });
}
