import {
  assert,
  m2mUnits,
  MONEY_MAX_UNITS,
  pnlUnits,
  TOO_LARGE,
  unpricedReason,
  type Calendar,
  type CandleBatch,
  type CandleSource,
  type MarkBatch,
} from "@stratctl/sdk/internal";
import { legCount, placeOf, type Book } from "./book.ts";
import { hoursAt, openMask, type Hours } from "./hours.ts";
import { countsAt, MinuteFold, numbersAt } from "./minute.ts";
import { SeenPrices, type SeenOptions } from "./seen.ts";

export interface SamplerOptions extends SeenOptions {
  readonly calendar: Calendar;
  readonly source: CandleSource;
}

/** What a sample came to, in strategies. */
export interface Pass {
  readonly at_ms: number;
  /** Those of which an exchange is open; the others are not looked at. */
  readonly in_session_count: number;
  readonly marked_count: number;
}

/** A strategy that is in session, has open legs and got no Mark in a minute; the reason at its last sample. */
export interface Gap {
  readonly strategy_id: number;
  readonly reason: string;
}

/** Strategies with open legs that have no Mark, and what they lack: instruments without a price, with what is known of why. */
export interface Unmarked {
  readonly instruments: ReadonlyMap<string, string | null>;
  readonly strategy_ids: readonly number[];
  /** Those of them that lack no price: their M2M or P&L is beyond what money can be. */
  readonly too_large_ids: readonly number[];
}

export interface FinishedMinute {
  readonly minute_ms: number;
  readonly candles: CandleBatch;
  /** Null where they were not asked for, or the minute had no sample. */
  readonly marks: MarkBatch | null;
  readonly gaps: readonly Gap[];
}

/** All that belongs to the minute under way. */
interface Minute {
  readonly book: Book;
  readonly fold: MinuteFold;
  readonly seen: SeenPrices;
  /** Of each strategy at the last sample: 1 where an exchange of it was open; M2M in units, NaN where there is no Mark. */
  readonly in_session: Uint8Array;
  readonly m2m_units: Float64Array;
}

/**
 * The heart: quotes → marks → candles. A sample marks every strategy of the minute's book at an instant and folds the marks
 * into the minute's candles. What decides is the sample's instant alone, never a clock.
 *
 * The law: a strategy is marked while any of its exchanges is open and every open leg has a price (SeenPrices); one without an
 * open leg is worth 0 until the session's end on a day that realized something; one whose M2M or P&L is beyond what money can
 * be has no Mark.
 */
export class Sampler {
  readonly #options: SamplerOptions;
  #minute: Minute | null = null;
  #hours: Hours | null = null;
  #at_ms = Number.NaN;

  constructor(options: SamplerOptions) {
    this.#options = options;
  }

  /** The start of the minute under way; null between two. */
  get minute_ms(): number | null {
    return this.#minute?.fold.minute_ms ?? null;
  }

