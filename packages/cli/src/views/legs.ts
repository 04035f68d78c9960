import type { Leg, Strategy } from "@stratctl/sdk";
import { formatUnits, STALE_MS_MAX, unitsOf } from "@stratctl/sdk/internal";
import type { ViewOptions } from "../output.ts";
import { ageText, clean, counted, joined, paint, priceText, rupees, toneOf, UNKNOWN, type Tone } from "../terminal/format.ts";
import { SPARE, table, type Column } from "../terminal/table.ts";
import { entryValueText, headline } from "./headline.ts";
import { totalOf, wholeOf } from "./sums.ts";

export function legList(strategy: Strategy, legs: readonly Leg[], options: ViewOptions): string {
  const open = legs.filter(({ closed_at }) => closed_at === null);
  if (legs.length === 0) return `${headline({ name: strategy.name, pnl: null, m2m: null }, options)}\n ${noLegs(strategy)}`;
  const pnl = wholeOf(legs.map(({ current_pnl }) => current_pnl));
  const known = legs.filter(({ current_pnl }) => current_pnl !== null).length;
  const entry_value = totalOf(open.map(({ direction, cost }) => (direction === "SELL" ? cost : -cost)));
  const unrealized = wholeOf(open.map(({ current_pnl }) => current_pnl));
  const closed = legs.filter(({ closed_at }) => closed_at !== null);
  const facts = [
    clean(strategy.account_id),
    ...(open.length === 0 ? [] : [entryValueText(entry_value)]),
    ...(closed.length === 0 ? [] : [`realized ${rupees(totalOf(closed.map(({ current_pnl }) => current_pnl)), { signed: true })}`]),
    ...(known < legs.length ? [`${known} of ${legs.length} priced`] : []),
  ];
  return [
    headline(
      {
        name: strategy.name,
        pnl,
        // Over the open legs unrealized = entry value − M2M; without one there is none.
        m2m: entry_value === null || unrealized === null || open.length === 0 ? null : totalOf([entry_value, -unrealized]),
        oldest_ms: oldestOf(open, options.now_ms),
      },
      options,
    ),
    joined(facts, options.width, " "),
    "",
    table(columnsAt(options.now_ms), legs, {
      width: options.width,
      color: options.color,
      footer: { "P&L ₹": { text: rupees(pnl, { signed: true }), tone: toneOf(pnl) } },
    }),
  ].join("\n");
}

/** A leg in one line, for what was added, closed or removed. */
export function legLine(leg: Leg): string {
  const lots = lotsOf(leg);
  return `${leg.direction} ${leg.quantity}${lots === "" ? "" : ` (${lots})`} ${clean(leg.instrument)} @ ${priceText(leg.entry_price)}`;
}

export type LegDone = "Added" | "Updated" | "Closed" | "Moved" | "Removed";

/** What happened to a leg, and for a removed one how to have it back. */
export function legDone(leg: Leg, done: LegDone, { color }: ViewOptions): string {
  const line = `${done} ${leg.id}  ${legLine(leg)}`;
  if (done === "Removed")
    return `${line}\n to add it again: stratctl leg add ${leg.strategy_id} ${leg.direction} ${leg.quantity} ${shellWord(leg.instrument)} --price ${formatUnits(unitsOf(leg.entry_price))}`;
  if (done !== "Closed") return line;
  return `${line} → ${priceText(leg.exit_price)}, realized ₹ ${paint(rupees(leg.current_pnl, { signed: true }), toneOf(leg.current_pnl), color)}`;
}

function noLegs({ name, status }: Strategy): string {
  return status === "archived" ? "no legs" : `no legs yet; add one: stratctl leg add ${shellWord(name)} SELL 1lot <instrument>`;
}

/** A name as a shell takes it. */
export function shellWord(text: string): string {
  return /^[\w.:@%+/-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

function columnsAt(now_ms: number): readonly Column<Leg>[] {
  return [
    { title: "id", cell: ({ id }) => String(id), align: "right" },
    { title: "side", cell: ({ direction }) => direction },
    { title: "quantity", cell: ({ quantity }) => String(quantity), align: "right", rank: 4 },
    { title: "lots", cell: lotsOf, rank: SPARE },
    { title: "instrument", cell: ({ instrument }) => clean(instrument), shrink: { to: 12, cut: "start" } },
    { title: "entry", cell: ({ entry_price }) => priceText(entry_price), align: "right", rank: 2 },
    { title: "last", cell: lastOf, align: "right", rank: 1 },
    { title: "age", cell: (leg) => ageOf(leg, now_ms), align: "right", rank: 3 },
    {
      title: "P&L ₹",
      cell: ({ current_pnl }) => ({ text: rupees(current_pnl, { signed: true }), tone: toneOf(current_pnl) }),
      align: "right",
    },
    { title: "notes", cell: ({ notes }) => ({ text: clean(notes ?? ""), tone: "faint" }), rank: SPARE + 1, shrink: { to: 10 } },
  ];
}

function lotsOf({ quantity, lot_size }: Leg): string {
  return lot_size === null || quantity % lot_size !== 0 ? "" : counted(quantity / lot_size, "lot");
}

/** The last price, or what a closed leg was left at. */
function lastOf({ closed_at, exit_price, current_price }: Leg): string {
  return priceText(closed_at === null ? current_price : exit_price);
}

function ageOf({ closed_at, current_price_at }: Leg, now_ms: number): { text: string; tone?: Tone } {
  if (closed_at !== null) return { text: "closed", tone: "faint" };
  if (current_price_at === null) return { text: UNKNOWN };
  const age_ms = now_ms - Date.parse(current_price_at);
  return age_ms > STALE_MS_MAX ? { text: ageText(age_ms), tone: "warning" } : { text: ageText(age_ms) };
}

function oldestOf(open: readonly Leg[], now_ms: number): number | null {
  const times = open.flatMap(({ current_price_at }) => (current_price_at === null ? [] : [Date.parse(current_price_at)]));
  return times.length === 0 ? null : now_ms - Math.min(...times);
}
