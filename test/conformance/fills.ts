import { UNKNOWN_ACCOUNT } from "./accounts-strategies.ts";
import { CE, NOBODY, PE, strangers } from "./legs-history.ts";
import { refusal, type Step } from "./world.ts";

const trade = { tradingsymbol: CE, side: "BUY" as const, quantity: 75, price: 100 };

/** Entries and exits, moves, and what has expired. */
export const FILLS: readonly Step[] = [
  ...(["Traded", "Beside", "Gone"] as const).map((name): Step => ({
    call: "strategies.create",
    what: `for fills: ${name}`,
    run: ({ api }) => api.strategies.create({ account_id: "XJ4540", name }),
    tells: { name },
    keep: name,
  })),
  {
    call: "strategies.fills.add",
    what: "a trade, again under its id and under one key",
    run: async ({ api }, id) => {
      const add = (): Promise<unknown> =>
        api.strategies.fills.add({ strategy_id: id("Traded"), ...trade, external_id: "T1" }, { idempotency_key: "fill-1" });
      const told = [await add(), await add()];
      return [...told, await api.strategies.fills.add({ strategy_id: id("Traded"), ...trade, external_id: "T1" })];
    },
    tells: Array.from({ length: 3 }, () => ({
      fills: [{ instrument: CE, side: "BUY", value: 7500, realized_pnl: null }],
      legs: [{ quantity: 75 }],
    })),
  },
  {
    call: "strategies.fills.add",
    what: "another under its id",
    run: ({ api }, id) => api.strategies.fills.add({ strategy_id: id("Traded"), ...trade, quantity: 76, external_id: "T1" }),
    tells: refusal("fill_exists", "T1"),
  },
  {
    call: "strategies.fills.add",
    what: "not another under that key",
    run: ({ api }, id) => api.strategies.fills.add({ strategy_id: id("Traded"), ...trade }, { idempotency_key: "fill-1" }),
    tells: refusal("idempotency_conflict"),
  },
  {
    call: "strategies.fills.add",
    what: "through zero",
    run: ({ api }, id) => api.strategies.fills.add({ strategy_id: id("Traded"), ...trade, side: "SELL", quantity: 100, price: 110 }),
    tells: {
      fills: [
        { quantity: 75, realized_pnl: 750, cost_method: "average" },
        { quantity: 25, realized_pnl: null },
      ],
      legs: [{}, { direction: "SELL" }],
    },
  },
  {
    call: "strategies.fills.add",
    what: "of no instrument",
    run: ({ api }, id) => api.strategies.fills.add({ strategy_id: id("Traded"), ...trade, tradingsymbol: "NIFTY25X" }),
    tells: refusal("instrument_invalid"),
  },
  {
    call: "strategies.fills.add",
    what: "for more than money",
    run: ({ api }, id) => api.strategies.fills.add({ strategy_id: id("Traded"), ...trade, quantity: 2_000_000_000, price: 1e6 }),
    tells: refusal("money_too_large"),
  },
  ...strangers("strategies.fills.add", ({ api }, key) => api.strategies.fills.add({ ...key, ...trade })),
  {
    call: "strategies.mark",
    what: "that realized more than money",
    run: async ({ api }) => {
      const { strategy_id } = await api.strategies.create({ account_id: "XJ4540", name: "Beyond money" });
      const held = { ...trade, quantity: 2_000_000_000 };
      for (let n = 0; n < 2; n += 1) {
        await api.strategies.fills.add({ strategy_id, ...held, price: 0.05 });
        await api.strategies.fills.add({ strategy_id, ...held, side: "SELL", price: 200 });
      }
      return api.strategies.mark({ strategy_id, now: true });
    },
    tells: refusal("money_too_large", "realized_pnl"),
  },
  {
    call: "strategies.legs.close",
    what: "a part of one",
    run: async ({ api }, id) => {
      const { legs } = await api.strategies.fills.add({ strategy_id: id("Beside"), ...trade, quantity: 100 });
      return api.strategies.legs.close({ strategy_id: id("Beside"), instrument_id: legs[0]?.id ?? 0, quantity: 25, exit_price: 101.5 });
    },
    tells: { quantity: 25, exit_value: 2537.5, current_pnl: 37.5, closed_by: "fill" },
    keep: "part",
  },
  {
    call: "strategies.legs.list",
    what: "with the part beside it",
    run: async ({ api }, id) => {
      const legs = await api.strategies.legs.list({ strategy_id: id("Beside") });
      return legs.find(({ closed_at }) => closed_at === null);
    },
    tells: { quantity: 75, cost: 7500, cost_method: "average" },
    keep: "rest",
  },
  {
    call: "strategies.legs.update",
    what: "one that was traded in parts",
    run: ({ api }, id) => api.strategies.legs.update({ strategy_id: id("Beside"), instrument_id: id("rest"), quantity: 10 }),
    tells: refusal("leg_has_fills"),
  },
  {
    call: "strategies.legs.remove",
    what: "one that was traded in parts",
    run: ({ api }, id) => api.strategies.legs.remove({ strategy_id: id("Beside"), instrument_id: id("rest") }),
    tells: refusal("leg_has_fills"),
  },
  {
    call: "strategies.legs.move",
    what: "a part of it, again under one key",
    run: async ({ api }, id) => {
      const move = (): Promise<unknown> =>
        api.strategies.legs.move(
          { strategy_id: id("Beside"), instrument_id: id("rest"), to_strategy_id: id("Traded"), quantity: 25 },
          { idempotency_key: "move-1" },
        );
      return [await move(), await move()];
    },
    tells: [{ quantity: 25, cost: 2500, closed_at: null }, { quantity: 25 }],
  },
  {
    call: "strategies.legs.move",
    what: "not another under that key",
    run: ({ api }, id) =>
      api.strategies.legs.move(
        { strategy_id: id("Beside"), instrument_id: id("rest"), to_strategy_id: id("Traded"), quantity: 26 },
        { idempotency_key: "move-1" },
      ),
    tells: refusal("idempotency_conflict"),
  },
  {
    call: "strategies.legs.move",
    what: "more than there is",
    run: ({ api }, id) =>
      api.strategies.legs.move({ strategy_id: id("Beside"), instrument_id: id("rest"), to_strategy_id: id("Traded"), quantity: 51 }),
    tells: refusal("input_invalid", "has 50 units"),
  },
  {
    call: "strategies.legs.move",
    what: "where it is",
    run: ({ api }, id) => api.strategies.legs.move({ strategy_id: id("Beside"), instrument_id: id("rest"), to_strategy_id: id("Beside") }),
    tells: refusal("input_invalid", "there already"),
  },
  {
    call: "strategies.legs.move",
    what: "what is closed",
    run: ({ api }, id) => api.strategies.legs.move({ strategy_id: id("Beside"), instrument_id: id("part"), to_strategy_id: id("Traded") }),
    tells: refusal("leg_closed"),
  },
  {
    call: "strategies.legs.move",
    what: "no such leg",
    run: ({ api }, id) => api.strategies.legs.move({ strategy_id: id("Beside"), instrument_id: 999_999, to_strategy_id: id("Traded") }),
    tells: refusal("leg_unknown"),
  },
  ...strangers("strategies.legs.move", ({ api }, key) => api.strategies.legs.move({ ...key, instrument_id: 1, to_strategy_id: 1 })),
  {
    call: "strategies.fills.list",
    what: "in the order of time",
    run: ({ api }, id) => api.strategies.fills.list({ strategy_id: id("Traded") }),
    tells: [{ source: "fill" }, { source: "fill" }, { source: "fill" }, { source: "move", value: 2500 }],
  },
  ...strangers("strategies.fills.list", ({ api }, key) => api.strategies.fills.list(key)),
  {
    call: "strategies.close",
    what: "at quotes that are not there, for more than money, and at those that are; again under one key",
    run: async ({ api }, id) => {
      const close = (): Promise<unknown> => api.strategies.close({ strategy_id: id("Beside") }, { idempotency_key: "close-all" });
      return [await close(), await close()];
    },
    tells: [[{ exit_price: 97.35, quantity: 50, current_pnl: -132.5 }], [{ exit_price: 97.35 }]],
  },
  {
    call: "strategies.close",
    what: "not another under that key",
    run: ({ api }, id) => api.strategies.close({ strategy_id: id("Traded") }, { idempotency_key: "close-all" }),
    tells: refusal("idempotency_conflict"),
  },
  {
    call: "strategies.close",
    what: "at a quote that nobody has: none is closed",
    run: async ({ api, ticker }, id) => {
      await api.strategies.fills.add({ strategy_id: id("Traded"), ...trade, tradingsymbol: PE, price: 106 });
      ticker.prices.delete(PE);
      try {
        return await api.strategies.close({ strategy_id: id("Traded") });
      } finally {
        ticker.prices.set(PE, 106.2);
      }
    },
    tells: refusal("quote_missing", PE),
  },
  {
    call: "strategies.close",
    what: "for more than money: none is closed",
    run: async ({ api, ticker }, id) => {
      ticker.prices.set(PE, 400_000_000_000);
      try {
        return await api.strategies.close({ strategy_id: id("Traded") });
      } finally {
        ticker.prices.set(PE, 106.2);
      }
    },
    tells: refusal("money_too_large"),
  },
  ...strangers("strategies.close", ({ api }, key) => api.strategies.close(key)),
  {
    call: "strategies.archive",
    what: "a mistake undone",
    run: async ({ api }, id) => {
      await api.strategies.fills.add({ strategy_id: id("Gone"), ...trade });
      return api.strategies.archive({ strategy_id: id("Gone"), move_to_default: true });
    },
    tells: { status: "archived", instrument_count: 0 },
  },
  {
    call: "strategies.close",
    what: "an archived one",
    run: ({ api }, id) => api.strategies.close({ strategy_id: id("Gone") }),
    tells: refusal("strategy_archived"),
  },
  {
    call: "strategies.fills.add",
    what: "to an archived one",
    run: ({ api }, id) => api.strategies.fills.add({ strategy_id: id("Gone"), ...trade }),
    tells: refusal("strategy_archived"),
  },
  {
    call: "strategies.legs.move",
    what: "to an archived one",
    run: async ({ api }, id) => {
      const [leg] = await api.strategies.legs.list({ strategy_id: id("Traded") });
      return api.strategies.legs.move({ strategy_id: id("Traded"), instrument_id: leg?.id ?? 0, to_strategy_id: id("Gone") });
    },
    tells: refusal("strategy_archived"),
  },
  {
    call: "settle",
    what: "what has expired, once",
    run: async ({ api }, id) => {
      const add = { strategy_id: id("Traded"), tradingsymbol: "NFO:NIFTY2573124600CE", side: "SELL" as const, quantity: 75, price: 80 };
      await api.strategies.fills.add({ ...add, at: "2025-07-30T04:00:00Z" });
      const day = "2025-07-31";
      return [
        await api.settle({ account_id: "XJ4540" }),
        await api.settle({ account_id: "XJ4540", closes: { nifty: 24_631.35 }, day }),
        await api.settle({ account_id: "XJ4540", closes: { NIFTY: 24_640 }, day }),
        await api.settle({ account_id: "XJ4540", closes: { NIFTY: 24_640 }, day, correct: true }),
      ];
    },
    tells: [
      { settled: [], open: [{ expiry: "2025-07-31", reason: "the closing figure of NIFTY on 2025-07-31 is not known" }] },
      {
        settled: [
          { exit_price: 31.35, closed_by: "settlement", closed_at: "2025-07-31T10:00:00Z", current_pnl: 3648.75, is_delivered: false },
        ],
      },
      { settled: [], open: [], replaced: [], differing: [{ kept: 24_631.35, given: 24_640 }] },
      { settled: [{ exit_price: 40, current_pnl: 3000 }], open: [], replaced: [{ was: 24_631.35, given: 24_640 }], differing: [] },
    ],
  },
  {
    call: "settle",
    what: "by two figures of one underlying",
    run: ({ api }) => api.settle({ account_id: "XJ4540", closes: { NIFTY: 24_640, nifty: 24_650 }, day: "2025-07-31" }),
    tells: refusal("input_invalid", "has NIFTY twice"),
  },
  {
    call: "settle",
    what: "by a figure of a session that has not ended",
    run: ({ api }) => api.settle({ account_id: "XJ4540", closes: { NIFTY: 24_640 }, day: "2099-07-31" }),
    tells: refusal("input_invalid", "has not ended for NIFTY"),
  },
  {
    call: "settle",
    what: "for more than money",
    run: async ({ api, other }) => {
      const { strategy_id } = await other.strategies.create({ name: "Much" });
      const future = { tradingsymbol: "NFO:NIFTY25JULFUT", side: "BUY" as const, quantity: 2_000_000_000, price: 0.01 };
      await other.strategies.fills.add({ strategy_id, ...future, at: "2025-07-30T04:00:00Z" });
      return api.settle({ account_id: "ZZ0001", closes: { NIFTY: 24_631.35 }, day: "2025-07-31" });
    },
    tells: refusal("money_too_large"),
  },
  { call: "settle", what: "of which account?", run: ({ api }) => api.settle({}), tells: refusal("account_required") },
  { call: "settle", what: "of nobody", run: ({ api }) => api.settle(NOBODY), tells: UNKNOWN_ACCOUNT },
];
