import { StratctlError } from "@stratctl/sdk";
import { dayOf, type Calendar } from "@stratctl/sdk";
import { amountOf, DAY_MS, isoOf, MINUTE_MS, parseUnits } from "@stratctl/sdk/internal";

/**
 * What a person typed, as values: numbers go from text to value exactly, and what is no value is refused with its text.
 * Names, tags and ids go to the SDK as they are; its schemas say what is wrong with them.
 */

/** `75` units, or `2lots`, `1lot`, `2 lots`. */
export function quantityOf(text: string, hint?: string): { quantity: number } | { lots: number } {
  const match = /^(\d+)\s*(lots?)?$/i.exec(text.trim());
  const count = match === null ? 0 : Number(match[1]);
  const noun = /lots?$/i.test(text.trim()) ? "lots" : "quantity";
  if (count < 1 || count > 2_147_483_647) {
    const shown = /^-?[\d.]+$/.test(text) ? text : JSON.stringify(text);
    throw new StratctlError("input_invalid", `${noun} must be a whole number above 0, not ${shown}`, {
      hint: hint ?? "write units, like 75, or lots, like 2lots",
    });
  }
  return match?.[2] === undefined ? { quantity: count } : { lots: count };
}

/** A price as typed: a plain decimal above 0 with at most four decimals. `otherwise` says what leaving it out would mean. */
export function priceOf(text: string, { name = "price", otherwise }: { name?: string; otherwise?: string } = {}): number {
  const typed = text.trim();
  const units = parseUnits(typed);
  if (units !== null && units > 0) return amountOf(units);
  const hint = `write it like 101.55${otherwise === undefined ? "" : `, or ${otherwise}`}`;
  const decimals = /^-?\d+\.(\d+)$/.exec(typed)?.[1];
  if (decimals !== undefined && /[1-9]/.test(decimals.slice(4)))
    throw new StratctlError("input_invalid", `${name} ${typed} has more than four decimals`, { hint });
  if (units === null && /^\d+(\.\d+)?$/.test(typed))
    throw new StratctlError("money_too_large", `${name} ${typed} is beyond what can be kept, 500,000,000,000`, {});
  throw new StratctlError("input_invalid", `${name} ${JSON.stringify(text)} is not a number above 0`, { hint });
}

/** A price to leave at: as above, or 0 where an option expired worthless. */
export function exitPriceOf(text: string): number {
  return /^0+(\.0+)?$/.test(text.trim()) ? 0 : priceOf(text, { otherwise: "leave --price out to leave at the last quote" });
}

/** Units in a lot, as typed. */
export function unitsOfLot(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text.trim())) return Number(text);
  throw new StratctlError("input_invalid", `lot size must be a whole number above 0, not ${JSON.stringify(text)}`, {
    hint: "write it like 75",
  });
}

/** What is wrong with something typed, for a question that is to be asked again; null where nothing is. */
export function complaintOf(parse: () => unknown): string | null {
  try {
    parse();
    return null;
  } catch (error) {
    if (error instanceof StratctlError) return error.hint === null ? error.message : `${error.message}; ${error.hint}`;
    throw error;
  }
}

/** Rupees as typed, 0 or more; nothing typed means that the amount is not known. */
export function amountOrNull(text: string, name: string): number | null {
  if (text.trim() === "") return null;
  const units = parseUnits(text.trim());
  if (units !== null && units >= 0) return amountOf(units);
  throw new StratctlError("input_invalid", `${name} ${JSON.stringify(text)} is not an amount of rupees`, {
    hint: 'write it like 250000 or 250000.50, or "" for unknown',
  });
}

const SPANS = { ms: 1, s: 1000, m: MINUTE_MS, h: 60 * MINUTE_MS } as const;

/** A span of time, `1s`, `500ms` or `2m`, in milliseconds. */
export function spanOf(text: string, name: string): number {
  const match = /^(\d+)(ms|s|m|h)$/.exec(text.trim());
  const unit = (["ms", "s", "m", "h"] as const).find((known) => known === match?.[2]);
  if (match !== null && unit !== undefined && Number(match[1]) > 0) return Number(match[1]) * SPANS[unit];
  throw new StratctlError("input_invalid", `${name} ${JSON.stringify(text)} is not a span of time`, { hint: "write it like 1s or 5s" });
}

/** How fast a recording runs: `max`, or a multiple of recorded time, `1` or `60x`. */
export function speedOf(text: string): "max" | number {
  if (text === "max") return "max";
  const match = /^(\d+(?:\.\d+)?)x?$/.exec(text);
  const speed = Number(match?.[1] ?? 0);
  if (speed > 0) return speed;
  throw new StratctlError("input_invalid", `speed ${JSON.stringify(text)} is not a speed`, {
    hint: "write max, or times recorded time, like 1 or 60",
  });
}

/**
 * A day or an instant of the exchange: `2025-07-31`, `2025-07-31 09:15`, `09:15` (of `day`), or any instant with a zone or as
 * epoch seconds. A day alone means its first instant as a beginning and its last as an end.
 */
export function instantOf(text: string, about: { name: string; calendar: Calendar; day: string; edge: "from" | "to" }): string {
  const typed = text.trim();
  if (/^\d{9,13}$/.test(typed)) return isoOf(typed.length > 11 ? Number(typed) : Number(typed) * 1000);
  const zoned_ms = /(?:Z|[+-]\d\d:?\d\d)$/i.test(typed.slice(11)) ? Date.parse(typed) : Number.NaN;
  if (!Number.isNaN(zoned_ms)) return isoOf(zoned_ms);
  const match = /^(?:(\d{4}-\d\d-\d\d)[T ]?)?(?:(\d\d:\d\d)(:\d\d)?)?$/.exec(typed);
  const day = match?.[1] ?? about.day;
  const time = match?.[2];
  const at_ms = Date.parse(`${day}T${time ?? "00:00"}${match?.[3] ?? ":00"}Z`) - about.calendar.zone.offset_minutes * MINUTE_MS;
  if (typed === "" || match === null || !isDay(day) || Number.isNaN(at_ms))
    throw new StratctlError("input_invalid", `${about.name} ${JSON.stringify(text)} is not a time`, {
      hint: 'write it like 09:15, "2025-07-31 09:15" (of the exchange), or 2025-07-31T09:15:00+05:30',
    });
  return isoOf(time === undefined && about.edge === "to" ? at_ms + DAY_MS - 1 : at_ms);
}

/** A day of the exchange: `2025-07-31`, `today`, `yesterday` (the calendar's, a holiday or not). */
export function dayTyped(text: string, calendar: Calendar, now_ms: number): string {
  if (text === "today") return dayOf(calendar, now_ms);
  if (text === "yesterday") return dayOf(calendar, now_ms - DAY_MS);
  if (isDay(text)) return text;
  throw new StratctlError("input_invalid", `day ${JSON.stringify(text)} is not a day`, { hint: "write it like 2025-07-31, or today" });
}

/** Date.parse would take 30 February for 2 March. */
function isDay(text: string): boolean {
  const at_ms = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(text) : Number.NaN;
  return !Number.isNaN(at_ms) && isoOf(at_ms).startsWith(text);
}
