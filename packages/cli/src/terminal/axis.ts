import { MINUTE_MS } from "@stratctl/sdk/internal";
import { columnsFor } from "./sparkline.ts";

/** The labels of time under a sparkline or a chart. */
export interface Times {
  /** The start of each slot, ascending, milliseconds since the epoch. */
  readonly starts: readonly number[];
  /** Where the last slot ends. */
  readonly end_ms: number;
  /** The exchange's zone, minutes east of UTC. */
  readonly offset_minutes: number;
}

/**
 * One line of labels under `width` columns of a series: where it begins, round times between as far as they fit, where it
 * ends. Within one day they are times, over several the days. Each stands under the column in which its time begins.
 */
export function timeAxis(times: Times, width: number): string {
  const { starts, end_ms } = times;
  const columns = columnsFor(starts.length, width);
  const [first] = starts;
  if (first === undefined || columns === 0) return "";
  const manyDays = dayOf(times, first) !== dayOf(times, end_ms - 1);
  const between = manyDays ? daysOf(times) : roundTimes(times, Math.floor(columns / ROOM));
  const text = (at_ms: number) => (manyDays ? dayText(dayOf(times, at_ms)) : timeText(times, at_ms));
  const labels = [0, ...between.filter((slot) => slot > 0)].map((slot) => ({
    column: Math.floor((slot * columns) / starts.length),
    text: text(starts[slot] ?? first),
  }));
  return placed(labels, { columns, text: text(manyDays ? end_ms - 1 : end_ms) });
}

/** Columns that a time and the room after it want. */
const ROOM = 9;
/** Minutes between round times, finest first. */
const STEPS = [5, 15, 30, 60, 120, 180, 360] as const;

/** Slots that begin at round times, at most `count` of them; where none does (hours from 09:15) an even choice. */
function roundTimes({ starts, offset_minutes }: Times, count: number): number[] {
  const slots = [...starts.keys()];
  for (const step of STEPS) {
    const found = slots.filter((slot) => ((starts[slot] ?? 0) / MINUTE_MS + offset_minutes) % step === 0);
    if (found.length > 0 && found.length <= count) return found;
  }
  const stride = Math.ceil(starts.length / Math.max(count, 1));
  return slots.filter((slot) => slot % stride === 0);
}

/** The first slot of each day. */
function daysOf(times: Times): number[] {
  const days = times.starts.map((at_ms) => dayOf(times, at_ms));
  return [...days.keys()].filter((slot) => days[slot] !== days[slot - 1]);
}

/** The labels on one line. The first and the last stay; one that would touch its neighbour or the last is left out. */
function placed(labels: readonly { column: number; text: string }[], last: { columns: number; text: string }): string {
  const lastColumn = Math.max(last.columns - last.text.length, 0);
  let line = "";
  for (const { column, text } of labels) {
    const isFree = line === "" ? text.length <= last.columns : column >= line.length + 2;
    if (isFree && (line === "" || column + text.length + 2 <= lastColumn)) line = line.padEnd(column) + text;
  }
  return lastColumn >= line.length + 2 ? line.padEnd(lastColumn) + last.text : line;
}

function local({ offset_minutes }: Times, at_ms: number): string {
  return new Date(at_ms + offset_minutes * MINUTE_MS).toISOString();
}

function dayOf(times: Times, at_ms: number): string {
  return local(times, at_ms).slice(0, 10);
}

function timeText(times: Times, at_ms: number): string {
  return local(times, at_ms).slice(11, 16);
}

function dayText(day: string): string {
  return new Date(`${day}T00:00:00Z`).toLocaleDateString("en-GB", { day: "numeric", month: "short", timeZone: "UTC" });
}
