import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPool, type Database } from "../../packages/sdk/src/store/db.ts";
import { assertCurrent, migrate } from "../../packages/sdk/src/store/migrate.ts";
import { startTimescale, type TimescaleServer } from "../support/timescale.ts";
import { rowsOf, runOlder } from "./old/older.ts";

describe("the older system on TimescaleDB, some of its candles compressed", () => {
  let server: TimescaleServer;
  let db: Database;
  beforeAll(async () => {
    server = await startTimescale();
    db = await openPool(server.url, { connections_max: 1 });
    await runOlder(db, ["008", "008_rows", "023"]);
    await db.script("create extension timescaledb");
    await db.script("select create_hypertable('strategy_m2m_candles', 'timestamp', chunk_time_interval => interval '1 day')");
    await db.script(`alter table strategy_m2m_candles
      set (timescaledb.compress, timescaledb.compress_segmentby = 'strategy_id', timescaledb.compress_orderby = 'timestamp desc')`);
    await db.script("select add_compression_policy('strategy_m2m_candles', interval '7 days')");
    await db.script(
      "select create_hypertable('strategy_snapshot', 'snapshot_time', chunk_time_interval => interval '1 day', migrate_data => true)",
    );
    // Snapshots that refer to the accounts, whose key changes its type.
    await db.script(
      `create table funds_snapshots (snapshot_time timestamptz not null, account_id varchar(100) not null references trading_account)`,
    );
    await db.script("select create_hypertable('funds_snapshots', 'snapshot_time', chunk_time_interval => interval '1 day')");
    await db.script("insert into funds_snapshots values ('2025-07-01 04:00+00', 'XJ4540')");
  });
  afterAll(async () => {
    await db.close();
    await server[Symbol.asyncDispose]();
  });

  test("stay a compressed hypertable under another name; ours is a hypertable of its own", async () => {
    await runOlder(db, ["023_rows"]);
    await db.script("select compress_chunk(show_chunks('strategy_m2m_candles'))");
    const before = await rowsOf(db, "select * from strategy_m2m_candles order by timestamp, strategy_id");
    expect(before).toHaveLength(750);

    await migrate(db, { adopt: true });
    await assertCurrent(db);

    expect(await rowsOf(db, "select * from strategy_m2m_candles_old order by timestamp, strategy_id")).toEqual(before);
    expect(
      await rowsOf(
        db,
        `select hypertable_name as name, compression_enabled as compressed from timescaledb_information.hypertables
        where hypertable_name like 'strategy_m2m%' order by 1`,
      ),
    ).toEqual([
      { name: "strategy_m2m_candles", compressed: true },
      { name: "strategy_m2m_candles_old", compressed: true },
    ]);
    expect(await rowsOf(db, "select account_id from funds_snapshots")).toEqual([{ account_id: "XJ4540" }]);
    await expect(db.script("insert into funds_snapshots values ('2025-07-01 05:00+00', 'nobody')")).rejects.toMatchObject({
      code: "database_refused",
    });
    // What hangs on a strategy still goes with it.
    await db.script("delete from strategy where strategy_id = 103");
    expect(await rowsOf(db, "select count(*)::int as rows from strategy_m2m_candles_old")).toEqual([{ rows: 375 }]);
    expect(await migrate(db, { adopt: true })).toEqual({ adopted: [], applied: [] });
  });
});
