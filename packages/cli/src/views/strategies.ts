import { builtinCalendar, openAt, type Strategy, type StrategyWithLegs } from "@stratctl/sdk";
import type { ViewOptions } from "../output.ts";
import { ageText, clean, counted, joined, paint, rupees, toneOf, wrapped } from "../terminal/format.ts";
import { dayText, minuteText, shortDayText, whenText, ZONE } from "../terminal/moment.ts";
import { sparkline } from "../terminal/sparkline.ts";
import { SPARE, table, type Column } from "../terminal/table.ts";
import { headline, reasonLine } from "./headline.ts";
import { shellWord } from "./legs.ts";
import { totalOf } from "./sums.ts";
import { pnlSeries, type Timeline } from "./timeline.ts";

/** The session whose P&L the list draws, and each strategy's course through it. */
export interface Courses {
  readonly day_ms: number;
  readonly isToday: boolean;
  readonly timelines: ReadonlyMap<number, Timeline>;
}

const M2M = "M2M ₹";
/** From here on there is room for a sparkline beside all columns. */
const WIDE = 100;

const COLUMNS: readonly Column<Strategy>[] = [
  { title: "id", cell: ({ strategy_id }) => String(strategy_id), align: "right" },
  { title: "strategy", cell: (strategy) => nameOf(strategy), shrink: { to: 12 } },
  { title: "tags", cell: ({ tags }) => clean(tags.join(", ")), rank: SPARE, shrink: { to: 8 } },
  { title: "legs", cell: ({ instrument_count }) => String(instrument_count), align: "right", rank: 3 },
  {
    title: "P&L ₹",
    cell: ({ current_pnl }) => ({ text: rupees(current_pnl, { signed: true }), tone: toneOf(current_pnl) }),
    align: "right",
  },
  {
    title: "day ₹",
    cell: ({ day_pnl }) => ({ text: rupees(day_pnl, { signed: true }), tone: toneOf(day_pnl) }),
    align: "right",
    rank: 1,
  },
  { title: M2M, cell: ({ current_m2m }) => rupees(current_m2m), align: "right", rank: 2 },
];

/** Narrower than this a sparkline tells nothing. */
const SPARKLINE_LEAST = 18;

export function strategyList(account_id: string, strategies: readonly Strategy[], courses: Courses | null, options: ViewOptions): string {
  if (strategies.length === 0) return `no strategies like that in ${clean(account_id)}`;
  const held = strategies.filter(({ instrument_count, current_pnl }) => instrument_count > 0 || current_pnl !== null);
  const priced = held.filter(({ current_pnl }) => current_pnl !== null);
  const isTagged = strategies.some(({ tags }) => tags.length > 0);
  // The headline has the sum of the M2M: on a narrow screen a sparkline tells more than each one's.
  const hasM2m = courses === null || options.width >= WIDE;
  const shown = COLUMNS.filter(({ title }) => (title === "tags" ? isTagged : title === M2M ? hasM2m : true));
  const rest = courses === null ? undefined : sparklines(courses, options);
  const lines = [
    priced.length === 0
      ? joined([clean(account_id), market(options.now_ms)], options.width)
      : headline(
          {
            name: account_id,
            pnl: totalOf(priced.map(({ current_pnl }) => current_pnl)),
            m2m: totalOf(priced.map(({ current_m2m }) => current_m2m)),
            more: [
              ...ageOf(priced, options.now_ms),
              ...(priced.length < held.length ? [`${priced.length} of ${held.length} priced`] : []),
              market(options.now_ms),
            ],
          },
          options,
        ),
    "",
    table(shown, strategies, { width: options.width, color: options.color, ...(rest === undefined ? {} : { rest }) }),
    ...strategies.flatMap(({ strategy_id, reason }) => (reason === null ? [] : [reasonLine(strategy_id, reason)])),
  ];
  return lines.join("\n");
}

