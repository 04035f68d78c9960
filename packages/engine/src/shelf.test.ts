import { builtinCalendar } from "@stratctl/sdk/internal";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { testLegs, type TestStrategy } from "../../../test/support/book.ts";
import { bookOf, type Book } from "./book.ts";
import { BookShelf } from "./shelf.ts";

const calendar = builtinCalendar();
const leg = fc.record({
  instrument: fc.constantFrom("NFO:NIFTY25N0424500CE", "NFO:NIFTY25N0424600PE", "BFO:SENSEX25N0685000CE", "NSE:INFY", "XYZ:ODD"),
  direction: fc.constantFrom("BUY" as const, "SELL" as const),
  quantity: fc.integer({ min: 1, max: 5 }),
  entry_units: fc.integer({ min: 1, max: 9 }),
});
/** A portion: what strategies 1 to 9 are from then on; without legs they are gone. */
const portion = fc.dictionary(fc.constantFrom("1", "2", "3", "4", "5", "6", "7", "8", "9"), fc.array(leg, { maxLength: 3 }));

/** A book by names: which place an instrument or an exchange has is nobody's business. */
function readable(book: Book): unknown {
  return Array.from(book.strategy_id, (strategy_id, strategy) => ({
    strategy_id,
    entry_value_units: book.entry_value_units[strategy],
    exchanges: book.exchanges.filter((_, place) => ((book.strategy_exchanges[strategy] ?? 0) & (1 << place)) !== 0).toSorted(),
    legs: [...book.leg_instrument.subarray(book.leg_from[strategy], book.leg_from[strategy + 1])].map((place, index) => ({
      instrument: book.instruments[place]?.instrument,
      last_day: book.instrument_last_day[place],
      exchange: book.exchanges[book.instrument_exchange[place] ?? -1],
      quantity: book.leg_quantity[(book.leg_from[strategy] ?? 0) + index],
    })),
  }));
}

test("whatever was put in whatever portions, the book has each strategy as it was put last", () => {
  fc.assert(
    fc.property(fc.array(portion, { maxLength: 8 }), (portions) => {
      const shelf = new BookShelf(calendar);
      const last = new Map<number, TestStrategy>();
      for (const put of portions) {
        const ids = Object.keys(put).map(Number);
        const strategies = ids
          .map((strategy_id) => ({ strategy_id, legs: put[String(strategy_id)] ?? [] }))
          .filter(({ legs }) => legs.length > 0);
        for (const strategy_id of ids) last.delete(strategy_id);
        for (const strategy of strategies) last.set(strategy.strategy_id, strategy);
        shelf.put(ids, testLegs(strategies));
      }
      const whole = bookOf(testLegs([...last.values()].toSorted((a, b) => a.strategy_id - b.strategy_id)), calendar);
      expect(readable(shelf.book)).toEqual(readable(whole));
      expect(shelf.book.strategy_count).toBe(last.size);
      expect(new Set(shelf.book.instruments.map(({ instrument }) => instrument)).size).toBe(shelf.book.instruments.length);
    }),
  );
});

test("a leg of a known instrument leaves the list of instruments the same array; a new one is added at its end", () => {
  const shelf = new BookShelf(calendar);
  const one = (strategy_id: number, instrument: string): TestStrategy => ({
    strategy_id,
    legs: [{ instrument, direction: "SELL", quantity: 1, entry_units: 1 }],
  });
  const { instruments } = shelf.put([1, 2], testLegs([one(1, "NSE:A"), one(2, "NSE:B")]));
  expect(shelf.put([3], testLegs([one(3, "NSE:A")])).instruments).toBe(instruments);
  expect(shelf.put([4], testLegs([one(4, "NSE:C")])).instruments.map(({ instrument }) => instrument)).toEqual(["NSE:A", "NSE:B", "NSE:C"]);
  expect(shelf.put([2], testLegs([])).instruments.map(({ instrument }) => instrument)).toEqual(["NSE:A", "NSE:C"]);
});
