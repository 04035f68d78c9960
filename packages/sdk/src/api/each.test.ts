import * as fc from "fast-check";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { minuteAt, writeMinutes } from "../../../../test/support/minutes.ts";
import { allOf, serviceOn } from "../../../../test/support/service.ts";
import { onEveryPostgres } from "../../../../test/support/store.ts";
import type { Candle } from "../model/candle.ts";
import { isoOf } from "../model/instant.ts";
import type { Api } from "./contract.ts";
import { withEach } from "./each.ts";

const MINUTE_MS = 60_000;
const INTERVALS = ["1m", "5m", "15m", "30m", "1h", "1d"] as const;
/** Midnight in India before a Tuesday, two days with sessions and one without. */
const START_MS = Date.parse("2026-11-03T00:00:00+05:30");
const DAYS = ["2026-11-03", "2026-11-04", "2026-11-05", "2026-11-06", "2026-11-07"] as const;
const SPAN = DAYS.length * 1440;

onEveryPostgres("each candle of a history", (store) => {
  let api: Api;
  let strategy_id = 0;
  const now_ms = START_MS + SPAN * MINUTE_MS;
  beforeAll(async () => {
    api = serviceOn(store.db, { now: () => now_ms });
    await api.accounts.create({ account_id: "A1" });
    ({ strategy_id } = await api.strategies.create({ name: "Each" }));
  });
  beforeEach(() => store.db.script("truncate strategy_m2m_candles"));

  const write = (places: readonly number[]): Promise<void> =>
    writeMinutes(
      store.db,
      places.map((place) => minuteAt(strategy_id, START_MS + place * MINUTE_MS, place)),
    );
  type Query = Omit<Parameters<Api["strategies"]["m2m"]["each"]>[0], "strategy_id">;
  /** What comes one by one, and how many came at once. */
  const eachOf = async (query: Query, at_once: number): Promise<{ candles: Candle[]; sizes: number[] }> => {
    const sizes: number[] = [];
    const history: typeof api.strategies.m2m.history = async (...call) => {
      const answer = await api.strategies.m2m.history(...call);
      sizes.push(answer.length);
      return answer;
    };
    const parts = withEach({ ...api, strategies: { ...api.strategies, m2m: { ...api.strategies.m2m, history } } }, { at_once });
    return { candles: await allOf(parts.strategies.m2m.each({ strategy_id, ...query })), sizes };
  };

  const place = fc.integer({ min: 0, max: SPAN - 1 });
  const range = fc.tuple(place, place).map(([a, b]) => ({
    from_time: isoOf(START_MS + Math.min(a, b) * MINUTE_MS),
    to_time: isoOf(START_MS + Math.max(a, b) * MINUTE_MS),
  }));
  const query = fc.oneof(
    range,
    range.map(({ from_time }) => ({ from_time })),
    range.map(({ to_time }) => ({ to_time })),
    fc.constantFrom(...DAYS).map((day) => ({ day })),
    fc.constant({}),
  );
  /** Dense stretches, so that some lie within one bucket, and gaps. */
  const minutes = fc
    .array(fc.tuple(place, fc.integer({ min: 1, max: 90 })), { minLength: 1, maxLength: 8 })
    .map((runs) => [...new Set(runs.flatMap(([from, count]) => Array.from({ length: count }, (_, offset) => (from + offset) % SPAN)))]);

  test("is the history, for every interval, range, day and basis, in parts of whatever size", async () => {
    await fc.assert(
      fc.asyncProperty(
        minutes,
        query,
        fc.constantFrom(...INTERVALS),
        fc.constantFrom("m2m", "pnl", undefined),
        fc.integer({ min: 1, max: 40 }),
        async (places, asked, interval, basis, at_once) => {
          await store.db.script("truncate strategy_m2m_candles");
          await write(places);
          const whole = await api.strategies.m2m.history({ strategy_id, ...asked, interval, basis });
          const { candles, sizes } = await eachOf({ ...asked, interval, basis }, at_once);
          expect(candles).toEqual(whole);
          if (!("day" in asked)) expect(Math.max(...sizes)).toBeLessThanOrEqual(at_once);
        },
      ),
      { numRuns: 60 },
    );
  });

  test("a range that holds a whole number of parts ends with the last of them, at its very end too", async () => {
    await write(Array.from({ length: 12 }, (_, offset) => 600 + offset));
    const from_time = isoOf(START_MS);
    for (const at_once of [1, 2, 3, 4, 6, 12])
      for (const to_time of [START_MS + 611 * MINUTE_MS, isoOf(START_MS + 611 * MINUTE_MS), isoOf(START_MS + 700 * MINUTE_MS)])
        expect((await eachOf({ from_time, to_time }, at_once)).candles).toHaveLength(12);
    expect((await eachOf({ from_time, to_time: isoOf(START_MS + 611 * MINUTE_MS) }, 4)).sizes).toEqual([4, 4, 4]);
  });

  test("a day ends with the day, though more came after it", async () => {
    await write(Array.from({ length: 2000 }, (_, offset) => 600 + offset));
    const { candles, sizes } = await eachOf({ day: DAYS[0] }, 10);
    expect(candles).toEqual(await api.strategies.m2m.history({ strategy_id, day: DAYS[0] }));
    expect(sizes).toHaveLength(1);
    expect(candles.length).toBeGreaterThan(300);
  });

  test("what is wrong with the query is told before anything is asked", async () => {
    for (const wrong of [{ from_time: "2026-11-04", to_time: "2026-11-03T00:00:00Z" }, { day: "2026-13-01" }])
      await expect(eachOf(wrong, 10)).rejects.toMatchObject({ code: "input_invalid" });
    await expect(eachOf({ from_time: "2026-11-04T00:00:00Z", to_time: "2026-11-03T00:00:00Z" }, 10)).rejects.toMatchObject({
      code: "input_invalid",
    });
  });

  test("a signal ends it between two candles", async () => {
    await write([600, 601, 602]);
    const stop = new AbortController();
    const seen: Candle[] = [];
    const reading = async (): Promise<void> => {
      for await (const candle of api.strategies.m2m.each({ strategy_id, day: DAYS[0] }, { signal: stop.signal })) {
        seen.push(candle);
        stop.abort();
      }
    };
    await expect(reading()).rejects.toMatchObject({ name: "AbortError" });
    expect(seen).toHaveLength(1);
  });
});
