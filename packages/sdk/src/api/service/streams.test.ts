import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { markOf } from "../../../../../test/support/mark.ts";
import { startPipe } from "../../../../../test/support/pipe.ts";
import { allOf, callerOf, serviceOn } from "../../../../../test/support/service.ts";
import { onEveryPostgres } from "../../../../../test/support/store.ts";
import type { Mark } from "../../model/mark.ts";
import { openPool, type Database } from "../../store/db.ts";
import { SOCKET_NAME } from "../../store/embedded/postmaster.ts";
import { upsertMany } from "../../store/mark.ts";
import type { Api } from "../contract.ts";
import type { StreamGap, StreamOptions } from "../route.ts";
import type { MarkFeed } from "./context.ts";

const AT_MS = Date.parse("2026-11-03T04:00:00Z");
const at = (second: number): string => new Date(AT_MS + second * 1000).toISOString().replace(".000Z", "Z");

onEveryPostgres("marks without a feed", (store) => {
  let api: Api;
  let account_id = "";
  let accounts = 0;
  let ids: number[] = [];
  let stop = new AbortController();
  beforeEach(async () => {
    stop = new AbortController();
    api = serviceOn(store.db);
    accounts += 1;
    account_id = `A${accounts}`;
    await api.accounts.create({ account_id });
    ids = [];
    for (const name of ["a", "b", "c"]) ids.push((await api.strategies.create({ account_id, name })).strategy_id);
  });
  // What is left open ends with its test.
  afterEach(() => stop.abort());

  /** As the engine writes the marks of a sample. */
  const write = (second: number, strategies: readonly number[] = ids, m2m = second): Promise<number> =>
    upsertMany(store.db, {
      length: strategies.length,
      at_ms: AT_MS + second * 1000,
      strategy_id: Int32Array.from(strategies),
      m2m_units: Float64Array.from(strategies, () => m2m * 10_000),
      entry_value_units: new Float64Array(strategies.length),
      realized_pnl_units: new Float64Array(strategies.length),
      instrument_count: Int32Array.from(strategies, () => 1),
      priced: Int32Array.from(strategies, () => 1),
      stale: new Int32Array(strategies.length),
      oldest_age_ms: new Float64Array(strategies.length),
      reason: strategies.map(() => null),
    });
  const idOf = (place: number): number => ids[place] ?? 0;

  describe("of one strategy", () => {
    const open = (options: StreamOptions = {}, by: Api = api): AsyncIterator<Mark> =>
      by.strategies.m2m.stream({ strategy_id: idOf(0) }, { signal: stop.signal, ...options })[Symbol.asyncIterator]();

    test("the latest comes first, then each once as it is written", async () => {
      await write(0);
      const stream = open();
      expect((await stream.next()).value).toMatchObject({ strategy_id: idOf(0), at: at(0), m2m: 0, pnl: 0 });
      const second = stream.next();
      await write(5, [idOf(1)]);
      await write(5);
      expect((await second).value).toMatchObject({ at: at(5), m2m: 5 });
      const third = stream.next();
      await write(10.5);
      expect((await third).value).toMatchObject({ at: at(10.5) });
    });

    test("one that was never marked waits for its first mark", async () => {
      const first = open().next();
      await write(0);
      expect((await first).value).toMatchObject({ at: at(0) });
    });

    test("after an instant: only later ones, and a gap where some may be gone", async () => {
      await write(5);
      const gaps: StreamGap[] = [];
      const onGap = (gap: StreamGap): number => gaps.push(gap);
      expect((await open({ after: at(0), onGap }).next()).value).toMatchObject({ at: at(5) });
      expect(gaps).toEqual([{ from: at(0), to: at(5) }]);
      const { database, statements } = watched(store.db);
      const next = open({ after: at(5), onGap }, serviceOn(database)).next();
      // The strategy itself, and a look in vain: from then on each mark that is written is seen.
      await expect.poll(() => statements.length).toBeGreaterThanOrEqual(2);
      await write(10);
      expect((await next).value).toMatchObject({ at: at(10) });
      expect(gaps).toHaveLength(1);
      await expect(open({ after: "soon" }).next()).rejects.toMatchObject({ code: "input_invalid" });
    });

    test("a signal ends it, before it begins and while it waits, as it ends every call", async () => {
      await expect(open({ signal: AbortSignal.abort() }).next()).rejects.toMatchObject({ name: "AbortError" });
      const waiting = open().next();
      stop.abort();
      await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
      const reason = new Error("enough");
      await expect(open({ signal: AbortSignal.abort(reason) }).next()).rejects.toBe(reason);
    });

    test("archived or removed meanwhile, it ends by name", async () => {
      const archived = expect(open().next()).rejects.toMatchObject({ code: "strategy_archived" });
      await api.strategies.archive({ strategy_id: idOf(0) });
      await archived;
      await expect(open().next()).rejects.toMatchObject({ code: "strategy_archived" });
      ids.shift();
      const removed = expect(open().next()).rejects.toMatchObject({ code: "strategy_unknown" });
      await store.db.run("test.remove", "delete from strategy where strategy_id = $1", [idOf(0)]);
      await removed;
    });

    test("a database that is away ends it, and it goes on after what was seen once the database is back", async () => {
      await write(0);
      const direct = new URL(store.url);
      const folder = direct.searchParams.get("host") ?? decodeURIComponent(direct.hostname);
      await using pipe = await startPipe(join(folder, SOCKET_NAME));
      const piped = await openPool(`postgres://${direct.username}@127.0.0.1:${pipe.port}${direct.pathname}`);
      const own = serviceOn(piped);
      const key = { strategy_id: idOf(0) };
      const stream = own.strategies.m2m.stream(key)[Symbol.asyncIterator]();
      expect((await stream.next()).value).toMatchObject({ at: at(0) });
      const ended = expect(stream.next()).rejects.toMatchObject({ code: "database_unreachable" });
      await pipe.refuse();
      await write(5);
      await ended;
      await pipe.accept();
      const again = own.strategies.m2m.stream(key, { after: at(0) })[Symbol.asyncIterator]();
      expect((await again.next()).value).toMatchObject({ at: at(5) });
      await piped.close();
    });
  });

  describe("of an account", () => {
    const open = (options: StreamOptions = {}, by: Api = api): AsyncIterator<Mark[]> =>
      by.marks.stream({ account_id }, { signal: stop.signal, ...options })[Symbol.asyncIterator]();
    const shown = (marks: Mark[]): [number, string][] => marks.map((mark) => [ids.indexOf(mark.strategy_id), mark.at]);

    test("those of an instant come together, by strategy, each once", async () => {
      await write(0, [idOf(2), idOf(0)]);
      await write(5, [idOf(1)]);
      const stream = open();
      expect(shown((await stream.next()).value)).toEqual([
        [0, at(0)],
        [2, at(0)],
      ]);
      expect(shown((await stream.next()).value)).toEqual([[1, at(5)]]);
      const next = stream.next();
      await write(10);
      expect(shown((await next).value)).toEqual(ids.map((_, place) => [place, at(10)]));
    });

    test("a sample that is written in parts is told in parts, and none twice", async () => {
      await write(0, [idOf(1)]);
      const stream = open();
      expect(shown((await stream.next()).value)).toEqual([[1, at(0)]]);
      let next = stream.next();
      await write(0, [idOf(0)]);
      expect(shown((await next).value)).toEqual([[0, at(0)]]);
      next = stream.next();
      await write(0, [idOf(2)]);
      expect(shown((await next).value)).toEqual([[2, at(0)]]);
      next = stream.next();
      await write(5, [idOf(0)]);
      expect(shown((await next).value)).toEqual([[0, at(5)]]);
    });

    test("a mark that another program wrote to the microsecond is told once", async () => {
      await write(0, [idOf(0)]);
      await store.db.run("test.finer", "update strategy_mark set at = at + interval '1234 microseconds' where strategy_id = $1", [idOf(0)]);
      const stream = open();
      expect(shown((await stream.next()).value)).toEqual([[0, at(0.001)]]);
      const next = stream.next();
      await write(5, [idOf(1)]);
      expect(shown((await next).value)).toEqual([[1, at(5)]]);
    });

    test("other accounts' and archived strategies are none of it", async () => {
      await api.accounts.create({ account_id: `${account_id}-other` });
      const other = await api.strategies.create({ account_id: `${account_id}-other`, name: "x" });
      await api.strategies.archive({ strategy_id: idOf(2) });
      await write(0, [...ids, other.strategy_id]);
      expect(shown((await open().next()).value)).toEqual([
        [0, at(0)],
        [1, at(0)],
      ]);
    });

    test("after an instant: only later ones, and a gap where some may be gone", async () => {
      await write(0);
      await write(5, [idOf(1)]);
      const gaps: StreamGap[] = [];
      const onGap = (gap: StreamGap): number => gaps.push(gap);
      const stream = open({ after: at(0), onGap });
      expect(shown((await stream.next()).value)).toEqual([[1, at(5)]]);
      expect(gaps).toEqual([{ from: at(0), to: at(5) }]);
    });

    test("one statement a look, however many strategies there are", async () => {
      const { database, statements } = watched(store.db);
      const counting = serviceOn(database);
      const stream = open({}, counting);
      const first = stream.next();
      await write(0);
      await first;
      const second = stream.next();
      await write(5);
      await second;
      expect(statements[0]).toBe("account.find");
      expect(new Set(statements.slice(1))).toEqual(new Set(["mark.listSince"]));
    });
  });

  describe("with a feed", () => {
    const MARK = markOf({ strategy_id: 1, at: at(0), m2m: 1, pnl: -1, unrealized_pnl: -1 });
    async function* one<Event>(event: Event): AsyncGenerator<Event, void, undefined> {
      yield await Promise.resolve(event);
    }

    test("it tells, with what the reader asked for; where it does not mark, the database does", async () => {
      const asked: [number | string, string | undefined][] = [];
      const feed: MarkFeed = {
        strategy: (id, { after }) => (asked.push([id, after]), id === idOf(0) ? one(MARK) : null),
        group: (id, _, { after }) => (asked.push([id, after]), Promise.resolve(id === account_id ? one([MARK]) : null)),
      };
      const fed = serviceOn(store.db, { feed });
      expect(await allOf(fed.strategies.m2m.stream({ strategy_id: idOf(0) }, { after: at(0) }))).toEqual([MARK]);
      expect(await allOf(fed.marks.stream({ account_id }))).toEqual([[MARK]]);
      expect(asked).toEqual([
        [idOf(0), at(0)],
        [account_id, undefined],
      ]);
      await write(5);
      const written = fed.strategies.m2m.stream({ strategy_id: idOf(1) }, { signal: stop.signal })[Symbol.asyncIterator]();
      expect((await written.next()).value).toMatchObject({ strategy_id: idOf(1), at: at(5) });
    });

    test("it is not asked for what the caller may not see", async () => {
      const feed: MarkFeed = { strategy: () => one(MARK), group: () => Promise.resolve(one([MARK])) };
      const fed = serviceOn(store.db, { feed, caller: callerOf(["NOBODY"]) });
      await expect(allOf(fed.strategies.m2m.stream({ strategy_id: idOf(0) }))).rejects.toMatchObject({
        code: "strategy_unknown",
      });
      await expect(allOf(fed.marks.stream({ account_id }))).rejects.toMatchObject({ code: "account_forbidden" });
    });
  });
});

/** A database that notes the names of statements once they were answered. */
function watched(database: Database): { database: Database; statements: string[] } {
  const statements: string[] = [];
  const noted = async <Rows>(name: string, rows: Promise<Rows>): Promise<Rows> => {
    const answer = await rows;
    statements.push(name);
    return answer;
  };
  return {
    statements,
    database: {
      ...database,
      many: (row, name, sql, params) => noted(name, database.many(row, name, sql, params)),
      maybeOne: (row, name, sql, params) => noted(name, database.maybeOne(row, name, sql, params)),
    },
  };
}
