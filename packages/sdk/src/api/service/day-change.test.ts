import { beforeAll, beforeEach, expect, test } from "vitest";
import { serviceOn } from "../../../../../test/support/service.ts";
import { onEveryPostgres } from "../../../../../test/support/store.ts";
import { builtinCalendar } from "../../market/days.ts";
import { batchOf, upsertMany } from "../../store/candle.ts";
import type { Api } from "../contract.ts";

/** Thursday to Monday; Tuesday 10 November 2026 is a holiday of NSE's, Friday the 13th none. */
const [MON9, WED, THU, FRI, SAT, MON] = ["2026-11-09", "2026-11-11", "2026-11-12", "2026-11-13", "2026-11-14", "2026-11-16"] as const;
const at = (day: string, time: string): string => `${day}T${time}:00+05:30`;

onEveryPostgres("the day's change", (store) => {
  let api: Api;
  let strategy_id = 0;
  let made = 0;
  const context = { now: () => Date.parse(at(MON, "16:00")) };
  beforeAll(async () => {
    api = serviceOn(store.db, context);
    await api.accounts.create({ account_id: "D1" });
  });
  beforeEach(async () => {
    ({ strategy_id } = await api.strategies.create({ name: `Change ${(made += 1)}` }));
  });

  const trade = (side: "BUY" | "SELL", quantity: number, price: number, when: string, tradingsymbol = "NFO:NIFTY26NOVFUT") =>
    api.strategies.fills.add({ strategy_id, tradingsymbol, side, quantity, price, at: when });
  /** What the engine would have written of a minute's end. */
  const candle = async (when: string, pnl: number): Promise<void> => {
    const minute_ms = Date.parse(when);
    const m2m_units = Math.round(-pnl * 10_000);
    const ohlc = { open_units: m2m_units, high_units: m2m_units, low_units: m2m_units, close_units: m2m_units };
    const book = { entry_value_units: 0, realized_pnl_units: 0, instrument_count: 1, sampled: 1n, stale_count: 0, oldest_age_ms: 0 };
    const minute = { strategy_id, minute_ms, ...ohlc, ...book, first_at_ms: minute_ms, last_at_ms: minute_ms, source: "live" as const };
    await upsertMany(store.db, batchOf([minute], "live"), { overwrite: true });
  };
  const mark = (when: string, pnl: number): Promise<number> =>
    store.db.run(
      "test.mark",
      `insert into strategy_mark (strategy_id, at, m2m, pnl, entry_value, realized_pnl, instrument_count, priced, stale)
       values ($1, $2, -$3::numeric, $3, 0, 0, 1, 1, 0)
       on conflict (strategy_id) do update set at = excluded.at, m2m = excluded.m2m, pnl = excluded.pnl`,
      [strategy_id, when, pnl],
    );
  const write = (day: string, pnl: number | null): Promise<number> =>
    store.db.run("test.day", "insert into strategy_pnl_metrics (strategy_id, metric_date, cumulative_pnl) values ($1, $2, $3)", [
      strategy_id,
      day,
      pnl,
    ]);
  const told = async (): Promise<[number | null, string | null]> => {
    const { day_pnl, day_pnl_reason } = await api.strategies.get({ strategy_id });
    const [listed] = await api.strategies.list({ search: `Change ${made}` });
    expect([listed?.day_pnl, listed?.day_pnl_reason]).toEqual([day_pnl, day_pnl_reason]);
    return [day_pnl, day_pnl_reason];
  };
  const unknown = (day: string): [null, string] => [null, `its P&L at the close of ${day} is not known: no candle of that day`];

  test("without a mark there is none, and nothing to explain", async () => {
    expect(await told()).toEqual([null, null]);
  });

  test("of what was opened that day it is all, and from then on what came since the close before", async () => {
    await trade("SELL", 65, 120, at(FRI, "10:00"));
    await mark(at(FRI, "10:01"), 75.5);
    expect(await told()).toEqual([75.5, null]);
    await write(FRI, 100);
    await mark(at(MON, "09:15"), 90);
    expect(await told()).toEqual([-10, null]);
  });

  test("a day without figures is no reason to go further back: the day's last candle tells, or nobody knows", async () => {
    await trade("SELL", 65, 120, at(WED, "10:00"));
    await write(WED, 40);
    await mark(at(FRI, "12:00"), 90);
    expect(await told()).toEqual(unknown(THU));
    await write(THU, null);
    expect(await told()).toEqual(unknown(THU));
    await candle(at(THU, "15:38"), 55);
    await candle(at(THU, "15:39"), 60);
    expect(await told()).toEqual([30, null]);
  });

  test("the close before is of a session: a weekend and a holiday have none", async () => {
    await trade("SELL", 65, 120, at(MON9, "10:00"));
    await candle(at(MON9, "15:39"), 10);
    await mark(at(WED, "09:15"), 25);
    expect(await told()).toEqual([15, null]);
    await candle(at(FRI, "15:39"), 20);
    await mark(at(MON, "09:15"), 25);
    expect(await told()).toEqual([5, null]);
  });

  test("of two exchanges the later close counts, and one that had a session alone", async () => {
    await trade("SELL", 65, 120, at(MON9, "10:00"));
    await trade("BUY", 100, 6000, at(MON9, "10:00"), "MCX:CRUDEOIL26NOVFUT");
    await candle(at(MON9, "15:39"), 10);
    await candle("2026-11-10T20:00:00+05:30", 12);
    await mark(at(WED, "09:15"), 25);
    expect(await told()).toEqual([13, null]);
  });

  test("what was flat at the close ended with what it had realized, without a candle", async () => {
    await trade("SELL", 65, 120, at(THU, "10:00"));
    await trade("BUY", 65, 110, at(THU, "11:00"));
    await trade("SELL", 65, 115, at(FRI, "10:00"));
    await mark(at(FRI, "12:00"), 700);
    expect(await told()).toEqual([50, null]);
  });

  test("the exchanges' day is by the zone of the calendar", async () => {
    const eastern = serviceOn(store.db, { ...context, calendar: { ...builtinCalendar(), zone: { name: "Etc/UTC", offset_minutes: 0 } } });
    await trade("SELL", 65, 120, at(THU, "10:00"));
    await write(THU, 10);
    await write(FRI, 100);
    await mark(at(SAT, "00:30"), 130);
    expect((await api.strategies.get({ strategy_id })).day_pnl).toBe(30);
    expect((await eastern.strategies.get({ strategy_id })).day_pnl).toBe(120);
  });

  test("where the calendar has no session before, that is the reason", async () => {
    const bare = serviceOn(store.db, { ...context, calendar: { ...builtinCalendar(), exchanges: new Map() } });
    await trade("SELL", 65, 120, at(FRI, "10:00"));
    await mark(at(FRI, "12:00"), 1);
    expect((await bare.strategies.get({ strategy_id })).day_pnl_reason).toBe("the calendar knows no session before it");
  });
});
