import { beforeAll, expect, test } from "vitest";
import { minuteAt, writeMinutes } from "../../../../../test/support/minutes.ts";
import { serviceOn } from "../../../../../test/support/service.ts";
import { closeLeg } from "../../../../../test/support/leg.ts";
import { onEveryPostgres } from "../../../../../test/support/store.ts";
import { NO_ENGINE } from "../../m2m/gap.ts";
import type { Gap } from "../../model/gap.ts";
import * as gaps from "../../store/gap.ts";
import * as legs from "../../store/leg.ts";
import type { Api } from "../contract.ts";

/** A Tuesday; NFO's session is 09:15 to 15:40. */
const OPEN_MS = Date.parse("2026-11-03T09:15:00+05:30");
const at = (minute: number): number => OPEN_MS + minute * 60_000;

onEveryPostgres("gaps of a strategy", (store) => {
  let api: Api;
  let strategy_id = 0;
  let now_ms = at(20);
  beforeAll(async () => {
    api = serviceOn(store.db, { now: () => now_ms });
    await api.accounts.create({ account_id: "A1" });
    ({ strategy_id } = await api.strategies.create({ name: "Gaps" }));
    const leg = { strategy_id, exchange: "NFO", tradingsymbol: "NIFTY26NOVFUT", direction: "BUY", quantity: 75, entry_price: 100 } as const;
    await legs.insert(store.db, { ...leg, added_at_ms: at(-1000) });
    await writeMinutes(
      store.db,
      [0, 1, 2, 8, 9].map((minute) => minuteAt(strategy_id, at(minute), 10)),
    );
    const reason = ["no price for NFO:NIFTY26NOVFUT"];
    const span = { from_ms: Float64Array.of(at(3)), to_ms: Float64Array.of(at(5)), reason };
    await gaps.upsertMany(store.db, { length: 1, strategy_id: Int32Array.of(strategy_id), ...span });
  });
  const found = async (query: Omit<Parameters<Api["strategies"]["m2m"]["gaps"]>[0], "strategy_id"> = {}): Promise<unknown[]> =>
    (await api.strategies.m2m.gaps({ strategy_id, ...query })).map((gap: Gap) => [
      (Date.parse(gap.first_minute) - OPEN_MS) / 60_000,
      (Date.parse(gap.last_minute) - OPEN_MS) / 60_000,
      gap.minutes,
      gap.reason,
    ]);

  test("of the session under way, up to the last minute that is over", async () => {
    const told = [3, 5, 3, "no price for NFO:NIFTY26NOVFUT"];
    expect(await found()).toEqual([told, [6, 7, 2, NO_ENGINE], [10, 18, 9, NO_ENGINE]]);
    expect(await found({ from_time: new Date(at(5)).toISOString(), to_time: new Date(at(6)).toISOString() })).toEqual([
      [5, 5, 1, "no price for NFO:NIFTY26NOVFUT"],
      [6, 6, 1, NO_ENGINE],
    ]);
  });

  test("a day without a session has none, and a whole day without an engine is one", async () => {
    now_ms = Date.parse("2026-11-09T12:00:00Z");
    expect(await found({ day: "2026-11-07" })).toEqual([]);
    const all = await api.strategies.m2m.gaps({ strategy_id, day: "2026-11-04" });
    expect(all).toEqual([
      { strategy_id, first_minute: "2026-11-04T03:45:00Z", last_minute: "2026-11-04T10:09:00Z", minutes: 385, reason: NO_ENGINE },
    ]);
  });

  test("while no leg was held none is due", async () => {
    const [leg] = await api.strategies.legs.list({ strategy_id });
    await closeLeg(store.db, { strategy_id, instrument_id: leg?.id ?? 0, exit_price: 110, closed_at_ms: at(12) });
    now_ms = at(30);
    expect((await found()).at(-1)).toEqual([10, 11, 2, NO_ENGINE]);
  });
});
