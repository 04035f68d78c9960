import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { redisMissing } from "../support/redis.ts";
import { until } from "../support/server.ts";
import { at, strategy } from "./entered.ts";
import { redisAndDatabase } from "./given.ts";
import { candleRows } from "./rows.ts";

/** A daemon by the time of the machine's zone would go wrong here: 05:00 UTC is midnight in New York. */
const FROM = at("04:59:50.400");
const TO = at("05:01:02");
const FUT = "NFO:NIFTY26DECFUT";
/** Its last day is this one, by the exchange's zone. */
const CE = "NFO:NIFTY26N2524500CE";

const given = redisAndDatabase();

/** The candles that a daemon of a machine in that zone makes of the same quotes. */
async function candlesIn(zone: string): Promise<unknown[]> {
  const strategy_id = await strategy(given, [
    { instrument: FUT, direction: "BUY", quantity: 65, entry: 24_500 },
    { instrument: CE, direction: "SELL", quantity: 65, entry: 12 },
  ]);
  const folder = await mkdtemp(path.join(tmpdir(), "stratctl-t-"));
  const clock = path.join(folder, "clock");
  const show = async (ms: number): Promise<void> => {
    await writeFile(`${clock}.new`, String(ms));
    await rename(`${clock}.new`, clock);
  };
  const market = new Redis(given.redis.url);
  await market.flushall();
  await show(Date.parse(FROM));
  const args = [path.join(import.meta.dirname, "daemon-process.ts"), given.url, given.redis.url, clock];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, TZ: zone } });
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => lines.push(line));
  const said = async (text: string): Promise<void> =>
    until(
      async () => expect(lines.some((line) => line.includes(text))).toBe(true),
      () => `nothing like ${text} in\n${lines.join("\n")}`,
    );
  try {
    await said('"ready"');
    for (let now_ms = Date.parse(FROM) + 600; now_ms <= Date.parse(TO); now_ms += 1000) {
      // A time without a zone is the exchange's.
      const exchange_timestamp = new Date(now_ms + 330 * 60_000).toISOString().slice(0, 19).replace("T", " ");
      const price = 24_000 + ((now_ms / 1000) % 7);
      await market.set(`ltp:${FUT}`, JSON.stringify({ last_price: price, exchange_timestamp }));
      await market.set(`ltp:${CE}`, JSON.stringify({ last_price: 10.05, exchange_timestamp }));
      await show(now_ms);
      await said(`"at_ms":${now_ms}`);
    }
    const ended = once(child, "exit");
    child.kill("SIGTERM");
    await ended;
  } finally {
    child.kill("SIGKILL");
    market.disconnect();
    await rm(folder, { recursive: true, force: true });
  }
  return candleRows(given.db, strategy_id);
}

test.skipIf(redisMissing)("the zone of the machine is nothing to the candles", async () => {
  const [new_york, india] = [await candlesIn("America/New_York"), await candlesIn("Asia/Kolkata")];
  expect(new_york).toEqual(india);
  expect(india).toMatchObject([
    { minute: "2026-11-25T04:59:00.000Z", sample_count: 9, stale_count: 0 },
    { minute: "2026-11-25T05:00:00.000Z", sample_count: 60, stale_count: 0 },
    { minute: "2026-11-25T05:01:00.000Z", sample_count: 3, stale_count: 0 },
  ]);
});
