import { randomBytes } from "node:crypto";
import { access, chmod, constants, mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { crc32 } from "node:zlib";
import { emptyCandles, partOfCandles, type CandleBatch, type CandleSource, type Shard } from "@stratctl/sdk/internal";

/** A file of the spool. */
export interface SpoolFile {
  readonly name: string;
  /** When its first candle's minute began, ms since the epoch. */
  readonly minute_ms: number;
  /** Candles that were put into it. */
  readonly candle_count: number;
  /** Of which engine's accounts they are; null: it does not say. */
  readonly shard: Shard | null;
}

/** A file that nobody tries any more: it keeps its candles for whoever looks after it. */
export interface AsideFile {
  readonly name: string;
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
 * and candles that are written twice change nothing. Files of the other shards beside this one are theirs to count and to drop; but
 * whoever writes brings them over too, after its own, since theirs may be gone for good.
 */
export class Spool {
  readonly folder: string;
  readonly #bytes_max: number;
  readonly #shard: Shard;
  #files: readonly SpoolFile[] = [];
  #aside: readonly AsideFile[] = [];
  /** Those that could not be removed, or moved aside: they are done with as far as this process goes. */
  readonly #done = new Set<string>();
  /** Files that this process writes just now. */
  readonly #under_way = new Set<string>();

  constructor(folder: string, { bytes_max = BYTES_MAX, shard = WHOLE }: { bytes_max?: number; shard?: Shard | undefined } = {}) {
    this.folder = folder;
    this.#bytes_max = bytes_max;
    this.#shard = shard;
  }

  /** As of the last look: those of this shard, and of a division into others, the oldest first; then those of the shards beside it. */
  get files(): readonly SpoolFile[] {
    return [...this.#own(), ...this.#files.filter((file) => !this.#isOwn(file))];
  }

  /** Of this shard alone. */
  get candle_count(): number {
    return this.#own().reduce((count, file) => count + file.candle_count, 0);
  }

  /** Set aside by whichever process, as of the last look. */
  get aside(): readonly AsideFile[] {
    return this.#aside;
  }

  /** Makes the folder. Null, or why nothing can be put into it: `EACCES`. */
  async prepare(): Promise<string | null> {
    try {
      const made = await mkdir(this.folder, { recursive: true, mode: 0o700 });
      // One that is there may be another's, who lets us write: its files are ours alone all the same.
      await chmod(this.folder, 0o700).catch(() => undefined);
      await access(this.folder, constants.R_OK | constants.W_OK | constants.X_OK);
      if (made !== undefined)
        for (let folder = this.folder; folder.length >= made.length; folder = dirname(folder)) await synced(dirname(folder));
      return null;
    } catch (error) {
      return reasonOf(error);
    }
  }

  /**
   * Reads what there is: files of this process, of one that was killed, and of those beside it. Null, or why it cannot be read;
   * what was there before is then there yet.
   */
  async look(): Promise<string | null> {
    const before = this.#files;
    try {
      const names = await readdir(this.folder);
      const files = (await Promise.all(names.map((name) => this.#found(name)))).filter((file) => file !== null);
      const found = new Set(files.map(({ name }) => name));
      // What was put on disk meanwhile may have come too late for the folder that was read.
      const later = this.#files.filter((file) => !before.includes(file) && !found.has(file.name));
      this.#files = [...files, ...later].toSorted(byAge);
      this.#aside = names.map(asideOf).filter((file) => file !== null);
      return null;
    } catch (error) {
      if (reasonOf(error) !== "ENOENT") return reasonOf(error);
      this.#files = this.#files.filter((file) => !before.includes(file));
      this.#aside = [];
      return null;
    }
  }

  #own(): readonly SpoolFile[] {
    return this.#files.filter((file) => this.#isOwn(file));
  }

  #isOwn({ shard }: SpoolFile): boolean {
    return shard === null || shard.of !== this.#shard.of || shard.shard === this.#shard.shard;
  }

  /** A file without its name yet may be under way in another process: it counts where nobody has written to it for a while. */
  async #found(name: string): Promise<SpoolFile | null> {
    const file = fileOf(name);
    if (file === null || this.#done.has(name) || this.#under_way.has(name)) return null;
    if (isWhole(file)) return file;
    const written_ms = await stat(join(this.folder, name)).then(
      ({ mtimeMs }) => mtimeMs,
      () => Number.NaN,
    );
    // Of a clock that was ahead when it was written it is not of this minute either.
    return Math.abs(Date.now() - written_ms) > ABANDONED_MS ? file : null;
  }

  /** Keeps the candles on disk, where a crash of this process or of the machine leaves them. Null, or why it could not: `ENOSPC`. */
  async put(batch: CandleBatch): Promise<string | null> {
    if (batch.length === 0) return null;
    if ((this.candle_count + batch.length) * CANDLE_BYTES > this.#bytes_max) return FULL;
    const [minute_ms, shard] = [batch.minute_ms[0] ?? 0, this.#shard];
    const minute = String(minute_ms).padStart(MINUTE_DIGITS, "0");
    const stem = `${minute}-${batch.length}-${shard.shard}of${shard.of}-${randomBytes(4).toString("hex")}`;
    const [begun, name] = [stem + UNDER_WAY, stem + DONE];
    const path = join(this.folder, begun);
    this.#under_way.add(begun);
    try {
      const why = await this.prepare();
      if (why !== null) return why;
      await writeRecords(path, batch);
      await rename(path, join(this.folder, name));
    } catch (error) {
      await rm(path, { force: true }).catch(() => undefined);
      return reasonOf(error);
    } finally {
      this.#under_way.delete(begun);
    }
    // It has its name: were it told as failed now, it would be put there again, and again.
    await synced(this.folder);
    this.#files = [...this.#files, { name, minute_ms, candle_count: batch.length, shard }].toSorted(byAge);
    return null;
  }

  /** The candles of a file; null where another process has removed it. */
  async read({ name, candle_count }: SpoolFile): Promise<Unspooled | null> {
    const bytes = await readFile(join(this.folder, name)).catch((error: unknown) => {
      if (reasonOf(error) === "ENOENT") return null;
      throw error;
    });
    if (bytes === null) this.#forget(name);
    if (bytes === null) return null;
    const batches = [...recordsOf(bytes)];
    return { batches, torn_count: Math.max(0, candle_count - batches.reduce((count, { length }) => count + length, 0)) };
  }

  /** Null, or why it stays on disk: it is done with all the same. */
  async remove({ name }: SpoolFile): Promise<string | null> {
    this.#forget(name);
    return rm(join(this.folder, name), { force: true }).then(
      () => null,
      (error: unknown) => {
        this.#done.add(name);
        return reasonOf(error);
      },
    );
  }

  /**
   * Under another name, which nobody tries: its candles are there for whoever looks after it, and count no more. The file as it is
   * named then, or null where another process has removed it.
   */
  async setAside({ name, candle_count }: SpoolFile, why: "refused" | "unreadable"): Promise<AsideFile | null> {
    this.#forget(name);
    const aside = { name: `${name}.${why}`, candle_count };
    try {
      await rename(join(this.folder, name), join(this.folder, aside.name));
    } catch (error) {
      if (reasonOf(error) === "ENOENT") return null;
      this.#done.add(name);
      return { name, candle_count };
    }
    this.#aside = [...this.#aside, aside];
    return aside;
  }

  /** Makes room for newer ones of this shard: how many candles are gone for good, 0 where there are none or none can be removed. */
  async dropOldest(): Promise<number> {
    const [oldest] = this.#own();
    if (oldest === undefined) return 0;
    try {
      await rm(join(this.folder, oldest.name));
    } catch (error) {
      if (reasonOf(error) !== "ENOENT") return 0;
      this.#forget(oldest.name); // its candles are in the database by another's hand
      return this.dropOldest();
    }
    this.#forget(oldest.name);
    return oldest.candle_count;
  }

  #forget(name: string): void {
    this.#files = this.#files.filter((file) => file.name !== name);
  }
}

/** Whether it was written to its end once: what it lacks now was lost since. */
export function isWhole({ name }: SpoolFile): boolean {
  return name.endsWith(DONE);
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

const WHOLE: Shard = { shard: 1, of: 1 };

const FORM = /^(\d{14})-(\d{1,12})-(?:(\d{1,6})of(\d{1,6})-)?[0-9a-f]{8}\.candles1(?:-new)?(\.refused|\.unreadable)?$/;

function fileOf(name: string): SpoolFile | null {
  const [, minute = "", count = "", shard, of, aside] = FORM.exec(name) ?? [];
  if (minute === "" || aside !== undefined) return null;
  const told = shard === undefined || of === undefined ? null : { shard: Number(shard), of: Number(of) };
  return { name, minute_ms: Number(minute), candle_count: Number(count), shard: told };
}

function asideOf(name: string): AsideFile | null {
  const [, , count, , , aside] = FORM.exec(name) ?? [];
  return aside === undefined ? null : { name, candle_count: Number(count) };
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

/** A name is on disk for sure once its folder is; where a file system cannot promise that, nobody can. */
async function synced(folder: string): Promise<void> {
  try {
    await using file = await open(folder, "r");
    await file.sync();
  } catch {
    return;
  }
}

function recordOf(batch: CandleBatch): Buffer {
  const body = Buffer.concat(columnsOf(batch));
  const head = new Uint32Array([batch.length, SOURCES.indexOf(batch.source), 0]);
  head[2] = checksum(head, body);
  return Buffer.concat([new Uint8Array(head.buffer), body]);
}

/** Records that are whole, up to the first whose end cannot be told. */
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
    if (body.length < length * CANDLE_BYTES) return;
    if (checksum(head, body) === sum) yield batchOf(body, { length, source });
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
