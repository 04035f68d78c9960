import { z } from "zod";
import { formatUnits, unitsOf } from "../model/money.ts";

/** `int8` as Postgres sends it: text. */
export const WholeColumn = z
  .string()
  .regex(/^-?\d{1,16}$/)
  .transform(Number)
  .refine(Number.isSafeInteger, { error: "is beyond what a number holds exactly" });

/** An amount in rupees as text for a numeric parameter, exactly. */
export function moneyText(amount: number): string {
  return formatUnits(unitsOf(amount));
}

/** A sum in units (1 = 0.0001 rupee) as text for a numeric parameter; it was seen to lie within what money can be. */
export function unitsText(units: bigint): string {
  return formatUnits(Number(units));
}

/** Of two columns of instants: a later call may replace what is kept. That of a clock which was ahead is in nobody's way. */
export function isForward(kept: string, given: string): string {
  return `(${kept} <= ${given} or ${kept} > now() + interval '1 minute')`;
}
