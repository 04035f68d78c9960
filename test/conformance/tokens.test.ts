import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, type Stratctl } from "../../packages/sdk/src/index.ts";
import { refused } from "../support/refused.ts";
import { startTicker, type Ticker } from "../support/ticker.ts";
import { DOORS, type Door } from "./doors.ts";

/** What only a token can be refused, as a script meets it; and calls that meet each other. */

let ticker: Ticker;
let door: Door;
let all: Stratctl;
const [, , overHttp] = DOORS;

beforeAll(async () => {
  if (overHttp === undefined) throw new Error("there is no door over HTTP");
  ticker = await startTicker();
  door = await overHttp[1](ticker);
  all = await door.open();
  await all.accounts.create({ account_id: "XJ4540", aliases: ["4711"] });
  await all.accounts.create({ account_id: "ZZ0001" });
});
afterAll(async () => {
  await all?.close();
  await door?.close();
  await ticker?.[Symbol.asyncDispose]();
});

test("a token for one account sees that one and no other", async () => {
  const token = await door.api?.token({ accounts: ["4711"] });
  await using own = await connect({ url: door.api?.url, token });
  expect((await own.accounts.list({})).map(({ account_id }) => account_id)).toEqual(["XJ4540"]);
  expect(await own.accounts.get({})).toMatchObject({ account_id: "XJ4540" });
  const theirs = await all.strategies.create({ account_id: "ZZ0001", name: "Theirs" });
  await refused(own.strategies.get({ strategy_id: theirs.strategy_id }), "strategy_unknown", `no strategy ${theirs.strategy_id}`);
  for (const account_id of ["ZZ0001", "NOBODY"])
    await refused(own.strategies.list({ account_id }), "account_forbidden", `account "${account_id}" is none that this token may use`);
});

test("a token that may look changes nothing", async () => {
  await using reader = await connect({ url: door.api?.url, token: await door.api?.token({ scopes: ["read"] }), account_id: "XJ4540" });
  expect(await reader.strategies.list({})).toHaveLength(1);
  await refused(reader.strategies.create({ name: "x" }), "scope_missing", 'this needs a token with the scope "trade"');
});

test("no token, and one that is none, are refused", async () => {
  await using nobody = await connect({ url: door.api?.url });
  await refused(nobody.accounts.list({}), "token_required");
  await using stranger = await connect({ url: door.api?.url, token: "made-up" });
  await refused(stranger.accounts.list({}), "token_invalid");
});

test("twenty calls under one key at once add one strategy", async () => {
  const make = (): Promise<{ strategy_id: number }> =>
    all.strategies.create({ account_id: "XJ4540", name: "Once" }, { idempotency_key: "at-once" });
  const outcomes = await Promise.allSettled(Array.from({ length: 20 }, make));
  const ids = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value.strategy_id] : []));
  const codes = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [String(outcome.reason.code)] : []));
  expect(new Set(ids).size).toBe(1);
  expect(codes.filter((code) => code !== "idempotency_in_use")).toEqual([]);
  expect(await make()).toMatchObject({ strategy_id: ids[0] });
  expect((await all.strategies.list({ account_id: "XJ4540", search: "Once" })).length).toBe(1);
});
