import { beforeAll, describe, expect, test } from "vitest";
import { callerOf, serviceOn } from "../../../../../test/support/service.ts";
import { onEveryPostgres } from "../../../../../test/support/store.ts";
import { StratctlError } from "../../errors.ts";
import type { Api } from "../contract.ts";

onEveryPostgres("what a caller may see", (store) => {
  let inside: Api;
  /** Of A1, by an alias of it. */
  let api: Api;
  let own = 0;
  let other = 0;
  const NONE = 999_999;
  beforeAll(async () => {
    inside = serviceOn(store.db);
    await inside.accounts.create({ account_id: "A1", aliases: ["1001"] });
    await inside.accounts.create({ account_id: "A2", aliases: ["1002"] });
    own = (await inside.strategies.create({ account_id: "A1", name: "Condor" })).strategy_id;
    other = (await inside.strategies.create({ account_id: "A2", name: "Straddle" })).strategy_id;
    api = serviceOn(store.db, { caller: callerOf(["1001"]) });
  });

  describe("existence-is-not-told", () => {
    test("another account's strategy is refused as one that is not there", async () => {
      expect(await api.strategies.get({ account_id: "A1", strategy_id: own })).toMatchObject({ name: "Condor" });
      for (const account_id of ["A1", "1001", undefined])
        expect(await toldOf((strategy_id) => api.strategies.get({ account_id, strategy_id }), other)).toEqual(
          await toldOf((strategy_id) => api.strategies.get({ account_id, strategy_id }), NONE),
        );
      expect((await toldOf((strategy_id) => api.strategies.get({ strategy_id }), other)).code).toBe("strategy_unknown");
    });

    test("another account is refused as one that is not there", async () => {
      const calls: ((account_id: string) => Promise<unknown>)[] = [
        (account_id) => api.strategies.list({ account_id }),
        (account_id) => api.accounts.get({ account_id }),
        (account_id) => api.strategies.create({ account_id, name: "New" }),
        (account_id) => api.strategies.create({ account_id, name: "straddle" }, { idempotency_key: "k" }),
        (account_id) => api.strategies.getOrCreate({ account_id, name: "Straddle" }),
        (account_id) => api.strategies.resolve({ account_id, strategy: "Straddle" }),
        (account_id) => api.strategies.resolve({ account_id, strategy: String(own) }),
        (account_id) => api.strategies.get({ account_id, strategy_id: own }),
        (account_id) => api.strategies.get({ account_id, strategy_id: other }),
        (account_id) => api.strategies.m2m.history({ account_id, strategy_id: other }),
        (account_id) => first(api.marks.stream({ account_id })),
        (account_id) => api.accounts.create({ account_id }),
        (account_id) => api.accounts.create({ account_id: "1001", aliases: [account_id] }),
      ];
      for (const call of calls) {
        const told = await toldOf(call, "NO-SUCH");
        expect(told.code).toBe("account_forbidden");
        for (const account_id of ["A2", "1002"]) expect(await toldOf(call, account_id)).toEqual(told);
      }
    });

    test("every call of a strategy says the same of another's and of none, and changes nothing", async () => {
      const leg = await inside.strategies.legs.add({
        strategy_id: other,
        tradingsymbol: "NIFTY26N1724500CE",
        direction: "BUY",
        quantity: 75,
        entry_price: 100,
      });
      const added = { tradingsymbol: "NIFTY26N1724500CE", direction: "SELL", quantity: 75, entry_price: 90 };
      const calls: ((strategy_id: number) => Promise<unknown>)[] = [
        (strategy_id) => api.strategies.get({ strategy_id, include: "legs" }),
        (strategy_id) => api.strategies.resolve({ account_id: "A1", strategy: String(strategy_id) }),
        (strategy_id) => api.strategies.resolve({ strategy: String(strategy_id) }),
        (strategy_id) => api.strategies.update({ strategy_id, name: "Mine" }),
        (strategy_id) => api.strategies.archive({ strategy_id }),
        (strategy_id) => api.strategies.mark({ strategy_id }),
        (strategy_id) => api.strategies.mark({ strategy_id, now: true }),
        (strategy_id) => api.strategies.legs.list({ strategy_id }),
        (strategy_id) => api.strategies.legs.add({ strategy_id, ...added }),
        (strategy_id) => api.strategies.legs.add({ strategy_id, ...added }, { idempotency_key: "mine" }),
        (strategy_id) => api.strategies.legs.update({ strategy_id, instrument_id: leg.id, quantity: 150 }),
        (strategy_id) => api.strategies.legs.close({ strategy_id, instrument_id: leg.id, exit_price: 1 }),
        (strategy_id) => api.strategies.legs.remove({ strategy_id, instrument_id: leg.id }),
        (strategy_id) => api.strategies.m2m.history({ strategy_id }),
        (strategy_id) => first(api.strategies.m2m.each({ strategy_id })),
        (strategy_id) => first(api.strategies.m2m.stream({ strategy_id })),
      ];
      const before = await inside.strategies.get({ strategy_id: other, include: "legs" });
      for (const call of calls) {
        const told = await toldOf(call, NONE);
        expect(told.code).toBe("strategy_unknown");
        expect(await toldOf(call, other)).toEqual(told);
      }
      expect(await inside.strategies.get({ strategy_id: other, include: "legs" })).toEqual(before);
      // Its leg by its id, under a strategy of one's own.
      for (const instrument_id of [leg.id, NONE])
        expect((await toldOf((id) => api.strategies.legs.remove({ strategy_id: own, instrument_id: id }), instrument_id)).code).toBe(
          "leg_unknown",
        );
    });

    test("no list, candidate or suggestion names what is another's", async () => {
      expect((await api.accounts.list({})).map(({ account_id }) => account_id)).toEqual(["A1"]);
      expect((await api.accounts.get({})).account_id).toBe("A1");
      expect((await api.strategies.list({})).map(({ name }) => name)).toEqual(["Condor", "Default Strategy"].toReversed());
      expect((await toldOf((strategy) => api.strategies.resolve({ strategy }), "Stradle")).message).not.toContain("Straddle");
      await inside.accounts.create({ account_id: "A3" });
      const two = serviceOn(store.db, { caller: callerOf(["A1", "A3", "A9"]) });
      await expect(two.strategies.list({})).rejects.toMatchObject({ code: "account_required", details: { candidates: ["A1", "A3"] } });
      const nobody = serviceOn(store.db, { caller: callerOf(["A"]) });
      expect(await nobody.accounts.list({})).toEqual([]);
      await expect(nobody.strategies.list({})).rejects.toMatchObject({ code: "account_required", details: {} });
      expect((await toldOf((strategy_id) => nobody.strategies.get({ strategy_id }), own)).code).toBe("strategy_unknown");
    });

    test("a cursor of another's strategy is refused as one that is not there", async () => {
      const told = await toldOf((cursor) => api.strategies.list({ cursor }), NONE);
      expect(told.code).toBe("input_invalid");
      expect(await toldOf((cursor) => api.strategies.list({ cursor }), other)).toEqual(told);
    });
  });

  test("an account is named by its id or an alias, whole: no part of either opens it", async () => {
    for (const account of ["A1", "1001"]) {
      const caller = serviceOn(store.db, { caller: callerOf([account]) });
      for (const account_id of ["A1", "1001"]) expect(await caller.accounts.get({ account_id })).toMatchObject({ account_id: "A1" });
    }
    for (const account of ["A", "100", "10011", "a1", "A1 ", ""])
      expect(await serviceOn(store.db, { caller: callerOf([account]) }).accounts.list({})).toEqual([]);
  });

  test("a token for all accounts sees all, and is told what is not there", async () => {
    const all = serviceOn(store.db, { caller: callerOf("all") });
    expect(await all.strategies.get({ strategy_id: other })).toMatchObject({ account_id: "A2" });
    await expect(all.strategies.list({ account_id: "NO-SUCH" })).rejects.toMatchObject({ code: "account_unknown" });
    expect(await all.accounts.create({ account_id: "OF-ALL" })).toMatchObject({ account_id: "OF-ALL" });
  });

  test("an account is added by whoever has a token for its id and its aliases", async () => {
    const caller = serviceOn(store.db, { caller: callerOf(["NEW", "77"]) });
    await expect(caller.accounts.create({ account_id: "NEW", aliases: ["77", "78"] })).rejects.toMatchObject({ code: "account_forbidden" });
    expect(await caller.accounts.create({ account_id: "NEW", aliases: ["77"] })).toMatchObject({ aliases: ["77"] });
  });

  test("the scope read looks, trade changes, and neither does the other's", async () => {
    const reader = serviceOn(store.db, { caller: callerOf(["A1"], { scopes: ["read"] }) });
    expect(await reader.strategies.get({ strategy_id: own })).toMatchObject({ name: "Condor" });
    for (const call of [
      reader.strategies.create({ name: "" }), // looked at before the input is
      reader.strategies.getOrCreate({ name: "Condor" }),
      reader.strategies.update({ strategy_id: own }),
      reader.strategies.archive({ strategy_id: own }),
      reader.strategies.legs.close({ strategy_id: own, instrument_id: 1 }),
      reader.strategies.legs.remove({ strategy_id: own, instrument_id: 1 }),
      reader.accounts.create({ account_id: "A1" }),
    ])
      await expect(call).rejects.toMatchObject({ code: "scope_missing", details: { scope: "trade" } });
    const trader = serviceOn(store.db, { caller: callerOf(["A1"], { scopes: ["trade"] }) });
    for (const call of [
      trader.accounts.list({}),
      trader.quotes.get({ i: ["NSE:INFY"] }),
      first(trader.marks.stream({})),
      first(trader.strategies.m2m.stream({ strategy_id: own })),
    ])
      await expect(call).rejects.toMatchObject({ code: "scope_missing", details: { scope: "read" } });
  });

  test("a strategy says who made it", async () => {
    expect(await api.strategies.create({ name: "By token" })).toMatchObject({ created_by: "user:1" });
    expect(await api.strategies.getOrCreate({ name: "By name" })).toMatchObject({ created_by: "user:1" });
    expect(await inside.strategies.create({ account_id: "A1", name: "By script" })).toMatchObject({ created_by: null });
  });
});

/** What a refusal tells, with the id that was asked for taken out of it. */
async function toldOf<Id extends string | number>(
  call: (id: Id) => Promise<unknown>,
  id: Id,
): Promise<{ code: string; message: string; rest: string }> {
  const error: unknown = await call(id).then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof StratctlError)) throw new Error(`${id} was not refused`, { cause: error });
  const { code, message, hint, details } = error;
  const without = (text: string): string => text.replaceAll(String(id), "<id>");
  return { code, message: without(message), rest: without(JSON.stringify({ hint, details })) };
}

async function first<Event>(events: AsyncIterable<Event>): Promise<Event | undefined> {
  for await (const event of events) return event;
  return undefined;
}
