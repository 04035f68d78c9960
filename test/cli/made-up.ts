import { amountOf, unitsOf } from "@stratctl/sdk/internal";
import type { Account, Candle, Leg, Strategy, Stratctl } from "@stratctl/sdk";
import type { Deps, Output } from "../../packages/cli/src/deps.ts";
import type { Settings } from "../../packages/cli/src/settings.ts";
import type { Ask } from "../../packages/cli/src/terminal/prompt.ts";
import type { Screen } from "../../packages/cli/src/terminal/screen.ts";

/** Made-up answers of the SDK, and a made-up world for commands: what a test does not say is ordinary. */

/** Thu 31 Jul 2025, 15:30 IST: the close of NSE's cash session. */
export const NOW_MS = Date.parse("2025-07-31T10:00:00Z");
export const OPEN_MS = Date.parse("2025-07-31T03:45:00Z");

export const ACCOUNT: Account = {
  account_id: "XJ4540",
  account_name: null,
  aliases: [],
  broker: "zerodha",
  is_active: true,
  created_at: "2025-07-01T04:00:00Z",
  updated_at: "2025-07-01T04:00:00Z",
};

export function strategyOf(given: Partial<Strategy>): Strategy {
  return {
    strategy_id: 7,
    account_id: "XJ4540",
    name: "Condor",
    description: null,
    tags: [],
    strategy_type: "manual",
    status: "active",
    is_default: false,
    instrument_count: 4,
    current_pnl: -281.25,
    day_pnl: given.current_pnl === null ? null : -120.5,
    day_pnl_reason: null,
    current_m2m: 6221.25,
    marked_at: "2025-07-31T09:59:59Z",
    priced: 4,
    stale: 0,
    reason: null,
    total_capital_deployed: null,
    total_margin_used: null,
    created_by: null,
    created_at: "2025-07-31T03:30:00Z",
    updated_at: "2025-07-31T03:30:00Z",
    archived_at: null,
    ...given,
  };
}

export function legOf(given: Partial<Leg>): Leg {
  const leg = {
    id: 21,
    strategy_id: 7,
    exchange: "NFO",
    tradingsymbol: "NIFTY2580724400PE",
    instrument_token: null,
    instrument_type: "PE" as const,
    strike: 24400,
    expiry: "2025-08-07",
    underlying_symbol: "NIFTY",
    direction: "BUY" as const,
    quantity: 75,
    lot_size: 75,
    entry_price: 64.95,
    exit_price: null,
    closed_at: null,
    exit_value: null,
    closed_by: null,
    cost_method: null,
    part_of: null,
    current_price: null,
    current_price_at: null,
    current_pnl: null,
    notes: null,
    added_at: "2025-07-31T03:30:00Z",
    updated_at: "2025-07-31T03:30:00Z",
    ...given,
  };
  const cost = amountOf(unitsOf(leg.entry_price) * leg.quantity);
  return { cost, instrument: `${leg.exchange}:${leg.tradingsymbol}`, ...leg };
}

/** Candles of minutes from the open on: P&L at the end of each by `pnl`, null for a minute without a mark. */
export function candlesOf(
  minutes: number,
  pnl: (minute: number) => number | null,
  { entry_value = 5940, open_ms = OPEN_MS, stale_count = 0 } = {},
): Candle[] {
  const candles: Candle[] = [];
  let before: number | null = null;
  for (let minute = 0; minute < minutes; minute++) {
    const close = pnl(minute);
    if (close === null) continue;
    const open: number = before ?? close;
    before = close;
    candles.push(candleOf(open_ms + minute * 60_000, { open, close, entry_value, stale_count }));
  }
  return candles;
}

function candleOf(at_ms: number, about: { open: number; close: number; entry_value: number; stale_count: number }): Candle {
  const { open, close, entry_value, stale_count } = about;
  const m2m = (amount: number): number => amountOf(unitsOf(entry_value) - unitsOf(amount));
  const timestamp = new Date(at_ms).toISOString().replace(".000Z", "Z");
  return {
    strategy_id: 7,
    timestamp,
    open: m2m(open),
    high: m2m(Math.min(open, close)),
    low: m2m(Math.max(open, close)),
    close: m2m(close),
    pnl_open: open,
    pnl_high: Math.max(open, close),
    pnl_low: Math.min(open, close),
    pnl_close: close,
    entry_value,
    realized_pnl: 0,
    instrument_count: 4,
    minute_count: 1,
    sample_count: 60,
    stale_count,
    oldest_age_ms: 4000,
    sampled: "fffffffffffffff",
    first_at: timestamp,
    last_at: new Date(at_ms + 59_000).toISOString().replace(".000Z", "Z"),
    source: "replay",
  };
}

