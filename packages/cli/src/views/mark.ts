import type { Mark, Strategy } from "@stratctl/sdk";
import type { ViewOptions } from "../output.ts";
import { counted, joined, rupees } from "../terminal/format.ts";
import { whenText, ZONE } from "../terminal/moment.ts";
import { entryValueText, headline, reasonLine } from "./headline.ts";
import { shellWord } from "./legs.ts";

export function markCard(strategy: Strategy, mark: Mark | null, { isNow }: { isNow: boolean }, options: ViewOptions): string {
  if (mark === null)
    return [
      headline({ name: strategy.name, pnl: null, m2m: null }, options),
      ` never marked; ask the sources: stratctl mark ${shellWord(strategy.name)} --now, or run: stratctl daemon`,
    ].join("\n");
  const facts = [
    `${isNow ? "at" : "marked"} ${whenText(Date.parse(mark.at), options.now_ms)} ${ZONE}`,
    `${mark.priced} of ${counted(mark.instrument_count, "leg")} priced`,
    `${mark.stale} stale`,
    entryValueText(mark.entry_value),
    `unrealized ${rupees(mark.unrealized_pnl, { signed: true })}`,
    `realized ${rupees(mark.realized_pnl, { signed: true })}`,
  ];
  return [
    headline({ name: strategy.name, pnl: mark.pnl, m2m: mark.m2m, oldest_ms: oldestNow(mark, isNow) }, options),
    joined(facts, options.width, " "),
    ...(mark.reason === null ? [] : [reasonLine("no mark", mark.reason)]),
  ].join("\n");
}

/** A price that was old when the mark was made is older when it is read. */
function oldestNow({ oldest_age_ms, age_ms }: Mark, isNow: boolean): number | null {
  return oldest_age_ms === null ? null : oldest_age_ms + (isNow ? 0 : age_ms);
}
