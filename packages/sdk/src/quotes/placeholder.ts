import { UNITS } from "../model/money.ts";

/** No price below this is a placeholder: one comparison lets all that is traded through. */
export const PLACEHOLDER_FROM_UNITS = 999_999 * UNITS;

/** The greatest numbers of 32 bits, one more than each, and the same in paise: what a feed has where a price never came. */
const LIMITS = new Set([2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32].flatMap((limit) => [limit * UNITS, (limit * UNITS) / 100]));

/** Six nines or more, with nines or zeros behind the point. */
const NINES = /^9{6,}(?:[90]{4})$/;

/** Whether units above 0 are what brokers send instead of a price: 999999, 9999999.99, 2147483648, 21474836.48. */
export function isPlaceholder(price_units: number): boolean {
  if (price_units < PLACEHOLDER_FROM_UNITS) return false;
  return LIMITS.has(price_units) || NINES.test(String(price_units));
}
