import { beforeAll, expect, test, vi } from "vitest";
import { z } from "zod";
import { serviceOn } from "../../../../../test/support/service.ts";
import { onEveryPostgres } from "../../../../../test/support/store.ts";
import type { Api } from "../contract.ts";

/** NIFTY's weekly contracts of 17 November 2026, a Tuesday: the session of NFO ends at 15:40. */
const DAY = "2026-11-17";
const at = (time: string): number => Date.parse(`${DAY}T${time}+05:30`);
const CALL = "NFO:NIFTY26N1724500CE";

type Side = "BUY" | "SELL";
type Bought = readonly [symbol: string, side: Side, quantity: number, price: number];

onEveryPostgres("closing figures", (store) => {
  let api: Api;
  let now_ms = 0;
  let made = 0;
  beforeAll(() => {
    api = serviceOn(store.db, { now: () => now_ms });
  });
  const account = async () => {
    made += 1;
    const { account_id } = await api.accounts.create({ account_id: `F${made}` });
    return account_id;
  };
  /** A strategy that bought or sold these a week before. */
  const desk = async (account_id: string, name: string, ...held: readonly Bought[]) => {
    const { strategy_id } = await api.strategies.create({ account_id, name });
    for (const [tradingsymbol, side, quantity, price] of held)
      await api.strategies.fills.add({ strategy_id, tradingsymbol, side, quantity, price, at: "2026-11-10T04:00:00Z" });
    return strategy_id;
  };
  const exits = async (strategy_id: number) => {
    const fills = await api.strategies.fills.list({ strategy_id });
    return fills.filter(({ source }) => source === "settlement").map(({ price, value, realized_pnl }) => [price, value, realized_pnl]);
  };
  const legsOf = async (strategy_id: number) =>
    (await api.strategies.legs.list({ strategy_id })).map(({ exit_price, exit_value, current_pnl }) => [
      exit_price,
      exit_value,
      current_pnl,
    ]);
  const archive = (strategy_id: number) =>
    store.db.run("test.archive", "update strategy set status = 'archived', archived_at = '2026-11-17T12:00:00Z' where strategy_id = $1", [
      strategy_id,
    ]);

  /** How many sessions wait for another one's lock. */
  const waiting = async () => {
    const counted = z.object({ count: z.int() });
    const sql = "select count(*)::int as count from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
    return (await store.db.one(counted, "test.waiting", sql)).count;
  };

  test("a figure of a session that lasts is none: the leg settles at that of its close", async () => {
    now_ms = at("10:30:00");
    const account_id = await account();
    await desk(account_id, "Early", [CALL, "BUY", 75, 80]);
    const early = api.settle({ account_id, closes: { NIFTY: 24_900 }, day: DAY });
    await expect(early).rejects.toMatchObject({
      code: "input_invalid",
      message: `day ${DAY} has not ended for NIFTY: its closing figure is known from ${DAY} 15:40 on`,
    });
    now_ms = at("15:39:59.999");
    await expect(api.settle({ account_id, closes: { NIFTY: 24_900 }, day: DAY })).rejects.toMatchObject({ code: "input_invalid" });
    now_ms = at("15:40:00");
    const { settled, differing } = await api.settle({ account_id, closes: { NIFTY: 24_631.35 }, day: DAY });
    expect([settled.map(({ exit_price }) => exit_price), differing]).toEqual([[131.35], []]);
  });

  test("the session is that of the underlying's own exchange, by what is held or listed", async () => {
    now_ms = at("18:00:00");
    const account_id = await account();
    await desk(account_id, "Oil", ["MCX:CRUDEOIL26NOVFUT", "BUY", 100, 5000]);
    await store.db.run(
      "test.listing",
      `insert into instrument (exchange, tradingsymbol, instrument_token, name, instrument_type, expiry, lot_size, seen_on, words)
       values ('MCX', 'ZINC26NOVFUT', 1, 'ZINC', 'FUT', '2026-11-30', 5, '2026-11-10', 'ZINC') on conflict do nothing`,
    );
    for (const [underlying, known_from] of [
      ["CRUDEOIL", "23:55"],
      ["ZINC", "23:55"],
    ])
      await expect(api.settle({ account_id, closes: { [underlying ?? ""]: 5000 }, day: DAY })).rejects.toMatchObject({
        code: "input_invalid",
        message: expect.stringContaining(`for ${underlying}: its closing figure is known from ${DAY} ${known_from}`),
      });
    // Of what nobody knows it is that of derivatives of shares.
    await expect(api.settle({ account_id, closes: { ACME: 100 }, day: DAY })).resolves.toMatchObject({ replaced: [], differing: [] });
    now_ms = at("23:55:00");
    await expect(api.settle({ account_id, closes: { CRUDEOIL: 5000 }, day: DAY })).resolves.toMatchObject({ differing: [] });
  });

  test("a figure that no leg was settled by gives way to the right one, and that is told", async () => {
    now_ms = at("18:00:00");
    const account_id = await account();
    await api.settle({ account_id, closes: { NIFTY: 24_900 }, day: DAY });
    const strategy_id = await desk(account_id, "Mistyped", [CALL, "BUY", 75, 80]);
    const { settled, replaced, differing } = await api.settle({ account_id, closes: { NIFTY: 24_631.35 }, day: DAY });
    expect([replaced, differing]).toEqual([[{ underlying: "NIFTY", day: DAY, was: 24_900, given: 24_631.35 }], []]);
    expect(settled).toMatchObject([{ exit_price: 131.35, current_pnl: 3851.25 }]);
    expect(await exits(strategy_id)).toEqual([[131.35, 9851.25, 3851.25]]);
  });

  test("one that legs were settled by is corrected on demand: legs, fills and days, and nobody else's", async () => {
    now_ms = Date.parse("2026-11-18T18:00:00+05:30");
    const [account_id, other] = [await account(), await account()];
    const bought = await desk(account_id, "Bought", [CALL, "BUY", 75, 80], ["NFO:NIFTY26N1724700PE", "SELL", 75, 60.05]);
    const sold = await desk(account_id, "Sold", [CALL, "SELL", 150, 80], [CALL, "BUY", 75, 90]);
    const beside = await desk(account_id, "Beside", ["NFO:FINNIFTY26N1724500CE", "BUY", 65, 80]);
    const theirs = await desk(other, "Theirs", [CALL, "BUY", 75, 80]);
    const wrong = { closes: { NIFTY: 24_900, FINNIFTY: 24_600 }, day: DAY };
    for (const id of [account_id, other]) await api.settle({ account_id: id, ...wrong });
    for (const strategy_id of [bought, sold]) await api.metrics.rebuild({ strategy_id });
    await archive(sold);
    expect(await exits(bought)).toEqual([
      [400, 30_000, 24_000],
      [0, 0, 4503.75],
    ]);
    const right = { account_id, closes: { NIFTY: 24_631.35, FINNIFTY: 24_600 }, day: DAY };
    expect(await api.settle(right)).toMatchObject({ settled: [], replaced: [], differing: [{ kept: 24_900, given: 24_631.35 }] });
    expect((await exits(bought))[0]).toEqual([400, 30_000, 24_000]);

    const { settled, replaced, differing } = await api.settle({ ...right, correct: true });
    expect([settled.length, replaced, differing]).toEqual([3, [{ underlying: "NIFTY", day: DAY, was: 24_900, given: 24_631.35 }], []]);
    // 24,631.35 − 24,500 = 131.35; (131.35 − 80) × 75. 24,700 − 24,631.35 = 68.65; (60.05 − 68.65) × 75.
    expect(await exits(bought)).toEqual([
      [131.35, 9851.25, 3851.25],
      [68.65, 5148.75, -645],
    ]);
    expect(await legsOf(bought)).toEqual([
      [131.35, 9851.25, 3851.25],
      [68.65, 5148.75, -645],
    ]);
    // What was bought back at 90 stays at that; the rest of what was sold pays 131.35.
    expect(await legsOf(sold)).toEqual([
      [131.35, 9851.25, -3851.25],
      [90, 6750, -750],
    ]);
    expect(await exits(sold)).toEqual([[131.35, 9851.25, -3851.25]]);
    expect([await exits(beside), await exits(theirs)]).toEqual([[[100, 6500, 1300]], [[400, 30_000, 24_000]]]);
    const days = await api.strategies.metrics({ strategy_id: bought, from: DAY });
    expect(days.map(({ metric_date, realized_pnl, winning_trades }) => [metric_date, realized_pnl, winning_trades])).toEqual([
      [DAY, 3206.25, 1],
      ["2026-11-18", 3206.25, 1],
    ]);
    expect((await api.strategies.metrics({ strategy_id: sold, from: DAY })).map(({ realized_pnl }) => realized_pnl)).toEqual([-4601.25]);
    for (const strategy_id of [bought, sold]) expect(await api.metrics.rebuild({ strategy_id })).toMatchObject({ changed_count: 0 });
    expect(await api.settle({ ...right, correct: true })).toEqual({ settled: [], open: [], replaced: [], differing: [] });
  });

  test("a correction that no money can hold changes nothing of it", async () => {
    now_ms = at("18:00:00");
    const account_id = await account();
    const strategy_id = await desk(account_id, "Much", [CALL, "BUY", 1_000_000_000, 80]);
    await api.settle({ account_id, closes: { NIFTY: 24_600 }, day: DAY });
    const beyond = api.settle({ account_id, closes: { NIFTY: 25_100 }, day: DAY, correct: true });
    await expect(beyond).rejects.toMatchObject({ code: "money_too_large" });
    expect(await exits(strategy_id)).toEqual([[100, 100_000_000_000, 20_000_000_000]]);
    expect(await api.settle({ account_id, closes: { NIFTY: 24_600 }, day: DAY })).toMatchObject({ replaced: [], differing: [] });
  });

  test("one underlying has one figure, in whatever case it is written", async () => {
    now_ms = at("18:00:00");
    const account_id = await account();
    await desk(account_id, "Twice", [CALL, "BUY", 75, 80]);
    for (const closes of [
      { nifty: 24_600, NIFTY: 24_700 },
      { NIFTY: 24_600, " Nifty": 24_600 },
    ])
      await expect(api.settle({ account_id, closes })).rejects.toMatchObject({
        code: "input_invalid",
        message: expect.stringContaining("has NIFTY twice"),
      });
    await expect(api.settle({ account_id, closes: { " ": 1 } })).rejects.toMatchObject({ code: "input_invalid" });
  });

  test("what was left open in an archived strategy settles too", async () => {
    now_ms = at("18:00:00");
    const account_id = await account();
    const strategy_id = await desk(account_id, "Archived", [CALL, "BUY", 75, 80]);
    await archive(strategy_id);
    const { settled } = await api.settle({ account_id, closes: { NIFTY: 24_631.35 } });
    expect(settled).toMatchObject([{ strategy_id, exit_price: 131.35, current_pnl: 3851.25 }]);
    expect((await api.settle({ account_id })).open).toEqual([]);
  });

  test("two who settle at a time agree on one figure", async () => {
    now_ms = at("18:00:00");
    const account_id = await account();
    const strategy_id = await desk(account_id, "Raced", [CALL, "BUY", 75, 80]);
    const answers = await store.db
      .transaction(async (holder) => {
        await holder.run("test.hold", "select id from strategy_instruments where strategy_id = $1 for update", [strategy_id]);
        const both = [24_600, 24_700].map((NIFTY) => api.settle({ account_id, closes: { NIFTY }, day: DAY }));
        await vi.waitFor(async () => expect(await waiting()).toBe(2), { timeout: 60_000 });
        return both;
      })
      .then((both) => Promise.all(both));
    expect(answers.flatMap(({ settled }) => settled)).toHaveLength(1);
    const [stays] = answers.flatMap(({ differing }) => differing);
    expect(await exits(strategy_id)).toMatchObject([[(stays?.kept ?? 0) - 24_500, expect.anything(), expect.anything()]]);
  });

  /** NIFTY at 24,631.35, RELIANCE at 1,380.55 and BANKNIFTY at 52,000.00 on Monday 23 November, when the month's contracts end. */
  const RIGHT: readonly [
    symbol: string,
    side: Side,
    quantity: number,
    price: number,
    exit: number,
    realized: number,
    delivered: boolean,
  ][] = [
    ["NFO:NIFTY26NOV24500CE", "BUY", 75, 80, 131.35, 3851.25, false],
    ["NFO:NIFTY26NOV24550CE", "SELL", 75, 80, 81.35, -101.25, false],
    ["NFO:NIFTY26NOV24800CE", "SELL", 65, 12.4, 0, 806, false],
    ["NFO:NIFTY26NOV24850CE", "BUY", 65, 12.4, 0, -806, false],
    ["NFO:NIFTY26NOV24700PE", "BUY", 75, 60.05, 68.65, 645, false],
    ["NFO:NIFTY26NOV24650PE", "SELL", 75, 60.05, 18.65, 3105, false],
    ["NFO:NIFTY26NOV24000PE", "BUY", 65, 12.4, 0, -806, false],
    ["NFO:NIFTY26NOVFUT", "SELL", 75, 24_500.05, 24_631.35, -9847.5, false],
    ["NFO:BANKNIFTY26NOV52000CE", "BUY", 35, 300.15, 0, -10_505.25, false],
    ["NFO:BANKNIFTY26NOV52000PE", "SELL", 35, 300.15, 0, 10_505.25, false],
    ["NFO:BANKNIFTY26NOVFUT", "BUY", 35, 51_999.95, 52_000, 1.75, false],
    ["NFO:RELIANCE26NOV1400PE", "BUY", 500, 12.35, 19.45, 3550, true],
    ["NFO:RELIANCE26NOV1380CE", "SELL", 500, 12.35, 0.55, 5900, true],
    ["NFO:RELIANCE26NOV1400CE", "BUY", 500, 5, 0, -2500, false],
    ["NFO:RELIANCE26NOVFUT", "SELL", 500, 1400.1, 1380.55, 9775, true],
  ];

  test("each kind of contract, to the paisa; again changes nothing", async () => {
    now_ms = Date.parse("2026-11-25T18:00:00+05:30");
    const [account_id, other] = [await account(), await account()];
    await desk(account_id, "All", ...RIGHT.map(([symbol, side, quantity, price]) => [symbol, side, quantity, price] as const));
    const theirs = await desk(other, "Theirs", ["NFO:NIFTY26NOV24500CE", "BUY", 75, 80]);
    const closes = { NIFTY: 24_631.35, RELIANCE: 1380.55, BANKNIFTY: 52_000 };
    const { settled } = await api.settle({ account_id, closes });
    const told = new Map(settled.map((leg) => [leg.instrument, [leg.exit_price, leg.current_pnl, leg.is_delivered]]));
    expect(Object.fromEntries(told)).toEqual(Object.fromEntries(RIGHT.map(([symbol, , , , ...worth]) => [symbol, worth])));
    expect(await exits(theirs)).toEqual([]);
    expect(await api.settle({ account_id, closes, day: "2026-11-23" })).toEqual({ settled: [], open: [], replaced: [], differing: [] });
  });

  test.each([
    // 100 at 10.05 and 50 at 20.10 cost 2,010.00; 120 of them are sold, and 30 × 31.35 = 940.50 is left.
    ["fifo", 337.5],
    ["average", 538.5],
  ] as const)(
    "what is left of a leg that was closed in part by %s has the rest of its cost, before and after a correction",
    async (cost_method, pnl) => {
      now_ms = at("18:00:00");
      const account_id = await account();
      const strategy_id = await desk(account_id, "Parts");
      const call = { strategy_id, tradingsymbol: "NFO:NIFTY26N1724600CE", at: "2026-11-10T04:00:00Z" };
      await api.strategies.fills.add({ ...call, side: "BUY", quantity: 100, price: 10.05 });
      await api.strategies.fills.add({ ...call, side: "BUY", quantity: 50, price: 20.1 });
      await api.strategies.fills.add({ ...call, side: "SELL", quantity: 120, price: 15, cost_method });
      await api.settle({ account_id, closes: { NIFTY: 24_631.35 } });
      expect(await exits(strategy_id)).toEqual([[31.35, 940.5, pnl]]);
      await api.settle({ account_id, closes: { NIFTY: 24_632.35 }, day: DAY, correct: true });
      expect(await exits(strategy_id)).toEqual([[32.35, 970.5, pnl + 30]]);
      const realized = (await api.strategies.fills.list({ strategy_id })).map(({ realized_pnl }) => realized_pnl ?? 0);
      // Whatever the method: 120 × 15 + 30 × 32.35 − 2,010.
      expect(realized.reduce((sum, one) => sum + one, 0)).toBe(760.5);
    },
  );
});
