import {
  builtinCalendar,
  candleMinutes,
  dayOf,
  dueMinutes,
  listFills,
  listLegs,
  QuoteBoard,
  sessionsBetween,
  STALE_MS_MAX,
  StratctlError,
  type Calendar,
  type CandleBatch,
  type Db,
  type InstrumentRef,
  type Leg,
  type RecordedQuote,
} from "@stratctl/sdk/internal";
import { setImmediate as breath } from "node:timers/promises";
import { readBook, type Book } from "./book.ts";
import { ceilTo, checkedInterval, floorTo, MINUTE_MS, systemClock, type Clock } from "./clock.ts";
import { GapNotes, type StrategyNotes } from "./gaps.ts";
import { Sampler, type Gap } from "./sample.ts";
import { Writer } from "./writer.ts";

/** What quotes are needed for: these instruments, from the first session's open to the last minute. */
export interface WantedQuotes {
  readonly instruments: readonly InstrumentRef[];
  readonly from_ms: number;
  readonly to_ms: number;
}

export interface BackfillOptions {
  readonly db: Db;
  readonly strategy_ids: readonly number[];
  /** Minutes by their starts, both included; never later than the last one that is over. */
  readonly from_ms: number;
  readonly to_ms: number;
  /** The recorded quotes, in any order; of equal times the later one counts. Not asked where nothing is missing. */
  readonly quotesFor: (wanted: WantedQuotes) => Promise<readonly RecordedQuote[]>;
  /** The sampling interval: whole seconds that divide a minute. 1000. */
  readonly every_ms?: number | undefined;
  /** True: minutes that have a candle are made anew as well, live ones too. */
  readonly overwrite?: boolean | undefined;
  /** True: nothing is written; the report is what it would be. */
  readonly dry_run?: boolean | undefined;
  readonly calendar?: Calendar | undefined;
  readonly clock?: Clock | undefined;
  /** Aborted: what was filled is written, then `interrupted`. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each minute, with the share of minutes that are done. */
  readonly onProgress?: ((progress: { readonly minute_ms: number; readonly progress: number }) => void) | undefined;
}

export interface BackfillReport {
  /** Minutes that had no candle, or with overwrite all that were due, over all strategies. */
  readonly wanted_count: number;
  /** Candles made of the recorded quotes. */
  readonly filled_count: number;
  /** Rows added or changed by them; 0 in a dry run. */
  readonly written_count: number;
  /** Candles of which another process wrote the minute meanwhile, or whose strategy is gone. */
  readonly left_out_count: number;
  /** Strategies with minutes that were wanted, by id: what was filled, what stays a gap and why. */
  readonly strategies: readonly StrategyNotes[];
  /** Instruments of legs held in those minutes that have no quote. */
  readonly unquoted: readonly string[];
}

/** Why a minute stays a gap when its strategy was not sampled at all. */
const NO_BARS = "no recorded price of that time";
const SOURCE = "recording";
/** Enough to make a statement worth its round trip. */
const WAITING_MAX = 5_000;
/** Every minute of the range is walked. */
const RANGE_MS_MAX = 366 * 24 * 60 * MINUTE_MS;

/**
 * Fills minutes in which a candle was due and is none, from recorded quotes, source `backfill`: the samples that would have been
 * taken, with the legs as they were held at each minute's start. A sample sees what a replay's sees; none is taken in a minute
 * without a quote of any instrument: bars that pause leave the gap. Minutes that have a candle are left alone, so that
 * the same again changes nothing. Latest marks and prices stay as they are.
 *
 * @throws StratctlError input_invalid, interrupted, database_unreachable, database_refused
 */
