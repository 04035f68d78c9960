import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { QuoteBoard } from "./board.ts";
import type { InstrumentRef } from "./source.ts";

const ref = (instrument: string): InstrumentRef => ({
  instrument,
  exchange: instrument.split(":")[0] ?? "",
  tradingsymbol: instrument.split(":")[1] ?? "",
  instrument_token: null,
});
const board = (...instruments: string[]): QuoteBoard => new QuoteBoard(instruments.map(ref));
const T = Date.parse("2026-11-25T04:02:00Z");
const held = (of: QuoteBoard, index = 0): unknown => [of.price_units[index], of.at_ms[index], of.sources[of.source[index] ?? -1]];

test("nothing is held at first, and that is not 0", () => {
  const empty = board("NFO:A");
  expect(empty.price_units[0]).toBeNaN();
  expect(empty.ageOf(0, T)).toBeNaN();
  expect(empty.quote(0, T)).toEqual({
    instrument: "NFO:A",
    price: null,
    at: null,
    age_ms: null,
    source: null,
    reason: "no source was asked",
  });
});

test("late-tick-never-replaces-a-newer-one", () => {
  const one = board("NFO:A");
  expect(one.accept(0, 101, T + 3_000, T + 4_000, "redis")).toBe("new");
  expect(one.accept(0, 95, T - 3_000, T + 6_000, "redis")).toBe("late");
  expect(one.price_units[0]).toBe(101);
  expect(one.accept(0, 102, T + 11_000, T + 12_000, "redis")).toBe("new");
  expect(held(one)).toEqual([102, T + 11_000, "redis"]);
  expect(one.counts).toEqual({ accepted: 2, refused: 0, rounded: 0, late: 1 });
});

test("of equal times the later told is held", () => {
  const one = board("NFO:A");
  one.accept(0, 101, T, T, "redis");
  expect(one.accept(0, 102, T, T + 1_000, "ticker")).toBe("new");
  expect(held(one)).toEqual([102, T, "ticker"]);
  expect(one.accept(0, 102, T, T + 2_000, "redis")).toBe("same");
  expect(held(one)).toEqual([102, T, "redis"]);
});

test("more than two seconds ahead of now is refused", () => {
  const one = board("NFO:A");
  expect(one.accept(0, 101, T + 2_001, T, "redis")).toBe("ahead");
  expect(one.price_units[0]).toBeNaN();
  expect(one.counts.refused).toBe(1);
  expect(one.accept(0, 101, T + 2_000, T, "redis")).toBe("new");
  expect(one.ageOf(0, T)).toBe(0);
});

describe("without a time", () => {
  test("a value happened when this process first saw it", () => {
    const one = board("NFO:A");
    one.accept(0, 101, null, T, "redis");
    expect(one.accept(0, 101, null, T + 90_000, "redis")).toBe("same");
    expect(one.ageOf(0, T + 90_000)).toBe(90_000);
    expect(one.accept(0, 102, null, T + 91_000, "redis")).toBe("new");
    expect(one.ageOf(0, T + 91_000)).toBe(0);
    expect(one.accept(0, 101, null, T + 92_000, "redis")).toBe("new");
    expect(one.at_ms[0]).toBe(T + 92_000);
  });

  test("another source that says the same has not seen it change", () => {
    const one = board("NFO:A");
    one.accept(0, 101, null, T, "redis");
    expect(one.accept(0, 101, null, T + 70_000, "ticker")).toBe("same");
    expect(held(one)).toEqual([101, T, "ticker"]);
  });

  test("an old value told again does not replace what another source said since", () => {
    const one = board("NFO:A");
    one.accept(0, 101, null, T, "redis");
    one.accept(0, 104, T + 10_000, T + 10_000, "ticker");
    expect(one.accept(0, 101, null, T + 11_000, "redis")).toBe("late");
    expect(one.accept(0, 101, null, T + 12_000, "redis")).toBe("late");
    expect(one.counts.late).toBe(0); // nothing was late on its way: Redis only repeats itself
    expect(held(one)).toEqual([104, T + 10_000, "ticker"]);
    expect(one.accept(0, 105, null, T + 13_000, "redis")).toBe("new");
    expect(held(one)).toEqual([105, T + 13_000, "redis"]);
  });

  test("after it was away, a source's value counts as seen for the first time", () => {
    const one = board("NFO:A");
    one.accept(0, 101, null, T, "redis");
    one.accept(0, 104, null, T + 10_000, "ticker");
    one.away("redis", "connection refused");
    expect(one.accept(0, 101, null, T + 20_000, "redis")).toBe("new");
    expect(held(one)).toEqual([101, T + 20_000, "redis"]);
  });
});

