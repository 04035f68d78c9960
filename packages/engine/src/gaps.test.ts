import { batchOf } from "@stratctl/sdk/internal";
import { expect, test } from "vitest";
import { testBook } from "../../../test/support/book.ts";
import { GapNotes } from "./gaps.ts";

const leg = { instrument: "NFO:NIFTY26DECFUT", direction: "BUY", quantity: 1, entry_units: 1 } as const;
const book = testBook([
  { strategy_id: 3, legs: [leg] },
  { strategy_id: 5, legs: [] },
]);
const none = batchOf([], "live");
const at = (minute: number): number => Date.parse("2026-11-25T04:00:00Z") + minute * 60_000;

test("minutes on end with one reason are one gap; another reason, or a minute between, begins another", () => {
  const notes = new GapNotes();
  for (const minute of [0, 1, 3]) notes.add(at(minute), none, [{ strategy_id: 3, reason: "no price for A" }]);
  notes.add(at(4), none, [{ strategy_id: 3, reason: "no price for B" }]);
  expect(notes.of(book)).toEqual([
    {
      strategy_id: 3,
      candle_count: 0,
      stale_candle_count: 0,
      gaps: [
        { from_ms: at(0), to_ms: at(1), minute_count: 2, reason: "no price for A" },
        { from_ms: at(3), to_ms: at(3), minute_count: 1, reason: "no price for A" },
        { from_ms: at(4), to_ms: at(4), minute_count: 1, reason: "no price for B" },
      ],
    },
  ]);
});

test("candles are counted by strategy, and those with a stale leg", () => {
  const notes = new GapNotes();
  const ohlc = { open_units: 0, high_units: 0, low_units: 0, close_units: 0, entry_value_units: 0, realized_pnl_units: 0 };
  const candle = {
    ...ohlc,
    instrument_count: 0,
    sampled: 1n,
    first_at_ms: at(0),
    last_at_ms: at(0),
    source: "live",
    oldest_age_ms: 0,
  } as const;
  const of = (strategy_id: number, stale_count: number) => ({ ...candle, strategy_id, stale_count, minute_ms: at(0) });
  notes.add(at(0), batchOf([of(3, 0), of(5, 0)], "live"), []);
  notes.add(at(1), batchOf([of(3, 1)], "live"), []);
  expect(notes.candle_count).toBe(3);
  expect(notes.of(book)).toEqual([
    { strategy_id: 3, candle_count: 2, stale_candle_count: 1, gaps: [] },
    { strategy_id: 5, candle_count: 1, stale_candle_count: 0, gaps: [] },
  ]);
});
