import type { DumpImported, Listing } from "@stratctl/sdk";
import type { ViewOptions } from "../output.ts";
import { clean, counted, priceText } from "../terminal/format.ts";
import { table, type Column } from "../terminal/table.ts";

export function listingList(found: readonly Listing[], { width, color }: ViewOptions): string {
  if (found.length === 0) return "nothing that was imported fits: stratctl instruments import kite.csv.gz";
  const columns: readonly Column<Listing>[] = [
    { title: "instrument", cell: ({ instrument }) => clean(instrument), shrink: { to: 12, cut: "start" } },
    { title: "expiry", cell: ({ expiry }) => expiry ?? "" },
    { title: "strike", cell: ({ strike }) => (strike === null ? "" : priceText(strike)), align: "right", rank: 3 },
    { title: "type", cell: ({ instrument_type }) => instrument_type, rank: 2 },
    { title: "lot", cell: ({ lot_size }) => (lot_size === null ? "" : String(lot_size)), align: "right" },
    { title: "tick ₹", cell: ({ tick_size }) => (tick_size === null ? "" : priceText(tick_size)), align: "right", rank: 1 },
  ];
  return table(columns, found, { width, color });
}

export function importedView({ row_count, added_count, changed_count, refused_count, other_count, other_exchanges }: DumpImported): string {
  const left_out = [
    ...(refused_count === 0 ? [] : [`${counted(refused_count, "row")} refused`]),
    ...(other_count === 0 ? [] : [`${counted(other_count, "row")} of ${other_exchanges.map(clean).join(", ")} left out`]),
  ];
  return [`${counted(row_count, "row")}: ${added_count} new, ${changed_count} changed`, ...left_out].join(", ");
}

/** Each row that was left out as no instrument, by its line. */
export function refusedLines({ path, refused, refused_count }: DumpImported): string {
  const lines = refused.map(({ line, message }) => `${path}:${line}: ${message}\n`);
  const more = refused_count - refused.length;
  return [...lines, ...(more > 0 ? [`and ${more} more\n`] : [])].join("");
}
