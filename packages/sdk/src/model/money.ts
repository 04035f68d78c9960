import { z } from "zod";
import { StratctlError } from "../errors.ts";

/**
 * Money has two forms. At the seams (rows, JSON, a script's data) it is an amount: a number of rupees with at most four
 * decimals. In sums it is units: a safe integer, 1 unit = 0.0001 rupee. Only this file turns one into the other.
 */

/** Units in one rupee. */
export const UNITS = 10_000;

/**
 * The greatest amount, in rupees. Below 2^39 every amount of four decimals is a distinct JSON number and
 * MONEY_MAX × UNITS is a safe integer; the schemas and the columns' constraints use this one bound.
 */
export const MONEY_MAX = 500_000_000_000;
export const MONEY_MAX_UNITS = MONEY_MAX * UNITS;

/** "." as a distance from "0". */
const POINT = -2;
/** What brings a whole number of so many decimals to units. */
const SHIFT = [10_000, 1_000, 100, 10, 1];

const PLAIN_DECIMAL = /^(-?)(\d+)(?:\.(\d+))?$/;

/**
 * Units of a decimal text, exactly: `"101.55"` → 1_015_500. Null where the text is not a plain decimal (no exponent, no
 * hex, no grouping), has a digit other than 0 past the fourth decimal, or lies beyond MONEY_MAX.
 */
export function parseUnits(text: string): number | null {
  const parts = decimalParts(text);
  if (parts === null || /[1-9]/.test(parts.rest)) return null;
  return bounded(parts.sign * parts.units);
}

/**
 * Units of a price as a feed gives it, rounded half to even at the fourth decimal; `rounded` tells whether anything was
 * lost. Null where it is not a plain decimal within MONEY_MAX. An index at `"22545.900390625"` is 225_459_004 units.
 */
export function roundUnits(text: string): { units: number; rounded: boolean } | null {
  const parts = decimalParts(text);
  if (parts === null) return null;
  const { sign, units, rest } = parts;
  const lost = rest.replace(/0+$/, "");
  const up = lost === "5" ? units % 2 === 1 : lost >= "5";
  const result = bounded(sign * (units + (up ? 1 : 0)));
  return result === null ? null : { units: result, rounded: lost !== "" };
}

/**
 * Units of a short plain decimal (no sign, at most eleven digits before the point and four behind it); NaN for any other
 * text, which `roundUnits` judges. It makes no object: a feed brings a hundred thousand such texts at once.
 */
export function quickUnits(text: string): number {
  const { length } = text;
  let point = length;
  let units = 0;
  for (let at = 0; at < length; at += 1) {
    const digit = text.charCodeAt(at) - 48;
    if (digit >= 0 && digit <= 9) units = units * 10 + digit;
    else if (digit === POINT && point === length) point = at;
    else return Number.NaN;
  }
  return quickShifted(units, { point, length });
}

/** `quickUnits` of a text in ASCII as it came over the wire, before it is a string: NaN for any other bytes. */
export function quickUnitsOfBytes(bytes: Uint8Array): number {
  const { length } = bytes;
  let point = length;
  let units = 0;
  for (let at = 0; at < length; at += 1) {
    const digit = (bytes[at] ?? 0) - 48;
    if (digit >= 0 && digit <= 9) units = units * 10 + digit;
    else if (digit === POINT && point === length) point = at;
    else return Number.NaN;
  }
  return quickShifted(units, { point, length });
}

/**
 * Units of a price that came as a number, where it has at most four decimals; NaN for any other, which `roundUnits` judges by
 * its text. The product alone may be off by one; the quotient is the double nearest to its decimal, and to no other.
 */
export function quickUnitsOfNumber(price: number): number {
  const units = Math.round(price * UNITS);
  return units > 0 && units <= MONEY_MAX_UNITS && units / UNITS === price ? units : Number.NaN;
}

/** Units of an amount that a schema has let through. */
export function unitsOf(amount: number): number {
  const units = parseUnits(plainText(amount));
  if (units === null)
    throw new StratctlError("money_too_large", `${amount} is not an amount of at most four decimals within ±${MONEY_MAX}`);
  return units;
}

