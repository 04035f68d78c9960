import * as fc from "fast-check";
import { expect, test, vi } from "vitest";
import { KnownValues } from "./known-values.ts";
import { tellText } from "./price.ts";
import type { QuoteSink } from "./source.ts";

/** What a sink was told, in words. */
function noted(): { sink: QuoteSink; said: unknown[] } {
  const said: unknown[] = [];
  const sink: QuoteSink = {
    quote: (place, price_units, at_ms, rounded = false) => said.push([place, price_units, at_ms, rounded]),
    refused: (place, why) => said.push([place, why]),
    absent: (place, why) => said.push([place, why]),
  };
  return { sink, said };
}

const json = (price: unknown, time: unknown): string => JSON.stringify({ last_price: price, last_trade_time: time });

test("whatever was told before, a value is told as tellText tells it", () => {
  const value = fc.oneof(
    fc.integer({ min: 0, max: 300 }).map((units) => String(units / 100)),
    fc
      .tuple(fc.constantFrom(1.5, "1.50", 1.00005, 0, null, "soon"), fc.constantFrom(1_764_042_605, "2026-11-25 09:20:05", "", null))
      .map(([price, time]) => json(price, time)),
    fc.constantFrom("", " 7 ", "NaN", "22545.900390625", "é", "{", json(1, "x".repeat(300)), json(2, "x".repeat(300))),
    fc.string({ maxLength: 5 }),
  );
  const place = fc.constantFrom(0, 1, 1_023, 1_024, 99_999);
  fc.assert(
    fc.property(fc.array(fc.tuple(place, value), { maxLength: 60 }), (values) => {
      const known = new KnownValues();
      const expected = noted();
      const actual = noted();
      for (const [at, text] of values) {
        const is_price = tellText(expected.sink, at, text);
        expect(known.into(actual.sink)(at, Buffer.from(text))).toBe(is_price);
      }
      expect(actual.said).toEqual(expected.said);
    }),
  );
});

test("a value that did not change is not parsed again, one that did is", () => {
  const parse = vi.spyOn(JSON, "parse");
  const { sink, said } = noted();
  const tell = new KnownValues().into(sink);
  const values = [
    json(1.5, "2026-11-25 09:20:05"),
    json(1.5, "2026-11-25 09:20:05"),
    json(1.6, "2026-11-25 09:20:05"),
    json(1.5, "2026-11-25 09:20:05"),
  ];
  for (const value of values) tell(5, Buffer.from(value));
  tell(6, Buffer.from(values[0] ?? ""));
  expect(parse).toHaveBeenCalledTimes(4);
  expect(said.map((quote) => (Array.isArray(quote) ? quote[1] : null))).toEqual([15_000, 15_000, 16_000, 15_000, 15_000]);
  parse.mockRestore();
});

test("what is read into is the caller's: the bytes may change afterwards", () => {
  const { sink, said } = noted();
  const tell = new KnownValues().into(sink);
  const bytes = Buffer.from(json(1.5, null));
  tell(0, bytes);
  bytes.write(json(2.5, null));
  tell(0, bytes);
  expect(said).toEqual([
    [0, 15_000, null, false],
    [0, 25_000, null, false],
  ]);
});

test("a value too long to be kept is read each time, at the end of a page as well", () => {
  const { sink, said } = noted();
  const tell = new KnownValues().into(sink);
  const long = Buffer.from(JSON.stringify({ last_price: 1.5, depth: "x".repeat(1_000) }));
  for (let pass = 0; pass < 3; pass += 1) expect(tell(1_023, long)).toBe(true);
  expect(said).toHaveLength(3);
});