export async function backfill(options: BackfillOptions): Promise<BackfillReport> {
  const { db, calendar = builtinCalendar(), clock = systemClock } = options;
  const every_ms = checkedInterval(options.every_ms ?? 1000);
  const span = { from_ms: ceilTo(options.from_ms, MINUTE_MS), to_ms: Math.min(options.to_ms, floorTo(clock.now(), MINUTE_MS) - MINUTE_MS) };
  if (span.to_ms - span.from_ms > RANGE_MS_MAX) throw new StratctlError("input_invalid", "a backfill takes 366 days at most");
  const legs: Leg[] = [];
  const changes_ms: number[] = [];
  for (const strategy_id of new Set(options.strategy_ids)) {
    legs.push(...(await listLegs(db, { strategy_id })));
    changes_ms.push(...(await listFills(db, { strategy_id })).map(({ at }) => Date.parse(at)));
  }
  changes_ms.push(...legs.flatMap(changesOf));
  const wanted = await wantedMinutes(db, { legs, span, calendar, overwrite: options.overwrite ?? false });
  const minutes = [...new Set([...wanted.values()].flatMap((starts) => [...starts]))].toSorted((a, b) => a - b);
  const [first_ms, last_ms] = [minutes[0], minutes.at(-1)];
  if (first_ms === undefined || last_ms === undefined) return NOTHING;
  const held = heldIn(legs, wanted);
  const instruments = instrumentsOf(held);
  const from_ms = openOf(calendar, held, first_ms);
  const quotes = await options.quotesFor({ instruments, from_ms, to_ms: last_ms + MINUTE_MS });
  const run = new BackfillRun({ ...options, calendar, every_ms }, { changes_ms, wanted, quotes });
  for (const [place, minute_ms] of minutes.entries()) {
    await run.fill(minute_ms);
    options.onProgress?.({ minute_ms, progress: (place + 1) / minutes.length });
  }
  await run.write();
  return run.report(instruments);
}

const NOTHING: BackfillReport = { wanted_count: 0, filled_count: 0, written_count: 0, left_out_count: 0, strategies: [], unquoted: [] };

type HeldLeg = Pick<Leg, "strategy_id" | "exchange" | "added_at" | "closed_at">;
type Wanted = ReadonlyMap<number, ReadonlySet<number>>;
type Settings = BackfillOptions & { readonly calendar: Calendar; readonly every_ms: number };

interface Given {
  /** When legs were added, added to or closed. */
  readonly changes_ms: readonly number[];
  readonly wanted: Wanted;
  readonly quotes: readonly RecordedQuote[];
}

class BackfillRun {
  readonly #settings: Settings;
  readonly #wanted: Wanted;
  readonly #quotes: readonly RecordedQuote[];
  /** Minutes in which any instrument was quoted. */
  readonly #quoted_minutes: ReadonlySet<number>;
  readonly #change_ms: Float64Array;
  readonly #writer: Writer;
  readonly #notes = new GapNotes();
  #book: Book | null = null;
  #board = new QuoteBoard();
  #places: ReadonlyMap<string, number> = new Map();
  #sampler: Sampler | null = null;
  /** How many changes of legs the book has seen, and how many quotes the board. */
  #changes_seen = -1;
  #quotes_seen = 0;
  #filled_count = 0;

  constructor(settings: Settings, { changes_ms, wanted, quotes }: Given) {
    this.#settings = settings;
    this.#wanted = wanted;
    this.#quotes = quotes.toSorted((a, b) => a.at_ms - b.at_ms);
    this.#quoted_minutes = new Set(quotes.map(({ at_ms }) => floorTo(at_ms, MINUTE_MS)));
    this.#change_ms = Float64Array.from(changes_ms).toSorted();
    this.#writer = new Writer({ db: settings.db, overwrite: settings.overwrite ?? false, candles_max: Number.POSITIVE_INFINITY });
  }

