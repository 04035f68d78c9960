import * as fc from "fast-check";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { onEveryPostgres } from "../../../../test/support/store.ts";
import { toCandle } from "../m2m/candle.ts";
import type { MinuteCandle } from "../m2m/minute.ts";
import { bucketsOf, rollUp } from "../m2m/rollup.ts";
import type { Candle, CandleSource, Interval } from "../model/candle.ts";
import { insert as insertAccount } from "./account.ts";
import { batchOf, history, historyJson, upsertMany, type HistoryQuery } from "./candle.ts";
import { openPool, type Db } from "./db.ts";
import { insert as insertStrategy } from "./strategy.ts";

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const INTERVALS: readonly Interval[] = ["1m", "5m", "15m", "30m", "1h", "1d"];

/** The number of the day in India. */
const dayOf = (at_ms: number): number => Math.floor((at_ms + 330 * MINUTE_MS) / DAY_MS);
const at = (text: string): number => Date.parse(`${text}+05:30`);

/** A day, the evening session of a holiday, and a day that ends at 23:30. */
const SESSIONS = [
  { open_ms: at("2026-11-05T09:15"), close_ms: at("2026-11-05T15:30") },
  { open_ms: at("2026-11-06T18:15"), close_ms: at("2026-11-06T19:15") },
  { open_ms: at("2026-11-09T09:00"), close_ms: at("2026-11-09T23:30") },
];

