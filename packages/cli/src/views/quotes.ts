import type { Quote } from "@stratctl/sdk";
import type { ViewOptions } from "../output.ts";
import { ageText, clean, priceText } from "../terminal/format.ts";
import { whenText } from "../terminal/moment.ts";
import { table, type Column } from "../terminal/table.ts";
import { reasonLine } from "./headline.ts";

export function quoteList(quotes: readonly Quote[], { width, color, now_ms }: ViewOptions): string {
  const columns: readonly Column<Quote>[] = [
    { title: "instrument", cell: ({ instrument }) => clean(instrument), shrink: { to: 12, cut: "start" } },
    { title: "last ₹", cell: ({ price }) => ({ text: priceText(price), tone: "strong" }), align: "right" },
    { title: "age", cell: ({ age_ms }) => ageText(age_ms), align: "right" },
    { title: "at", cell: ({ at }) => (at === null ? "" : whenText(Date.parse(at), now_ms)), rank: 2 },
    { title: "source", cell: ({ source }) => clean(source ?? ""), rank: 1 },
  ];
  const reasons = quotes.flatMap(({ instrument, reason }) => (reason === null ? [] : [reasonLine(instrument, reason)]));
  return [table(columns, quotes, { width, color }), ...reasons].join("\n");
}
