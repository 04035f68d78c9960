import { z } from "zod";
import { AccountId } from "./account.ts";
import { Instant } from "./instant.ts";
import { Money } from "./money.ts";
import { Id } from "./strategy.ts";

/** What a strategy is worth at one instant, or why that is not known. Money in rupees. */
export const Mark = z.object({
  strategy_id: z.int(),
  at: Instant,
  /** How old the mark was when it was read. */
  age_ms: z.int(),
  /** Σ(price × quantity × direction) over the open legs. Null unless every open leg is priced. */
  m2m: Money.nullable(),
  /** realized_pnl + entry_value − m2m. */
  pnl: Money.nullable(),
  unrealized_pnl: Money.nullable(),
  entry_value: Money,
  realized_pnl: Money,
  /** Open legs. */
  instrument_count: z.int(),
  priced: z.int(),
  stale: z.int(),
  /** The age of the oldest price among the legs; null where none is priced. */
  oldest_age_ms: z.int().nullable(),
  /** Why m2m is null, naming the legs. */
  reason: z.string().nullable(),
});
export type Mark = z.infer<typeof Mark>;

export const MarkQuery = z.strictObject({
  account_id: AccountId.optional(),
  strategy_id: Id,
  /** True: ask the sources for prices now; false: the latest mark that the engine wrote. */
  now: z.stringbool().or(z.boolean()).optional(),
});
export type MarkQuery = z.input<typeof MarkQuery>;
