import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { record, replay, type RecordReport } from "../../packages/engine/src/index.ts";
import { redisSource, type InstrumentRef } from "../../packages/sdk/src/internal.ts";
import { redisMissing, startRedis, type RedisServer } from "../support/redis.ts";
import { until } from "../support/server.ts";
import { onEveryPostgres } from "../support/store.ts";
import { at, strategy, written } from "./entered.ts";
import { candleRows } from "./rows.ts";
import { World } from "./world.ts";

const CE = "NFO:NIFTY26D0124500CE";
const FUT = "NFO:NIFTY26DECFUT";
const NEVER = "NFO:NIFTY26D0130000CE";

let made = 0;
let redis: RedisServer;
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "stratctl-t-"));
  if (redisMissing === null) redis = await startRedis();
});
afterAll(async () => {
  await redis?.stop();
  await rm(folder, { recursive: true });
});

function ref(instrument: string): InstrumentRef {
  const [exchange = "", tradingsymbol = ""] = instrument.split(":");
  return { instrument, exchange, tradingsymbol, instrument_token: null };
}

/** Records beside a daemon, by its clock. */
class Recorder {
  #last_ms = 0;
  readonly #stop = new AbortController();
  readonly #report: Promise<RecordReport>;

  constructor(world: World, file: string) {
    const source = redisSource({ url: redis.url });
    const onPass = ({ at_ms }: { at_ms: number }): void => {
      this.#last_ms = at_ms;
    };
    const options = {
      sources: [source],
      instruments: [CE, FUT, NEVER].map(ref),
      path: file,
      clock: world.clock,
      signal: this.#stop.signal,
    };
    this.#report = record({ ...options, onPass }).then(async (report) => {
      await source.close();
      return report;
    });
  }

  async passed(at_ms: number): Promise<void> {
    await until(
      async () => expect(this.#last_ms).toBe(at_ms),
      () => `no pass of the recorder at ${new Date(at_ms).toISOString()}`,
    );
  }

  async stop(): Promise<RecordReport> {
    this.#stop.abort();
    return this.#report;
  }
}

describe.skipIf(redisMissing)("what the sources say, recorded", () => {
  onEveryPostgres("over", (store) => {
    test("replayed gives the candles that the daemon made of the same quotes", async () => {
      const legs = [
        { instrument: CE, direction: "SELL", quantity: 65, entry: 150 },
        { instrument: FUT, direction: "BUY", quantity: 65, entry: 24_500 },
      ] as const;
      const live_id = await strategy(store, legs);
      const file = path.join(folder, `${(made += 1)}.csv.gz`);
      await using world = await World.start({ db: store.db, redis, at: at("05:00:00") });
      const recorder = new Recorder(world, file);
      await recorder.passed(Date.parse(at("05:00:00")));
      const told: string[] = [];
      const trade = async (at_ms: number): Promise<void> => {
        if (at_ms > Date.parse(at("05:00:01"))) await recorder.passed(at_ms - 1000);
        const second = at_ms / 1000;
        for (const [instrument, price, every] of [
          [CE, 150 + (second % 11) / 4, 3],
          [FUT, 24_500 + (second % 7), 1],
        ] as const) {
          if (second % every !== 0 && told.length > 1) continue;
          told.push(`${new Date(at_ms).toISOString().replace(".000", "")},${instrument},${price}`);
          await world.quote(instrument, price, at_ms);
        }
      };
      await world.to("05:03:02", trade);
      const report = await recorder.stop();
      await written(store, live_id, "05:02", 60);
      await world.stop();

      expect(report).toMatchObject({ path: file, quote_count: told.length, late_count: 0, unquoted: [NEVER], skipped_count: 0 });
      const text = gunzipSync(await readFile(file)).toString("utf8");
      expect(text.trim().split("\n").toSorted()).toEqual(["at_utc,instrument,price", ...told].toSorted());

      const replayed_id = await strategy(store, legs);
      await replay({ db: store.db, path: file, strategy_ids: [replayed_id], clock: world.clock });
      const whole = (await candleRows(store.db, live_id)).slice(0, 3).map((row) => ({ ...row, source: "replay" }));
      expect(whole.map(({ minute }) => minute.slice(11, 16))).toEqual(["05:00", "05:01", "05:02"]);
      expect(await candleRows(store.db, replayed_id)).toEqual(whole);
    });
  });

  test("a file that exists is not written over", async () => {
    const options = { sources: [], instruments: [ref(CE)], signal: AbortSignal.abort() };
    const file = path.join(folder, "twice.csv");
    expect(await record({ ...options, path: file })).toMatchObject({ quote_count: 0, unquoted: [CE] });
    await expect(record({ ...options, path: file })).rejects.toMatchObject({ code: "file_unusable" });
  });
});
