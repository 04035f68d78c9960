import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { callerOf, serviceOn } from "../../../../../test/support/service.ts";
import { onEveryPostgres } from "../../../../../test/support/store.ts";
import { StratctlError } from "../../errors.ts";
import type { Leg } from "../../model/leg.ts";
import { openPool } from "../../store/db.ts";
import type { Api } from "../contract.ts";

onEveryPostgres("a call with an idempotency key", (store) => {
  let api: Api;
  let strategy_id = 0;
  const leg = { tradingsymbol: "NIFTY26N1724500CE", exchange: "NFO", direction: "BUY", quantity: 75, entry_price: 100 };
  const add = (key: string | undefined, more: Partial<typeof leg> = {}, by: Api = api): Promise<Leg> =>
    by.strategies.legs.add({ strategy_id, ...leg, ...more }, { idempotency_key: key });
  const legCount = async (): Promise<number> => (await api.strategies.legs.list({ strategy_id })).length;
  const age = (hours: number): Promise<void> =>
    store.db.script(`update idempotency_key set created_at = created_at - interval '${hours} hours'`);
  beforeAll(async () => {
    api = serviceOn(store.db);
    await api.accounts.create({ account_id: "A1" });
    await api.accounts.create({ account_id: "A2" });
    ({ strategy_id } = await api.strategies.create({ account_id: "A1", name: "Keys" }));
  });

  test("one-key-one-leg: twenty at once, and one an hour later", async () => {
    const before = await legCount();
    const at_once = await Promise.allSettled(Array.from({ length: 20 }, () => add("k-1")));
    const done = at_once.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    const refused: unknown[] = at_once.flatMap((one) => (one.status === "rejected" ? [one.reason] : []));
    expect(done.length).toBeGreaterThan(0);
    for (const error of refused) expect(error).toMatchObject({ code: "idempotency_in_use" });
    await age(1);
    const later = await add("k-1");
    for (const answer of done) expect(answer).toEqual(later);
    expect(await legCount()).toBe(before + 1);
  });

  test("without a key, or with another, each call adds", async () => {
    const before = await legCount();
    await Promise.all([add(undefined), add(undefined), add("k-2"), add("k-3")]);
    expect(await legCount()).toBe(before + 4);
  });

  test("the same key with another input or for another call is a conflict, also at once", async () => {
    const first = await add("k-4");
    const before = await legCount();
    await expect(add("k-4", { quantity: 150 })).rejects.toMatchObject({ code: "idempotency_conflict" });
    await expect(
      api.strategies.legs.close({ strategy_id, instrument_id: first.id, exit_price: 100 }, { idempotency_key: "k-4" }),
    ).rejects.toMatchObject({ code: "idempotency_conflict" });
    expect(await legCount()).toBe(before);
    const mixed = await Promise.allSettled([75, 150, 75, 150, 75, 150].map((quantity) => add("k-5", { quantity })));
    for (const one of mixed.filter((each) => each.status === "rejected")) expect(one.reason).toBeInstanceOf(StratctlError);
    expect(await legCount()).toBe(before + 1);
  });

  test("the order of the fields does not matter", async () => {
    const { entry_price, ...rest } = leg;
    const first = await add("k-6");
    expect(await api.strategies.legs.add({ entry_price, ...rest, strategy_id }, { idempotency_key: "k-6" })).toEqual(first);
  });

  test("an account that goes without saying is part of the call, and so is none: A1's answer is not A2's", async () => {
    const [a1, a2] = ["A1", "A2"].map((account_id) => serviceOn(store.db, { account_id }));
    const first = await a1?.strategies.create({ name: "Own" }, { idempotency_key: "k-own" });
    expect(first).toMatchObject({ account_id: "A1" });
    expect(await api.strategies.create({ account_id: "A1", name: "Own" }, { idempotency_key: "k-own" })).toEqual(first);
    await expect(a2?.strategies.create({ name: "Own" }, { idempotency_key: "k-own" })).rejects.toMatchObject({
      code: "idempotency_conflict",
    });
    // Two tokens of one subject, each for an account of its own.
    const [one, two] = ["A1", "A2"].map((account) => serviceOn(store.db, { caller: callerOf([account]) }));
    await one?.strategies.create({ name: "Token" }, { idempotency_key: "k-token" });
    await expect(two?.strategies.create({ name: "Token" }, { idempotency_key: "k-token" })).rejects.toMatchObject({
      code: "idempotency_conflict",
    });
  });

  test("a call that failed keeps no key: put right, it is done", async () => {
    await expect(add("k-7", { entry_price: 500_000_000_000 })).rejects.toMatchObject({ code: "money_too_large" });
    expect(await add("k-7")).toMatchObject({ quantity: 75 });
    // Refused by the table itself, within the transaction that has the key.
    await expect(api.accounts.create({ account_id: "A1" }, { idempotency_key: "k-8" })).rejects.toMatchObject({ code: "account_exists" });
    expect(await api.accounts.create({ account_id: "B1" }, { idempotency_key: "k-8" })).toMatchObject({ account_id: "B1" });
  });

  test("the key and the work are written together: where the one fails, the other is not there", async () => {
    const before = await legCount();
    await store.db.script("alter table idempotency_key add constraint test_law check (key <> 'k-full')");
    await expect(add("k-full")).rejects.toMatchObject({ code: "database_refused" });
    expect(await legCount()).toBe(before);
    await store.db.script("alter table idempotency_key drop constraint test_law");
    await add("k-full");
    expect(await legCount()).toBe(before + 1);
  });

  test("one connection is enough, and none is left in a transaction", async () => {
    const own = await openPool(store.url, { connections_max: 1 });
    const narrow = serviceOn(own);
    await Promise.allSettled(Array.from({ length: 20 }, () => add("k-narrow", {}, narrow)));
    const { id } = await add("k-narrow", {}, narrow);
    expect((await add("k-narrow")).id).toBe(id);
    const Idle = z.object({ count: z.int() });
    const idle = "select count(*)::int as count from pg_stat_activity where datname = current_database() and state like 'idle in%'";
    expect(await store.db.one(Idle, "test.idle", idle)).toEqual({ count: 0 });
    await own.close();
  });

  describe("every call that adds is done once", () => {
    test("an account and a strategy, whose names are taken by the first call", async () => {
      const account = { account_id: "C1", aliases: ["c"] };
      const made = await api.accounts.create(account, { idempotency_key: "k-9" });
      expect(await api.accounts.create(account, { idempotency_key: "k-9" })).toEqual(made);
      const strategy = { account_id: "A1", name: "Once", tags: ["a", "b"] };
      const answers = await settled(8, () => api.strategies.create(strategy, { idempotency_key: "k-10" }));
      for (const answer of answers) expect(answer).toEqual(answers[0]);
    });

    test("a close: nobody who tries again is told that the leg is closed", async () => {
      const { id } = await add(undefined);
      const close = (): Promise<Leg> =>
        api.strategies.legs.close({ strategy_id, instrument_id: id, exit_price: 120 }, { idempotency_key: "k-11" });
      const answers = await settled(8, close);
      for (const answer of answers) expect(answer).toMatchObject({ id, exit_price: 120, closed_at: answers[0]?.closed_at });
      await expect(api.strategies.legs.close({ strategy_id, instrument_id: id, exit_price: 120 })).rejects.toMatchObject({
        code: "leg_closed",
      });
    });
  });

  test("an answer of the server that draws P&L is the same again", async () => {
    const panel = serviceOn(store.db, { m2m_basis: "pnl" });
    const made = await panel.strategies.create({ account_id: "A1", name: "Panel" }, { idempotency_key: "k-12" });
    expect(await panel.strategies.create({ account_id: "A1", name: "Panel" }, { idempotency_key: "k-12" })).toEqual(made);
  });

  test("a key is the caller's: another's is another key, and an account lost takes its answers with it", async () => {
    const [one, two] = ["user:1", "user:2"].map((subject) => serviceOn(store.db, { caller: callerOf(["A1"], { subject }) }));
    if (one === undefined || two === undefined) throw new Error("no services");
    const first = await add("mine", {}, one);
    expect((await add("mine", {}, two)).id).not.toBe(first.id);
    expect((await add("mine")).id).not.toBe(first.id);
    expect((await add("mine", {}, one)).id).toBe(first.id);
    const without = serviceOn(store.db, { caller: callerOf(["A2"], { subject: "user:1" }) });
    await expect(add("mine", {}, without)).rejects.toMatchObject({ code: "strategy_unknown" });
    const reading = serviceOn(store.db, { caller: callerOf(["A1"], { scopes: ["read"] }) });
    await expect(add("mine", {}, reading)).rejects.toMatchObject({ code: "scope_missing" });
  });

  test("what is no key is refused by name", async () => {
    for (const key of ["", " ", " k", "k\n", "ключ", "k".repeat(201)])
      await expect(add(key)).rejects.toMatchObject({
        code: "input_invalid",
        details: { errors: [expect.objectContaining({ field: "idempotency_key" })] },
      });
    expect(await add(`"${"k".repeat(198)}"`)).toMatchObject({ quantity: 75 });
  });

  test("a day is the time that a key is kept; those that are older go with the next call", async () => {
    await store.db.script("truncate idempotency_key");
    const first = await add("old");
    await age(23.9);
    expect((await add("old")).id).toBe(first.id);
    await age(0.2);
    expect((await add("old")).id).not.toBe(first.id);
    await store.db.script(`insert into idempotency_key (caller, key, request, answer, created_at)
      select 'x', n::text, repeat('0', 64), '{}', now() - interval '25 hours' from generate_series(1, 150) n`);
    await add("new-1");
    await add("new-2");
    const Key = z.object({ key: z.string() });
    expect(await store.db.many(Key, "test.keys", "select key from idempotency_key order by created_at")).toEqual(
      ["old", "new-1", "new-2"].map((key) => ({ key })),
    );
  });
});

/** Answers of so many at once; whoever is told that the first is under way tries again, as the client does. */
async function settled<Answer>(count: number, call: () => Promise<Answer>): Promise<Answer[]> {
  const tried = async (): Promise<Answer> => {
    for (;;) {
      try {
        return await call();
      } catch (error) {
        if (!(error instanceof StratctlError) || error.code !== "idempotency_in_use") throw error;
      }
    }
  };
  return Promise.all(Array.from({ length: count }, tried));
}