  /** Samples a minute as it would have been, and keeps what was wanted of it. */
  async fill(minute_ms: number): Promise<void> {
    if (this.#settings.signal?.aborted) await this.#interrupt();
    const { book, sampler } = await this.#turn(minute_ms);
    sampler.start(book, minute_ms);
    const end_ms = this.#quoted_minutes.has(minute_ms) ? minute_ms + MINUTE_MS : minute_ms;
    for (let at_ms = minute_ms; at_ms < end_ms; at_ms += this.#settings.every_ms) {
      this.#look(at_ms);
      sampler.sample(at_ms);
    }
    const { candles, gaps } = sampler.finish({ with_marks: false });
    this.#keep(minute_ms, candles, gaps);
    if (this.#writer.waiting_count >= WAITING_MAX) await this.write();
    await breath();
  }

  async write(): Promise<void> {
    if (this.#settings.dry_run !== true) await this.#writer.write();
  }

  report(instruments: readonly InstrumentRef[]): BackfillReport {
    const { written, left_out } = this.#writer.counts;
    const quoted = new Set(this.#quotes.map(({ instrument }) => instrument));
    return {
      wanted_count: [...this.#wanted.values()].reduce((count, { size }) => count + size, 0),
      filled_count: this.#filled_count,
      written_count: written,
      left_out_count: left_out,
      strategies: this.#notes.ofStrategies(
        [...this.#wanted].flatMap(([strategy_id, { size }]) => (size > 0 ? [strategy_id] : [])).toSorted((a, b) => a - b),
      ),
      unquoted: instruments.map(({ instrument }) => instrument).filter((instrument) => !quoted.has(instrument)),
    };
  }

  /** The book of a minute's start; it is read anew only when a leg was added, added to or closed since the last one. */
  async #turn(minute_ms: number): Promise<{ book: Book; sampler: Sampler }> {
    let changes = Math.max(0, this.#changes_seen);
    while ((this.#change_ms[changes] ?? Number.POSITIVE_INFINITY) <= minute_ms) changes += 1;
    if (this.#book !== null && this.#sampler !== null && changes === this.#changes_seen)
      return { book: this.#book, sampler: this.#sampler };
    const { db, calendar, strategy_ids } = this.#settings;
    const book = await readBook(db, calendar, { as_of_ms: minute_ms, strategy_ids });
    this.#changes_seen = changes;
    this.#book = book;
    this.#board = new QuoteBoard(book.instruments);
    for (const place of book.instruments.keys()) this.#board.note(place, SOURCE, "no quote yet");
    this.#places = new Map(book.instruments.map(({ instrument }, place) => [instrument, place]));
    this.#quotes_seen = 0;
    this.#sampler = new Sampler({ calendar, board: this.#board, stale_ms_max: STALE_MS_MAX, carry_after_ms: 60_000, source: "backfill" });
    return { book, sampler: this.#sampler };
  }

  /** Puts on the board what had been quoted by then. */
  #look(at_ms: number): void {
    for (
      let quote = this.#quotes[this.#quotes_seen];
      quote !== undefined && quote.at_ms <= at_ms;
      quote = this.#quotes[this.#quotes_seen]
    ) {
      const place = this.#places.get(quote.instrument);
      if (place !== undefined) this.#board.accept(place, quote.price_units, quote.at_ms, quote.at_ms, SOURCE);
      this.#quotes_seen += 1;
    }
  }

  #keep(minute_ms: number, candles: CandleBatch, gaps: readonly Gap[]): void {
    const isWanted = (strategy_id: number): boolean => this.#wanted.get(strategy_id)?.has(minute_ms) === true;
    const filled = candlesWhere(candles, isWanted);
    const told = new Map(gaps.map(({ strategy_id, reason }) => [strategy_id, reason]));
    const there = new Set(filled.strategy_id);
    const missing = [...this.#wanted.keys()].filter((strategy_id) => isWanted(strategy_id) && !there.has(strategy_id));
    this.#notes.add(
      minute_ms,
      filled,
      missing.map((strategy_id) => ({ strategy_id, reason: told.get(strategy_id) ?? NO_BARS })),
    );
    this.#filled_count += filled.length;
    this.#writer.finish(filled, null);
  }

  async #interrupt(): Promise<never> {
    await this.write();
    throw new StratctlError("interrupted", `backfill interrupted after ${this.#filled_count} candles`, {
      hint: "what was written stays; the same backfill again adds the rest",
    });
  }
}

/** Of each strategy the minutes in which a leg was held in session and that have no candle; with overwrite, all of them. */
async function wantedMinutes(
  db: Db,
  {
    legs,
    span,
    calendar,
    overwrite,
  }: { legs: readonly Leg[]; span: { from_ms: number; to_ms: number }; calendar: Calendar; overwrite: boolean },
): Promise<Wanted> {
  const wanted = new Map<number, ReadonlySet<number>>();
  if (span.from_ms > span.to_ms) return wanted;
  const days = { from_day: dayOf(calendar, span.from_ms), to_day: dayOf(calendar, span.to_ms) };
  for (const [strategy_id, own] of Map.groupBy(legs, (leg) => leg.strategy_id)) {
    const hours = [...new Set(own.map(({ exchange }) => exchange))].flatMap((exchange) => sessionsBetween(calendar, exchange, days));
    const due = dueMinutes(span, { hours, holdings: own.map(holdingOf) });
    const there = overwrite ? new Set<number>() : await candleMinutes(db, { strategy_id, ...span });
    wanted.set(strategy_id, new Set(due.filter((minute_ms) => !there.has(minute_ms))));
  }
  return wanted;
}

function holdingOf({ exchange, added_at, closed_at }: HeldLeg): { exchange: string; from_ms: number; to_ms: number } {
  return { exchange, from_ms: Date.parse(added_at), to_ms: closed_at === null ? Number.POSITIVE_INFINITY : Date.parse(closed_at) };
}

/** Legs that were held in a minute that is wanted of their strategy. Each minute is looked at once, however many legs there are. */
export function heldIn<Held extends HeldLeg>(legs: readonly Held[], wanted: Wanted): Held[] {
  const starts = new Map(Array.from(wanted, ([strategy_id, minutes]) => [strategy_id, Float64Array.from(minutes).toSorted()]));
  return legs.filter((leg) => {
    const { from_ms, to_ms } = holdingOf(leg);
    return (firstFrom(starts.get(leg.strategy_id), from_ms) ?? Number.POSITIVE_INFINITY) < to_ms;
  });
}

/** The first of ascending instants that is not before another. */
function firstFrom(instants: Float64Array | undefined, from_ms: number): number | undefined {
  let [low, high] = [0, instants?.length ?? 0];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((instants?.[middle] ?? 0) < from_ms) low = middle + 1;
    else high = middle;
  }
  return instants?.[low];
}

function changesOf(leg: HeldLeg): number[] {
  const { from_ms, to_ms } = holdingOf(leg);
  return [from_ms, to_ms].filter(Number.isFinite);
}

function instrumentsOf(legs: readonly Leg[]): InstrumentRef[] {
  const instruments = legs.map(({ exchange, tradingsymbol, instrument_token }) => {
    return { instrument: `${exchange}:${tradingsymbol}`, exchange, tradingsymbol, instrument_token };
  });
  return [...Map.groupBy(instruments, ({ instrument }) => instrument).values()].flatMap(
    (same) => same.find(({ instrument_token }) => instrument_token !== null) ?? same.slice(0, 1),
  );
}

/** When the first session of the legs opened on the day of an instant. */
function openOf(calendar: Calendar, legs: readonly Leg[], at_ms: number): number {
  const day = dayOf(calendar, at_ms);
  const exchanges = [...new Set(legs.map(({ exchange }) => exchange))];
  const opens = exchanges.flatMap((exchange) =>
    sessionsBetween(calendar, exchange, { from_day: day, to_day: day }).map(({ open_ms }) => open_ms),
  );
  return Math.min(at_ms, ...opens);
}

/** Those of the strategies that are meant. */
function candlesWhere(candles: CandleBatch, isMeant: (strategy_id: number) => boolean): CandleBatch {
  const kept = (_: unknown, place: number): boolean => isMeant(candles.strategy_id[place] ?? 0);
  const strategy_id = candles.strategy_id.filter(kept);
  return {
    ...candles,
    length: strategy_id.length,
    strategy_id,
    minute_ms: candles.minute_ms.filter(kept),
    open_units: candles.open_units.filter(kept),
    high_units: candles.high_units.filter(kept),
    low_units: candles.low_units.filter(kept),
    close_units: candles.close_units.filter(kept),
    entry_value_units: candles.entry_value_units.filter(kept),
    realized_pnl_units: candles.realized_pnl_units.filter(kept),
    instrument_count: candles.instrument_count.filter(kept),
    stale_count: candles.stale_count.filter(kept),
    oldest_age_ms: candles.oldest_age_ms.filter(kept),
    sampled: candles.sampled.filter(kept),
    first_at_ms: candles.first_at_ms.filter(kept),
    last_at_ms: candles.last_at_ms.filter(kept),
  };
}
