import { quickUnits, quickUnitsOfNumber, roundUnits } from "../model/money.ts";
import { isPlaceholder, PLACEHOLDER_FROM_UNITS } from "./placeholder.ts";
import type { QuoteSink } from "./source.ts";

/**
 * What a source says of an instrument, told to a sink: one policy for Redis and HTTP.
 *
 * A price is finite and above 0 after rounding half to even to 0.0001, and not what brokers send where they have none;
 * everything else is refused. Its time is the first
 * of `last_trade_time`, `exchange_timestamp`, `timestamp` and `ts` that can be read as an instant. What calls itself made up
 * (`is_mock`) is refused unless `allow_mock`, which nobody sets but for a trial.
 */

/** A value as text: a plain number, or JSON with `last_price` or `ltp` and a time. True where it was a price. */
export function tellText(sink: QuoteSink, index: number, text: string, allow_mock = false): boolean {
  const units = quickUnits(text);
  if (units > 0 && units < PLACEHOLDER_FROM_UNITS) {
    sink.quote(index, units, null, false);
    return true;
  }
  const trimmed = text.trim();
  return trimmed.startsWith("{") ? tellJson(sink, index, trimmed, allow_mock) : tellPrice(sink, index, trimmed, null);
}

/** A parsed JSON object with `last_price` or `ltp` and a time. True where it held a price. */
export function tellBody(sink: QuoteSink, index: number, body: unknown, allow_mock = false): boolean {
  if (!isRecord(body)) return refuse(sink, index, body);
  if (!allow_mock && isMock(body)) {
    sink.refused(index, MOCK.why, MOCK.reason);
    return false;
  }
  const price = body["last_price"] ?? body["ltp"];
  if (price === undefined || price === null) {
    sink.refused(index, "no last_price or ltp in it");
    return false;
  }
  if (typeof price !== "number" && typeof price !== "string") return refuse(sink, index, price);
  const units = typeof price === "number" ? quickUnitsOfNumber(price) : Number.NaN;
  if (units > 0 && units < PLACEHOLDER_FROM_UNITS) {
    sink.quote(index, units, timeOf(body), false);
    return true;
  }
  return tellPrice(sink, index, String(price), timeOf(body));
}

/** Whether a value calls itself made up, as its writer's language has it: `true`, 1, "true", "True", "1". */
export function isMock({ is_mock }: Readonly<Record<string, unknown>>): boolean {
  return is_mock === true || is_mock === 1 || (typeof is_mock === "string" && /^(true|1)$/i.test(is_mock.trim()));
}

export const MOCK = { why: "it calls itself made up (is_mock)", reason: "mock" } as const;

/**
 * Reads ISO 8601 (`2026-11-25T03:50:05Z`, `2026-11-25 09:20:05`; without a zone it is the exchange's, IST) and epoch
 * seconds or milliseconds, as number or digits. Null for anything else and for the sentinels that feeds send instead of
 * a time: around 1970 (epoch 0, as UTC or IST) and 19 January 2038 (the greatest 32-bit second).
 */
export function instantOf(value: unknown): number | null {
  const at_ms = typeof value === "string" ? instantOfText(value.trim()) : typeof value === "number" ? instantOfEpoch(value) : null;
  if (at_ms === null || at_ms < FIRST_TRADE_MS || (at_ms >= SENTINEL_2038.from_ms && at_ms < SENTINEL_2038.to_ms)) return null;
  return at_ms;
}

/**
 * Milliseconds since the epoch of ISO 8601 text with hours and minutes. A text without a zone is read at
 * `default_offset_ms` east of UTC, and refused where that is null. Null for anything else, 31 February included.
 */
export function isoMs(text: string, default_offset_ms: number | null): number | null {
  if (text[4] !== "-" || text[7] !== "-" || (text[10] !== "T" && text[10] !== " ") || text[13] !== ":") return null;
  const has_second = text[16] === ":";
  const second = has_second ? wholeAt(text, 17, 19) : 0;
  const day = wholeAt(text, 8, 10);
  const month = wholeAt(text, 5, 7) - 1;
  const minute_ms = Date.UTC(wholeAt(text, 0, 4), month, day, wholeAt(text, 11, 13), wholeAt(text, 14, 16));
  // What is no digit made it NaN; an hour or a month too many came out on another day.
  if (Number.isNaN(minute_ms + second) || second > 59 || wholeAt(text, 14, 16) > 59 || !isOnDay(minute_ms, { month, day })) return null;
  const tail = tailOf(text.slice(has_second ? 19 : 16), { has_second });
  const offset_ms = tail === null ? null : (tail.offset_ms ?? default_offset_ms);
  return tail === null || offset_ms === null ? null : minute_ms + second * 1000 + tail.fraction_ms - offset_ms;
}

