import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { dueMinutes, gapsOf, NO_ENGINE, type ExchangeHours, type Holding, type ToldSpan } from "./gap.ts";

const MINUTE_MS = 60_000;
const at = (minute: number): number => minute * MINUTE_MS;
const NFO: ExchangeHours = { exchange: "NFO", open_ms: at(10), close_ms: at(20) };
const MCX: ExchangeHours = { exchange: "MCX", open_ms: at(8), close_ms: at(30) };
const held = (exchange: string, from: number, to: number = Infinity): Holding => ({ exchange, from_ms: at(from), to_ms: at(to) });
const DAY = { from_ms: 0, to_ms: at(100) };

describe("dueMinutes", () => {
  test("those of the session, from the minute whose book has a leg on", () => {
    expect(dueMinutes(DAY, { hours: [NFO], holdings: [held("NFO", 0)] })).toEqual(Array.from({ length: 10 }, (_, place) => at(10 + place)));
    expect(dueMinutes(DAY, { hours: [NFO], holdings: [held("NFO", 17.5)] })).toEqual([at(18), at(19)]);
    expect(dueMinutes(DAY, { hours: [NFO], holdings: [held("NFO", 17, 18)] })).toEqual([at(17)]);
    expect(dueMinutes(DAY, { hours: [NFO], holdings: [held("NFO", 17.2, 17.9)] })).toEqual([]);
  });

  test("of two exchanges each counts while its own leg is held", () => {
    const holdings = [held("NFO", 0, 12), held("MCX", 28)];
    expect(dueMinutes(DAY, { hours: [NFO, MCX], holdings })).toEqual([10, 11, 28, 29].map(at));
  });

  test("within the span, whose ends are minutes that count", () => {
    expect(dueMinutes({ from_ms: at(12) - 1, to_ms: at(13) }, { hours: [NFO], holdings: [held("NFO", 0)] })).toEqual([at(12), at(13)]);
  });
});

describe("gapsOf", () => {
  const due = [10, 11, 12, 13, 20, 21].map(at);
  const told = (from: number, to: number, reason: string): ToldSpan => ({ from_ms: at(from), to_ms: at(to), reason });

  test("minutes on end for one reason are one gap, and a session's end ends it", () => {
    expect(gapsOf(due, { candles: new Set([at(11)]), told: [] })).toEqual([
      told(10, 10, NO_ENGINE),
      told(12, 13, NO_ENGINE),
      told(20, 21, NO_ENGINE),
    ]);
  });

  test("what an engine told goes before nothing, and a candle before what was told", () => {
    const spans = [told(11, 13, "no price for NFO:A"), told(13, 13, "no price for NFO:B")];
    expect(gapsOf(due, { candles: new Set([at(12), at(20), at(21)]), told: spans })).toEqual([
      told(10, 10, NO_ENGINE),
      told(11, 11, "no price for NFO:A"),
      told(13, 13, "no price for NFO:B"),
    ]);
  });

  test("gaps and candles together are the due minutes, each once", () => {
    const minutes = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 40 }).map((list) => list.toSorted((a, b) => a - b));
    fc.assert(
      fc.property(minutes, minutes, fc.array(fc.tuple(fc.nat(60), fc.nat(9), fc.constantFrom("a", "b"))), (all, marked, spans) => {
        const candles = new Set(marked.map(at));
        const gaps = gapsOf(all.map(at), { candles, told: spans.map(([from, length, reason]) => told(from, from + length, reason)) });
        const missing = gaps.flatMap(({ from_ms, to_ms }) =>
          Array.from({ length: (to_ms - from_ms) / MINUTE_MS + 1 }, (_, n) => from_ms + at(n)),
        );
        expect(missing).toEqual(all.map(at).filter((minute_ms) => !candles.has(minute_ms)));
      }),
    );
  });
});
