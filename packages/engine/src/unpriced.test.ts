import { expect, test } from "vitest";
import { Unpriced } from "./unpriced.ts";

const without = (...names: string[]): ReadonlyMap<string, string> => new Map(names.map((name) => [name, `${name} is away`]));

test("since when each has none, with the reason of now", () => {
  const unpriced = new Unpriced();
  unpriced.note(without("NFO:A"), 1_000);
  unpriced.note(
    new Map([
      ["NFO:B", null],
      ["NFO:A", "redis: no key"],
    ]),
    2_000,
  );
  expect(unpriced.list()).toEqual([
    { instrument: "NFO:A", why: "redis: no key", since_ms: 1_000 },
    { instrument: "NFO:B", why: null, since_ms: 2_000 },
  ]);
  unpriced.note(without("NFO:B"), 3_000);
  unpriced.note(without("NFO:A", "NFO:B"), 4_000);
  expect(unpriced.list().map(({ instrument, since_ms }) => [instrument, since_ms])).toEqual([
    ["NFO:B", 2_000],
    ["NFO:A", 4_000],
  ]);
  unpriced.note(new Map(), 5_000);
  expect([unpriced.list(), unpriced.count]).toEqual([[], 0]);
});

test("a hundred at most, and a count of all", () => {
  const unpriced = new Unpriced();
  unpriced.note(without(...Array.from({ length: 5_000 }, (_, number) => `NFO:T${number}`)), 1_000);
  unpriced.note(without(...Array.from({ length: 5_000 }, (_, number) => `NFO:T${4_999 - number}`)), 2_000);
  expect([unpriced.list().length, unpriced.count]).toEqual([100, 5_000]);
  expect(unpriced.list().every(({ since_ms }) => since_ms === 1_000)).toBe(true);
});
