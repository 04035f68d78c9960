import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { expect, test } from "vitest";
import { z } from "zod";
import { onEveryPostgres } from "../support/store.ts";

const Told = z.object({ url: z.string(), token: z.string(), zone: z.int() });

onEveryPostgres("zones over", (store) => {
  test("days are days and instants are UTC, wherever the server stands", async () => {
    await store.db.run("test.account", "insert into trading_account (account_id) values ('A1')");
    const { strategy_id } = await store.db.one(z.object({ strategy_id: z.int() }), "test.strategy", "select strategy_id from strategy");
    await store.db.run(
      "test.leg",
      `insert into strategy_instruments (strategy_id, exchange, tradingsymbol, instrument_type, expiry, direction, quantity, entry_price, added_at)
       values ($1, 'NFO', 'NIFTY26D0124500CE', 'CE', '2026-12-01', 'BUY', 65, 100, '2026-11-01T19:30:00Z')`,
      [strategy_id],
    );
    await store.db.run(
      "test.candles",
      `insert into strategy_m2m_candles (strategy_id, timestamp, open, high, low, close, entry_value, realized_pnl, instrument_count,
         sample_count, stale_count, oldest_age_ms, sampled, first_at, last_at, source)
       select $1, minute, -1, -1, -1, -1, 0, 0, 1, 1, 0, 0, 1, minute, minute, 'live'
       from unnest(array['2026-11-22T18:30:00Z', '2026-11-23T03:45:00Z', '2026-11-23T09:59:00Z', '2026-11-23T18:30:00Z']::timestamptz[]) as minute`,
      [strategy_id],
    );
    const answers = await Promise.all(
      ["America/New_York", "Asia/Kolkata", "Pacific/Kiritimati"].map(async (zone) => {
        const child = spawn(process.execPath, [path.join(import.meta.dirname, "server-process.ts"), store.url], {
          env: { ...process.env, TZ: zone },
          stdio: ["ignore", "pipe", "inherit"],
        });
        const ended = once(child, "exit");
        const [line] = await once(createInterface({ input: child.stdout }), "line");
        const told = Told.parse(JSON.parse(String(line)));
        const ask = async (what: string): Promise<unknown> => {
          const url = `${told.url}/strategies/${strategy_id}/${what}`;
          return (await fetch(url, { headers: { authorization: `Bearer ${told.token}` } })).json();
        };
        const legs = z.array(z.object({ expiry: z.string(), added_at: z.string() })).parse(await ask("instruments"));
        const day = z.array(z.object({ timestamp: z.string() })).parse(await ask("m2m?day=2026-11-23"));
        const rolled = z.array(z.object({ timestamp: z.string() })).parse(await ask("m2m?day=2026-11-23&interval=1d"));
        const tagged = await fetch(`${told.url}/strategies/${strategy_id}/m2m?to_time=2026-11-24T18:30:00Z`, {
          headers: { authorization: `Bearer ${told.token}` },
        });
        child.kill("SIGTERM");
        await ended;
        return { zone: told.zone, legs, day, rolled, today_is_tagged: tagged.headers.has("etag") };
      }),
    );
    expect(new Set(answers.map(({ zone }) => zone)).size).toBe(3);
    for (const { zone: _, ...answer } of answers)
      expect(answer).toEqual({
        legs: [{ expiry: "2026-12-01", added_at: "2026-11-01T19:30:00Z" }],
        day: [{ timestamp: "2026-11-23T03:45:00Z" }, { timestamp: "2026-11-23T09:59:00Z" }],
        rolled: [{ timestamp: "2026-11-23T03:45:00Z" }],
        today_is_tagged: false,
      });
  });
});
