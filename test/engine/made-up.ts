import path from "node:path";
import { connect } from "../../packages/sdk/src/index.ts";
import type { Store } from "../support/store.ts";
import { expectedCandles, quotesOf, type Expected, type PlainLeg, type PlainSession, type Situation } from "./expected.ts";

/**
 * Two days of a made-up market that fit on a few pages: pre-open quotes, silence, equal times, an expiry, two exchanges. The day
 * before has one quote after its close and the day after one before its open: neither is a day to be sampled.
 */
export const TICKS = path.join(import.meta.dirname, "made-up.csv");
/** The first of them in bars of a minute, full of holes. */
export const BARS = path.join(import.meta.dirname, "made-up-bars.csv");

/** NFO closes at 15:40 IST since 3 August 2026, NSE at 15:30 as ever. */
const hoursOn = (day: string): Record<"NFO" | "NSE", PlainSession> => ({
  NFO: { open: `${day}T03:45:00Z`, close: `${day}T10:10:00Z` },
  NSE: { open: `${day}T03:45:00Z`, close: `${day}T10:00:00Z` },
});
export const DAYS = ["2026-08-03", "2026-08-04"] as const;

const CE = { instrument: "NFO:NIFTY2681124500CE", expiry: "2026-08-11" };
const PE = { instrument: "NFO:NIFTY2681124300PE", expiry: "2026-08-11" };
const NEAR = { instrument: "NFO:NIFTY2680424500CE", expiry: "2026-08-04" };
const DEAD = { instrument: "NFO:NIFTY2680324500PE", expiry: "2026-08-03" };
const FUT = { instrument: "NFO:NIFTY26AUGFUT" };
const INDEX = { instrument: "NSE:NIFTY 50" };
const leg = (
  direction: "BUY" | "SELL",
  quantity: number,
  of: Pick<PlainLeg, "instrument"> & { expiry?: string },
  entry_price: number,
): PlainLeg => ({ direction, quantity, entry_price, ...of });

export interface MadeUpStrategy {
  readonly legs: readonly PlainLeg[];
  /** A leg that was bought at 100 and has been sold at 90, 65 of it. */
  readonly has_loss?: boolean;
}

export const STRATEGIES: Readonly<Record<string, MadeUpStrategy>> = {
  diagonal: { legs: [leg("SELL", 65, NEAR, 61.3), leg("BUY", 65, CE, 150.05)] },
  strangle: { legs: [leg("SELL", 65, CE, 150.05), leg("SELL", 130, PE, 80.15)] },
  "with a future, after a loss": { legs: [leg("BUY", 65, FUT, 24_531.25), leg("SELL", 65, CE, 150.05)], has_loss: true },
  "two exchanges": { legs: [leg("BUY", 1, INDEX, 24_500), leg("SELL", 1, FUT, 24_531.25)] },
  "expired on the second day": { legs: [leg("SELL", 65, DEAD, 12.35), leg("BUY", 65, FUT, 24_531.25)] },
  "never quoted": { legs: [leg("BUY", 65, { instrument: "NFO:NIFTY2681130000CE" }, 1), leg("SELL", 65, FUT, 24_531.25)] },
};

/** What the sentences of the design make of the recording. */
export function expectedOf(file: string, every_s: number, { legs, has_loss = false }: MadeUpStrategy): Expected {
  const quotes = quotesOf({ path: file, every_s });
  const days = (file === BARS ? DAYS.slice(0, 1) : DAYS).map((day): Expected => {
    const situation: Situation = { path: file, every_s, hours: hoursOn(day) };
    return expectedCandles(situation, quotes, legs, has_loss ? -650 : 0);
  });
  return { candles: days.flatMap(({ candles }) => candles), gaps: days.flatMap(({ gaps }) => gaps) };
}

/** Enters the strategies into an account of their own; their ids by name. */
export async function enterStrategies(store: Store, account_id: string): Promise<Map<string, number>> {
  await using api = await connect({ url: store.url, account_id });
  await api.accounts.create({ account_id });
  const ids = new Map<string, number>();
  for (const [name, { legs, has_loss = false }] of Object.entries(STRATEGIES)) {
    const { strategy_id } = await api.strategies.create({ name });
    ids.set(name, strategy_id);
    for (const { direction, quantity, instrument, entry_price } of legs)
      await api.strategies.legs.add({ strategy_id, tradingsymbol: instrument, direction, quantity, entry_price });
    if (!has_loss) continue;
    const bought = { tradingsymbol: PE.instrument, direction: "BUY", quantity: 65, entry_price: 100 } as const;
    const { id: instrument_id } = await api.strategies.legs.add({ strategy_id, ...bought });
    await api.strategies.legs.close({ strategy_id, instrument_id, exit_price: 90 });
  }
  return ids;
}
