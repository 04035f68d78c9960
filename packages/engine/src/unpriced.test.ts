import { QuoteBoard } from "@stratctl/sdk/internal";
import { expect, test } from "vitest";
import { ref } from "../../../test/support/read.ts";
import { Unpriced } from "./unpriced.ts";

const without = (...names: string[]): ReadonlyMap<string, string> => new Map(names.map((name) => [name, `${name} is away`]));
const list = (unpriced: Unpriced): unknown[] => unpriced.list().map(({ instrument, why, since_ms }) => [instrument, why, since_ms]);

test("since when each has none, with the reason of now", () => {
  const unpriced = new Unpriced(new QuoteBoard());
  unpriced.note(without("NFO:A"), 1_000);
  unpriced.note(
    new Map([
      ["NFO:B", null],
      ["NFO:A", "redis: no key"],
    ]),
    2_000,
  );
  expect(list(unpriced)).toEqual([
    ["NFO:A", "redis: no key", 1_000],
    ["NFO:B", null, 2_000],
  ]);
  unpriced.note(without("NFO:B"), 3_000);
  unpriced.note(without("NFO:A", "NFO:B"), 4_000);
  expect(list(unpriced)).toEqual([
    ["NFO:B", "NFO:B is away", 2_000],
    ["NFO:A", "NFO:A is away", 4_000],
  ]);
  unpriced.note(new Map(), 5_000);
  expect(unpriced.list()).toEqual([]);
});

test("with what each source told of it, wherever it is on the board", () => {
  const board = new QuoteBoard([ref("NFO:A"), ref("NFO:B")]);
  const unpriced = new Unpriced(board);
  board.begin(["redis"], 0);
  board.note(1, "redis", "no key");
  unpriced.note(without("NFO:B"), 0);
  const counts = { source: "redis", hit: 0, stale: 0, refused: 0, latency_ms: null, why: "no key" };
  expect(unpriced.list()[0]?.quotes).toEqual([{ ...counts, miss: 1 }]);
  board.rebook([ref("NFO:B"), ref("NFO:C")]);
  board.note(0, "redis", "no key");
  expect(unpriced.list()[0]?.quotes).toEqual([{ ...counts, miss: 2 }]);
  board.note(1, "redis", "none at all");
  unpriced.note(without("NFO:C", "NFO:GONE"), 1_000);
  expect(unpriced.list().map(({ quotes }) => quotes.map(({ why }) => why))).toEqual([["none at all"], []]);
});

test("a hundred at most", () => {
  const unpriced = new Unpriced(new QuoteBoard());
  unpriced.note(without(...Array.from({ length: 5_000 }, (_, number) => `NFO:T${number}`)), 1_000);
  unpriced.note(without(...Array.from({ length: 5_000 }, (_, number) => `NFO:T${4_999 - number}`)), 2_000);
  expect(unpriced.list()).toHaveLength(100);
  expect(unpriced.list().every(({ since_ms }) => since_ms === 1_000)).toBe(true);
});
