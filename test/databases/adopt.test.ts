import { LATER_MIGRATIONS, MIGRATIONS } from "../support/migrations.ts";
import { beforeEach, describe, expect, test } from "vitest";
import { insert as insertAccount } from "../../packages/sdk/src/store/account.ts";
import { adoptionPlan } from "../../packages/sdk/src/store/adopt.ts";
import { batchOf, upsertMany } from "../../packages/sdk/src/store/candle.ts";
import { openPool } from "../../packages/sdk/src/store/db.ts";
import { insert as insertLeg, list as listLegs } from "../../packages/sdk/src/store/leg.ts";
import { assertCurrent, migrate, migrationPlan, migrationStatus } from "../../packages/sdk/src/store/migrate.ts";
import { insert as insertStrategy, list as listStrategies } from "../../packages/sdk/src/store/strategy.ts";
import { freshDatabase, POSTGRES, type PostgresServer } from "../support/postgres.ts";
import { schemaOf } from "../support/schema.ts";
import { MIGRATED } from "../support/store.ts";
import { olderDatabase, rowsOf, stateOf, type Older } from "./old/older.ts";

describe.each(POSTGRES)("on $name Postgres", ({ missing, server }) => {
  const its = olderDatabase(server);
  let fresh_shape: Promise<Set<string>> | undefined;

  describe.skipIf(missing).each(["008", "023", "024", "024 half-way", "024 whose function fails"] as const)("the state %s", (older) => {
    beforeEach(() => its.start(older));

    test("is left alone by whatever is not told to adopt it", async () => {
      const before = await stateOf(its.db);
      expect(await migrationStatus(its.db)).toMatchObject({ state: "older" });
      await expect(assertCurrent(its.db)).rejects.toMatchObject({ code: "database_behind", hint: "stratctl db migrate" });
      await expect(migrate(its.db, { adopt: false })).rejects.toMatchObject({ code: "confirmation_required" });
      await migrationPlan(its.db);
      expect(await stateOf(its.db)).toEqual(before);
    });

    test("is adopted as the plan said, keeps every row and moves no updated_at; a second run does nothing", async () => {
      const before = await rowsOf(its.db, KEPT);
      const plan = await migrationPlan(its.db);
      const report = await migrate(its.db, { adopt: true });
      expect(report.applied).toEqual(MIGRATIONS);
      // The first makes the tables out of those that are there; the plan names those that come after it.
      expect(plan).toEqual([...report.adopted, ...LATER_MIGRATIONS.map((name) => `apply ${name}`)]);
      await assertCurrent(its.db);
      expect((await rowsOf(its.db, KEPT)).slice(0, before.length)).toEqual(before);
      // It has the shape of a fresh database and what is documented beyond it.
      const want = await (fresh_shape ??= freshShape(await server()));
      const have = shapeOf(await schemaOf(its.db));
      expect([...want].filter((line) => !have.has(line))).toEqual([]);
      expect([...have].filter((line) => !want.has(line)).filter((line) => !EXTRAS[older].some((extra) => line.startsWith(extra)))).toEqual(
        [],
      );
      const after = await stateOf(its.db);
      expect(await migrationPlan(its.db)).toEqual([]);
      expect(await migrate(its.db, { adopt: true })).toEqual({ adopted: [], applied: [] });
      expect(await stateOf(its.db)).toEqual(after);
    });
  });

  test.skipIf(missing).each(["008", "024"] as const)("an adopted %s works: account, strategy, leg, candle", async (older) => {
    await its.start(older);
    await migrate(its.db, { adopt: true });
    await insertAccount(its.db, { account_id: "NEW01" });
    expect(await listStrategies(its.db, { account_id: "NEW01" })).toMatchObject([{ name: "Default Strategy", is_default: true }]);
    const { strategy_id } = await insertStrategy(its.db, { account_id: "XJ4540", name: "fresh" });
    const leg = await insertLeg(its.db, {
      strategy_id,
      exchange: "NFO",
      tradingsymbol: "NIFTY2580725000CE",
      direction: "SELL",
      quantity: 75,
      entry_price: 98.1,
    });
    // Nothing of the older system's trigger is left that would overwrite it.
    expect(await listLegs(its.db, { strategy_id })).toMatchObject([{ id: leg.id, instrument_type: null, lot_size: null, cost: 7357.5 }]);
    const at = Date.UTC(2025, 6, 31, 4);
    const units = { open_units: 1, high_units: 1, low_units: 1, close_units: 1, entry_value_units: 0, realized_pnl_units: 0 };
    const candle = {
      strategy_id,
      minute_ms: at,
      ...units,
      instrument_count: 1,
      stale_count: 0,
      oldest_age_ms: 0,
      sampled: 1n,
      first_at_ms: at,
      last_at_ms: at,
      source: "live" as const,
    };
    expect(await upsertMany(its.db, batchOf([candle], "live"), { overwrite: false })).toEqual({ written: 1, left_out: 0 });
    await its.db.run("test.update", "update strategy set description = 'edited' where strategy_id = 1");
    expect(await rowsOf(its.db, "select updated_at > now() - interval '1 hour' as moved from strategy where strategy_id = 1")).toEqual([
      { moved: true },
    ]);
  });

  test.skipIf(missing)("a failure half-way leaves nothing half-done", async () => {
    await its.start("024");
    // The last thing that adoption makes is in the way.
    await its.db.script("create function stratctl_updated_at() returns integer language sql as 'select 1'");
    const before = await stateOf(its.db);
    await expect(migrate(its.db, { adopt: true })).rejects.toMatchObject({ code: "database_refused" });
    expect(await stateOf(its.db)).toEqual(before);
    await its.db.script("drop function stratctl_updated_at()");
    await migrate(its.db, { adopt: true });
    await assertCurrent(its.db);
  });

  test.skipIf(missing)("several at once adopt it once", async () => {
    await its.start("023");
    const reports = await Promise.all(Array.from({ length: 4 }, () => migrate(its.db, { adopt: true })));
    expect(reports.filter(({ adopted }) => adopted.length > 0)).toHaveLength(1);
    expect(reports.flatMap(({ applied }) => applied).toSorted()).toEqual(MIGRATIONS);
    await assertCurrent(its.db);
  });

  describe.skipIf(missing)("anything else is refused, with what differs", () => {
    test.each([
      ["023", "alter table strategy drop column tags", "strategy.tags is missing"],
      ["023", "alter table strategy alter total_pnl type double precision", "strategy.total_pnl is double precision, not numeric(12,2)"],
      ["023", "alter table strategy alter total_pnl type numeric(20,6)", "strategy.total_pnl is numeric(20,6), not numeric(12,2)"],
      [
        "008",
        "alter table strategy add column risk_status text not null default 'normal'",
        "strategy.risk_status (text) is not of that system",
      ],
      ["008", "create table last_quote (price float)", "last_quote is not of that system"],
      ["023", "drop table strategy_pnl_metrics", "table strategy_pnl_metrics is missing"],
      ["023", "alter table strategy_pnl_metrics rename to strategy_performance_daily", "table strategy_pnl_metrics is missing"],
      ["008", "drop table account_position, account_order, trading_account", "table trading_account is missing"],
      ["023", "create view mine as select total_pnl from strategy", "view mine uses strategy"],
      ["023", "create unique index mine on strategy (strategy_name, strategy_id)", "unique index mine on strategy is not of that system"],
      [
        "023",
        "alter table strategy add constraint mine check (total_trades >= 0)",
        "constraint mine on strategy is not of that system: CHECK ((total_trades >= 0))",
      ],
      [
        "023",
        "create trigger mine after insert on strategy for each row execute function update_updated_at_column()",
        "trigger mine on strategy is not of that system",
      ],
    ] as const)("%s; %s", async (older, change, difference) => {
      await its.start(older);
      await its.db.script(change);
      const before = await stateOf(its.db);
      expect(await migrationStatus(its.db)).toMatchObject({ state: "foreign", differences: [difference] });
      await expect(migrate(its.db, { adopt: true })).rejects.toMatchObject({
        code: "database_foreign",
        details: { differences: [difference] },
      });
      expect(await stateOf(its.db)).toEqual(before);
    });

    test("an account id with blanks, which no command could name", async () => {
      await its.start("023");
      await its.db.script("insert into trading_account (account_id, account_name) values ('XJ 4541', 'blank')");
      await expect(adoptionPlan(its.db)).rejects.toMatchObject({
        code: "database_foreign",
        message: 'account ids with blanks cannot be adopted: "XJ 4541"',
      });
    });
  });
});

