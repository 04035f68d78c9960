import { MINUTE_MS } from "@stratctl/sdk/internal";
import type { NamedGap } from "../commands/gaps.ts";
import type { ViewOptions } from "../output.ts";
import { clean, counted, displayWidth, joined } from "../terminal/format.ts";
import { minuteText, shortDayText, ZONE } from "../terminal/moment.ts";
import { table, type Column } from "../terminal/table.ts";
import { reasonLine } from "./headline.ts";

export function gapList(gaps: readonly NamedGap[], { width, color, now_ms }: ViewOptions): string {
  if (gaps.length === 0) return "no gaps: every minute that was due has its candle";
  const minutes = gaps.reduce((sum, gap) => sum + gap.minutes, 0);
  const strategies = new Set(gaps.map(({ strategy_id }) => strategy_id)).size;
  // A reason is never cut: where the width has no room for it, it stands below.
  const beside = table([...columnsAt(gaps, now_ms), WHY], gaps, { width: Number.POSITIVE_INFINITY, color: false });
  const isBeside = beside.split("\n").every((line) => displayWidth(line) <= width);
  const columns = isBeside ? [...columnsAt(gaps, now_ms), WHY] : columnsAt(gaps, now_ms);
  return [
    joined([`${counted(minutes, "minute")} without a candle`, strategies === 1 ? "1 strategy" : `${strategies} strategies`, ZONE], width),
    "",
    table(columns, gaps, { width, color }),
    ...(isBeside ? [] : ["", ...reasonsOf(gaps)]),
    "",
    " fill them from recorded bars of the legs:",
    "   stratctl backfill --help",
  ].join("\n");
}

/** Each reason once, behind the strategies that it is of. */
function reasonsOf(gaps: readonly NamedGap[]): string[] {
  return [...Map.groupBy(gaps, ({ reason }) => reason)].map(([reason, all]) =>
    reasonLine([...new Set(all.map(({ strategy }) => clean(strategy)))].join(", "), reason),
  );
}

const WHY: Column<NamedGap> = { title: "why", cell: ({ reason }) => clean(reason) };

/** The end of a gap is told as the minute that has a candle again. */
function columnsAt(gaps: readonly NamedGap[], now_ms: number): readonly Column<NamedGap>[] {
  const dayOf = ({ first_minute }: NamedGap): string => shortDayText(Date.parse(first_minute), now_ms);
  const areOfOneDay = new Set(gaps.map(dayOf)).size === 1;
  return [
    { title: "id", cell: ({ strategy_id }) => String(strategy_id), align: "right", rank: 2 },
    { title: "strategy", cell: ({ strategy }) => clean(strategy), shrink: { to: 10 } },
    { title: "day", cell: dayOf, ...(areOfOneDay ? { rank: 3 } : {}) },
    { title: "from", cell: ({ first_minute }) => minuteText(Date.parse(first_minute)) },
    { title: "to", cell: ({ last_minute }) => minuteText(Date.parse(last_minute) + MINUTE_MS) },
    { title: "minutes", cell: ({ minutes }) => String(minutes), align: "right", rank: 1 },
  ];
}
