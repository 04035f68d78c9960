import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { replay, type ReplayProgress } from "../../packages/engine/src/index.ts";
import { z } from "zod";
import { connect, StratctlError } from "../../packages/sdk/src/index.ts";
import { batchOf, upsertMany } from "../../packages/sdk/src/store/candle.ts";
import { TestClock } from "../support/clock.ts";
import { onEveryPostgres } from "../support/store.ts";
import { BARS, DAYS, enterStrategies, expectedOf, STRATEGIES, TICKS } from "./made-up.ts";
import { candleRows, everyRow } from "./rows.ts";

const STRANGLE = ["NFO:NIFTY2681124500CE", "NFO:NIFTY2681124300PE"];

async function scratchFolder(): Promise<AsyncDisposable & { folder: string }> {
  const folder = await mkdtemp(path.join(tmpdir(), "stratctl-t-"));
  return { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

let made = 0;
const account = (): string => `M${(made += 1)}`;

onEveryPostgres("replay of a made-up recording", (store) => {
  describe.each([
    ["ticks", TICKS],
    ["bars", BARS],
  ])("%s", (_, file) => {
    test.each([1, 5])("sampled every %d s: the candles are those computed from the recording", async (every_s) => {
      const ids = await enterStrategies(store, account());
      const report = await replay({ db: store.db, path: file, every_ms: every_s * 1000, strategy_ids: [...ids.values()] });
      for (const [name, strategy_id] of ids) {
        const { candles, gaps } = expectedOf(file, every_s, STRATEGIES[name] ?? { legs: [] });
        expect(await candleRows(store.db, strategy_id), name).toEqual(candles);
        const told = report.strategies.find((one) => one.strategy_id === strategy_id);
        expect(told?.candle_count, name).toBe(candles.length);
        expect(told?.stale_candle_count, name).toBe(candles.filter(({ stale_count }) => stale_count > 0).length);
        const minutes = told?.gaps.flatMap((gap) => minutesOf(gap).map((minute) => ({ minute, reason: gap.reason })));
        expect(
          minutes?.map(({ minute }) => minute),
          name,
        ).toEqual(gaps.map(({ minute }) => minute));
        for (const [place, { unpriced }] of gaps.entries())
          for (const instrument of unpriced) expect(minutes?.[place]?.reason, name).toContain(instrument);
      }
      const days = file === BARS ? DAYS.slice(0, 1) : DAYS;
      expect(report).toMatchObject({ days, sample_count: (385 * 60 * days.length) / every_s, unquoted: ["NFO:NIFTY2681130000CE"] });
    });
  });

  test("the reasons say why, and each for as long as it holds", async () => {
    const ids = await enterStrategies(store, account());
    const { strategies, recording } = await replay({ db: store.db, path: TICKS, strategy_ids: [...ids.values()] });
    const gapsOf = (name: string) =>
      strategies
        .find(({ strategy_id }) => strategy_id === ids.get(name))
        ?.gaps.map(({ from_ms, minute_count, reason }) => [new Date(from_ms).toISOString().slice(0, 16), minute_count, reason]);
    const never = "no price for NFO:NIFTY2681130000CE (recording: no quote yet)";
    expect(gapsOf("never quoted")).toEqual([
      ["2026-08-03T03:45", 385, never],
      ["2026-08-04T03:45", 1, `${never}, NFO:NIFTY26AUGFUT (not traded since the open)`],
      ["2026-08-04T03:46", 384, never],
    ]);
    expect(gapsOf("expired on the second day")?.at(-1)).toEqual([
      "2026-08-04T03:46",
      384,
      "no price for NFO:NIFTY2680324500PE (expired on 2026-08-03)",
    ]);
    expect(gapsOf("diagonal")).toEqual([["2026-08-03T03:45", 1, "no price for NFO:NIFTY2681124500CE (not traded since the open)"]]);
    expect(recording).toMatchObject({ form: "ticks", refused_count: 0, rounded_count: 3 });
  });

  test("the same recording twice changes no row", async () => {
    const ids = await enterStrategies(store, account());
    const again = { db: store.db, path: TICKS, strategy_ids: [...ids.values()] };
    const first = await replay(again);
    expect(first.written_count).toBe(first.candle_count);
    const before = await candlesOf(ids);
    const second = await replay(again);
    expect(second).toEqual({ ...first, written_count: 0 });
    expect(await candlesOf(ids)).toEqual(before);
    const rows = await everyRow(store.db, ["strategy_m2m_candles", "last_quote", "strategy"]);
    await replay(again);
    expect(await everyRow(store.db, ["strategy_m2m_candles", "last_quote", "strategy"])).toEqual(rows);
  });

  test("every 5 s and then every 1 s is every 1 s: parts merge", async () => {
    const ids = await enterStrategies(store, account());
    const again = { db: store.db, path: TICKS, strategy_ids: [...ids.values()] };
    await replay({ ...again, every_ms: 5000 });
    await replay({ ...again, every_ms: 1000 });
    for (const [name, strategy_id] of ids) {
      const { candles } = expectedOf(TICKS, 1, STRATEGIES[name] ?? { legs: [] });
      expect(await candleRows(store.db, strategy_id), name).toEqual(candles);
    }
  });

  test("a minute of another source is left out and counted; with overwrite it is replaced", async () => {
    const ids = await enterStrategies(store, account());
    const strategy_id = ids.get("strangle") ?? 0;
    const live = minuteCandle(strategy_id, "2026-08-03T05:00:00Z");
    await upsertMany(store.db, batchOf([live], "live"), { overwrite: false });
    const again = { db: store.db, path: TICKS, strategy_ids: [strategy_id] };
    const { candles } = expectedOf(TICKS, 1, STRATEGIES["strangle"] ?? { legs: [] });
    expect(await replay(again)).toMatchObject({ candle_count: candles.length, written_count: candles.length - 1, left_out_count: 1 });
    expect((await candleRows(store.db, strategy_id)).filter(({ source }) => source === "live")).toHaveLength(1);
    expect(await replay({ ...again, overwrite: true })).toMatchObject({ written_count: 1, left_out_count: 0 });
    expect(await candleRows(store.db, strategy_id)).toEqual(candles);
  });

  test("latest marks and last prices come of it, and move only forward in time", async () => {
    const ids = await enterStrategies(store, account());
    await replay({ db: store.db, path: TICKS, strategy_ids: [...ids.values()] });
    const after = await everyRow(store.db, ["strategy_mark", "last_quote"]);
    await using api = await connect({ url: store.url });
    const strategy_id = ids.get("strangle") ?? 0;
    const { candles } = expectedOf(TICKS, 1, STRATEGIES["strangle"] ?? { legs: [] });
    const m2m = Number(candles.at(-1)?.close);
    const mark = { at: "2026-08-04T10:09:59Z", m2m, entry_value: 20_172.75, instrument_count: 2, priced: 2, stale: 1, reason: null };
    expect(await api.strategies.mark({ strategy_id })).toMatchObject(mark);
    expect(await currentOf(strategy_id)).toEqual([m2m.toFixed(4), (20_172.75 - m2m).toFixed(4)]);
    const expired = ids.get("expired on the second day") ?? 0;
    const reason = "no price for NFO:NIFTY2680324500PE (expired on 2026-08-03)";
    expect(await api.strategies.mark({ strategy_id: expired })).toMatchObject({ m2m: null, pnl: null, priced: 1, reason });
    expect(await currentOf(expired)).toEqual([null, null]);
    const [leg] = await api.strategies.legs.list({ strategy_id });
    expect(leg).toMatchObject({ current_price: 153.2, current_price_at: "2026-08-04T06:31:59Z" });
    await replay({ db: store.db, path: BARS, strategy_ids: [...ids.values()] });
    expect(await everyRow(store.db, ["strategy_mark", "last_quote"])).toEqual(after);
  });

  test("a strategy whose exchange closes before the day's end has the mark of its last minute", async () => {
    const account_id = account();
    const ids = await enterStrategies(store, account_id);
    await using api = await connect({ url: store.url, account_id });
    const { strategy_id } = await api.strategies.create({ name: "Shares alone" });
    await api.strategies.legs.add({ strategy_id, tradingsymbol: "NSE:NIFTY 50", direction: "BUY", quantity: 1, entry_price: 24_500 });
    await replay({ db: store.db, path: TICKS, strategy_ids: [...ids.values(), strategy_id] });
    const last = (await candleRows(store.db, strategy_id)).at(-1);
    expect(await api.strategies.mark({ strategy_id })).toMatchObject({ at: "2026-08-04T09:59:59Z", m2m: Number(last?.close) });
  });

  test("at a given speed it takes as long as the session divided by it, and writes minute by minute", async () => {
    const ids = await enterStrategies(store, account());
    const clock = new TestClock("2026-11-25T05:00:00Z");
    const began_ms = clock.monotonic();
    const seen: ReplayProgress[] = [];
    const onProgress = (progress: ReplayProgress): void => void seen.push(progress);
    await replay({ db: store.db, path: BARS, strategy_ids: [...ids.values()], every_ms: 20_000, speed: 60, clock, onProgress });
    expect(clock.monotonic() - began_ms).toBeCloseTo((385 * 60_000 - 20_000) / 60, 3);
    expect(seen).toHaveLength(385);
    expect(seen.at(-1)).toMatchObject({ sample_count: 385 * 3, progress: 1 });
  });

  test("interrupted: whole minutes are written, the one under way is not, and the rest comes with the next replay", async () => {
    const ids = await enterStrategies(store, account());
    const stop = new AbortController();
    const settings = { db: store.db, path: TICKS, strategy_ids: [...ids.values()], signal: stop.signal };
    const onProgress = ({ minute_ms }: ReplayProgress): void => {
      if (minute_ms === Date.parse("2026-08-03T05:02:00Z")) stop.abort();
    };
    await expect(replay({ ...settings, onProgress })).rejects.toMatchObject({ code: "interrupted" });
    const strategy_id = ids.get("strangle") ?? 0;
    const { candles } = expectedOf(TICKS, 1, STRATEGIES["strangle"] ?? { legs: [] });
    expect(await candleRows(store.db, strategy_id)).toEqual(candles.filter(({ minute }) => minute <= "2026-08-03T05:02:00.000Z"));
    await replay({ ...settings, signal: undefined });
    expect(await candleRows(store.db, strategy_id)).toEqual(candles);
  });

  test("a recording of this morning does not mark the afternoon", async () => {
    const ids = await enterStrategies(store, account());
    const clock = new TestClock("2026-08-03T05:03:30Z");
    const { days } = await replay({ db: store.db, path: TICKS, strategy_ids: [...ids.values()], clock });
    expect(days).toEqual(["2026-08-03"]);
    const { candles } = expectedOf(TICKS, 1, STRATEGIES["strangle"] ?? { legs: [] });
    const rows = await candleRows(store.db, ids.get("strangle") ?? 0);
    expect(rows).toEqual(candles.filter(({ minute }) => minute < "2026-08-03T05:03:00.000Z"));
  });

  test("a recording that ends early is sampled until its last quote is stale, and makes no afternoon", async () => {
    await using scratch = await scratchFolder();
    const file = path.join(scratch.folder, "short.csv");
    const rows = ["04:00:00", "04:00:30"].flatMap((time) => STRANGLE.map((instrument) => `2026-08-03T${time}Z,${instrument},101.5`));
    await writeFile(file, ["at_utc,instrument,price", ...rows].join("\n"));
    const ids = await enterStrategies(store, account());
    const report = await replay({ db: store.db, path: file, strategy_ids: [...ids.values()] });
    const minutes = (await candleRows(store.db, ids.get("strangle") ?? 0)).map(({ minute }) => minute.slice(11, 16));
    expect(minutes).toEqual(["04:00", "04:01"]);
    // From the open at 03:45:00 to 04:01:30, both included.
    expect(report.sample_count).toBe(16 * 60 + 31);
  });

  test("another recording of the same minutes is left out and counted, and replaces them when told to", async () => {
    await using scratch = await scratchFolder();
    const strategy_ids = [(await enterStrategies(store, account())).get("strangle") ?? 0];
    const recordingOf = async (price: number): Promise<string> => {
      const file = path.join(scratch.folder, `${price}.csv`);
      const rows = ["04:00:00", "04:01:30"].flatMap((time) => STRANGLE.map((instrument) => `2026-08-03T${time}Z,${instrument},${price}`));
      await writeFile(file, ["at_utc,instrument,price", ...rows].join("\n"));
      return file;
    };
    const rows = () => candleRows(store.db, strategy_ids[0] ?? 0);
    await replay({ db: store.db, path: await recordingOf(100), strategy_ids });
    const before = await rows();
    expect(before).toHaveLength(3);
    const other = { db: store.db, path: await recordingOf(90), strategy_ids };
    expect(await replay(other)).toMatchObject({ candle_count: 3, written_count: 0, left_out_count: 3 });
    expect(await rows()).toEqual(before);
    expect(await replay({ ...other, every_ms: 5000 })).toMatchObject({ written_count: 0, left_out_count: 3 });
    expect(await replay({ ...other, overwrite: true })).toMatchObject({ written_count: 3, left_out_count: 0 });
    expect((await rows()).map(({ open }) => open)).not.toEqual(before.map(({ open }) => open));
  });

  test("a recording that gives a strategy no candle leaves its latest mark alone", async () => {
    await using scratch = await scratchFolder();
    const file = path.join(scratch.folder, "one-leg.csv");
    await writeFile(file, `at_utc,instrument,price\n2026-08-04T09:59:00Z,${STRANGLE[0]},10.5\n2026-08-04T10:09:59Z,${STRANGLE[0]},10.5\n`);
    const name = account();
    const ids = await enterStrategies(store, name);
    const strategy_ids = [...ids.values()];
    await replay({ db: store.db, path: TICKS, strategy_ids });
    await using api = await connect({ url: store.url, account_id: name });
    const marks = async () =>
      Promise.all(strategy_ids.map(async (strategy_id) => ({ ...(await api.strategies.mark({ strategy_id })), age_ms: 0 })));
    const before = await marks();
    expect(before.some(({ m2m }) => typeof m2m === "number")).toBe(true);
    expect(await replay({ db: store.db, path: file, strategy_ids })).toMatchObject({ candle_count: 0 });
    expect(await marks()).toEqual(before);
  });

  test("what cannot be replayed is refused before anything is written", async () => {
    const folder = await mkdtemp(path.join(tmpdir(), "stratctl-t-"));
    const file = path.join(folder, "a.csv");
    const before = await everyRow(store.db);
    await writeFile(file, "at_utc,instrument,price\n");
    await expect(replay({ db: store.db, path: file })).rejects.toMatchObject({ code: "recording_invalid" });
    await expect(replay({ db: store.db, path: path.join(folder, "b.csv") })).rejects.toMatchObject({ code: "file_unusable" });
    await copyFile(TICKS, file);
    for (const wrong of [{ every_ms: 7000 }, { every_ms: 500 }, { every_ms: 1500 }, { speed: 0 }, { speed: Number.NaN }])
      await expect(replay({ db: store.db, path: file, ...wrong })).rejects.toMatchObject({ code: "input_invalid" });
    expect(await everyRow(store.db)).toEqual(before);
    await rm(folder, { recursive: true });
    expect(new StratctlError("recording_invalid", "").exit).toBe(2);
  });

  /** The columns that others read with SQL. */
  async function currentOf(strategy_id: number): Promise<(string | null)[]> {
    const Row = z.object({ current_m2m: z.string().nullable(), total_pnl: z.string().nullable() });
    const sql = "select current_m2m, total_pnl from strategy where strategy_id = $1";
    const { current_m2m, total_pnl } = await store.db.one(Row, "test.current", sql, [strategy_id]);
    return [current_m2m, total_pnl];
  }

  async function candlesOf(ids: ReadonlyMap<string, number>) {
    return Promise.all([...ids.values()].map((strategy_id) => candleRows(store.db, strategy_id)));
  }
});

function minutesOf({ from_ms, to_ms }: { from_ms: number; to_ms: number }): string[] {
  return Array.from({ length: (to_ms - from_ms) / 60_000 + 1 }, (_, n) => new Date(from_ms + n * 60_000).toISOString());
}

function minuteCandle(strategy_id: number, minute: string) {
  const minute_ms = Date.parse(minute);
  const ohlc = { open_units: 1, high_units: 1, low_units: 1, close_units: 1 };
  const book = { entry_value_units: 0, realized_pnl_units: 0, instrument_count: 1 };
  const seconds = { sampled: 1n, first_at_ms: minute_ms, last_at_ms: minute_ms, stale_count: 0, oldest_age_ms: 0 };
  return { strategy_id, minute_ms, ...ohlc, ...book, ...seconds, source: "live" as const };
}
