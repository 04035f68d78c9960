import { lastDayOf, StratctlError, type BookInstrument, type BookLegs, type Calendar } from "@stratctl/sdk/internal";
import type { Book } from "./book.ts";
import { dayNumber, EXCHANGES_MAX } from "./hours.ts";

/**
 * Where a book is put together strategy by strategy, so that a changed leg costs a copy of arrays and not a read of everything.
 * The law: whatever was put in whatever portions, the book has each strategy as it was put last.
 */
export class BookShelf {
  readonly #calendar: Calendar;
  readonly #exchanges: Exchanges;
  #places = new Map<string, number>();
  #book: Book;

  constructor(calendar: Calendar) {
    this.#calendar = calendar;
    this.#exchanges = new Exchanges(calendar);
    this.#book = EMPTY;
  }

  get book(): Book {
    return this.#book;
  }

  /** The strategies named (ascending) are from now on as `legs` has them; those that it lacks are in the book no more. */
  put(strategy_ids: ArrayLike<number>, legs: BookLegs): Book {
    const instruments = this.#instrumentsWith(legs.instruments);
    const places = Int32Array.from(legs.instruments, ({ instrument }) => this.#places.get(instrument) ?? -1);
    const news: Book = {
      instruments,
      ...this.#columnsOf(instruments),
      strategy_count: legs.strategy_id.length,
      strategy_id: legs.strategy_id,
      leg_from: legs.leg_from,
      entry_value_units: legs.entry_value_units,
      realized_pnl_units: legs.realized_pnl_units,
      closed_at_ms: legs.closed_at_ms,
      closed_exchange: legs.closed_exchange,
      leg_quantity: legs.leg_quantity,
      leg_instrument: legs.leg_instrument.map((place) => places[place] ?? -1),
      strategy_exchanges: new Int32Array(legs.strategy_id.length),
      exchanges: this.#exchanges.names,
    };
    for (const strategy of legs.strategy_id.keys()) news.strategy_exchanges[strategy] = this.#exchangesOf(news, strategy);
    this.#book = this.#tidied(spliced(this.#book, news, strategy_ids));
    return this.#book;
  }

  /** The list with what is new at its end; the same list where nothing is. */
  #instrumentsWith(given: readonly BookInstrument[]): readonly BookInstrument[] {
    const { instruments } = this.#book;
    let list: BookInstrument[] | null = null;
    for (const one of given) {
      const place = this.#places.get(one.instrument);
      const known = place === undefined ? undefined : (list ?? instruments)[place];
      const merged = known === undefined ? one : both(known, one);
      if (merged === known) continue;
      list ??= [...instruments];
      const at = place ?? list.length;
      list[at] = merged;
      this.#places.set(one.instrument, at);
    }
    return list ?? instruments;
  }

  #columnsOf(instruments: readonly BookInstrument[]): Pick<Book, "instrument_exchange" | "instrument_last_day"> {
    const { instruments: before, instrument_exchange, instrument_last_day } = this.#book;
    if (instruments === before) return { instrument_exchange, instrument_last_day };
    const same = (place: number): boolean => instruments[place] === before[place];
    return {
      instrument_exchange: Uint8Array.from(instruments, ({ exchange }, place) =>
        same(place) ? (instrument_exchange[place] ?? 0) : this.#exchanges.placeOf(exchange),
      ),
      instrument_last_day: Int32Array.from(instruments, (one, place) =>
        same(place) ? (instrument_last_day[place] ?? 0) : lastDayNumber(this.#calendar, one),
      ),
    };
  }

  #exchangesOf({ leg_from, leg_instrument, instrument_exchange, closed_exchange }: Book, strategy: number): number {
    const to = leg_from[strategy + 1] ?? 0;
    let mask = 0;
    for (let leg = leg_from[strategy] ?? 0; leg < to; leg += 1) mask |= 1 << (instrument_exchange[leg_instrument[leg] ?? -1] ?? 0);
    // Its legs may all have been removed: it is told so in the hours of the plainest exchange.
    return mask !== 0 ? mask : 1 << this.#exchanges.placeOf(closed_exchange[strategy] ?? "NSE");
  }

  /** Without the instruments that no leg holds any more, once they are one in twenty: until then a place costs less than a move. */
  #tidied(book: Book): Book {
    const used = new Uint8Array(book.instruments.length);
    for (const place of book.leg_instrument) used[place] = 1;
    const kept = book.instruments.filter((_, place) => used[place] === 1);
    if ((book.instruments.length - kept.length) * 20 <= book.instruments.length) return book;
    this.#places = new Map(kept.map(({ instrument }, place) => [instrument, place]));
    const moved = Int32Array.from(book.instruments, ({ instrument }) => this.#places.get(instrument) ?? -1);
    return {
      ...book,
      instruments: kept,
      instrument_exchange: book.instrument_exchange.filter((_, place) => used[place] === 1),
      instrument_last_day: book.instrument_last_day.filter((_, place) => used[place] === 1),
      leg_instrument: book.leg_instrument.map((place) => moved[place] ?? -1),
    };
  }
}

