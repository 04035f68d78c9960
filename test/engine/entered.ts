import { expect } from "vitest";
import { z } from "zod";
import type { Database } from "../../packages/sdk/src/store/db.ts";
import { until } from "../support/server.ts";
import { candleRows } from "./rows.ts";

interface Held {
  readonly db: Database;
}

/** A time of Wednesday, 25 November 2026. */
export const at = (time: string): string => `2026-11-25T${time}Z`;

export interface GivenLeg {
  readonly instrument: string;
  readonly direction: "BUY" | "SELL";
  readonly quantity: number;
  readonly entry: number;
  readonly added_at?: string;
}

let made = 0;

/** A strategy of an account of its own, alone active in the database; its legs were added the day before. */
export async function strategy({ db }: Held, legs: readonly GivenLeg[]): Promise<number> {
  const account_id = `D${(made += 1)}`;
  await db.run(
    "test.archive",
    "update strategy set status = 'archived', archived_at = '2026-11-01' where status = 'active' and not is_default",
  );
  await db.run("test.account", "insert into trading_account (account_id) values ($1)", [account_id]);
  const Id = z.object({ strategy_id: z.int() });
  const sql = "insert into strategy (trading_account_id, strategy_name) values ($1, 'one') returning strategy_id";
  const { strategy_id } = await db.one(Id, "test.strategy", sql, [account_id]);
  for (const one of legs) await leg({ db }, strategy_id, one);
  return strategy_id;
}

export async function leg(
  { db }: Held,
  strategy_id: number,
  { instrument, direction, quantity, entry, added_at = at("00:00:00") }: GivenLeg,
): Promise<void> {
  const [exchange = "", tradingsymbol = ""] = instrument.split(":");
  await db.run(
    "test.leg",
    `insert into strategy_instruments (strategy_id, exchange, tradingsymbol, direction, quantity, entry_price, added_at)
     values ($1, $2, $3, $4, $5, $6, $7)`,
    [strategy_id, exchange, tradingsymbol, direction, quantity, entry, added_at],
  );
}

/** The row of a minute with so many samples is in the table, or comes. */
export async function written({ db }: Held, strategy_id: number, minute: string, sample_count: number): Promise<void> {
  await until(
    async () => {
      const row = (await candleRows(db, strategy_id)).find((candle) => candle.minute === `${at(minute + ":00").slice(0, -1)}.000Z`);
      expect(row?.sample_count).toBe(sample_count);
    },
    () => `no candle of ${minute} with ${sample_count} samples`,
  );
}

async function marksOf({ db }: Held, strategy_id: number) {
  const Row = z.object({
    m2m: z.string().nullable(),
    pnl: z.string().nullable(),
    reason: z.string().nullable(),
    current_m2m: z.string().nullable(),
  });
  const sql = `select m2m, pnl, reason, current_m2m from strategy_mark join strategy using (strategy_id) where strategy_id = $1`;
  return db.many(Row, "test.marks", sql, [strategy_id]);
}

/** What a strategy's latest mark and its columns say is so, or becomes so. */
export async function marked(held: Held, strategy_id: number, expected: Awaited<ReturnType<typeof marksOf>>): Promise<void> {
  await until(
    async () => expect(await marksOf(held, strategy_id)).toEqual(expected),
    () => `the mark of ${strategy_id} is not ${JSON.stringify(expected)}`,
  );
}
