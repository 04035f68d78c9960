import { beforeAll, expect, test } from "vitest";
import { onEveryPostgres } from "../../../../test/support/store.ts";
import { insert as insertAccount } from "./account.ts";
import { archive, find, findByName, insert, isThere, list, update } from "./strategy.ts";

onEveryPostgres("strategies", (store) => {
  beforeAll(async () => {
    await insertAccount(store.db, { account_id: "XJ4540" });
    await insertAccount(store.db, { account_id: "OTHER" });
  });

  test("a new one is active, and what nobody knows of it is null", async () => {
    const strategy = await insert(store.db, { account_id: "XJ4540", name: "condor", tags: ["weekly"], created_by: "user:7" });
    expect(strategy).toMatchObject({
      account_id: "XJ4540",
      name: "condor",
      description: null,
      tags: ["weekly"],
      strategy_type: "manual",
      status: "active",
      is_default: false,
      instrument_count: 0,
      current_pnl: null,
      current_m2m: null,
      marked_at: null,
      priced: null,
      stale: null,
      reason: null,
      total_capital_deployed: null,
      total_margin_used: null,
      created_by: "user:7",
      archived_at: null,
    });
    expect(await find(store.db, { strategy_id: strategy.strategy_id })).toEqual(strategy);
    expect(await find(store.db, { account: "OTHER", strategy_id: strategy.strategy_id })).toBeNull();
    expect(await isThere(store.db, { strategy_id: strategy.strategy_id })).toBe(true);
    expect(await isThere(store.db, { account: "OTHER", strategy_id: strategy.strategy_id })).toBe(false);
    expect(await isThere(store.db, { among: ["OTHER"], strategy_id: strategy.strategy_id })).toBe(false);
  });

  test("a name is taken by an active strategy of the account, in any case, and free again once it is archived", async () => {
    const first = await insert(store.db, { account_id: "XJ4540", name: "Straddle" });
    await expect(insert(store.db, { account_id: "XJ4540", name: "sTRADDLE" })).rejects.toMatchObject({ code: "strategy_exists" });
    await insert(store.db, { account_id: "OTHER", name: "Straddle" });
    await archive(store.db, first);
    const second = await insert(store.db, { account_id: "XJ4540", name: "straddle" });
    await expect(update(store.db, { strategy_id: second.strategy_id, name: "condor" })).rejects.toMatchObject({ code: "strategy_exists" });
    const named = await findByName(store.db, { account_id: "XJ4540", name: "STRADDLE" });
    expect(named.map(({ strategy_id }) => strategy_id)).toEqual([second.strategy_id, first.strategy_id]);
    expect(await findByName(store.db, { account_id: "XJ4540", name: "strad" })).toEqual([]);
  });

  test("an account that is none is named", async () => {
    await expect(insert(store.db, { account_id: "NOBODY", name: "x" })).rejects.toMatchObject({
      code: "account_unknown",
      message: "there is no account NOBODY",
    });
  });

  test("a change leaves what is not given, null makes unknown, and updated_at moves only where something changed", async () => {
    const before = await insert(store.db, { account_id: "XJ4540", name: "change me", description: "as it was", tags: ["a"] });
    const key = { account_id: "XJ4540", strategy_id: before.strategy_id };
    expect(await update(store.db, key)).toEqual(before);
    expect(await update(store.db, { ...key, name: "change me" })).toEqual(before);
    const after = await update(store.db, { ...key, description: null, tags: ["b", "c"], total_margin_used: 101_234.5 });
    expect(after).toMatchObject({ name: "change me", description: null, tags: ["b", "c"], total_margin_used: 101_234.5 });
    expect(Date.parse(after?.updated_at ?? "")).toBeGreaterThan(Date.parse(before.updated_at));
    expect(await update(store.db, { ...key, total_margin_used: null })).toMatchObject({ total_margin_used: null, tags: ["b", "c"] });
    expect(await update(store.db, { ...key, account_id: "OTHER", name: "stolen" })).toBeNull();
    expect(await find(store.db, key)).toMatchObject({ name: "change me" });
  });

  test("archived again it stays as it was; the default cannot be archived", async () => {
    const { strategy_id } = await insert(store.db, { account_id: "XJ4540", name: "old" });
    const archived = await archive(store.db, { account_id: "XJ4540", strategy_id });
    expect(archived?.status).toBe("archived");
    expect(archived?.archived_at).not.toBeNull();
    expect(await archive(store.db, { strategy_id })).toEqual(archived);
    expect(await archive(store.db, { account_id: "OTHER", strategy_id })).toBeNull();
    const [first] = await list(store.db, { account_id: "XJ4540" });
    expect(first?.is_default).toBe(true);
    await expect(archive(store.db, { strategy_id: first?.strategy_id ?? 0 })).rejects.toMatchObject({ code: "strategy_default" });
  });

  test("the list has the default first, then the newest; it can be narrowed by status, tag and words", async () => {
    await insertAccount(store.db, { account_id: "LIST" });
    const names = ["100% hedge", "Under_score", "plain"];
    for (const name of names)
      await insert(store.db, { account_id: "LIST", name, tags: name === "plain" ? ["t1"] : [], description: `about ${name}` });
    const listed = async (filter: { status?: "active" | "archived"; tag?: string; search?: string }): Promise<string[]> =>
      (await list(store.db, { account_id: "LIST", ...filter })).map(({ name }) => name);
    expect(await listed({})).toEqual(["Default Strategy", "plain", "Under_score", "100% hedge"]);
    expect(await listed({ tag: "t1" })).toEqual(["plain"]);
    expect(await listed({ search: "ABOUT PL" })).toEqual(["plain"]);
    // What LIKE would take for a pattern is text here.
    expect(await listed({ search: "0%" })).toEqual(["100% hedge"]);
    expect(await listed({ search: "r_s" })).toEqual(["Under_score"]);
    expect(await listed({ status: "archived" })).toEqual([]);
  });

  test("one default an account, whoever writes", async () => {
    await expect(
      store.db.script("insert into strategy (trading_account_id, strategy_name, is_default) values ('XJ4540', 'second default', true)"),
    ).rejects.toMatchObject({ code: "database_refused", details: { constraint: "strategy_default_key" } });
  });
});
