import { UNKNOWN_ACCOUNT } from "./accounts-strategies.ts";
import { CE, NOBODY, strangers } from "./legs-history.ts";
import { refusal, type Step } from "./world.ts";

const DAY = "2025-07-31";

/** Days from candles and legs, and what is held. */
export const METRICS: readonly Step[] = [
  {
    call: "strategies.metrics",
    what: "before anybody wrote any",
    run: async ({ api }, id) => [
      await api.strategies.metrics({ strategy_id: id("legs") }),
      await api.strategies.performance({ strategy_id: id("legs") }),
    ],
    tells: [[], { daily_performance: [], overall: { session_count: 0, total_pnl: null, total_trades: 0, max_drawdown: null } }],
  },
  {
    call: "metrics.rebuild",
    what: "of one strategy, and again",
    run: async ({ api }, id) => {
      const told = [await api.metrics.rebuild({ strategy_id: id("legs") }), await api.metrics.rebuild({ strategy_id: id("legs") })];
      return told.map(({ strategy_count, changed_count, day_count }, again) => [
        strategy_count,
        again === 0 ? changed_count === day_count : changed_count,
      ]);
    },
    tells: [
      [1, true],
      [1, 0],
    ],
  },
  {
    call: "metrics.rebuild",
    what: "of all of the account, from a day on",
    run: async ({ api }) => (await api.metrics.rebuild({ account_id: "XJ4540", from: DAY })).strategy_count > 1,
    tells: true,
  },
  {
    call: "strategies.metrics",
    what: "a day",
    run: ({ api }, id) => api.strategies.metrics({ strategy_id: id("legs"), from: DAY, to: DAY }),
    tells: [
      {
        metric_date: DAY,
        day_pnl: -271,
        cumulative_pnl: -271,
        realized_pnl: 5,
        unrealized_pnl: -276,
        high_pnl: 115,
        low_pnl: -273.75,
        day_drawdown: 388.75,
        max_drawdown: 388.75,
        roi_percent: null,
        sharpe_ratio: null,
      },
    ],
  },
  {
    call: "strategies.metrics",
    what: "from after to, and of no day",
    run: async ({ api }, id) => {
      const codes: unknown[] = [];
      for (const range of [{ from: DAY, to: "2025-07-30" }, { from: "2025-02-30" }])
        codes.push(await api.strategies.metrics({ strategy_id: id("legs"), ...range }).catch(({ code }: { code: string }) => code));
      return codes;
    },
    tells: ["input_invalid", "input_invalid"],
  },
  ...strangers("strategies.metrics", ({ api }, key) => api.strategies.metrics(key)),
  {
    call: "strategies.performance",
    what: "of a day",
    run: ({ api }, id) => api.strategies.performance({ strategy_id: id("legs"), from: DAY, to: DAY }),
    tells: { daily_performance: [{ metric_date: DAY }], overall: { session_count: 1, total_pnl: -271, max_drawdown: 388.75 } },
  },
  ...strangers("strategies.performance", ({ api }, key) => api.strategies.performance(key)),
  {
    call: "strategies.positions",
    what: "held and closed",
    run: async ({ api }) => {
      const { strategy_id } = await api.strategies.create({ account_id: "XJ4540", name: "Holds" });
      const trade = { strategy_id, tradingsymbol: CE, price: 100 };
      await api.strategies.fills.add({ ...trade, side: "BUY", quantity: 100 });
      await api.strategies.fills.add({ ...trade, side: "SELL", quantity: 25, price: 101.5 });
      const { positions, summary } = await api.strategies.positions({ strategy_id });
      return [
        positions.map(({ direction, quantity, average_price, realized_pnl }) => [direction, quantity, average_price, realized_pnl]),
        summary,
      ];
    },
    tells: [[["BUY", 75, 100, 37.5]], { open_positions: 1 }],
  },
  ...strangers("strategies.positions", ({ api }, key) => api.strategies.positions(key)),
  ...strangers("metrics.rebuild", ({ api }, key) => api.metrics.rebuild(key)),
  { call: "metrics.rebuild", what: "of which account?", run: ({ api }) => api.metrics.rebuild({}), tells: refusal("account_required") },
  { call: "metrics.rebuild", what: "of nobody", run: ({ api }) => api.metrics.rebuild(NOBODY), tells: UNKNOWN_ACCOUNT },
];
