import { beforeAll, expect, test } from "vitest";
import { minuteAt, writeMinutes } from "../../../../../test/support/minutes.ts";
import { serviceOn } from "../../../../../test/support/service.ts";
import { onEveryPostgres } from "../../../../../test/support/store.ts";
import type { EngineStanding } from "../../model/status.ts";
import * as legs from "../../store/leg.ts";
import { tellStanding } from "../../store/status.ts";
import type { Api } from "../contract.ts";

/** A Tuesday; NFO's session is 09:15 to 15:40. */
const OPEN_MS = Date.parse("2026-11-03T09:15:00+05:30");
const at = (minute: number): number => OPEN_MS + minute * 60_000;
const STANDING: EngineStanding = {
  last_sample_at: "2026-11-03T04:04:59Z",
  sample_count: 1200,
  skipped_count: 0,
  strategy_count: 2,
  sources: [{ name: "redis", up: false, reason: "connection refused" }],
  waiting_count: 0,
  spool_depth: 0,
  degraded: ["redis is away (connection refused)"],
};

onEveryPostgres("the status", (store) => {
  let api: Api;
  let now_ms = at(20);
  const ids: number[] = [];
  beforeAll(async () => {
    api = serviceOn(store.db, { now: () => now_ms, account_id: "S1" });
    for (const account_id of ["S1", "S2"]) await api.accounts.create({ account_id });
    for (const [account_id, name] of [
      ["S1", "Whole"],
      ["S1", "Gaps"],
      ["S1", "Without a mark"],
      ["S2", "Other"],
    ] as const) {
      const { strategy_id } = await api.strategies.create({ account_id, name });
      ids.push(strategy_id);
      const leg = {
        strategy_id,
        exchange: "NFO",
        tradingsymbol: "NIFTY26NOVFUT",
        direction: "BUY",
        quantity: 75,
        entry_price: 100,
      } as const;
      await legs.insert(store.db, { ...leg, added_at_ms: name === "Without a mark" ? at(15) : at(-1000) });
    }
    const [whole = 0, gaps = 0, unmarked = 0, other = 0] = ids;
    await writeMinutes(
      store.db,
      Array.from({ length: 19 }, (_, minute) => minuteAt(whole, at(minute), 10)),
    );
    await writeMinutes(
      store.db,
      [0, 1, 2, 18].map((minute) => minuteAt(gaps, at(minute), 10)),
    );
    await store.db.run(
      "test.marks",
      `insert into strategy_mark (strategy_id, at, entry_value, realized_pnl, instrument_count, priced, stale, reason)
       select id, to_timestamp($2::float8 / 1000), 0, 0, 1, 0, 0, 'no price for NFO:NIFTY26NOVFUT' from unnest($1::text[]::int4[]) id`,
      [[String(unmarked), String(other)], at(19)],
    );
  });

  test("minutes that were due and those that have a candle, strategies with gaps and those without a mark, of the account alone", async () => {
    const status = await api.status({});
    const [, gaps, unmarked] = ids;
    // Of each 19 minutes are over and had time to be written; the third was added within 15:30 and is due from then on.
    expect(status.coverage).toEqual({ day: "2026-11-03", due_minutes: 19 + 19 + 4, candle_minutes: 19 + 4 });
    expect(status.gaps).toEqual([
      { strategy_id: gaps, name: "Gaps", minutes: 15 },
      { strategy_id: unmarked, name: "Without a mark", minutes: 4 },
    ]);
    expect(status.unmarked).toEqual([
      { strategy_id: unmarked, name: "Without a mark", at: "2026-11-03T04:04:00Z", reason: "no price for NFO:NIFTY26NOVFUT" },
    ]);
    const hours = { opens_at: "2026-11-03T03:45:00Z", closes_at: "2026-11-03T10:10:00Z" };
    expect(status.sessions).toEqual([{ exchange: "NFO", is_open: true, ...hours }]);
  });

  test("an evening tells of the session that was, and of the one to come", async () => {
    now_ms = Date.parse("2026-11-03T20:00:00+05:30");
    const { coverage, sessions } = await api.status({ account_id: "S2" });
    expect(coverage).toEqual({ day: "2026-11-03", due_minutes: 385, candle_minutes: 0 });
    expect(sessions).toMatchObject([{ is_open: false, opens_at: "2026-11-04T03:45:00Z" }]);
  });

  test("engines: what the one that leads told, and nothing of one that leads no more", async () => {
    expect((await api.status({})).engines).toEqual([]);
    await store.db.run(
      "test.leader",
      `insert into engine_leader (shard, of, fence, holder, since, seen_at) values
         (1, 2, 7, 'desk:1', now(), clock_timestamp()), (2, 2, 3, 'desk:2', now(), '-infinity')`,
    );
    await tellStanding(store.db, { shard: { shard: 1, of: 2 }, number: 7 }, STANDING);
    await tellStanding(store.db, { shard: { shard: 2, of: 2 }, number: 2 }, STANDING);
    expect((await api.status({})).engines).toMatchObject([
      { shard: 1, holder: "desk:1", fence: 7, is_leading: true, standing: STANDING },
      { shard: 2, holder: "desk:2", is_leading: false, seen_at: null, standing: null },
    ]);
  });

  test("an account without legs has nothing due", async () => {
    await api.accounts.create({ account_id: "S3" });
    expect(await api.status({ account_id: "S3" })).toMatchObject({ coverage: { day: null, due_minutes: 0 }, gaps: [], unmarked: [] });
  });
});
