import { MONEY_MAX } from "@stratctl/sdk";
import { amountOf, unitsOf } from "@stratctl/sdk/internal";

/**
 * The exact sum of amounts, or null where it is beyond what money can be, which each of them is not. What is unknown is left
 * out, so say beside it how many were known.
 */
export function totalOf(amounts: readonly (number | null)[]): number | null {
  const units = amounts.reduce((sum, amount) => (amount === null ? sum : sum + BigInt(unitsOf(amount))), 0n);
  const max = BigInt(unitsOf(MONEY_MAX));
  return -max <= units && units <= max ? amountOf(Number(units)) : null;
}

/** The exact sum, or null where any part of it is unknown. */
export function wholeOf(amounts: readonly (number | null)[]): number | null {
  return amounts.includes(null) ? null : totalOf(amounts);
}
