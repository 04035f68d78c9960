import { parseInstrument, readLegs, StratctlError, type BookLegs, type Calendar, type Db } from "@stratctl/sdk/internal";
import { dayNumber, EXCHANGES_MAX } from "./hours.ts";

/**
 * The legs of all active strategies at an instant, ready to be priced. Strategy s has the legs from leg_from[s] up to, not
 * including, leg_from[s + 1]; money in units (1 = 0.0001 rupee).
 */
export interface Book extends BookLegs {
  readonly strategy_count: number;
  /** Exchanges of the legs; those that the calendar does not have are one, which never opens. */
  readonly exchanges: readonly string[];
  /** Place in `exchanges` of each instrument. */
  readonly instrument_exchange: Uint8Array;
  /** The number of the last day on which each instrument may be priced (days since 1970-01-01). */
  readonly instrument_last_day: Int32Array;
  /** Bit i: an open leg of the strategy is on exchange i; without an open leg, the last one to be closed was. */
  readonly strategy_exchanges: Int32Array;
}

/** The book as of an instant, or with null as the legs are now. */
export async function readBook(
  db: Db,
  calendar: Calendar,
  query: { as_of_ms: number | null; strategy_ids?: readonly number[] | undefined },
): Promise<Book> {
  return bookOf(await readLegs(db, query), calendar);
}

export function bookOf(legs: BookLegs, calendar: Calendar): Book {
  const exchanges = new Exchanges(calendar);
  const instrument_exchange = Uint8Array.from(legs.instruments, ({ exchange }) => exchanges.placeOf(exchange));
  return {
    ...legs,
    strategy_count: legs.strategy_id.length,
    instrument_exchange,
    instrument_last_day: Int32Array.from(legs.instruments, lastDay),
    strategy_exchanges: Int32Array.from(legs.strategy_id, (_, strategy) => exchangesOf(legs, strategy, instrument_exchange, exchanges)),
    exchanges: exchanges.names,
  };
}

/** The book of a process that has not read one yet. */
export function emptyBook(calendar: Calendar): Book {
  const none: BookLegs = {
    instruments: [],
    strategy_id: new Int32Array(0),
    leg_from: new Int32Array(1),
    entry_value_units: new Float64Array(0),
    realized_pnl_units: new Float64Array(0),
    closed_at_ms: new Float64Array(0),
    closed_exchange: [],
    leg_id: new Int32Array(0),
    leg_instrument: new Int32Array(0),
    leg_quantity: new Int32Array(0),
    leg_entry_price_units: new Float64Array(0),
    leg_cost_units: new Float64Array(0),
  };
  return bookOf(none, calendar);
}

/** Open legs of a strategy. */
export function legCount(book: Book, strategy: number): number {
  return (book.leg_from[strategy + 1] ?? 0) - (book.leg_from[strategy] ?? 0);
}

/** True where both books have the same instruments in the same places: what is held by instrument can stay as it is. */
export function sameInstruments(a: Book, b: Book): boolean {
  if (a.instruments.length !== b.instruments.length) return false;
  return a.instruments.every((instrument, place) => {
    const other = b.instruments[place];
    return instrument.instrument === other?.instrument && instrument.instrument_token === other.instrument_token;
  });
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

function exchangesOf(legs: BookLegs, strategy: number, instrument_exchange: Uint8Array, exchanges: Exchanges): number {
  const to = legs.leg_from[strategy + 1] ?? 0;
  let mask = 0;
  for (let leg = legs.leg_from[strategy] ?? 0; leg < to; leg += 1) mask |= 1 << (instrument_exchange[legs.leg_instrument[leg] ?? -1] ?? 0);
  // Its legs may all have been removed: it is told so in the hours of the plainest exchange.
  return mask !== 0 ? mask : 1 << exchanges.placeOf(legs.closed_exchange[strategy] ?? "NSE");
}

const NEVER = 2_147_483_647;

/** The expiry that a leg gives; of a monthly contract whose day nobody told, its month's last day: by then it is over. */
function lastDay({ instrument, expiry }: { instrument: string; expiry: string | null }): number {
  if (expiry !== null) return dayNumber(expiry);
  const month = monthOf(instrument);
  if (month === null) return NEVER;
  const [year, number] = month.split("-").map(Number);
  return Date.UTC(year ?? Number.NaN, number ?? Number.NaN, 0) / 86_400_000;
}

function monthOf(instrument: string): string | null {
  try {
    return parseInstrument(instrument).month;
  } catch {
    return null; // a symbol of another form is priced by its name all the same
  }
}
