import { batchOf, builtinCalendar, QuoteBoard, type CandleBatch } from "@stratctl/sdk/internal";
import { Decimal } from "decimal.js";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { testBook, type TestStrategy } from "../../../test/support/book.ts";
import { Sampler } from "./sample.ts";

/**
 * The sampler against the sentences of the design, written plainly: no arrays by instrument, no state from sample to sample,
 * every Mark from the list of all quotes, in decimals.
 */

/** Exchanges on 4 August 2026, a Tuesday; the last one is unknown to the calendar. */
const HOURS: Record<string, { open: string; close: string } | null> = {
  NSE: { open: "03:45", close: "10:00" },
  NFO: { open: "03:45", close: "10:10" },
  MCX: { open: "03:30", close: "18:00" },
  XYZ: null,
};
const INSTRUMENTS = [
  { name: "NSE:RELIANCE", expiry: null, last_day: null },
  { name: "NFO:NIFTY26AUGFUT", expiry: null, last_day: "2026-08-31" },
  { name: "NFO:NIFTY2680424500CE", expiry: "2026-08-04", last_day: "2026-08-04" },
  { name: "NFO:NIFTY2680324500PE", expiry: "2026-08-03", last_day: "2026-08-03" },
  { name: "NFO:NIFTY26JUL24500CE", expiry: null, last_day: "2026-07-31" },
  { name: "MCX:CRUDEOIL26AUGFUT", expiry: "2026-08-19", last_day: "2026-08-19" },
  { name: "XYZ:NOBODY", expiry: null, last_day: null },
] as const;

const DAY = "2026-08-04";
const atText = (time: string): number => Date.parse(`${DAY}T${time}Z`);
/** Minutes at whose edges the rules change, each with what lies around it. */
const MINUTES = ["03:29", "03:30", "03:44", "03:45", "03:46", "05:00", "09:59", "10:00", "10:09", "10:10"].map((time) =>
  atText(`${time}:00`),
);
/** Milliseconds: a second's samples tell a limit of 15 s from one of 60. */
const limit = fc.constantFrom(0, 15_000, 60_000, 3_600_000);

interface Limits {
  readonly stale_ms_max: number;
  readonly carry_after_ms: number;
}

interface GivenQuote {
  readonly instrument: number;
  readonly at_ms: number;
  readonly price_units: number;
}

const leg = fc.record({
  instrument: fc.integer({ min: 0, max: INSTRUMENTS.length - 1 }),
  direction: fc.constantFrom("BUY" as const, "SELL" as const),
  quantity: fc.oneof({ weight: 9, arbitrary: fc.integer({ min: 1, max: 2000 }) }, fc.integer({ min: 1, max: 2_147_483_647 })),
});

/** Legs on any exchange; by far most on those that trade, or hardly a strategy would ever be marked. */
const traded = leg.map((given) => ({ ...given, instrument: [0, 1, 2][given.instrument % 3] ?? 0 }));

const strategy = fc.record({
  legs: fc.oneof({ weight: 4, arbitrary: fc.array(traded, { maxLength: 5 }) }, { weight: 1, arbitrary: fc.array(leg, { maxLength: 5 }) }),
  realized_pnl_units: fc.oneof({ weight: 5, arbitrary: fc.integer({ min: -1e9, max: 1e9 }) }, fc.constantFrom(-5e15, 5e15)),
  closed: fc.option(
    fc.record({
      at_ms: fc.oneof(
        fc.constantFrom(...MINUTES).chain((minute_ms) => fc.integer({ min: minute_ms - 61_000, max: minute_ms + 61_000 })),
        fc.constantFrom(...MINUTES),
        fc.constant(atText("00:00:00") - 86_400_000),
      ),
      exchange: fc.constantFrom(...Object.keys(HOURS)),
    }),
    { nil: undefined },
  ),
});

const situation = fc
  .record({
    minute_ms: fc.constantFrom(...MINUTES),
    limits: fc.record({ stale_ms_max: limit, carry_after_ms: limit }),
    strategies: fc.array(strategy, { minLength: 1, maxLength: 5 }),
    seconds: fc.uniqueArray(fc.integer({ min: 0, max: 59_999 }), { minLength: 1, maxLength: 6 }),
  })
  .chain((given) =>
    fc.record({
      minute_ms: fc.constant(given.minute_ms),
      limits: fc.constant(given.limits),
      strategies: fc.constant(given.strategies),
      seconds: fc.constant(given.seconds.toSorted((a, b) => a - b)),
      quotes: fc.array(
        fc.record({
          instrument: fc.oneof(
            { weight: 4, arbitrary: fc.integer({ min: 0, max: 2 }) },
            fc.integer({ min: 0, max: INSTRUMENTS.length - 1 }),
          ),
          at_ms: fc.oneof(
            fc.integer({ min: given.minute_ms - 130_000, max: given.minute_ms + 60_000 }),
            fc.integer({ min: given.minute_ms - 5 * 86_400_000, max: given.minute_ms }),
            fc.constantFrom(atText("03:45:00"), atText("03:44:59"), atText("03:30:00")),
          ),
          price_units: fc.oneof(
            { weight: 9, arbitrary: fc.integer({ min: 1, max: 300_000_000 }) },
            fc.integer({ min: 1, max: 5_000_000_000_000_000 }),
          ),
        }),
        { minLength: 3, maxLength: 40, size: "max" },
      ),
    }),
  );

