import { chownSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Decimal } from "decimal.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPool, type Database } from "../../packages/sdk/src/store/db.ts";
import { at, strategy, written } from "../engine/entered.ts";
import { expectedCandles, type PlainQuote } from "../engine/expected.ts";
import { candleRows } from "../engine/rows.ts";
import { World } from "../engine/world.ts";
import { dropDisk, filled, smallDisk } from "../support/disk.ts";
import { startPipe, type Pipe } from "../support/pipe.ts";
import { debianMissing, freshDatabase, startDebianPostgres, type PostgresServer } from "../support/postgres.ts";
import { redisMissing, startRedis, type RedisServer } from "../support/redis.ts";
import { serverUser } from "../support/scratch.ts";
import { MIGRATED } from "../support/store.ts";

const FUT = "NFO:NIFTY26DECFUT";

const disk = await smallDisk();
const missing = disk === null ? "skipped: no tmpfs can be mounted here (it takes root)" : (redisMissing ?? debianMissing);
if (disk === null) console.warn(missing);

let redis: RedisServer;
let server: PostgresServer;
let db: Database;
let pipe: Pipe;
let piped: Database;
beforeAll(async () => {
  if (missing !== null) return;
  redis = await startRedis();
  server = await startDebianPostgres();
  const fresh = await freshDatabase(server, MIGRATED);
  db = await openPool(fresh.url);
  pipe = await startPipe(server.socket);
  piped = await openPool(`postgres://postgres@127.0.0.1:${pipe.port}/${fresh.name}?sslmode=disable`);
});
afterAll(async () => {
  await piped?.close();
  await db?.close();
  await pipe?.[Symbol.asyncDispose]();
  await server?.stop();
  await redis?.stop();
  if (disk !== null) dropDisk(disk);
});

describe.skipIf(missing)("a disk that is full", () => {
  test.each([
    ["the database's: minutes wait, and are written once there is room", "tables"],
    ["the spool's too: minutes wait in memory up to the bound, then the oldest are dropped, counted and said", "spool"],
  ])("%s", async (_, which) => {
    const folder = join(disk ?? "", which);
    mkdirSync(folder, { mode: 0o700 });
    const user = serverUser();
    if (user !== null) chownSync(folder, user.uid, user.gid);
    const strategy_id = await strategy({ db }, [{ instrument: FUT, direction: "BUY", quantity: 10, entry: 150 }]);
    if (which === "tables") {
      await db.script(`create tablespace small location '${folder}'`);
      // An empty table takes a page with its first row, and has none to spare.
      await db.script("alter table strategy_m2m_candles set tablespace small");
    }
    const room = filled(disk ?? "");
    const quotes: PlainQuote[] = [];
    await using world = await World.start({
      db: piped,
      redis,
      at: at("05:00:00"),
      spool: which === "spool" ? folder : null,
      timing: { interval_ms: 10_000, waiting_max: 3 },
    });
    const trade = async (at_ms: number): Promise<void> => {
      const price = 100 + ((at_ms / 1000) % 41);
      quotes.push({ at: at_ms, price: new Decimal(price) });
      await world.quote(FUT, price, at_ms);
    };
    if (which === "spool") await pipe.refuse();
    await world.to(which === "spool" ? "05:06:10" : "05:02:10", trade);
    if (which === "spool") {
      await world.hears(/^spool fails \(ENOSPC\) · candles wait in memory/);
      await world.hears(/^dropped \d candles?, the oldest/);
      expect(readdirSync(folder)).toEqual([]);
    } else await world.hears(/^database database refused: its disk is full/);
    room();
    if (which === "spool") await pipe.accept();
    await world.to(which === "spool" ? "05:08:10" : "05:04:10", trade);
    const last = which === "spool" ? "05:07" : "05:03";
    await written({ db }, strategy_id, last, 6);
    const { candles, lost_count, spool_depth } = await world.stop();
    const rows = await candleRows(db, strategy_id);
    const masks = new Map(rows.map(({ minute, sampled }) => [Date.parse(minute), BigInt(sampled)]));
    const isSampled = (t: number): boolean => ((masks.get(t - (t % 60_000)) ?? 0n) & (1n << BigInt((t % 60_000) / 1000))) !== 0n;
    const expected = expectedCandles(
      { path: "", every_s: 10, hours: { NFO: { open: at("03:45:00"), close: at("10:10:00") } }, isSampled },
      new Map([[FUT, quotes]]),
      [{ instrument: FUT, direction: "BUY", quantity: 10, entry_price: 150 }],
    );
    expect(rows).toEqual(expected.candles.map((candle) => ({ ...candle, source: "live" })));
    expect([lost_count, spool_depth]).toEqual([0, 0]);
    if (which === "tables") expect(rows.map(({ minute }) => minute.slice(11, 16))).toEqual(["05:00", "05:01", "05:02", "05:03", "05:04"]);
    else expect(candles.dropped + candles.carried).toBe(9);
    expect(candles.dropped > 0).toBe(which === "spool");
  });
});