export function strategyCard(strategy: StrategyWithLegs, options: ViewOptions): string {
  const { account_id, status, description, tags, marked_at, stale, priced, instrument_count, reason, day_pnl_reason } = strategy;
  const created = `created ${dayText(Date.parse(strategy.created_at))}${strategy.created_by === null ? "" : ` by ${clean(strategy.created_by)}`}`;
  const marked = marked_at === null ? "never marked" : `marked ${whenText(Date.parse(marked_at), options.now_ms)} ${ZONE}`;
  const isPartly = priced !== null && priced < instrument_count;
  const facts = [
    clean(account_id),
    `id ${strategy.strategy_id}`,
    ...(strategy.is_default ? ["default"] : []),
    ...(status === "archived" ? ["archived"] : []),
    counted(instrument_count, "leg"),
    marked,
    ...(isPartly ? [`${priced} of ${instrument_count} priced`] : []),
    ...(stale === null || stale === 0 ? [] : [`${stale} stale`]),
    created,
    ...(tags.length === 0 ? [] : [`tags ${clean(tags.join(", "))}`]),
    ...(strategy.total_capital_deployed === null ? [] : [`capital ${rupees(strategy.total_capital_deployed)}`]),
    ...(strategy.total_margin_used === null ? [] : [`margin ${rupees(strategy.total_margin_used)}`]),
  ];
  return [
    headline({ name: strategy.name, pnl: strategy.current_pnl, m2m: strategy.current_m2m, more: dayOf(strategy, options) }, options),
    joined(facts, options.width, " "),
    ...(description === null || description === "" ? [] : [` ${clean(description)}`]),
    ...(reason === null ? [] : [reasonLine("no mark", reason)]),
    ...(day_pnl_reason === null ? [] : [wrapped(`day ₹ —: ${clean(day_pnl_reason)}`, options.width, " ")]),
    ...strategy.notices.map(({ message }) => paint(wrapped(clean(message), options.width, " "), "warning", options.color)),
  ].join("\n");
}

/** What it made since the close before, where that is known. */
function dayOf({ day_pnl }: Strategy, { color }: ViewOptions): string[] {
  return day_pnl === null ? [] : [`day ₹ ${paint(rupees(day_pnl, { signed: true }), toneOf(day_pnl), color)}`];
}

/** `Created 7  Condor`, with what to do next where that is plain. */
export function strategyDone({ strategy_id, name, status, instrument_count }: Strategy, done: string): string {
  const line = `${done} ${strategy_id}  ${clean(name)}`;
  if (status === "archived") return `${line}; its candles stay`;
  return instrument_count > 0 ? line : `${line}\n add a leg: stratctl leg add ${shellWord(name)} SELL 1lot <instrument>`;
}

function nameOf({ name, is_default, status }: Strategy): string {
  return clean(name) + (is_default ? "  ★" : "") + (status === "archived" ? " (archived)" : "");
}

function sparklines({ timelines, day_ms, isToday }: Courses, { color, now_ms }: ViewOptions) {
  return {
    title: `${isToday ? "today" : shortDayText(day_ms, now_ms)} (P&L)`,
    least: SPARKLINE_LEAST,
    cell: ({ strategy_id }: Strategy, width: number) => {
      const timeline = timelines.get(strategy_id);
      return timeline === undefined ? "" : sparkline(pnlSeries(timeline), { width, color });
    },
  };
}

/** How old the oldest of the marks is that the sums are made of. */
function ageOf(priced: readonly Strategy[], now_ms: number): string[] {
  const oldest_ms = priced.reduce((least, { marked_at }) => Math.min(least, marked_at === null ? now_ms : Date.parse(marked_at)), now_ms);
  return [`oldest mark ${ageText(now_ms - oldest_ms)}`];
}

function market(now_ms: number): string {
  const state = openAt(builtinCalendar(), "NFO", now_ms) === null ? "closed" : "open";
  return `${dayText(now_ms)} ${minuteText(now_ms)} ${ZONE} · NFO ${state}`;
}
