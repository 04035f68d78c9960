import { beforeAll, beforeEach, describe, expect, test } from "vitest";
import { serviceOn } from "../../../../../test/support/service.ts";
import { onEveryPostgres } from "../../../../../test/support/store.ts";
import type { MinuteCandle } from "../../m2m/minute.ts";
import type { DayMetrics } from "../../model/metrics.ts";
import { batchOf, upsertMany } from "../../store/candle.ts";
import type { Api } from "../contract.ts";

/** A weekend lies between the second and the third. */
const [THU, FRI, MON] = ["2026-11-12", "2026-11-13", "2026-11-16"] as const;
const at = (day: string, time: string): string => `${day}T${time}:00+05:30`;
const CALL = "NFO:NIFTY26NOVFUT";
const PUT = "NFO:BANKNIFTY26NOVFUT";

onEveryPostgres("metrics", (store) => {
  let api: Api;
  let now_ms = 0;
  let strategy_id = 0;
  let made = 0;
  beforeAll(async () => {
    api = serviceOn(store.db, { now: () => now_ms });
    await api.accounts.create({ account_id: "M1" });
  });
  beforeEach(async () => {
    now_ms = Date.parse(at(MON, "16:00"));
    ({ strategy_id } = await api.strategies.create({ name: `Metrics ${(made += 1)}` }));
  });

  const trade = (side: "BUY" | "SELL", quantity: number, price: number, when: string, tradingsymbol = CALL) =>
    api.strategies.fills.add({ strategy_id, tradingsymbol, side, quantity, price, at: when });

  /** A minute: P&L of open, high, low and close, beside what was realized before it. */
  async function candle(when: string, pnl: readonly [number, number, number, number], { realized = 0, count = 1 } = {}): Promise<void> {
    const minute_ms = Date.parse(when);
    const units = (rupees: number): number => Math.round(rupees * 10_000);
    const [open, high, low, close] = pnl.map((rupees) => units(realized - rupees));
    const minute: MinuteCandle = {
      strategy_id,
      minute_ms,
      open_units: open ?? 0,
      high_units: low ?? 0,
      low_units: high ?? 0,
      close_units: close ?? 0,
      entry_value_units: 0,
      realized_pnl_units: units(realized),
      instrument_count: count,
      sampled: 1n,
      stale_count: 0,
      oldest_age_ms: 0,
      first_at_ms: minute_ms,
      last_at_ms: minute_ms,
      source: "live",
    };
    await upsertMany(store.db, batchOf([minute], "live"), { overwrite: true });
  }

  async function days(): Promise<DayMetrics[]> {
    await api.metrics.rebuild({ strategy_id });
    return api.strategies.metrics({ strategy_id });
  }
  const told = async <Field extends keyof DayMetrics>(...fields: readonly Field[]) =>
    (await days()).map((day) => [day.metric_date, ...fields.map((field) => day[field])]);

  test("day-two-is-a-difference, and a weekend between them is none", async () => {
    await trade("SELL", 65, 120, at(FRI, "10:00"));
    await candle(at(FRI, "15:29"), [1501.5, 1501.5, 1501.5, 1501.5]);
    await candle(at(MON, "15:29"), [900.25, 900.25, 900.25, 900.25]);
    expect(await told("cumulative_pnl", "day_pnl", "realized_pnl", "unrealized_pnl", "open_positions")).toEqual([
      [FRI, 1501.5, 1501.5, 0, 1501.5, 1],
      [MON, 900.25, -601.25, 0, 900.25, 1],
    ]);
  });

  test("since-entry-and-since-yesterday", async () => {
    const [leg] = (await trade("SELL", 475, 43.9, at(FRI, "10:00"))).legs;
    const [yesterday, today] = [(43.9 - 130.2) * 475, (43.9 - 101.2) * 475];
    await candle(at(FRI, "15:29"), [yesterday, yesterday, yesterday, yesterday]);
    await candle(at(MON, "15:29"), [today, today, today, today]);
    expect(await told("cumulative_pnl", "day_pnl")).toEqual([
      [FRI, -40_992.5, -40_992.5],
      [MON, -27_217.5, 13_775],
    ]);
    expect(await api.strategies.legs.list({ strategy_id })).toMatchObject([{ id: leg?.id, entry_price: 43.9 }]);
  });

  test("equal-days-have-no-sharpe, no-loss-yet-is-not-infinite: what is not defined is null on the wire too", async () => {
    await api.strategies.update({ strategy_id, total_capital_deployed: 100_000 });
    await trade("BUY", 1, 100, at(THU, "09:20"));
    await trade("SELL", 1, 300, at(THU, "09:21"));
    await trade("BUY", 65, 120, at(THU, "09:22"));
    for (const [day, pnl] of [
      [THU, 300],
      [FRI, 600],
      [MON, 900],
    ] as const)
      await candle(at(day, "15:29"), [pnl, pnl, pnl, pnl], { realized: 200 });
    const all = await days();
    expect(all.at(-1)).toMatchObject({ day_pnl: 300, sharpe_ratio: null, sortino_ratio: null, profit_factor: null, win_rate: 100 });
    expect(JSON.stringify(all)).not.toMatch(/Infinity|NaN|e\+1/);
  });

  test("a fall counts where its high is known to have come first", async () => {
    await trade("SELL", 65, 120, at(MON, "09:20"));
    await candle(at(MON, "09:21"), [10, 50, -20, 40]);
    await candle(at(MON, "09:22"), [30, 60, -15, 55]);
    await candle(at(MON, "15:29"), [55, 55, 20, 20]);
    expect(await told("high_pnl", "low_pnl", "day_drawdown", "max_drawdown")).toEqual([[MON, 60, -20, 65, 65]]);
  });

  test("a minute's own open came before its low", async () => {
    await trade("SELL", 65, 120, at(MON, "09:20"));
    await candle(at(MON, "09:21"), [0, 10, -5, 5]);
    await candle(at(MON, "15:29"), [90, 95, -30, 20]);
    expect(await told("day_drawdown", "max_drawdown")).toEqual([[MON, 120, 120]]);
  });

  test("drawdown-counts-from-the-start, and over days", async () => {
    await trade("SELL", 65, 120, at(THU, "09:20"));
    for (const [day, pnl] of [
      [THU, -10_000],
      [FRI, -25_000],
      [MON, -21_000],
    ] as const)
      await candle(at(day, "15:29"), [pnl, pnl, pnl, pnl]);
    expect(await told("day_pnl", "day_drawdown", "max_drawdown")).toEqual([
      [THU, -10_000, 10_000, 10_000],
      [FRI, -15_000, 15_000, 25_000],
      [MON, 4000, 0, 25_000],
    ]);
    const { overall } = await api.strategies.performance({ strategy_id, from: FRI, to: MON });
    expect(overall).toMatchObject({ session_count: 2, total_pnl: -11_000, max_drawdown: 15_000 });
  });

  test("equity-below-zero: a fall may be more than the capital, and by what was told it has its percent", async () => {
    await api.strategies.update({ strategy_id, total_capital_deployed: 100 });
    await trade("SELL", 65, 120, at(THU, "09:20"));
    for (const [day, pnl] of [
      [THU, -120],
      [FRI, -150],
      [MON, -200],
    ] as const)
      await candle(at(day, "15:29"), [pnl, pnl, pnl, pnl]);
    const { max_drawdown, capital_deployed, roi_percent } = (await days()).at(-1) ?? {};
    expect([max_drawdown, roi_percent, (100 * Number(max_drawdown)) / Number(capital_deployed)]).toEqual([200, -200, 200]);
  });

  test("a strategy that is flat at the close ends with what was realized, also after its last candle", async () => {
    await trade("SELL", 100, 20, at(FRI, "10:00"));
    await candle(at(FRI, "15:28"), [500, 500, 500, 500]);
    await trade("BUY", 100, 14, at(FRI, "15:29"));
    expect(await told("cumulative_pnl", "day_pnl", "realized_pnl", "unrealized_pnl", "high_pnl", "open_positions", "total_trades")).toEqual(
      [
        [FRI, 600, 600, 600, 0, 600, 0, 1],
        [MON, 600, 0, 600, 0, 600, 0, 1],
      ],
    );
  });

  test("what is left in part after the last minute began is the next day's", async () => {
    await trade("SELL", 100, 20, at(FRI, "10:00"));
    await candle(at(FRI, "15:29"), [500, 500, 500, 500]);
    await trade("BUY", 40, 14, at(FRI, "15:31"));
    await candle(at(MON, "15:29"), [590, 590, 590, 590], { realized: 240 });
    expect(await told("cumulative_pnl", "realized_pnl", "day_pnl")).toEqual([
      [FRI, 500, 0, 500],
      [MON, 590, 240, 90],
    ]);
  });

  test("a day that nobody marked is unknown, and so is what the next one added", async () => {
    await trade("SELL", 65, 120, at(THU, "09:20"));
    await candle(at(THU, "15:29"), [100, 100, 100, 100]);
    await candle(at(MON, "15:29"), [250, 250, 250, 250]);
    expect(await told("cumulative_pnl", "realized_pnl", "unrealized_pnl", "day_pnl", "day_drawdown", "open_positions")).toEqual([
      [THU, 100, 0, 100, 100, 0, 1],
      [FRI, null, 0, null, null, null, 1],
      [MON, 250, 0, 250, null, 0, 1],
    ]);
  });

  test("what is entered after the close belongs to the next session, and a session that goes on has no figures yet", async () => {
    await trade("SELL", 65, 120, at(FRI, "20:00"));
    now_ms = Date.parse(at(MON, "15:39"));
    expect(await told("day_pnl")).toEqual([]);
    now_ms = Date.parse(at(MON, "15:40"));
    expect(await told("day_pnl")).toEqual([[MON, null]]);
  });

  test("a-spread-is-one-trade; in the default strategy each leg is one", async () => {
    const legs = async (): Promise<void> => {
      await trade("SELL", 75, 110, at(MON, "10:00"));
      await trade("BUY", 75, 45, at(MON, "10:00"), PUT);
      await trade("BUY", 75, 101, at(MON, "11:00"));
      await trade("SELL", 75, 40.2, at(MON, "11:00"), PUT);
    };
    const figures = ["realized_pnl", "total_trades", "winning_trades", "losing_trades", "win_rate", "closed_positions"] as const;
    await legs();
    expect(await told(...figures)).toEqual([[MON, 315, 1, 1, 0, 100, 2]]);
    const all = await api.strategies.list({ account_id: "M1" });
    strategy_id = all.find(({ is_default }) => is_default)?.strategy_id ?? 0;
    await legs();
    expect(await told(...figures)).toEqual([[MON, 315, 2, 1, 1, 50, 2]]);
  });

  test("what was moved away is no trade, nor a position that was closed", async () => {
    const { legs } = await trade("SELL", 75, 110, at(MON, "10:00"));
    const other = await api.strategies.create({ name: `Other ${made}` });
    await api.strategies.legs.move({ strategy_id, instrument_id: legs[0]?.id ?? 0, to_strategy_id: other.strategy_id });
    now_ms = Date.parse(at("2026-11-17", "16:00"));
    expect((await told("realized_pnl", "total_trades", "closed_positions")).at(-1)).toEqual(["2026-11-17", 0, 0, 0]);
  });

  test("ratios are of the capital that was told, and of every session", async () => {
    await trade("SELL", 65, 120, at(THU, "09:20"));
    for (const [day, pnl] of [
      [THU, 1000],
      [FRI, 1000],
      [MON, 500],
    ] as const)
      await candle(at(day, "15:29"), [pnl, pnl, pnl, pnl]);
    expect((await days()).at(-1)).toMatchObject({ roi_percent: null, sharpe_ratio: null, sortino_ratio: null, capital_deployed: null });
    await api.strategies.update({ strategy_id, total_capital_deployed: 20_000 });
    const mean = 500 / 3;
    const deviation = Math.sqrt(((1000 - mean) ** 2 + mean ** 2 + (500 + mean) ** 2) / 2);
    const last = (await days()).at(-1);
    expect(last).toMatchObject({ roi_percent: 2.5, capital_deployed: 20_000 });
    expect(last?.sharpe_ratio).toBeCloseTo((mean / deviation) * Math.sqrt(252), 4);
    expect(last?.sortino_ratio).toBeCloseTo((mean / Math.sqrt(500 ** 2 / 2)) * Math.sqrt(252), 4);
  });

  test("again nothing changes; from a day on, the days before count", async () => {
    await trade("SELL", 65, 120, at(THU, "09:20"));
    for (const day of [THU, FRI, MON]) await candle(at(day, "15:29"), [100, 150, 50, 100]);
    const before = await days();
    expect(await api.metrics.rebuild({ strategy_id })).toEqual({ strategy_count: 1, day_count: 3, changed_count: 0 });
    expect(await api.metrics.rebuild({ strategy_id, from: MON })).toEqual({ strategy_count: 1, day_count: 1, changed_count: 0 });
    expect(await api.strategies.metrics({ strategy_id })).toEqual(before);
    await store.db.run("test.gone", "delete from strategy_pnl_metrics where strategy_id = $1 and metric_date > $2", [strategy_id, THU]);
    expect(await api.metrics.rebuild({ strategy_id, from: MON })).toMatchObject({ day_count: 2, changed_count: 2 });
    expect(await api.strategies.metrics({ strategy_id })).toEqual(before);
  });

  describe("positions", () => {
    test("by instrument and direction, with what is not known as null", async () => {
      await trade("SELL", 100, 20, at(MON, "10:00"));
      await trade("BUY", 40, 14, at(MON, "11:00"));
      await trade("BUY", 50, 30, at(MON, "11:00"), PUT);
      await trade("SELL", 50, 31, at(MON, "12:00"), PUT);
      const unknown = await api.strategies.positions({ strategy_id });
      expect(unknown.summary).toEqual({ total_pnl: null, total_m2m: null, open_positions: 1 });
      const sql =
        "insert into last_quote (exchange, tradingsymbol, price, at, source) values ('NFO', 'NIFTY26NOVFUT', 19.5, now(), 'redis')";
      await store.db.run("test.quote", sql);
      expect(await api.strategies.positions({ strategy_id })).toMatchObject({
        positions: [
          {
            instrument: CALL,
            direction: "SELL",
            quantity: 60,
            average_price: 20,
            last_price: 19.5,
            m2m: 1170,
            unrealized_pnl: 30,
            realized_pnl: 240,
            pnl: 270,
          },
          {
            instrument: PUT,
            direction: "BUY",
            quantity: 0,
            average_price: null,
            last_price: null,
            m2m: 0,
            unrealized_pnl: 0,
            realized_pnl: 50,
            pnl: 50,
          },
        ],
        summary: { total_pnl: 320, total_m2m: 1170, open_positions: 1 },
      });
    });
  });
});
