import { describe, expect, test } from "vitest";
import { redisMissing } from "../support/redis.ts";
import { at, strategy, written } from "./entered.ts";
import { redisAndDatabase } from "./given.ts";
import { candleRows } from "./rows.ts";
import { World } from "./world.ts";

const FUT = "NFO:NIFTY26DECFUT";

const given = redisAndDatabase();

/** Suspended at 05:00:30 with a second still to sleep, awake at 05:10:32. */
const SUSPENDS = [
  {
    name: "its monotonic clock stood meanwhile",
    suspend: ({ clock }: World): void => {
      clock.set(at("05:10:31"));
      clock.pass(1000);
    },
    said: ["clock: went ahead by 601 s: set, or this machine slept · skipped 601 samples · 9 whole minutes without one"],
  },
  {
    name: "its monotonic clock went on",
    suspend: ({ clock }: World): void => clock.pass(602_000),
    said: ["late: skipped 601 samples: the process came to them late"],
  },
];

describe.skipIf(redisMissing)("asleep-for-ten-minutes: a daemon whose machine was suspended", () => {
  test.each(SUSPENDS)("and $name makes no candle of what it missed, and says so once", async ({ suspend, said }) => {
    const strategy_id = await strategy(given, [{ instrument: FUT, direction: "BUY", quantity: 10, entry: 100 }]);
    await using world = await World.start({ ...given, at: at("05:00:25") });
    const quoted = async (at_ms: number): Promise<void> => world.quote(FUT, 101, at_ms);
    await world.to("05:00:30", quoted);
    await world.sleeps(1000);
    await world.quote(FUT, 102, at("05:10:32"));
    suspend(world);
    await world.passed(Date.parse(at("05:10:32")));
    await world.to("05:12:01", quoted);
    await written(given, strategy_id, "05:10", 28);
    const { skipped_count } = await world.stop();
    const rows = await candleRows(given.db, strategy_id);
    expect(rows.map(({ minute, sample_count }) => [minute.slice(11, 16), sample_count])).toEqual([
      ["05:00", 5],
      ["05:10", 28],
      ["05:11", 60],
      ["05:12", 2],
    ]);
    expect(skipped_count).toBe(601);
    expect(world.said.filter((line) => /^(clock|late)/.test(line))).toEqual(said);
  });
});
