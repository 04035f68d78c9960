import { isOfTheRow, sqlstateOf, type CandleBatch } from "@stratctl/sdk/internal";
import { isWhole, type AsideFile, type Spool, type SpoolFile } from "./spool.ts";
import { failureOf } from "./within.ts";

/** What became of candles that were written. */
export interface Carried {
  readonly written: number;
  readonly left_out: number;
  readonly refused: number;
}

/** A file that is tried in vain so far. */
export interface VainFile {
  readonly name: string;
  readonly kind: "refused" | "unreadable";
  readonly why: string;
}

/** A file that is tried no more. */
export interface SetAside extends AsideFile {
  /** Null: it was set aside by an earlier process, or by one beside this. */
  readonly why: string | null;
}

export interface SpooledOptions {
  readonly spool: Spool;
  /** Rejects where it is not the rows of the batch alone that are refused. */
  readonly carry: (batch: CandleBatch) => Promise<Carried>;
  readonly onCarried: (batch: CandleBatch, carried: Carried) => void;
  /** So many candles are lost on disk; so many are set aside. */
  readonly onLost: (what: "torn" | "aside", candle_count: number) => void;
  /** Whether the tables have taken a row of this write yet, of whatever minute. */
  readonly isTaken: () => boolean;
}

interface Vain extends VainFile {
  readonly error: unknown;
  /** Tries that came to nothing while the tables took other rows: then it is the file. Of one that cannot be read, all. */
  readonly try_count: number;
  readonly vain_count: number;
  /** The write with which it is tried again. */
  readonly next_write: number;
}

/** Candles that go with one write: some seconds, after which the minute under way is due again. */
const CANDLES_A_WRITE = 100_000;

/** Tried in vain with the writes 1, 2, 4, 8 … since the first: with one each five seconds for ten minutes. */
const TRIES_MAX = 8;
/** Where all that is written is refused the files wait for that to end, and are not asked about it more often than this. */
const VAIN_A_WRITE = 3;
const WRITES_BETWEEN_MAX = 64;

/**
 * Brings what waits on disk to the database. A file that is refused while the tables take other rows, or that cannot be read, is
 * tried again with ever more writes between, and is then set aside: what it keeps is one minute's, and the depth, the day's figures and
 * those who stand by wait for it. Where the tables refuse everything all files wait, however long it takes.
 */
export class SpooledFiles {
  readonly #options: SpooledOptions;
  readonly #vain = new Map<string, Vain>();
  /** By name. */
  readonly #aside = new Map<string, SetAside>();
  #write_count = 0;

  constructor(options: SpooledOptions) {
    this.#options = options;
  }

