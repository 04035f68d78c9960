import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { builtinCalendar, writeDays } from "../../packages/sdk/src/internal.ts";
import { redisMissing, startRedis, type RedisServer } from "../support/redis.ts";
import { until } from "../support/server.ts";
import { onEveryPostgres, type Store } from "../support/store.ts";
import { at, strategy } from "./entered.ts";
import { World } from "./world.ts";

const FUT = "NFO:NIFTY26DECFUT";
const INTERVAL_MS = 5_000;

let redis: RedisServer;
beforeAll(async () => {
  if (redisMissing === null) redis = await startRedis();
});
afterAll(() => redis?.stop());

const Day = z.object({ day: z.string(), day_pnl: z.string().nullable(), unrealized_pnl: z.string().nullable(), version: z.string() });

/** A strategy's days, and which transaction wrote each. */
function days(store: Store, strategy_id: number): Promise<z.infer<typeof Day>[]> {
  const sql = `select metric_date::text as day, day_pnl, unrealized_pnl, xmin::text as version
    from strategy_pnl_metrics where strategy_id = $1 order by metric_date`;
  return store.db.many(Day, "test.days", sql, [strategy_id]);
}

/** Writes take real time, of which the clock in the test's hand knows nothing: it goes on until they have come. */
async function wrote(store: Store, world: World, { strategy_id, day }: { strategy_id: number; day: string }) {
  return until(
    async () => {
      await goesOn(world);
      const all = await days(store, strategy_id);
      if (all.at(-1)?.day !== day) throw new Error("not yet");
      return all;
    },
    () => world.tell(`no ${day}`),
  );
}

/** To the next pass. */
async function goesOn(world: World): Promise<void> {
  world.clock.pass(INTERVAL_MS - (world.clock.now() % INTERVAL_MS));
  await world.passed(world.clock.now());
}

describe.skipIf(redisMissing)("the day's end", () => {
  onEveryPostgres("over", (store) => {
    test("a session's figures are written once, after its last minute; a restart changes nothing", async () => {
      const strategy_id = await strategy(store, [{ instrument: FUT, direction: "BUY", quantity: 10, entry: 150 }]);
      await using world = await World.start({ db: store.db, redis, at: at("10:09:45"), timing: { interval_ms: INTERVAL_MS } });
      let price = 160;
      await world.to("10:09:55", async () => world.quote(FUT, price));
      expect((await days(store, strategy_id)).filter(({ day }) => day === "2026-11-25")).toEqual([]);
      price = 162.5;
      await world.to("10:10:10", async () => world.quote(FUT, price));
      const [today] = (await wrote(store, world, { strategy_id, day: "2026-11-25" })).slice(-1);
      expect(today).toMatchObject({ day: "2026-11-25", unrealized_pnl: "100.0000" });
      await world.stop();

      await using again = await World.start({ db: store.db, redis, at: at("10:20:00"), timing: { interval_ms: INTERVAL_MS } });
      await again.to("10:22:15");
      await again.stop();
      expect((await days(store, strategy_id)).at(-1)).toEqual(today);
    });

    test("what ended while no engine ran is written by the next one", async () => {
      const strategy_id = await strategy(store, [{ instrument: FUT, direction: "BUY", quantity: 10, entry: 150 }]);
      await using world = await World.start({ db: store.db, redis, at: "2026-11-27T03:00:00Z", timing: { interval_ms: INTERVAL_MS } });
      const all = await wrote(store, world, { strategy_id, day: "2026-11-26" });
      expect(all.map(({ day, day_pnl }) => [day, day_pnl]).slice(-2)).toEqual([
        ["2026-11-25", null],
        ["2026-11-26", null],
      ]);
    });

    test("a clock that is past the close for a moment ends no session; one that is so for long ends it once more when it has come", async () => {
      const strategy_id = await strategy(store, [{ instrument: FUT, direction: "BUY", quantity: 10, entry: 150 }]);
      const options = { db: store.db, redis, timing: { interval_ms: INTERVAL_MS } };
      await using world = await World.start({ ...options, at: at("05:00:00") });
      const trade = (price: number) => async (at_ms: number) => world.quote(FUT, price, at_ms);
      const ends = (of: World, unrealized_pnl: string): Promise<void> =>
        until(
          async () => {
            await goesOn(of);
            expect((await days(store, strategy_id)).at(-1)).toMatchObject({ day: "2026-11-25", unrealized_pnl });
          },
          () => of.tell(`the day does not end with ${unrealized_pnl}`),
        );
      await world.to("05:00:30", trade(160));
      world.clock.set(at("11:00:30"));
      await world.to("11:01:30");
      world.clock.set(at("05:02:30"));
      await world.to("05:05:30", trade(170));
      expect((await days(store, strategy_id)).filter(({ day }) => day === "2026-11-25")).toEqual([]);
      world.clock.set(at("11:00:30"));
      await ends(world, "200.0000");
      world.clock.set(at("05:10:30"));
      await world.to("05:13:30", trade(180));
      world.clock.set(at("10:09:30"));
      await world.to("10:09:55", trade(190));
      await ends(world, "400.0000");
      // Nor does one that was started anew in between take it for the day's end. Of equal seconds the greater M2M counts.
      await world.stop();
      await using again = await World.start({ ...options, at: at("09:30:00") });
      await again.to("10:09:55", async (at_ms) => again.quote(FUT, 185, at_ms));
      await ends(again, "350.0000");
    });

    test("who does not lead any more writes nothing", async () => {
      const strategy_id = await strategy(store, [{ instrument: FUT, direction: "BUY", quantity: 10, entry: 150 }]);
      const days_of = { strategy_id, calendar: builtinCalendar(), now_ms: Date.parse("2026-11-26T12:00:00Z") };
      const fence = { shard: { shard: 1, of: 1 }, number: 0 };
      await expect(writeDays(store.db, { ...days_of, fence })).rejects.toMatchObject({ code: "leadership_lost" });
      expect(await days(store, strategy_id)).toEqual([]);
      expect((await writeDays(store.db, days_of)).changed_count).toBeGreaterThan(0);
    });
  });
});
