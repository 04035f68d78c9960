import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { Decimal } from "decimal.js";

/**
 * Candles straight from a recording, by the sentences of the design and nothing of the engine: plain lists, decimals, every
 * sample on its own.
 *
 * "A sample at instant t sees, for each instrument, the last quote of the recording with session open ≤ at ≤ t (of equal times
 * the later line); and, from open + carry_after_ms on, for an instrument with none, its last quote before the open, counted
 * stale." "Samples are taken at open ≤ t < close." "A bar is two quotes: its open at its start, its close at the last sampling
 * boundary inside it." "Every open leg priced, or it is no Mark." "Prices of a feed are rounded half even."
 */

export interface PlainLeg {
  readonly instrument: string;
  readonly direction: "BUY" | "SELL";
  readonly quantity: number;
  readonly entry_price: number;
  /** "A leg past its expiry is never priced again": the last day on which it is, where it has one. */
  readonly expiry?: string;
}

export interface PlainSession {
  readonly open: string;
  readonly close: string;
}

export interface Situation {
  readonly path: string;
  readonly every_s: number;
  /** The hours of each exchange on the recording's day, as instants. */
  readonly hours: Readonly<Record<string, PlainSession>>;
  /** Left out: every boundary of the interval is sampled. */
  readonly isSampled?: (t: number) => boolean;
}

/** A row of strategy_m2m_candles, money as text. */
export interface PlainCandle {
  readonly minute: string;
  readonly open: string;
  readonly high: string;
  readonly low: string;
  readonly close: string;
  readonly instrument_count: number;
  readonly entry_value: string;
  readonly realized_pnl: string;
  readonly sample_count: number;
  readonly stale_count: number;
  readonly oldest_age_ms: number;
  readonly sampled: string;
  readonly first_at: string;
  readonly last_at: string;
  readonly source: string;
}

export interface PlainQuote {
  readonly at: number;
  readonly price: Decimal;
}

const STALE_MS_MAX = 60_000;
const CARRY_AFTER_MS = 60_000;

