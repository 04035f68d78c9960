import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { Decimal } from "decimal.js";
import { Redis } from "ioredis";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { openPool } from "../../packages/sdk/src/store/db.ts";
import { at, strategy, written } from "../engine/entered.ts";
import { expectedCandles, type PlainQuote } from "../engine/expected.ts";
import { candleRows } from "../engine/rows.ts";
import { startPipe } from "../support/pipe.ts";
import { debianMissing, debianServer, freshDatabase } from "../support/postgres.ts";
import { redisMissing, startRedis } from "../support/redis.ts";
import { until } from "../support/server.ts";
import { MIGRATED } from "../support/store.ts";

const FUT = "NFO:NIFTY26DECFUT";
const Told = z.union([z.object({ at_ms: z.number() }), z.object({ event: z.string() })]);

describe.skipIf(redisMissing ?? debianMissing)("a daemon that is killed while its database is away", () => {
  test("loses the minute under way alone: the next one writes those that wait on disk", async () => {
    const redis = await startRedis();
    const feed = new Redis(redis.url);
    const server = await debianServer();
    await using fresh = await freshDatabase(server, MIGRATED);
    await using pipe = await startPipe(server.socket);
    const db = await openPool(fresh.url);
    const folder = await mkdtemp(path.join(tmpdir(), "stratctl-t-"));
    const strategy_id = await strategy({ db }, [{ instrument: FUT, direction: "BUY", quantity: 10, entry: 150 }]);
    const quotes: PlainQuote[] = [];
    let now_ms = Date.parse(at("05:00:30"));
    let passed_ms = 0;
    let child: ChildProcess | null = null;
    /** Never half a number: the file is replaced. */
    const show = async (): Promise<void> => {
      await writeFile(path.join(folder, "clock.new"), String(now_ms));
      await rename(path.join(folder, "clock.new"), path.join(folder, "clock"));
    };
    const passed = (): Promise<void> =>
      until(
        async () => expect(passed_ms).toBe(now_ms),
        () => `no pass at ${new Date(now_ms).toISOString()}`,
      );
    const to = async (time: string): Promise<void> => {
      for (; now_ms < Date.parse(at(time));) {
        now_ms += 1000;
        const price = 100 + ((now_ms / 1000) % 41);
        quotes.push({ at: now_ms, price: new Decimal(price) });
        await feed.set(`ltp:${FUT}`, JSON.stringify({ last_price: price, last_trade_time: new Date(now_ms).toISOString() }));
        await show();
        if (child !== null) await passed();
      }
    };
    const start = async (): Promise<void> => {
      await show();
      const entry = path.join(import.meta.dirname, "../engine/daemon-process.ts");
      const url = `postgres://postgres@127.0.0.1:${pipe.port}/${fresh.name}?sslmode=disable`;
      child = spawn(process.execPath, [entry, url, redis.url, path.join(folder, "clock"), path.join(folder, "spool")], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const ready = Promise.withResolvers<void>();
      createInterface({ input: child.stdout! }).on("line", (line) => {
        const told = Told.parse(JSON.parse(line));
        if ("at_ms" in told) passed_ms = told.at_ms;
        else if (told.event === "ready") ready.resolve();
      });
      await ready.promise;
      await passed();
    };
    const end = async (signal: "SIGKILL" | "SIGTERM"): Promise<void> => {
      const ending = child;
      child = null;
      if (ending === null) return;
      const ended = once(ending, "exit");
      ending.kill(signal);
      await ended;
    };
    try {
      await start();
      await to("05:01:10");
      await pipe.refuse();
      await to("05:03:40");
      await end("SIGKILL");
      await to("05:03:50");
      await pipe.accept();
      await start();
      await to("05:04:10");
      await written({ db }, strategy_id, "05:02", 60);
      await end("SIGTERM");
      const rows = await candleRows(db, strategy_id);
      const masks = new Map(rows.map(({ minute, sampled }) => [Date.parse(minute), BigInt(sampled)]));
      const isSampled = (t: number): boolean => ((masks.get(t - (t % 60_000)) ?? 0n) & (1n << BigInt((t % 60_000) / 1000))) !== 0n;
      const { candles } = expectedCandles(
        { path: "", every_s: 1, hours: { NFO: { open: at("03:45:00"), close: at("10:10:00") } }, isSampled },
        new Map([[FUT, quotes]]),
        [{ instrument: FUT, direction: "BUY", quantity: 10, entry_price: 150 }],
      );
      expect(rows).toEqual(candles.map((candle) => ({ ...candle, source: "live" })));
      const counts = rows.map(({ minute, sample_count }) => [minute.slice(11, 16), sample_count]);
      expect(counts.slice(1, 3)).toEqual([
        ["05:01", 60],
        ["05:02", 60],
      ]);
      expect(counts.map(([minute]) => minute)).toEqual(["05:00", "05:01", "05:02", "05:03", "05:04"]);
    } finally {
      await end("SIGKILL");
      feed.disconnect();
      await db.close();
      await redis.stop();
      await rm(folder, { recursive: true });
    }
  });
});
