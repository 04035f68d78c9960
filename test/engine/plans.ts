import type { PlainQuote } from "./expected.ts";
import type { PlainStrategy } from "./expected-metrics.ts";
import type { PlainTrade } from "./ledger.ts";

/** Ways to hold and to leave, through one session, of instruments that a recording has. */

interface Plan {
  readonly quotes: ReadonlyMap<string, readonly PlainQuote[]>;
  /** Four of them, repeated where there are fewer. */
  readonly instruments: readonly string[];
  readonly lot: number;
  readonly open: string;
  readonly close: string;
}

/** The last price by then, else the first one there is. */
function priceAt({ quotes }: Pick<Plan, "quotes">, instrument: string, t: number): string {
  const own = quotes.get(instrument) ?? [];
  const price = (own.findLast(({ at }) => at <= t) ?? own[0])?.price;
  if (price === undefined) throw new Error(`no quote of ${instrument}`);
  return price.toFixed(4);
}

export function plansOf(plan: Plan): Record<string, PlainStrategy> {
  const { instruments, lot } = plan;
  const [a = "", b = a, c = a, d = b] = instruments;
  const [open, close] = [Date.parse(plan.open), Date.parse(plan.close)];
  const trade = (t: number, side: "BUY" | "SELL", quantity: number, instrument: string, more: Partial<PlainTrade> = {}): PlainTrade => ({
    at: t,
    side,
    quantity,
    instrument,
    price: priceAt(plan, instrument, t),
    ...more,
  });
  const before = open - 5 * 60_000;
  const at = (minute: number, second = 0): number => open + (minute * 60 + second) * 1000;
  const third = Math.floor(lot / 3) + 1;
  const fifo = { cost_method: "fifo" } as const;
  return {
    "closed in parts, by average": {
      capital: 250_000,
      margin: 310_000.5,
      trades: [
        trade(before, "SELL", 2 * lot, a),
        trade(before, "BUY", 2 * lot, b, { price: "101.0500" }),
        trade(at(60), "SELL", lot, a),
        trade(at(60, 30), "SELL", third, b),
        trade(at(90), "BUY", third, a),
        trade(at(200, 59), "SELL", 2 * lot - third, b),
        trade(at(300), "BUY", 3 * lot - third, a),
      ],
    },
    "closed in parts, first in first out": {
      capital: 99_999.99,
      trades: [
        trade(before, "BUY", lot, a),
        trade(at(60), "BUY", 2 * lot, a),
        trade(at(90, 30), "SELL", lot + third, a, fifo),
        trade(at(200), "SELL", third, a, fifo),
      ],
    },
    "through zero and back": {
      capital: 0,
      trades: [
        trade(before, "BUY", lot, c),
        trade(at(60), "SELL", 2 * lot, c),
        trade(at(90), "BUY", 3 * lot, c),
        trade(at(200, 1), "SELL", 3 * lot, c),
        trade(at(250), "BUY", lot, c),
        trade(at(300), "BUY", lot, c),
      ],
    },
    "a round trip inside one minute": {
      capital: null,
      trades: [trade(before, "SELL", lot, b), trade(at(60, 10), "BUY", lot, c), trade(at(60, 40), "SELL", lot, c)],
    },
    "flat, and entered again": {
      capital: 1,
      trades: [
        trade(before, "BUY", lot, d),
        trade(at(60, 1), "SELL", lot, d),
        trade(at(90), "SELL", lot, c),
        trade(at(200), "BUY", lot, c),
      ],
    },
    "flat in the last minute": {
      capital: 40_000,
      trades: [trade(before, "SELL", lot, a), trade(close - 30_000, "BUY", lot, a)],
    },
    "left in part in the last minute": {
      capital: 40_000,
      trades: [trade(before, "BUY", 2 * lot, d), trade(close - 30_000, "SELL", lot, d)],
    },
    default: {
      capital: 75_000,
      is_default: true,
      trades: [
        trade(before, "SELL", lot, a),
        trade(before, "BUY", lot, c),
        trade(at(60), "BUY", lot, a),
        trade(at(90), "SELL", lot, a),
        trade(at(250), "BUY", lot, a),
      ],
    },
  };
}
