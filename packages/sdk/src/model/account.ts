import { z } from "zod";
import { Instant } from "./instant.ts";

/** The broker's user id: printable, no blanks, at most 100 characters. */
export const AccountId = z.string().regex(/^[^\s]{1,100}$/, { error: "is not an account id: 1 to 100 characters without blanks" });

/** A trading account; its strategies hang from it. */
export const Account = z.object({
  account_id: AccountId,
  /** What a person calls it; null where nobody said. */
  account_name: z.string().nullable(),
  /** Other ids by which callers may name it, such as the numeric id of a user service. */
  aliases: z.array(AccountId),
  broker: z.string(),
  is_active: z.boolean(),
  created_at: Instant,
  updated_at: Instant,
});
export type Account = z.infer<typeof Account>;

export const AccountCreate = z.strictObject({
  account_id: AccountId,
  account_name: z.string().trim().min(1).max(255).optional(),
  aliases: z.array(AccountId).max(20).optional(),
  broker: z.string().trim().min(1).max(50).optional(),
});
export type AccountCreate = z.input<typeof AccountCreate>;
