import { describe, expect, test } from "vitest";
import { StratctlError } from "@stratctl/sdk";
import { ACCOUNT, answering, candlesOf, legOf, strategyOf, stratctlOf, worldOf } from "../../../../test/cli/made-up.ts";
import { runAdd as addAccount, runList as listAccounts } from "./account.ts";
import { runAdd, runClose, runList as listLegs, runRemove, runUpdate } from "./leg.ts";
import { runM2m } from "./m2m.ts";
import { runMark } from "./mark.ts";
import { runQuote } from "./quote.ts";
import { runArchive, runCreate, runList, runUpdate as updateStrategy } from "./strategy.ts";

const NOTHING = { price: undefined, lotSize: undefined, note: undefined };

describe("lists", () => {
  test("are rows with tabs in a pipe, an array with --json, CSV with --csv, a table at a terminal", async () => {
    const stratctl = stratctlOf({ strategies: { list: () => Promise.resolve([strategyOf({ marked_at: null })]) } });
    const query = { status: undefined, tag: undefined, search: undefined };
    const outOf = async (given: Parameters<typeof worldOf>[1]) => {
      const { deps, out } = worldOf(stratctl, given);
      await runList(deps, query);
      return out();
    };
    expect(await outOf({})).toMatch(/^7\tCondor\tactive\tfalse\t4\t-281\.25\t6221\.25\t/);
    expect(await outOf({ output: { header: true } })).toMatch(/^strategy_id\tname\tstatus\t/);
    expect(JSON.parse(await outOf({ output: { format: "json" } }))).toEqual([strategyOf({ marked_at: null })]);
    expect(await outOf({ output: { format: "csv" } })).toMatch(/^strategy_id,name,status,.*\r\n7,Condor,active,/);
    expect(await outOf({ isTerminal: true })).toContain(" id  strategy  legs    P&L ₹    day ₹     M2M ₹");
  });

  test("that are empty are [] with --json and nothing in a pipe", async () => {
    const stratctl = stratctlOf({ accounts: { list: () => Promise.resolve([]) } });
    const json = worldOf(stratctl, { output: { format: "json" } });
    await listAccounts(json.deps);
    const pipe = worldOf(stratctl);
    await listAccounts(pipe.deps);
    expect([json.out(), pipe.out(), pipe.err()]).toEqual(["[]\n", "", ""]);
  });

  test("of legs go by the strategy's name", async () => {
    const named: unknown[] = [];
    const stratctl = stratctlOf({
      strategies: { resolve: (input) => (named.push(input), Promise.resolve(strategyOf({}))) },
      legs: { list: (key) => (named.push(key), Promise.resolve([legOf({})])) },
    });
    const { deps, out } = worldOf(stratctl);
    await listLegs(deps, { strategy: "condor" });
    expect(named).toEqual([{ strategy: "condor" }, { strategy_id: 7 }]);
    expect(out()).toMatch(/^21\tBUY\t75\tNFO:NIFTY2580724400PE\t64\.95\t/);
  });
});

describe("what is missing", () => {
  test("is named, and nothing is called, where nobody is there to ask", async () => {
    const { deps } = worldOf(stratctlOf({}));
    await expect(
      addAccount(deps, { account_id: undefined, account_name: undefined, aliases: undefined, broker: undefined, ifMissing: false }),
    ).rejects.toMatchObject({
      code: "input_invalid",
      message: "missing account",
    });
    await expect(
      runCreate(deps, { name: undefined, tags: undefined, description: undefined, type: undefined, ifMissing: false }),
    ).rejects.toMatchObject({ code: "input_invalid", message: "missing name" });
    await expect(runAdd(deps, { words: ["condor"], ...NOTHING })).rejects.toMatchObject({ message: "missing direction" });
    await expect(runMark(deps, { strategy: undefined, now: false })).rejects.toMatchObject({ message: "missing strategy" });
    await expect(runRemove(deps, { strategy: "condor", leg: undefined })).rejects.toMatchObject({ message: "missing leg" });
  });

  test("is asked for at a terminal, and only that", async () => {
    const { ask, asked } = answering("SELL", "2lots", "NIFTY2580724400PE");
    const added: unknown[] = [];
    const stratctl = stratctlOf({ legs: { add: (leg) => (added.push(leg), Promise.resolve(legOf({ direction: "SELL" }))) } });
    const { deps, out } = worldOf(stratctl, { ask, isTerminal: true });
    await runAdd(deps, { words: ["condor"], ...NOTHING, price: "64.95" });
    expect(asked).toEqual(["Direction", "Quantity (75, or 1lot)", "Instrument"]);
    expect(added).toEqual([
      {
        strategy_id: 7,
        direction: "SELL",
        tradingsymbol: "NIFTY2580724400PE",
        lots: 2,
        entry_price: 64.95,
        lot_size: undefined,
        notes: undefined,
      },
    ]);
    expect(out()).toBe("Added 21  SELL 75 (1 lot) NFO:NIFTY2580724400PE @ 64.95\n");
  });
});