/** Strategies start to end of one of two books, in the order of the new one. */
interface Run {
  readonly of: Book;
  readonly start: number;
  end: number;
}

/** `before` with the strategies named as `news` has them. Runs are copied whole: a changed strategy makes two of them. */
function spliced(before: Book, news: Book, strategy_ids: ArrayLike<number>): Book {
  const runs = runsOf(before, news, strategy_ids);
  const strategy_count = runs.reduce((count, { start, end }) => count + end - start, 0);
  const legs = (run: Run): [number, number] => [run.of.leg_from[run.start] ?? 0, run.of.leg_from[run.end] ?? 0];
  const leg_count = runs.reduce((count, run) => count + legs(run)[1] - legs(run)[0], 0);
  const book: Book = {
    ...news,
    strategy_count,
    strategy_id: new Int32Array(strategy_count),
    leg_from: new Int32Array(strategy_count + 1),
    entry_value_units: new Float64Array(strategy_count),
    realized_pnl_units: new Float64Array(strategy_count),
    closed_at_ms: new Float64Array(strategy_count),
    closed_exchange: runs.flatMap(({ of, start, end }) => of.closed_exchange.slice(start, end)),
    strategy_exchanges: new Int32Array(strategy_count),
    leg_instrument: new Int32Array(leg_count),
    leg_quantity: new Int32Array(leg_count),
  };
  let strategy = 0;
  let leg = 0;
  for (const run of runs) {
    const { of, start, end } = run;
    for (const column of STRATEGY_COLUMNS) book[column].set(of[column].subarray(start, end), strategy);
    const [from, to] = legs(run);
    for (const column of LEG_COLUMNS) book[column].set(of[column].subarray(from, to), leg);
    for (let place = start; place < end; place += 1) book.leg_from[strategy + place - start] = leg + (of.leg_from[place] ?? 0) - from;
    strategy += end - start;
    leg += to - from;
  }
  book.leg_from[strategy] = leg;
  return book;
}

const STRATEGY_COLUMNS = ["strategy_id", "entry_value_units", "realized_pnl_units", "closed_at_ms", "strategy_exchanges"] as const;
const LEG_COLUMNS = ["leg_instrument", "leg_quantity"] as const;

function runsOf(before: Book, news: Book, strategy_ids: ArrayLike<number>): Run[] {
  const runs: Run[] = [];
  const add = (of: Book, start: number, end: number): void => {
    const last = runs.at(-1);
    if (start === end) return;
    if (last?.of === of && last.end === start) last.end = end;
    else runs.push({ of, start, end });
  };
  let old = 0;
  let fresh = 0;
  for (let place = 0; place < strategy_ids.length; place += 1) {
    const strategy_id = strategy_ids[place] ?? 0;
    const at = firstAtLeast(before.strategy_id, strategy_id, old);
    add(before, old, at);
    old = before.strategy_id[at] === strategy_id ? at + 1 : at;
    if (news.strategy_id[fresh] === strategy_id) add(news, fresh, (fresh += 1));
  }
  add(before, old, before.strategy_count);
  return runs;
}

export function firstAtLeast(ascending: Int32Array, value: number, from: number): number {
  let low = from;
  let high = ascending.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** What two legs tell of one instrument: a token that either knows, and the later expiry. */
function both(known: BookInstrument, told: BookInstrument): BookInstrument {
  const instrument_token = told.instrument_token ?? known.instrument_token;
  const expiry = known.expiry === null || (told.expiry !== null && told.expiry > known.expiry) ? told.expiry : known.expiry;
  return instrument_token === known.instrument_token && expiry === known.expiry ? known : { ...known, instrument_token, expiry };
}

/** Where none is known it is never over. */
function lastDayNumber(calendar: Calendar, instrument: BookInstrument): number {
  const day = lastDayOf(calendar, instrument);
  return day === null ? 2_147_483_647 : dayNumber(day);
}

const UNKNOWN = "an exchange that the calendar does not have";

class Exchanges {
  readonly names: string[] = [];
  readonly #calendar: Calendar;

  constructor(calendar: Calendar) {
    this.#calendar = calendar;
  }

  placeOf(exchange: string): number {
    const name = this.#calendar.exchanges.has(exchange) ? exchange : UNKNOWN;
    const known = this.names.indexOf(name);
    if (known >= 0) return known;
    if (this.names.length === EXCHANGES_MAX) throw new StratctlError("internal", `book: more than ${EXCHANGES_MAX} exchanges`);
    return this.names.push(name) - 1;
  }
}

const EMPTY: Book = {
  instruments: [],
  strategy_count: 0,
  strategy_id: new Int32Array(0),
  leg_from: new Int32Array(1),
  entry_value_units: new Float64Array(0),
  realized_pnl_units: new Float64Array(0),
  closed_at_ms: new Float64Array(0),
  closed_exchange: [],
  leg_instrument: new Int32Array(0),
  leg_quantity: new Int32Array(0),
  exchanges: [],
  instrument_exchange: new Uint8Array(0),
  instrument_last_day: new Int32Array(0),
  strategy_exchanges: new Int32Array(0),
};
