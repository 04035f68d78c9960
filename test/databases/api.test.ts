import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect, type MinuteCandle, type Stratctl } from "../../packages/sdk/src/index.ts";
import { batchOf, upsertMany } from "../../packages/sdk/src/store/candle.ts";
import { openPool, type Database } from "../../packages/sdk/src/store/db.ts";
import { freshDatabase, POSTGRES, type FreshDatabase } from "../support/postgres.ts";
import { refused } from "../support/refused.ts";
import { MIGRATED } from "../support/store.ts";
import { startTicker, type Ticker } from "../support/ticker.ts";

/** Nobody listens there: what Redis would say is then "connection refused". */
const NO_REDIS = "redis://127.0.0.1:1";
/** Expire far ahead, whenever this runs. */
const CE = "NFO:NIFTY49D2825000CE";
const PE = "NFO:NIFTY49D2824600PE";
/** Expired, and still told by the ticker. */
const OVER = "NFO:NIFTY2580725000CE";

describe.each(POSTGRES)("the Api on $name", ({ missing, server }) => {
  let fresh: FreshDatabase;
  let ticker: Ticker;
  let api: Stratctl;
  let database: Database;

  beforeAll(async () => {
    if (missing !== null) return;
    fresh = await freshDatabase(await server(), MIGRATED);
    ticker = await startTicker({ [CE]: 97.35, [PE]: 106.2, [OVER]: 12.5, "NFO:NIFTY26OCT26000CE": 101.5 });
    api = await connect({ url: fresh.url, redis_url: NO_REDIS, ticker_url: ticker.url });
    database = await openPool(fresh.url);
  });
  afterAll(async () => {
    if (missing !== null) return;
    await api.close();
    await database.close();
    await ticker[Symbol.asyncDispose]();
    await fresh.drop();
  });

  describe.skipIf(missing)("", () => {
    test("without an account, every call that needs one says how to add it", async () => {
      await refused(api.strategies.list({}), "account_required", "there is no account yet");
      await refused(api.accounts.get({ account_id: "XJ4540" }), "account_unknown", 'no account "XJ4540"');
    });

    test("an account comes with its default strategy, and is found by its aliases", async () => {
      const account = await api.accounts.create({ account_id: "XJ4540", aliases: ["4711"] });
      expect(account).toMatchObject({ account_id: "XJ4540", account_name: null, aliases: ["4711"], broker: "zerodha", is_active: true });
      expect(await api.accounts.get({})).toEqual(account);
      expect(await api.accounts.get({ account_id: "4711" })).toEqual(account);
      expect(await api.strategies.list({})).toMatchObject([
        {
          account_id: "XJ4540",
          name: "Default Strategy",
          is_default: true,
          status: "active",
          instrument_count: 0,
          current_pnl: null,
          current_m2m: null,
        },
      ]);
      await refused(api.accounts.create({ account_id: "XJ4540" }), "account_exists");
      await refused(api.accounts.create({ account_id: "a b" }), "input_invalid", 'account_id "a b" is not an account id');
    });

    test("names: unique among the active in any case, free again when archived", async () => {
      const condor = await api.strategies.create({ name: "Condor", tags: ["weekly", "weekly"], description: "iron" });
      expect(condor).toMatchObject({ name: "Condor", tags: ["weekly"], description: "iron", strategy_type: "manual", archived_at: null });
      await refused(api.strategies.create({ name: " condor " }), "strategy_exists");
      expect(await api.strategies.getOrCreate({ name: "CONDOR" })).toEqual(condor);
      const archived = await api.strategies.archive({ strategy_id: condor.strategy_id });
      expect(archived).toMatchObject({ status: "archived" });
      expect(await api.strategies.archive({ strategy_id: condor.strategy_id })).toEqual(archived);
      const again = await api.strategies.getOrCreate({ name: "condor" });
      expect(again.strategy_id).not.toBe(condor.strategy_id);
      expect((await api.strategies.resolve({ strategy: "CoNdOr" })).strategy_id).toBe(again.strategy_id);
      expect((await api.strategies.resolve({ strategy: String(condor.strategy_id) })).status).toBe("archived");
    });

    test("ten at once get the one strategy of that name", async () => {
      const made = await Promise.all(Array.from({ length: 10 }, () => api.strategies.getOrCreate({ name: "Race" })));
      expect(new Set(made.map(({ strategy_id }) => strategy_id)).size).toBe(1);
    });

    test("a near miss is suggested, a far one is not", async () => {
      await refused(
        api.strategies.resolve({ strategy: "condo" }),
        "strategy_unknown",
        'no strategy "condo" in XJ4540; did you mean "condor"?',
      );
      await refused(api.strategies.resolve({ strategy: "straddle" }), "strategy_unknown", 'no strategy "straddle" in XJ4540');
    });

    test("the default strategy keeps its name and its place", async () => {
      const [first] = await api.strategies.list({});
      const strategy_id = first?.strategy_id ?? 0;
      await refused(api.strategies.update({ strategy_id, name: "Mine" }), "strategy_default", "cannot be renamed");
      await refused(api.strategies.archive({ strategy_id }), "strategy_default", "cannot be archived");
      expect(await api.strategies.update({ strategy_id, total_capital_deployed: 150_000.25 })).toMatchObject({
        total_capital_deployed: 150_000.25,
      });
      expect(await api.strategies.update({ strategy_id, total_capital_deployed: null })).toMatchObject({ total_capital_deployed: null });
    });

    test("filters: status, tag, part of the name; the default first, then the newest", async () => {
      await api.strategies.create({ name: "Calendar", tags: ["far"] });
      const names = async (query: Parameters<typeof api.strategies.list>[0]): Promise<string[]> =>
        (await api.strategies.list(query)).map(({ name }) => name);
      expect(await names({ tag: "far" })).toEqual(["Calendar"]);
      expect(await names({ search: "CALEN" })).toEqual(["Calendar"]);
      expect(await names({ status: "archived" })).toEqual(["Condor"]);
      expect(await names({ status: "active" })).toEqual(["Default Strategy", "Calendar", "Race", "condor"]);
    });

    test("a leg at a price, in lots, and at the current quote", async () => {
      const { strategy_id } = await api.strategies.create({ name: "Legs" });
      const leg = await api.strategies.legs.add({
        strategy_id,
        tradingsymbol: "NIFTY2580724400PE",
        direction: "buy",
        quantity: 75,
        entry_price: 64.95,
      });
      expect(leg).toMatchObject({
        instrument: "NFO:NIFTY2580724400PE",
        direction: "BUY",
        quantity: 75,
        lot_size: 75,
        entry_price: 64.95,
        cost: 4871.25,
        instrument_type: "PE",
        strike: 24400,
        expiry: "2025-08-07",
        underlying_symbol: "NIFTY",
        exit_price: null,
        current_price: null,
        current_pnl: null,
      });
      expect(await api.strategies.legs.add({ strategy_id, tradingsymbol: CE, direction: "SELL", lots: 2, lot_size: 75 })).toMatchObject({
        quantity: 150,
        entry_price: 97.35,
      });
      await refused(
        api.strategies.legs.add({ strategy_id, tradingsymbol: "NFO:ABC2580724400PE", direction: "BUY", lots: 1, entry_price: 5 }),
        "lot_size_unknown",
      );
      expect(
        await api.strategies.legs.add({
          strategy_id,
          tradingsymbol: "ABC25AUG24400PE",
          direction: "BUY",
          lots: 2,
          lot_size: 10,
          entry_price: 5,
        }),
      ).toMatchObject({ quantity: 20, lot_size: 10, expiry: null });
      expect((await api.strategies.get({ strategy_id })).instrument_count).toBe(3);
    });

    test("a leg that cannot be priced is refused, and nothing is written", async () => {
      const { strategy_id } = await api.strategies.create({ name: "Unpriced" });
      const adding = api.strategies.legs.add({ strategy_id, tradingsymbol: "NFO:NIFTY49D2820000PE", direction: "BUY", quantity: 75 });
      await refused(adding, "quote_missing", "no price to enter NFO:NIFTY49D2820000PE at (redis: ");
      await refused(
        api.strategies.legs.add({ strategy_id, tradingsymbol: "NIFTY25X", direction: "BUY", quantity: 1 }),
        "instrument_invalid",
      );
      await refused(
        api.strategies.legs.add({ strategy_id, tradingsymbol: CE, direction: "BUY", quantity: 2_000_000_000, entry_price: 1_000_000 }),
        "money_too_large",
      );
      expect(await api.strategies.legs.list({ strategy_id })).toEqual([]);
    });

    test("two legs of one symbol keep their own P&L; a leg is corrected, closed once, and then stays", async () => {
      const { strategy_id } = await api.strategies.create({ name: "Twins" });
      const add = (entry_price: number): Promise<{ id: number }> =>
        api.strategies.legs.add({ strategy_id, tradingsymbol: CE, direction: "SELL", quantity: 75, entry_price });
      const [one, two] = [await add(100), await add(90)];
      expect(
        await api.strategies.legs.update({ strategy_id, instrument_id: two.id, entry_price: 90.5, quantity: 150, notes: "scaled" }),
      ).toMatchObject({
        cost: 13_575,
        quantity: 150,
        notes: "scaled",
      });
      const closed = await api.strategies.legs.close({ strategy_id, instrument_id: one.id });
      expect(closed).toMatchObject({ exit_price: 97.35, current_pnl: 198.75, current_price: null });
      for (const change of ["update", "close", "remove"] as const)
        await refused(api.strategies.legs[change]({ strategy_id, instrument_id: one.id }), "leg_closed");
      await refused(api.strategies.legs.remove({ strategy_id, instrument_id: 999_999 }), "leg_unknown");
      expect((await api.strategies.legs.list({ strategy_id })).map(({ id }) => id)).toEqual([two.id, one.id]);
      await api.strategies.legs.remove({ strategy_id, instrument_id: two.id });
      expect((await api.strategies.legs.list({ strategy_id })).map(({ id }) => id)).toEqual([one.id]);
    });

    test("the mark now: every open leg priced, or none and the leg that is not is named", async () => {
      const { strategy_id } = await api.strategies.create({ name: "Marked" });
      // Of a month that has no expired contract yet, whenever this runs: a future of 2049.
      ticker.prices.set("NFO:NIFTY49DECFUT", 1.1).set("NFO:BANKNIFTY49DECFUT", 2.2);
      const add = (tradingsymbol: string, entry_price: number): Promise<unknown> =>
        api.strategies.legs.add({ strategy_id, tradingsymbol, direction: "BUY", quantity: 1, entry_price });
      await add("NIFTY49DECFUT", 1);
      await add("BANKNIFTY49DECFUT", 2);
      const mark = await api.strategies.mark({ strategy_id, now: true });
      expect(mark).toMatchObject({
        m2m: -3.3,
        entry_value: -3,
        pnl: 0.3,
        unrealized_pnl: 0.3,
        realized_pnl: 0,
        priced: 2,
        stale: 0,
        reason: null,
      });
      expect(JSON.stringify(mark)).not.toMatch(/\d\.\d{5,}/);
      ticker.prices.delete("NFO:BANKNIFTY49DECFUT");
      expect(await api.strategies.mark({ strategy_id, now: true })).toMatchObject({
        m2m: null,
        pnl: null,
        priced: 1,
        reason: expect.stringContaining("NFO:BANKNIFTY49DECFUT"),
      });
      expect(await api.strategies.mark({ strategy_id })).toBeNull();
    });

    test("a leg past its expiry is not priced, and the mark names it", async () => {
      const { strategy_id } = await api.strategies.create({ name: "Expired" });
      const leg = { strategy_id, direction: "BUY", quantity: 75 };
      const { id } = await api.strategies.legs.add({ ...leg, tradingsymbol: OVER, entry_price: 90 });
      const reason = async (): Promise<string | null | undefined> => (await api.strategies.mark({ strategy_id, now: true }))?.reason;
      expect(await reason()).toContain("expired 2025-08-07");
      // Of a monthly contract the exchange's rule tells the day: the last Tuesday of October 2026.
      await api.strategies.legs.add({ ...leg, tradingsymbol: "NIFTY26OCT26000CE", entry_price: 90 });
      expect(await reason()).toContain("expired 2026-10-27");
      await refused(
        api.strategies.legs.add({ ...leg, tradingsymbol: OVER }),
        "quote_missing",
        `no price to enter ${OVER} at (expired 2025-08-07)`,
      );
      await refused(api.strategies.legs.close({ strategy_id, instrument_id: id }), "quote_missing", "(expired 2025-08-07)");
    });

    test("a quote of before the last session is no price to enter at", async () => {
      const { strategy_id } = await api.strategies.create({ name: "Old quote" });
      ticker.prices.set(PE, { last_price: 106.2, last_trade_time: "2025-07-31T09:20:00+05:30" });
      const adding = api.strategies.legs.add({ strategy_id, tradingsymbol: PE, direction: "BUY", quantity: 75 });
      await refused(adding, "quote_missing", "last traded 2025-07-31T03:50:00Z, before the session of ");
    });

    test("legs that cost more together than money can be are refused", async () => {
      const { strategy_id } = await api.strategies.create({ name: "Large" });
      const leg = { strategy_id, tradingsymbol: CE, quantity: 1, entry_price: 300_000_000_000 };
      await api.strategies.legs.add({ ...leg, direction: "BUY" });
      await refused(api.strategies.legs.add({ ...leg, direction: "SELL" }), "money_too_large", 'the legs of "Large" would cost more');
    });

    test("an archived strategy's legs stay as they are", async () => {
      const { strategy_id } = await api.strategies.create({ name: "Shelved" });
      const { id } = await api.strategies.legs.add({ strategy_id, tradingsymbol: CE, direction: "BUY", quantity: 75, entry_price: 90 });
      await api.strategies.archive({ strategy_id });
      const key = { strategy_id, instrument_id: id };
      await refused(
        api.strategies.legs.add({ strategy_id, tradingsymbol: CE, direction: "BUY", quantity: 1, entry_price: 1 }),
        "strategy_archived",
      );
      await refused(api.strategies.legs.update({ ...key, entry_price: 5 }), "strategy_archived");
      await refused(api.strategies.legs.close({ ...key, exit_price: 5 }), "strategy_archived", '"Shelved" is archived and closes no leg');
      await refused(api.strategies.legs.remove(key), "strategy_archived");
    });

    test("quotes in the order asked, null with every source's word where unknown", async () => {
      const [known, unknown] = await api.quotes.get({ i: ["NIFTY49D2825000CE", "NSE:RELIANCE"] });
      expect(known).toMatchObject({ instrument: CE, price: 97.35, source: "ticker", reason: null });
      expect(unknown).toMatchObject({ instrument: "NSE:RELIANCE", price: null, at: null, source: null });
      expect(unknown?.reason).toMatch(/redis: .+; ticker: .*404/);
    });

    test("another account's strategy does not exist", async () => {
      await api.accounts.create({ account_id: "ZZ0001" });
      await refused(api.strategies.list({}), "account_required", "which account? there are XJ4540, ZZ0001");
      const { strategy_id } = await api.strategies.create({ account_id: "XJ4540", name: "Hidden" });
      await refused(api.strategies.get({ account_id: "ZZ0001", strategy_id }), "strategy_unknown", `no strategy ${strategy_id} in ZZ0001`);
      await refused(
        api.strategies.legs.add({ account_id: "ZZ0001", strategy_id, tradingsymbol: CE, direction: "BUY", quantity: 1, entry_price: 1 }),
        "strategy_unknown",
      );
      expect((await api.strategies.get({ strategy_id })).name).toBe("Hidden");
      await using other = await connect({ url: fresh.url, account_id: "ZZ0001", redis_url: NO_REDIS, ticker_url: ticker.url });
      await refused(other.strategies.get({ strategy_id }), "strategy_unknown");
    });

    test("history: a day, a range, rolled up from the open, gaps left out", async () => {
      const { strategy_id } = await api.strategies.create({ account_id: "XJ4540", name: "History" });
      const minutes = [0, 1, 2, 5, 374].map((minute) => candle(strategy_id, Date.parse("2025-07-31T03:45:00Z") + minute * 60_000, minute));
      await upsertMany(database, batchOf(minutes, "live"), { overwrite: false });
      const day = await api.strategies.m2m.history({ strategy_id, day: "2025-07-31" });
      expect(day.map(({ timestamp }) => timestamp)).toEqual(
        ["03:45", "03:46", "03:47", "03:50", "09:59"].map((at) => `2025-07-31T${at}:00Z`),
      );
      expect(day[1]).toEqual({
        strategy_id,
        timestamp: "2025-07-31T03:46:00Z",
        open: -99,
        high: -94,
        low: -109,
        close: -97,
        pnl_open: 104,
        pnl_high: 114,
        pnl_low: 99,
        pnl_close: 102,
        entry_value: 0,
        realized_pnl: 5,
        instrument_count: 2,
        minute_count: 1,
        sample_count: 2,
        stale_count: 0,
        oldest_age_ms: 0,
        sampled: "000000000000003",
        first_at: "2025-07-31T03:46:00Z",
        last_at: "2025-07-31T03:46:01Z",
        source: "live",
      });
      const rolled = await api.strategies.m2m.history({ strategy_id, day: "2025-07-31", interval: "5m" });
      expect(rolled.map(({ timestamp, minute_count }) => [timestamp.slice(11, 16), minute_count])).toEqual([
        ["03:45", 3],
        ["03:50", 1],
        ["09:55", 1],
      ]);
      expect(rolled[0]).toMatchObject({
        open: -100,
        high: -93,
        low: -110,
        close: -96,
        pnl_high: 115,
        pnl_low: 98,
        sampled: null,
        sample_count: 6,
      });
      const range = await api.strategies.m2m.history({ strategy_id, from_time: "2025-07-31T09:16:00+05:30", to_time: 1_753_933_620 });
      expect(range.map(({ timestamp }) => timestamp.slice(11, 16))).toEqual(["03:46", "03:47"]);
      expect(await api.strategies.m2m.history({ strategy_id, day: "2025-08-01" })).toEqual([]);
      expect(await api.strategies.m2m.history({ strategy_id, to_time: "2025-07-31T20:00:00+05:30" })).toHaveLength(5);
      await refused(api.strategies.m2m.history({ strategy_id, from_time: "2025-07-31" }), "input_invalid");
    });

    test("a database that is not migrated is named, with the way out", async () => {
      await using empty = await freshDatabase(await server());
      await refused(connect({ url: empty.url }), "database_behind", undefined, "stratctl db migrate");
    });
  });
});

test("a database that does not answer is one line, without its password", async () => {
  await refused(
    connect({ url: "postgres://me:sesame@127.0.0.1:1/x" }),
    "database_unreachable",
    "database does not answer: 127.0.0.1:1 (connection refused)",
  );
  await refused(connect({ url: "mysql://me:sesame@host/x" }), "url_invalid", "mysql:// is not a database");
});

/** Minute n opens at n − 100, and rises and falls by tens. */
function candle(strategy_id: number, minute_ms: number, n: number): MinuteCandle {
  const units = (rupees: number): number => rupees * 10_000;
  return {
    strategy_id,
    minute_ms,
    open_units: units(n - 100),
    high_units: units(n - 95),
    low_units: units(n - 110),
    close_units: units(n - 98),
    entry_value_units: 0,
    realized_pnl_units: units(5),
    instrument_count: 2,
    sampled: 3n,
    stale_count: 0,
    oldest_age_ms: 0,
    first_at_ms: minute_ms,
    last_at_ms: minute_ms + 1000,
    source: "live",
  };
}