/** All exchanges of the calendar keep Indian time, UTC+05:30, without daylight saving. */
export const IST_OFFSET_MS = 19_800_000;

/** The NSE's first trading day was 3 November 1994: nothing was quoted electronically before. */
export const FIRST_TRADE_MS = Date.UTC(1994, 10, 3);

/** 2^31 s is 2038-01-19T03:14:08Z; read as IST where it meant UTC, it lies on the day before. */
const SENTINEL_2038 = { from_ms: Date.UTC(2038, 0, 18), to_ms: Date.UTC(2038, 0, 20) };

/** From here on an epoch is milliseconds: as seconds it would be the year 5138. */
const EPOCH_MS_FROM = 1e11;

/** What follows hours, minutes and seconds: a fraction, and a zone. */
const ISO_TAIL = /^(?:[.,](\d{1,9}))?(?: ?(Z|z|[+-]\d\d:?\d\d))?$/;
const NO_TAIL = { fraction_ms: 0, offset_ms: null };

function tellJson(sink: QuoteSink, index: number, text: string, allow_mock: boolean): boolean {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    return refuse(sink, index, text);
  }
  return tellBody(sink, index, body, allow_mock);
}

/** A price as text, with the time that belongs to it. True where it was one. */
export function tellPrice(sink: QuoteSink, index: number, text: string, at_ms: number | null): boolean {
  const quick = quickUnits(text);
  const price = quick > 0 ? { units: quick, rounded: false } : roundUnits(text);
  if (price === null || price.units <= 0) return refuse(sink, index, text);
  if (isPlaceholder(price.units)) {
    sink.refused(index, `${text} stands for no price`, "placeholder");
    return false;
  }
  sink.quote(index, price.units, at_ms, price.rounded);
  return true;
}

function timeOf(body: Readonly<Record<string, unknown>>): number | null {
  return (
    instantOf(body["last_trade_time"]) ?? instantOf(body["exchange_timestamp"]) ?? instantOf(body["timestamp"]) ?? instantOf(body["ts"])
  );
}

/** Shows what was refused, cut short: it may be anything. */
function refuse(sink: QuoteSink, index: number, value: unknown): false {
  const shown = JSON.stringify(value) ?? "nothing";
  sink.refused(index, `${shown.length > 40 ? `${shown.slice(0, 40)}…` : shown} is not a price`);
  return false;
}

function instantOfEpoch(epoch: number): number | null {
  if (!Number.isFinite(epoch)) return null;
  return Math.round(epoch >= EPOCH_MS_FROM ? epoch : epoch * 1000);
}

function instantOfText(text: string): number | null {
  if (text[4] !== "-" && /^\d{1,16}(\.\d{1,9})?$/.test(text)) return instantOfEpoch(Number(text));
  return isoMs(text, IST_OFFSET_MS);
}

/** The number that stands there, NaN where not only digits do; read without an object, for a hundred thousand times a sample. */
function wholeAt(text: string, from: number, to: number): number {
  let number = 0;
  for (let at = from; at < to; at += 1) {
    const digit = text.charCodeAt(at) - 48;
    number = digit >= 0 && digit <= 9 ? number * 10 + digit : Number.NaN;
  }
  return number;
}

/** Date.UTC lets 31 February, 24:00 and month 13 roll over: what does not come back as written was no day. */
function isOnDay(at_ms: number, { month, day }: { month: number; day: number }): boolean {
  const date = new Date(at_ms);
  return date.getUTCMonth() === month && date.getUTCDate() === day;
}

function tailOf(tail: string, { has_second }: { has_second: boolean }): { fraction_ms: number; offset_ms: number | null } | null {
  if (tail === "") return NO_TAIL;
  const [found, fraction, zone] = ISO_TAIL.exec(tail) ?? [];
  if (found === undefined || (fraction !== undefined && !has_second)) return null;
  const fraction_ms = fraction === undefined ? 0 : Number(fraction.slice(0, 3).padEnd(3, "0"));
  return { fraction_ms, offset_ms: zone === undefined ? null : offsetOf(zone) };
}

function offsetOf(zone: string): number {
  if (zone === "Z" || zone === "z") return 0;
  const digits = zone.slice(1).replace(":", "");
  const minutes = Number(digits.slice(0, 2)) * 60 + Number(digits.slice(2));
  return (zone.startsWith("-") ? -1 : 1) * minutes * 60_000;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
