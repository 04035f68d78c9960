import { MONEY_MAX } from "@stratctl/sdk";
import type { ViewOptions } from "../output.ts";
import { ageText, clean, joined, paint, rupees, toneOf, UNKNOWN } from "../terminal/format.ts";

/** What every view begins with: whose, P&L, M2M and the age of the oldest price behind them; then what else there is. */
export function headline(
  about: { name: string; pnl: number | null; m2m: number | null; oldest_ms?: number | null; more?: readonly string[] },
  { width, color }: ViewOptions,
): string {
  const { name, pnl, m2m, oldest_ms, more = [] } = about;
  const parts = [
    paint(clean(name), "strong", color),
    `P&L ₹ ${paint(rupees(pnl, { signed: true }), toneOf(pnl), color)}`,
    `M2M ₹ ${rupees(m2m)}`,
    ...(oldest_ms === undefined || oldest_ms === null ? [] : [`oldest price ${ageText(oldest_ms)}`]),
    ...more,
  ];
  return joined(parts, width);
}

/** A positive entry value was received, a negative one paid; null is a sum beyond what money can be. */
export function entryValueText(entry_value: number | null): string {
  if (entry_value === null) return `entry value ${UNKNOWN} (beyond ${rupees(MONEY_MAX)})`;
  const kind = entry_value === 0 ? "" : entry_value > 0 ? " (credit)" : " (debit)";
  return `entry value ${rupees(entry_value)}${kind}`;
}

/** Why something has no mark, behind the id it is about. */
export function reasonLine(about: string | number, reason: string): string {
  return ` ${about}: ${clean(reason)}`;
}
