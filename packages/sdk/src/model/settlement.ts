import { z } from "zod";
import { AccountId } from "./account.ts";
import { Day } from "./instant.ts";
import { Leg } from "./leg.ts";
import { Price } from "./money.ts";

/** Closing figures by underlying; in whatever case, each of them once. */
const Closes = z.record(z.string().min(1).max(50), Price).transform((given, context) => {
  const closes = new Map<string, number>();
  for (const [name, close] of Object.entries(given)) {
    const underlying = name.trim().toUpperCase();
    if (underlying === "") context.addIssue({ code: "custom", message: "has a figure of no underlying", input: given });
    if (closes.has(underlying)) context.addIssue({ code: "custom", message: `has ${underlying} twice`, input: given });
    closes.set(underlying, close);
  }
  return Object.fromEntries(closes);
});

/** Settles contracts that are past their last day, against the exchange's closing figures of that day. */
export const Settle = z.strictObject({
  account_id: AccountId.optional(),
  /** The closing figure of each underlying, `{ "NIFTY": 24500.25 }`: kept, and used for that day from then on. */
  closes: Closes.optional(),
  /** The day that the figures are of; left out: the last one on which contracts expired that are open. */
  day: Day.optional(),
  /** A figure that legs were settled by is replaced too, and they are settled anew, by the one that is given. */
  correct: z.boolean().optional(),
});
export type Settle = z.input<typeof Settle>;

export const Settled = z.object({
  /** Legs that were settled, those that were settled anew among them, as they are now. */
  settled: z.array(
    Leg.extend({ /** Shares are due: a future of a stock, or an option of one that ended in the money. */ is_delivered: z.boolean() }),
  ),
  /** Legs past their last day that stay open, and why. */
  open: z.array(z.object({ leg_id: z.int(), strategy_id: z.int(), instrument: z.string(), expiry: Day, reason: z.string() })),
  /** Figures that took the place of another one. */
  replaced: z.array(z.object({ underlying: z.string(), day: Day, was: Price, given: Price })),
  /** Figures that differ from one that legs were settled by before: not applied. */
  differing: z.array(z.object({ underlying: z.string(), day: Day, kept: Price, given: Price })),
});
export type Settled = z.infer<typeof Settled>;
