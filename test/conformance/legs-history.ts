import type { MinuteCandle, StratctlError } from "../../packages/sdk/src/index.ts";
import { batchOf, upsertMany } from "../../packages/sdk/src/store/candle.ts";
import { UNKNOWN_ACCOUNT } from "./accounts-strategies.ts";
import { all, refusal, type Step } from "./world.ts";

/** Expire far ahead, whenever this runs. */
export const CE = "NFO:NIFTY49D2825000CE";
export const PE = "NFO:NIFTY49D2824600PE";
export const PRICES = { [CE]: 97.35, [PE]: 106.2 };

const leg = { tradingsymbol: CE, direction: "sell", quantity: 75, entry_price: 100.05 };
export const NOBODY = { account_id: "NOBODY" };

/** What every call about a strategy refuses: one that is not there, another account's, an account that is not there. */
export function strangers(
  call: string,
  run: (world: Parameters<Step["run"]>[0], key: { account_id?: string; strategy_id: number }) => Promise<unknown>,
): Step[] {
  return [
    {
      call,
      what: "of no strategy",
      run: (world) => run(world, { strategy_id: 999_999 }),
      tells: refusal("strategy_unknown", "no strategy 999999"),
    },
    {
      call,
      what: "of another account's",
      run: (world, id) => run(world, { account_id: "ZZ0001", strategy_id: id("legs") }),
      tells: refusal("strategy_unknown", "in ZZ0001"),
    },
    { call, what: "of nobody's", run: (world, id) => run(world, { ...NOBODY, strategy_id: id("legs") }), tells: UNKNOWN_ACCOUNT },
  ];
}

/** What every call that changes a leg refuses besides. */
function unchangeable(
  call: string,
  run: (world: Parameters<Step["run"]>[0], key: { strategy_id: number; instrument_id: number }) => Promise<unknown>,
): Step[] {
  return [
    ...strangers(call, (world, key) => run(world, { ...key, instrument_id: 1 })),
    {
      call,
      what: "no such leg",
      run: (world, id) => run(world, { strategy_id: id("legs"), instrument_id: 999_999 }),
      tells: refusal("leg_unknown"),
    },
    {
      call,
      what: "a closed leg",
      run: (world, id) => run(world, { strategy_id: id("legs"), instrument_id: id("closed") }),
      tells: refusal("leg_closed"),
    },
    {
      call,
      what: "a leg of an archived strategy",
      run: (world, id) => run(world, { strategy_id: id("shelved"), instrument_id: id("shelved leg") }),
      tells: refusal("strategy_archived"),
    },
  ];
}

