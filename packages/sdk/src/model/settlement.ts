import { z } from "zod";
import { AccountId } from "./account.ts";
import { Day } from "./instant.ts";
import { Leg } from "./leg.ts";
import { Price } from "./money.ts";

/** Settles contracts that are past their last day, against the exchange's closing figures of that day. */
export const Settle = z.strictObject({
  account_id: AccountId.optional(),
  /** The closing figure of each underlying, `{ "NIFTY": 24500.25 }`: kept, and used for that day from then on. */
  closes: z.record(z.string().trim().toUpperCase().min(1).max(50), Price).optional(),
  /** The day that the figures are of; left out: the last one on which contracts expired that are open. */
  day: Day.optional(),
});
export type Settle = z.input<typeof Settle>;

export const Settled = z.object({
  /** Legs that were settled, as they are now. */
  settled: z.array(
    Leg.extend({ /** Shares are due: a future of a stock, or an option of one that ended in the money. */ is_delivered: z.boolean() }),
  ),
  /** Legs past their last day that stay open, and why. */
  open: z.array(z.object({ leg_id: z.int(), strategy_id: z.int(), instrument: z.string(), expiry: Day, reason: z.string() })),
  /** Figures that differ from one that legs were settled against before: not applied. */
  differing: z.array(z.object({ underlying: z.string(), day: Day, kept: Price, given: Price })),
});
export type Settled = z.infer<typeof Settled>;
