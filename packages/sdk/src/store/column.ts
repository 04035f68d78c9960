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
