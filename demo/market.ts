import { builtinCalendar, parseUnits, sessionOn, type RecordedQuote, type Session } from "@stratctl/sdk/internal";
import { blackValue } from "./black.ts";
import { indexPath, type IndexPath } from "./index-path.ts";
import { along, type Knots } from "./knots.ts";
import { randomStream } from "./random.ts";

/**
 * A made-up session of NIFTY, its future and its weekly options: nobody traded at these prices. An index path told from a
 * seed, options priced from it by Black's formula with a smile, and trades at uneven times on the exchange's grid.
 */
export interface MadeUpMarket {
  /** To be shown wherever its prices are. */
  readonly label: string;
  readonly day: string;
  readonly open_ms: number;
  readonly close_ms: number;
  /** Kite form, the index first. */
  readonly instruments: readonly string[];
  /** `NFO:NIFTY2572424800CE`, of a strike that is listed. */
  readonly option: (strike: number, type: "CE" | "PE") => string;
  readonly strikes: readonly number[];
  /** What an instrument is worth at an instant, in rupees and off the grid; trades happen round it. */
  readonly worth: (instrument: string, at_ms: number) => number;
  /** Trades in order of time; of one instrument within a millisecond, in the order that they happened. */
  readonly trades: () => Generator<RecordedQuote>;
}

export interface MarketOptions {
  readonly seed: number;
  /** The exchange's day, one with a session. */
  readonly day: string;
  /** Of the weekly options, and of the month's future. */
  readonly expiry: string;
  readonly future_expiry: string;
  readonly previous_close: number;
}

/** The session that the demo shows: NIFTY options six days before their expiry. Long past, so that it can be replayed whole. */
export const DEMO_DAY: MarketOptions = {
  seed: 1,
  day: "2025-07-18",
  expiry: "2025-07-24",
  future_expiry: "2025-07-31",
  previous_close: 24_786.35,
};

const STRIKE_STEP = 100;
const STRIKES_EACH_SIDE = 6;
/** A year's interest, from which the future's and the options' forward follow. */
const RATE = 0.065;
const YEAR_MS = 365 * 86_400_000;
/** The exchange's grid: five paise. */
const TICK_UNITS = parseUnits("0.05") ?? NaN;

/** Trades against the day's average, by share of the session. */
const ACTIVITY: Knots = [
  [0, 2.6],
  [0.05, 1.5],
  [0.2, 0.9],
  [0.35, 0.55],
  [0.55, 0.5],
  [0.65, 0.9],
  [0.85, 1.1],
  [0.97, 1.8],
  [1, 2],
];

/** Something that trades. */
interface Listed {
  readonly instrument: string;
  readonly session: Session;
  /** Rupees. */
  readonly worth: (at_ms: number) => number;
  /** Trades a second in an average minute. */
  readonly rate: (at_ms: number) => number;
  /** Half of the distance between what buyers and sellers offer, as a share of the price. */
  readonly half_spread: number;
}

export function madeUpMarket(options: MarketOptions): MadeUpMarket {
  const index = sessionAt("NSE", options.day);
  const derivatives = sessionAt("NFO", options.day);
  const path = indexPath({ ...options, ...derivatives });
  const at_the_money = Math.round(path.levelAt(derivatives.open_ms) / STRIKE_STEP) * STRIKE_STEP;
  const strikes = Array.from({ length: 2 * STRIKES_EACH_SIDE + 1 }, (_, place) => at_the_money + (place - STRIKES_EACH_SIDE) * STRIKE_STEP);
  const option = (strike: number, type: "CE" | "PE"): string => `NFO:NIFTY${weekOf(options.expiry)}${strike}${type}`;
  const listed: readonly Listed[] = [
    { instrument: "NSE:NIFTY 50", session: index, worth: path.levelAt, rate: () => 0.8, half_spread: 0 },
    futureOf(options, derivatives, path),
    ...strikes.flatMap((strike) =>
      (["CE", "PE"] as const).map((type) => optionOf({ instrument: option(strike, type), strike, type }, options, derivatives, path)),
    ),
  ];
  const byName = new Map(listed.map((one) => [one.instrument, one]));
  return {
    label: `made-up prices (seed ${options.seed}): nobody traded at them`,
    day: options.day,
    open_ms: derivatives.open_ms,
    close_ms: derivatives.close_ms,
    instruments: listed.map(({ instrument }) => instrument),
    strikes,
    option,
    worth: (instrument, at_ms) => byName.get(instrument)?.worth(at_ms) ?? NaN,
    trades: () => trades(options.seed, listed, derivatives),
  };
}

