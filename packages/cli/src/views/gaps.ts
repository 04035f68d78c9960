import { MINUTE_MS } from "@stratctl/sdk/internal";
import type { NamedGap } from "../commands/gaps.ts";
import type { ViewOptions } from "../output.ts";
import { clean, counted } from "../terminal/format.ts";
import { minuteText, shortDayText, ZONE } from "../terminal/moment.ts";
import { table, type Column } from "../terminal/table.ts";

export function gapList(gaps: readonly NamedGap[], { width, color, now_ms }: ViewOptions): string {
  if (gaps.length === 0) return "no gaps: every minute that was due has its candle";
  const minutes = gaps.reduce((sum, gap) => sum + gap.minutes, 0);
  const strategies = new Set(gaps.map(({ strategy_id }) => strategy_id)).size;
  return [
    `${counted(minutes, "minute")} without a candle · ${strategies === 1 ? "1 strategy" : `${strategies} strategies`} · times in ${ZONE}`,
    "",
    table(columnsAt(now_ms), gaps, { width, color }),
    "",
    " fill them from recorded bars of the legs: stratctl backfill --help",
  ].join("\n");
}

/** The end of a gap is told as the minute that has a candle again. */
function columnsAt(now_ms: number): readonly Column<NamedGap>[] {
  return [
    { title: "id", cell: ({ strategy_id }) => String(strategy_id), align: "right", rank: 2 },
    { title: "strategy", cell: ({ strategy }) => clean(strategy), shrink: { to: 10 } },
    { title: "day", cell: ({ first_minute }) => shortDayText(Date.parse(first_minute), now_ms), rank: 3 },
    { title: "from", cell: ({ first_minute }) => minuteText(Date.parse(first_minute)) },
    { title: "to", cell: ({ last_minute }) => minuteText(Date.parse(last_minute) + MINUTE_MS) },
    { title: "minutes", cell: ({ minutes }) => String(minutes), align: "right", rank: 1 },
    { title: "why", cell: ({ reason }) => clean(reason), shrink: { to: 16 } },
  ];
}
