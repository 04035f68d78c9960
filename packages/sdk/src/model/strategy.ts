import { z } from "zod";
import { AccountId } from "./account.ts";
import { Instant } from "./instant.ts";
import { Money } from "./money.ts";

/** int4, as the tables have it. */
export const Id = z.coerce.number<number | string>().int().min(1).max(2_147_483_647);

export const StrategyStatus = z.enum(["active", "archived"]);

/** A name that can name: not blank, and not digits only, since those are ids. */
export const StrategyName = z
  .string()
  .trim()
  .min(1, { error: "is empty" })
  .max(200, { error: "is longer than 200 characters" })
  .refine((name) => !/^\d+$/.test(name), { error: "is made of digits only, which would be an id; add a letter" })
  .refine((name) => !/\p{Cc}/u.test(name), { error: "holds a control character" });

const Tag = z
  .string()
  .trim()
  .min(1)
  .max(50)
  .refine((tag) => !/[\p{Cc},]/u.test(tag), { error: "holds a comma or a control character" });
export const Tags = z
  .array(Tag)
  .max(50)
  .transform((tags) => [...new Set(tags)]);

/** A named set of legs in an account, with what it is worth by its latest mark. Money in rupees; unknown is null. */
export const Strategy = z.object({
  strategy_id: z.int(),
  account_id: AccountId,
  name: z.string(),
  description: z.string().nullable(),
  tags: z.array(z.string()),
  strategy_type: z.enum(["manual", "automated"]),
  status: StrategyStatus,
  /** The account's catch-all, made with it: cannot be renamed or archived. */
  is_default: z.boolean(),
  /** Open legs. */
  instrument_count: z.int(),
  /** P&L by the latest mark: what was realized and what is not yet. */
  current_pnl: Money.nullable(),
  /** Σ(price × quantity × direction) over the open legs by the latest mark, SELL = +1, BUY = −1. */
  current_m2m: Money.nullable(),
  /** The latest mark's instant; null where it was never marked. */
  marked_at: Instant.nullable(),
  /** Legs that had a price at that instant. */
  priced: z.int().nullable(),
  /** Of those, legs whose price was stale. */
  stale: z.int().nullable(),
  /** Why there is no mark, naming the legs; null where there is one or none was tried. */
  reason: z.string().nullable(),
  total_capital_deployed: Money.nullable(),
  total_margin_used: Money.nullable(),
  created_by: z.string().nullable(),
  created_at: Instant,
  /** Moves on edits only. */
  updated_at: Instant,
  archived_at: Instant.nullable(),
  /** What current_pnl changed by since the close of the session before the latest mark's; null where that close is not known. */
  day_pnl: Money.nullable(),
  /** Why there is a mark and day_pnl is not known; null where it is, and without a mark. */
  day_pnl_reason: z.string().nullable(),
});
export type Strategy = z.infer<typeof Strategy>;

export const StrategyCreate = z.strictObject({
  account_id: AccountId.optional(),
  name: StrategyName,
  description: z.string().trim().max(2000).optional(),
  tags: Tags.optional(),
  strategy_type: z.enum(["manual", "automated"]).optional(),
});
export type StrategyCreate = z.input<typeof StrategyCreate>;

export const StrategyGet = z.strictObject({
  account_id: AccountId.optional(),
  strategy_id: Id,
  /** `legs`: with its legs, open ones first. */
  include: z.enum(["legs"]).optional(),
});
export type StrategyGet = z.input<typeof StrategyGet>;

/** Left out: unchanged. Null: unknown from now on. */
export const StrategyUpdate = z.strictObject({
  account_id: AccountId.optional(),
  strategy_id: Id,
  name: StrategyName.optional(),
  description: z.string().trim().max(2000).nullable().optional(),
  tags: Tags.optional(),
  total_capital_deployed: Money.nullable().optional(),
  total_margin_used: Money.nullable().optional(),
});
export type StrategyUpdate = z.input<typeof StrategyUpdate>;

export const StrategyArchive = z.strictObject({
  account_id: AccountId.optional(),
  strategy_id: Id,
  /** A mistake undone: open legs go to the account's default strategy, at the cost they have. */
  move_to_default: z.stringbool().or(z.boolean()).optional(),
});
export type StrategyArchive = z.input<typeof StrategyArchive>;

/** How many at most. */
export const Limit = z.coerce.number<number | string>().int().min(1).max(10_000);

export const StrategyQuery = z.strictObject({
  account_id: AccountId.optional(),
  status: StrategyStatus.optional(),
  tag: z.string().optional(),
  /** Part of the name or the description, in any case. */
  search: z.string().optional(),
  /** Left out: all of them. */
  limit: Limit.optional(),
  /** The id of the last strategy seen: those after it. */
  cursor: Id.optional(),
});
export type StrategyQuery = z.input<typeof StrategyQuery>;