test("a late quote told again and again is counted once", () => {
  const one = board("NFO:A");
  one.accept(0, 104, T, T, "ticker");
  for (let pass = 0; pass < 5; pass += 1) one.accept(0, 101, T - 5_000, T + pass * 1_000, "redis");
  expect(one.counts.late).toBe(1);
});

test("a wall clock set back does not make every true quote late", () => {
  const hour_ms = 3_600_000;
  const one = board("NFO:A", "NFO:B");
  one.accept(0, 101, null, T + hour_ms, "redis"); // the clock was an hour fast
  one.accept(1, 55, T, T + hour_ms, "redis");
  one.begin(["redis"], T);
  expect([...one.at_ms]).toEqual([T, T]);
  expect(one.accept(0, 102, T + 1_000, T + 1_000, "redis")).toBe("new");
  expect(one.accept(1, 55, null, T + 1_000, "redis")).toBe("same");
});

test("a new book keeps what is held of the instruments that stay, by name", () => {
  const one = board("NFO:A", "NFO:B", "BFO:A");
  one.accept(0, 1, T, T, "redis");
  one.accept(1, 2, null, T, "redis");
  one.accept(2, 3, T, T, "ticker");
  one.rebook(["BFO:A", "NFO:C", "NFO:B"].map(ref));
  expect([held(one, 0), held(one, 1), held(one, 2)]).toEqual([
    [3, T, "ticker"],
    [Number.NaN, Number.NaN, undefined],
    [2, T, "redis"],
  ]);
  expect(one.accept(2, 2, null, T + 5_000, "redis")).toBe("same");
  expect(one.instruments.map(({ instrument }) => instrument)).toEqual(["BFO:A", "NFO:C", "NFO:B"]);
});

test("the reasons of all sources, in the order in which they are asked", () => {
  const one = board("NFO:A", "NFO:B");
  one.begin(["redis", "ticker"], T);
  expect(one.why(0)).toBeNull();
  one.note(0, "ticker", "404");
  one.note(0, "redis", "no key");
  expect(one.why(0)).toBe("redis: no key; ticker: 404");
  expect(one.quote(0, T).reason).toBe("redis: no key; ticker: 404");
  one.away("redis", "connection refused");
  expect([one.why(0), one.why(1)]).toEqual(["redis: connection refused; ticker: 404", "redis: connection refused"]);
  one.accept(0, 101, null, T, "ticker");
  expect(one.why(0)).toBeNull();
  one.away("redis", null);
  one.begin(["redis", "ticker"], T);
  expect([one.why(0), one.why(1)]).toEqual(["redis: no key; ticker: 404", null]);
});

test("the quote as it is shown", () => {
  const one = board("NFO:A");
  one.accept(0, 1_015_500, T, T, "redis");
  expect(one.quote(0, T + 1_500)).toEqual({
    instrument: "NFO:A",
    price: 101.55,
    at: "2026-11-25T04:02:00Z",
    age_ms: 1_500,
    source: "redis",
    reason: null,
  });
});

