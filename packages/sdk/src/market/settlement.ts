import { INDICES } from "./indices.ts";

/** What a contract is worth when it expires. */
export interface Expiring {
  readonly instrument_type: "CE" | "PE" | "FUT" | "EQ" | null;
  readonly strike_units: number | null;
  readonly underlying: string | null;
}

/**
 * The price at which a contract settles against the exchange's closing figure of its underlying for its last day, in units (1 =
 * 0.0001 rupee): of a call max(0, close − strike), of a put max(0, strike − close), of a future the figure itself (NSE Clearing:
 * final settlement of index contracts; the same value of a stock's, whose shares are delivered). Null where it is of no such kind.
 *
 * @example
 * import { settlementUnits } from "@stratctl/sdk";
 *
 * const call = { instrument_type: "CE", strike_units: 245_000_000, underlying: "NIFTY" } as const;
 * console.log(settlementUnits(call, 246_313_500)); // 1313500
 */
export function settlementUnits({ instrument_type, strike_units }: Expiring, close_units: number): number | null {
  if (instrument_type === "FUT") return close_units;
  if (strike_units === null) return null;
  if (instrument_type === "CE") return Math.max(0, close_units - strike_units);
  if (instrument_type === "PE") return Math.max(0, strike_units - close_units);
  return null;
}

/** Whether shares change hands when it expires: derivatives of a stock are delivered, those of an index settle in cash. */
export function isDelivered({ instrument_type, underlying }: Pick<Expiring, "instrument_type" | "underlying">): boolean {
  return instrument_type !== null && instrument_type !== "EQ" && underlying !== null && !INDICES.has(underlying);
}