  get vain(): readonly VainFile[] {
    return [...this.#vain.values()];
  }

  get aside(): readonly SetAside[] {
    return [...this.#aside.values()];
  }

  /** Null, or why the folder cannot be read. */
  async look(): Promise<string | null> {
    const { spool } = this.#options;
    const why = await spool.look();
    const names = new Set(spool.aside.map(({ name }) => name));
    for (const name of this.#aside.keys()) if (!names.has(name)) this.#aside.delete(name);
    for (const file of spool.aside) if (!this.#aside.has(file.name)) this.#aside.set(file.name, { ...file, why: null });
    const there = new Set(spool.files.map(({ name }) => name));
    for (const name of this.#vain.keys()) if (!there.has(name)) this.#vain.delete(name);
    return why;
  }

  /**
   * The oldest files, some at a time: what is due now goes before. Null, or what went wrong on disk; rejects where the database fails,
   * and where it refuses whatever is written.
   */
  async write(): Promise<string | null> {
    const { spool, isTaken } = this.#options;
    this.#write_count += 1;
    let failure = await this.look();
    const tried = new Map<SpoolFile, Pick<Vain, "kind" | "error">>();
    let candle_count = 0;
    for (const file of spool.files) {
      if (candle_count >= CANDLES_A_WRITE || (tried.size >= VAIN_A_WRITE && !isTaken())) break;
      if (!this.#isDue(file)) continue;
      candle_count += file.candle_count;
      const vain = await this.#bring(file, (why) => (failure = why));
      if (vain === null) this.#vain.delete(file.name);
      else tried.set(file, vain);
    }
    // Whether it is the files that are refused, or whatever is written, is known once all has been tried.
    for (const [file, vain] of tried) await this.#note(file, vain);
    const doubted = [...this.#vain.values()].find(({ kind, try_count }) => kind === "refused" && try_count === 0);
    if (doubted !== undefined && !isTaken()) throw doubted.error;
    return failure;
  }

  /** What was refused when everything was is tried at once when anything is taken. */
  #isDue({ name }: SpoolFile): boolean {
    const vain = this.#vain.get(name);
    if (vain === undefined || this.#write_count >= vain.next_write) return true;
    return vain.try_count === 0 && this.#options.isTaken();
  }

  /** Null where its candles are in the tables, or where it is gone; else why they are not. */
  async #bring(file: SpoolFile, onFailure: (why: string) => void): Promise<Pick<Vain, "kind" | "error"> | null> {
    const { spool, carry, onCarried, onLost } = this.#options;
    let found;
    try {
      found = await spool.read(file);
    } catch (error) {
      return { kind: "unreadable", error };
    }
    if (found === null) return null;
    const carried = new Map<CandleBatch, Carried>();
    let refused: { readonly error: unknown } | null = null;
    for (const batch of found.batches)
      try {
        carried.set(batch, await carry(batch));
      } catch (error) {
        if (!isOfTheFile(error)) throw error;
        refused = { error };
      }
    if (refused !== null) return { kind: "refused", error: refused.error };
    // Not before all of it is there: what is tried again would be counted again.
    for (const [batch, outcome] of carried) onCarried(batch, outcome);
    if (found.torn_count > 0) onLost("torn", found.torn_count);
    if (found.torn_count > 0 && isWhole(file)) await this.#setAside(file, { kind: "unreadable", why: "its bytes have changed" });
    else {
      const why = await spool.remove(file);
      if (why !== null) onFailure(why);
    }
    return null;
  }

  async #note(file: SpoolFile, { kind, error }: Pick<Vain, "kind" | "error">): Promise<void> {
    const { isTaken, onLost } = this.#options;
    const last = this.#vain.get(file.name);
    const before = last?.kind === kind ? last : { try_count: 0, vain_count: 0 };
    const is_its_own = kind === "unreadable" || isTaken();
    const try_count = before.try_count + (is_its_own ? 1 : 0);
    const vain_count = before.vain_count + 1;
    const why = failureOf(error).message;
    if (try_count < TRIES_MAX) {
      const wait = Math.min(2 ** ((is_its_own ? try_count : vain_count) - 1), WRITES_BETWEEN_MAX);
      const { name } = file;
      this.#vain.set(name, { name, kind, why, error, try_count, vain_count, next_write: this.#write_count + wait });
    } else if (await this.#setAside(file, { kind, why })) onLost("aside", file.candle_count);
  }

  /** False where another process was faster. */
  async #setAside(file: SpoolFile, { kind, why }: Pick<Vain, "kind" | "why">): Promise<boolean> {
    this.#vain.delete(file.name);
    const aside = await this.#options.spool.setAside(file, kind);
    if (aside !== null) this.#aside.set(aside.name, { ...aside, why });
    return aside !== null;
  }
}

/** Further states that are of some rows and no others, as of one old chunk: not supported, a limit, a state, the server's own. */
const OF_SOME_ROWS = /^(0A|53400|55000|XX)/;

function isOfTheFile(error: unknown): boolean {
  return isOfTheRow(error) || OF_SOME_ROWS.test(sqlstateOf(error) ?? "");
}
