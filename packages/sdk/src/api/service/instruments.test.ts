import { join } from "node:path";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { root } from "../../../../../test/support/source.ts";
import { serviceOn } from "../../../../../test/support/service.ts";
import { onEveryPostgres } from "../../../../../test/support/store.ts";
import { importInstruments } from "../../dump/import.ts";
import type { LegAdd } from "../../model/leg.ts";
import * as listings from "../../store/listing.ts";
import type { Api } from "../contract.ts";

const DUMP = join(root, "examples/instruments.csv");

onEveryPostgres("instruments", (store) => {
  let api: Api;
  let now_ms = 0;
  let strategy_id = 0;
  beforeAll(async () => {
    api = serviceOn(store.db, { now: () => now_ms });
    await api.accounts.create({ account_id: "I1" });
    ({ strategy_id } = await api.strategies.create({ name: "Condor" }));
  });
  beforeEach(async () => {
    now_ms = Date.parse("2025-11-03T04:40:00Z");
    await store.db.script("truncate instrument");
    await importInstruments(DUMP, { url: store.url, day: "2025-11-03" });
  });
  const symbols = async (q: string, more: { exchange?: string; limit?: number } = {}): Promise<string[]> =>
    (await api.instruments.search({ q, ...more })).map(({ instrument }) => instrument);
  const add = (leg: Partial<LegAdd> & { tradingsymbol: string }): ReturnType<Api["strategies"]["legs"]["add"]> =>
    api.strategies.legs.add({ strategy_id, direction: "BUY", quantity: 75, entry_price: 100.05, ...leg });

  test("words fit in any order, and what expires next comes first", async () => {
    const calls = ["NFO:NIFTY25N0424500CE", "NFO:NIFTY25NOV24500CE", "NFO:NIFTY30JUN24500CE"];
    for (const q of ["nifty 24500 ce", "CE 24500.00 Nifty", "ce  nifty\t24500"]) expect(await symbols(q)).toEqual(calls);
    expect(await symbols("nifty 24500 ce", { limit: 1 })).toEqual(calls.slice(0, 1));
    now_ms = Date.parse("2025-11-27T04:40:00Z");
    expect(await symbols("nifty 24500 ce")).toEqual([calls[2], calls[1], calls[0]]);
  });

  test("a word is the beginning of a name or symbol, a whole strike, a month, an expiry, an exchange", async () => {
    expect(await symbols("bank")).toEqual(["NFO:BANKNIFTY25NOV58000CE"]);
    expect(await symbols("nifty")).not.toContain("NFO:BANKNIFTY25NOV58000CE");
    expect(await symbols("auto")).toEqual(["NFO:BAJAJ-AUTO25NOVFUT"]);
    expect(await symbols("2450")).toEqual([]);
    expect(await symbols("fut 25nov nifty")).toEqual(["NFO:NIFTY25NOVFUT"]);
    expect(await symbols("2025-11-06")).toEqual(["BFO:SENSEX25N0684500CE"]);
    expect(await symbols("nse:reliance")).toEqual(["NSE:RELIANCE"]);
    expect(await symbols("reliance", { exchange: "bse" })).toEqual(["BSE:RELIANCE"]);
    expect((await symbols("nifty"))[0]).toBe("NFO:NIFTY25N0424500CE");
    expect(await symbols("50 nifty")).toEqual(["NSE:NIFTY 50"]);
    for (const q of ["%", "_", "'", "\\"]) expect(await symbols(q)).toEqual([]);
  });

  test("one is told whole; of a bare symbol the exchange that has it, or both where two do", async () => {
    expect(await api.instruments.get({ instrument: "nifty25nov24500ce" })).toEqual({
      instrument: "NFO:NIFTY25NOV24500CE",
      exchange: "NFO",
      tradingsymbol: "NIFTY25NOV24500CE",
      instrument_token: 1_000_003,
      exchange_token: 3909,
      name: "NIFTY",
      instrument_type: "CE",
      strike: 24_500,
      expiry: "2025-11-25",
      tick_size: 0.05,
      lot_size: 75,
      segment: "NFO-OPT",
      seen_on: "2025-11-03",
    });
    expect(await api.instruments.get({ instrument: "NSE:NIFTY 50" })).toMatchObject({ tick_size: null, lot_size: null, strike: null });
    const both = "RELIANCE is listed as BSE:RELIANCE and NSE:RELIANCE";
    await expect(api.instruments.get({ instrument: "reliance" })).rejects.toMatchObject({ code: "instrument_invalid", message: both });
    await expect(api.instruments.get({ instrument: "NFO:NIFTY25DECFUT" })).rejects.toMatchObject({ code: "instrument_unknown" });
    await expect(api.instruments.get({ instrument: "what?" })).rejects.toMatchObject({ code: "instrument_invalid" });
  });

  test("a leg is of what the exchange lists: a monthly's day, the token, the lot", async () => {
    const leg = await add({ tradingsymbol: "NIFTY25NOV24500CE", quantity: undefined, lots: 2 });
    expect(leg).toMatchObject({ instrument_token: 1_000_003, expiry: "2025-11-25", strike: 24_500, instrument_type: "CE" });
    expect(leg).toMatchObject({ underlying_symbol: "NIFTY", lot_size: 75, quantity: 150 });
    expect(leg).not.toHaveProperty("warnings");
    const trade = { strategy_id, tradingsymbol: "BFO:SENSEX25N0684500CE", side: "SELL", quantity: 20, price: 90 } as const;
    const { legs } = await api.strategies.fills.add(trade);
    expect(legs).toMatchObject([{ instrument_token: 1_000_009, expiry: "2025-11-06", lot_size: 20, underlying_symbol: "SENSEX" }]);
    expect(await add({ tradingsymbol: "BSE:RELIANCE", quantity: 1 })).toMatchObject({ underlying_symbol: "RELIANCE", expiry: null });
  });

  test("a lot is a leg's own from its entry on: one that changes later moves nothing", async () => {
    const before = await add({ tradingsymbol: "NIFTY25NOVFUT", entry_price: 26_000, quantity: 75 });
    const future = await listings.find(store.db, before);
    if (future === null) throw new Error("the future is not there");
    await listings.upsertMany(store.db, [{ ...future, lot_size: 65 }], { seen_on: "2025-11-04" });
    const after = await add({ tradingsymbol: "NIFTY25NOVFUT", entry_price: 26_000, quantity: undefined, lots: 1 });
    const legs = await api.strategies.legs.list({ strategy_id });
    const told_of = (id: number): unknown =>
      legs.filter((leg) => leg.id === id).map(({ lot_size, quantity, cost }) => [lot_size, quantity, cost]);
    expect([told_of(before.id), told_of(after.id)]).toEqual([[[75, 75, 1_950_000]], [[65, 65, 1_690_000]]]);
  });

  test("what looks wrong is a warning, and with strict an error that adds nothing", async () => {
    const off = { tradingsymbol: "NIFTY25NOV24500CE", entry_price: 101.53, quantity: 50 };
    const warnings = [
      { code: "price_off_tick", message: "price 101.53 is not a multiple of the tick size 0.05 of NFO:NIFTY25NOV24500CE" },
      { code: "quantity_off_lot", message: "quantity 50 is not a multiple of the lot of NFO:NIFTY25NOV24500CE, 75" },
    ];
    expect((await add(off)).warnings).toEqual(warnings);
    const unknown = { tradingsymbol: "NFO:NIFTY25DECFUT" };
    expect((await add(unknown)).warnings).toEqual([
      { code: "instrument_unknown", message: "no dump that was imported lists NFO:NIFTY25DECFUT" },
    ]);
    const count = (await api.strategies.legs.list({ strategy_id })).length;
    await expect(add({ ...off, strict: true })).rejects.toMatchObject({ code: "input_invalid", details: { warnings } });
    await expect(add({ ...unknown, strict: true })).rejects.toMatchObject({ code: "instrument_unknown" });
    expect(await api.strategies.legs.list({ strategy_id })).toHaveLength(count);
    expect(await add({ tradingsymbol: "NIFTY25NOV24500CE", strict: true })).toMatchObject({ quantity: 75 });
  });

  test("of an exchange without a dump nothing is said, and the symbol tells what it can", async () => {
    const leg = await add({ tradingsymbol: "MCX:CRUDEOIL25NOVFUT", quantity: 1, entry_price: 5432.1 });
    expect(leg).toMatchObject({ expiry: null, underlying_symbol: "CRUDEOIL", instrument_token: null });
    expect(leg).not.toHaveProperty("warnings");
    await store.db.script("truncate instrument");
    expect(await add({ tradingsymbol: "NIFTY25NOV24500CE", entry_price: 1.01, strict: true })).toMatchObject({
      lot_size: 75,
      expiry: null,
    });
  });
});