/** What no adoption may change, by id; names without the number that a twin got. */
const KEPT = `
  select 1 as kind, account_id as id, account_name as name, broker as maker, created_at::text, updated_at::text from trading_account
  where account_id in ('XJ4540', 'ZZ0001')
  union all
  select 2, lpad(strategy_id::text, 5), regexp_replace(strategy_name, ' \\(\\d\\)$', ''), created_by, created_at::text, updated_at::text from strategy
  order by 1, 2`;

async function freshShape(server: PostgresServer): Promise<Set<string>> {
  await using fresh = await freshDatabase(server, MIGRATED);
  const db = await openPool(fresh.url);
  const shape = shapeOf(await schemaOf(db));
  await db.close();
  return shape;
}

/** Each line of the schema with the table or view that it belongs to: the order of columns does not matter. */
function shapeOf(schema: string): Set<string> {
  let block = "";
  return new Set(
    schema.split("\n").map((line) => {
      if (line.startsWith("create ") && line.endsWith("(")) block = line.replace(/^create table (\w+) \($/, "$1");
      else if (/^(create (view|materialized)|CREATE OR REPLACE FUNCTION) /.test(line)) block = line;
      return `${block}: ${line.replace(/,$/, "")}`;
    }),
  );
}

const EXTRAS_008 = [
  ...["login_status", "last_login_at", "last_sync_at"].map((name) => `trading_account:   ${name} `),
  ...["config", "account_ids", "is_active", "total_trades", "started_at", "stopped_at"].map((name) => `strategy:   ${name} `),
  "CREATE OR REPLACE FUNCTION update_updated_at_column()",
  "account_order:",
  "account_position:",
  "strategy_snapshot:",
];
const EXTRAS_023 = [
  ...EXTRAS_008,
  "strategy_pnl_metrics:   avg_position_size ",
  "strategy_pnl_metrics: CREATE INDEX idx_pnl_metrics_strategy_date",
  "strategy_m2m_candles_old:",
  "strategy_instruments_refused:",
];
const EXTRAS_024 = [...EXTRAS_023, "instrument_registry:", "instruments:"];
/** Documented at adopt. */
const EXTRAS: Record<Older, readonly string[]> = {
  "008": EXTRAS_008,
  "023": EXTRAS_023,
  "024": EXTRAS_024,
  "024 half-way": EXTRAS_024,
  "024 whose function fails": EXTRAS_024,
};