/** The amount of units: exact, since the quotient is the double nearest to a decimal of four places below 2^39. */
export function amountOf(units: number): number {
  return units / UNITS + 0;
}

/** Units as decimal text without trailing zeros: −15_005_000 → "-1500.5". Takes no step through floating point. */
export function formatUnits(units: number): string {
  const magnitude = Math.abs(units);
  const fraction = String(magnitude % UNITS)
    .padStart(4, "0")
    .replace(/0+$/, "");
  const whole = String(Math.floor(magnitude / UNITS));
  return (units < 0 ? "-" : "") + (fraction === "" ? whole : `${whole}.${fraction}`);
}

/** An amount in rupees: finite, at most four decimals, within ±MONEY_MAX. */
export const Money = z
  .number({ error: "is not a number" })
  .min(-MONEY_MAX)
  .max(MONEY_MAX)
  .refine((amount) => parseUnits(plainText(amount)) !== null, { error: "has more than four decimals" });

/** A price in rupees a unit of quantity: an amount above 0. */
export const Price = Money.refine((price) => price > 0, { error: "must be above 0" });

/** A text of `numeric`, parsed exactly, as an amount; NaN where it is not an amount of at most four decimals. */
export function amountOfColumn(text: string): number {
  // Of four decimals, as the columns are: the nearest double to the text is that of its units divided by 10,000.
  const quick = text.length <= 17 && text.at(-5) === "." ? Number(text) : Number.NaN;
  if (Math.abs(quick) <= MONEY_MAX) return quick + 0;
  const units = parseUnits(text);
  return units === null ? Number.NaN : amountOf(units);
}

/**
 * A text of `numeric` as the JSON number that its amount is: `"123.4500"` → `"123.45"`. Null where it is not an amount of at most
 * four decimals.
 */
export function amountTextOfColumn(text: string): string | null {
  if (!FOUR_DECIMALS.test(text)) {
    const amount = amountOfColumn(text);
    return Number.isNaN(amount) ? null : plainText(amount);
  }
  let end = text.length;
  while (text.charCodeAt(end - 1) === ZERO) end -= 1;
  if (text.charCodeAt(end - 1) === ZERO + POINT) end -= 1;
  return text.slice(0, end);
}

/** As the columns are: within MONEY_MAX by its length alone, and not "-0.0000". */
const FOUR_DECIMALS = /^(?!-0\.0000$)-?(?:0|[1-9]\d{0,10})\.\d{4}$/;
const ZERO = 48;

/** `numeric` as Postgres sends it. */
export const MoneyColumn = z.string().transform((text, context) => {
  const amount = amountOfColumn(text);
  if (!Number.isNaN(amount)) return amount;
  context.addIssue({ code: "custom", message: `${text} is not an amount of at most four decimals` });
  return z.NEVER;
});

/** The digits before and after the point, read as one number, brought to units. */
function quickShifted(digits: number, { point, length }: { point: number; length: number }): number {
  const decimals = point === length ? 0 : length - point - 1;
  if (point === 0 || point > 11 || decimals > 4 || point === length - 1) return Number.NaN;
  return digits * (SHIFT[decimals] ?? Number.NaN);
}

function decimalParts(text: string): { sign: number; units: number; rest: string } | null {
  const match = PLAIN_DECIMAL.exec(text);
  const whole = match?.[2];
  if (!match || whole === undefined || whole.length > 18) return null;
  const fraction = match[3] ?? "";
  const units = Number(whole) * UNITS + Number(fraction.slice(0, 4).padEnd(4, "0"));
  return { sign: match[1] === "-" ? -1 : 1, units, rest: fraction.slice(4) };
}

function bounded(units: number): number | null {
  return Math.abs(units) <= MONEY_MAX_UNITS ? units + 0 : null;
}

/** A number as plain decimal text; an exponent (1e-7) is left as it is and refused by the parser. */
function plainText(amount: number): string {
  return String(amount);
}
