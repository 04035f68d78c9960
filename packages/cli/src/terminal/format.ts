import { stripVTControlCharacters } from "node:util";
import { formatUnits, unitsOf } from "@stratctl/sdk/internal";

/** What is shown where a value is not known; the reason stands beside it. */
export const UNKNOWN = "—";

export type Tone = "gain" | "loss" | "warning" | "faint" | "strong";

const CODES = { gain: [32, 39], loss: [31, 39], warning: [33, 39], faint: [2, 22], strong: [1, 22] } as const satisfies Record<
  Tone,
  readonly [number, number]
>;

/** Text in a tone. A tone never says what the text does not say too: losses have their minus, warnings their words. */
export function paint(text: string, tone: Tone | undefined, color: boolean): string {
  if (!color || tone === undefined || text.trim() === "") return text;
  const [on, off] = CODES[tone];
  return `\u001B[${on}m${text}\u001B[${off}m`;
}

/** The tone of a profit or a loss; nothing and the unknown have none. */
export function toneOf(amount: number | null): Tone | undefined {
  if (amount === null || amount === 0) return undefined;
  return amount > 0 ? "gain" : "loss";
}

/**
 * Rupees with two decimals in Indian grouping: 123456.5 → "1,23,456.50". Half away from zero; no sign on zero.
 * `signed` puts a plus before a gain.
 */
export function rupees(amount: number | null, { signed = false } = {}): string {
  if (amount === null) return UNKNOWN;
  const units = unitsOf(amount);
  const paise = Math.floor((Math.abs(units) + 50) / 100);
  const sign = paise === 0 ? "" : units < 0 ? "-" : signed ? "+" : "";
  return `${sign}${grouped(String(Math.floor(paise / 100)))}.${String(paise % 100).padStart(2, "0")}`;
}

/** A price a unit: at least two decimals and all that it has, since a currency pair moves by 0.0025. */
export function priceText(amount: number | null): string {
  if (amount === null) return UNKNOWN;
  const [whole = "0", fraction = ""] = formatUnits(unitsOf(amount)).split(".");
  const sign = whole.startsWith("-") ? "-" : "";
  return `${sign}${grouped(whole.slice(sign.length))}.${fraction.padEnd(2, "0")}`;
}

/** Digits in Indian grouping: the last three, then pairs. */
export function grouped(digits: string): string {
  return digits.replaceAll(/\d(?=(?:\d\d)+\d$)/g, "$&,");
}

/** How long ago, in the one unit that says it: "4s", "12m", "3h", "2d". */
export function ageText(age_ms: number | null): string {
  if (age_ms === null) return UNKNOWN;
  const seconds = Math.floor(Math.max(age_ms, 0) / 1000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** "1 leg", "4 legs", "no legs"; digits as a reader wants them unless they are to be `plain`, as in a pipe. */
export function counted(count: number, noun: string, digits: (digits: string) => string = grouped): string {
  return `${count === 0 ? "no" : digits(String(count))} ${noun}${count === 1 ? "" : "s"}`;
}

/** Digits as programs take them. */
export function plain(digits: string): string {
  return digits;
}

/**
 * Text from a database or a feed as a terminal may have it: whatever would move the cursor, ring or break the line becomes
 * a visible mark, so that a name cannot repaint the screen.
 */
export function clean(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/[\p{Cc}\u2028\u2029\u202A-\u202E\u2066-\u2069]/gu, "·");
}

const PLAIN = /^[ -~]*$/;
const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const WIDE =
  /^[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{1F300}-\u{1FAFF}\u{20000}-\u{3FFFD}]/u;
const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/** Columns that a text takes on a terminal, colours aside: two for what East Asia writes and for pictures. */
export function displayWidth(text: string): number {
  const bare = stripVTControlCharacters(text);
  return PLAIN.test(bare) ? bare.length : charactersOf(bare).reduce((width, character) => width + widthOf(character), 0);
}

function charactersOf(text: string): string[] {
  return Array.from(graphemes.segment(text), ({ segment }) => segment);
}

function widthOf(character: string): number {
  return ZERO_WIDTH.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
}

/** Text in at most `width` columns, cut with an ellipsis at its end, or at its start where the end tells things apart. */
export function fit(text: string, width: number, cut: "start" | "end" = "end"): string {
  if (displayWidth(text) <= width) return text;
  if (width < 1) return "";
  const characters = charactersOf(text);
  const kept: string[] = [];
  let left = width - 1;
  for (const character of cut === "end" ? characters : characters.toReversed()) {
    left -= widthOf(character);
    if (left < 0) break;
    kept.push(character);
  }
  return cut === "end" ? `${kept.join("")}…` : `…${kept.toReversed().join("")}`;
}

/** Words of a text, broken into lines at blanks where they do not fit; a word alone too long is left long. */
export function wrapped(text: string, width: number, indent = ""): string {
  return broken(text.split(" "), { width, indent, between: " " });
}

/** Parts joined by " · ", broken into lines at the joints where they do not fit; a part alone too long is left long. */
export function joined(parts: readonly string[], width: number, indent = ""): string {
  return broken(parts, { width, indent, between: " · " });
}

function broken(parts: readonly string[], { width, indent, between }: { width: number; indent: string; between: string }): string {
  const lines: string[] = [];
  let line = "";
  for (const part of parts) {
    const longer = line === "" ? `${indent}${part}` : `${line}${between}${part}`;
    if (line !== "" && displayWidth(longer) > width) {
      lines.push(line);
      line = `${indent}${part}`;
    } else line = longer;
  }
  if (line !== "") lines.push(line);
  return lines.join("\n");
}
