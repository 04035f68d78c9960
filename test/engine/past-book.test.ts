import { Decimal } from "decimal.js";
import * as fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import type { Api } from "../../packages/sdk/src/api/contract.ts";
import { readLegs } from "../../packages/sdk/src/store/book.ts";
import { serviceOn } from "../support/service.ts";
import { onEveryPostgres } from "../support/store.ts";
import { realizedOf, roundsOfAll, signOf, type PlainMove, type PlainTrade } from "./ledger.ts";

/** The book as of any instant is that of the fills up to it, however much was traded since. */

const NINE = Date.UTC(2026, 10, 25, 3, 45);
const INSTRUMENTS = ["NFO:NIFTY26NOVFUT", "NFO:BANKNIFTY26NOVFUT"];
const NAMES = ["one", "other"];

type PlainEvent = (PlainTrade & { readonly strategy: string }) | PlainMove;

const step = fc.record({
  gap_ms: fc.constantFrom(0, 1, 59_999, 60_000),
  what: fc.constantFrom("BUY", "SELL", "SELL", "part", "move"),
  strategy: fc.nat(1),
  instrument: fc.nat(1),
  quantity: fc.integer({ min: 1, max: 9 }),
  price: fc.integer({ min: 1, max: 99_999 }),
  cost_method: fc.constantFrom("average" as const, "fifo" as const),
});

