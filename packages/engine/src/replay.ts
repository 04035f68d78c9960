import {
  builtinCalendar,
  dayOf,
  openRecording,
  QuoteBoard,
  sessionOn,
  STALE_MS_MAX,
  StratctlError,
  type Calendar,
  type Db,
  type RecordedQuote,
  type Recording,
  type RecordingSummary,
  type MarkBatch,
} from "@stratctl/sdk/internal";
import { readBook, type Book } from "./book.ts";
import { setImmediate as breath } from "node:timers/promises";
import { ceilTo, checkedInterval, floorTo, MINUTE_MS, systemClock, type Clock } from "./clock.ts";
import { GapNotes, type StrategyNotes } from "./gaps.ts";
import { hoursOn, spanOf } from "./hours.ts";
import { Sampler } from "./sample.ts";
import { UnwrittenQuotes } from "./unwritten.ts";
import { Writer } from "./writer.ts";

export interface ReplayOptions {
  readonly db: Db;
  /** `.csv` or `.csv.gz`, ticks or bars. */
  readonly path: string;
  /** Left out: all active strategies. */
  readonly strategy_ids?: readonly number[] | undefined;
  /** The sampling interval: whole seconds that divide a minute. 1000. */
  readonly every_ms?: number | undefined;
  /** 1 is as recorded, 60 a minute a second; `max` as fast as it goes, which is the default. */
  readonly speed?: "max" | number | undefined;
  /** True: replaces minutes of another source or book, which are left out otherwise. */
  readonly overwrite?: boolean | undefined;
  readonly stale_ms_max?: number | undefined;
  readonly carry_after_ms?: number | undefined;
  readonly calendar?: Calendar | undefined;
  readonly clock?: Clock | undefined;
  /** Aborted: finished minutes are written, then `interrupted`. */
  readonly signal?: AbortSignal | undefined;
  /** Called once a minute of the session. */
  readonly onProgress?: ((progress: ReplayProgress) => void) | undefined;
}

export interface ReplayProgress {
  /** The minute that has just been finished. */
  readonly minute_ms: number;
  /** How much of the recording was read, 0 to 1. */
  readonly progress: number;
  readonly sample_count: number;
  readonly candle_count: number;
}

export interface ReplayReport {
  readonly recording: Readonly<RecordingSummary>;
  /** The days that were sampled. */
  readonly days: readonly string[];
  readonly sample_count: number;
  /** Candles of whole minutes. */
  readonly candle_count: number;
  /** Rows added or changed: 0 where the same recording was replayed before. */
  readonly written_count: number;
  /** Minutes left alone: their row is of another source or book. `overwrite` replaces them. */
  readonly left_out_count: number;
  /** Strategies that have legs, by id. */
  readonly strategies: readonly StrategyNotes[];
  /** Instruments of open legs that the recording has no quote of. */
  readonly unquoted: readonly string[];
}

/**
 * Runs a recording through the engine and writes the candles, source `replay`. A sample at instant t sees, for each instrument,
 * the last quote with session open ≤ at ≤ t (of equal times the later line); and, from open + carry_after_ms on, for an
 * instrument with none, its last quote before the open, counted stale. A day is sampled through all of its session where the
 * recording has a quote within a session of that day, but not past the time when its last quote is stale, nor past this moment. Legs are as they are now, whenever they were
 * added; latest marks and prices move only forward in time.
 *
 * @throws StratctlError recording_invalid, file_unusable, input_invalid, interrupted, database_unreachable, database_refused
 * @example
 * import { replay } from "@stratctl/engine";
 * import { openDatabase } from "@stratctl/sdk/internal";
 *
 * const db = await openDatabase({});
 * const { candle_count, strategies } = await replay({ db, path: "2025-07-31.csv.gz", every_ms: 5000 });
 */
export async function replay(options: ReplayOptions): Promise<ReplayReport> {
  const every_ms = checkedInterval(options.every_ms ?? 1000);
  const calendar = options.calendar ?? builtinCalendar();
  const recording = await openRecording(options.path, { every_ms });
  const book = await readBook(options.db, calendar, { as_of_ms: null, strategy_ids: options.strategy_ids });
  const run = new ReplayRun(recording, book, { ...options, calendar, every_ms, speed: checkedSpeed(options.speed ?? "max") });
  for await (const quotes of recording.batches())
    for (const quote of quotes) {
      if (run.isAhead(quote)) await run.catchUp(quote);
      run.accept(quote);
    }
  await run.finish();
  return run.report();
}

type Settings = ReplayOptions & { readonly calendar: Calendar; readonly every_ms: number; readonly speed: "max" | number };

/** The day under way: samples are due from next_ms on, before to_ms. */
interface Day {
  readonly day: string;
  /** When each exchange closes; NaN where one has no session. */
  readonly closes_ms: ReadonlySet<number>;
  readonly to_ms: number;
  next_ms: number;
  /** What next_ms is counted from where the speed is given. */
  readonly began: { readonly at_ms: number; readonly monotonic_ms: number };
}

