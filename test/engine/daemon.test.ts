import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { batchOf, upsertMany } from "../../packages/sdk/src/store/candle.ts";
import { redisMissing, startRedis, type RedisServer } from "../support/redis.ts";
import { onEveryPostgres } from "../support/store.ts";
import { at, leg, marked, strategy, written } from "./entered.ts";
import { candleRows } from "./rows.ts";
import { World } from "./world.ts";

const CE = "NFO:NIFTY26D0124500CE";
const PE = "NFO:NIFTY26D0124000PE";
const FUT = "NFO:NIFTY26DECFUT";

let redis: RedisServer;
beforeAll(async () => {
  if (redisMissing === null) redis = await startRedis();
});
afterAll(() => redis?.stop());

describe.skipIf(redisMissing)("the daemon", () => {
  onEveryPostgres("over", (store) => {
    test("a-new-leg-waits-for-the-next-minute", async () => {
      const strategy_id = await strategy(store, [{ instrument: CE, direction: "BUY", quantity: 50, entry: 98 }]);
      await leg(store, strategy_id, { instrument: PE, direction: "SELL", quantity: 50, entry: 80, added_at: at("04:30:20") });
      await using world = await World.start({ db: store.db, redis, at: at("04:29:58"), timing: { interval_ms: 5000 } });
      await world.to("04:32:00", async () => {
        await world.quote(CE, 100);
        await world.quote(PE, 80);
      });
      await written(store, strategy_id, "04:31", 12);
      const flat = (value: string) => ({ open: value, high: value, low: value, close: value, sample_count: 12 });
      expect((await candleRows(store.db, strategy_id)).slice(0, 2)).toMatchObject([
        { minute: "2026-11-25T04:30:00.000Z", ...flat("-5000.0000"), instrument_count: 1, entry_value: "-4900.0000", source: "live" },
        { minute: "2026-11-25T04:31:00.000Z", ...flat("-1000.0000"), instrument_count: 2, entry_value: "-900.0000" },
      ]);
      await world.stop();
    });

    test("restart-keeps-the-minutes-open", async () => {
      const strategy_id = await strategy(store, [{ instrument: FUT, direction: "BUY", quantity: 10, entry: 150 }]);
      const minute_ms = Date.parse(at("04:10:00"));
      const ohlc = { open_units: -15_000_000, high_units: -12_000_000, low_units: -19_000_000, close_units: -17_000_000 };
      const book = { instrument_count: 1, entry_value_units: -15_000_000, realized_pnl_units: 0, stale_count: 0, oldest_age_ms: 0 };
      const seconds = { sampled: 0b10001n, first_at_ms: minute_ms, last_at_ms: minute_ms + 4000, minute_ms };
      await upsertMany(store.db, batchOf([{ strategy_id, ...ohlc, ...book, ...seconds, source: "live" }], "live"), { overwrite: false });
      await using world = await World.start({ db: store.db, redis, at: at("04:10:39"), timing: { interval_ms: 5000 } });
      const prices = [165, 110, 168, 115];
      await world.to("04:11:00", async () => world.quote(FUT, prices.shift() ?? 120));
      await written(store, strategy_id, "04:10", 6);
      const rows = await candleRows(store.db, strategy_id);
      expect(rows.filter(({ minute }) => minute === "2026-11-25T04:10:00.000Z")).toMatchObject([
        { open: "-1500.0000", high: "-1100.0000", low: "-1900.0000", close: "-1150.0000" },
      ]);
    });

    test("a minute whose row is of another book is left alone, counted once, and said", async () => {
      const strategy_id = await strategy(store, [{ instrument: FUT, direction: "BUY", quantity: 10, entry: 150 }]);
      const minute_ms = Date.parse(at("04:10:00"));
      const ohlc = { open_units: 1, high_units: 1, low_units: 1, close_units: 1, stale_count: 0, oldest_age_ms: 0 };
      const book = { instrument_count: 2, entry_value_units: -15_000_000, realized_pnl_units: 0 };
      const seconds = { sampled: 1n, first_at_ms: minute_ms, last_at_ms: minute_ms, minute_ms };
      await upsertMany(store.db, batchOf([{ strategy_id, ...ohlc, ...book, ...seconds, source: "live" }], "live"), { overwrite: false });
      const before = await candleRows(store.db, strategy_id);
      await using world = await World.start({ db: store.db, redis, at: at("04:10:39") });
      await world.to("04:11:01", async () => world.quote(FUT, 120));
      await world.hears(/^left_out 1 candle/);
      expect((await candleRows(store.db, strategy_id)).slice(0, 1)).toEqual(before);
      expect((await world.stop()).candles).toMatchObject({ left_out: 1 });
    });

    test("within a minute: the candle so far, the mark and the price are there after some seconds, the strategy's columns at its end", async () => {
      const strategy_id = await strategy(store, [{ instrument: FUT, direction: "SELL", quantity: 10, entry: 150 }]);
      await using world = await World.start({ db: store.db, redis, at: at("05:00:00") });
      await world.to("05:00:06", async () => world.quote(FUT, 120.5));
      await written(store, strategy_id, "05:00", 5);
      await marked(store, strategy_id, [{ m2m: "1205.0000", pnl: "295.0000", reason: null, current_m2m: null }]);
      const Quote = z.object({ price: z.string(), source: z.string() });
      expect(
        await store.db.many(Quote, "test.quote", "select price, source from last_quote where tradingsymbol = 'NIFTY26DECFUT'"),
      ).toEqual([{ price: "120.5000", source: "redis" }]);
      await world.to("05:01:00", async () => world.quote(FUT, 121));
      await marked(store, strategy_id, [{ m2m: "1210.0000", pnl: "290.0000", reason: null, current_m2m: "1210.0000" }]);
    });

    test("a number that was there before the open, and stays, is not a price of the day", async () => {
      const strategy_id = await strategy(store, [{ instrument: FUT, direction: "BUY", quantity: 1, entry: 150 }]);
      await using world = await World.start({ db: store.db, redis, at: at("03:43:30") });
      await world.number(FUT, 199.65);
      await world.to("03:46:02");
      await world.number(FUT, 197.1);
      await world.to("03:46:10");
      await world.stop();
      expect(await candleRows(store.db, strategy_id)).toMatchObject([
        {
          minute: "2026-11-25T03:46:00.000Z",
          open: "-199.6500",
          close: "-197.1000",
          stale_count: 1,
          oldest_age_ms: 122_000,
          sample_count: 11,
        },
      ]);
    });

    test("after the open a process takes a number it sees for the first time at its word", async () => {
      const strategy_id = await strategy(store, [{ instrument: FUT, direction: "BUY", quantity: 1, entry: 150 }]);
      await using world = await World.start({ db: store.db, redis, at: at("03:45:30") });
      await world.number(FUT, 199.65);
      await world.to("03:45:33");
      await world.stop();
      expect(await candleRows(store.db, strategy_id)).toMatchObject([{ open: "-199.6500", stale_count: 0, sample_count: 3 }]);
    });

    test("the day's last samples, the close, and nothing after it", async () => {
      const strategy_id = await strategy(store, [{ instrument: FUT, direction: "BUY", quantity: 1, entry: 150 }]);
      await using world = await World.start({ db: store.db, redis, at: at("10:09:57") });
      await world.to("10:10:03", async () => world.quote(FUT, 160));
      await written(store, strategy_id, "10:09", 2);
      expect(await candleRows(store.db, strategy_id)).toHaveLength(1);
      expect(world.passes.map(({ sampled }) => sampled)).toEqual([true, true, true, false, false, false, false]);
      expect(world.said).toContain("session: NFO closed · 1 strategy · 1 candle · 0 with stale legs");
      expect(world.said.filter((line) => line.startsWith("session: NFO is open; closes 15:40"))).toHaveLength(1);
    });

    test("a leg closed in the morning: the strategy is worth 0 till the close, with what was realized", async () => {
      const strategy_id = await strategy(store, [{ instrument: FUT, direction: "BUY", quantity: 10, entry: 150 }]);
      await using world = await World.start({ db: store.db, redis, at: at("05:00:55") });
      await world.quote(FUT, 160);
      await world.to("05:01:10");
      await store.db.run("test.close", "update strategy_instruments set exit_price = 161, closed_at = $1 where strategy_id = $2", [
        at("05:01:10"),
        strategy_id,
      ]);
      await world.to("05:02:02");
      await world.stop();
      expect(await candleRows(store.db, strategy_id)).toMatchObject([
        { minute: "2026-11-25T05:00:00.000Z", close: "-1600.0000", realized_pnl: "0.0000", instrument_count: 1 },
        { minute: "2026-11-25T05:01:00.000Z", close: "-1600.0000", realized_pnl: "0.0000", sample_count: 60 },
        { minute: "2026-11-25T05:02:00.000Z", close: "0.0000", realized_pnl: "110.0000", entry_value: "0.0000", instrument_count: 0 },
      ]);
      await marked(store, strategy_id, [{ m2m: "0.0000", pnl: "110.0000", reason: null, current_m2m: "0.0000" }]);
    });

    test("a mark does not outlive the legs: removed ones leave none, with the reason", async () => {
      const strategy_id = await strategy(store, [{ instrument: FUT, direction: "BUY", quantity: 10, entry: 150 }]);
      await using world = await World.start({ db: store.db, redis, at: at("05:00:55") });
      await world.quote(FUT, 160);
      await world.to("05:01:01");
      await store.db.run("test.remove", "delete from strategy_instruments where strategy_id = $1", [strategy_id]);
      await world.to("05:02:01");
      await world.stop();
      await marked(store, strategy_id, [{ m2m: null, pnl: null, reason: "no open legs", current_m2m: null }]);
    });

    test("once: one sample, written, and the end", async () => {
      const strategy_id = await strategy(store, [{ instrument: FUT, direction: "BUY", quantity: 10, entry: 150 }]);
      await using world = await World.start({ db: store.db, redis, at: at("05:00:10.400"), once: true });
      const report = await world.ended();
      expect(report).toMatchObject({ sample_count: 1, candles: { carried: 0 } });
      await marked(store, strategy_id, [{ m2m: null, pnl: null, reason: `no price for ${FUT} (redis: no key)`, current_m2m: null }]);
      await using second = await World.start({ db: store.db, redis, at: at("11:00:00"), once: true });
      expect(await second.ended()).toMatchObject({ sample_count: 0 });
      expect(second.said).toContain("once: no session is open: nothing sampled");
      await leg(store, await strategy(store, []), { instrument: FUT, direction: "BUY", quantity: 1, entry: 1, added_at: at("05:00:05") });
      await using third = await World.start({ db: store.db, redis, at: at("05:00:10"), once: true });
      await third.ended();
      expect(third.said).toContain("once: no strategy has legs as of 10:30: a change takes effect with the next minute");
    });
  });
});
