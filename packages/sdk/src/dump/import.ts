import { openDatabase, type ConnectOptions } from "../connect.ts";
import { builtinCalendar } from "../market/days.ts";
import { dayOf } from "../market/calendar.ts";
import { isDay } from "../market/day.ts";
import { StratctlError } from "../errors.ts";
import { readLines, type FileKind } from "../quotes/recording-lines.ts";
import type { Db } from "../store/db.ts";
import * as listings from "../store/listing.ts";
import { dumpInvalid, dumpReader, type DumpLine } from "./rows.ts";

/** What came of a dump. */
export interface DumpImported {
  readonly path: string;
  /** Lines below the header that hold something. */
  readonly row_count: number;
  readonly added_count: number;
  /** Were known, and are otherwise now. */
  readonly changed_count: number;
  /** Left out: they are no instrument. */
  readonly refused_count: number;
  /** The first hundred of them, with what is wrong. */
  readonly refused: readonly { readonly line: number; readonly message: string }[];
  /** Left out: of exchanges that stratctl does not know, those. */
  readonly other_count: number;
  readonly other_exchanges: readonly string[];
}

const KIND: FileKind = { noun: "dump of instruments", invalid: dumpInvalid };
/** Of rows at once, and of faults that are told one by one. */
const BATCH = 4_000;
const REFUSED_MAX = 100;

/**
 * Keeps what a broker's dump of instruments lists (CSV with Kite's columns, gzipped or not, read line by line), all of it or, of a
 * file that ends in the middle, nothing. What is known is brought up to date, and what the dump lacks stays: it has expired. Rows
 * that are no instrument are left out and told. `day` is the day that the dump is of, today where left out: what a later one told
 * stays as it is. Works on a database, the one that `connect` would open; a server's is filled where it runs.
 *
 * @throws StratctlError file_unusable (no dump, damaged, no row that is an instrument), input_invalid (a day that is none), and those
 * of opening a database, as connect
 * @example
 * import { importInstruments } from "@stratctl/sdk";
 *
 * const { row_count, refused } = await importInstruments("examples/instruments.csv", { day: "2025-07-31" });
 * console.log(row_count, refused.length); // 12 0
 */
export async function importInstruments(
  path: string,
  {
    day = dayOf(builtinCalendar(), Date.now()),
    ...options
  }: Pick<ConnectOptions, "url" | "signal"> & { readonly day?: string | undefined } = {},
): Promise<DumpImported> {
  if (!isDay(day))
    throw new StratctlError("input_invalid", `day ${JSON.stringify(day)} is not a day`, { hint: "write it like 2025-07-31" });
  const database = await openDatabase(options);
  try {
    return await database.transaction((db) => imported(db, { path, day, signal: options.signal }));
  } finally {
    await database.close();
  }
}

async function imported(
  db: Db,
  { path, day, signal }: { path: string; day: string; signal: AbortSignal | undefined },
): Promise<DumpImported> {
  await listings.lock(db);
  const tally = new Tally(path);
  let read: ((line: string) => DumpLine) | null = null;
  let batch: listings.ListingRow[] = [];
  const write = async (): Promise<void> => {
    signal?.throwIfAborted();
    tally.wrote(await listings.upsertMany(db, batch, { seen_on: day }));
    batch = [];
  };
  for await (const { lines, first_number } of readLines(path, KIND)) {
    for (const [place, line] of lines.entries()) {
      if (line.trim() === "") continue;
      if (read === null) read = dumpReader(path, line.replace(/^\uFEFF/, ""));
      else {
        const row = tally.row(read(line), first_number + place);
        if (row !== null) batch.push(row);
      }
      if (batch.length === BATCH) await write();
    }
  }
  if (batch.length > 0) await write();
  return tally.told();
}

class Tally {
  readonly #path: string;
  #row_count = 0;
  #added_count = 0;
  #changed_count = 0;
  #refused_count = 0;
  readonly #refused: { line: number; message: string }[] = [];
  #other_count = 0;
  readonly #other_exchanges = new Set<string>();
  /** The line of each instrument. */
  readonly #lines = new Map<string, number>();

  constructor(path: string) {
    this.#path = path;
  }

  /** The row, where the line has one to keep. */
  row(read: DumpLine, line: number): listings.ListingRow | null {
    this.#row_count += 1;
    if ("fault" in read) return this.#refuse(line, read.fault);
    if ("other_exchange" in read) {
      this.#other_count += 1;
      this.#other_exchanges.add(read.other_exchange);
      return null;
    }
    const instrument = `${read.row.exchange}:${read.row.tradingsymbol}`;
    const before = this.#lines.get(instrument);
    if (before !== undefined) return this.#refuse(line, `${instrument} stands in line ${before} already`);
    this.#lines.set(instrument, line);
    return read.row;
  }

  #refuse(line: number, message: string): null {
    this.#refused_count += 1;
    if (this.#refused.length < REFUSED_MAX) this.#refused.push({ line, message });
    return null;
  }

  #why(): string {
    const [first] = this.#refused;
    if (first !== undefined) return `line ${first.line}: ${first.message}`;
    return this.#other_count === 0 ? "no row" : `of ${[...this.#other_exchanges].join(", ")} only`;
  }

  wrote({ added, changed }: listings.Written): void {
    this.#added_count += added;
    this.#changed_count += changed;
  }

  told(): DumpImported {
    if (this.#lines.size === 0) throw dumpInvalid({ path: this.#path }, `lists no instrument (${this.#why()})`);
    return {
      path: this.#path,
      row_count: this.#row_count,
      added_count: this.#added_count,
      changed_count: this.#changed_count,
      refused_count: this.#refused_count,
      refused: this.#refused,
      other_count: this.#other_count,
      other_exchanges: [...this.#other_exchanges].toSorted(),
    };
  }
}
