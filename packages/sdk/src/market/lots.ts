import { z } from "zod";
import { StratctlError } from "../errors.ts";
import builtin from "./lots.json" with { type: "json" };

/** Lot sizes by underlying and month of contract, as parseLots made it. */
export type Lots = ReadonlyMap<string, readonly Revision[]>;

/**
 * The lot sizes that come with stratctl: indices of NSE and BSE (lots.json). A lot belongs to a contract, not to a day:
 * contracts listed before a revision keep theirs until they expire. Months in which old and new lots lived side by side,
 * and underlyings without a source, are left out: a lot that is not known is asked for, never guessed.
 *
 * @example
 * import { builtinLots, lotSize } from "@stratctl/sdk";
 *
 * const lots = builtinLots();
 * console.log(lotSize(lots, { underlying: "NIFTY", contract: "2025-12-30" })); // 75
 * console.log(lotSize(lots, { underlying: "NIFTY", contract: "2026-01" })); // 65
 */
export function builtinLots(): Lots {
  return (parsed ??= parseLots(builtin));
}
let parsed: Lots | undefined;

/**
 * Lot sizes from data of lots.json's form.
 *
 * @throws StratctlError input_invalid: names the first thing that is wrong and lists all in `details.issues`
 * @example
 * import { lotSize, parseLots } from "@stratctl/sdk";
 *
 * const lots = parseLots({ RELIANCE: [{ from: "2026-08", lot_size: 500 }] });
 * console.log(lotSize(lots, { underlying: "RELIANCE", contract: "2026-11" })); // 500
 */
export function parseLots(data: unknown): Lots {
  const result = LotsData.safeParse(data);
  if (result.success) return new Map(Object.entries(result.data));
  const issues = result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
  throw new StratctlError("input_invalid", `lots: ${issues[0] ?? "are not lots"}`, { details: { issues } });
}

/**
 * Units in one lot of a contract, by the name in its symbol and its month (`2025-12`) or expiry (`2025-12-30`). Null where
 * it is not known. For input and display only: a lot never enters a sum.
 *
 * @example
 * import { builtinLots, lotSize, parseInstrument } from "@stratctl/sdk";
 *
 * const { name, month } = parseInstrument("NFO:NIFTY25NOV24500CE");
 * console.log(lotSize(builtinLots(), { underlying: name, contract: month ?? "" })); // 75
 */
export function lotSize(lots: Lots, key: { underlying: string; contract: string }): number | null {
  const month = key.contract.slice(0, 7);
  const found = lots.get(key.underlying)?.find(({ from, until }) => from <= month && (until === undefined || month <= until));
  return found?.lot_size ?? null;
}

const Month = z.string().regex(/^\d{4}-(0[1-9]|1[0-2])$/, { error: "is not a month like 2025-12" });
/** Months of contracts, first and last included; without `until` the lot holds until it is revised. */
const Revision = z
  .strictObject({ from: Month, until: Month.optional(), lot_size: z.int().min(1) })
  .refine(({ from, until }) => until === undefined || from <= until, { error: "ends before it begins" });
type Revision = z.infer<typeof Revision>;

const LotsData = z.record(
  z.string(),
  z.array(Revision).refine(
    (revisions) =>
      revisions.every(({ from }, place) => {
        const before = revisions[place - 1];
        return before === undefined || (before.until !== undefined && before.until < from);
      }),
    { error: "has months twice, or out of order" },
  ),
);