describe("bad input", () => {
  const words = (quantity: string) => ["condor", "BUY", quantity, "NIFTY2580724400PE"];
  test.each([
    [{ words: words("0") }, "quantity must be a whole number above 0, not 0"],
    [{ words: words("1.5") }, "quantity must be a whole number above 0, not 1.5"],
    [{ price: "NaN" }, 'price "NaN" is not a number above 0'],
    [{ price: "1.23456" }, "price 1.23456 has more than four decimals"],
    [{ lotSize: "0" }, 'lot size must be a whole number above 0, not "0"'],
    [{ words: [...words("75"), "x", "y"] }, "too many arguments: x y"],
  ])("%j is refused before anything is opened", async (bad, message) => {
    const { deps } = worldOf(stratctlOf({ strategies: { resolve: () => Promise.reject(new Error("was opened")) } }));
    await expect(runAdd(deps, { words: words("75"), price: "1", lotSize: undefined, note: undefined, ...bad })).rejects.toMatchObject({
      code: "input_invalid",
      message,
    });
  });

  test("two lots may be two words", async () => {
    const added: unknown[] = [];
    const { deps } = worldOf(stratctlOf({ legs: { add: (leg) => (added.push(leg), Promise.resolve(legOf({}))) } }));
    await runAdd(deps, { words: ["condor", "BUY", "2", "lots", "NIFTY2580724400PE"], price: "1", lotSize: undefined, note: undefined });
    expect(added).toMatchObject([{ lots: 2, tradingsymbol: "NIFTY2580724400PE" }]);
  });

  test("nothing to change is said, and so is a leg that is no id", async () => {
    const { deps } = worldOf(stratctlOf({}));
    const none = { name: undefined, tags: undefined, description: undefined, capital: undefined, margin: undefined };
    await expect(updateStrategy(deps, { strategy: "condor", ...none })).rejects.toMatchObject({ message: "nothing to change was given" });
    const update = { strategy: "condor", leg: "21", quantity: undefined, price: undefined, lotSize: undefined, note: undefined };
    await expect(runUpdate(deps, update)).rejects.toMatchObject({ message: "nothing to change was given" });
    await expect(
      runClose(deps, { strategy: "condor", leg: "PE", quantity: undefined, price: undefined, fifo: false }),
    ).rejects.toMatchObject({
      message: 'leg must be an id, like 21, not "PE"',
    });
  });
});

test("what is left out of a change is left alone, and nothing said means unknown", async () => {
  const changes: unknown[] = [];
  const stratctl = stratctlOf({ strategies: { update: (change) => (changes.push(change), Promise.resolve(strategyOf({}))) } });
  const { deps } = worldOf(stratctl);
  await updateStrategy(deps, { strategy: "condor", name: undefined, tags: [], description: "", capital: "250000", margin: "" });
  expect(changes).toEqual([
    { strategy_id: 7, name: undefined, tags: [], description: null, total_capital_deployed: 250_000, total_margin_used: null },
  ]);
});

test("a corrected quantity in lots takes the leg's own lot size", async () => {
  const changes: unknown[] = [];
  const legs = {
    list: () => Promise.resolve([legOf({ lot_size: 65 })]),
    update: (change: unknown) => (changes.push(change), Promise.resolve(legOf({}))),
  };
  const { deps } = worldOf(stratctlOf({ legs }));
  await runUpdate(deps, { strategy: "condor", leg: "21", quantity: "2lots", price: undefined, lotSize: undefined, note: "" });
  expect(changes).toMatchObject([{ strategy_id: 7, instrument_id: 21, quantity: 130, notes: null }]);
});

test("archiving says that the candles stay", async () => {
  const { deps, out } = worldOf(stratctlOf({ strategies: { archive: () => Promise.resolve(strategyOf({ status: "archived" })) } }), {
    isTerminal: true,
  });
  await runArchive(deps, { strategy: "condor" });
  expect(out()).toBe("Archived 7  Condor; its candles stay\n");
});

describe("m2m", () => {
  const options = { strategy: "condor", day: undefined, from: undefined, to: undefined, interval: "1m" as const, chart: false };
  const candles = candlesOf(375, (minute) => minute);

  function asked(given: Partial<Parameters<typeof runM2m>[1]>, world: Parameters<typeof worldOf>[1] = {}) {
    const queries: unknown[] = [];
    const { deps, out } = worldOf(stratctlOf({ history: (query) => (queries.push(query), Promise.resolve(candles)) }), world);
    return { queries, out, run: runM2m(deps, { ...options, ...given }) };
  }

  test("asks for the day of the latest mark where no time is given", async () => {
    const { queries, run } = asked({}, { now_ms: Date.parse("2025-08-03T06:00:00Z") });
    await run;
    expect(queries).toEqual([{ strategy_id: 7, interval: "1m", day: "2025-07-31" }]);
  });

  test("takes times of the exchange on a day", async () => {
    const { queries, run } = asked({ day: "2025-07-30", from: "10:30", to: "11:30" });
    await run;
    expect(queries).toMatchObject([{ from_time: "2025-07-30T05:00:00Z", to_time: "2025-07-30T06:00:00Z" }]);
  });

  test("gives an array of candles with all their columns, with --json", async () => {
    const { run, out } = asked({}, { output: { format: "json" } });
    await run;
    expect(JSON.parse(out())).toEqual(candles);
  });

  test("gives the chart where it was asked for by name, in a pipe too", async () => {
    const { run, out } = asked({ chart: true });
    await run;
    expect(out()).toContain("┤");
    const rows = asked({});
    await rows.run;
    expect(rows.out()).toMatch(/^2025-07-31T03:45:00Z\t5940\t/);
  });
});

