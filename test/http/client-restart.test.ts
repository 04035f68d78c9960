import { expect, test } from "vitest";
import { connect, type StreamGap } from "../../packages/sdk/src/index.ts";
import { openPool } from "../../packages/sdk/src/store/db.ts";
import { upsertMany } from "../../packages/sdk/src/store/mark.ts";
import { startApi } from "../support/api.ts";
import { embeddedServer, freshDatabase } from "../support/postgres.ts";
import { MIGRATED } from "../support/store.ts";

test("a server that is stopped and started again is a pause of a stream, and none of a call", async () => {
  await using fresh = await freshDatabase(await embeddedServer(), MIGRATED);
  const db = await openPool(fresh.url);
  let api = await startApi({ db });
  const port = Number(new URL(api.url).port);
  const write = async (second: number, strategy_id: number): Promise<void> => {
    await upsertMany(db, {
      length: 1,
      at_ms: Date.parse("2025-07-31T03:45:00Z") + second * 1_000,
      strategy_id: Int32Array.of(strategy_id),
      m2m_units: Float64Array.of(second * 10_000),
      entry_value_units: new Float64Array(1),
      realized_pnl_units: new Float64Array(1),
      instrument_count: Int32Array.of(1),
      priced: Int32Array.of(1),
      stale: new Int32Array(1),
      oldest_age_ms: Float64Array.of(5),
      reason: [null],
    });
  };
  try {
    await using stratctl = await connect({ url: api.url, getToken: () => api.token(), retries: 10 });
    await stratctl.accounts.create({ account_id: "XJ4540" });
    const { strategy_id } = await stratctl.strategies.create({ name: "Condor" });
    await write(1, strategy_id);
    const gaps: StreamGap[] = [];
    const seen: (number | null)[] = [];
    for await (const { m2m } of stratctl.strategies.m2m.stream({ strategy_id }, { onGap: (gap) => void gaps.push(gap) })) {
      seen.push(m2m);
      if (seen.length === 2) break;
      await api.close();
      const calling = stratctl.strategies.get({ strategy_id });
      await write(7, strategy_id);
      api = await startApi({ db, settings: { port } });
      expect((await calling).current_m2m).toBe(7);
    }
    expect(seen).toEqual([1, 7]);
    expect(gaps).toEqual([{ from: "2025-07-31T03:45:01Z", to: "2025-07-31T03:45:07Z" }]);
  } finally {
    await api.close();
    await db.close();
  }
});
