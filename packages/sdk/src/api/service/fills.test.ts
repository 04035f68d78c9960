import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { serviceOn } from "../../../../../test/support/service.ts";
import { onEveryPostgres } from "../../../../../test/support/store.ts";
import type { FillAdd } from "../../model/fill.ts";
import type { Leg } from "../../model/leg.ts";
import { readLegs } from "../../store/book.ts";
import type { Api } from "../contract.ts";

const NOON_MS = Date.parse("2026-11-25T04:40:00Z");

onEveryPostgres("fills", (store) => {
  let api: Api;
  let now_ms = NOON_MS;
  let strategy_id = 0;
  let other_id = 0;
  let made = 0;
  beforeAll(async () => {
    api = serviceOn(store.db, { now: () => now_ms });
    await api.accounts.create({ account_id: "F1" });
  });
  beforeEach(async () => {
    now_ms = NOON_MS;
    made += 1;
    ({ strategy_id } = await api.strategies.create({ name: `Fills ${made}` }));
    ({ strategy_id: other_id } = await api.strategies.create({ name: `Other ${made}` }));
  });
  type Trade = Omit<FillAdd, "strategy_id" | "tradingsymbol">;
  const trade = async (side: "BUY" | "SELL", quantity: number, price: number, more: Partial<Trade> = {}) => {
    now_ms += 1000;
    return api.strategies.fills.add({ strategy_id, tradingsymbol: "NFO:NIFTY26NOVFUT", side, quantity, price, ...more });
  };
  const all = (id = strategy_id): Promise<Leg[]> => api.strategies.legs.list({ strategy_id: id });
  const open = async (id = strategy_id): Promise<unknown[]> =>
    (await all(id))
      .filter(({ closed_at }) => closed_at === null)
      .map(({ direction, quantity, entry_price, cost }) => [direction, quantity, entry_price, cost]);
  const realized = async (id = strategy_id): Promise<number> => {
    const book = await readLegs(store.db, { as_of_ms: null, strategy_ids: [id] });
    return (book.realized_pnl_units[0] ?? 0) / 10_000;
  };

  /** What the strategy is worth once the instrument is quoted at a price. */
  const worth = async (price: number): Promise<unknown> => {
    const sql = `insert into last_quote (exchange, tradingsymbol, price, at, source) values ('NFO', 'NIFTY26NOVFUT', $1, now(), 'redis')
      on conflict (exchange, tradingsymbol) do update set price = excluded.price`;
    await store.db.run("test.quote", sql, [price]);
    const { positions, summary } = await api.strategies.positions({ strategy_id });
    const [unrealized_pnl] = positions.filter(({ quantity }) => quantity > 0).map((position) => position.unrealized_pnl);
    return { m2m: summary.total_m2m, unrealized_pnl, pnl: summary.total_pnl };
  };

  test("flip-splits-at-zero: a trade through zero closes the leg and opens another at its own price", async () => {
    await trade("BUY", 75, 120);
    const { fills } = await trade("SELL", 150, 130);
    expect(fills.map(({ side, quantity, realized_pnl }) => [side, quantity, realized_pnl])).toEqual([
      ["SELL", 75, 750],
      ["SELL", 75, null],
    ]);
    expect([await open(), await realized()]).toEqual([[["SELL", 75, 130, 9750]], 750]);
    expect(await worth(127)).toEqual({ m2m: 9525, unrealized_pnl: 225, pnl: 975 });
  });

  test("an entry that is told late begins its leg, in the books of that time too", async () => {
    await trade("BUY", 50, 100, { at: "2026-11-25T04:00:00Z" });
    await trade("SELL", 20, 110, { at: "2026-11-25T04:20:00Z" });
    await trade("BUY", 25, 90, { at: "2026-11-25T03:50:00Z" });
    const at = async (time: string): Promise<unknown[]> => {
      const book = await readLegs(store.db, { as_of_ms: Date.parse(`2026-11-25T${time}Z`), strategy_ids: [strategy_id] });
      return [...book.leg_quantity, ...book.entry_value_units];
    };
    expect(await at("03:49:59")).toEqual([]);
    expect(await at("03:55:00")).toEqual([-25, -22_500_000]);
    expect(await at("04:10:00")).toEqual([-75, -72_500_000]);
    expect(await at("04:30:00")).toEqual([-55, -52_500_000]);
  });

  test("a trade dated before its leg, before what is first in has left it, or in another age, is refused", async () => {
    await trade("BUY", 50, 1000, { at: "2026-11-25T04:00:00Z" });
    await expect(trade("SELL", 50, 1000, { at: "2026-11-25T03:59:59Z" })).rejects.toMatchObject({
      code: "input_invalid",
      message: expect.stringMatching(/^at 2026-11-25T03:59:59Z is before leg \d+ was entered, 2026-11-25T04:00:00Z$/),
    });
    await trade("BUY", 50, 1, { at: "2026-11-25T04:01:00Z" });
    await trade("SELL", 50, 10, { at: "2026-11-25T04:02:00Z", cost_method: "fifo" });
    await expect(trade("BUY", 50, 1, { at: "2026-11-25T04:01:30Z" })).rejects.toMatchObject({
      code: "input_invalid",
      message: expect.stringContaining("was left last, 2026-11-25T04:02:00Z, first in first out"),
    });
    await expect(trade("BUY", 50, 1, { at: "0001-01-01T00:00:00Z" })).rejects.toMatchObject({
      message: "at 0001-01-01T00:00:00Z is before there were derivatives",
    });
    expect([await open(), await realized()]).toEqual([[["BUY", 50, 1, 50]], -49_500]);
  });

  test("a-reopened-symbol-starts-a-new-life: entered again after zero it is another leg, and nothing of the first is in it", async () => {
    for (const price of [91, 75, 49]) await trade("BUY", 25, price);
    await trade("SELL", 75, 71);
    await trade("BUY", 25, 60);
    expect([await open(), await realized()]).toEqual([[["BUY", 25, 60, 1500]], -50]);
    expect(await worth(60)).toEqual({ m2m: -1500, unrealized_pnl: 0, pnl: -50 });
  });

  test("average-cost-is-a-sum-not-a-rounded-price", async () => {
    await trade("BUY", 50, 100.05);
    await trade("BUY", 25, 100.1);
    expect(await open()).toEqual([["BUY", 75, 100.0667, 7505]]);
    expect(await worth(100.1)).toEqual({ m2m: -7507.5, unrealized_pnl: 2.5, pnl: 2.5 });
    await trade("SELL", 75, 100.1);
    expect([await open(), await realized()]).toEqual([[], 2.5]);
  });

  test("add-after-a-partial-exit: by average cost, or first in first out where it was chosen, and never both", async () => {
    const steps = async (cost_method?: "average" | "fifo"): Promise<unknown[]> => {
      await trade("BUY", 50, 100);
      await trade("BUY", 50, 110);
      await trade("SELL", 30, 120, { cost_method });
      const after_third = await realized();
      await trade("BUY", 30, 90);
      const after_fourth = await open();
      await trade("SELL", 100, 101);
      return [after_third, after_fourth, await realized()];
    };
    expect(await steps()).toEqual([450, [["BUY", 100, 100.5, 10_050]], 500]);
    ({ strategy_id } = await api.strategies.create({ name: `Fifo ${made}` }));
    expect(await steps("fifo")).toEqual([600, [["BUY", 100, 102, 10_200]], 500]);
    await trade("BUY", 100, 100);
    await trade("SELL", 10, 100, { cost_method: "fifo" });
    await expect(trade("SELL", 10, 100, { cost_method: "average" })).rejects.toMatchObject({
      code: "input_invalid",
      message: /closed by fifo/,
    });
  });

  test("the-same-trade-id-counts-once, and another trade under it is refused", async () => {
    const first = await trade("BUY", 75, 88.4, { external_id: "T1" });
    const again = await trade("BUY", 75, 88.4, { external_id: "T1" });
    expect([again.fills, await open()]).toEqual([first.fills, [["BUY", 75, 88.4, 6630]]]);
    await expect(trade("BUY", 75, 88.5, { external_id: "T1" })).rejects.toMatchObject({ code: "fill_exists" });
    expect(await api.strategies.fills.list({ strategy_id })).toHaveLength(1);
    await trade("SELL", 150, 90, { external_id: "T2" });
    expect((await trade("SELL", 150, 90, { external_id: "T2" })).fills).toHaveLength(2);
    expect(await open()).toEqual([["SELL", 75, 90, 6750]]);
  });

  test("one trade is of one strategy and one instrument, told at once or after each other", async () => {
    const told = { tradingsymbol: "NFO:NIFTY26NOVFUT", side: "BUY", quantity: 75, price: 88.4, external_id: `S${made}` } as const;
    const both = await Promise.allSettled([strategy_id, other_id].map((id) => api.strategies.fills.add({ ...told, strategy_id: id })));
    const refused = both.filter((one) => one.status === "rejected");
    expect(refused).toHaveLength(1);
    expect(refused[0]?.reason).toMatchObject({
      code: "fill_exists",
      message: expect.stringMatching(/BUY 75 NFO:NIFTY26NOVFUT at 88.4 in strategy \d+$/),
    });
    expect([...(await open()), ...(await open(other_id))]).toHaveLength(1);
    const there = both[0]?.status === "fulfilled" ? strategy_id : other_id;
    const other = api.strategies.fills.add({ ...told, strategy_id: there, tradingsymbol: "NFO:BANKNIFTY26NOVFUT" });
    await expect(other).rejects.toMatchObject({ code: "fill_exists" });
  });

  test("two tellings at once count once", async () => {
    const told = await Promise.all(Array.from({ length: 8 }, () => trade("BUY", 75, 88.4, { external_id: "T9" })));
    expect(new Set(told.map(({ fills }) => fills[0]?.id)).size).toBe(1);
    expect(await open()).toEqual([["BUY", 75, 88.4, 6630]]);
  });

  describe("a leg", () => {
    const leg = async (quantity = 75): Promise<number> =>
      (await api.strategies.legs.add({ strategy_id, tradingsymbol: "NFO:NIFTY26NOVFUT", direction: "BUY", quantity, entry_price: 100 })).id;

    test("close-more-than-there-is: nothing is done; in part, the rest keeps its id", async () => {
      const instrument_id = await leg();
      await expect(api.strategies.legs.close({ strategy_id, instrument_id, quantity: 100, exit_price: 110 })).rejects.toMatchObject({
        code: "input_invalid",
      });
      expect([await open(), await realized()]).toEqual([[["BUY", 75, 100, 7500]], 0]);
      const part = await api.strategies.legs.close({ strategy_id, instrument_id, quantity: 25, exit_price: 110.5 });
      expect(part).toMatchObject({
        quantity: 25,
        cost: 2500,
        exit_value: 2762.5,
        closed_by: "fill",
        part_of: instrument_id,
        current_pnl: 262.5,
      });
      expect((await all()).map(({ id, quantity, closed_at }) => [id, quantity, closed_at === null])).toEqual([
        [instrument_id, 50, true],
        [part.id, 25, false],
      ]);
      expect(await realized()).toBe(262.5);
    });

    test("worthless is left at 0", async () => {
      const instrument_id = await leg();
      expect(await api.strategies.legs.close({ strategy_id, instrument_id, exit_price: 0 })).toMatchObject({
        exit_value: 0,
        current_pnl: -7500,
      });
    });

    test("a book as of before a close is the book that was", async () => {
      const instrument_id = await leg();
      now_ms += 60_000;
      await store.db.run(
        "test.dates",
        "update strategy_instruments set added_at = to_timestamp($1::float8 / 1000) where strategy_id = $2",
        [NOON_MS - 1, strategy_id],
      );
      await api.strategies.legs.close({ strategy_id, instrument_id, quantity: 25, exit_price: 110 });
      const at = async (as_of_ms: number): Promise<unknown[]> => {
        const { leg_quantity, entry_value_units, realized_pnl_units } = await readLegs(store.db, { as_of_ms, strategy_ids: [strategy_id] });
        return [leg_quantity.reduce((sum, quantity) => sum + quantity, 0), entry_value_units[0], realized_pnl_units[0]];
      };
      expect(await at(now_ms - 1)).toEqual([-75, -75_000_000, 0]);
      expect(await at(now_ms)).toEqual([-50, -50_000_000, 2_500_000]);
    });

    test("that was traded in parts is neither corrected nor removed; one that was entered once is", async () => {
      const instrument_id = await leg();
      await api.strategies.legs.update({ strategy_id, instrument_id, entry_price: 101 });
      expect(await api.strategies.fills.list({ strategy_id })).toMatchObject([{ price: 101, value: 7575, source: "entry" }]);
      await api.strategies.legs.close({ strategy_id, instrument_id, quantity: 25, exit_price: 110 });
      const refused = { code: "leg_has_fills" };
      await expect(api.strategies.legs.update({ strategy_id, instrument_id, quantity: 10 })).rejects.toMatchObject(refused);
      await expect(api.strategies.legs.remove({ strategy_id, instrument_id })).rejects.toMatchObject(refused);
      await api.strategies.legs.update({ strategy_id, instrument_id, notes: "half of it left" });
      expect(
        (await api.strategies.fills.list({ strategy_id }))
          .map(({ quantity, price }) => [quantity, price] as const)
          .toSorted(([a], [b]) => a - b),
      ).toEqual([
        [25, 110],
        [75, 101],
      ]);
      const single = await leg();
      await api.strategies.legs.remove({ strategy_id, instrument_id: single });
      expect((await api.strategies.fills.list({ strategy_id })).map(({ leg_id }) => leg_id)).not.toContain(single);
    });

    test("keeps its entries whatever is noted of it, so that what is first in is first out", async () => {
      await trade("BUY", 50, 100);
      const [added] = (await trade("BUY", 50, 110)).legs;
      await trade("SELL", 30, 120, { cost_method: "fifo" });
      await api.strategies.legs.update({ strategy_id, instrument_id: added?.id ?? 0, notes: "x", lot_size: 25 });
      const [exit] = (await trade("SELL", 20, 120)).fills;
      expect([exit?.realized_pnl, await realized()]).toEqual([400, 1000]);
    });

    test("goes to another strategy at its cost: nothing is realized, and together they hold what was held", async () => {
      await trade("BUY", 50, 100.05);
      await trade("BUY", 25, 100.1);
      const [held] = await all();
      const there = await api.strategies.legs.move({ strategy_id, instrument_id: held?.id ?? 0, to_strategy_id: other_id, quantity: 40 });
      expect(there).toMatchObject({ strategy_id: other_id, quantity: 40, cost: 4002.6667, entry_price: 100.0667 });
      expect([await open(), await realized(), await realized(other_id)]).toEqual([[["BUY", 35, 100.0667, 3502.3333]], 0, 0]);
      await api.strategies.legs.move({ strategy_id, instrument_id: held?.id ?? 0, to_strategy_id: other_id });
      expect([await open(), (await open(other_id)).length]).toEqual([[], 2]);
      await expect(api.strategies.legs.move({ strategy_id, instrument_id: held?.id ?? 0, to_strategy_id: other_id })).rejects.toMatchObject(
        { code: "leg_closed" },
      );
    });

    test("of a strategy that was archived as it was goes to the default strategy all the same", async () => {
      await leg();
      await api.strategies.archive({ strategy_id });
      expect(await open()).toHaveLength(1);
      await api.strategies.archive({ strategy_id, move_to_default: true });
      expect(await open()).toEqual([]);
    });

    test("is in no strategy that is archived meanwhile", async () => {
      for (let round = 0; round < 10; round += 1) {
        const { strategy_id: id } = await api.strategies.create({ name: `Raced ${made} ${round}` });
        const [added, archived] = await Promise.allSettled([
          api.strategies.fills.add({ strategy_id: id, tradingsymbol: "NFO:NIFTY26NOVFUT", side: "BUY", quantity: 75, price: 100 }),
          api.strategies.archive({ strategy_id: id, move_to_default: true }),
        ]);
        expect(archived.status).toBe("fulfilled");
        if (added.status === "rejected") expect(added.reason).toMatchObject({ code: "strategy_archived" });
        expect(await open(id)).toEqual([]);
      }
    });

    test("a strategy that was a mistake is archived, and its open legs are the default strategy's", async () => {
      await leg();
      await leg(150);
      const [byDefault] = await api.strategies.list({ status: "active", limit: 1 });
      const before = (await open(byDefault?.strategy_id)).length;
      expect(await api.strategies.archive({ strategy_id, move_to_default: true })).toMatchObject({ status: "archived" });
      expect([await open(), (await open(byDefault?.strategy_id)).length]).toEqual([[], before + 2]);
      expect(await api.strategies.archive({ strategy_id, move_to_default: true })).toMatchObject({ status: "archived" });
    });

    test("all are closed, or none where one has no price", async () => {
      await leg();
      await expect(api.strategies.close({ strategy_id })).rejects.toMatchObject({ code: "quote_missing" });
      expect(await open()).toHaveLength(1);
    });
  });

  test("a trade that has not come yet is a mistyped date; a broker's clock may be a minute ahead", async () => {
    const at = (ahead_ms: number): string => new Date(NOON_MS + 1000 + ahead_ms).toISOString();
    await expect(trade("BUY", 75, 100, { at: at(60_001) })).rejects.toMatchObject({
      code: "input_invalid",
      details: { errors: [{ field: "at" }] },
    });
    now_ms = NOON_MS;
    await trade("BUY", 75, 100, { at: at(60_000) });
    expect(await open()).toEqual([["BUY", 75, 100, 7500]]);
  });
});
