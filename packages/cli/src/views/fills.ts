import type { Fill, Strategy } from "@stratctl/sdk";
import type { ViewOptions } from "../output.ts";
import { clean, paint, priceText, rupees, toneOf, UNKNOWN } from "../terminal/format.ts";
import { whenText, ZONE } from "../terminal/moment.ts";
import { SPARE, table, type Column } from "../terminal/table.ts";
import { totalOf } from "./sums.ts";

export function fillList({ name, account_id }: Strategy, fills: readonly Fill[], { width, color, now_ms }: ViewOptions): string {
  if (fills.length === 0) return `${clean(name)} has no fills yet`;
  const realized = totalOf(fills.flatMap(({ realized_pnl }) => realized_pnl ?? []));
  return [
    `${paint(clean(name), "strong", color)} · ${clean(account_id)} · times in ${ZONE}`,
    "",
    table(columnsAt(now_ms), fills, {
      width,
      color,
      footer: { "realized ₹": { text: rupees(realized, { signed: true }), tone: toneOf(realized) } },
    }),
  ].join("\n");
}

/** What was kept of a trade: two lines where it went through zero. */
export function fillLines(fills: readonly Fill[], { color }: ViewOptions): string {
  return fills
    .map(({ id, side, quantity, instrument, price, realized_pnl }) => {
      const line = `Kept ${id}  ${side} ${quantity} ${clean(instrument)} @ ${priceText(price)}`;
      return realized_pnl === null
        ? line
        : `${line}, realized ₹ ${paint(rupees(realized_pnl, { signed: true }), toneOf(realized_pnl), color)}`;
    })
    .join("\n");
}

function columnsAt(now_ms: number): readonly Column<Fill>[] {
  return [
    { title: "time", cell: ({ at }) => whenText(Date.parse(at), now_ms) },
    { title: "side", cell: ({ side }) => side },
    { title: "quantity", cell: ({ quantity }) => String(quantity), align: "right" },
    { title: "instrument", cell: ({ instrument }) => clean(instrument), shrink: { to: 12, cut: "start" } },
    { title: "price", cell: ({ price }) => priceText(price), align: "right", rank: 1 },
    {
      title: "realized ₹",
      cell: ({ realized_pnl }) =>
        realized_pnl === null ? UNKNOWN : { text: rupees(realized_pnl, { signed: true }), tone: toneOf(realized_pnl) },
      align: "right",
    },
    { title: "by", cell: ({ source, cost_method }) => (cost_method === "fifo" ? `${source}, fifo` : source), rank: 2 },
    { title: "leg", cell: ({ leg_id }) => String(leg_id), align: "right", rank: SPARE },
    { title: "trade id", cell: ({ external_id }) => clean(external_id ?? ""), rank: SPARE + 1, shrink: { to: 8 } },
  ];
}
