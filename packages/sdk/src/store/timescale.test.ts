import { MIGRATIONS } from "../../../../test/support/migrations.ts";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { startTimescale, type TimescaleServer } from "../../../../test/support/timescale.ts";
import { toCandle } from "../m2m/candle.ts";
import type { MinuteCandle } from "../m2m/minute.ts";
import type { Candle } from "../model/candle.ts";
import { insert as insertAccount } from "./account.ts";
import { batchOf, history, upsertMany } from "./candle.ts";
import { openPool, type Database } from "./db.ts";
import { migrate, migrationStatus } from "./migrate.ts";
import { insert as insertStrategy } from "./strategy.ts";

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** More than seven days ago, so that the policy compresses it. */
const OLD_DAY = Date.UTC(2025, 10, 3, 4);

const settings = z.object({ chunk_interval: z.string(), compressed_after: z.string(), segment_by: z.string(), order_by: z.string() });

async function settingsOf(db: Database): Promise<z.output<typeof settings>[]> {
  return db.many(
    settings,
    "test.settings",
    `select dimension.time_interval::text as chunk_interval, job.config ->> 'compress_after' as compressed_after,
       columns.segmentby as segment_by, columns.orderby as order_by
     from timescaledb_information.dimensions dimension
     join timescaledb_information.jobs job using (hypertable_name)
     join timescaledb_information.hypertable_compression_settings columns on columns.hypertable::text = dimension.hypertable_name
     where hypertable_name = 'strategy_m2m_candles'`,
  );
}

const SETTINGS = [{ chunk_interval: "1 day", compressed_after: "7 days", segment_by: "strategy_id", order_by: '"timestamp" DESC' }];

describe("timescale.sql on a fresh database", () => {
  let server: TimescaleServer;
  let db: Database;
  beforeAll(async () => {
    server = await startTimescale();
    db = await openPool(server.url, { connections_max: 1 });
  });
  afterAll(async () => {
    await db.close();
    await server[Symbol.asyncDispose]();
  });

  test("candles are a hypertable of one-day chunks, compressed after seven days; a second run changes nothing", async () => {
    await db.script("create extension timescaledb");
    expect(await migrationStatus(db)).toMatchObject({ state: "empty", timescaledb: expect.stringMatching(/^2\./) });
    expect(await migrate(db, { adopt: false })).toMatchObject({ applied: MIGRATIONS });
    expect(await settingsOf(db)).toEqual(SETTINGS);
    expect(await migrate(db, { adopt: false })).toEqual({ applied: [], adopted: [] });
    expect(await settingsOf(db)).toEqual(SETTINGS);
  });
});

