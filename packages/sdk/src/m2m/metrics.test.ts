import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  afterSession,
  AT_START,
  NO_RETURNS,
  roiPercent,
  sharpeRatio,
  sortinoRatio,
  withDay,
  type PnlRange,
  type Standing,
} from "./metrics.ts";

const units = (rupees: number): bigint => BigInt(Math.round(rupees * 10_000));
const rupees = (amount: bigint | null): number | null => (amount === null ? null : Number(amount) / 10_000);
const returnsOf = (days: readonly number[]) => days.reduce((sums, day) => withDay(sums, units(day)), NO_RETURNS);

/** Sessions whose P&L is seen at their ends only. */
function through(cumulative: readonly (number | null)[], start: Standing = AT_START) {
  let standing = start;
  const days = cumulative.map((pnl) => {
    const close = { realized: 0n, unrealized: pnl === null ? null : units(pnl) };
    const at = units(pnl ?? 0);
    const range: PnlRange | null = pnl === null ? null : { high: at, low: at, fall: 0n };
    const next = afterSession(standing, { close, range });
    ({ standing } = next);
    return next.figures;
  });
  return { days, standing };
}

describe("ratios", () => {
  test("equal-days-have-no-sharpe", () => {
    const equal = returnsOf([100, 100, 100, 100, 100]);
    expect([sharpeRatio(equal, units(100_000)), sortinoRatio(equal, units(100_000))]).toEqual([null, null]);
    const lost = returnsOf([-0.1, -0.1, -0.1]);
    expect(sharpeRatio(lost, units(100_000))).toBeNull();
  });

  test("days-without-a-trade-are-days", () => {
    expect(sharpeRatio(returnsOf([1000, 0, 0, -500, 0]), units(100_000))).toBeCloseTo(2.898275, 6);
  });

  test("return-on-nothing", () => {
    const capitals = [units(0), units(-15_000), null, units(20_000)];
    expect(capitals.map((capital) => roiPercent(units(500), capital))).toEqual([null, null, null, 2.5]);
    expect(capitals.map((capital) => sharpeRatio(returnsOf([1, 2]), capital) !== null)).toEqual([false, false, false, true]);
    expect(roiPercent(null, units(1))).toBeNull();
  });

  test("of fewer than two days there is none", () => {
    expect([sharpeRatio(returnsOf([-5]), units(10)), sortinoRatio(returnsOf([-5]), units(10))]).toEqual([null, null]);
  });

  const days = fc.array(fc.integer({ min: -5_000_000, max: 5_000_000 }), { minLength: 2, maxLength: 60 });
  test("at random: as sums over returns, taken as decimals, tell", () => {
    fc.assert(
      fc.property(days, fc.integer({ min: 1, max: 100_000_000 }), (paise, capital) => {
        // Fractions of the capital with sixty digits, by whole numbers alone.
        const ONE = 10n ** 60n;
        const returns = paise.map((day) => (BigInt(day) * ONE) / BigInt(capital));
        const n = BigInt(paise.length);
        const mean = returns.reduce((sum, day) => sum + day, 0n) / n;
        const deviation = (squares: bigint): bigint => root(squares / (n - 1n));
        const ratio = (over: bigint): number => (Number((mean * 10n ** 15n) / over) / 1e15) * Math.sqrt(252);
        const spread = deviation(returns.reduce((sum, day) => sum + (day - mean) ** 2n, 0n));
        const below = deviation(returns.reduce((sum, day) => (day < 0n ? sum + day ** 2n : sum), 0n));
        const sums = paise.reduce((all, day) => withDay(all, BigInt(day) * 100n), NO_RETURNS);
        const same = (told: number | null, over: bigint): void => {
          if (told === null) expect(over < 10n ** 30n).toBe(true);
          else expect(Math.abs(told - ratio(over))).toBeLessThanOrEqual(1e-9 * Math.max(1, Math.abs(told)));
        };
        same(sharpeRatio(sums, BigInt(capital) * 100n), spread);
        same(sortinoRatio(sums, BigInt(capital) * 100n), below);
      }),
    );
  });
});

/** The greatest whole number whose square is none above. */
function root(square: bigint): bigint {
  if (square < 2n) return square;
  let guess = 1n << BigInt((square.toString(2).length + 2) >> 1);
  for (;;) {
    const next = (guess + square / guess) >> 1n;
    if (next >= guess) return guess;
    guess = next;
  }
}

describe("days", () => {
  test("drawdown-counts-from-the-start", () => {
    const { days, standing } = through([-10_000, -25_000, -21_000]);
    expect(days.map(({ day_pnl }) => rupees(day_pnl))).toEqual([-10_000, -15_000, 4000]);
    expect([rupees(standing.range.fall), rupees(days[1]?.day_drawdown ?? null)]).toEqual([25_000, 15_000]);
  });

  test("equity-below-zero", () => {
    expect(rupees(through([-120, -150, -200]).standing.range.fall)).toBe(200);
  });

  test("day-two-is-a-difference", () => {
    const leg = (close: number): number => (120 - close) * 65;
    const { days } = through([leg(96.9), leg(106.15)]);
    expect(days.map(({ cumulative, day_pnl }) => [rupees(cumulative), rupees(day_pnl)])).toEqual([
      [1501.5, 1501.5],
      [900.25, -601.25],
    ]);
  });

  test("a close that nobody knows leaves its day and the next without a P&L", () => {
    const { days, standing } = through([100, null, 250, 200]);
    expect(days.map(({ day_pnl }) => rupees(day_pnl))).toEqual([100, null, null, -50]);
    expect(standing.returns.count).toBe(2);
  });

  test("a fall within a day counts, and one over days with it", () => {
    const first = afterSession(AT_START, {
      close: { realized: units(5), unrealized: units(45) },
      range: { high: units(90), low: units(-20), fall: units(60) },
    });
    expect([rupees(first.figures.day_drawdown), rupees(first.standing.range.fall)]).toEqual([60, 60]);
    const second = afterSession(first.standing, {
      close: { realized: units(5), unrealized: units(5) },
      range: { high: units(70), low: units(10), fall: units(60) },
    });
    expect([rupees(second.figures.day_drawdown), rupees(second.standing.range.fall)]).toEqual([60, 80]);
  });

  test("at random: the greatest fall is that of all pairs of closes, 0 before the first", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -500_000, max: 500_000 }), { maxLength: 25 }), (paise) => {
        const curve = [0, ...paise];
        let fall = 0;
        for (const [place, later] of curve.entries()) for (const before of curve.slice(0, place)) fall = Math.max(fall, before - later);
        const { days, standing } = through(paise.map((pnl) => pnl / 100));
        expect(standing.range.fall).toBe(BigInt(fall) * 100n);
        expect(days.reduce((sum, { day_pnl }) => sum + (day_pnl ?? 0n), 0n)).toBe(BigInt(curve.at(-1) ?? 0) * 100n);
      }),
    );
  });
});
