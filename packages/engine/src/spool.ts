import { randomBytes } from "node:crypto";
import { chmod, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { emptyCandles, partOfCandles, type CandleBatch, type CandleSource } from "@stratctl/sdk/internal";

/** A file of the spool. */
export interface SpoolFile {
  readonly name: string;
  /** When its first candle's minute began, ms since the epoch. */
  readonly minute_ms: number;
  /** Candles that were put into it. */
  readonly candle_count: number;
}

export interface Unspooled {
  readonly batches: readonly CandleBatch[];
  /** Candles that cannot be read any more: the file was cut short, or its bytes changed. */
  readonly torn_count: number;
}

/** Files of candles hold about so many bytes each candle. */
const CANDLE_BYTES = 96;

/** Eleven million candles: a hundred strategies for a year. */
const BYTES_MAX = 1024 ** 3;

/** Candles of one record: each has a checksum of its own, so that a torn file costs its last record alone. */
const ROWS_A_RECORD = 4_096;

/** Number of candles, their source, checksum: 32 bits each, in this machine's byte order, as the columns that follow. */
const HEAD_BYTES = 12;

const SOURCES: readonly CandleSource[] = ["live", "replay", "backfill"];

/**
 * Candles that wait on disk for a database that is away, in a folder for that database alone. A file is written whole before it
 * gets its name, so that several processes may share the folder: whoever brings a file's candles to the database removes it,
 * and candles that are written twice change nothing.
 */
export class Spool {
  readonly #folder: string;
  readonly #bytes_max: number;
  #files: readonly SpoolFile[] = [];

  constructor(folder: string, { bytes_max = BYTES_MAX }: { bytes_max?: number } = {}) {
    this.#folder = folder;
    this.#bytes_max = bytes_max;
  }

  /** The oldest first, as of the last look. */
  get files(): readonly SpoolFile[] {
    return this.#files;
  }

  get candle_count(): number {
    return this.#files.reduce((count, file) => count + file.candle_count, 0);
  }

  /** Reads what there is: files of this process, of one that was killed, and of those beside it. */
  async look(): Promise<void> {
    const names = await readdir(this.#folder).catch(() => []);
    const files = await Promise.all(names.map((name) => this.#found(name)));
    this.#files = files.filter((file) => file !== null).toSorted(byAge);
  }

  /** A file without its name yet may be under way in another process: it counts where nobody has written to it for a while. */
  async #found(name: string): Promise<SpoolFile | null> {
    const file = fileOf(name);
    if (file === null || name.endsWith(DONE)) return file;
    const written_ms = await stat(join(this.#folder, name)).then(
      ({ mtimeMs }) => mtimeMs,
      () => Number.NaN,
    );
    return Date.now() - written_ms > ABANDONED_MS ? file : null;
  }

  /** Keeps the candles on disk, where a crash of this process or of the machine leaves them. Null, or why it could not: `ENOSPC`. */
  async put(batch: CandleBatch): Promise<string | null> {
    if (batch.length === 0) return null;
    if ((this.candle_count + batch.length) * CANDLE_BYTES > this.#bytes_max) return FULL;
    const minute_ms = batch.minute_ms[0] ?? 0;
    const stem = `${String(minute_ms).padStart(MINUTE_DIGITS, "0")}-${batch.length}-${randomBytes(4).toString("hex")}`;
    const [path, name] = [join(this.#folder, stem + UNDER_WAY), stem + DONE];
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      await chmod(this.#folder, 0o700);
      await writeRecords(path, batch);
      await rename(path, join(this.#folder, name));
      await synced(this.#folder);
    } catch (error) {
      await rm(path, { force: true }).catch(() => undefined);
      return reasonOf(error);
    }
    this.#files = [...this.#files, { name, minute_ms, candle_count: batch.length }].toSorted(byAge);
    return null;
  }

  /** The candles of a file; null where another process has removed it. */
  async read({ name, candle_count }: SpoolFile): Promise<Unspooled | null> {
    const bytes = await readFile(join(this.#folder, name)).catch((error: unknown) => {
      if (reasonOf(error) === "ENOENT") return null;
      throw error;
    });
    if (bytes === null) return null;
    const batches = [...recordsOf(bytes)];
    return { batches, torn_count: candle_count - batches.reduce((count, { length }) => count + length, 0) };
  }

  async remove({ name }: SpoolFile): Promise<void> {
    await rm(join(this.#folder, name), { force: true });
    this.#files = this.#files.filter((file) => file.name !== name);
  }

  /** Makes room for newer ones: how many candles are gone for good, 0 where there are none or none can be removed. */
  async dropOldest(): Promise<number> {
    const [oldest] = this.#files;
    if (oldest === undefined) return 0;
    return this.remove(oldest).then(
      () => oldest.candle_count,
      () => 0,
    );
  }
}

/** Whether removing older files would help. */
export function isFull(reason: string | null): boolean {
  return reason !== null && [FULL, "ENOSPC", "EDQUOT"].includes(reason);
}

const FULL = "the spool is full";
/** The format is told by the name: a later one leaves files of another alone. */
const DONE = ".candles1";
const UNDER_WAY = ".candles1-new";
/** A file is written within a second or so. */
const ABANDONED_MS = 60_000;
/** So that names sort by age until the year 5138. */
const MINUTE_DIGITS = 14;

function fileOf(name: string): SpoolFile | null {
  const [, minute = "", count = ""] = /^(\d{14})-(\d{1,12})-[0-9a-f]{8}\.candles1(?:-new)?$/.exec(name) ?? [];
  return minute === "" ? null : { name, minute_ms: Number(minute), candle_count: Number(count) };
}

function byAge(a: SpoolFile, b: SpoolFile): number {
  return a.name < b.name ? -1 : 1;
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return "code" in error && typeof error.code === "string" ? error.code : error.message;
}

async function writeRecords(path: string, batch: CandleBatch): Promise<void> {
  await using file = await open(path, "wx", 0o600);
  for (let from = 0; from < batch.length; from += ROWS_A_RECORD)
    await file.writeFile(recordOf(partOfCandles(batch, { from, to: Math.min(from + ROWS_A_RECORD, batch.length) })));
  await file.sync();
}

/** A name is on disk for sure once its folder is. */
async function synced(folder: string): Promise<void> {
  await using file = await open(folder, "r");
  await file.sync();
}

function recordOf(batch: CandleBatch): Buffer {
  const body = Buffer.concat(columnsOf(batch));
  const head = new Uint32Array([batch.length, SOURCES.indexOf(batch.source), 0]);
  head[2] = checksum(head, body);
  return Buffer.concat([new Uint8Array(head.buffer), body]);
}

/** Records from the start, up to the first that is not whole. */
function* recordsOf(bytes: Buffer): Generator<CandleBatch> {
  let offset = 0;
  while (offset + HEAD_BYTES <= bytes.length) {
    const head = new Uint32Array(3);
    new Uint8Array(head.buffer).set(bytes.subarray(offset, offset + HEAD_BYTES));
    const [length = 0, source_place = -1, sum = 0] = head;
    const source = SOURCES[source_place];
    offset += HEAD_BYTES;
    if (source === undefined || length > ROWS_A_RECORD) return;
    const body = bytes.subarray(offset, offset + length * CANDLE_BYTES);
    if (body.length < length * CANDLE_BYTES || checksum(head, body) !== sum) return;
    yield batchOf(body, { length, source });
    offset += body.length;
  }
}

function batchOf(body: Buffer, of: { length: number; source: CandleSource }): CandleBatch {
  const batch = emptyCandles(of);
  let offset = 0;
  for (const column of columnsOf(batch)) {
    column.set(body.subarray(offset, offset + column.length));
    offset += column.length;
  }
  return batch;
}

function checksum(head: Uint32Array, body: Buffer): number {
  return crc32(body, crc32(new Uint8Array(head.buffer, head.byteOffset, 8)));
}

/** The memory of each column, in the order of the file. */
function columnsOf(batch: CandleBatch): Uint8Array[] {
  const columns = [
    batch.strategy_id,
    batch.minute_ms,
    batch.open_units,
    batch.high_units,
    batch.low_units,
    batch.close_units,
    batch.entry_value_units,
    batch.realized_pnl_units,
    batch.instrument_count,
    batch.stale_count,
    batch.oldest_age_ms,
    batch.sampled,
    batch.first_at_ms,
    batch.last_at_ms,
  ];
  return columns.map(({ buffer, byteOffset, BYTES_PER_ELEMENT }) => new Uint8Array(buffer, byteOffset, batch.length * BYTES_PER_ELEMENT));
}
