import { beforeEach, describe, expect, test } from "vitest";
import { migrate } from "../../packages/sdk/src/store/migrate.ts";
import { POSTGRES } from "../support/postgres.ts";
import { olderDatabase, rowsOf } from "./old/older.ts";

describe.each(POSTGRES)("on $name Postgres", ({ missing, server }) => {
  const its = olderDatabase(server);

  describe.skipIf(missing)("accounts and strategies", () => {
    beforeEach(async () => {
      await its.start("023");
      await migrate(its.db, { adopt: true });
    });

    test("each belongs to an account: the first of its list that is there, else one that is made", async () => {
      expect(
        await rowsOf(
          its.db,
          "select strategy_id as id, trading_account_id as account from strategy where strategy_id in (1, 2, 7, 8, 9) order by 1",
        ),
      ).toEqual([
        { id: 1, account: "XJ4540" },
        { id: 2, account: "XJ4540" },
        { id: 7, account: "unassigned" },
        { id: 8, account: "primary" },
        { id: 9, account: "XJ4540" },
      ]);
    });

    test("only those both active and is_active stay active; the old word is kept", async () => {
      expect(
        await rowsOf(
          its.db,
          `select strategy_id as id, status, metadata -> 'adopted' ->> 'status' as was, (archived_at at time zone 'UTC')::text as archived_at
          from strategy where strategy_id in (1, 3, 4, 5, 6, 104, 105) order by 1`,
        ),
      ).toEqual([
        { id: 1, status: "active", was: "active", archived_at: null },
        { id: 3, status: "archived", was: "draft", archived_at: "2025-07-03 04:00:00" },
        { id: 4, status: "archived", was: "paused", archived_at: "2025-07-04 04:00:00" },
        { id: 5, status: "archived", was: "stopped", archived_at: "2025-07-05 03:00:00" },
        { id: 6, status: "archived", was: "active", archived_at: "2025-07-06 04:00:00" },
        { id: 104, status: "archived", was: "archived", archived_at: "2025-07-30 04:00:00" },
        { id: 105, status: "active", was: "active", archived_at: null },
      ]);
    });

    test("a later active one of the same name, in any case, gets the next free number; archived ones keep theirs", async () => {
      const names = await rowsOf(
        its.db,
        "select strategy_id as id, strategy_name as name from strategy where lower(strategy_name) ~ 'scalper|condor' order by 1",
      );
      expect(names).toEqual([
        { id: 1, name: "Scalper" },
        { id: 2, name: "scalper (3)" },
        { id: 9, name: "SCALPER (4)" },
        { id: 10, name: "scalper (2)" },
        { id: 11, name: "Scalper" },
        { id: 101, name: "Condor" },
        { id: 102, name: "CONDOR (2)" },
        { id: 103, name: "Condor" },
        { id: 104, name: "Condor" },
      ]);
    });

    test("each account has one active default, and it has the name", async () => {
      expect(
        await rowsOf(
          its.db,
          "select trading_account_id as account, strategy_name as name, status, strategy_type as type from strategy where is_default order by 1",
        ),
      ).toEqual(
        ["XJ4540", "ZZ0001", "primary", "unassigned"].map((account) => ({
          account,
          name: "Default Strategy",
          status: "active",
          type: "manual",
        })),
      );
      expect(await rowsOf(its.db, "select strategy_name as name from strategy where strategy_id = 12")).toEqual([
        { name: "default strategy (2)" },
      ]);
    });

    test("money that was never written is unknown, and so is what was no M2M; metadata is whatever it was, and more", async () => {
      expect(
        await rowsOf(
          its.db,
          `select strategy_id as id, total_pnl, current_m2m, total_capital_deployed as capital, metadata - 'adopted' as metadata,
            metadata -> 'adopted' -> 'current_m2m' as m2m_was, tags
          from strategy where strategy_id in (1, 2, 5, 101, 102) order by 1`,
        ),
      ).toEqual([
        { id: 1, total_pnl: "1234.5000", current_m2m: null, capital: null, metadata: { note: "mine" }, m2m_was: null, tags: [] },
        { id: 2, total_pnl: null, current_m2m: null, capital: null, metadata: {}, m2m_was: null, tags: [] },
        { id: 5, total_pnl: null, current_m2m: null, capital: null, metadata: { metadata: [1, 2] }, m2m_was: null, tags: [] },
        { id: 101, total_pnl: "-1500.0000", current_m2m: null, capital: null, metadata: {}, m2m_was: -1500, tags: ["condor", "weekly"] },
        { id: 102, total_pnl: null, current_m2m: null, capital: "250000.0000", metadata: {}, m2m_was: null, tags: [] },
      ]);
    });
  });

  describe.skipIf(missing)("legs, candles and figures", () => {
    test("no leg is lost: those that no sum could use are in a table of their own, with the reason", async () => {
      await its.start("023");
      const before = await rowsOf(its.db, "select id, quantity, entry_price from strategy_instruments order by id");
      await migrate(its.db, { adopt: true });
      const kept = await rowsOf(its.db, "select id, quantity, entry_price::numeric(12,2) from strategy_instruments order by id");
      const refused = await rowsOf(its.db, "select id, reason, leg ->> 'notes' as notes from strategy_instruments_refused order by id");
      expect(kept).toEqual(before.filter(({ id }) => [1, 2, 3, 4, 5, 10].includes(Number(id))));
      expect(refused).toEqual([
        { id: 6, reason: "quantity 0", notes: null },
        { id: 7, reason: "quantity -75", notes: "typed wrong" },
        { id: 8, reason: "entry_price NaN", notes: null },
        { id: 9, reason: "entry_price 0.0000", notes: null },
        { id: 11, reason: 'exchange "MCX-FO"', notes: null },
        { id: 12, reason: "a cost past 500000000000", notes: null },
      ]);
      expect(kept.length + refused.length).toBe(before.length);
    });

    test("a leg's symbol is in upper case and tells what was not known; what changed is kept", async () => {
      await its.start("023");
      await migrate(its.db, { adopt: true });
      expect(
        await rowsOf(
          its.db,
          `select id, exchange, tradingsymbol as symbol, instrument_token as token, instrument_type as type, strike, expiry::text, underlying_symbol as name,
            cost, metadata from strategy_instruments where id in (1, 2, 3, 4) order by id`,
        ),
      ).toEqual([
        {
          id: 1,
          exchange: "NFO",
          symbol: "NIFTY2580724400PE",
          token: "12345",
          type: "PE",
          strike: "24400.0000",
          expiry: "2025-08-07",
          name: "NIFTY",
          cost: "4871.2500",
          metadata: { by: "hand", adopted: { current_price: 58.4, current_pnl: -491.25 } },
        },
        {
          id: 2,
          exchange: "NFO",
          symbol: "NIFTY2580724600PE",
          token: null,
          type: "PE",
          strike: "24600.0000",
          expiry: "2025-08-07",
          name: "NIFTY",
          cost: "8396.2500",
          metadata: { adopted: { exchange: "nfo", tradingsymbol: "nifty2580724600pe" } },
        },
        {
          id: 3,
          exchange: "NFO",
          symbol: "NIFTY25AUGFUT",
          token: null,
          type: "FUT",
          strike: null,
          expiry: null,
          name: "NIFTY",
          cost: "1848753.7500",
          metadata: { adopted: { instrument_token: 0, current_price: 24700, current_pnl: -3746.25 } },
        },
        {
          id: 4,
          exchange: "NSE",
          symbol: "RELIANCE",
          token: "738561",
          type: "EQ",
          strike: null,
          expiry: null,
          name: "RELIANCE",
          cost: "14001.0000",
          metadata: { adopted: { current_price: 1390, current_pnl: -101 } },
        },
      ]);
    });

    test("what 024's trigger knew is kept; what it wrote where it knew nothing is not", async () => {
      await its.start("024");
      await migrate(its.db, { adopt: true });
      expect(
        await rowsOf(
          its.db,
          "select id, instrument_type as type, strike, lot_size from strategy_instruments where id in (1, 5, 21, 22, 23) order by id",
        ),
      ).toEqual([
        { id: 1, type: "PE", strike: "24400.0000", lot_size: null },
        { id: 5, type: "PE", strike: "24400.0000", lot_size: null },
        { id: 21, type: "CE", strike: "25000.0000", lot_size: 75 },
        { id: 22, type: "CE", strike: "25200.0000", lot_size: null },
        { id: 23, type: "EQ", strike: null, lot_size: 1 },
      ]);
    });

    test("the candles are set aside as they are, and the new table is empty", async () => {
      await its.start("023");
      const before = await rowsOf(its.db, "select * from strategy_m2m_candles order by timestamp, strategy_id");
      await migrate(its.db, { adopt: true });
      expect(await rowsOf(its.db, "select * from strategy_m2m_candles_old order by timestamp, strategy_id")).toEqual(before);
      expect(await rowsOf(its.db, "select count(*)::int as rows from strategy_m2m_candles")).toEqual([{ rows: 0 }]);
    });

    test("figures of a day: 0 money is unknown, what is no ratio too, drawdown is positive", async () => {
      await its.start("023");
      await migrate(its.db, { adopt: true });
      expect(
        await rowsOf(
          its.db,
          "select strategy_id as id, day_pnl, realized_pnl, total_trades, win_rate, max_drawdown, sharpe_ratio from strategy_pnl_metrics order by 1",
        ),
      ).toEqual([
        {
          id: 101,
          day_pnl: "-1500.0000",
          realized_pnl: null,
          total_trades: 3,
          win_rate: "33.3300",
          max_drawdown: "250.0000",
          sharpe_ratio: "1.5000",
        },
        { id: 103, day_pnl: null, realized_pnl: null, total_trades: 0, win_rate: null, max_drawdown: null, sharpe_ratio: null },
      ]);
    });
  });
});
