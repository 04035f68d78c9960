import { createServer } from "node:http";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runDaemon, systemClock, type LogLine } from "../../packages/engine/src/index.ts";
import { Health } from "../../packages/engine/src/http/health.ts";
import { strategy } from "../engine/entered.ts";
import { World } from "../engine/world.ts";
import { startApi, type RunningApi } from "../support/api.ts";
import { redisMissing, startRedis, type RedisServer } from "../support/redis.ts";
import { refused } from "../support/refused.ts";
import { onEveryPostgres } from "../support/store.ts";

const FUT = "NFO:NIFTY26DECFUT";

let redis: RedisServer;
beforeAll(async () => {
  if (redisMissing === null) redis = await startRedis();
});
afterAll(() => redis?.stop());

describe.skipIf(redisMissing)("a daemon that serves", () => {
  onEveryPostgres("over", (store) => {
    test("tells how its loop is from before the first pass to its end, and ends what it began", async () => {
      await strategy(store, [{ instrument: FUT, direction: "BUY", quantity: 65, entry: 24_500 }]);
      let api: RunningApi | null = null;
      await using world = await World.start({
        db: store.db,
        redis,
        at: "2026-11-25T05:00:00Z",
        serve: async (loop) => (api = await startApi({ db: store.db, loop })),
      });
      const url = served(api).url;
      expect(await world.hears(/^ready/)).toMatchObject({
        text: expect.stringMatching(/ · redis · http:\/\/127\.0\.0\.1:\d+$/),
        fields: { url },
      });
      const health = async (): Promise<Health & { http: number }> => {
        const answer = await fetch(`${url}/health`);
        return { ...Health.parse(await answer.json()), http: answer.status };
      };
      await world.quote(FUT, 24_600);
      await world.to("05:00:05");
      expect(await health()).toMatchObject({
        http: 200,
        status: "ok",
        sources: [{ name: "redis", up: true, hit: 5, miss: 1, refused: { not_a_price: 0 }, latency_ms: expect.any(Number) }],
        unpriced: [],
        last_sample: "2026-11-25T05:00:05Z",
        lag_ms: 0,
      });
      const metrics = await (await fetch(`${url}/metrics`)).text();
      expect(metrics).toContain("\nstratctl_samples_total 6\n");
      expect(metrics).toContain('\nstratctl_marks_total{outcome="marked"} 5\n');
      expect(metrics).toContain('\nstrategy_m2m_calculations_total{status="error"} 1\n');
      expect(metrics).toContain("\nstrategy_m2m_calculation_duration_seconds_count 6\n");
      await world.stop();
      await expect(fetch(`${url}/health`)).rejects.toThrow("fetch failed");
    });

    test("a port that is taken ends it before anything runs", async () => {
      const other = createServer();
      await new Promise<void>((resolve) => {
        other.listen(0, "127.0.0.1", resolve);
      });
      const address = other.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      const lines: LogLine[] = [];
      const daemon = runDaemon({
        db: store.db,
        sources: [],
        log: (line) => lines.push(line),
        signal: new AbortController().signal,
        clock: systemClock,
        serve: (loop) => startApi({ db: store.db, loop, settings: { port } }),
      });
      await refused(daemon, "address_in_use", `127.0.0.1:${port} is taken`, "--port");
      expect(lines).toEqual([]);
      other.close();
    });
  });
});

function served(api: RunningApi | null): RunningApi {
  if (api === null) throw new Error("the daemon serves nothing");
  return api;
}
