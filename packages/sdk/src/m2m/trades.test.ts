import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { roundsOf, tallyOf, tradesOf, type LegPart } from "./trades.ts";

const units = (rupees: number): bigint => BigInt(Math.round(rupees * 10_000));
const part = (leg_id: number, added_at_ms: number, closed_at_ms: number | null, pnl = 0, more: Partial<LegPart> = {}): LegPart => ({
  leg_id,
  added_at_ms,
  closed_at_ms,
  closed_by: closed_at_ms === null ? null : "fill",
  realized_units: units(pnl),
  ...more,
});
const trades = (parts: readonly LegPart[], each = false): unknown[] =>
  tradesOf(roundsOf(parts), { each }).map(({ from_ms, to_ms, realized_units }) => [from_ms, to_ms, Number(realized_units) / 10_000]);
const tally = (...pnl: number[]) => tallyOf(pnl.map((rupees) => ({ realized_units: units(rupees) })));

describe("trades", () => {
  test("a-spread-is-one-trade", () => {
    const spread = [part(1, 0, 10, (110 - 101) * 75), part(2, 0, 10, (40.2 - 45) * 75)];
    expect(trades(spread)).toEqual([[0, 10, 315]]);
    expect(tallyOf(tradesOf(roundsOf(spread), { each: false }))).toMatchObject({
      total_trades: 1,
      winning_trades: 1,
      losing_trades: 0,
      win_rate: 100,
    });
  });

  test("in a default strategy each round is one", () => {
    expect(trades([part(1, 0, 10, 675), part(2, 0, 9, -360)], true)).toEqual([
      [0, 9, -360],
      [0, 10, 675],
    ]);
  });

  test("a leg that is left in parts is one round, over when the last part is", () => {
    expect(trades([part(1, 0, 4, 10), part(1, 0, 7, 5), part(1, 0, 9, -1)], true)).toEqual([[0, 9, 14]]);
    expect(trades([part(1, 0, 4, 10), part(1, 0, null)])).toEqual([]);
  });

  test("an adjustment belongs to the trade that it was made in, a flip begins another", () => {
    expect(trades([part(1, 0, 5, 10), part(2, 4, 8, -3), part(3, 8, 9, 2), part(4, 20, null)])).toEqual([
      [0, 8, 7],
      [8, 9, 2],
    ]);
  });

  test("legs that came and went at one instant are one", () => {
    expect(trades([part(1, 3, 3, 10), part(2, 3, 3, -4)])).toEqual([[3, 3, 6]]);
  });

  test("what was moved is no trade, and keeps the strategy from being flat", () => {
    const moved = part(2, 2, 8, 0, { closed_by: "move" });
    expect(trades([moved])).toEqual([]);
    expect(trades([part(1, 0, 5, 1), moved, part(3, 7, 9, 2)])).toEqual([[0, 9, 3]]);
    expect(trades([part(1, 0, 5, 1), part(1, 0, 6, 99, { closed_by: "move" })])).toEqual([[0, 6, 1]]);
  });

  test("at random: as a strategy's open legs counted instant by instant tell", () => {
    const legs = fc.array(fc.record({ from: fc.nat(20), held: fc.integer({ min: 1, max: 6 }), pnl: fc.integer({ min: -9, max: 9 }) }), {
      maxLength: 12,
    });
    fc.assert(
      fc.property(legs, (all) => {
        const flat: [number, number, number][] = [];
        for (let at = 0, from: number | null = null; at <= 27; at += 1) {
          const is_held = all.some((leg) => leg.from <= at && at < leg.from + leg.held);
          const was_held_on = all.some((leg) => leg.from < at && at < leg.from + leg.held);
          if (from !== null && !was_held_on) {
            const begun = from;
            const within = all.filter((leg) => leg.from >= begun && leg.from < at);
            flat.push([begun, at, within.reduce((sum, leg) => sum + leg.pnl, 0)]);
            from = null;
          }
          if (is_held) from ??= at;
        }
        expect(trades(all.map(({ from, held, pnl }, leg) => part(leg, from, from + held, pnl)))).toEqual(flat);
      }),
    );
  });
});

describe("what trades came to", () => {
  test("a-draw-is-neither", () => {
    expect(tally(100, 0, -50, 20)).toEqual({
      total_trades: 4,
      winning_trades: 2,
      losing_trades: 1,
      win_rate: 50,
      profit_factor: 2.4,
      max_consecutive_losses: 1,
    });
  });

  test("no-loss-yet-is-not-infinite", () => {
    expect(tally(300, 150)).toMatchObject({ profit_factor: null, win_rate: 100 });
    expect(tally()).toMatchObject({ total_trades: 0, win_rate: null, profit_factor: null, max_consecutive_losses: 0 });
  });

  test("a run of losses ends with a win or a draw", () => {
    expect(tally(-1, -1, 0, -1, -1, -1, 5, -1).max_consecutive_losses).toBe(3);
    expect(tally(-1, -1, 0, -1).max_consecutive_losses).toBe(2);
  });
});