const SOURCE = "recording";
/** Enough to make a statement worth its round trip. */
const WAITING_MAX = 5_000;

class ReplayRun {
  readonly #recording: Recording;
  readonly #book: Book;
  readonly #settings: Settings;
  readonly #clock: Clock;
  readonly #board: QuoteBoard;
  readonly #places: ReadonlyMap<string, number>;
  readonly #sampler: Sampler;
  readonly #writer: Writer;
  readonly #unwritten: UnwrittenQuotes;
  readonly #notes = new GapNotes();
  readonly #days: string[] = [];
  readonly #quoted = new Set<string>();
  readonly #stale_ms_max: number;
  /** When the run began: nothing after it has happened. */
  readonly #now_ms: number;
  /** Strategies that this run gave a candle: of the others it has nothing to say, and their latest marks stay. */
  readonly #marked = new Set<number>();
  #day: Day | null = null;
  /** The time of the recording's last quote so far, of whatever instrument. */
  #quoted_ms = Number.NEGATIVE_INFINITY;
  #last_day: string | null = null;
  #writing: Promise<void> = Promise.resolve();
  #sample_count = 0;

  constructor(recording: Recording, book: Book, settings: Settings) {
    const { calendar, stale_ms_max = STALE_MS_MAX, carry_after_ms = 60_000 } = settings;
    this.#stale_ms_max = stale_ms_max;
    this.#recording = recording;
    this.#book = book;
    this.#settings = settings;
    this.#clock = settings.clock ?? systemClock;
    this.#now_ms = this.#clock.now();
    this.#board = new QuoteBoard(book.instruments);
    this.#places = new Map(book.instruments.map(({ instrument }, place) => [instrument, place]));
    this.#sampler = new Sampler({ calendar, board: this.#board, stale_ms_max, carry_after_ms, source: "replay" });
    this.#writer = new Writer({ db: settings.db, overwrite: settings.overwrite ?? false, candles_max: Number.POSITIVE_INFINITY });
    this.#unwritten = new UnwrittenQuotes(this.#board);
    for (const place of book.instruments.keys()) this.#board.note(place, SOURCE, "no quote yet");
  }

  /** True where there are samples to take that do not see the quote. */
  isAhead(quote: RecordedQuote): boolean {
    return this.#day === null ? this.#begins(quote) : this.#day.next_ms < quote.at_ms;
  }

