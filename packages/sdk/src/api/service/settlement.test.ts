import { beforeAll, expect, test } from "vitest";
import { serviceOn } from "../../../../../test/support/service.ts";
import { onEveryPostgres } from "../../../../../test/support/store.ts";
import type { Settled } from "../../model/settlement.ts";
import * as legs from "../../store/leg.ts";
import type { Api } from "../contract.ts";

/** The evening after NIFTY's weekly contracts of 17 November 2026, a Tuesday, have expired. */
const EVENING_MS = Date.parse("2026-11-17T18:00:00+05:30");
const CALL = "NIFTY26N1724500CE";
const PUT = "NIFTY26N1724000PE";
const FINANCE = "FINNIFTY26N1724500CE";

onEveryPostgres("settlement", (store) => {
  let api: Api;
  let now_ms = EVENING_MS;
  let made = 0;
  beforeAll(() => {
    api = serviceOn(store.db, { now: () => now_ms });
  });
  /** An account of its own with one strategy that holds these. */
  const desk = async (...held: readonly [symbol: string, direction: "BUY" | "SELL", quantity: number, entry_price: number][]) => {
    now_ms = EVENING_MS;
    made += 1;
    const account_id = `E${made}`;
    await api.accounts.create({ account_id });
    const { strategy_id } = await api.strategies.create({ account_id, name: "Expiring" });
    for (const [tradingsymbol, direction, quantity, entry_price] of held) {
      const leg = await api.strategies.legs.add({ strategy_id, tradingsymbol: `NFO:${tradingsymbol}`, direction, quantity, entry_price });
      await store.db.run("test.added", "update strategy_instruments set added_at = '2026-11-10T04:00:00Z' where id = $1", [leg.id]);
    }
    return { account_id, strategy_id, all: () => legs.list(store.db, { strategy_id }) };
  };
  const short = ({ settled, open, differing }: Settled): unknown => [
    settled.map(({ exit_price, current_pnl, closed_by, is_delivered }) => [exit_price, current_pnl, closed_by, is_delivered]),
    open.map(({ reason }) => reason),
    differing.length,
  ];

  test("settle-at-intrinsic-not-at-the-last-premium, dated at its session's end", async () => {
    const { account_id, all } = await desk([CALL, "BUY", 75, 80]);
    await store.db.run(
      "test.quote",
      "insert into last_quote (exchange, tradingsymbol, price, at, source) values ('NFO', $1, 112, now(), 'redis') on conflict do nothing",
      [CALL],
    );
    expect(short(await api.settle({ account_id, closes: { nifty: 24_631.35 } }))).toEqual([
      [[131.35, 3851.25, "settlement", false]],
      [],
      0,
    ]);
    expect(await all()).toMatchObject([{ closed_at: "2026-11-17T10:10:00Z", exit_value: 9851.25 }]);
  });

  test("worthless-means-exit-at-zero, and counts as won", async () => {
    const { account_id, strategy_id } = await desk([PUT, "SELL", 65, 12.4]);
    await api.settle({ account_id, closes: { NIFTY: 24_118.4 }, day: "2026-11-17" });
    const [leg] = await legs.list(store.db, { strategy_id });
    expect([leg?.exit_price, leg?.current_pnl]).toEqual([0, 806]);
    await api.metrics.rebuild({ strategy_id });
    const days = await api.strategies.metrics({ strategy_id });
    const won = { realized_pnl: 806, cumulative_pnl: 806, total_trades: 1, winning_trades: 1, losing_trades: 0, open_positions: 0 };
    expect(days.at(-1)).toMatchObject({ metric_date: "2026-11-17", ...won });
  });

  test("the days that were written at their closes are those of the settlement afterwards", async () => {
    const { account_id, strategy_id } = await desk([PUT, "SELL", 65, 12.4]);
    now_ms = Date.parse("2026-11-18T18:00:00+05:30");
    await api.metrics.rebuild({ strategy_id });
    const told = async () =>
      (await api.strategies.metrics({ strategy_id, from: "2026-11-16" })).map((day) => [
        day.metric_date,
        day.cumulative_pnl,
        day.total_trades,
      ]);
    expect(await told()).toEqual([
      ["2026-11-16", null, 0],
      ["2026-11-17", null, 0],
      ["2026-11-18", null, 0],
    ]);
    await api.settle({ account_id, closes: { NIFTY: 24_118.4 } });
    expect(await told()).toEqual([
      ["2026-11-16", null, 0],
      ["2026-11-17", 806, 1],
      ["2026-11-18", 806, 1],
    ]);
    expect(await api.metrics.rebuild({ strategy_id })).toMatchObject({ changed_count: 0 });
  });

  test("no-close-no-settlement: a leg stays open and says what is missing", async () => {
    const { account_id, all } = await desk(["ACME26NOV100CE", "BUY", 100, 5]);
    now_ms = Date.parse("2026-11-25T18:00:00+05:30");
    const { settled, open } = await api.settle({ account_id });
    expect(settled).toEqual([]);
    expect(open).toMatchObject([{ expiry: "2026-11-23", reason: "the closing figure of ACME on 2026-11-23 is not known" }]);
    expect(await all()).toMatchObject([{ closed_at: null }]);
  });

  test("no-close-no-settlement: neither the last premium nor a figure of another day will do", async () => {
    const { account_id, all } = await desk([FINANCE, "BUY", 75, 80]);
    now_ms = Date.parse("2026-11-18T18:00:00+05:30");
    const { settled, open } = await api.settle({ account_id, closes: { FINNIFTY: 24_640 }, day: "2026-11-18" });
    expect(settled).toEqual([]);
    expect(open).toMatchObject([{ expiry: "2026-11-17", reason: "the closing figure of FINNIFTY on 2026-11-17 is not known" }]);
    expect(await all()).toMatchObject([{ closed_at: null }]);
  });

  test("settlement-runs-once; a figure that was corrected since is told and changes nothing", async () => {
    const { account_id, strategy_id } = await desk([CALL, "BUY", 75, 80]);
    const first = await api.settle({ account_id, closes: { NIFTY: 24_631.35 } });
    const again = await api.settle({ account_id, closes: { NIFTY: 24_640 }, day: "2026-11-17" });
    expect([first.settled.length, again.settled, again.differing]).toEqual([
      1,
      [],
      [{ underlying: "NIFTY", day: "2026-11-17", kept: 24_631.35, given: 24_640 }],
    ]);
    const fills = await api.strategies.fills.list({ strategy_id });
    const exits = fills.filter(({ cost_method }) => cost_method !== null);
    expect(exits.map(({ source, realized_pnl }) => [source, realized_pnl])).toEqual([["settlement", 3851.25]]);
  });

  test("while its session lasts nothing expires, and a day to come has no figure", async () => {
    const { account_id } = await desk([CALL, "BUY", 75, 80]);
    now_ms = Date.parse("2026-11-17T15:39:59+05:30");
    await expect(api.settle({ account_id, closes: { NIFTY: 24_631.35 } })).rejects.toMatchObject({ code: "input_invalid" });
    await expect(api.settle({ account_id, closes: { NIFTY: 24_631.35 }, day: "2026-11-18" })).rejects.toMatchObject({
      code: "input_invalid",
    });
    expect(await api.settle({ account_id })).toEqual({ settled: [], open: [], replaced: [], differing: [] });
  });

  test("a stock's option that ends out of the money is worth nothing, and no shares are due", async () => {
    const { account_id } = await desk(["ACME26NOV100CE", "BUY", 100, 5], ["ACME26NOV90CE", "BUY", 100, 5]);
    now_ms = Date.parse("2026-11-25T18:00:00+05:30");
    const { settled } = await api.settle({ account_id, closes: { ACME: 100 } });
    expect(settled.map(({ exit_price, is_delivered }) => [exit_price, is_delivered])).toEqual([
      [0, false],
      [10, true],
    ]);
  });

  test("a stock's contract has the same value, is flagged as delivered, and is warned of from three sessions before", async () => {
    const { account_id, strategy_id } = await desk(["RELIANCE26NOVFUT", "BUY", 500, 1400]);
    const notices = async () => (await api.strategies.get({ strategy_id })).notices.map(({ code, expiry }) => [code, expiry]);
    const warnings = async (day: string): Promise<string[]> => {
      now_ms = Date.parse(`${day}T10:00:00+05:30`);
      return (await api.status({ account_id })).warnings.filter((text) => text.includes("RELIANCE"));
    };
    // 24 November is a holiday, so that the month's contracts expire on Monday the 23rd: Wednesday is three sessions before.
    expect([await warnings("2026-11-17"), await notices()]).toEqual([[], []]);
    expect(await warnings("2026-11-18")).toEqual([
      `NFO:RELIANCE26NOVFUT expires 2026-11-23 and is delivered: shares will be due unless it is closed (strategy ${strategy_id})`,
    ]);
    expect(await notices()).toEqual([["delivery_due", "2026-11-23"]]);
    expect(await warnings("2026-11-25")).toEqual([
      `NFO:RELIANCE26NOVFUT expired 2026-11-23 and waits for its settlement; shares are due (strategy ${strategy_id})`,
    ]);
    expect(await notices()).toEqual([["settlement_due", "2026-11-23"]]);
    expect(short(await api.settle({ account_id, closes: { RELIANCE: 1420.5 } }))).toEqual([[[1420.5, 10_250, "settlement", true]], [], 0]);
    expect([await warnings("2026-11-25"), await notices()]).toEqual([[], []]);
  });
});