/** Legs, marks, quotes and histories. */
export const LEGS_AND_HISTORY: readonly Step[] = [
  {
    call: "strategies.create",
    what: "for legs",
    run: ({ api }) => api.strategies.create({ account_id: "XJ4540", name: "Legs" }),
    tells: { name: "Legs" },
    keep: "legs",
  },
  {
    call: "strategies.legs.add",
    what: "at a price",
    run: ({ api }, id) => api.strategies.legs.add({ strategy_id: id("legs"), ...leg, notes: "by hand & more" }),
    tells: {
      instrument: CE,
      direction: "SELL",
      quantity: 75,
      entry_price: 100.05,
      cost: 7503.75,
      strike: 25_000,
      expiry: "2049-12-28",
      notes: "by hand & more",
    },
    keep: "closed",
  },
  {
    call: "strategies.legs.add",
    what: "in lots, at the quote",
    run: ({ api }, id) =>
      api.strategies.legs.add({
        strategy_id: id("legs"),
        tradingsymbol: "NIFTY49D2824600PE",
        exchange: "nfo",
        direction: "BUY",
        lots: 2,
        lot_size: 75,
      }),
    tells: { instrument: PE, quantity: 150, lot_size: 75, entry_price: 106.2, cost: 15_930 },
    keep: "open",
  },
  {
    call: "strategies.legs.add",
    what: "again under one key",
    run: async ({ api }, id) => {
      const add = (quantity: number): Promise<{ id: number }> =>
        api.strategies.legs.add({ strategy_id: id("legs"), ...leg, quantity }, { idempotency_key: "leg-1" });
      const [one, two] = [await add(10), await add(10)];
      await api.strategies.legs.remove({ strategy_id: id("legs"), instrument_id: one.id });
      return { same: one.id === two.id };
    },
    tells: { same: true },
  },
  {
    call: "strategies.legs.add",
    what: "not another under that key",
    run: ({ api }, id) => api.strategies.legs.add({ strategy_id: id("legs"), ...leg, quantity: 11 }, { idempotency_key: "leg-1" }),
    tells: refusal("idempotency_conflict"),
  },
  {
    call: "strategies.legs.add",
    what: "every bad field at once",
    run: ({ api }, id) =>
      api.strategies.legs.add({ strategy_id: id("legs"), tradingsymbol: " ", direction: "HOLD", quantity: -1, entry_price: 0.000_01 }),
    tells: refusal("input_invalid", "tradingsymbol"),
  },
  {
    call: "strategies.legs.add",
    what: "no instrument",
    run: ({ api }, id) => api.strategies.legs.add({ strategy_id: id("legs"), ...leg, tradingsymbol: "NIFTY25X" }),
    tells: refusal("instrument_invalid"),
  },
  {
    call: "strategies.legs.add",
    what: "in lots that nobody knows",
    run: ({ api }, id) =>
      api.strategies.legs.add({ strategy_id: id("legs"), tradingsymbol: "NFO:ABC49D2824600PE", direction: "BUY", lots: 1, entry_price: 5 }),
    tells: refusal("lot_size_unknown"),
  },
  {
    call: "strategies.legs.add",
    what: "at a quote that nobody has",
    run: ({ api }, id) =>
      api.strategies.legs.add({ strategy_id: id("legs"), tradingsymbol: "NFO:NIFTY49D2820000PE", direction: "BUY", quantity: 75 }),
    tells: refusal("quote_missing", "no price to enter NFO:NIFTY49D2820000PE at"),
  },
  {
    call: "strategies.legs.add",
    what: "worth more than money",
    run: ({ api }, id) => api.strategies.legs.add({ strategy_id: id("legs"), ...leg, quantity: 2_000_000_000, entry_price: 1e6 }),
    tells: refusal("money_too_large"),
  },
  {
    call: "strategies.create",
    what: "for the shelf",
    run: ({ api }) => api.strategies.create({ account_id: "XJ4540", name: "Shelved" }),
    tells: {},
    keep: "shelved",
  },
  {
    call: "strategies.legs.add",
    what: "before it is shelved",
    run: ({ api }, id) => api.strategies.legs.add({ strategy_id: id("shelved"), ...leg }),
    tells: {},
    keep: "shelved leg",
  },
  {
    call: "strategies.legs.add",
    what: "to an archived strategy",
    run: async ({ api }, id) => {
      await api.strategies.archive({ strategy_id: id("shelved") });
      return api.strategies.legs.add({ strategy_id: id("shelved"), ...leg });
    },
    tells: refusal("strategy_archived"),
  },
  ...strangers("strategies.legs.add", ({ api }, key) => api.strategies.legs.add({ ...key, ...leg })),
  {
    call: "strategies.legs.close",
    what: "at a price, again under one key",
    run: async ({ api }, id) => {
      const close = (): Promise<unknown> =>
        api.strategies.legs.close(
          { strategy_id: id("legs"), instrument_id: id("closed"), exit_price: 97.35 },
          { idempotency_key: "close-1" },
        );
      return [await close(), await close()];
    },
    tells: [{ exit_price: 97.35, current_pnl: 202.5, current_price: null }, { exit_price: 97.35 }],
  },
  {
    call: "strategies.legs.close",
    what: "not another under that key",
    run: ({ api }, id) =>
      api.strategies.legs.close({ strategy_id: id("legs"), instrument_id: id("open"), exit_price: 1 }, { idempotency_key: "close-1" }),
    tells: refusal("idempotency_conflict"),
  },
  ...unchangeable("strategies.legs.close", ({ api }, key) => api.strategies.legs.close({ ...key, exit_price: 1 })),
  ...unchangeable("strategies.legs.update", ({ api }, key) => api.strategies.legs.update({ ...key, entry_price: 5 })),
  ...unchangeable("strategies.legs.remove", ({ api }, key) => api.strategies.legs.remove(key)),
  {
    call: "strategies.legs.update",
    what: "an open one",
    run: ({ api }, id) =>
      api.strategies.legs.update({ strategy_id: id("legs"), instrument_id: id("open"), quantity: 225, lot_size: null, notes: null }),
    tells: { quantity: 225, lot_size: null, notes: null, cost: 23_895 },
  },
  {
    call: "strategies.legs.update",
    what: "to more than money",
    run: ({ api }, id) =>
      api.strategies.legs.update({ strategy_id: id("legs"), instrument_id: id("open"), quantity: 2_000_000_000, entry_price: 1e6 }),
    tells: refusal("money_too_large"),
  },
  {
    call: "strategies.legs.close",
    what: "for more than money",
    run: ({ api }, id) => api.strategies.legs.close({ strategy_id: id("legs"), instrument_id: id("open"), exit_price: 400_000_000_000 }),
    tells: refusal("money_too_large"),
  },
  {
    call: "strategies.legs.close",
    what: "at a quote that is gone",
    run: async ({ api, ticker }, id) => {
      ticker.prices.delete(PE);
      try {
        return await api.strategies.legs.close({ strategy_id: id("legs"), instrument_id: id("open") });
      } finally {
        ticker.prices.set(PE, 106.2);
      }
    },
    tells: refusal("quote_missing"),
  },
  {
    call: "strategies.legs.remove",
    what: "one that was a mistake",
    run: async ({ api }, id) => {
      const { id: instrument_id } = await api.strategies.legs.add({ strategy_id: id("legs"), ...leg });
      return api.strategies.legs.remove({ strategy_id: id("legs"), instrument_id });
    },
    tells: { instrument: CE, quantity: 75 },
  },
  {
    call: "strategies.legs.list",
    what: "open ones first",
    run: ({ api }, id) => api.strategies.legs.list({ strategy_id: id("legs") }),
    tells: [
      { instrument: PE, exit_price: null },
      { instrument: CE, exit_price: 97.35 },
    ],
  },
  ...strangers("strategies.legs.list", ({ api }, key) => api.strategies.legs.list(key)),
  {
    call: "strategies.get",
    what: "with its legs",
    run: ({ api }, id) => api.strategies.get({ strategy_id: id("legs"), include: "legs" }),
    tells: { instrument_count: 1, legs: [{ instrument: PE }, { instrument: CE }] },
  },
  {
    call: "strategies.mark",
    what: "at the prices of now",
    run: ({ api }, id) => api.strategies.mark({ strategy_id: id("legs"), now: true }),
    tells: { m2m: -23_895, entry_value: -23_895, realized_pnl: 202.5, unrealized_pnl: 0, pnl: 202.5, priced: 1, reason: null },
  },
  {
    call: "strategies.mark",
    what: "that was never written",
    run: ({ api }, id) => api.strategies.mark({ strategy_id: id("legs"), now: "false" }),
    tells: null,
  },
  ...strangers("strategies.mark", ({ api }, key) => api.strategies.mark(key)),
  {
    call: "quotes.get",
    what: "in the order asked for, with why where there is none",
    run: ({ api }) => api.quotes.get({ i: ["NSE:M&M", "NIFTY49D2825000CE"] }),
    tells: [
      { instrument: "NSE:M&M", price: null, at: null, source: null },
      { instrument: CE, price: 97.35, source: "ticker", reason: null },
    ],
  },
  { call: "quotes.get", what: "one", run: ({ api }) => api.quotes.get({ i: CE }), tells: [{ instrument: CE }] },
  {
    call: "quotes.get",
    what: "what is no instrument",
    run: ({ api }) => api.quotes.get({ i: "NIFTY25X" }),
    tells: refusal("instrument_invalid"),
  },
  {
    call: "quotes.get",
    what: "nothing",
    run: ({ api }) => api.quotes.get({ i: ["NSE:A", " "] }),
    tells: refusal("input_invalid", "is empty"),
  },
  {
    call: "strategies.m2m.history",
    what: "a day",
    run: async ({ api, database }, id) => {
      const minutes = [0, 1, 2, 5, 374].map((minute) => candle(id("legs"), Date.parse("2025-07-31T03:45:00Z") + minute * 60_000, minute));
      await upsertMany(database, batchOf(minutes, "live"), { overwrite: false });
      return api.strategies.m2m.history({ strategy_id: id("legs"), day: "2025-07-31" });
    },
    tells: [
      { open: -100 },
      { timestamp: "2025-07-31T03:46:00Z", open: -99, high: -94.25, low: -109, close: -97, sampled: "000000000000003" },
      {},
      {},
      {},
    ],
  },
  {
    call: "strategies.m2m.history",
    what: "a range in any of the ways to write it, of the P&L, rolled up, the first so many",
    run: async ({ api }, id) => {
      const key = { strategy_id: id("legs") };
      const { history } = api.strategies.m2m;
      return [
        await history({ ...key, from_time: "2025-07-31T09:16:00+05:30", to_time: 1_753_933_620 }),
        await history({ ...key, from_time: "1753933560000", to_time: "1753933620", basis: "pnl" }),
        await history({ ...key, day: "2025-07-31", interval: "5m" }),
        await history({ ...key, day: "2025-07-31", limit: 2 }),
        await history({ ...key, day: "2025-08-01" }),
      ];
    },
    tells: [[{ open: -99 }, {}], [{ open: 104 }, {}], [{ minute_count: 3 }, { minute_count: 1 }, { minute_count: 1 }], [{}, {}], []],
  },
  {
    call: "strategies.m2m.history",
    what: "candle by candle",
    run: ({ api }, id) =>
      all(api.strategies.m2m.each({ strategy_id: id("legs"), from_time: "2025-07-31T03:45:00Z", to_time: "2025-07-31T10:00:00Z" })),
    tells: [{}, {}, {}, {}, {}],
  },
  {
    call: "strategies.m2m.history",
    what: "from after to",
    run: ({ api }, id) => api.strategies.m2m.history({ strategy_id: id("legs"), from_time: 2e9, to_time: 1e9 }),
    tells: refusal("input_invalid", "lies after to_time"),
  },
  {
    call: "strategies.m2m.history",
    what: "without a zone",
    run: ({ api }, id) => api.strategies.m2m.history({ strategy_id: id("legs"), from_time: "2025-07-31T09:15:00" }),
    tells: refusal("input_invalid", "is not an instant"),
  },
  ...strangers("strategies.m2m.history", ({ api }, key) => api.strategies.m2m.history(key)),
  {
    call: "strategies.m2m.gaps",
    what: "none before its first leg; a range from after to is refused as a history's is",
    run: async ({ api }, id) => [
      await api.strategies.m2m.gaps({ strategy_id: id("legs"), day: "2025-07-31" }),
      await api.strategies.m2m.gaps({ strategy_id: id("legs"), from_time: 2e9, to_time: 1e9 }).catch(({ code }: StratctlError) => code),
    ],
    tells: [[], "input_invalid"],
  },
  ...strangers("strategies.m2m.gaps", ({ api }, key) => api.strategies.m2m.gaps(key)),
  {
    call: "status",
    what: "without an engine",
    run: async ({ api }) => {
      const { engines, sessions, warnings } = await api.status({ account_id: "XJ4540" });
      return { engines, sessions: sessions.map(({ exchange }) => exchange), warned: warnings.length > 0 };
    },
    tells: { engines: [] },
  },
  { call: "status", what: "of nobody's", run: ({ api }) => api.status(NOBODY), tells: UNKNOWN_ACCOUNT },
];

/** Minute n opens at n − 100, and rises and falls by tens. */
function candle(strategy_id: number, minute_ms: number, n: number): MinuteCandle {
  const units = (rupees: number): number => rupees * 10_000;
  return {
    strategy_id,
    minute_ms,
    open_units: units(n - 100),
    high_units: units(n - 95.25),
    low_units: units(n - 110),
    close_units: units(n - 98),
    entry_value_units: 0,
    realized_pnl_units: units(5),
    instrument_count: 2,
    sampled: 3n,
    stale_count: 0,
    oldest_age_ms: 0,
    first_at_ms: minute_ms,
    last_at_ms: minute_ms + 1000,
    source: "live",
  };
}
