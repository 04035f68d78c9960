import { escaped } from "./html.ts";
import { clean, rupees } from "../terminal/format.ts";
import type { Series } from "../terminal/sparkline.ts";

/** A chart as HTML: SVG that takes whatever width there is, beside it what text must stay readable at any width. */
export interface Chart {
  /** What a reader who does not see it is told, before its figures. */
  readonly label: string;
  /** Below it, from left to right: a text and how many slots it stands for. */
  readonly axis: readonly { readonly text: string; readonly slots: number }[];
}

/**
 * A line that stops where nothing is known: a gap is never drawn over, and a value alone is a dot. P&L has its 0 in view; M2M is
 * what it is, since it may lie far from it.
 */
export function lineChart(series: Series, chart: Chart & { readonly of: "pnl" | "m2m" }): string {
  const known = series.filter((value) => value !== null);
  const last = known.at(-1);
  if (last === undefined) return NO_CANDLES;
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const [low, high] = chart.of === "pnl" ? [Math.min(0, least), Math.max(0, most)] : [least, most];
  const y = (value: number): string => placed(high === low ? 0.5 : (high - value) / (high - low));
  const isKnown = (slot: number): boolean => (series[slot] ?? null) !== null;
  const path = series
    .map((value, slot) => {
      if (value === null) return "";
      if (isKnown(slot - 1)) return `L${slot} ${y(value)}`;
      return isKnown(slot + 1) ? `M${slot} ${y(value)}` : "";
    })
    .join("");
  const alone = series.flatMap((value, slot) => (value === null || isKnown(slot - 1) || isKnown(slot + 1) ? [] : `M${slot} ${y(value)}h0`));
  const text = (amount: number): string => rupees(amount, { signed: chart.of === "pnl" });
  const zero = low <= 0 && high >= 0 ? lineAt("zero", { y: y(0), slots: series.length }) : "";
  const told = `${text(least)} to ${text(most)}, last ${text(last)}`;
  const dots = alone.length === 0 ? "" : `<path class="dots" d="${alone.join("")}"/>`;
  const drawn = `${zero}<path class="line" d="${path}"/>${dots}`;
  return framed(drawn, { ...chart, slots: series.length, told, scale: [text(high), text(low)] });
}

/** How far below its highest so far the P&L is, downwards; a bar a slot. */
export function fallChart(depths: Series, chart: Chart): string {
  const known = depths.filter((depth) => depth !== null);
  if (known.length === 0) return NO_CANDLES;
  const deepest = Math.max(...known);
  const bars = depths.flatMap((depth, slot) =>
    depth === null || depth === 0 ? [] : `M${slot} 0V${placed(depth / deepest)}H${slot + 1}V0Z`,
  );
  const drawn = `${lineAt("zero", { y: "0", slots: depths.length + 1 })}<path class="fall" d="${bars.join("")}"/>`;
  return framed(drawn, { ...chart, slots: depths.length + 1, told: `at most ${rupees(deepest)}`, scale: ["0.00", rupees(-deepest)] });
}

const NO_CANDLES = `<p class="none">no candles</p>`;
const HEIGHT = 100;

function placed(part: number): string {
  return (part * HEIGHT).toFixed(2).replace(/\.?0+$/, "");
}

function lineAt(kind: string, { y, slots }: { y: string; slots: number }): string {
  return `<path class="${kind}" d="M0 ${y}H${widthOf(slots)}"/>`;
}

/** The last slot's value stands at the right edge. */
function widthOf(slots: number): number {
  return Math.max(1, slots - 1);
}

interface Frame extends Chart {
  readonly slots: number;
  readonly told: string;
  /** At the upper and the lower edge. */
  readonly scale: readonly [string, string];
}

function framed(drawn: string, { label, axis, slots, told, scale }: Frame): string {
  const name = escaped(clean(`${label}: ${told}`));
  const starts = axis.map((_, place) => axis.slice(0, place).reduce((sum, part) => sum + part.slots, 0));
  const days = starts
    .slice(1)
    .map((slot) => `<path class="day" d="M${slot} 0V${HEIGHT}"/>`)
    .join("");
  const labels = axis.map(({ text, slots: share }) => `<span style="flex:${share}">${escaped(text)}</span>`).join("");
  const [top, bottom] = scale;
  return `<div class="chart"><svg viewBox="0 0 ${widthOf(slots)} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${name}">${days}${drawn}</svg>
<div class="scale" aria-hidden="true"><span>${escaped(top)}</span><span>${escaped(bottom)}</span></div>
<div class="axis" aria-hidden="true">${labels}</div></div>`;
}
