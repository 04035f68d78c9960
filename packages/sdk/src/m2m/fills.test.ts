import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { addTo, averageUnits, closePart, shareOf, type CostMethod, type Holding, type Traded } from "./fills.ts";

const units = (rupees: number): bigint => BigInt(Math.round(rupees * 10_000));
const buy = (quantity: number, price: number): Traded => ({ quantity, value_units: units(price) * BigInt(quantity) });
const long = ({ quantity, value_units }: Traded): Holding => ({ direction: "BUY", quantity, cost_units: value_units });

describe("average cost", () => {
  test("is a sum, not a rounded price", () => {
    const held = addTo(long(buy(50, 100.05)), buy(25, 100.1));
    expect([held.cost_units, averageUnits(held)]).toEqual([units(7505), units(100.0667)]);
    const closed = closePart(held, { quantity: 75, value_units: units(7507.5) }, { method: "average" });
    expect([closed.realized_units, closed.rest]).toEqual([units(2.5), null]);
  });

  test("of a part is its share, and what comes later does not change it", () => {
    const held = addTo(long(buy(50, 100)), buy(50, 110));
    const first = closePart(held, { quantity: 30, value_units: units(3600) }, { method: "average" });
    expect([first.realized_units, first.rest]).toEqual([units(450), { direction: "BUY", quantity: 70, cost_units: units(7350) }]);
    const more = addTo(first.rest ?? held, buy(30, 90));
    expect([more.quantity, averageUnits(more)]).toEqual([100, units(100.5)]);
    expect(closePart(more, { quantity: 100, value_units: units(10_100) }, { method: "average" }).realized_units).toBe(units(50));
  });

  test("what is sold first gains as the price falls", () => {
    const held: Holding = { direction: "SELL", quantity: 75, cost_units: units(130 * 75) };
    expect(closePart(held, { quantity: 75, value_units: units(127 * 75) }, { method: "average" }).realized_units).toBe(units(225));
  });
});

describe("first in, first out", () => {
  test("takes what was entered first, whatever was left before", () => {
    const entries = [buy(50, 100), buy(50, 110)];
    const held = addTo(long(buy(50, 100)), buy(50, 110));
    const first = closePart(held, { quantity: 30, value_units: units(3600) }, { method: "fifo", entries, exited: 0 });
    expect(first.realized_units).toBe(units(600));
    const second = closePart(first.rest ?? held, { quantity: 30, value_units: units(3600) }, { method: "fifo", entries, exited: 30 });
    expect(second.realized_units).toBe(units(20 * 20 + 10 * 10));
  });
});

/** Rupees as an exact fraction, as nobody else here does it. */
interface Fraction {
  readonly over: bigint;
  readonly under: bigint;
}
const less = (a: Fraction, b: Fraction): Fraction => ({ over: a.over * b.under - b.over * a.under, under: a.under * b.under });

type Step = { readonly kind: "add" | "close"; readonly quantity: number; readonly ticks: number };
const steps = fc.array(
  fc.record({
    kind: fc.constantFrom("add" as const, "close" as const),
    quantity: fc.integer({ min: 1, max: 2000 }),
    ticks: fc.integer({ min: 1, max: 900_000_000 }),
  }),
  { minLength: 1, maxLength: 30 },
);

/** Cash that went out and came in, and the holding, after entries and exits at random. */
function run(all: readonly Step[], { direction, method }: { direction: "BUY" | "SELL"; method: CostMethod }) {
  const entries: Traded[] = [];
  let exited = 0;
  let held: Holding | null = null;
  let [entered_units, left_units, realized_units] = [0n, 0n, 0n];
  for (const { kind, quantity: asked, ticks } of all) {
    const quantity: number = kind === "close" && held !== null ? Math.min(asked, held.quantity) : asked;
    const value_units = BigInt(ticks) * BigInt(quantity);
    if (kind === "add" || held === null) {
      entries.push({ quantity, value_units });
      entered_units += value_units;
      held = held === null ? { direction, quantity, cost_units: value_units } : addTo(held, { quantity, value_units });
    } else {
      const closed = closePart(held, { quantity, value_units }, method === "average" ? { method } : { method, entries, exited });
      // Both within half of the smallest amount of the exact share.
      if (method === "average") {
        const off = less(
          { over: closed.cost_units, under: 1n },
          { over: held.cost_units * BigInt(quantity), under: BigInt(held.quantity) },
        );
        expect(2n * (off.over < 0n ? -off.over : off.over) <= off.under).toBe(true);
      }
      realized_units += closed.realized_units;
      left_units += value_units;
      exited += quantity;
      held = closed.rest;
    }
  }
  return { held, entered_units, left_units, realized_units, entered: entries.reduce((sum, { quantity }) => sum + quantity, 0), exited };
}

test.each(["BUY", "SELL"] as const)("%s: cost, what was realized and what is open add up to the last paisa", (direction) => {
  const sign = direction === "SELL" ? 1n : -1n;
  for (const method of ["average", "fifo"] as const)
    fc.assert(
      fc.property(steps, (all) => {
        const { held, entered_units, left_units, realized_units, entered, exited } = run(all, { direction, method });
        expect(held?.quantity ?? 0).toBe(entered - exited);
        expect(realized_units).toBe(sign * (entered_units - (held?.cost_units ?? 0n) - left_units));
      }),
    );
});

test.each(["BUY", "SELL"] as const)("%s: P&L before and after a close at the mark is equal to the last paisa", (direction) => {
  const sign = direction === "SELL" ? 1n : -1n;
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 900_000_000 }), fc.integer({ min: 1, max: 2000 }), (all, mark, asked) => {
      const { held, realized_units } = run(all, { direction, method: "average" });
      if (held === null) return;
      const pnl = (open: Holding | null, realized: bigint): bigint =>
        realized + (open === null ? 0n : sign * (open.cost_units - BigInt(mark) * BigInt(open.quantity)));
      const quantity = Math.min(asked, held.quantity);
      const closed = closePart(held, { quantity, value_units: BigInt(mark) * BigInt(quantity) }, { method: "average" });
      expect(pnl(closed.rest, realized_units + closed.realized_units)).toBe(pnl(held, realized_units));
    }),
  );
});

test("a share is rounded half even", () => {
  expect([1n, 3n, 5n, 7n].map((cost_units) => shareOf({ quantity: 2, cost_units }, 1))).toEqual([0n, 2n, 2n, 4n]);
});
