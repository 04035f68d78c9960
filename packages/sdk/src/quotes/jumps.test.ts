import { expect, test } from "vitest";
import { ref } from "../../../../test/support/read.ts";
import { QuoteBoard } from "./board.ts";

const T = Date.parse("2026-11-25T04:02:00Z");
const A = ref("NFO:A");

/** A board with a band of 20 %, on which A is held at 100 since T. */
function banded(): QuoteBoard {
  const board = new QuoteBoard([A, ref("NFO:B")], { jump_percent_max: 20 });
  board.begin(["redis", "ticker"], T);
  board.accept(0, 100, T, T, "redis");
  return board;
}

test("off by default", () => {
  const board = new QuoteBoard([A]);
  board.accept(0, 100, T, T, "redis");
  expect(board.accept(0, 10_000, T + 1_000, T + 1_000, "redis")).toBe("new");
});

test("the first price of all, and one at the band's edge, are no jumps", () => {
  const board = banded();
  expect(board.accept(1, 5, T, T, "redis")).toBe("new");
  expect(board.accept(0, 120, T + 1_000, T + 1_000, "redis")).toBe("new");
  expect(board.accept(0, 96, T + 2_000, T + 2_000, "redis")).toBe("new");
});

test("waits, is counted and named, and is taken once a later quote says the same", () => {
  const board = banded();
  board.begin(["redis", "ticker"], T + 1_000);
  expect(board.accept(0, 1_000, T + 1_000, T + 1_000, "redis")).toBe("jump");
  expect([board.price_units[0], board.given(0), board.why(0)]).toEqual([
    100,
    false,
    "redis: 900 % off the price held: waits for a second quote",
  ]);
  expect(board.counts.refused).toBe(1);
  expect(board.bySource()[0]?.refused.jump).toBe(1);
  board.begin(["redis", "ticker"], T + 2_000);
  expect(board.accept(0, 1_000, T + 1_000, T + 2_000, "redis")).toBe("jump"); // the same quote, read again
  expect(board.accept(0, 1_010, T + 2_000, T + 2_000, "redis")).toBe("new");
  expect([board.price_units[0], board.why(0)]).toEqual([1_010, null]);
});

test("another source that says the same confirms it at once; one that still says the old price sends it away", () => {
  const confirmed = banded();
  confirmed.accept(0, 1_000, T + 1_000, T + 1_000, "redis");
  expect(confirmed.accept(0, 995, T + 1_000, T + 1_000, "ticker")).toBe("new");

  const contradicted = banded();
  for (let second = 1; second <= 5; second += 1) {
    expect(contradicted.accept(0, 1_000 + second, null, T + second * 1_000, "redis")).toBe("jump");
    expect(contradicted.accept(0, 101, T + second * 1_000, T + second * 1_000, "ticker")).toBe("new");
  }
  expect([contradicted.counts.refused, contradicted.price_units[0]]).toEqual([5, 101]);
});

test("a value without a time is another quote in a later pass", () => {
  const board = banded();
  expect(board.accept(0, 50, null, T + 1_000, "redis")).toBe("jump");
  expect(board.accept(0, 50, null, T + 1_000, "redis")).toBe("jump");
  expect(board.accept(0, 50, null, T + 2_000, "redis")).toBe("new");
  expect(board.at_ms[0]).toBe(T + 1_000); // it happened when it was first seen
});

test("one that comes and goes is never held", () => {
  const board = banded();
  for (let second = 1; second < 20; second += 2) {
    expect(board.accept(0, 1, null, T + second * 1_000, "redis")).toBe("jump");
    expect(board.accept(0, 100, null, T + (second + 1) * 1_000, "redis")).toBe("same");
  }
  expect(board.price_units[0]).toBe(100);
});

test("two wild values that do not agree do not confirm each other; an older quote says nothing", () => {
  const board = banded();
  expect(board.accept(0, 1_000, T + 2_000, T + 2_000, "redis")).toBe("jump");
  expect(board.accept(0, 3, T + 3_000, T + 3_000, "redis")).toBe("jump");
  expect(board.accept(0, 1_000, T + 1_000, T + 4_000, "ticker")).toBe("jump");
  expect(board.accept(0, 1_005, T + 5_000, T + 5_000, "ticker")).toBe("new");
});

test("what waits outlives a change of the book, and is forgotten with its instrument", () => {
  const board = banded();
  board.accept(0, 1_000, T + 1_000, T + 1_000, "redis");
  board.rebook([ref("NFO:C"), A]);
  expect(board.accept(1, 1_000, T + 2_000, T + 2_000, "redis")).toBe("new");
  board.accept(1, 1, T + 3_000, T + 3_000, "redis");
  board.rebook([ref("NFO:C")]);
  board.rebook([A]);
  expect(board.accept(0, 2, T + 4_000, T + 4_000, "redis")).toBe("new");
});
