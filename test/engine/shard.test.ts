import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisMissing, startRedis, type RedisServer } from "../support/redis.ts";
import { onEveryPostgres } from "../support/store.ts";
import { at, strategy, written } from "./entered.ts";
import { candleRows } from "./rows.ts";
import { World } from "./world.ts";

const FUT = "NFO:NIFTY26DECFUT";

let redis: RedisServer;
beforeAll(async () => {
  if (redisMissing === null) redis = await startRedis();
});
afterAll(() => redis?.stop());

describe.skipIf(redisMissing)("two daemons that share a database", () => {
  onEveryPostgres("over", (store) => {
    test("each marks its part of the accounts, and every strategy has each minute once", async () => {
      const ids = [];
      for (let n = 1; n <= 8; n += 1) ids.push(await strategy(store, [{ instrument: FUT, direction: "SELL", quantity: n, entry: 150 }]));
      await store.db.run("test.active", "update strategy set status = 'active', archived_at = null where strategy_id = any ($1)", [
        `{${ids.join(",")}}`,
      ]);
      const options = { db: store.db, redis, at: at("04:29:58"), timing: { interval_ms: 5000 } };
      await using one = await World.start({ ...options, shard: { shard: 1, of: 2 } });
      await using two = await World.start({ ...options, shard: { shard: 2, of: 2 } });
      for (const world of [one, two]) await world.to("04:32:00", async () => world.quote(FUT, 100));
      for (const [place, strategy_id] of ids.entries()) {
        await written(store, strategy_id, "04:31", 12);
        const rows = await candleRows(store.db, strategy_id);
        expect(rows.slice(0, 2).map(({ minute, close, sample_count }) => [minute.slice(11, 16), close, sample_count])).toEqual([
          ["04:30", `${(place + 1) * 100}.0000`, 12],
          ["04:31", `${(place + 1) * 100}.0000`, 12],
        ]);
      }
      const [some, others] = [await one.stop(), await two.stop()];
      const carried = [some.candles.carried, others.candles.carried];
      // Eight strategies, minutes 04:30, 04:31 and the sample of 04:32:00.
      expect(carried.reduce((sum, count) => sum + count, 0)).toBe(8 * 3);
      expect(Math.min(...carried)).toBeGreaterThan(0);
      expect([some.candles.left_out, others.candles.left_out]).toEqual([0, 0]);
    });
  });
});