test("every Mark and every candle is what the sentences say, on random books and quotes", () => {
  let marked = 0;
  fc.assert(
    fc.property(situation, ({ minute_ms, limits, strategies, seconds, quotes }) => {
      const given = strategies.map((one, place) => ({ ...one, strategy_id: place + 1 }));
      const sorted = quotes.toSorted((a, b) => a.at_ms - b.at_ms);
      const samples = seconds.map((offset) => minute_ms + offset);
      const expected = expectedMarks(given, sorted, { minute_ms, limits, samples });
      const actual = sampled(given, sorted, { minute_ms, limits, samples });
      expect(actual.m2m).toEqual(expected.map((marks) => marks.map((mark) => mark?.m2m_units ?? null)));
      expect(rowsOf(actual.candles)).toEqual(expectedCandles(given, expected, minute_ms));
      marked += expected.flat().filter((mark) => mark !== null).length;
    }),
    { numRuns: 3000 },
  );
  expect(marked).toBeGreaterThan(3000); // a property that never marks says nothing
});

interface GivenStrategy {
  readonly strategy_id: number;
  readonly legs: readonly { readonly instrument: number; readonly direction: "BUY" | "SELL"; readonly quantity: number }[];
  readonly realized_pnl_units: number;
  readonly closed?: { readonly at_ms: number; readonly exchange: string } | undefined;
}

interface When {
  readonly limits: Limits;
  readonly minute_ms: number;
  readonly samples: readonly number[];
}

interface PlainMark {
  readonly at_ms: number;
  readonly m2m_units: number;
  readonly stale_count: number;
  readonly oldest_age_ms: number;
}

// The engine's side.

function sampled(given: readonly GivenStrategy[], quotes: readonly GivenQuote[], { minute_ms, limits, samples }: When) {
  const book = testBook(given.map(testStrategy));
  const board = new QuoteBoard(book.instruments);
  const sampler = new Sampler({ calendar: builtinCalendar(), board, ...limits, source: "live" });
  const waiting = [...quotes];
  sampler.start(book, minute_ms);
  const m2m = samples.map((at_ms) => {
    while (waiting[0] && waiting[0].at_ms <= at_ms) {
      const quote = waiting.shift();
      const place = book.instruments.findIndex(({ instrument }) => instrument === INSTRUMENTS[quote?.instrument ?? -1]?.name);
      if (quote && place >= 0) board.accept(place, quote.price_units, quote.at_ms, at_ms, "test");
    }
    sampler.sample(at_ms);
    const marks = sampler.marks({ flat: true });
    return given.map(({ strategy_id }) => {
      const units = marks?.m2m_units[marks.strategy_id.indexOf(strategy_id)] ?? Number.NaN;
      return Number.isNaN(units) ? null : units;
    });
  });
  return { m2m, candles: sampler.finish({ with_marks: false }).candles };
}

/** Entered at a ten-thousandth of a rupee, so that the plain sum of testBook is exact. */
function testStrategy({ strategy_id, legs, realized_pnl_units, closed }: GivenStrategy): TestStrategy {
  return {
    strategy_id,
    realized_pnl_units,
    legs: legs.map(({ instrument, ...rest }) => {
      const { name, expiry } = instrumentAt(instrument);
      return { ...rest, instrument: name, expiry, entry_units: 1 };
    }),
    closed: closed && { at: new Date(closed.at_ms).toISOString(), exchange: closed.exchange },
  };
}

// The sentences.

function expectedMarks(
  given: readonly GivenStrategy[],
  quotes: readonly GivenQuote[],
  { minute_ms, limits, samples }: When,
): (PlainMark | null)[][] {
  return samples.map((t) => given.map((one) => plainMark(one, quotes, { minute_ms, limits, t })));
}

interface At {
  readonly minute_ms: number;
  readonly limits: Limits;
  readonly t: number;
}

