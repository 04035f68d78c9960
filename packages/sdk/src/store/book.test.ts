import * as fc from "fast-check";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { closeLeg } from "../../../../test/support/leg.ts";
import { onEveryPostgres } from "../../../../test/support/store.ts";
import { insert as insertAccount } from "./account.ts";
import { readLegs, type BookLegs, type BookQuery } from "./book.ts";
import { insert, type LegRow } from "./leg.ts";
import { archive, insert as insertStrategy } from "./strategy.ts";

const NINE = Date.UTC(2025, 10, 4, 3, 30);
const MINUTE_MS = 60_000;

onEveryPostgres("the legs of a book", (store) => {
  const ids: number[] = [];
  const idOf = (place: number): number => ids[place] ?? 0;
  beforeAll(async () => {
    await insertAccount(store.db, { account_id: "XJ4540" });
    for (const name of ["a", "b", "c"]) ids.push((await insertStrategy(store.db, { account_id: "XJ4540", name })).strategy_id);
  });
  beforeEach(() =>
    store.db.script("truncate strategy_instruments, strategy_mark cascade; update strategy set status = 'active', archived_at = null"),
  );

  const add = (leg: Partial<LegRow> & { strategy_id: number }) =>
    insert(store.db, { exchange: "NFO", tradingsymbol: "X", direction: "SELL", quantity: 75, entry_price: 100, added_at_ms: NINE, ...leg });
  const read = (query: Partial<BookQuery> = {}): Promise<BookLegs> => readLegs(store.db, { as_of_ms: null, ...query });

  test("no leg, no book", async () => {
    expect(await read()).toEqual({
      instruments: [],
      strategy_id: Int32Array.of(),
      leg_from: Int32Array.of(0),
      entry_value_units: Float64Array.of(),
      realized_pnl_units: Float64Array.of(),
      closed_at_ms: Float64Array.of(),
      closed_exchange: [],
      leg_instrument: Int32Array.of(),
      leg_quantity: Int32Array.of(),
      due_strategy_ids: Int32Array.of(),
    });
  });

  test("legs are grouped by strategy, instruments are named once, and what closed legs realized is there", async () => {
    const legs = [
      await add({ strategy_id: idOf(1), tradingsymbol: "B", instrument_token: 42, expiry: "2025-11-04" }),
      await add({ strategy_id: idOf(0), tradingsymbol: "B", direction: "BUY", quantity: 150, entry_price: 50.05 }),
      await add({ strategy_id: idOf(0), exchange: "BFO", tradingsymbol: "B" }),
      await add({ strategy_id: idOf(0), tradingsymbol: "A" }),
      await add({ strategy_id: idOf(2), exchange: "MCX", tradingsymbol: "GONE", direction: "BUY", quantity: 10 }),
    ];
    const gone = legs[4]?.id ?? 0;
    await closeLeg(store.db, { strategy_id: idOf(2), instrument_id: gone, exit_price: 130.5, closed_at_ms: NINE + 5 });
    expect(await read()).toEqual({
      instruments: [
        { instrument: "BFO:B", exchange: "BFO", tradingsymbol: "B", instrument_token: null, expiry: null },
        { instrument: "NFO:A", exchange: "NFO", tradingsymbol: "A", instrument_token: null, expiry: null },
        { instrument: "NFO:B", exchange: "NFO", tradingsymbol: "B", instrument_token: 42, expiry: "2025-11-04" },
      ],
      strategy_id: Int32Array.of(idOf(0), idOf(1), idOf(2)),
      leg_from: Int32Array.of(0, 3, 4, 4),
      entry_value_units: Float64Array.of(2 * 75_000_000 - 75_075_000, 75_000_000, 0),
      realized_pnl_units: Float64Array.of(0, 0, 3_050_000),
      closed_at_ms: Float64Array.of(Number.NaN, Number.NaN, NINE + 5),
      closed_exchange: [null, null, "MCX"],
      leg_instrument: Int32Array.of(2, 0, 1, 2),
      leg_quantity: Int32Array.of(-150, 75, 75, 75),
      due_strategy_ids: Int32Array.of(),
    });
  });

  test("a law: as of an instant a leg counts from when it was added, and is realized from when it was closed", async () => {
    const history = fc.record({
      place: fc.nat(2),
      added: fc.nat(3),
      open_for: fc.option(fc.nat(3)),
      direction: fc.constantFrom("BUY" as const, "SELL" as const),
      quantity: fc.integer({ min: 1, max: 9 }),
      entry: fc.integer({ min: 1, max: 99 }),
      exit: fc.nat(99),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(history, { maxLength: 6 }), fc.nat(6), async (legs, minute) => {
        await store.db.script("truncate strategy_instruments cascade");
        for (const { place, added, open_for, direction, quantity, entry, exit } of legs) {
          const added_at_ms = NINE + added * MINUTE_MS;
          const leg = await add({ strategy_id: idOf(place), direction, quantity, entry_price: entry / 100, added_at_ms });
          if (open_for === null) continue;
          const closed_at_ms = added_at_ms + open_for * MINUTE_MS;
          await closeLeg(store.db, { strategy_id: idOf(place), instrument_id: leg.id, exit_price: exit / 100, closed_at_ms });
        }
        const book = await read({ as_of_ms: NINE + minute * MINUTE_MS });
        const sums = ids.map((_, place) => {
          const there = legs.filter((leg) => leg.place === place && leg.added <= minute);
          const isOpen = (leg: (typeof legs)[number]): boolean => leg.open_for === null || leg.added + leg.open_for > minute;
          const sum = (some: typeof legs, price: (leg: (typeof legs)[number]) => number): number =>
            some.reduce((total, leg) => total + price(leg) * 100 * leg.quantity * (leg.direction === "SELL" ? 1 : -1), 0);
          return {
            legs: there.length,
            open: there.filter(isOpen).length,
            entry: sum(there.filter(isOpen), (leg) => leg.entry),
            realized: sum(
              there.filter((leg) => !isOpen(leg)),
              (leg) => leg.entry - leg.exit,
            ),
          };
        });
        const listed = [...book.strategy_id].map((_, place) => ({
          open: (book.leg_from[place + 1] ?? 0) - (book.leg_from[place] ?? 0),
          entry: book.entry_value_units[place],
          realized: book.realized_pnl_units[place],
        }));
        expect(listed).toEqual(sums.flatMap(({ legs: count, ...sum }) => (count > 0 ? [sum] : [])));
      }),
      { numRuns: 60 },
    );
  });

  test("a part is of its leg until it was closed, also where the rest is told to have left earlier", async () => {
    const whole = await add({ strategy_id: idOf(0) });
    await add({ strategy_id: idOf(0), tradingsymbol: "Y" });
    const part = await add({ strategy_id: idOf(0), quantity: 25 });
    const sql = "update strategy_instruments set part_of = $1 where id = $2";
    await store.db.run("test.part", sql, [whole.id, part.id]);
    await closeLeg(store.db, { strategy_id: idOf(0), instrument_id: part.id, exit_price: 90, closed_at_ms: NINE + 2 * MINUTE_MS });
    await closeLeg(store.db, { strategy_id: idOf(0), instrument_id: whole.id, exit_price: 90, closed_at_ms: NINE + MINUTE_MS });
    const at = async (as_of_ms: number): Promise<unknown> => {
      const { leg_from, leg_quantity, entry_value_units } = await read({ as_of_ms });
      return [[...leg_from], [...leg_quantity], entry_value_units[0]];
    };
    expect(await at(NINE)).toEqual([[0, 2], [100, 75], 175_000_000]);
    expect(await at(NINE + MINUTE_MS)).toEqual([[0, 2], [25, 75], 100_000_000]);
    expect(await at(NINE + 2 * MINUTE_MS)).toEqual([[0, 1], [75], 75_000_000]);
  });

  test("an archived strategy leaves with the next minute, as its legs would", async () => {
    await add({ strategy_id: idOf(0) });
    await archive(store.db, { strategy_id: idOf(0) });
    expect([...(await read()).strategy_id]).toEqual([]);
    expect([...(await read({ as_of_ms: Date.now() + MINUTE_MS })).strategy_id]).toEqual([]);
    expect([...(await read({ as_of_ms: NINE })).strategy_id]).toEqual([idOf(0)]);
  });

  test("only the strategies that are asked for", async () => {
    for (const strategy_id of ids) await add({ strategy_id });
    expect([...(await read({ strategy_ids: [idOf(2), idOf(0)] })).strategy_id]).toEqual([idOf(0), idOf(2)]);
    expect([...(await read({ strategy_ids: [] })).strategy_id]).toEqual([]);
  });

  test("a strategy whose legs were removed stays in the book while it has a mark to lose", async () => {
    await store.db.script(`insert into strategy_mark values (${idOf(1)}, now(), 1, -1, 0, 0, 1, 1, 0, 0, null)`);
    const book = await read();
    expect([...book.strategy_id]).toEqual([idOf(1)]);
    expect(book).toMatchObject({ leg_from: Int32Array.of(0, 0), closed_exchange: [null] });
  });

  test("a sum beyond what money can be is NaN", async () => {
    for (let n = 0; n < 2; n += 1) await add({ strategy_id: idOf(0), quantity: 1, entry_price: 500_000_000_000 });
    expect([...(await read()).entry_value_units]).toEqual([Number.NaN]);
  });
});
