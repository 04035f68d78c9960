import { z } from "zod";
import { AccountId } from "./account.ts";
import { Day, Instant, InstantInput } from "./instant.ts";
import { Id } from "./strategy.ts";

/** Minutes on end of a session in which a strategy had an open leg and got no candle, for one reason. */
export const Gap = z.object({
  strategy_id: z.int(),
  /** Minutes by their starts. */
  first_minute: Instant,
  last_minute: Instant,
  minutes: z.int(),
  /** As the engine told it at the minute's last sample, or that none did. */
  reason: z.string(),
});
export type Gap = z.infer<typeof Gap>;

/** Gaps of minutes with from ≤ start ≤ to, up to the last minute that is over. Left out: the session under way, or the last one. */
export const GapQuery = z
  .strictObject({
    account_id: AccountId.optional(),
    strategy_id: Id,
    from_time: InstantInput.optional(),
    to_time: InstantInput.optional(),
    /** The exchange's day instead of from_time and to_time. */
    day: Day.optional(),
  })
  .refine((query) => query.day === undefined || (query.from_time === undefined && query.to_time === undefined), {
    error: "give a day, or from_time and to_time",
    path: ["day"],
  })
  .refine(
    (query) => query.from_time === undefined || query.to_time === undefined || Date.parse(query.from_time) <= Date.parse(query.to_time),
    { error: "lies after to_time", path: ["from_time"] },
  );
export type GapQuery = z.input<typeof GapQuery>;
