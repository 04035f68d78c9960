import type { Mark, Strategy } from "@stratctl/sdk";
import type { ViewOptions } from "../output.ts";
import { counted, fit, joined, rupees } from "../terminal/format.ts";
import { secondText, whenText, ZONE } from "../terminal/moment.ts";
import { rangeOf, sparkline, type Series } from "../terminal/sparkline.ts";
import { headline, reasonLine } from "./headline.ts";

export interface Live {
  readonly strategy: Strategy;
  /** Null before the first. */
  readonly mark: Mark | null;
  /** The P&L of all marks so far; null where it was not known. */
  readonly series: Series;
}

/** A strategy as it stands at this sample, and how it came here since somebody looks. */
export function liveView({ strategy, mark, series }: Live, { isOver }: { isOver: boolean }, options: ViewOptions): string {
  const { width, color, now_ms } = options;
  const end = isOver ? [] : ["Ctrl-C ends it"];
  if (mark === null) {
    const { name, current_pnl: pnl, current_m2m: m2m, marked_at } = strategy;
    const last = marked_at === null ? "never marked" : `last marked ${whenText(Date.parse(marked_at), now_ms)} ${ZONE}`;
    return [
      headline({ name, pnl, m2m }, options),
      joined([last, ...(isOver ? [] : ["waiting for the next mark"]), ...end], width, " "),
    ].join("\n");
  }
  const range = rangeOf(series);
  const facts = [
    `at ${secondText(Date.parse(mark.at))} ${ZONE}`,
    `${mark.priced} of ${counted(mark.instrument_count, "leg")} priced`,
    ...(mark.stale === 0 ? [] : [`${mark.stale} stale`]),
    ...(range === null ? [] : [`low ${rupees(range.low, { signed: true })}`, `high ${rupees(range.high, { signed: true })}`]),
    ...end,
  ];
  // A column a mark until the line is full: a bar does not grow wide because it is the only one.
  const bars = sparkline(series, { width: Math.min(series.length, width - 2), color });
  return [
    headline({ name: strategy.name, pnl: mark.pnl, m2m: mark.m2m, oldest_ms: mark.oldest_age_ms }, options),
    ...(bars === "" ? [] : [` ${bars}`]),
    joined(facts, width, " "),
    ...(mark.reason === null ? [] : [fit(reasonLine("no mark", mark.reason), width)]),
  ].join("\n");
}
