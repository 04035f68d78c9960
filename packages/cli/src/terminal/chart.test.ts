import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chart, NO_DATA } from "./chart.ts";
import { displayWidth } from "./format.ts";

const options = { width: 80, height: 10, color: false };

describe("charts-of-nothing-and-of-one-value", () => {
  const all = [[100, 100, 100], [0, 0, 0], [-1500], [], [null, null], [null, 5, null], [0.1, 0.2, 0.1], [0.0001, -0.0001]];
  const sizes = [1, 5, 10].flatMap((height) => [10, 80].map((width) => ({ width, height })));

  test.for(all.map((series) => ({ series })))("$series", ({ series: values }) => {
    for (const size of sizes) {
      const text = chart(values, { ...size, color: false });
      expect(text).not.toMatch(/NaN|undefined|Infinity/);
      if (values.every((value) => value === null)) expect(text).toBe(NO_DATA);
      else expect(text.split("\n").length).toBeLessThanOrEqual(size.height);
    }
  });

  test("equal values are one level line with its label", () => {
    expect(chart([100, 100, 100], { ...options, width: 11 })).toBe("100 ┤──────");
    expect(chart([0, 0, 0], { ...options, width: 9 })).toBe("0 ┼──────");
  });

  test("a single value is one point with its label", () => {
    expect(chart([-1500], { ...options, width: 20 })).toMatch(/^-1,500 ┤─+$/);
    expect(chart([null, 5, null], { ...options, width: 9 })).toBe("5 ┤  ──");
  });
});

test("a rise is drawn as it goes, and zero is a dashed line with its label", () => {
  expect(chart([-1, -1, 0, 1, 1, 1], { width: 10, height: 3, color: false })).toBe([" 1 ┤   ╭──", " 0 ┼╌╌╭╯╌╌", "-1 ┤──╯"].join("\n"));
});

test("a gap stays blank in every row, the one of zero too", () => {
  const lines = chart([-2, -1, null, null, 1, 2], { width: 12, height: 5, color: false }).split("\n");
  expect(lines.map((line) => line.slice(4).padEnd(8).slice(2, 4))).toEqual(lines.map(() => "  "));
});

test("a label never loses its sign", () => {
  const text = chart([-12_345_678.9, -12_000_000, -11_000_000], { width: 80, height: 8, color: false });
  const labels = text.split("\n").map((line) => line.split("┤")[0]?.trim() ?? "");
  expect(labels.every((label) => label.startsWith("-1,"))).toBe(true);
  const narrow = chart([-12_345_678.9, -12_000_000, -11_000_000], { width: 20, height: 8, color: false });
  expect(narrow.split("\n").every((line) => /^ *-1\.\d+Cr/.test(line))).toBe(true);
});

test("fifty thousand rupees take the height there is, not a row a rupee", () => {
  expect(chart([0, 50_000], options).split("\n").length).toBeLessThanOrEqual(10);
});

test("colour tells the rows of gains from those of losses", () => {
  const text = chart([-1, 1], { width: 10, height: 3, color: true });
  expect(text).toContain("\u001B[32m");
  expect(text).toContain("\u001B[31m");
});

const value = fc.oneof(
  { weight: 3, arbitrary: fc.integer({ min: -5_000_000_000_000, max: 5_000_000_000_000 }).map((units) => units / 1000) },
  { weight: 1, arbitrary: fc.constant(null) },
);

test("whatever the values, a chart keeps to its size and each column to its own row", () => {
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 400 }),
      fc.integer({ min: 30, max: 200 }),
      fc.integer({ min: 1, max: 30 }),
      (series, width, height) => {
        const text = chart(series, { width, height, color: false });
        const lines = text.split("\n");
        expect(lines.length).toBeLessThanOrEqual(height);
        expect(Math.max(...lines.map(displayWidth))).toBeLessThanOrEqual(width);
        expect(text).not.toMatch(/NaN|undefined|Infinity/);
      },
    ),
  );
});