/** The quotes of each instrument, in the order of time and of lines. */
export function quotesOf({ path, every_s }: Pick<Situation, "path" | "every_s">): Map<string, PlainQuote[]> {
  const bytes = readFileSync(path);
  const text = (path.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString("utf8");
  const [header = "", ...lines] = text.trim().split("\n");
  const columns = header.split(",");
  const quotes = new Map<string, PlainQuote[]>();
  const add = (instrument: string, at: number, price: string): void => {
    const own = quotes.get(instrument) ?? [];
    quotes.set(instrument, own);
    own.push({ at, price: new Decimal(price).toDecimalPlaces(4, Decimal.ROUND_HALF_EVEN) });
  };
  for (const line of lines) {
    const row = Object.fromEntries(line.split(",").map((value, place) => [columns[place], value]));
    const { instrument = "" } = row;
    if (row["at_utc"] !== undefined) add(instrument, Date.parse(row["at_utc"]), row["price"] ?? "");
    const minute = row["minute_utc"] ?? row["timestamp"];
    const length_s = minute === undefined ? 5 : 60;
    const start = minute ?? row["start_utc"];
    if (start === undefined) continue;
    const boundaries = Array.from({ length: length_s }, (_, s) => Date.parse(start) + s * 1000).filter((t) => t % (every_s * 1000) === 0);
    add(instrument, Date.parse(start), row["open"] ?? "");
    add(instrument, boundaries.at(-1) ?? Number.NaN, row["close"] ?? "");
  }
  return quotes;
}

interface Seen {
  readonly price: Decimal;
  readonly age: number;
  readonly stale: boolean;
}

/** Walks through the quotes of one instrument: asked for ascending instants. */
function walker(quotes: readonly PlainQuote[], session: PlainSession): (t: number) => Seen | null {
  const open = Date.parse(session.open);
  let next = 0;
  let last: PlainQuote | undefined;
  return (t) => {
    for (; quotes[next] !== undefined && quotes[next]!.at <= t; next++) last = quotes[next];
    if (last === undefined || t < open) return null;
    const age = t - last.at;
    if (last.at >= open) return { price: last.price, age, stale: age > STALE_MS_MAX };
    return t >= open + CARRY_AFTER_MS ? { price: last.price, age, stale: true } : null;
  };
}

interface PlainMark {
  readonly t: number;
  readonly m2m: Decimal;
  readonly stale: number;
  readonly oldest: number;
}

export interface Expected {
  readonly candles: PlainCandle[];
  /** Minutes of the session without a candle, and the instruments that had no price at their last sample. */
  readonly gaps: { minute: string; unpriced: string[] }[];
}

/** The candles of one strategy through its session; `realized_pnl` is that of its closed legs. */
export function expectedCandles(
  situation: Situation,
  quotes: ReadonlyMap<string, PlainQuote[]>,
  legs: readonly PlainLeg[],
  realized_pnl = 0,
): Expected {
  const sessions = legs.map(({ instrument }) => sessionOf(situation, instrument));
  const walkers = legs.map(({ instrument, expiry = "9999-12-31" }, place) =>
    sessions[place]!.open.slice(0, 10) > expiry ? () => null : walker(quotes.get(instrument) ?? [], sessions[place]!),
  );
  const from = Math.min(...sessions.map(({ open }) => Date.parse(open)));
  const isSampled = situation.isSampled ?? (() => true);
  const to = Math.max(...sessions.map(({ close }) => Date.parse(close)));
  const candles: PlainCandle[] = [];
  const gaps: Expected["gaps"] = [];
  for (let minute = from; minute < to; minute += 60_000) {
    const marks: PlainMark[] = [];
    let unpriced: string[] = [];
    for (let t = minute; t < minute + 60_000; t += situation.every_s * 1000) {
      if (!isSampled(t)) continue;
      if (!sessions.some(({ open, close }) => Date.parse(open) <= t && t < Date.parse(close))) continue;
      const seen = walkers.map((at) => at(t));
      unpriced = legs.filter((_, place) => seen[place] === null).map(({ instrument }) => instrument);
      const mark = markOf(legs, seen, t);
      if (mark !== null) marks.push(mark);
    }
    if (marks.length > 0) candles.push({ ...candleOf(legs, minute, marks), realized_pnl: new Decimal(realized_pnl).toFixed(4) });
    else gaps.push({ minute: instantText(minute), unpriced: [...new Set(unpriced)] });
  }
  return { candles, gaps };
}

function sessionOf({ hours }: Situation, instrument: string): PlainSession {
  const session = hours[instrument.split(":")[0] ?? ""];
  if (session === undefined) throw new Error(`no hours for ${instrument}`);
  return session;
}

function markOf(legs: readonly PlainLeg[], seen: readonly (Seen | null)[], t: number): PlainMark | null {
  let m2m = new Decimal(0);
  let stale = 0;
  let oldest = 0;
  for (const [place, { direction, quantity }] of legs.entries()) {
    const quote = seen[place];
    if (!quote) return null;
    m2m = m2m.plus(quote.price.times(quantity).times(direction === "SELL" ? 1 : -1));
    stale += quote.stale ? 1 : 0;
    oldest = Math.max(oldest, quote.age);
  }
  return { t, m2m, stale, oldest };
}

function candleOf(legs: readonly PlainLeg[], minute: number, marks: readonly PlainMark[]): Omit<PlainCandle, "realized_pnl"> {
  const values = marks.map(({ m2m }) => m2m);
  const first = marks[0]!;
  const last = marks.at(-1)!;
  const entry = legs.reduce(
    (sum, { direction, quantity, entry_price }) => sum.plus(new Decimal(entry_price).times(quantity).times(direction === "SELL" ? 1 : -1)),
    new Decimal(0),
  );
  return {
    minute: instantText(minute),
    open: first.m2m.toFixed(4),
    high: Decimal.max(...values).toFixed(4),
    low: Decimal.min(...values).toFixed(4),
    close: last.m2m.toFixed(4),
    instrument_count: legs.length,
    entry_value: entry.toFixed(4),
    sample_count: marks.length,
    stale_count: Math.max(...marks.map(({ stale }) => stale)),
    oldest_age_ms: Math.min(Math.max(...marks.map(({ oldest }) => oldest)), 2 ** 31 - 1),
    sampled: marks.reduce((mask, { t }) => mask | (1n << BigInt((t - minute) / 1000)), 0n).toString(),
    first_at: instantText(first.t),
    last_at: instantText(last.t),
    source: "replay",
  };
}

function instantText(t: number): string {
  return new Date(t).toISOString();
}
