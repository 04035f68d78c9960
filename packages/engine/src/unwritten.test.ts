import { QuoteBoard } from "@stratctl/sdk/internal";
import { expect, test } from "vitest";
import { testBook } from "../../../test/support/book.ts";
import { UnwrittenQuotes } from "./unwritten.ts";

const AT_MS = Date.parse("2026-11-25T04:00:00Z");

/** Prices of two instruments, of which the second moves once more. */
function quoted(): { board: QuoteBoard; move: () => void } {
  const leg = (instrument: string) => ({ instrument, direction: "BUY", quantity: 1, entry_units: 1 }) as const;
  const board = new QuoteBoard(testBook([{ strategy_id: 1, legs: [leg("NSE:A"), leg("NSE:B")] }]).instruments);
  for (const place of [0, 1]) board.accept(place, 10_000, AT_MS, AT_MS, "test");
  return { board, move: () => void board.accept(1, 20_000, AT_MS + 1000, AT_MS + 1000, "test") };
}

test("what was confirmed is told no more until it moves, and what was not is told again", () => {
  const { board, move } = quoted();
  const unwritten = new UnwrittenQuotes(board);
  unwritten.take();
  const again = unwritten.take();
  expect(again.batch.tradingsymbol).toEqual(["A", "B"]);
  again.confirm();
  move();
  expect(unwritten.take().batch.tradingsymbol).toEqual(["B"]);
});

test("a write that was under way when all was forgotten confirms nothing: it went to the database that is no more", () => {
  const { board } = quoted();
  const unwritten = new UnwrittenQuotes(board);
  const under_way = unwritten.take();
  unwritten.forget();
  under_way.confirm();
  const all = unwritten.take();
  expect(all.batch.tradingsymbol).toEqual(["A", "B"]);
  all.confirm();
  expect(unwritten.take().batch.length).toBe(0);
});