function plainMark(one: GivenStrategy, quotes: readonly GivenQuote[], { minute_ms, limits, t }: At): PlainMark | null {
  const exchanges = one.legs.map(({ instrument }) => exchangeOf(instrument));
  if (one.legs.length === 0) {
    // "without an open leg there is none either, except until the session's end on a day that realized something"
    const { closed } = one;
    if (closed === undefined || !isOpen(closed.exchange, t)) return null;
    const is_today = new Date(closed.at_ms + 330 * 60_000).toISOString().startsWith(DAY);
    return is_today && closed.at_ms <= minute_ms ? { at_ms: t, m2m_units: 0, stale_count: 0, oldest_age_ms: 0 } : null;
  }
  // "A strategy with legs on two exchanges is marked while any of them is open, once each has opened that day"
  if (!exchanges.some((exchange) => isOpen(exchange, t)) || !exchanges.every((exchange) => hasOpened(exchange, t))) return null;
  const seen = one.legs.map(({ instrument }) => seenAt(instrument, quotes, { limits, t }));
  let m2m = new Decimal(0);
  let entry = new Decimal(0);
  for (const [place, { direction, quantity }] of one.legs.entries()) {
    const quote = seen[place];
    if (!quote) return null; // "Every open leg priced, or it is no Mark"
    const sign = direction === "SELL" ? 1 : -1;
    m2m = m2m.plus(new Decimal(quote.price_units).times(quantity).times(sign));
    entry = entry.plus(new Decimal(quantity).times(sign));
  }
  const unrealized = entry.minus(m2m);
  const pnl = unrealized.plus(one.realized_pnl_units);
  // "a Mark whose m2m, pnl or unrealized_pnl lies beyond MONEY_MAX is none"
  if ([m2m, unrealized, pnl].some((sum) => sum.abs().gt("5e15"))) return null;
  const ages = seen.map((quote) => (quote ? t - quote.at_ms : 0));
  const stale_count = seen.filter((quote) => quote && (quote.is_carried || t - quote.at_ms > limits.stale_ms_max)).length;
  return { at_ms: t, m2m_units: m2m.toNumber() + 0, stale_count, oldest_age_ms: Math.max(...ages) };
}

/**
 * "the last quote with session open ≤ at ≤ t (of equal times the later line); and, from open + carry_after_ms on, for an
 * instrument with none, its last quote before the open, counted stale"; "a leg past its expiry is never priced again"
 */
function seenAt(
  instrument: number,
  quotes: readonly GivenQuote[],
  { limits, t }: Omit<At, "minute_ms">,
): (GivenQuote & { is_carried: boolean }) | null {
  const { last_day } = instrumentAt(instrument);
  if (last_day !== null && DAY > last_day) return null;
  const open_ms = openOf(exchangeOf(instrument));
  const past = quotes.filter((quote) => quote.instrument === instrument && quote.at_ms <= t);
  const today = past.findLast((quote) => quote.at_ms >= open_ms);
  if (today) return { ...today, is_carried: false };
  const before = t >= open_ms + limits.carry_after_ms ? past.findLast((quote) => quote.at_ms < open_ms) : undefined;
  return before ? { ...before, is_carried: true } : null;
}

function instrumentAt(place: number): (typeof INSTRUMENTS)[number] {
  const found = INSTRUMENTS[place];
  if (!found) throw new Error(`no instrument ${place}`);
  return found;
}

const exchangeOf = (instrument: number): string => instrumentAt(instrument).name.split(":")[0] ?? "";
const openOf = (exchange: string): number => (HOURS[exchange] ? atText(`${HOURS[exchange].open}:00`) : Number.POSITIVE_INFINITY);
const hasOpened = (exchange: string, t: number): boolean => t >= openOf(exchange);
const isOpen = (exchange: string, t: number): boolean => {
  const hours = HOURS[exchange];
  return !!hours && t >= openOf(exchange) && t < atText(`${hours.close}:00`);
};

function expectedCandles(given: readonly GivenStrategy[], marks: readonly (readonly (PlainMark | null)[])[], minute_ms: number) {
  const candles = given.flatMap((one, place) => {
    const own = marks.flatMap((pass) => pass[place] ?? []);
    const [first] = own;
    const last = own.at(-1);
    if (!first || !last) return [];
    const values = own.map(({ m2m_units }) => m2m_units);
    const sign = ({ direction }: { direction: string }): number => (direction === "SELL" ? 1 : -1);
    return {
      strategy_id: one.strategy_id,
      minute_ms,
      open_units: first.m2m_units,
      high_units: Math.max(...values),
      low_units: Math.min(...values),
      close_units: last.m2m_units,
      entry_value_units: one.legs.reduce((sum, each) => sum + sign(each) * each.quantity, 0),
      realized_pnl_units: one.realized_pnl_units,
      instrument_count: one.legs.length,
      stale_count: Math.max(...own.map(({ stale_count }) => stale_count)),
      oldest_age_ms: Math.max(...own.map(({ oldest_age_ms }) => oldest_age_ms)),
      sampled: own.reduce((mask, { at_ms }) => mask | (1n << BigInt(Math.floor((at_ms - minute_ms) / 1000))), 0n),
      first_at_ms: first.at_ms,
      last_at_ms: last.at_ms,
      source: "live" as const,
    };
  });
  return rowsOf(batchOf(candles, "live"));
}

/** A batch as rows that a diff can show. */
function rowsOf({ length, source, ...columns }: CandleBatch): Record<string, unknown>[] {
  return Array.from({ length }, (_, place) => ({
    source,
    ...Object.fromEntries(Object.entries(columns).map(([name, values]) => [name, values[place]])),
  }));
}