function sessionAt(exchange: string, day: string): Session {
  const session = sessionOn(builtinCalendar(), exchange, day);
  if (session === null) throw new Error(`${exchange} has no session on ${day}`);
  return session;
}

function futureOf({ future_expiry }: MarketOptions, session: Session, path: IndexPath): Listed {
  const close_ms = sessionAt("NFO", future_expiry).close_ms;
  return {
    instrument: `NFO:NIFTY${future_expiry.slice(2, 4)}${monthName(future_expiry)}FUT`,
    session,
    worth: (at_ms) => path.levelAt(at_ms) * Math.exp((RATE * (close_ms - at_ms)) / YEAR_MS),
    rate: () => 0.6,
    half_spread: 0.00002,
  };
}

/** Busiest at the money; what lies in the money trades less than its twin out of it. */
function optionOf(
  { instrument, strike, type }: { instrument: string; strike: number; type: "CE" | "PE" },
  { expiry }: MarketOptions,
  session: Session,
  path: IndexPath,
): Listed {
  const close_ms = sessionAt("NFO", expiry).close_ms;
  const worth = (at_ms: number): number => {
    const years = (close_ms - at_ms) / YEAR_MS;
    const forward = path.levelAt(at_ms) * Math.exp(RATE * years);
    const volatility = smile(path.volatilityAt(at_ms), Math.log(strike / forward) / Math.sqrt(years));
    const { call, put } = blackValue({ forward, strike, years, volatility, rate: RATE });
    return type === "CE" ? call : put;
  };
  const rate = (at_ms: number): number => {
    const away = (strike - path.levelAt(at_ms)) * (type === "CE" ? 1 : -1);
    return 0.6 * Math.exp(-Math.abs(away) / 350) * (away < 0 ? 0.6 : 1);
  };
  return { instrument, session, worth, rate, half_spread: 0.001 };
}

/** Puts below the money are dearer than calls above it, and both dearer than the middle. */
function smile(middle: number, distance: number): number {
  const deviations = Math.max(-4, Math.min(4, distance / middle));
  return middle * (1 - 0.07 * deviations + 0.03 * deviations ** 2);
}

function* trades(seed: number, listed: readonly Listed[], { open_ms, close_ms }: Session): Generator<RecordedQuote> {
  const streams = listed.map((one) => ({ one, random: randomStream(seed, one.instrument) }));
  // The last sample of a session is at the start of its last second: without trades after it, all views end on one price.
  for (let second_ms = open_ms; second_ms < close_ms - 1000; second_ms += 1000) {
    const activity = along(ACTIVITY, (second_ms - open_ms) / (close_ms - open_ms));
    const within: RecordedQuote[] = [];
    for (const { one, random } of streams) {
      if (second_ms >= one.session.close_ms) continue;
      for (let left = random.poisson(one.rate(second_ms) * activity); left > 0; left -= 1) {
        const at_ms = second_ms + Math.floor(1000 * random.uniform());
        const side = random.uniform() < 0.5 ? -1 : 1; // who was in a hurry: seller or buyer
        const price_units = onGrid(one.worth(at_ms) * (1 + side * one.half_spread));
        within.push({ at_ms, instrument: one.instrument, price_units });
      }
    }
    yield* within.toSorted((a, b) => a.at_ms - b.at_ms);
  }
}

/** The nearest price of the grid; the least is one tick. */
function onGrid(price: number): number {
  return Math.max(1, Math.round(price * (10_000 / TICK_UNITS))) * TICK_UNITS;
}

const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];

function monthName(day: string): string {
  return MONTHS[Number(day.slice(5, 7)) - 1] ?? "";
}

/** `26O13`: two digits of the year, the month as 1–9, O, N or D, the day. */
function weekOf(day: string): string {
  const month = Number(day.slice(5, 7));
  return `${day.slice(2, 4)}${month < 10 ? month : (monthName(day)[0] ?? "")}${day.slice(8, 10)}`;
}
