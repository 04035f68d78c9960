import { amountOf, unitsOf } from "@stratctl/sdk/internal";

/** The exact sum of amounts; what is unknown is left out, so say beside it how many were known. */
export function totalOf(amounts: readonly (number | null)[]): number {
  return amountOf(amounts.reduce<number>((sum, amount) => sum + (amount === null ? 0 : unitsOf(amount)), 0));
}

/** The exact sum, or null where any part of it is unknown. */
export function wholeOf(amounts: readonly (number | null)[]): number | null {
  return amounts.includes(null) ? null : totalOf(amounts);
}
