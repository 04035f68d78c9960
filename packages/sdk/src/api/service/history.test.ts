import { beforeAll, expect, test } from "vitest";
import { minuteAt, writeMinutes } from "../../../../../test/support/minutes.ts";
import { allOf, serviceOn } from "../../../../../test/support/service.ts";
import { onEveryPostgres } from "../../../../../test/support/store.ts";
import type { Candle } from "../../model/candle.ts";
import type { Api } from "../contract.ts";

const OPEN_MS = Date.parse("2026-11-03T09:15:00+05:30");

onEveryPostgres("a history", (store) => {
  let api: Api;
  let strategy_id = 0;
  beforeAll(async () => {
    api = serviceOn(store.db, { now: () => OPEN_MS + 7 * 60_000 });
    await api.accounts.create({ account_id: "A1" });
    ({ strategy_id } = await api.strategies.create({ name: "History" }));
    await writeMinutes(
      store.db,
      Array.from({ length: 7 }, (_, place) => minuteAt(strategy_id, OPEN_MS + place * 60_000, place * 10)),
    );
  });
  type Query = Omit<Parameters<Api["strategies"]["m2m"]["history"]>[0], "strategy_id">;
  const read = (query: Query, by: Api = api): Promise<Candle[]> => by.strategies.m2m.history({ strategy_id, ...query });
  const ohlc = ({ open, high, low, close }: Candle): number[] => [open, high, low, close];

  test("open, high, low and close are the M2M's, or the P&L's where it is asked for, of a minute and of more", async () => {
    // entry_value 100, realized 5: pnl = 105 − m2m, so that its high comes from the M2M's low.
    expect((await read({ basis: "m2m" })).slice(0, 2).map(ohlc)).toEqual([
      [0, 3, -2, 1],
      [10, 13, 8, 11],
    ]);
    expect((await read({ basis: "pnl" })).slice(0, 2).map(ohlc)).toEqual([
      [105, 107, 102, 104],
      [95, 97, 92, 94],
    ]);
    expect((await read({ interval: "5m" })).map(ohlc)).toEqual([
      [0, 43, -2, 41],
      [50, 63, 48, 61],
    ]);
    expect((await read({ interval: "5m", basis: "pnl" })).map(ohlc)).toEqual([
      [105, 107, 62, 64],
      [55, 57, 42, 44],
    ]);
  });

  test("pnl_open to pnl_close are the P&L's on either basis", async () => {
    const of = ({ pnl_open, pnl_high, pnl_low, pnl_close }: Candle): number[] => [pnl_open, pnl_high, pnl_low, pnl_close];
    for (const interval of ["1m", "5m", "1d"] as const)
      expect((await read({ interval, basis: "pnl" })).map(of)).toEqual((await read({ interval })).map(of));
  });

  test("a server that draws P&L does so where a call does not say, and only there", async () => {
    const panel = serviceOn(store.db, { m2m_basis: "pnl", now: () => OPEN_MS + 7 * 60_000 });
    for (const interval of ["1m", "5m"] as const) {
      expect(await read({ interval }, panel)).toEqual(await read({ interval, basis: "pnl" }));
      expect(await read({ interval, basis: "m2m" }, panel)).toEqual(await read({ interval }));
    }
    expect(await allOf(panel.strategies.m2m.each({ strategy_id }))).toEqual(await read({ basis: "pnl" }));
  });

  test("limit takes the first so many, of a minute and of more", async () => {
    for (const interval of ["1m", "5m", "1d"] as const) {
      const whole = await read({ interval });
      for (const limit of [1, 2, 5, 100]) expect(await read({ interval, limit })).toEqual(whole.slice(0, limit));
    }
    await expect(read({ limit: 0 })).rejects.toMatchObject({ code: "input_invalid" });
  });

  test("plus-in-a-query-is-a-space: an instant has its zone, however it is written", async () => {
    const to_time = "2026-11-03T04:00:00Z";
    for (const from_time of ["2026-11-03T09:17:00+05:30", "2026-11-03T03:47:00Z", 1_793_677_620, "1793677620", 1_793_677_620_000])
      expect((await read({ from_time, to_time }))[0]?.timestamp).toBe("2026-11-03T03:47:00Z");
    for (const from_time of ["2026-11-03T09:17:00", "2026-11-03", "2026-11-03T09:17:00 05:30", "yesterday", "", -1])
      await expect(read({ from_time, to_time })).rejects.toMatchObject({ code: "input_invalid" });
    await expect(read({ from_time: "2026-11-03T05:00:00Z", to_time })).rejects.toMatchObject({ code: "input_invalid" });
  });

  test("a range from before the first exchange to the end of time is read as quickly as a day", async () => {
    const ever = { from_time: "0000-01-01T00:00:00Z", to_time: "9999-12-31T23:59:59Z" };
    for (const interval of ["1m", "5m", "1d"] as const)
      expect(await read({ ...ever, interval })).toEqual(await read({ day: "2026-11-03", interval }));
    const nothing: Query[] = [
      { day: "0001-01-01" },
      { day: "9999-12-31", interval: "1d" },
      { to_time: ever.from_time },
      { to_time: "1999-12-31T00:00:00Z", interval: "1h" },
      { from_time: ever.to_time },
      { to_time: ever.to_time },
    ];
    for (const query of nothing) expect(await read(query)).toEqual([]);
  });
});
