import * as fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { serviceOn } from "../../../../../test/support/service.ts";
import { onEveryPostgres } from "../../../../../test/support/store.ts";
import type { Strategy } from "../../model/strategy.ts";
import { insert as insertStrategy } from "../../store/strategy.ts";
import type { Api } from "../contract.ts";

onEveryPostgres("strategies of an account", (store) => {
  let api: Api;
  const instant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
  beforeAll(async () => {
    api = serviceOn(store.db);
    await api.accounts.create({ account_id: "A1" });
  });

  describe("pages", () => {
    const idsOf = (strategies: readonly Strategy[]): number[] => strategies.map(({ strategy_id }) => strategy_id);
    let accounts = 0;
    const account = async (): Promise<string> => {
      accounts += 1;
      return (await api.accounts.create({ account_id: `P${accounts}` })).account_id;
    };

    /** Strategies added together have one created_at: a page may end among them. */
    const together = (account_id: string, count: number, name: string): Promise<void> =>
      store.db.transaction(async (db) => {
        for (let place = 0; place < count; place += 1)
          await insertStrategy(db, { account_id, name: `${name} ${place}`, tags: place % 2 === 0 ? ["even"] : [] });
      });

    test("page after page, each strategy comes once and in its place, whatever is added or archived meanwhile", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
          fc.integer({ min: 1, max: 6 }),
          fc.constantFrom({}, { tag: "even" }, { search: "0" }, { status: "active" as const }),
          async (groups, limit, filter) => {
            const account_id = await account();
            for (const [place, count] of groups.entries()) await together(account_id, count, `g${place}`);
            const whole = await api.strategies.list({ account_id, ...filter });
            const seen: number[] = [];
            for (let cursor: number | undefined, page = 0; ; page += 1) {
              const strategies = await api.strategies.list({ account_id, ...filter, limit, cursor });
              seen.push(...idsOf(strategies));
              if (strategies.length < limit) break;
              cursor = strategies.at(-1)?.strategy_id;
              await together(account_id, 1, `late${page}`);
              // Where a page ended does not hang on whether that strategy still passes the filter.
              if (cursor !== undefined && strategies.at(-1)?.is_default === false) await api.strategies.archive({ strategy_id: cursor });
            }
            // One that is added after a first page that held the default alone is of the second.
            expect(seen.filter((id) => idsOf(whole).includes(id))).toEqual(idsOf(whole));
            expect(new Set(seen).size).toBe(seen.length);
            if (limit > 1) expect(seen).toEqual(idsOf(whole));
          },
        ),
        { numRuns: 25 },
      );
    });

    test("the default comes first, then the newest; after the last there is none", async () => {
      const account_id = await account();
      await together(account_id, 3, "s");
      const all = await api.strategies.list({ account_id });
      expect(all.map(({ name }) => name)).toEqual(["Default Strategy", "s 2", "s 1", "s 0"]);
      expect(await api.strategies.list({ account_id, limit: 1 })).toEqual(all.slice(0, 1));
      expect(await api.strategies.list({ account_id, cursor: all[0]?.strategy_id })).toEqual(all.slice(1));
      expect(await api.strategies.list({ account_id, limit: 5, cursor: all.at(-1)?.strategy_id })).toEqual([]);
      await expect(api.strategies.list({ account_id, limit: 0 })).rejects.toMatchObject({ code: "input_invalid" });
    });

    test("a cursor that is gone breaks off with an error, and does not look like the end", async () => {
      const account_id = await account();
      await together(account_id, 2, "s");
      const [, newest] = await api.strategies.list({ account_id });
      await store.db.run("test.remove", "delete from strategy where strategy_id = $1", [newest?.strategy_id ?? 0]);
      await expect(api.strategies.list({ account_id, cursor: newest?.strategy_id })).rejects.toMatchObject({
        code: "input_invalid",
        details: { errors: [expect.objectContaining({ field: "cursor" })] },
      });
    });
  });

  test("legs come with a strategy where they are asked for, open ones first", async () => {
    const { strategy_id } = await api.strategies.create({ account_id: "A1", name: "Legs" });
    const add = (direction: string): ReturnType<typeof api.strategies.legs.add> =>
      api.strategies.legs.add({ strategy_id, tradingsymbol: "NIFTY26N1724500CE", direction, quantity: 75, entry_price: 100 });
    expect(await api.strategies.get({ strategy_id, include: "legs" })).toMatchObject({ name: "Legs", legs: [] });
    const first = await add("BUY");
    const second = await add("SELL");
    await api.strategies.legs.close({ strategy_id, instrument_id: first.id, exit_price: 120 });
    expect(await api.strategies.get({ strategy_id, include: "legs" })).toMatchObject({
      instrument_count: 1,
      legs: [{ id: second.id }, { id: first.id, exit_price: 120, current_pnl: 1500 }],
    });
    expect(await api.strategies.get({ strategy_id })).not.toHaveProperty("legs");
  });

  test("a date is the same day whatever the zone of the database and of the machine", async () => {
    const { strategy_id } = await api.strategies.create({ account_id: "A1", name: "Dates" });
    await store.db.script(
      "do $$ begin execute format('alter database %I set TimeZone = ''Pacific/Kiritimati''', current_database()); end $$",
    );
    const leg = await api.strategies.legs.add({
      strategy_id,
      tradingsymbol: "NIFTY26N1724500CE",
      direction: "BUY",
      quantity: 75,
      entry_price: 100,
    });
    expect(leg).toMatchObject({ exchange: "NFO", expiry: "2026-11-17", strike: 24_500, instrument_type: "CE" });
    for (const at of [leg.added_at, leg.updated_at]) expect(at).toMatch(instant);
  });

  test("an exchange is told by the symbol, given beside it, or both alike; two that differ are refused", async () => {
    const { strategy_id } = await api.strategies.create({ account_id: "A1", name: "Exchanges" });
    const add = async (tradingsymbol: string, exchange?: string): Promise<string> =>
      (await api.strategies.legs.add({ strategy_id, tradingsymbol, exchange, direction: "BUY", quantity: 75, entry_price: 100 }))
        .instrument;
    for (const [symbol, exchange] of [
      ["NIFTY26N1724500CE"],
      ["NFO:NIFTY26N1724500CE"],
      ["NIFTY26N1724500CE", "nfo"],
      ["NFO:NIFTY26N1724500CE", "NFO"],
    ] as const)
      expect(await add(symbol, exchange)).toBe("NFO:NIFTY26N1724500CE");
    await expect(add("NSE:INFY", "BSE")).rejects.toMatchObject({
      code: "instrument_invalid",
      message: "NSE:INFY is not of the exchange BSE",
    });
  });

  test("what is not edited does not move updated_at, and archived again is archived as it was", async () => {
    const made = await api.strategies.create({ account_id: "A1", name: "Kept", description: "d", tags: [" a", "a ", "b"] });
    expect(made).toMatchObject({ tags: ["a", "b"] });
    const { strategy_id } = made;
    expect(await api.strategies.update({ strategy_id })).toEqual(made);
    expect(await api.strategies.update({ strategy_id, name: "Kept", tags: ["a", "b"], description: "d" })).toEqual(made);
    const changed = await api.strategies.update({ strategy_id, tags: [], description: null });
    expect(changed).toMatchObject({ tags: [], description: null, name: "Kept" });
    expect(Date.parse(changed.updated_at)).toBeGreaterThanOrEqual(Date.parse(made.updated_at));
    const archived = await api.strategies.archive({ strategy_id });
    expect(await api.strategies.archive({ strategy_id })).toEqual(archived);
    expect(archived.archived_at).toMatch(instant);
  });

  test("a server that draws P&L gives it as current_m2m in every answer", async () => {
    const { strategy_id } = await api.strategies.create({ account_id: "A1", name: "Panel" });
    await store.db.run(
      "test.mark",
      `insert into strategy_mark (strategy_id, at, m2m, pnl, entry_value, realized_pnl, instrument_count, priced, stale)
       values ($1, now(), -1500, 1605, 100, 5, 1, 1, 0)`,
      [strategy_id],
    );
    const panel = serviceOn(store.db, { m2m_basis: "pnl" });
    const of = { account_id: "A1", strategy_id };
    expect(await api.strategies.get(of)).toMatchObject({ current_m2m: -1500, current_pnl: 1605 });
    for (const answer of [
      await panel.strategies.get(of),
      await panel.strategies.get({ ...of, include: "legs" }),
      await panel.strategies.update({ ...of, tags: ["x"] }),
      await panel.strategies.resolve({ account_id: "A1", strategy: "panel" }),
      await panel.strategies.getOrCreate({ account_id: "A1", name: "Panel" }),
      (await panel.strategies.list({ account_id: "A1", tag: "x" }))[0],
      await panel.strategies.archive(of),
    ])
      expect(answer).toMatchObject({ current_m2m: 1605, current_pnl: 1605 });
  });

  test("the one character that Postgres does not keep is bad input, wherever it stands", async () => {
    const { strategy_id } = await api.strategies.create({ account_id: "A1", name: "Nul" });
    const nul = "a\0b";
    for (const [field, call] of [
      ["search", api.strategies.list({ account_id: "A1", search: nul })],
      ["tag", api.strategies.list({ account_id: "A1", tag: nul })],
      ["account_id", api.strategies.list({ account_id: nul })],
      ["strategy", api.strategies.resolve({ account_id: "A1", strategy: nul })],
      ["description", api.strategies.update({ strategy_id, description: nul })],
      ["aliases", api.accounts.create({ account_id: "N", aliases: [nul] })],
    ] as const)
      await expect(call).rejects.toMatchObject({ code: "input_invalid", details: { errors: [{ field }] } });
  });
});