/** Calls that a test did not expect fail by name. */
export function stratctlOf(parts: {
  accounts?: Partial<Stratctl["accounts"]>;
  strategies?: Partial<Stratctl["strategies"]>;
  legs?: Partial<Stratctl["strategies"]["legs"]>;
  history?: Stratctl["strategies"]["m2m"]["history"];
  quotes?: Partial<Stratctl["quotes"]>;
}): Stratctl {
  const not = (name: string) => () => Promise.reject(new Error(`${name} was not expected`));
  const never = (name: string) => (): never => {
    throw new Error(`${name} was not expected`);
  };
  return {
    accounts: { list: not("accounts.list"), get: () => Promise.resolve(ACCOUNT), create: not("accounts.create"), ...parts.accounts },
    strategies: {
      create: not("create"),
      getOrCreate: not("getOrCreate"),
      list: not("list"),
      resolve: () => Promise.resolve(strategyOf({})),
      get: not("get"),
      update: not("update"),
      archive: not("archive"),
      close: not("close"),
      metrics: not("metrics"),
      performance: not("performance"),
      positions: not("positions"),
      mark: not("mark"),
      legs: {
        add: not("legs.add"),
        list: () => Promise.resolve([]),
        update: not("legs.update"),
        close: not("legs.close"),
        remove: not("legs.remove"),
        move: not("legs.move"),
        ...parts.legs,
      },
      fills: { list: not("fills.list"), add: not("fills.add") },
      m2m: { history: parts.history ?? not("m2m.history"), gaps: not("m2m.gaps"), stream: never("m2m.stream"), each: never("m2m.each") },
      ...parts.strategies,
    },
    marks: { stream: never("marks.stream") },
    metrics: { rebuild: not("metrics.rebuild") },
    settle: not("settle"),
    status: not("status"),
    instruments: { search: not("instruments.search"), get: not("instruments.get") },
    quotes: { get: not("quotes.get"), ...parts.quotes },
    close: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

export interface World {
  readonly deps: Deps;
  /** What was printed and what was noted, so far. */
  readonly out: () => string;
  readonly err: () => string;
}

const SETTINGS: Settings = {
  url: undefined,
  account_id: undefined,
  redis_url: undefined,
  ticker_url: undefined,
  token_file: undefined,
  profile: null,
  http: {},
  sources: {},
  found: new Map(),
};

export function worldOf(
  stratctl: Stratctl,
  given: {
    width?: number;
    height?: number;
    isTerminal?: boolean;
    color?: boolean;
    output?: Partial<Output>;
    ask?: Ask;
    now_ms?: number;
  } = {},
): World {
  const { width = 80, height = 24, isTerminal = false, color = false, output = {}, ask = null, now_ms = NOW_MS } = given;
  const printed: string[] = [];
  const noted: string[] = [];
  const screen: Screen = {
    isTerminal,
    canAsk: ask !== null,
    canDraw: false,
    color,
    width,
    height,
    print: (text) => void printed.push(text),
    note: (text) => void noted.push(text),
  };
  const deps: Deps = {
    screen,
    env: {},
    now: () => now_ms,
    signal: new AbortController().signal,
    output: { format: "auto", header: false, ...output },
    settings: () => Promise.resolve(SETTINGS),
    connect: () => Promise.resolve(stratctl),
    input: () => Promise.resolve(null),
    ask: () => Promise.resolve(ask),
    takeTime: () => undefined,
    onHangUp: () => undefined,
  };
  return { deps, out: () => printed.join(""), err: () => noted.join("") };
}

/** Somebody who answers in this order; running out of answers fails the test. */
export function answering(...answers: (string | boolean)[]): { ask: Ask; asked: string[] } {
  const asked: string[] = [];
  const next = (message: string): string | boolean => {
    asked.push(message);
    const answer = answers.shift();
    if (answer === undefined) throw new Error(`nobody answers "${message}"`);
    return answer;
  };
  return {
    asked,
    ask: {
      async text({ message, initial, check }) {
        const typed = String(next(message));
        const answer = typed === "" && initial !== undefined ? initial : typed;
        const wrong = (await check?.(answer)) ?? null;
        if (wrong !== null) throw new Error(`"${answer}" was not taken: ${wrong}`);
        return answer;
      },
      choose({ message, choices }) {
        const named = String(next(message));
        const chosen = choices.find(({ name }) => name.startsWith(named));
        if (chosen === undefined) throw new Error(`"${named}" is not among ${choices.map(({ name }) => name).join(", ")}`);
        return Promise.resolve(chosen.value);
      },
      confirm: ({ message }) => Promise.resolve(next(message) === true),
    },
  };
}
