import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Stratctl, StreamGap } from "../../packages/sdk/src/index.ts";
import type { Database } from "../../packages/sdk/src/store/db.ts";
import { upsertMany } from "../../packages/sdk/src/store/mark.ts";
import { startTicker, type Ticker } from "../support/ticker.ts";
import { DOORS, type Door } from "./doors.ts";
import { first } from "./world.ts";

/** Streams through the same three doors, of a database that some other engine writes to. */

let ticker: Ticker;
beforeAll(async () => {
  ticker = await startTicker();
});
afterAll(() => ticker[Symbol.asyncDispose]());

const second = (n: number): string => `2025-07-31T03:45:0${n}Z`;

/** A mark at each second, in which strategy n is worth n rupees more than the second. */
async function write(database: Database, n: number, strategies: readonly number[]): Promise<void> {
  const { length } = strategies;
  await upsertMany(database, {
    length,
    at_ms: Date.parse(second(n)),
    strategy_id: Int32Array.from(strategies),
    m2m_units: Float64Array.from(strategies, (strategy_id) => (n + strategy_id) * 10_000),
    entry_value_units: new Float64Array(length),
    realized_pnl_units: new Float64Array(length),
    instrument_count: new Int32Array(length).fill(1),
    priced: new Int32Array(length).fill(1),
    stale: new Int32Array(length),
    oldest_age_ms: new Float64Array(length).fill(5),
    reason: strategies.map(() => null),
  });
}

describe.for(DOORS)("streams through %s", ([, open]) => {
  let door: Door;
  let api: Stratctl;
  let one: number;
  let two: number;
  beforeAll(async () => {
    door = await open(ticker);
    api = await door.open("XJ4540");
    await api.accounts.create({ account_id: "XJ4540" });
    one = (await api.strategies.create({ name: "One" })).strategy_id;
    two = (await api.strategies.create({ name: "Two" })).strategy_id;
  });
  afterAll(async () => {
    await api?.close();
    await door?.close();
  });

  test("of a strategy: the latest mark, and each as it is written", async () => {
    await write(door.database, 1, [one]);
    const seen: unknown[] = [];
    for await (const { at, m2m, pnl, strategy_id } of api.strategies.m2m.stream({ strategy_id: one })) {
      seen.push({ at, m2m, pnl, strategy_id });
      if (seen.length === 2) break;
      await write(door.database, 2, [one]);
    }
    expect(seen).toEqual([
      { at: second(1), m2m: 1 + one, pnl: -1 - one, strategy_id: one },
      { at: second(2), m2m: 2 + one, pnl: -2 - one, strategy_id: one },
    ]);
  });

  test("goes on after an instant, and says what it cannot tell any more", async () => {
    await write(door.database, 6, [one]);
    const gaps: StreamGap[] = [];
    const after = { after: second(2), onGap: (gap: StreamGap) => void gaps.push(gap) };
    expect(await first(1, api.strategies.m2m.stream({ strategy_id: one }, after))).toMatchObject([{ at: second(6) }]);
    expect(gaps).toEqual([{ from: second(2), to: second(6) }]);
  });

  test("of an account: all that were written at an instant, by strategy", async () => {
    await write(door.database, 7, [one, two]);
    const told = await first(1, api.marks.stream({}, { after: second(6) }));
    expect(told).toMatchObject([
      [
        { strategy_id: one, at: second(7), m2m: 7 + one },
        { strategy_id: two, at: second(7), m2m: 7 + two },
      ],
    ]);
  });

  test("that is given up ends with its signal's reason, before it begins and while it waits", async () => {
    const reason = new Error("enough");
    await expect(first(1, api.marks.stream({}, { signal: AbortSignal.abort(reason) }))).rejects.toBe(reason);
    const abort = new AbortController();
    setTimeout(() => abort.abort(reason), 100);
    await expect(first(9, api.strategies.m2m.stream({ strategy_id: one }, { signal: abort.signal }))).rejects.toBe(reason);
  });

  test("ends where the strategy is archived meanwhile", async () => {
    const archiving = async (): Promise<void> => {
      for await (const _ of api.strategies.m2m.stream({ strategy_id: two })) await api.strategies.archive({ strategy_id: two });
    };
    await expect(archiving()).rejects.toMatchObject({
      name: "StratctlError",
      code: "strategy_archived",
      message: '"Two" is archived and not marked any more',
    });
  });
});
