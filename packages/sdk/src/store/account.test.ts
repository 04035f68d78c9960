import { expect, test } from "vitest";
import { onEveryPostgres } from "../../../../test/support/store.ts";
import { find, insert, list } from "./account.ts";
import { list as strategies } from "./strategy.ts";

onEveryPostgres("accounts", (store) => {
  test("an account comes with its default strategy, whoever inserts it", async () => {
    const account = await insert(store.db, { account_id: "XJ4540", account_name: "Desk", aliases: ["17"] });
    expect(account).toMatchObject({ account_id: "XJ4540", account_name: "Desk", aliases: ["17"], broker: "zerodha", is_active: true });
    await store.db.script("insert into trading_account (account_id) values ('BYHAND')");
    for (const account_id of ["XJ4540", "BYHAND"])
      expect(await strategies(store.db, { account_id })).toMatchObject([{ name: "Default Strategy", is_default: true, current_m2m: null }]);
    expect((await list(store.db)).map(({ account_id }) => account_id)).toEqual(["BYHAND", "XJ4540"]);
  });

  test("it is found by its id and by an alias, and not by a part of either", async () => {
    await insert(store.db, { account_id: "AB1", aliases: ["1001", "main"] });
    for (const account_id of ["AB1", "1001", "main"]) expect(await find(store.db, { account_id })).toMatchObject({ account_id: "AB1" });
    for (const account_id of ["AB", "100", "MAIN", ""]) expect(await find(store.db, { account_id })).toBeNull();
  });

  test("a name leads to one account: an id or alias taken is refused, and nothing is written", async () => {
    await insert(store.db, { account_id: "ONE", aliases: ["uno"] });
    for (const account of [
      { account_id: "ONE" },
      { account_id: "uno" },
      { account_id: "TWO", aliases: ["ONE"] },
      { account_id: "TWO", aliases: ["due", "uno"] },
    ])
      await expect(insert(store.db, account)).rejects.toMatchObject({ code: "account_exists" });
    expect(await find(store.db, { account_id: "TWO" })).toBeNull();
  });

  test("two who take one alias at once: one gets it", async () => {
    const claims = await Promise.allSettled(
      ["P1", "P2", "P3", "P4"].map((account_id) => insert(store.db, { account_id, aliases: ["prize"] })),
    );
    expect(claims.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });
});