  async catchUp(quote: RecordedQuote): Promise<void> {
    await this.#sampleUntil(quote.at_ms);
    if (this.#day !== null || !this.#begins(quote)) return;
    this.#day = this.#dayOf(quote);
    this.#last_day = this.#day.day;
    if (this.#day.next_ms < this.#day.to_ms) this.#days.push(this.#day.day);
    await this.#sampleUntil(quote.at_ms);
  }

  accept({ instrument, price_units, at_ms }: RecordedQuote): void {
    const place = this.#places.get(instrument);
    if (place !== undefined) this.#quoted.add(instrument);
    // A price of the future would stand as the last one until its time has come.
    if (at_ms > this.#now_ms) return;
    this.#quoted_ms = at_ms;
    if (place !== undefined) this.#board.accept(place, price_units, at_ms, at_ms, SOURCE);
  }

  /** The rest of the day under way, and all that waits. */
  async finish(): Promise<void> {
    await this.#sampleUntil(Number.POSITIVE_INFINITY);
    await this.#write();
  }

  report(): ReplayReport {
    const { carried, written, left_out } = this.#writer.counts;
    return {
      recording: this.#recording.summary,
      days: this.#days,
      sample_count: this.#sample_count,
      candle_count: carried + left_out,
      written_count: written,
      left_out_count: left_out,
      strategies: this.#notes.of(this.#book),
      unquoted: this.#book.instruments.map(({ instrument }) => instrument).filter((instrument) => !this.#quoted.has(instrument)),
    };
  }

  /** True for the first quote of a day within a session of its exchange. */
  #begins({ instrument, at_ms }: RecordedQuote): boolean {
    const { calendar } = this.#settings;
    const day = dayOf(calendar, at_ms);
    if (day === this.#last_day) return false;
    const session = sessionOn(calendar, instrument.slice(0, instrument.indexOf(":")), day);
    return session !== null && session.open_ms <= at_ms && at_ms < session.close_ms;
  }

  #dayOf({ at_ms }: RecordedQuote): Day {
    const { calendar, every_ms } = this.#settings;
    const day = dayOf(calendar, at_ms);
    const hours = hoursOn(calendar, this.#book.exchanges, day);
    const span = spanOf(hours) ?? { open_ms: at_ms, close_ms: at_ms };
    const next_ms = ceilTo(span.open_ms, every_ms);
    // A recording of this morning must not mark the afternoon.
    const to_ms = Math.min(span.close_ms, floorTo(this.#clock.now(), MINUTE_MS));
    return { day, next_ms, to_ms, closes_ms: new Set(hours.close_ms), began: { at_ms: next_ms, monotonic_ms: this.#clock.monotonic() } };
  }

  async #sampleUntil(before_ms: number): Promise<void> {
    const day = this.#day;
    if (day === null) return;
    const is_rest = before_ms >= day.to_ms;
    // The rest of a day is told by its last quotes no longer than until they are stale: ten recorded minutes make no afternoon.
    const end_ms = is_rest ? Math.min(day.to_ms, this.#quoted_ms + this.#stale_ms_max + 1) : before_ms;
    for (; day.next_ms < end_ms; day.next_ms += this.#settings.every_ms) {
      if (this.#sampler.minute_ms !== floorTo(day.next_ms, MINUTE_MS)) await this.#turn(day.next_ms);
      if (this.#settings.speed !== "max") await this.#pace(day, this.#settings.speed);
      this.#sampler.sample(day.next_ms);
      this.#sample_count += 1;
    }
    if (!is_rest) return;
    this.#finishMinute({ with_marks: true });
    await this.#write();
    this.#day = null;
  }

  /** Ends the minute under way and begins the one of the next sample. */
  async #turn(next_ms: number): Promise<void> {
    const paced = this.#settings.speed !== "max";
    // Of a strategy whose exchanges close before the day's end this is the last mark.
    this.#finishMinute({ with_marks: paced || this.#day?.closes_ms.has(floorTo(next_ms, MINUTE_MS)) === true });
    if (paced || this.#writer.waiting_count >= WAITING_MAX) await this.#beginWrite();
    await breath();
    if (this.#settings.signal?.aborted) await this.#interrupt();
    this.#sampler.start(this.#book, floorTo(next_ms, MINUTE_MS));
  }

  #finishMinute(options: { with_marks: boolean }): void {
    if (this.#sampler.minute_ms === null) return;
    const { minute_ms, candles, marks, gaps } = this.#sampler.finish(options);
    for (const strategy_id of candles.strategy_id) this.#marked.add(strategy_id);
    this.#writer.finish(candles, marks === null ? null : marksOf(marks, this.#marked));
    this.#notes.add(minute_ms, candles, gaps);
    this.#settings.onProgress?.({
      minute_ms,
      progress: this.#recording.summary.progress,
      sample_count: this.#sample_count,
      candle_count: this.#notes.candle_count,
    });
  }

  /** Waits until the sample is due at the speed that was asked for. */
  async #pace({ next_ms, began }: Day, speed: number): Promise<void> {
    const due_ms = began.monotonic_ms + (next_ms - began.at_ms) / speed;
    const signal = this.#settings.signal ?? new AbortController().signal;
    for (let wait_ms = 1; wait_ms > 0 && !signal.aborted;) {
      wait_ms = due_ms - this.#clock.monotonic();
      if (wait_ms > 0) await this.#clock.sleep(wait_ms, signal);
    }
  }

  /** Sampling goes on while a write is under way; one at a time, so that what waits stays bounded. */
  async #beginWrite(): Promise<void> {
    await this.#writing;
    this.#writing = this.#writer.write();
    this.#writing.catch(() => undefined); // thrown where it is waited for
  }

  async #write(): Promise<void> {
    await this.#writing;
    const { batch, confirm } = this.#unwritten.take();
    await this.#writer.write({ quotes: batch });
    confirm();
  }

  /** The minute under way is not whole, and is not written. */
  async #interrupt(): Promise<never> {
    await this.#write();
    const { carried } = this.#writer.counts;
    throw new StratctlError("interrupted", `replay interrupted after ${carried} candles`, {
      hint: "what was written stays; the same replay again adds the rest",
    });
  }
}

/** Those of the strategies named. */
function marksOf(marks: MarkBatch, strategy_ids: ReadonlySet<number>): MarkBatch {
  const kept = (_: unknown, place: number): boolean => strategy_ids.has(marks.strategy_id[place] ?? 0);
  const strategy_id = marks.strategy_id.filter(kept);
  return {
    ...marks,
    length: strategy_id.length,
    strategy_id,
    m2m_units: marks.m2m_units.filter(kept),
    entry_value_units: marks.entry_value_units.filter(kept),
    realized_pnl_units: marks.realized_pnl_units.filter(kept),
    instrument_count: marks.instrument_count.filter(kept),
    priced: marks.priced.filter(kept),
    stale: marks.stale.filter(kept),
    oldest_age_ms: marks.oldest_age_ms.filter(kept),
    reason: marks.reason.filter(kept),
  };
}

function checkedSpeed(speed: "max" | number): "max" | number {
  if (speed === "max" || (Number.isFinite(speed) && speed > 0)) return speed;
  throw new StratctlError("input_invalid", `speed ${speed} is not a number above 0`, {
    hint: "1 is as recorded; max is as fast as it goes",
  });
}
