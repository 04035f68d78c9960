import { beforeAll, expect, test } from "vitest";
import { closeLeg } from "../../../../test/support/leg.ts";
import { onEveryPostgres } from "../../../../test/support/store.ts";
import { insert as insertAccount } from "./account.ts";
import { find, insert, list, remove, update, type LegRow } from "./leg.ts";
import { upsertMany as upsertQuotes } from "./quote.ts";
import { find as findStrategy, insert as insertStrategy } from "./strategy.ts";

const CALL = { exchange: "NFO", tradingsymbol: "NIFTY25N0424500CE", direction: "SELL", quantity: 75, entry_price: 101.55 } as const;

onEveryPostgres("legs", (store) => {
  let strategy_id = 0;
  beforeAll(async () => {
    await insertAccount(store.db, { account_id: "XJ4540" });
    ({ strategy_id } = await insertStrategy(store.db, { account_id: "XJ4540", name: "legs" }));
  });
  const another = async (): Promise<number> => {
    const strategy = await insertStrategy(store.db, { account_id: "XJ4540", name: `strategy ${Math.random()}` });
    return strategy.strategy_id;
  };
  const quoted = (price_units: number): Promise<number> =>
    upsertQuotes(store.db, {
      length: 1,
      exchange: ["NFO"],
      tradingsymbol: ["NIFTY25N0424500CE"],
      price_units: Float64Array.of(price_units),
      at_ms: Float64Array.of(Date.UTC(2025, 10, 4, 4)),
      source: ["redis"],
    });

  test("a new leg costs entry_price × quantity, and has no price until somebody quotes it", async () => {
    const leg = await insert(store.db, {
      ...CALL,
      strategy_id,
      instrument_token: 9_007_199_254_740_991,
      instrument_type: "CE",
      strike: 24_500,
      expiry: "2025-11-04",
      underlying_symbol: "NIFTY",
      lot_size: 75,
      notes: "short wing",
    });
    expect(leg).toMatchObject({
      ...CALL,
      instrument: "NFO:NIFTY25N0424500CE",
      instrument_token: 9_007_199_254_740_991,
      strike: 24_500,
      expiry: "2025-11-04",
      cost: 7616.25,
      exit_price: null,
      closed_at: null,
      current_price: null,
      current_price_at: null,
      current_pnl: null,
    });
    await quoted(1_000_000);
    expect(await find(store.db, { strategy_id, instrument_id: leg.id })).toMatchObject({
      current_price: 100,
      current_price_at: "2025-11-04T04:00:00Z",
      current_pnl: 116.25,
    });
  });

  test("two legs of one symbol each keep their own P&L", async () => {
    const own = await another();
    await insert(store.db, { ...CALL, strategy_id: own, direction: "BUY", entry_price: 90 });
    await insert(store.db, { ...CALL, strategy_id: own, direction: "BUY", entry_price: 110, quantity: 150 });
    await quoted(1_000_000);
    expect((await list(store.db, { strategy_id: own })).map(({ current_pnl }) => current_pnl)).toEqual([750, -1500]);
    expect(await findStrategy(store.db, { strategy_id: own })).toMatchObject({ instrument_count: 2 });
  });

  test("a change of quantity or price brings the cost along, null clears, and the rest stays", async () => {
    const { id } = await insert(store.db, { ...CALL, strategy_id, lot_size: 75, notes: "n" });
    const key = { strategy_id, instrument_id: id };
    expect(await update(store.db, { ...key, quantity: 150 })).toMatchObject({ quantity: 150, cost: 15_232.5, notes: "n", lot_size: 75 });
    expect(await update(store.db, { ...key, entry_price: 0.05, notes: null, lot_size: null })).toMatchObject({
      entry_price: 0.05,
      cost: 7.5,
      notes: null,
      lot_size: null,
    });
    const before = await find(store.db, key);
    expect(await update(store.db, { ...key })).toEqual(before);
  });

  test("a closed leg is history: its P&L is what it was closed at, and it cannot be changed, closed again or removed", async () => {
    const own = await another();
    const { id } = await insert(store.db, { ...CALL, strategy_id: own });
    const key = { strategy_id: own, instrument_id: id };
    const closed = await closeLeg(store.db, { ...key, exit_price: 0, closed_at_ms: Date.now() });
    expect(closed).toMatchObject({ exit_price: 0, current_price: null, current_pnl: 7616.25 });
    expect(closed?.closed_at).not.toBeNull();
    expect(await update(store.db, { ...key, quantity: 1 })).toBeNull();
    expect(await closeLeg(store.db, { ...key, exit_price: 1, closed_at_ms: Date.now() })).toBeNull();
    expect(await remove(store.db, key)).toBeNull();
    const open = await insert(store.db, { ...CALL, strategy_id: own });
    expect((await list(store.db, { strategy_id: own })).map((leg) => leg.id)).toEqual([open.id, id]);
    expect(await findStrategy(store.db, { strategy_id: own })).toMatchObject({ instrument_count: 1 });
  });

  test("a removed leg is gone, and was the strategy's own", async () => {
    const leg = await insert(store.db, { ...CALL, strategy_id });
    expect(await remove(store.db, { strategy_id: await another(), instrument_id: leg.id })).toBeNull();
    expect(await remove(store.db, { strategy_id, instrument_id: leg.id })).toMatchObject({ id: leg.id });
    expect(await find(store.db, { strategy_id, instrument_id: leg.id })).toBeNull();
  });

  test.each<[Partial<LegRow>, string]>([
    [{ quantity: 0 }, "input_invalid"],
    [{ quantity: -75 }, "input_invalid"],
    [{ entry_price: 0 }, "input_invalid"],
    [{ entry_price: -1 }, "input_invalid"],
    [{ entry_price: Number.NaN }, "money_too_large"],
    [{ entry_price: 500_000_000_000, quantity: 2 }, "money_too_large"],
    [{ entry_price: 500_000_000_000, quantity: 2_147_483_647 }, "money_too_large"],
    [{ lot_size: 0 }, "input_invalid"],
    [{ tradingsymbol: "nifty25n0424500ce" }, "instrument_invalid"],
    [{ exchange: "" }, "instrument_invalid"],
    [{ strategy_id: 2_000_000_000 }, "strategy_unknown"],
  ])("%o is refused with %s", async (wrong, code) => {
    await expect(insert(store.db, { ...CALL, strategy_id, ...wrong })).rejects.toMatchObject({ code });
  });

  test("where a leg's P&L at the last price is beyond the bound, it is unknown", async () => {
    await store.db.script("insert into last_quote values ('NSE', 'DEAR', 500000000000, now(), 'test')");
    const leg = await insert(store.db, { ...CALL, strategy_id, exchange: "NSE", tradingsymbol: "DEAR", entry_price: 1 });
    expect(leg).toMatchObject({ current_price: 500_000_000_000, current_pnl: null });
  });

  test("not-a-number-is-a-number-to-postgres", async () => {
    const wrongs = [
      `insert into strategy_instruments (strategy_id, exchange, tradingsymbol, direction, quantity, entry_price)
         values (${strategy_id}, 'NFO', 'X', 'BUY', 1, 'NaN')`,
      `insert into strategy_instruments (strategy_id, exchange, tradingsymbol, direction, quantity, entry_price, cost)
         values (${strategy_id}, 'NFO', 'X', 'BUY', 1, 1, 'NaN')`,
      `update strategy_instruments set exit_price = 'NaN', closed_at = now() where strategy_id = ${strategy_id} and closed_at is null`,
      `update strategy set total_pnl = 'NaN'`,
      `insert into last_quote values ('NSE', 'X', 'NaN', now(), 'test')`,
      `insert into strategy_mark values (${strategy_id}, now(), 'NaN', 'NaN', 0, 0, 1, 1, 0, 0, null)`,
      `insert into strategy_pnl_metrics (strategy_id, metric_date, sharpe_ratio) values (${strategy_id}, '2025-11-04', 'NaN')`,
      `insert into strategy_pnl_metrics (strategy_id, metric_date, max_drawdown) values (${strategy_id}, '2025-11-04', 'NaN')`,
      `insert into strategy_pnl_metrics (strategy_id, metric_date, win_rate) values (${strategy_id}, '2025-11-04', 'NaN')`,
    ];
    for (const wrong of wrongs)
      await expect(store.db.script(wrong), wrong).rejects.toMatchObject({ code: "database_refused", details: { sqlstate: "23514" } });
  });
});
