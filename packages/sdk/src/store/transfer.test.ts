import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { freshDatabase, POSTGRES, type FreshDatabase } from "../../../../test/support/postgres.ts";
import { minuteAt, writeMinutes } from "../../../../test/support/minutes.ts";
import { allOf, serviceOn } from "../../../../test/support/service.ts";
import { MIGRATED, onEveryPostgres } from "../../../../test/support/store.ts";
import { openPool, type Database } from "./db.ts";
import { exported, imported, TRANSFER_TABLES, type TransferRow } from "./transfer.ts";

const AT_MS = Date.parse("2026-11-25T04:00:00Z");

onEveryPostgres("what leaves a database and comes into another", (store) => {
  const others: { fresh: FreshDatabase; db: Database }[] = [];
  let ids: number[] = [];
  beforeAll(async () => {
    const api = serviceOn(store.db, { account_id: "T1" });
    await api.accounts.create({ account_id: "T1", account_name: 'Ünï, "quoted"\nand broken', aliases: ["7", "eight"] });
    const { strategy_id } = await api.strategies.create({ name: "Condor, 'far'", tags: ["a b", "ü"] });
    const call = { strategy_id, tradingsymbol: "NFO:NIFTY26DECFUT" };
    await api.strategies.fills.add({ ...call, side: "BUY", quantity: 75, price: 100.0667, external_id: "T-1" });
    await api.strategies.fills.add({ ...call, side: "SELL", quantity: 25, price: 110 });
    await writeMinutes(
      store.db,
      Array.from({ length: 4500 }, (_, minute) => minuteAt(strategy_id, AT_MS + minute * 60_000, minute)),
    );
    await store.db.run("test.gap", "insert into strategy_gap values ($1, '2026-11-25T03:45:00Z', '2026-11-25T03:46:00Z', 'no price')", [
      strategy_id,
    ]);
    await store.db.run(
      "test.metrics",
      "insert into strategy_pnl_metrics (strategy_id, metric_date, day_pnl) values ($1, '2026-11-25', -0.0001)",
      [strategy_id],
    );
    ids = (await api.strategies.list({})).map((strategy) => strategy.strategy_id);
  });
  afterAll(async () => {
    for (const { fresh, db } of others) {
      await db.close();
      await fresh.drop();
    }
  });
  const another = async (): Promise<Database> => {
    const { server } = POSTGRES.find(({ missing }) => missing === null) ?? { server: null };
    if (server === null) throw new Error("no Postgres");
    const fresh = await freshDatabase(await server(), MIGRATED);
    const db = await openPool(fresh.url);
    others.push({ fresh, db });
    return db;
  };
  const all = (): Promise<TransferRow[]> => allOf(exported(store.db, ids));
  async function* of(rows: readonly TransferRow[]): AsyncGenerator<TransferRow> {
    yield* rows;
  }
  const everything = async (db: Database): Promise<unknown> => {
    const tables = TRANSFER_TABLES.options.map(async (table) => {
      const sql = `select coalesce(json_agg(row_to_json(one) order by one::text), '[]')::text as rows from ${table} one`;
      return (await db.one(z.object({ rows: z.string() }), `test.all.${table}`, sql)).rows;
    });
    return Promise.all(tables);
  };

  test("a round trip loses nothing, and again changes nothing", async () => {
    const db = await another();
    const rows = await all();
    const report = await imported(db, of(rows), { dry_run: false });
    expect(Object.fromEntries(report.map(({ table, added }) => [table, added]))).toMatchObject({
      trading_account: 1,
      strategy: 2,
      strategy_instruments: 2,
      strategy_fills: 2,
      strategy_m2m_candles: 4500,
      strategy_gap: 1,
      strategy_pnl_metrics: 1,
    });
    expect(await everything(db)).toEqual(await everything(store.db));
    const again = await imported(db, of(rows), { dry_run: false });
    expect(again.map(({ added }) => added)).toEqual(again.map(() => 0));
    const next = await serviceOn(db, { account_id: "T1" }).strategies.create({ name: "Next" });
    expect(ids).not.toContain(next.strategy_id);
  });

  test("a dry run says what would come, and nothing has", async () => {
    const db = await another();
    const report = await imported(db, of(await all()), { dry_run: true });
    expect(report.find(({ table }) => table === "strategy_m2m_candles")).toMatchObject({ added: 4500 });
    expect(await everything(db)).toEqual(TRANSFER_TABLES.options.map(() => "[]"));
  });

  test("where a row of that id says something else nothing is written", async () => {
    const db = await another();
    const rows = await all();
    const [account] = rows;
    await imported(db, of(account === undefined ? [] : [account]), { dry_run: false });
    await db.run("test.other", "update trading_account set account_name = 'other'");
    await expect(imported(db, of(rows), { dry_run: false })).rejects.toMatchObject({
      code: "import_differs",
      message: expect.stringContaining("trading_account T1"),
    });
    expect(await db.many(z.object({ n: z.int() }), "test.count", "select count(*)::int as n from strategy_m2m_candles")).toEqual([
      { n: 0 },
    ]);
  });
});
