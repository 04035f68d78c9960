import { describe, expect, test } from "vitest";
import { alwaysOpen, builtinCalendar } from "@stratctl/sdk";
import { redisMissing } from "../support/redis.ts";
import { leg, strategy } from "./entered.ts";
import { redisAndDatabase } from "./given.ts";
import { candleRows } from "./rows.ts";
import { World } from "./world.ts";

const FUT = "NFO:NIFTY26DECFUT";
const OVER = "NFO:NIFTY26N2524500CE";

const given = redisAndDatabase();

/** Saturday 28 November 2026 becomes Sunday in India at 18:30 UTC. */
const at = (time: string): string => `2026-11-28T${time}Z`;

describe.skipIf(redisMissing)("a market that never closes", () => {
  test("is sampled on a weekend, through midnight, with the prices that there were before it", async () => {
    const strategy_id = await strategy(given, [{ instrument: FUT, direction: "BUY", quantity: 10, entry: 100 }]);
    const calendar = alwaysOpen(builtinCalendar());
    await using world = await World.start({ ...given, at: at("18:28:57"), timing: { interval_ms: 1000 }, calendar });
    // The last trade is 20 s before midnight: midnight is no open that it would have to wait for.
    await world.to("18:30:40", async (at_ms) => {
      if (at_ms <= Date.parse(at("18:29:40"))) await world.quote(FUT, 101, at_ms);
    });
    await world.stop();
    expect(await candleRows(given.db, strategy_id)).toMatchObject([
      { minute: "2026-11-28T18:28:00.000Z", close: "-1010.0000" },
      { minute: "2026-11-28T18:29:00.000Z", sample_count: 60, stale_count: 0 },
      { minute: "2026-11-28T18:30:00.000Z", sample_count: 41, stale_count: 0, oldest_age_ms: 60_000 },
    ]);
    expect(world.said.filter((line) => /^(session|calendar)/.test(line))).toEqual(["session: NFO is open; never closes"]);
  });

  test("has no price of a leg past its expiry all the same", async () => {
    const strategy_id = await strategy(given, [{ instrument: FUT, direction: "BUY", quantity: 10, entry: 100 }]);
    await leg(given, strategy_id, { instrument: OVER, direction: "SELL", quantity: 10, entry: 5 });
    const calendar = alwaysOpen(builtinCalendar());
    await using world = await World.start({ ...given, at: at("12:00:00"), calendar });
    await world.to("12:00:03", async (at_ms) => {
      await world.quote(FUT, 101, at_ms);
      await world.quote(OVER, 5, at_ms);
    });
    await world.hears(/^unpriced .*expired on 2026-11-25/);
    await world.stop();
    expect(await candleRows(given.db, strategy_id)).toEqual([]);
  });
});
