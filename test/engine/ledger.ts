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
  /** Units that were entered and are there, the first ones first. */
  lots: { quantity: number; price: Decimal }[];
  /** Which stretch from flat to flat it belongs to. */
  readonly stretch: number;
}

const Exact = Decimal.clone({ precision: 60 });
const ZERO = new Decimal(0);

export const signOf = (direction: "BUY" | "SELL"): 1 | -1 => (direction === "SELL" ? 1 : -1);

/** The rounds that trades up to an instant, itself included, have begun. */
export function roundsAt(trades: readonly PlainTrade[], t: number): PlainRound[] {
  const rounds: PlainRound[] = [];
  let stretch = 0;
  for (const trade of trades.filter(({ at }) => at <= t)) {
    const price = new Decimal(trade.price);
    let left = trade.quantity;
    const other = rounds.find(
      ({ instrument, direction, to }) => to === null && instrument === trade.instrument && direction !== trade.side,
    );
    if (other !== undefined) {
      const part = Math.min(left, other.quantity);
      leave(other, { part, price, at: trade.at, method: trade.cost_method });
      left -= part;
      if (rounds.every(({ to }) => to !== null)) stretch += 1;
    }
    if (left === 0) continue;
    const same = rounds.find(({ instrument, to }) => to === null && instrument === trade.instrument);
    const lot = { quantity: left, price };
    const cost = price.times(left);
    if (same === undefined)
      rounds.push({
        instrument: trade.instrument,
        direction: trade.side,
        from: trade.at,
        to: null,
        quantity: left,
        cost,
        realized: ZERO,
        method: null,
        lots: [lot],
        stretch,
      });
    else {
      same.quantity += left;
      same.cost = same.cost.plus(cost);
      same.lots.push(lot);
    }
  }
  return rounds;
}

function leave(
  round: PlainRound,
  { part, price, at, method }: { part: number; price: Decimal; at: number; method: "average" | "fifo" | undefined },
): void {
  round.method ??= method ?? "average";
  const first = takeFirst(round, part);
  const share = new Exact(round.cost).times(part).div(round.quantity).toDecimalPlaces(4, Decimal.ROUND_HALF_EVEN);
  const cost = part === round.quantity ? round.cost : round.method === "fifo" ? first : new Decimal(share);
  round.realized = round.realized.plus(cost.minus(price.times(part)).times(signOf(round.direction)));
  round.cost = round.cost.minus(cost);
  round.quantity -= part;
  if (round.quantity === 0) round.to = at;
}

/** Takes the units that were entered first from the lots; what they cost. */
function takeFirst(round: PlainRound, part: number): Decimal {
  let cost = ZERO;
  for (let left = part; left > 0;) {
    const [lot] = round.lots;
    if (lot === undefined) throw new Error(`${round.instrument} has fewer than ${part} units`);
    const taken = Math.min(left, lot.quantity);
    cost = cost.plus(lot.price.times(taken));
    left -= taken;
    lot.quantity -= taken;
    if (lot.quantity === 0) round.lots.shift();
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
