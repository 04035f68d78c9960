import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";
import { backfill, type BackfillOptions } from "../../packages/engine/src/index.ts";
import { openRecording, type RecordedQuote } from "../../packages/sdk/src/internal.ts";
import type { MinuteCandle } from "../../packages/sdk/src/m2m/minute.ts";
import { batchOf, upsertMany } from "../../packages/sdk/src/store/candle.ts";
import { serviceOn } from "../support/service.ts";
import { onEveryPostgres, type Store } from "../support/store.ts";
import { at, leg, strategy } from "./entered.ts";
import { expectedCandles, quotesOf, type PlainCandle, type PlainLeg } from "./expected.ts";
import { candleRows, everyRow } from "./rows.ts";

/** Gaps filled from recorded bars, against what the design's sentences make of the same bars; and what must be left alone. */

const CE = "NFO:NIFTY26D0124500CE";
const PE = "NFO:NIFTY26D0124300PE";
const DAY = { from_ms: Date.parse(at("03:45:00")), to_ms: Date.parse(at("10:09:00")) };
const HOURS = { NFO: { open: at("03:45:00"), close: at("10:10:00") } };

async function scratchFolder(): Promise<AsyncDisposable & { folder: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), "stratctl-t-"));
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

/** Bars of both legs for an hour; none from 04:00 to 04:09, and after 04:10 the put alone, every third minute. */
async function barsIn(folder: string): Promise<string> {
  const rows = Array.from({ length: 60 }, (_, minute) => minute).flatMap((minute) => {
    const start = new Date(DAY.from_ms + minute * 60_000).toISOString().replace(".000", "");
    const row = (instrument: string, open: number): string => `${start},${instrument},${open},${open + 9},${open - 9},${open + 1.35}`;
    if (minute >= 15 && minute < 25) return [];
    const call = minute < 25 ? [row(CE, 100 + minute)] : [];
    return minute % 3 === 0 || minute < 15 ? [...call, row(PE, 80 - minute / 4)] : call;
  });
  const file = path.join(folder, "bars.csv");
  await writeFile(file, ["timestamp,instrument,open,high,low,close", ...rows, ""].join("\n"));
  return file;
}

async function quotesIn(file: string, every_ms = 1000): Promise<RecordedQuote[]> {
  const quotes: RecordedQuote[] = [];
  for await (const quote of await openRecording(file, { every_ms })) quotes.push(quote);
  return quotes;
}

/** What the design makes of the bars: no sample in a minute without a bar of any instrument. */
function expectedOf(file: string, legs: readonly PlainLeg[], every_s = 1): ReturnType<typeof expectedCandles> {
  const quotes = quotesOf({ path: file, every_s });
  const times = [...quotes.values()].flat().map((quote) => quote.at);
  const isSampled = (t: number): boolean => times.some((quoted) => Math.floor(quoted / 60_000) === Math.floor(t / 60_000));
  const { candles, gaps } = expectedCandles({ path: file, every_s, hours: HOURS, isSampled }, quotes, legs);
  return { candles: candles.map((candle) => ({ ...candle, source: "backfill" })), gaps };
}

const LEGS: readonly PlainLeg[] = [
  { instrument: CE, direction: "SELL", quantity: 75, entry_price: 101.5 },
  { instrument: PE, direction: "BUY", quantity: 75, entry_price: 79.25 },
];

function entered(store: Store, legs = LEGS): Promise<number> {
  return strategy(
    store,
    legs.map(({ instrument, direction, quantity, entry_price }) => ({ instrument, direction, quantity, entry: entry_price })),
  );
}

/** The day after, when all of it is over. */
const clock = { now: () => Date.parse("2026-11-26T00:00:00Z"), monotonic: () => 0, sleep: async () => undefined };

