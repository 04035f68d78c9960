import { describe, expect, test } from "vitest";
import { blackValue, normalBelow } from "./black.ts";

describe("normalBelow", () => {
  // Abramowitz and Stegun, table 26.1.
  test.for([
    [0, 0.5],
    [1, 0.841344746068543],
    [1.96, 0.97500210485178],
    [-2, 0.022750131948179],
    [3, 0.99865010196837],
    [-5, 2.866515719e-7],
  ])("N(%d) is %d", ([x = 0, expected = 0]) => {
    expect(normalBelow(x)).toBeCloseTo(expected, 14);
  });

  test("far out it is 0 and 1", () => {
    expect([normalBelow(-38), normalBelow(38)]).toEqual([0, 1]);
    expect(normalBelow(-8) / 6.220960574271786e-16).toBeCloseTo(1, 6);
  });
});

// Hull, "Options, Futures, and Other Derivatives": spot 42, strike 40, 10 % a year, 20 % volatility, six months.
test("a textbook's call and put", () => {
  const { call, put } = blackValue({ forward: 42 * Math.exp(0.1 * 0.5), strike: 40, years: 0.5, volatility: 0.2, rate: 0.1 });
  expect(call).toBeCloseTo(4.7594, 4);
  expect(put).toBeCloseTo(0.8086, 4);
});
