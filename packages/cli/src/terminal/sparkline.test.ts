import * as fc from "fast-check";
import { expect, test } from "vitest";
import { displayWidth } from "./format.ts";
import { levelOf, sparkline, spreadOver } from "./sparkline.ts";

const plain = { width: 80, color: false };

test("the least is the lowest bar, the greatest the highest, a gap is blank", () => {
  expect(sparkline([0, 1, 2, 3, null, 4, 5, 6, 7], { width: 9, color: false })).toBe("▁▂▃▄ ▅▆▇█");
});

test("equal values run at half height, and nothing draws nothing", () => {
  expect(sparkline([5, 5, 5], { width: 3, color: false })).toBe("▅▅▅");
  expect(sparkline([0], { width: 1, color: false })).toBe("▅");
  expect([[], [null], [null, null]].map((series) => sparkline(series, plain))).toEqual(["", "", ""]);
});

test("a short series takes whole columns a slot, a long one the last value of each column", () => {
  expect(sparkline([1, null, 2], { width: 8, color: false })).toBe("▁▁  ██");
  expect(spreadOver([1, 2, 3, 4, 5, 6], 3)).toEqual([2, 4, 6]);
});

test("a column is a gap only where all of its slots are", () => {
  expect(spreadOver([1, null, null, null, 2, null], 3)).toEqual([1, null, 2]);
});

test("gains and losses are coloured apart", () => {
  expect(sparkline([-1, 1], { width: 2, color: true })).toBe("\u001B[31m▁\u001B[39m\u001B[32m█\u001B[39m");
});

test("where a series crosses zero, a bar alone tells a loss from a gain", () => {
  const range = { low: -1537.5, high: 101.25 };
  expect([-1537.5, -800, -0.05, 0, 101.25].map((value) => levelOf(value, range))).toEqual(["▁", "▄", "▇", "█", "█"]);
  expect([-5, -0.05, 0, 1000].map((value) => levelOf(value, { low: -5, high: 1000 }))).toEqual(["▁", "▁", "▂", "█"]);
  const amount = fc.double({ min: 0.0001, max: 5e11, noNaN: true });
  fc.assert(
    fc.property(amount, amount, fc.double({ min: 0, max: 1, noNaN: true }), (loss, gain, share) => {
      const whole = { low: -loss, high: gain };
      const [losing, gaining] = [levelOf(-loss * Math.max(share, 1e-6), whole), levelOf(gain * share, whole)];
      expect(losing < gaining).toBe(true);
      expect([levelOf(-loss, whole), levelOf(gain, whole)]).toEqual(["▁", "█"]);
    }),
  );
});

const value = fc.oneof(fc.double({ min: -5e11, max: 5e11, noNaN: true }), fc.constant(null));

test("no series is wider than the room, and none is drawn wrong", () => {
  fc.assert(
    fc.property(fc.array(value, { maxLength: 500 }), fc.integer({ min: 1, max: 200 }), (series, width) => {
      const line = sparkline(series, { width, color: false });
      expect(displayWidth(line)).toBeLessThanOrEqual(width);
      expect(line).toMatch(/^[ ▁▂▃▄▅▆▇█]*$/);
      expect(line.trim() === "").toBe(series.every((one) => one === null));
    }),
  );
});