onEveryPostgres("backfill", (store) => {
  async function filled(strategy_id: number, file: string, more: Partial<BackfillOptions> = {}) {
    const every_ms = more.every_ms ?? 1000;
    return backfill({ db: store.db, strategy_ids: [strategy_id], ...DAY, clock, quotesFor: () => quotesIn(file, every_ms), ...more });
  }

  test.each([1, 5])("sampled every %d s: the candles are those computed from the bars, and what stays a gap says why", async (every_s) => {
    await using scratch = await scratchFolder();
    const file = await barsIn(scratch.folder);
    const strategy_id = await entered(store);
    const { candles, gaps } = expectedOf(file, LEGS, every_s);
    const report = await filled(strategy_id, file, { every_ms: every_s * 1000 });
    expect(await candleRows(store.db, strategy_id)).toEqual(candles);
    expect(report).toMatchObject({ wanted_count: 385, filled_count: candles.length, written_count: candles.length, unquoted: [] });
    expect(candles.length).toBe(26);
    const [told] = report.strategies;
    expect(told).toMatchObject({ strategy_id, candle_count: candles.length });
    expect(told?.gaps.reduce((sum, { minute_count }) => sum + minute_count, 0)).toBe(gaps.length);
    expect(told?.gaps.map(({ reason }) => reason)).toEqual(
      Array.from({ length: told?.gaps.length ?? 0 }, () => "no recorded price of that time"),
    );
  });

  test("again changes nothing, and a dry run writes nothing and says the same", async () => {
    await using scratch = await scratchFolder();
    const file = await barsIn(scratch.folder);
    const strategy_id = await entered(store);
    const dry = await filled(strategy_id, file, { dry_run: true });
    expect(await candleRows(store.db, strategy_id)).toEqual([]);
    const first = await filled(strategy_id, file);
    expect(dry).toEqual({ ...first, written_count: 0 });
    const rows = await everyRow(store.db);
    expect(await filled(strategy_id, file)).toMatchObject({ filled_count: 0, written_count: 0, wanted_count: 385 - first.filled_count });
    expect(await everyRow(store.db)).toEqual(rows);
  });

  test("a live candle is left alone, and with overwrite made anew; marks and prices stay as they are", async () => {
    await using scratch = await scratchFolder();
    const file = await barsIn(scratch.folder);
    const strategy_id = await entered(store);
    const { candles } = expectedOf(file, LEGS);
    await upsertMany(store.db, batchOf([liveCandle(strategy_id, at("03:47:00"))], "live"), { overwrite: false });
    const report = await filled(strategy_id, file);
    expect(report).toMatchObject({ wanted_count: 384, filled_count: candles.length - 1 });
    const minute = (rows: readonly PlainCandle[]) => rows.find((row) => row.minute === "2026-11-25T03:47:00.000Z");
    expect(minute(await candleRows(store.db, strategy_id))).toMatchObject({ source: "live", open: "-1.0000" });
    expect(await filled(strategy_id, file, { overwrite: true })).toMatchObject({ filled_count: candles.length, written_count: 1 });
    expect(await candleRows(store.db, strategy_id)).toEqual(candles);
    expect(await everyRow(store.db, ["strategy_mark", "last_quote"])).toEqual([]);
  });

  test("a minute that one strategy lacks is made for that one alone", async () => {
    await using scratch = await scratchFolder();
    const file = await barsIn(scratch.folder);
    const first = await entered(store);
    const sql = `insert into strategy (trading_account_id, strategy_name)
       select trading_account_id, 'two' from strategy where strategy_id = $1 returning strategy_id`;
    const { strategy_id: second } = await store.db.one(z.object({ strategy_id: z.int() }), "test.second", sql, [first]);
    await leg(store, second, { instrument: CE, direction: "SELL", quantity: 75, entry: 101.5 });
    await upsertMany(store.db, batchOf([liveCandle(first, at("03:47:00"))], "live"), { overwrite: false });
    const report = await filled(first, file, { strategy_ids: [second, first], to_ms: Date.parse(at("03:49:00")) });
    expect(report).toMatchObject({ wanted_count: 9, filled_count: 9, written_count: 9, left_out_count: 0 });
    expect(report.strategies.map(({ strategy_id, candle_count }) => [strategy_id, candle_count])).toEqual([
      [first, 4],
      [second, 5],
    ]);
  });

  test("legs are those that were held at each minute's start", async () => {
    await using scratch = await scratchFolder();
    const file = await barsIn(scratch.folder);
    const strategy_id = await entered(store, LEGS.slice(0, 1));
    await leg(store, strategy_id, { instrument: PE, direction: "BUY", quantity: 75, entry: 79.25, added_at: at("03:50:30") });
    const report = await filled(strategy_id, file, { to_ms: Date.parse(at("03:58:00")) });
    const alone = expectedOf(file, LEGS.slice(0, 1)).candles.slice(0, 6);
    const both = expectedOf(file, LEGS).candles.slice(6, 14);
    expect(await candleRows(store.db, strategy_id)).toEqual([...alone, ...both]);
    expect(report.filled_count).toBe(14);
  });

  test("what a leg was added to later is not in the minutes before, nor in the day's figures, nor with overwrite", async () => {
    await using scratch = await scratchFolder();
    const file = path.join(scratch.folder, "bars.csv");
    const bars = Array.from({ length: 10 }, (_, minute) => {
      const price = minute < 5 ? 100 : 200;
      return `${new Date(DAY.from_ms + minute * 60_000).toISOString()},${CE},${price},${price},${price},${price}`;
    });
    await writeFile(file, ["timestamp,instrument,open,high,low,close", ...bars, ""].join("\n"));
    const strategy_id = await entered(store, []);
    const sql = "select trading_account_id as account_id from strategy where strategy_id = $1";
    const { account_id } = await store.db.one(z.object({ account_id: z.string() }), "test.account_of", sql, [strategy_id]);
    const api = serviceOn(store.db, { now: clock.now, account_id });
    for (const [time, price] of [
      ["03:45:00", 100],
      ["03:50:00", 200],
    ] as const)
      await api.strategies.fills.add({ strategy_id, tradingsymbol: CE, side: "BUY", quantity: 50, price, at: at(time) });
    const row = (m2m: string, entry_value: string) => ({ open: m2m, high: m2m, low: m2m, close: m2m, entry_value, realized_pnl: "0.0000" });
    const [before, after] = [row("-5000.0000", "-5000.0000"), row("-20000.0000", "-15000.0000")];
    for (const overwrite of [false, true]) {
      await filled(strategy_id, file, { to_ms: Date.parse(at("03:54:00")), overwrite });
      expect(await candleRows(store.db, strategy_id)).toMatchObject(
        Array.from({ length: 10 }, (_, minute) => ({ ...(minute < 5 ? before : after), instrument_count: 1 })),
      );
    }
    await api.metrics.rebuild({ strategy_id });
    const days = await api.strategies.metrics({ strategy_id });
    expect(days).toMatchObject([{ day_pnl: 5000, unrealized_pnl: 5000, high_pnl: 5000, low_pnl: 0, day_drawdown: 0, open_positions: 1 }]);
  });

  test("before its first leg nothing is due, and a leg without a bar is named", async () => {
    await using scratch = await scratchFolder();
    const file = await barsIn(scratch.folder);
    const strategy_id = await entered(store, LEGS.slice(0, 1));
    const OTHER = "NFO:NIFTY26D0125000CE";
    await leg(store, strategy_id, { instrument: OTHER, direction: "BUY", quantity: 75, entry: 5, added_at: at("03:55:00") });
    const report = await filled(strategy_id, file, { from_ms: Date.parse("2026-11-23T00:00:00Z"), to_ms: Date.parse(at("03:58:00")) });
    expect(report).toMatchObject({ wanted_count: 14, filled_count: 10, unquoted: [OTHER] });
    expect(report.strategies[0]?.gaps).toMatchObject([{ minute_count: 4, reason: `no price for ${OTHER} (recording: no quote yet)` }]);
  });

  test("minutes that are not over are not filled, and where nothing is missing nobody is asked", async () => {
    await using scratch = await scratchFolder();
    const file = await barsIn(scratch.folder);
    const strategy_id = await entered(store);
    const early = { ...clock, now: () => Date.parse(at("03:50:30")) };
    expect(await filled(strategy_id, file, { clock: early })).toMatchObject({ wanted_count: 5, filled_count: 5 });
    const quotesFor = (): never => {
      throw new Error("asked");
    };
    expect(await filled(strategy_id, file, { clock: early, quotesFor })).toMatchObject({ wanted_count: 0, strategies: [] });
  });
});

function liveCandle(strategy_id: number, minute: string): MinuteCandle {
  const minute_ms = Date.parse(minute);
  const units = {
    open_units: -10_000,
    high_units: -10_000,
    low_units: -10_000,
    close_units: -10_000,
    entry_value_units: 0,
    realized_pnl_units: 0,
  };
  return {
    strategy_id,
    minute_ms,
    ...units,
    instrument_count: 2,
    sampled: 1n,
    stale_count: 0,
    oldest_age_ms: 0,
    first_at_ms: minute_ms,
    last_at_ms: minute_ms,
    source: "live",
  };
}