onEveryPostgres("a history of candles", (store) => {
  let strategy_id = 0;
  beforeAll(async () => {
    await insertAccount(store.db, { account_id: "XJ4540" });
    ({ strategy_id } = await insertStrategy(store.db, { account_id: "XJ4540", name: "a" }));
  });
  beforeEach(() => store.db.script("truncate strategy_m2m_candles"));

  const write = async (candles: readonly MinuteCandle[]): Promise<void> => {
    for (const source of ["live", "replay", "backfill"] as const)
      await upsertMany(
        store.db,
        batchOf(
          candles.filter((candle) => candle.source === source),
          source,
        ),
        { overwrite: false },
      );
  };
  type Query = Omit<HistoryQuery, "strategy_id" | "sessions">;
  const sought = (query: Query): HistoryQuery => ({
    strategy_id,
    ...query,
    sessions: SESSIONS.filter(({ open_ms }) => dayOf(open_ms) >= dayOf(query.from_ms) && dayOf(open_ms) <= dayOf(query.to_ms)),
  });
  const read = (query: Query, db: Db = store.db): Promise<Candle[]> => history(db, sought(query));
  const minute = (minute_ms: number, rupees: number, parts: Partial<MinuteCandle> = {}): MinuteCandle => ({
    strategy_id,
    minute_ms,
    open_units: rupees * 10_000,
    high_units: rupees * 10_000 + 30_000,
    low_units: rupees * 10_000 - 20_000,
    close_units: rupees * 10_000 + 10_000,
    entry_value_units: 1_000_000,
    realized_pnl_units: 0,
    instrument_count: 4,
    sampled: 0b1011n,
    stale_count: 0,
    oldest_age_ms: 0,
    first_at_ms: minute_ms,
    last_at_ms: minute_ms + 3000,
    source: "live",
    ...parts,
  });

  test("a law: the rows of any range and interval are the minutes rolled up, of the buckets that begin within", async () => {
    const instants = fc.integer({ min: at("2026-11-05T00:00") / MINUTE_MS, max: at("2026-11-10T02:00") / MINUTE_MS });
    const book = fc.record({
      entry_value_units: fc.constantFrom(1_000_000, -20_000),
      realized_pnl_units: fc.constantFrom(0, 12_345),
      instrument_count: fc.constantFrom(1, 4),
      stale_count: fc.nat(1),
      oldest_age_ms: fc.nat(90_000),
      source: fc.constantFrom<CandleSource>("live", "live", "replay"),
    });
    const minutes = fc.uniqueArray(fc.record({ place: instants, rupees: fc.integer({ min: -99, max: 99 }), book }), {
      selector: ({ place }) => place,
      maxLength: 60,
    });
    await fc.assert(
      fc.asyncProperty(minutes, fc.constantFrom(...INTERVALS), fc.tuple(instants, instants), async (given, interval, ends) => {
        await store.db.script("truncate strategy_m2m_candles");
        const candles = given.map(({ place, rupees, book: parts }) => minute(place * MINUTE_MS, rupees, parts));
        await write(candles);
        const [from_ms = 0, to_ms = 0] = ends.map((place) => place * MINUTE_MS).toSorted((a, b) => a - b);
        const found = await read({ from_ms, to_ms, interval });
        expect(found).toEqual(expected(candles, { from_ms, to_ms, interval }));
        const { bytes, ...about } = await historyJson(store.db, sought({ from_ms, to_ms, interval }), "m2m");
        expect(`[${bytes.toString()}]`).toBe(JSON.stringify(found));
        expect(about).toEqual({ count: found.length, first: found[0]?.timestamp ?? null, last: found.at(-1)?.timestamp ?? null });
      }),
      { numRuns: 150 },
    );
  });

  function expected(
    candles: readonly MinuteCandle[],
    { from_ms, to_ms, interval }: { from_ms: number; to_ms: number; interval: Interval },
  ): Candle[] {
    const startOf = bucketsOf({ interval, sessions: SESSIONS, offset_minutes: 330 });
    const within = candles.filter(({ minute_ms }) => startOf(minute_ms) >= from_ms && startOf(minute_ms) <= to_ms);
    const sorted = within.toSorted((a, b) => a.minute_ms - b.minute_ms).map((candle) => toCandle(candle));
    return interval === "1m" ? sorted : rollUp(sorted, startOf);
  }

  test("both ends of a range count", async () => {
    const open_ms = at("2026-11-05T09:15");
    await write([0, 1, 2, 3].map((n) => minute(open_ms + n * MINUTE_MS, n)));
    const read_at = async (from_ms: number, to_ms: number): Promise<number[]> =>
      (await read({ from_ms, to_ms, interval: "1m" })).map(({ open }) => open);
    expect(await read_at(open_ms + MINUTE_MS, open_ms + 2 * MINUTE_MS)).toEqual([1, 2]);
    expect(await read_at(open_ms + MINUTE_MS + 1, open_ms + 2 * MINUTE_MS - 1)).toEqual([]);
    expect(await read_at(open_ms, open_ms)).toEqual([0]);
  });

  test("hours are counted from the session's open, are whole, and count by their start", async () => {
    const open_ms = at("2026-11-05T09:15");
    await write([0, 59, 60, 119, 120].map((n) => minute(open_ms + n * MINUTE_MS, n)));
    const hours = await read({ from_ms: open_ms, to_ms: open_ms + 60 * MINUTE_MS, interval: "1h" });
    expect(
      hours.map(({ timestamp, open, close, minute_count, sample_count, sampled }) => [
        timestamp,
        open,
        close,
        minute_count,
        sample_count,
        sampled,
      ]),
    ).toEqual([
      ["2026-11-05T03:45:00Z", 0, 60, 2, 6, null],
      ["2026-11-05T04:45:00Z", 60, 120, 2, 6, null],
    ]);
  });

  test("a day is one candle stamped at its open, also in the evening", async () => {
    await write([minute(at("2026-11-05T15:29"), 1), minute(at("2026-11-06T18:15"), 2), minute(at("2026-11-09T23:29"), 3)]);
    const days = await read({ from_ms: at("2026-11-05T00:00"), to_ms: at("2026-11-09T23:59"), interval: "1d" });
    expect(days.map(({ timestamp }) => timestamp)).toEqual(["2026-11-05T03:45:00Z", "2026-11-06T12:45:00Z", "2026-11-09T03:30:00Z"]);
  });

  test("each minute's P&L is by its own book: where legs changed, pnl_high is not what the hour's low would say", async () => {
    const open_ms = at("2026-11-05T09:15");
    await write([
      minute(open_ms, 0),
      minute(open_ms + MINUTE_MS, 50, { entry_value_units: 500_000, realized_pnl_units: 70_000, instrument_count: 3 }),
    ]);
    const [hour] = await read({ from_ms: open_ms, to_ms: open_ms, interval: "1h" });
    expect(hour).toMatchObject({
      open: 0,
      high: 53,
      low: -2,
      close: 51,
      pnl_open: 100,
      pnl_high: 102,
      pnl_low: 4,
      pnl_close: 6,
      entry_value: 50,
      realized_pnl: 7,
      instrument_count: 3,
      source: "live",
    });
  });

  test("partition-bounds-have-a-zone: a day's minutes are its minutes, whatever zone the database is in", async () => {
    const minutes = [
      "2026-11-25T00:00Z",
      "2026-11-25T03:45Z",
      "2026-11-25T18:29Z",
      "2026-11-25T20:00Z",
      "2026-11-25T23:59Z",
      "2026-11-26T00:00Z",
    ];
    for (const zone of ["UTC", "Asia/Kolkata", "America/New_York"]) {
      await store.db.script(`do $$ begin execute format('alter database %I set TimeZone = ''${zone}''', current_database()); end $$`);
      await store.db.script("truncate strategy_m2m_candles");
      await write(minutes.map((text) => minute(Date.parse(text), 1)));
      const own = await openPool(store.url);
      const days = await read({ from_ms: Date.parse("2026-11-24T18:30Z"), to_ms: Date.parse("2026-11-26T18:29Z"), interval: "1d" }, own);
      await own.close();
      expect(
        days.map(({ timestamp, minute_count }) => [timestamp, minute_count]),
        zone,
      ).toEqual([
        ["2026-11-24T18:30:00Z", 3],
        ["2026-11-25T18:30:00Z", 3],
      ]);
    }
  });

  test("another strategy's candles are not in it, and none is an empty list", async () => {
    await write([minute(at("2026-11-05T09:15"), 1)]);
    for (const interval of INTERVALS)
      expect(await history(store.db, { strategy_id: strategy_id + 1, from_ms: 0, to_ms: 4e12, interval, sessions: [] })).toEqual([]);
  });
});
