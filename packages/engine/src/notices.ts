import {
  amountOf,
  calendarWarnings,
  expiryNotice,
  TOO_LARGE,
  type Calendar,
  type CandleBatch,
  type ExpiryNotice,
  type InstrumentRef,
  type QuoteBoard,
} from "@stratctl/sdk/internal";
import type { Book } from "./book.ts";
import { openMask, type Hours } from "./hours.ts";
import { clockText, countedText, namedText, type Log } from "./log.ts";
import type { Pass, Unmarked } from "./sample.ts";

/** What the daemon tells of the book, the sessions and the prices: each thing once, when it changes. */
export class Notices {
  readonly #log: Log;
  readonly #calendar: Calendar;
  #book_text = "";
  #exchanges: readonly string[] = [];
  #hours: Hours | null = null;
  #open = 0;
  /** What the last line said of prices. */
  #unmarked: { readonly key: string; readonly exchanges: readonly string[] } | null = null;
  /** Of the day: candles by strategy, and strategies that had a stale leg. */
  #candle_count = 0;
  readonly #marked = new Set<number>();
  readonly #stale = new Set<number>();
  /** What was found, and told, of the expiry of each instrument that was looked at this day. */
  readonly #expiry_of = new Map<string, ExpiryNotice["code"] | null>();
  #due_book: Book | null = null;

  constructor(log: Log, calendar: Calendar) {
    this.#log = log;
    this.#calendar = calendar;
  }