describe("timescale.sql where candles are there already", () => {
  let server: TimescaleServer;
  let db: Database;
  let strategy_id = 0;
  let before: Candle[] = [];
  beforeAll(async () => {
    server = await startTimescale();
    db = await openPool(server.url, { connections_max: 1 });
    await migrate(db, { adopt: false });
    await insertAccount(db, { account_id: "XJ4540" });
    ({ strategy_id } = await insertStrategy(db, { account_id: "XJ4540", name: "condor" }));
  });
  afterAll(async () => {
    await db.close();
    await server[Symbol.asyncDispose]();
  });

  const minute = (minute_ms: number, rupees: number, second = 0): MinuteCandle => ({
    strategy_id,
    minute_ms,
    open_units: rupees * 10_000,
    high_units: rupees * 10_000,
    low_units: rupees * 10_000,
    close_units: rupees * 10_000,
    entry_value_units: 0,
    realized_pnl_units: 0,
    instrument_count: 4,
    sampled: 1n << BigInt(second),
    stale_count: 0,
    oldest_age_ms: 0,
    first_at_ms: minute_ms + second * 1000,
    last_at_ms: minute_ms + second * 1000,
    source: "backfill",
  });
  const write = (candles: readonly MinuteCandle[]) => upsertMany(db, batchOf(candles, "backfill"), { overwrite: false });
  const kept = (day_ms: number): Promise<Candle[]> =>
    history(db, { strategy_id, from_ms: day_ms, to_ms: day_ms + DAY_MS - MINUTE_MS, interval: "1m", sessions: [] });
  const Chunk = z.object({ count: z.int(), compressed: z.int() });
  const chunks = (): Promise<z.output<typeof Chunk>> =>
    db.one(
      Chunk,
      "test.chunks",
      `select count(*)::int as count, (count(*) filter (where is_compressed))::int as compressed
         from timescaledb_information.chunks where hypertable_name = 'strategy_m2m_candles'`,
    );

  test("rows move into chunks when the extension comes later, and none is changed", async () => {
    const candles = [0, 1, 2].flatMap((day) => [0, 2].map((n) => minute(OLD_DAY + day * DAY_MS + n * MINUTE_MS, day * 10 + n)));
    expect(await write(candles)).toEqual({ written: 6, left_out: 0 });
    before = await history(db, { strategy_id, from_ms: OLD_DAY, to_ms: OLD_DAY + 9 * DAY_MS, interval: "1m", sessions: [] });
    await db.script("create extension timescaledb");
    expect(await migrate(db, { adopt: false })).toEqual({ applied: [], adopted: [] });
    expect(await settingsOf(db)).toEqual(SETTINGS);
    expect(await chunks()).toEqual({ count: 3, compressed: 0 });
    expect(await db.one(z.object({ left: z.int() }), "test.left", "select count(*)::int as left from only strategy_m2m_candles")).toEqual({
      left: 0,
    });
    expect(await history(db, { strategy_id, from_ms: OLD_DAY, to_ms: OLD_DAY + 9 * DAY_MS, interval: "1m", sessions: [] })).toEqual(before);
  });

  test("again it changes nothing, and takes days that are compressed by then as they are", async () => {
    await db.script("do $$ begin perform compress_chunk(chunk) from show_chunks('strategy_m2m_candles') as chunk; end $$");
    expect(await chunks()).toEqual({ count: 3, compressed: 3 });
    await migrate(db, { adopt: false });
    expect(await settingsOf(db)).toEqual(SETTINGS);
    expect(await chunks()).toEqual({ count: 3, compressed: 3 });
  });

  test("backfill-into-a-compressed-day: existing minutes merge, missing ones are added, no row twice", async () => {
    const filled = [0, 1, 2, 3].map((n) => minute(OLD_DAY + n * MINUTE_MS, 5 - n, 30));
    expect(await write(filled)).toEqual({ written: 4, left_out: 0 });
    expect(await kept(OLD_DAY)).toMatchObject([
      { open: 0, high: 5, low: 0, close: 5, sample_count: 2 },
      { open: 4, close: 4, sample_count: 1 },
      { open: 2, high: 3, low: 2, close: 3, sample_count: 2 },
      { open: 2, close: 2, sample_count: 1 },
    ]);
    expect(await write(filled)).toEqual({ written: 0, left_out: 0 });
  });

  test("a compressed minute of another source is left alone and counted, or replaced where told", async () => {
    const day_ms = OLD_DAY + DAY_MS;
    const live = { ...minute(day_ms, 99, 45), source: "live" as const };
    expect(await upsertMany(db, batchOf([live], "live"), { overwrite: false })).toEqual({ written: 0, left_out: 1 });
    expect(await kept(day_ms)).toEqual(before.slice(2, 4));
    expect(await upsertMany(db, batchOf([live], "live"), { overwrite: true })).toEqual({ written: 1, left_out: 0 });
    expect((await kept(day_ms))[0]).toEqual(toCandle(live));
  });

  test("the constraints hold in chunks", async () => {
    for (const wrong of ["high = 'NaN'", "low = high + 1", "source = 'guess'"])
      await expect(db.script(`update strategy_m2m_candles set ${wrong}`), wrong).rejects.toMatchObject({ details: { sqlstate: "23514" } });
  });

  test("today's minutes go into a chunk of their own, and the policy compresses the old ones only", async () => {
    const today_ms = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS;
    await write([minute(today_ms, 1)]);
    await write([minute(OLD_DAY + 5 * DAY_MS, 1)]);
    const Job = z.object({ job_id: z.int() });
    const { job_id } = await db.one(
      Job,
      "test.job",
      "select job_id from timescaledb_information.jobs where proc_name = 'policy_compression' and hypertable_name = 'strategy_m2m_candles'",
    );
    await db.script(`call run_job(${job_id})`);
    expect(await chunks()).toEqual({ count: 5, compressed: 4 });
  });

  test("a strategy that is removed takes its candles with it, compressed ones too", async () => {
    await db.run("test.remove", "delete from strategy where strategy_id = $1", [strategy_id]);
    expect(await db.one(z.object({ left: z.int() }), "test.all", "select count(*)::int as left from strategy_m2m_candles")).toEqual({
      left: 0,
    });
  });
});
