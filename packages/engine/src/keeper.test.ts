import { builtinCalendar, type Db } from "@stratctl/sdk/internal";
import { beforeAll, beforeEach, expect, test } from "vitest";
import { insert as insertAccount } from "../../sdk/src/store/account.ts";
import { insert, remove } from "../../sdk/src/store/leg.ts";
import { archive, insert as insertStrategy } from "../../sdk/src/store/strategy.ts";
import { closeLeg } from "../../../test/support/leg.ts";
import { onEveryPostgres } from "../../../test/support/store.ts";
import { systemClock } from "./clock.ts";
import { BookKeeper } from "./keeper.ts";

const MINUTE_MS = 60_000;
const FIRST = Date.UTC(2025, 10, 4, 4, 30);

onEveryPostgres("the keeper of the book", (store) => {
  const ids: number[] = [];
  let minute_ms = FIRST;
  let keeper: BookKeeper;
  /** Statements sent since the last look. */
  let sent: string[] = [];
  const never = new AbortController().signal;

  const counting = (db: Db): Db => ({
    ...db,
    one: (row, name, sql, params) => {
      sent.push(name);
      return db.one(row, name, sql, params);
    },
  });
  const add = (place: number, leg: { tradingsymbol?: string; added_at_ms?: number } = {}) =>
    insert(store.db, {
      strategy_id: ids[place] ?? 0,
      exchange: "NFO",
      tradingsymbol: "NIFTY25N0424500CE",
      direction: "SELL",
      quantity: 75,
      entry_price: 100,
      added_at_ms: FIRST - MINUTE_MS,
      ...leg,
    });
  /** Legs by strategy at the next minute, and what was asked of the database for it. */
  const next = async (): Promise<{ legs: Record<string, number>; sent: string[] }> => {
    sent = [];
    minute_ms += MINUTE_MS;
    expect(await keeper.refresh(minute_ms, never)).toBeNull();
    const { strategy_id, leg_from } = keeper.book;
    const legs = Object.fromEntries(
      Array.from(strategy_id, (id, strategy) => [`abc`[ids.indexOf(id)], (leg_from[strategy + 1] ?? 0) - (leg_from[strategy] ?? 0)]),
    );
    return { legs, sent };
  };

  beforeAll(async () => {
    await insertAccount(store.db, { account_id: "XJ4540" });
    for (const name of ["a", "b", "c"]) ids.push((await insertStrategy(store.db, { account_id: "XJ4540", name })).strategy_id);
  });
  beforeEach(async () => {
    await store.db.script("delete from strategy_instruments; update strategy set status = 'active', archived_at = null");
    minute_ms = FIRST;
    keeper = new BookKeeper({ db: counting(store.db), calendar: builtinCalendar(), clock: systemClock });
  });

  test("all at first, then only what changed, and nothing where nothing did", async () => {
    await add(0);
    await add(1);
    expect(await next()).toEqual({ legs: { a: 1, b: 1 }, sent: ["book.changed", "book.strategies", "book.read"] });
    expect(await next()).toEqual({ legs: { a: 1, b: 1 }, sent: ["book.changed"] });
    await add(1);
    expect(await next()).toEqual({ legs: { a: 1, b: 2 }, sent: ["book.changed", "book.read"] });
  });

  test("a leg that is closed, removed, or whose strategy is archived goes with the next minute", async () => {
    const legs = [await add(0), await add(0), await add(1), await add(2)];
    const key = (place: number, leg: number) => ({ strategy_id: ids[place] ?? 0, instrument_id: legs[leg]?.id ?? 0 });
    await next();
    await closeLeg(store.db, { ...key(0, 0), exit_price: 90, closed_at_ms: minute_ms + 1 });
    await remove(store.db, key(1, 2));
    await archive(store.db, { strategy_id: ids[2] ?? 0 });
    await store.db.script(`update strategy set archived_at = timestamptz '2025-11-04T04:30:30Z' where status = 'archived'`);
    expect((await next()).legs).toEqual({ a: 1 });
  });

  test("a leg dated ahead of the minute comes when its time has come, without a further write", async () => {
    await add(0);
    await add(0, { added_at_ms: FIRST + 2.5 * MINUTE_MS });
    expect((await next()).legs).toEqual({ a: 1 });
    expect((await next()).legs).toEqual({ a: 1 });
    expect((await next()).legs).toEqual({ a: 2 });
    expect((await next()).sent).toEqual(["book.changed"]);
  });

  test("a change that was under way at one look and committed after a later change is not missed", async () => {
    await add(0);
    await next();
    const { promise: gate, resolve: open } = Promise.withResolvers<undefined>();
    const { promise: under_way, resolve: begun } = Promise.withResolvers<undefined>();
    const slow = store.db.transaction(async (db) => {
      await insert(db, {
        strategy_id: ids[0] ?? 0,
        exchange: "NFO",
        tradingsymbol: "NIFTY25N0424600CE",
        direction: "BUY",
        quantity: 75,
        entry_price: 5,
        added_at_ms: FIRST,
      });
      begun(undefined);
      await gate;
    });
    await under_way;
    await add(1);
    expect((await next()).legs).toEqual({ a: 1, b: 1 });
    open(undefined);
    await slow;
    expect((await next()).legs).toEqual({ a: 2, b: 1 });
  });

  test("a deleted strategy is gone, and so is one whose account is", async () => {
    const made = await insertStrategy(store.db, { account_id: "XJ4540", name: "doomed" });
    await add(0);
    await insert(store.db, {
      strategy_id: made.strategy_id,
      exchange: "NFO",
      tradingsymbol: "X",
      direction: "BUY",
      quantity: 1,
      entry_price: 1,
      added_at_ms: FIRST,
    });
    await next();
    expect(keeper.book.strategy_count).toBe(2);
    await store.db.script(`delete from strategy where strategy_name = 'doomed'`);
    await next();
    expect(keeper.book.strategy_count).toBe(1);
  });

  test("after a failure everything is read anew, and until then the last book goes on", async () => {
    await add(0);
    await next();
    await store.db.script("alter table book_change rename to away");
    await add(1).catch(() => null);
    const failure = await keeper.refresh((minute_ms += MINUTE_MS), never);
    expect(failure?.code).toBe("database_refused");
    expect(keeper.book.strategy_count).toBe(1);
    await store.db.script("alter table away rename to book_change");
    await add(1);
    expect(await next()).toEqual({ legs: { a: 1, b: 1 }, sent: ["book.changed", "book.strategies", "book.read"] });
  });

  test("two shards have each account's strategies once between them, and neither reads the other's changes", async () => {
    const accounts = ["AB1234", "CD5678", "EF9012", "GH3456"];
    const made = [];
    for (const account_id of accounts) {
      await insertAccount(store.db, { account_id });
      made.push(await insertStrategy(store.db, { account_id, name: "one" }));
    }
    const leg = { exchange: "NFO", tradingsymbol: "X", direction: "BUY" as const, quantity: 1, entry_price: 1, added_at_ms: FIRST };
    for (const { strategy_id } of made) await insert(store.db, { strategy_id, ...leg });
    const shards = [1, 2].map(
      (shard) => new BookKeeper({ db: store.db, calendar: builtinCalendar(), clock: systemClock, shard: { shard, of: 2 } }),
    );
    const legs = async (): Promise<number[][]> => {
      minute_ms += MINUTE_MS;
      for (const shard of shards) expect(await shard.refresh(minute_ms, never)).toBeNull();
      return shards.map(({ book }) => [...book.strategy_id]);
    };
    // The first 32 bits of the ids' MD5 modulo 2 are 1, 0, 0, 0: a stable hash, so that a restart keeps its accounts.
    const [two = 0, ...one] = made.map(({ strategy_id }) => strategy_id);
    expect(await legs()).toEqual([one, [two]]);
    for (const { strategy_id } of made) await insert(store.db, { strategy_id, ...leg });
    expect(await legs()).toEqual([one, [two]]);
    expect(shards.map(({ book }) => book.leg_quantity.length)).toEqual([2 * one.length, 2]);
  });
});