test("a strategy that was never marked has no row, null in JSON, and at a terminal what to do", async () => {
  const stratctl = stratctlOf({ strategies: { mark: () => Promise.resolve(null) } });
  const outs = await Promise.all(
    [{}, { output: { format: "json" as const } }, { isTerminal: true }].map(async (given) => {
      const { deps, out } = worldOf(stratctl, given);
      await runMark(deps, { strategy: "condor", now: false });
      return out();
    }),
  );
  expect(outs.slice(0, 2)).toEqual(["", "null\n"]);
  expect(outs[2]).toContain("stratctl mark Condor --now");
});

describe("quotes", () => {
  const priced = (isPriced: (instrument: string) => boolean) =>
    stratctlOf({
      quotes: {
        get: ({ i }) =>
          Promise.resolve(
            [i].flat().map((instrument) => ({
              instrument,
              at: null,
              age_ms: null,
              source: null,
              price: isPriced(instrument) ? 2 : null,
              reason: isPriced(instrument) ? null : "redis: no key",
            })),
          ),
      },
    });

  test("come in the order asked for, with the reason of what is not known", async () => {
    const { deps, out } = worldOf(priced((instrument) => instrument === "NSE:B"));
    await runQuote(deps, { instruments: ["NSE:B", "NSE:A"] });
    expect(out()).toBe("NSE:B\t2\t\t\t\t\nNSE:A\t\t\t\t\tredis: no key\n");
  });

  test.each([
    [["NSE:A"], "no price for NSE:A"],
    [["NSE:B", "NSE:A"], "none of the 2 instruments has a price"],
  ])("of %j, none with a price, are shown and then missing", async (instruments, message) => {
    const { deps, out } = worldOf(priced(() => false));
    await expect(runQuote(deps, { instruments })).rejects.toMatchObject({ code: "quote_missing", message });
    expect(out().split("\n").length).toBe(instruments.length + 1);
  });
});

test("an account that was added is told at a terminal and is a row elsewhere", async () => {
  const stratctl = stratctlOf({ accounts: { create: () => Promise.resolve(ACCOUNT) } });
  const given = { account_id: "XJ4540", account_name: undefined, aliases: undefined, broker: undefined, ifMissing: false };
  const terminal = worldOf(stratctl, { isTerminal: true });
  await addAccount(terminal.deps, given);
  const pipe = worldOf(stratctl);
  await addAccount(pipe.deps, given);
  expect(terminal.out()).toBe("Added XJ4540, with its Default Strategy\n");
  expect(pipe.out()).toBe("XJ4540\t\tzerodha\t\ttrue\t2025-07-01T04:00:00Z\t2025-07-01T04:00:00Z\n");
});

test("an account that is there already is answered as it is with --if-missing, and refused without", async () => {
  const stratctl = stratctlOf({
    accounts: {
      create: () => Promise.reject(new StratctlError("account_exists", "account XJ4540 exists already")),
      get: ({ account_id }) => Promise.resolve({ ...ACCOUNT, account_name: `found ${account_id}` }),
    },
  });
  const given = { account_id: "XJ4540", account_name: undefined, aliases: undefined, broker: undefined };
  const { deps, out } = worldOf(stratctl);
  await addAccount(deps, { ...given, ifMissing: true });
  expect(out()).toContain("XJ4540\tfound XJ4540\t");
  const terminal = worldOf(stratctl, { isTerminal: true });
  await addAccount(terminal.deps, { ...given, ifMissing: true });
  expect(terminal.out()).toBe("XJ4540 is there already\n");
  await expect(addAccount(deps, { ...given, ifMissing: false })).rejects.toMatchObject({ code: "account_exists" });
});

describe("a day without a session", () => {
  const of = async (day: string) => {
    const { deps, out } = worldOf(stratctlOf({ history: () => Promise.resolve([]) }), {
      isTerminal: true,
      now_ms: Date.parse("2026-11-25T10:00:00Z"),
    });
    await runM2m(deps, { strategy: "condor", day, from: undefined, to: undefined, interval: "1m", chart: false });
    return out();
  };

  test("is named in the heading and where there is nothing", async () => {
    expect(await of("2026-10-02")).toContain("Fri 2 Oct 2026, no session · 1 min");
    expect(await of("2026-10-02")).toContain("no candles for Fri 2 Oct 2026: no session that day");
    expect(await of("2026-10-02")).not.toContain("not listed");
  });

  test("of a year without a list of holidays may be one, and that is said", async () => {
    expect(await of("2025-08-15")).toContain("no candles for Fri 15 Aug 2025 (holidays of 2025 are not listed)");
    expect(await of("2025-07-31")).not.toContain("not listed");
  });
});