onEveryPostgres("the book of the past", (store) => {
  let api: Api;
  let now_ms = NINE;
  let made = 0;
  beforeAll(async () => {
    api = serviceOn(store.db, { now: () => now_ms });
    await api.accounts.create({ account_id: "P1" });
  });

  const strategy = async (): Promise<number> => (await api.strategies.create({ name: `s${(made += 1)}` })).strategy_id;

  async function bookAt(strategy_id: number, as_of_ms: number | null) {
    const book = await readLegs(store.db, { as_of_ms, strategy_ids: [strategy_id] });
    return {
      held: [...book.leg_quantity]
        .map((quantity, leg) => `${quantity} ${book.instruments[book.leg_instrument[leg] ?? -1]?.instrument ?? ""}`)
        .toSorted(),
      entry_value: (book.entry_value_units[0] ?? 0) / 10_000 + 0,
      realized: (book.realized_pnl_units[0] ?? 0) / 10_000 + 0,
      is_due: book.due_strategy_ids.length > 0,
    };
  }

  test("a law: additions, parts by average and first in first out, flips and moves, told as they happen", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
        const ids = [await strategy(), await strategy()];
        const events: PlainEvent[] = [];
        now_ms = NINE;
        for (const { gap_ms, what, strategy: place, instrument: which, quantity, price, cost_method } of steps) {
          now_ms += gap_ms;
          const [strategy_id, to_strategy_id] = [ids[place] ?? 0, ids[1 - place] ?? 0];
          const [name = "", to = ""] = [NAMES[place], NAMES[1 - place]];
          const instrument = INSTRUMENTS[which] ?? "";
          const at = now_ms;
          const legs = (await api.strategies.legs.list({ strategy_id })).filter(
            (leg) => leg.closed_at === null && leg.instrument === instrument,
          );
          const [leg] = legs;
          if (what === "move" || what === "part") {
            if (leg === undefined) continue;
            const part = Math.min(quantity, leg.quantity);
            const key = { strategy_id, instrument_id: leg.id, quantity: part };
            if (what === "move") {
              await api.strategies.legs.move({ ...key, to_strategy_id });
              events.push({ at, instrument, quantity: part, from: name, to });
            } else {
              const method = leg.cost_method ?? cost_method;
              await api.strategies.legs.close({ ...key, exit_price: price / 100, cost_method: method });
              const side = leg.direction === "BUY" ? "SELL" : "BUY";
              events.push({ at, instrument, quantity: part, side, price: (price / 100).toFixed(4), strategy: name, cost_method: method });
            }
            continue;
          }
          const side = what === "BUY" ? what : "SELL";
          // A leg's way is fixed by its first part: what it is told otherwise is refused.
          const fixed = legs.some((one) => one.direction !== side && one.cost_method !== null);
          const by = fixed ? {} : { cost_method };
          await api.strategies.fills.add({ strategy_id, tradingsymbol: instrument, side, quantity, price: price / 100, ...by });
          events.push({ at, instrument, side, quantity, price: (price / 100).toFixed(4), strategy: name, ...by });
        }
        for (const t of new Set([NINE, ...events.flatMap(({ at }) => [at - 1, at])])) {
          const rounds = roundsOfAll(events, t);
          for (const [place, name] of NAMES.entries()) {
            const own = rounds.get(name) ?? [];
            const open = own.filter(({ to }) => to === null);
            const strategy_events = events.filter((event) =>
              ("strategy" in event ? [event.strategy] : [event.from, event.to]).includes(name),
            );
            expect(await bookAt(ids[place] ?? 0, t), `${name} at ${t - NINE}: ${JSON.stringify(events)}`).toEqual({
              held: open.map(({ instrument, direction, quantity }) => `${quantity * signOf(direction)} ${instrument}`).toSorted(),
              entry_value:
                open.reduce((sum, { cost, direction }) => sum.plus(cost.times(signOf(direction))), new Decimal(0)).toNumber() + 0,
              realized: realizedOf(own).toNumber() + 0,
              is_due: strategy_events.some(({ at }) => at > t),
            });
          }
        }
      }),
      { numRuns: 40 },
    );
  });

  test("a law: told in whatever order, P&L is that of the fills up to the instant", async () => {
    const told = fc.record({
      at: fc.nat(9),
      is_buy: fc.boolean(),
      quantity: fc.integer({ min: 1, max: 9 }),
      price: fc.integer({ min: 1, max: 99_999 }),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(told, { maxLength: 8 }),
        fc.constantFrom("average" as const, "fifo" as const),
        async (trades, cost_method) => {
          const strategy_id = await strategy();
          now_ms = NINE + 3_600_000;
          const fills: { at: number; sign: 1 | -1; quantity: number; value: number }[] = [];
          const add = async (minute: number, side: "BUY" | "SELL", quantity: number, price: number): Promise<void> => {
            const at = NINE + minute * 60_000;
            const way = side === "SELL" ? { cost_method } : {};
            const [tradingsymbol = ""] = INSTRUMENTS;
            await api.strategies.fills.add({
              strategy_id,
              tradingsymbol,
              side,
              quantity,
              price: price / 100,
              at: new Date(at).toISOString(),
              ...way,
            });
            fills.push({ at, sign: signOf(side), quantity, value: quantity * price * 100 });
          };
          await add(0, "BUY", 5, 10_000);
          let held = 5;
          for (const { at, is_buy, quantity, price } of trades) {
            const units = is_buy ? quantity : Math.min(quantity, held - 1);
            if (units === 0) continue;
            try {
              await add(at, is_buy ? "BUY" : "SELL", units, price);
            } catch (error) {
              // First in first out takes trades in their order only.
              expect([cost_method, error]).toMatchObject(["fifo", { code: "input_invalid" }]);
              continue;
            }
            held += is_buy ? units : -units;
          }
          for (let minute = 0; minute < 10; minute += 1) {
            const t = NINE + minute * 60_000;
            const book = await readLegs(store.db, { as_of_ms: t, strategy_ids: [strategy_id] });
            const then = fills.filter(({ at }) => at <= t);
            const quantity = then.reduce((sum, one) => sum + one.sign * one.quantity, 0);
            expect(book.leg_quantity.reduce((sum, one) => sum + one, 0)).toBe(quantity);
            expect(book.leg_quantity.includes(0)).toBe(false);
            expect((book.realized_pnl_units[0] ?? 0) + (book.entry_value_units[0] ?? 0)).toBe(
              then.reduce((sum, { sign, value }) => sum + sign * value, 0),
            );
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  test("where the table was written past the fills, a leg is what its row says", async () => {
    const strategy_id = await strategy();
    const [tradingsymbol = ""] = INSTRUMENTS;
    for (const [minute, price] of [
      [0, 100],
      [2, 200],
    ] as const) {
      now_ms = NINE + minute * 60_000;
      await api.strategies.fills.add({ strategy_id, tradingsymbol, side: "BUY", quantity: 50, price });
    }
    expect(await bookAt(strategy_id, NINE)).toMatchObject({ held: [`-50 ${tradingsymbol}`], entry_value: -5000, is_due: true });
    await store.db.script(`update strategy_instruments set quantity = 10, cost = 1000 where strategy_id = ${strategy_id}`);
    expect(await bookAt(strategy_id, NINE)).toMatchObject({ held: [`-10 ${tradingsymbol}`], entry_value: -1000 });
    await store.db.script(`delete from strategy_fills where strategy_id = ${strategy_id}`);
    expect(await bookAt(strategy_id, NINE)).toMatchObject({ held: [`-10 ${tradingsymbol}`], entry_value: -1000, is_due: false });
  });
});