  /** `url`: where the daemon answers others. */
  ready(book: Book, sources: readonly string[], url?: string): void {
    this.#book_text = bookText(book);
    const parts = [this.#book_text, sources.length === 0 ? "no source of prices" : sources.join(" → "), url ?? []].flat();
    const fields = { ...bookFields(book), sources, ...(url === undefined ? {} : { url }) };
    this.#log({ level: "info", event: "ready", text: parts.join(" · "), fields });
  }

  /** The book of a minute that has just begun. */
  book(book: Book): void {
    const text = bookText(book);
    if (text !== this.#book_text) this.#log({ level: "info", event: "book", text, fields: bookFields(book) });
    this.#book_text = text;
  }

  /** What a single pass over the book of that minute came to; null where nothing was sampled. */
  once(pass: Pass | null, book: Book, minute_ms: number): void {
    const minute = clockText(minute_ms, this.#calendar).slice(0, 5);
    const none =
      book.strategy_count === 0
        ? `no strategy has legs as of ${minute}: a change takes effect with the next minute`
        : "no session is open: nothing sampled";
    const text = pass === null ? none : `${pass.marked_count} of ${countedText(pass.in_session_count, "strategy", "strategies")} marked`;
    this.#log({ level: "info", event: "once", text, fields: { marked_count: pass?.marked_count ?? 0 } });
  }

  /** A finished minute's candles, for the figures at the close. */
  minute({ length, strategy_id, stale_count }: CandleBatch): void {
    this.#candle_count += length;
    for (let place = 0; place < length; place += 1) {
      this.#marked.add(strategy_id[place] ?? 0);
      if ((stale_count[place] ?? 0) > 0) this.#stale.add(strategy_id[place] ?? 0);
    }
  }

  /** The hours at a sample: says what opened and what closed since the one before. */
  session(book: Book, hours: Hours, { at_ms, board }: { at_ms: number; board: QuoteBoard }): void {
    if (hours.day !== this.#hours?.day) this.#newDay(book, at_ms);
    const were_open = namesOf(this.#exchanges, this.#open);
    this.#open = openMask(hours, at_ms);
    this.#exchanges = book.exchanges;
    this.#hours = hours;
    const are_open = namesOf(book.exchanges, this.#open);
    const opened = are_open.filter((exchange) => !were_open.includes(exchange));
    const closed = were_open.filter((exchange) => !are_open.includes(exchange));
    for (const exchange of opened) this.#opened(exchange, { hours, place: book.exchanges.indexOf(exchange), at_ms });
    for (const exchange of closed) this.#closed(exchange, carriedOf(book, exchange, { open: this.#open, board }));
    // What is due changes with the book, the day, and where a last session ends.
    if (book !== this.#due_book || closed.length > 0) this.#expiries(book, { at_ms, is_anew: closed.length > 0 });
    this.#due_book = book;
    if (are_open.length === 0) this.#unmarked = null;
  }

  /** What has no price at a sample, and which strategies no Mark for it; of all these. */
  prices({ instruments, strategy_ids, too_large_ids }: Unmarked, of: readonly InstrumentRef[]): void {
    const key = [...instruments.keys(), ...too_large_ids].join(",");
    if (key === this.#unmarked?.key) return;
    const before = this.#unmarked;
    this.#unmarked = { key, exchanges: [...instruments.keys()].map(exchangeOf) };
    if (strategy_ids.length > 0) return this.#noMark({ instruments, strategy_ids, too_large_ids });
    const are_open = namesOf(this.#exchanges, this.#open);
    // What only left the session has no price yet.
    if (before !== null && before.exchanges.length > 0 && !before.exchanges.some((exchange) => are_open.includes(exchange))) return;
    const instrument_count = of.filter(({ exchange }) => are_open.includes(exchange)).length;
    if (instrument_count > 0) this.#allPriced(instrument_count);
  }

  #allPriced(instrument_count: number): void {
    const text = instrument_count === 1 ? "the one instrument" : `all ${countedText(instrument_count, "instrument")}`;
    this.#log({ level: "info", event: "priced", text, fields: { instrument_count } });
  }

  #noMark({ instruments, strategy_ids, too_large_ids }: Unmarked): void {
    const named = [...instruments].map(([instrument, why]) => (why === null ? instrument : `${instrument} (${why})`));
    const too_large = instruments.size === 0 ? TOO_LARGE : `${TOO_LARGE}: ${namedText(too_large_ids, 10)}`;
    const why = [...(named.length > 0 ? [namedText(named)] : []), ...(too_large_ids.length > 0 ? [too_large] : [])].join(" · ");
    this.#log({
      level: "warn",
      event: "unpriced",
      text: `${why} · no mark: ${namedText(strategy_ids, 10)}`,
      fields: { instruments: [...instruments.keys()].slice(0, LISTED_MAX), strategy_ids: strategy_ids.slice(0, LISTED_MAX) },
    });
  }

  #newDay(book: Book, at_ms: number): void {
    this.#candle_count = 0;
    this.#marked.clear();
    this.#stale.clear();
    this.#expiry_of.clear();
    this.#due_book = null;
    for (const { text, exchange, kind, day } of calendarWarnings(this.#calendar, book.exchanges, at_ms))
      this.#log({ level: "warn", event: "calendar", text, fields: { exchange, kind, day } });
  }

  /** Each instrument once a day: those of which shares will be due, and those that wait for their settlement. */
  #expiries(book: Book, { at_ms, is_anew }: { at_ms: number; is_anew: boolean }): void {
    const found = book.instruments.flatMap((held, place) => {
      const { instrument } = held;
      const told = this.#expiry_of.get(instrument);
      if (told !== undefined && !is_anew) return [];
      const notice = expiryNotice(this.#calendar, held, at_ms);
      this.#expiry_of.set(instrument, notice?.code ?? null);
      return notice === null || notice.code === told ? [] : [{ ...notice, place, instrument }];
    });
    if (found.length === 0) return;
    const holders = holdersOf(book, new Set(found.map(({ place }) => place)));
    // A place outlives its last leg for a while; another leg may come to it.
    for (const { place, instrument } of found) if (!holders.has(place)) this.#expiry_of.delete(instrument);
    const held = found.filter(({ place }) => holders.has(place));
    for (const [code, due] of Map.groupBy(held, (one) => one.code)) {
      const strategy_ids = [...new Set(due.flatMap(({ place }) => holders.get(place) ?? []))].toSorted((a, b) => a - b);
      const named = namedText(due.map(({ instrument, last_day }) => `${instrument} (${last_day})`));
      this.#log({
        level: "warn",
        event: "expiry",
        text: `${DUE_TEXT[code]}: ${named} · strategies: ${namedText(strategy_ids, 10)}`,
        fields: {
          code,
          instruments: due.map(({ instrument }) => instrument).slice(0, LISTED_MAX),
          strategy_ids: strategy_ids.slice(0, LISTED_MAX),
        },
      });
    }
  }

  #opened(exchange: string, { hours, place, at_ms }: { hours: Hours; place: number; at_ms: number }): void {
    const close_ms = hours.close_ms[place] ?? Number.NaN;
    const verb = at_ms === hours.open_ms[place] ? "opens" : "is open";
    const closes = Number.isFinite(close_ms) ? `closes ${clockText(close_ms, this.#calendar).slice(0, 5)}` : "never closes";
    const text = `${exchange} ${verb}; ${closes}`;
    this.#log({ level: "info", event: "session", text, fields: { exchange, open: true } });
  }

  #closed(exchange: string, carried: readonly string[]): void {
    const counts = [
      countedText(this.#marked.size, "strategy", "strategies"),
      countedText(this.#candle_count, "candle"),
      `${this.#stale.size} with stale legs`,
    ];
    const rest = carried.length === 0 ? "" : ` · carried: ${namedText(carried)}`;
    this.#log({
      level: "info",
      event: "session",
      text: `${exchange} closed · ${counts.join(" · ")}${rest}`,
      fields: { exchange, open: false, candle_count: this.#candle_count, strategy_count: this.#marked.size, stale_count: this.#stale.size },
    });
  }
}

const DUE_TEXT = {
  delivery_due: "shares will be due at expiry of what is not closed, options in the money",
  settlement_due: "past its last day and not settled",
} as const;

/** The journal has a limit to a line. */
const LISTED_MAX = 100;

function bookText(book: Book): string {
  return `${countedText(book.strategy_count, "strategy", "strategies")}, ${countedText(book.instruments.length, "instrument")}`;
}

function bookFields(book: Book): { strategy_count: number; instrument_count: number } {
  return { strategy_count: book.strategy_count, instrument_count: book.instruments.length };
}

function exchangeOf(instrument: string): string {
  return instrument.slice(0, instrument.indexOf(":"));
}

function namesOf(exchanges: readonly string[], mask: number): string[] {
  return exchanges.filter((_, place) => (mask & (1 << place)) !== 0);
}

/** Strategies by the places that they have a leg at, of these places. */
function holdersOf({ strategy_id, leg_from, leg_instrument }: Book, places: ReadonlySet<number>): Map<number, number[]> {
  const ids: [place: number, strategy_id: number][] = [];
  for (const [strategy, id] of strategy_id.entries())
    for (const place of new Set(leg_instrument.subarray(leg_from[strategy], leg_from[strategy + 1])))
      if (places.has(place)) ids.push([place, id]);
  return new Map([...Map.groupBy(ids, ([place]) => place)].map(([place, ofPlace]) => [place, ofPlace.map(([, id]) => id)]));
}

/** Legs on an exchange that has closed, of strategies that are still marked: at the prices that they keep. */
function carriedOf(book: Book, exchange: string, { open, board }: { open: number; board: QuoteBoard }): string[] {
  const carried = new Set<number>();
  for (const [strategy, mask] of book.strategy_exchanges.entries()) {
    if ((mask & open) === 0) continue;
    for (const place of book.leg_instrument.subarray(book.leg_from[strategy], book.leg_from[strategy + 1]))
      if (book.exchanges[book.instrument_exchange[place] ?? -1] === exchange && !Number.isNaN(board.price_units[place])) carried.add(place);
  }
  return [...carried].map((place) => `${book.instruments[place]?.instrument} at ${amountOf(board.price_units[place] ?? Number.NaN)}`);
}