describe("what moved", () => {
  const moved = (of: QuoteBoard, since: number): number[] => [...of.movedSince(since)];

  test("a price or its time; not the same told again, an older one, one from the future, a refusal", () => {
    const one = board("NFO:A", "NFO:B", "NFO:C");
    const from = one.revision;
    expect(moved(one, from)).toEqual([]);
    one.accept(2, 101, T, T, "redis");
    one.accept(0, 102, null, T, "redis");
    expect(moved(one, from)).toEqual([0, 2]);
    const then = one.revision;
    one.begin(["redis"], T + 1_000);
    one.accept(2, 101, T, T + 1_000, "ticker");
    one.accept(2, 99, T - 1, T + 1_000, "redis");
    one.accept(0, 102, null, T + 1_000, "redis");
    one.accept(1, 5, T + 9_000, T + 1_000, "redis");
    one.refuse(1, "redis", "no price");
    one.away("redis", "connection refused");
    expect([one.revision, moved(one, then)]).toEqual([then, []]);
    one.accept(2, 101, T + 500, T + 1_000, "redis"); // traded again at its old price
    expect(moved(one, then)).toEqual([2]);
  });

  test("one reader takes nothing away from another", () => {
    const one = board("NFO:A", "NFO:B");
    const slow = one.revision;
    one.accept(0, 1, T, T, "redis");
    const quick = one.revision;
    one.accept(1, 1, T, T, "redis");
    expect([moved(one, quick), moved(one, slow), moved(one, quick)]).toEqual([[1], [0, 1], [1]]);
  });

  test("all of a new book, and what a wall clock set back moved", () => {
    const one = board("NFO:A", "NFO:B");
    expect(moved(one, 0)).toEqual([0, 1]);
    one.accept(0, 1, T, T, "redis");
    one.accept(1, 1, T + 60_000, T + 60_000, "redis");
    const before = one.revision;
    one.begin(["redis"], T);
    expect(moved(one, before)).toEqual([1]);
    const after = one.revision;
    one.rebook(["NFO:B", "NFO:A"].map(ref));
    expect(moved(one, after)).toEqual([0, 1]);
  });

  test("whoever copies only what moved has the whole board, however often it looks", () => {
    const step = fc.record({
      index: fc.integer({ min: 0, max: 3 }),
      price: fc.integer({ min: 1, max: 3 }),
      at_ms: fc.option(fc.integer({ min: 0, max: 9 }), { nil: null }),
      now_ms: fc.integer({ min: 0, max: 9_000 }),
      source: fc.constantFrom("a", "b"),
      what: fc.constantFrom("accept", "accept", "accept", "look", "begin"),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const one = board("NFO:A", "NFO:B", "NFO:C", "NFO:D");
        const copy = { price_units: new Float64Array(4), at_ms: new Float64Array(4) };
        let seen = 0;
        const expected = new Set([0, 1, 2, 3]);
        const look = (): void => {
          expect(moved(one, seen)).toEqual([...expected].toSorted((a, b) => a - b));
          expected.clear();
          for (const place of one.movedSince(seen)) {
            copy.price_units[place] = one.price_units[place] ?? -1;
            copy.at_ms[place] = one.at_ms[place] ?? -1;
          }
          seen = one.revision;
          expect(copy).toEqual({ price_units: one.price_units, at_ms: one.at_ms });
        };
        look();
        for (const { what, index, price, at_ms, now_ms, source } of steps) {
          if (what === "look") look();
          else if (what === "begin") {
            const before = [...one.at_ms];
            one.begin(["a", "b"], now_ms);
            for (const [place, at] of one.at_ms.entries()) if (!Object.is(at, before[place])) expected.add(place);
          } else if (one.accept(index, price, at_ms, now_ms, source) === "new") expected.add(index);
        }
        look();
      }),
    );
  });
});

test("whatever comes in whatever order, the newest time is held, and of equal ones the last told", () => {
  const quote = fc.record({
    price: fc.integer({ min: 1, max: 5 }),
    at_ms: fc.integer({ min: 0, max: 20 }),
    source: fc.constantFrom("a", "b"),
  });
  fc.assert(
    fc.property(fc.array(quote, { minLength: 1, maxLength: 30 }), (quotes) => {
      const one = board("NFO:A");
      for (const { price, at_ms, source } of quotes) one.accept(0, price, at_ms, 20, source);
      const newest = Math.max(...quotes.map(({ at_ms }) => at_ms));
      const last = quotes.findLast(({ at_ms }) => at_ms === newest);
      expect(held(one)).toEqual([last?.price, newest, last?.source]);
    }),
  );
});
