import { builtinCalendar, type BookLegs } from "@stratctl/sdk/internal";
import { bookOf, type Book } from "../../packages/engine/src/book.ts";

/** An open leg; the price in units (1 = 0.0001 rupee). */
export interface TestLeg {
  readonly instrument: string;
  readonly direction: "BUY" | "SELL";
  readonly quantity: number;
  readonly entry_units: number;
  readonly expiry?: string | null;
}

export interface TestStrategy {
  readonly strategy_id: number;
  readonly legs: readonly TestLeg[];
  readonly realized_pnl_units?: number;
  /** Of its last closed leg: ISO 8601, and the exchange. */
  readonly closed?: { readonly at: string; readonly exchange: string } | undefined;
}

/** A book without a database. Sums are plain: what is not a safe integer does not belong here. */
export function testBook(strategies: readonly TestStrategy[], calendar = builtinCalendar()): Book {
  return bookOf(testLegs(strategies), calendar);
}

export function testLegs(strategies: readonly TestStrategy[]): BookLegs {
  const legs = strategies.flatMap((strategy) => strategy.legs);
  const expiries = new Map(legs.map(({ instrument, expiry }) => [instrument, expiry ?? null]));
  const names = [...expiries.keys()];
  const sign = ({ direction }: TestLeg): number => (direction === "SELL" ? 1 : -1);
  const leg_from = new Int32Array(strategies.length + 1);
  for (const [place, strategy] of strategies.entries()) leg_from[place + 1] = (leg_from[place] ?? 0) + strategy.legs.length;
  return {
    instruments: names.map((instrument) => {
      const [exchange = "", tradingsymbol = ""] = instrument.split(":");
      return { instrument, exchange, tradingsymbol, instrument_token: null, expiry: expiries.get(instrument) ?? null };
    }),
    strategy_id: Int32Array.from(strategies, ({ strategy_id }) => strategy_id),
    leg_from,
    entry_value_units: Float64Array.from(strategies, (strategy) =>
      strategy.legs.reduce((sum, leg) => sum + sign(leg) * leg.entry_units * leg.quantity, 0),
    ),
    realized_pnl_units: Float64Array.from(strategies, ({ realized_pnl_units = 0 }) => realized_pnl_units),
    closed_at_ms: Float64Array.from(strategies, ({ closed }) => (closed === undefined ? Number.NaN : Date.parse(closed.at))),
    closed_exchange: strategies.map(({ closed }) => closed?.exchange ?? null),
    leg_instrument: Int32Array.from(legs, ({ instrument }) => names.indexOf(instrument)),
    leg_quantity: Int32Array.from(legs, (leg) => sign(leg) * leg.quantity),
    due_strategy_ids: new Int32Array(0),
  };
}
