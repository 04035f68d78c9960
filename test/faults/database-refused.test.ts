import { mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Decimal } from "decimal.js";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { openPool } from "../../packages/sdk/src/store/db.ts";
import { at, strategy, written } from "../engine/entered.ts";
import { expectedCandles, type PlainQuote } from "../engine/expected.ts";
import { candleRows } from "../engine/rows.ts";
import { World } from "../engine/world.ts";
import { debianMissing, debianServer, freshDatabase } from "../support/postgres.ts";
import { redisMissing, startRedis } from "../support/redis.ts";
import { until } from "../support/server.ts";
import { MIGRATED } from "../support/store.ts";

const FUT = "NFO:NIFTY26DECFUT";

describe.skipIf(redisMissing ?? debianMissing)("a minute that the database refuses, and no other", () => {
  test("waits on disk, is set aside after some minutes, and is written once it is put back and taken", async () => {
    const redis = await startRedis();
    await using fresh = await freshDatabase(await debianServer(), MIGRATED);
    const db = await openPool(fresh.url);
    const folder = await mkdtemp(path.join(tmpdir(), "stratctl-t-"));
    const spool = path.join(folder, "spool");
    const quotes: PlainQuote[] = [];
    try {
      const strategy_id = await strategy({ db }, [{ instrument: FUT, direction: "BUY", quantity: 10, entry: 150 }]);
      await db.script(`create function refuse() returns trigger language plpgsql as $$ begin raise exception 'that day is closed'; end $$;
        create trigger refuse before insert on strategy_m2m_candles for each row
        when (new.timestamp = '${at("05:01:00")}') execute function refuse()`);
      await using world = await World.start({ db, redis, at: at("05:00:40"), spool, timing: { write_interval_ms: 1000 } });
      const trade = async (at_ms: number): Promise<void> => {
        const price = 100 + (((at_ms / 1000) * 37) % 41);
        quotes.push({ at: at_ms, price: new Decimal(price) });
        await world.quote(FUT, price, at_ms);
      };
      await world.to("05:02:05", trade);
      await world.hears(/^database database refused: that day is closed/);
      await world.hears(/^spool \d{14}-1-1of1-\w+\.candles1 refused \(.*that day is closed.*\) · tried again/);
      // A write may cover several seconds on a loaded machine: as many as it takes.
      let time_ms = Date.parse(at("05:02:05"));
      const aside = (): boolean => world.lines.some(({ event }) => event === "aside");
      while (!aside() && time_ms < Date.parse(at("05:20:00"))) {
        time_ms += 5000;
        await world.to(new Date(time_ms).toISOString(), trade);
      }
      await world.hears(/^aside 1 candle on disk, .*\.candles1\.refused in .* set aside: .*that day is closed.* renamed without the last/);
      expect(world.lines.filter(({ event, text }) => event === "spool" && text.includes("tried again"))).toHaveLength(1);
      const [left = ""] = await readdir(spool);
      expect(left).toMatch(/\.refused$/);
      // Those who stand by, and the day's figures, wait for it no longer.
      const Leader = z.object({ is_past: z.boolean() });
      await until(
        async () => {
          await world.to(new Date((time_ms += 1000)).toISOString(), trade);
          const sql = `select coalesce(written_to > '${at("05:02:00")}', false) as is_past from engine_leader`;
          expect((await db.one(Leader, "test.leader", sql)).is_past).toBe(true);
        },
        () => world.tell("what is written is not told"),
      );
      await db.script("drop function refuse cascade");
      await rename(path.join(spool, left), path.join(spool, left.replace(".refused", "")));
      await world.to(new Date((time_ms += 5000)).toISOString(), trade);
      await written({ db }, strategy_id, "05:01", 60);
      const report = await world.stop();
      expect([report.spool_depth, report.lost_count, report.candles.aside, report.candles.refused]).toEqual([0, 0, 1, 0]);
      const rows = await candleRows(db, strategy_id);
      const masks = new Map(rows.map(({ minute, sampled }) => [Date.parse(minute), BigInt(sampled)]));
      const isSampled = (t: number): boolean => ((masks.get(t - (t % 60_000)) ?? 0n) & (1n << BigInt((t % 60_000) / 1000))) !== 0n;
      const { candles } = expectedCandles(
        { path: "", every_s: 1, hours: { NFO: { open: at("03:45:00"), close: at("10:10:00") } }, isSampled },
        new Map([[FUT, quotes]]),
        [{ instrument: FUT, direction: "BUY", quantity: 10, entry_price: 150 }],
      );
      expect(rows).toEqual(candles.map((candle) => ({ ...candle, source: "live" })));
      expect(rows.slice(1, 3).map(({ minute, sample_count }) => [minute.slice(11, 16), sample_count])).toEqual([
        ["05:01", 60],
        ["05:02", 60],
      ]);
    } finally {
      await db.close();
      await redis.stop();
      await rm(folder, { recursive: true });
    }
  });
});
