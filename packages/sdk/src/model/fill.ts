import { z } from "zod";
import { AccountId } from "./account.ts";
import { Instant, InstantInput } from "./instant.ts";
import { Direction, Leg, LegWarning, Quantity } from "./leg.ts";
import { Money } from "./money.ts";
import { Id } from "./strategy.ts";

/** How the cost of a part that is closed is told from the rest's: its share of all, or what was entered first. */
export const CostMethod = z.enum(["average", "fifo"]);
export type CostMethod = z.infer<typeof CostMethod>;

/** One entry or exit of a leg. Money in rupees. */
export const Fill = z.object({
  id: z.int(),
  strategy_id: z.int(),
  /** The leg that it opened, added to, or closed a part of. */
  leg_id: z.int(),
  instrument: z.string(),
  side: Direction,
  quantity: z.int(),
  price: Money,
  /** What all of it came to: price × quantity, but for a leg that was moved at its cost. */
  value: Money,
  at: Instant,
  /** `entry`: a leg was added or adopted; `fill`: a trade; `settlement`: by the exchange; `move`: to or from another strategy. */
  source: z.enum(["entry", "fill", "settlement", "move"]),
  /** The broker's trade id. */
  external_id: z.string().nullable(),
  /** Of an exit: what it realized, and by which cost; null of an entry. */
  realized_pnl: Money.nullable(),
  cost_method: CostMethod.nullable(),
});
export type Fill = z.infer<typeof Fill>;

const OfStrategy = { account_id: AccountId.optional(), strategy_id: Id };

export const FillQuery = z.strictObject(OfStrategy);

/** A trade of the broker's, as it came. */
export const FillAdd = z.strictObject({
  ...OfStrategy,
  tradingsymbol: z.string().trim().min(1),
  exchange: z.string().trim().toUpperCase().optional(),
  side: z
    .string()
    .transform((text) => text.trim().toUpperCase())
    .pipe(z.enum(["BUY", "SELL"], { error: "must be BUY or SELL" })),
  quantity: Quantity,
  price: Money.refine((price) => price > 0, { error: "must be above 0" }),
  /** Left out: now. */
  at: InstantInput.optional(),
  /** The broker's trade id: the same one again changes nothing. */
  external_id: z.string().trim().min(1).max(100).optional(),
  cost_method: CostMethod.optional(),
  /** What would be a warning is an error instead, and nothing is kept. */
  strict: z.boolean().optional(),
});
export type FillAdd = z.input<typeof FillAdd>;

/**
 * What a trade came to: the fills that were kept (two where it went through zero), and the legs that they changed; warnings where
 * there are any.
 */
export const FillAdded = z.object({ fills: z.array(Fill), legs: z.array(Leg), warnings: z.array(LegWarning).optional() });
export type FillAdded = z.infer<typeof FillAdded>;

export const LegMove = z.strictObject({
  ...OfStrategy,
  instrument_id: Id,
  /** The strategy that gets it, of the same account. */
  to_strategy_id: Id,
  /** Left out: all of it. */
  quantity: Quantity.optional(),
});
export type LegMove = z.input<typeof LegMove>;

export const StrategyClose = z.strictObject(OfStrategy);
export type StrategyClose = z.input<typeof StrategyClose>;
