import { Decimal } from "decimal.js";

/**
 * What a strategy holds and has realized after its trades, by the sentences of the design and nothing of the SDK: plain lists and
 * decimals, all of it anew for each instant that is asked for.
 *
 * "A part that is closed takes its share of the cost, rounded half even to 0.0001, and leaves the rest, or what was entered first
 * (`fifo`), fixed by the first part; the last part takes what is left." "realized is (cost − exit_value) × direction." "A round is
 * one leg from zero to zero; a trade is the rounds of a strategy from flat to flat; in a default strategy each round is a trade."
 */

export interface PlainTrade {
  readonly at: number;
  readonly instrument: string;
  readonly side: "BUY" | "SELL";
  readonly quantity: number;
  readonly price: string;
  readonly cost_method?: "average" | "fifo";
  /** Closed by its exchange: the underlying, and the figure that the price follows from. */
  readonly settles?: { readonly underlying: string; readonly figure: number };
}

/** A holding, or a part of it, that goes to another strategy at its cost. */
export interface PlainMove {
  readonly at: number;
  readonly instrument: string;
  readonly quantity: number;
  readonly from: string;
  readonly to: string;
}

/** A leg from zero to zero. */
export interface PlainRound {
  readonly instrument: string;
  readonly direction: "BUY" | "SELL";
  readonly from: number;
  to: number | null;
  quantity: number;
  cost: Decimal;
  realized: Decimal;
  method: "average" | "fifo" | null;
  /** Entries of which units are there, the first one first: what all of it cost, and how many have left. */
  lots: { readonly quantity: number; readonly value: Decimal; left: number }[];
  /** Which stretch from flat to flat it belongs to. */
  readonly stretch: number;
}

const Exact = Decimal.clone({ precision: 60 });
const ZERO = new Decimal(0);

export const signOf = (direction: "BUY" | "SELL"): 1 | -1 => (direction === "SELL" ? 1 : -1);

/** The rounds that trades up to an instant, itself included, have begun. */
export function roundsAt(trades: readonly PlainTrade[], t: number): PlainRound[] {
  const rounds: PlainRound[] = [];
  for (const trade of trades) if (trade.at <= t) take(rounds, trade);
  return rounds;
}

/** The same of several strategies, each trade with its strategy's name, between which holdings move: the oldest round of an instrument. */
export function roundsOfAll(
  events: readonly ((PlainTrade & { readonly strategy: string }) | PlainMove)[],
  t: number,
): Map<string, PlainRound[]> {
  const all = new Map<string, PlainRound[]>();
  const of = (name: string): PlainRound[] => {
    const rounds = all.get(name) ?? [];
    all.set(name, rounds);
    return rounds;
  };
  for (const event of events.filter(({ at }) => at <= t)) {
    if ("strategy" in event) {
      take(of(event.strategy), event);
      continue;
    }
    const { at, instrument, quantity } = event;
    const round = of(event.from).find((one) => one.to === null && one.instrument === instrument);
    if (round === undefined) throw new Error(`${event.from} has no ${instrument}`);
    const cost = leave(round, { part: quantity, price: null, at, method: undefined });
    of(event.to).push(begun({ at, instrument, side: round.direction }, { quantity, value: cost }, stretchOf(of(event.to))));
  }
  return all;
}

/** The oldest rounds of the other side are left first. */
function take(rounds: PlainRound[], trade: PlainTrade): void {
  const { at, instrument, side } = trade;
  const price = new Decimal(trade.price);
  let left = trade.quantity;
  const open = rounds.filter((round) => round.to === null && round.instrument === instrument);
  for (const other of open.filter(({ direction }) => direction !== side)) {
    const part = Math.min(left, other.quantity);
    if (part > 0) leave(other, { part, price, at, method: trade.cost_method });
    left -= part;
  }
  if (left === 0) return;
  const lot = { quantity: left, value: price.times(left) };
  const same = open.find(({ direction }) => direction === side);
  if (same === undefined) rounds.push(begun(trade, lot, stretchOf(rounds)));
  else {
    same.quantity += left;
    same.cost = same.cost.plus(lot.value);
    same.lots.push({ ...lot, left: 0 });
  }
}

/** A new stretch begins where all is over. */
function stretchOf(rounds: readonly PlainRound[]): number {
  const last = Math.max(-1, ...rounds.map(({ stretch }) => stretch));
  return rounds.every(({ to }) => to !== null) ? last + 1 : last;
}

function begun(
  { at, instrument, side }: Pick<PlainTrade, "at" | "instrument" | "side">,
  lot: { quantity: number; value: Decimal },
  stretch: number,
): PlainRound {
  return {
    instrument,
    direction: side,
    from: at,
    to: null,
    quantity: lot.quantity,
    cost: lot.value,
    realized: ZERO,
    method: null,
    lots: [{ ...lot, left: 0 }],
    stretch,
  };
}

/** Leaves a part at a price, or at its cost; that cost. */
function leave(
  round: PlainRound,
  { part, price, at, method }: { part: number; price: Decimal | null; at: number; method: "average" | "fifo" | undefined },
): Decimal {
  round.method ??= method ?? "average";
  const first = takeFirst(round, part);
  const share = shareOf(round.cost, part, round.quantity);
  const cost = part === round.quantity ? round.cost : round.method === "fifo" ? first : share;
  round.realized = round.realized.plus(cost.minus(price === null ? cost : price.times(part)).times(signOf(round.direction)));
  round.cost = round.cost.minus(cost);
  round.quantity -= part;
  if (round.quantity === 0) round.to = at;
  return cost;
}

function shareOf(value: Decimal, part: number, quantity: number): Decimal {
  return new Decimal(new Exact(value).times(part).div(quantity).toDecimalPlaces(4, Decimal.ROUND_HALF_EVEN));
}

/** Takes the units that were entered first from the lots; what they cost: parts of one entry add up to what it cost. */
function takeFirst(round: PlainRound, part: number): Decimal {
  let cost = ZERO;
  for (let due = part; due > 0;) {
    const [lot] = round.lots;
    if (lot === undefined) throw new Error(`${round.instrument} has fewer than ${part} units`);
    const taken = Math.min(due, lot.quantity - lot.left);
    cost = cost.plus(shareOf(lot.value, lot.left + taken, lot.quantity)).minus(shareOf(lot.value, lot.left, lot.quantity));
    due -= taken;
    lot.left += taken;
    if (lot.left === lot.quantity) round.lots.shift();
  }
  return cost;
}

export function realizedOf(rounds: readonly PlainRound[]): Decimal {
  return rounds.reduce((sum, { realized }) => sum.plus(realized), ZERO);
}

/** What each trade that is over came to, in the order of their ends. */
export function tradesOver(rounds: readonly PlainRound[], { each }: { each: boolean }): Decimal[] {
  const groups = each ? rounds.map((round) => [round]) : [...Map.groupBy(rounds, ({ stretch }) => stretch).values()];
  const over = groups.filter((group) => group.every(({ to }) => to !== null));
  const end = (group: readonly PlainRound[]): number => Math.max(...group.map(({ to }) => to ?? Number.NaN));
  return over.toSorted((a, b) => end(a) - end(b)).map(realizedOf);
}