  /** Begins a minute with the book of its start; the one before has been finished. */
  start(book: Book, minute_ms: number): void {
    const { board, source } = this.#options;
    assert(board.length === book.instruments.length, `sample: a board of ${board.length}, a book of ${book.instruments.length}`);
    assert(this.#minute === null, "sample: a minute begins before the last one was finished");
    this.#hours = null;
    this.#at_ms = Number.NaN;
    this.#minute = {
      book,
      fold: new MinuteFold(book, { minute_ms, source }),
      seen: new SeenPrices(book, this.#options),
      in_session: new Uint8Array(book.strategy_count),
      m2m_units: new Float64Array(book.strategy_count).fill(Number.NaN),
    };
  }

  /** Ends the minute under way: its candles, the marks of its last sample, and the strategies that got no candle. */
  finish({ with_marks }: { with_marks: boolean }): FinishedMinute {
    const { fold } = this.#current();
    const finished = {
      minute_ms: fold.minute_ms,
      candles: fold.take({ changed: false }),
      marks: with_marks ? this.marks({ flat: true }) : null,
      gaps: this.#gaps(),
    };
    this.#minute = null;
    return finished;
  }

  sample(at_ms: number): Pass {
    const minute = this.#current();
    assert(minute.fold.holds(at_ms), `sample: ${at_ms} is not in the minute ${minute.fold.minute_ms}`);
    const hours = hoursAt(this.#options.calendar, minute.book.exchanges, at_ms, this.#hours);
    this.#hours = hours;
    this.#at_ms = at_ms;
    minute.seen.look(at_ms, hours);
    return markAll(minute, hours, at_ms);
  }

  /** A copy of the minute's candles so far; with `changed` only of those that moved since the last copy. */
  candles(options: { changed: boolean }): CandleBatch {
    return this.#current().fold.take(options);
  }

  /**
   * The marks of the last sample, and of strategies without one the reason; null before the minute's first sample. Those that
   * have neither a Mark nor an open leg are told with `flat` only: once a minute is enough for what does not change.
   */
  marks({ flat }: { flat: boolean }): MarkBatch | null {
    if (Number.isNaN(this.#at_ms)) return null;
    const minute = this.#current();
    return this.#batch(placesWhere(minute.book, (strategy) => isTold(minute, strategy, { flat })));
  }

  /** As above of these strategies alone, with the reason also of those that have no open leg. */
  marksOf(strategy_ids: readonly number[]): MarkBatch | null {
    if (Number.isNaN(this.#at_ms)) return null;
    const minute = this.#current();
    const places = strategy_ids.map((strategy_id) => placeOf(minute.book, strategy_id));
    return this.#batch(Int32Array.from(places.filter((place) => place !== -1 && isTold(minute, place, { flat: true }))));
  }

  #batch(places: Int32Array): MarkBatch {
    const minute = this.#current();
    const { book, m2m_units } = minute;
    return {
      length: places.length,
      at_ms: this.#at_ms,
      strategy_id: countsAt(book.strategy_id, places),
      m2m_units: numbersAt(m2m_units, places),
      entry_value_units: numbersAt(book.entry_value_units, places),
      realized_pnl_units: numbersAt(book.realized_pnl_units, places),
      instrument_count: places.map((strategy) => legCount(book, strategy)),
      ...figuresOf(minute, places),
      reason: Array.from(places, (strategy) => (Number.isNaN(m2m_units[strategy]) ? reasonOf(minute, strategy) : null)),
    };
  }

  /** At the last sample: strategies in session that have open legs and no Mark, and the instruments that have no price. */
  unmarked(): Unmarked {
    const minute = this.#current();
    const { book, seen } = minute;
    const places = placesWhere(book, (strategy) => isOpenUnmarked(minute, strategy));
    const instruments = new Map<string, string | null>();
    const too_large_ids: number[] = [];
    for (const strategy of places) {
      const unpriced = unpricedOf(minute, strategy);
      for (const place of unpriced) instruments.set(nameOf(book, place), seen.whyNone(place));
      if (unpriced.length === 0) too_large_ids.push(book.strategy_id[strategy] ?? 0);
    }
    return { instruments, strategy_ids: Array.from(countsAt(book.strategy_id, places)), too_large_ids };
  }

  #gaps(): Gap[] {
    const minute = this.#current();
    const { book, fold } = minute;
    const places = placesWhere(book, (strategy) => isOpenUnmarked(minute, strategy) && !fold.has(strategy));
    return Array.from(places, (strategy) => ({ strategy_id: book.strategy_id[strategy] ?? 0, reason: reasonOf(minute, strategy) }));
  }

  #current(): Minute {
    assert(this.#minute !== null, "sample: no minute is under way");
    return this.#minute;
  }
}

function markAll(minute: Minute, hours: Hours, at_ms: number): Pass {
  const { book, fold, seen, in_session, m2m_units } = minute;
  const open = openMask(hours, at_ms);
  const legs = { price_units: seen.price_units, instrument: book.leg_instrument, signed_quantity: book.leg_quantity };
  let in_session_count = 0;
  let marked_count = 0;
  for (let strategy = 0; strategy < book.strategy_count; strategy += 1) {
    const is_open = ((book.strategy_exchanges[strategy] ?? 0) & open) !== 0;
    in_session[strategy] = is_open ? 1 : 0;
    m2m_units[strategy] = Number.NaN;
    if (!is_open) continue;
    in_session_count += 1;
    const from = book.leg_from[strategy] ?? 0;
    const to = book.leg_from[strategy + 1] ?? 0;
    const m2m = from < to ? m2mUnits(legs, from, to) : flatUnits(minute, strategy, hours);
    if (Number.isNaN(pnlOf(book, strategy, m2m))) continue;
    m2m_units[strategy] = m2m;
    fold.add(strategy, at_ms, m2m);
    measure(minute, strategy);
    marked_count += 1;
  }
  return { at_ms, in_session_count, marked_count };
}

/** Notes how many legs of a marked strategy are stale, and the oldest age, in its candle. */
function measure({ book, fold, seen }: Minute, strategy: number): void {
  const to = book.leg_from[strategy + 1] ?? 0;
  let stale_count = 0;
  let oldest_age_ms = 0;
  for (let leg = book.leg_from[strategy] ?? 0; leg < to; leg += 1) {
    const place = book.leg_instrument[leg] ?? -1;
    const age_ms = seen.age_ms[place] ?? 0;
    stale_count += seen.stale[place] ?? 0;
    if (age_ms > oldest_age_ms) oldest_age_ms = age_ms;
  }
  fold.addAges(strategy, { stale_count, oldest_age_ms });
}

/** 0 until the session's end on a day that realized something, from the minute after it on; else there is no Mark. */
function flatUnits({ book, fold }: Minute, strategy: number, { day_from_ms }: Hours): number {
  const closed_at_ms = book.closed_at_ms[strategy] ?? Number.NaN;
  return closed_at_ms >= day_from_ms && closed_at_ms <= fold.minute_ms ? 0 : Number.NaN;
}

/** NaN where there is no M2M, or the P&L, of the open legs or of all, is beyond what money can be. */
function pnlOf(book: Book, strategy: number, m2m_units: number): number {
  if (Number.isNaN(m2m_units)) return m2m_units;
  const entry_value_units = book.entry_value_units[strategy] ?? Number.NaN;
  if (Math.abs(entry_value_units - m2m_units) > MONEY_MAX_UNITS) return Number.NaN;
  return pnlUnits({ realized_pnl_units: book.realized_pnl_units[strategy] ?? Number.NaN, entry_value_units, m2m_units });
}

function isUnmarked({ in_session, m2m_units }: Minute, strategy: number): boolean {
  return in_session[strategy] === 1 && Number.isNaN(m2m_units[strategy]);
}

function isOpenUnmarked(minute: Minute, strategy: number): boolean {
  return isUnmarked(minute, strategy) && legCount(minute.book, strategy) > 0;
}

function isTold(minute: Minute, strategy: number, { flat }: { flat: boolean }): boolean {
  const { book, in_session } = minute;
  if (in_session[strategy] !== 1) return false;
  // A sum beyond what money can be has no column to go to; gaps() names the strategy.
  if (Number.isNaN((book.entry_value_units[strategy] ?? Number.NaN) + (book.realized_pnl_units[strategy] ?? Number.NaN))) return false;
  return flat || legCount(book, strategy) > 0 || !isUnmarked(minute, strategy);
}

/** Legs that have a price, those of them that are stale, and the age of the oldest (NaN: none has a price). */
function figuresOf({ book, seen }: Minute, places: Int32Array): Pick<MarkBatch, "priced" | "stale" | "oldest_age_ms"> {
  const priced = new Int32Array(places.length);
  const stale = new Int32Array(places.length);
  const oldest_age_ms = new Float64Array(places.length);
  for (let row = 0; row < places.length; row += 1) {
    const strategy = places[row] ?? -1;
    const to = book.leg_from[strategy + 1] ?? 0;
    let oldest_ms = Number.NaN;
    for (let leg = book.leg_from[strategy] ?? 0; leg < to; leg += 1) {
      const place = book.leg_instrument[leg] ?? -1;
      if (Number.isNaN(seen.price_units[place])) continue;
      const age_ms = seen.age_ms[place] ?? 0;
      priced[row] = (priced[row] ?? 0) + 1;
      stale[row] = (stale[row] ?? 0) + (seen.stale[place] ?? 0);
      oldest_ms = oldest_ms > age_ms ? oldest_ms : age_ms;
    }
    oldest_age_ms[row] = oldest_ms;
  }
  return { priced, stale, oldest_age_ms };
}

/** Strategies, by their place in the book, ascending. */
function placesWhere({ strategy_count }: Book, isMeant: (strategy: number) => boolean): Int32Array {
  const places = new Int32Array(strategy_count);
  let length = 0;
  for (let strategy = 0; strategy < strategy_count; strategy += 1) if (isMeant(strategy)) places[length++] = strategy;
  return places.subarray(0, length);
}

function nameOf({ instruments }: Book, place: number): string {
  return instruments[place]?.instrument ?? `instrument ${place}`;
}

function unpricedOf({ book, seen }: Minute, strategy: number): Int32Array {
  const places = book.leg_instrument.subarray(book.leg_from[strategy], book.leg_from[strategy + 1]);
  return places.filter((place) => Number.isNaN(seen.price_units[place]));
}

function reasonOf(minute: Minute, strategy: number): string {
  if (legCount(minute.book, strategy) === 0) return "no open legs";
  const whys = new Map<string, string | null>();
  for (const place of unpricedOf(minute, strategy)) whys.set(nameOf(minute.book, place), minute.seen.whyNone(place));
  return whys.size === 0 ? TOO_LARGE : unpricedReason([...whys.keys()], (instrument) => whys.get(instrument) ?? null);
}
