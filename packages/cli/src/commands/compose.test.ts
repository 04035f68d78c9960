import { describe, expect, test } from "vitest";
import { StratctlError, type Leg } from "@stratctl/sdk";
import { answering, legOf, strategyOf, stratctlOf, worldOf } from "../../../../test/cli/made-up.ts";
import type { Ask } from "../terminal/prompt.ts";
import { runCreate } from "./strategy.ts";

describe("a strategy composed at a terminal", () => {
  const quote = { instrument: "NFO:NIFTY2580724400PE", price: 64.95, at: null, age_ms: 1000, source: "redis", reason: null };
  const answers = () => answering("Condor", "condor, weekly", "buy 1lot NIFTY2580724400PE", "", "SELL 75 NIFTY2580724600PE", "111.95", "");

  function worldWith(ask: Ask, { legs_max = Number.POSITIVE_INFINITY, isGone = false } = {}) {
    const calls: unknown[] = [];
    const legs: Leg[] = [];
    const goneOr = <T>(answer: T): Promise<T> =>
      isGone ? Promise.reject(new StratctlError("database_unreachable", "database does not answer: here")) : Promise.resolve(answer);
    const stratctl = stratctlOf({
      strategies: {
        resolve: () => Promise.reject(new StratctlError("strategy_unknown", "none")),
        create: (strategy) => (calls.push(strategy), Promise.resolve(strategyOf({ instrument_count: 0 }))),
        archive: (key) => (calls.push({ archived: key.strategy_id }), goneOr(strategyOf({ status: "archived" }))),
      },
      legs: {
        remove: (key) => (calls.push({ removed: key.instrument_id }), goneOr(legOf({}))),
        add: (leg) => {
          if (legs.length >= legs_max) return Promise.reject(new StratctlError("database_refused", "database refused: disk full"));
          calls.push(leg);
          legs.push(legOf({ direction: leg.direction === "SELL" ? "SELL" : "BUY", entry_price: leg.entry_price ?? 0 }));
          return Promise.resolve(legs.at(-1) ?? legOf({}));
        },
      },
      quotes: { get: () => Promise.resolve([quote]) },
    });
    return { ...worldOf(stratctl, { ask, isTerminal: true }), calls };
  }

  const create = { name: undefined, tags: undefined, description: undefined, type: undefined, ifMissing: false };

  test("judges what came as flags before anything is asked", async () => {
    const { ask, asked } = answers();
    const { deps } = worldWith(ask);
    await expect(runCreate(deps, { ...create, description: "x".repeat(2001) })).rejects.toMatchObject({ code: "input_invalid" });
    await expect(runCreate(deps, { ...create, tags: [" "] })).rejects.toMatchObject({ code: "input_invalid" });
    expect(asked).toEqual([]);
  });

  test("asks name, tags and legs, and shows what each leg is", async () => {
    const { ask } = answers();
    const { deps, out, err, calls } = worldWith(ask);
    await runCreate(deps, create);
    expect(err()).toContain("NFO:NIFTY2580724400PE · put 24,400 · expires Thu 7 Aug 2025 · last 64.95 (1s)\n");
    expect(calls).toMatchObject([
      { name: "Condor", tags: ["condor", "weekly"] },
      { strategy_id: 7, direction: "buy", lots: 1, tradingsymbol: "NFO:NIFTY2580724400PE", entry_price: 64.95 },
      { strategy_id: 7, direction: "SELL", quantity: 75, entry_price: 111.95 },
    ]);
    expect(out()).toBe("Created 7  Condor, 2 legs, entry value 3,525.00 (credit)\n");
  });

  test("writes nothing before the last answer", async () => {
    const { ask } = answering("Condor", "", "BUY 1lot NIFTY2580724400PE");
    const { deps, calls } = worldWith(ask);
    await expect(runCreate(deps, create)).rejects.toThrow("nobody answers");
    expect(calls).toEqual([]);
  });

  test("takes back what was made where a leg is refused all the same, and says so", async () => {
    const { deps, out, err, calls } = worldWith(answers().ask, { legs_max: 1 });
    await expect(runCreate(deps, create)).rejects.toMatchObject({ message: "database refused: disk full" });
    expect(err()).toContain("\nCondor (7) was taken back: it is archived, without legs\n");
    expect(calls.slice(2)).toEqual([{ removed: 21 }, { archived: 7 }]);
    expect(out()).toBe("");
  });

  test("says what is left where it cannot be taken back", async () => {
    const { deps, err } = worldWith(answers().ask, { legs_max: 1, isGone: true });
    await expect(runCreate(deps, create)).rejects.toMatchObject({ message: "database refused: disk full" });
    expect(err()).toContain("\nCondor (7) is there with 1 leg, and could not be taken back: database does not answer: here\n");
  });

  test.each([
    ["BUY 1lot M&M26DECFUT", "the lot size of NFO:M&M26DECFUT is not known; give the quantity in units, like BUY 75"],
    ["BUY 2147483647lots NIFTY2580724400PE", "are more units than a leg can have"],
  ])("asks again for %j, which would be refused later", async (leg, why) => {
    const { ask } = answering("Condor", "", leg);
    const { deps, calls } = worldWith(ask);
    await expect(runCreate(deps, create)).rejects.toThrow(why);
    expect(calls).toEqual([]);
  });

  test.each([
    [["BUY 75 NIFTY2580724400PE", "400000000000"]],
    [["BUY 1 NIFTY2580724400PE", "400000000000", "SELL 1 NIFTY2580724600PE", "400000000000"]],
  ])("asks again for a price with which the legs cost more than can be kept: %j", async (typed) => {
    const { ask } = answering("Condor", "", ...typed);
    await expect(runCreate(worldWith(ask).deps, create)).rejects.toThrow("the legs would cost more than 5,00,00,00,00,000 rupees together");
  });

  test.each([
    [["x".repeat(201)], "is longer than 200 characters"],
    [["Condor", Array.from({ length: 51 }, (_, tag) => `t${tag}`).join(",")], "tags must be at most 50 entries"],
  ])("judges name and tags by the SDK's own rules as they are typed", async (typed, why) => {
    await expect(runCreate(worldWith(answering(...typed).ask).deps, create)).rejects.toThrow(why);
  });

  test.each(["12", " "])("does not take %j for a name", async (name) => {
    const { ask } = answering(name);
    await expect(runCreate(worldWith(ask).deps, create)).rejects.toThrow("was not taken");
  });

  test.each(["BUY NIFTY", "BUY 0 NIFTY2580724400PE", "HOLD 1 NIFTY2580724400PE", "BUY 1 FOO"])(
    "does not take %j for a leg",
    async (leg) => {
      const { ask } = answering("Condor", "", leg);
      await expect(runCreate(worldWith(ask).deps, create)).rejects.toThrow("was not taken");
    },
  );
});
