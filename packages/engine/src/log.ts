import type { Calendar } from "@stratctl/sdk/internal";
import type { Clock } from "./clock.ts";

export type Level = "info" | "warn" | "error";

/** One thing that happened: a word for machines, a line for people, and the figures in it. */
export interface LogLine {
  readonly level: Level;
  /** `ready`, `session`, `unpriced`, a source's name: short, since it is a column at a terminal. */
  readonly event: string;
  readonly text: string;
  /** True of what comes by the hundred: at a terminal a person would lose sight of the rest. */
  readonly for_machines?: boolean | undefined;
  readonly fields?: Readonly<Record<string, string | number | boolean | null | readonly string[] | readonly number[]>> | undefined;
}

export type Log = (line: LogLine) => void;

export interface LogOptions {
  readonly stream: { write(text: string): unknown };
  /** True: lines for people; false: JSON. */
  readonly is_terminal: boolean;
  /** The stream is systemd's journal: each line begins with its priority, `<4>`, which the journal takes off and keeps. */
  readonly is_journal?: boolean | undefined;
  readonly clock: Pick<Clock, "now">;
  readonly calendar: Calendar;
}

/** Writes the log of a daemon: `09:15:02  priced   all 8 instruments` at a terminal, JSON elsewhere. */
export async function createLog(options: LogOptions): Promise<Log> {
  return options.is_terminal ? terminalLog(options) : jsonLog(options);
}

/** Times are of the exchanges' zone, whatever that of the machine is. */
function terminalLog({ stream, clock, calendar }: LogOptions): Log {
  return ({ level, event, text, for_machines = false }) => {
    if (for_machines) return;
    const time = clockText(clock.now(), calendar);
    // What is wrong says so in words: colour may be off, and a pipe has none.
    const mark = level === "error" ? "error: " : "";
    stream.write(`${time}  ${event.padEnd(EVENT_WIDTH)} ${mark}${text}\n`);
  };
}

async function jsonLog({ stream, clock, is_journal = false }: LogOptions): Promise<Log> {
  const { pino } = await import("pino");
  const logger = pino(
    {
      base: null,
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (text) => void stream.write(text) },
  );
  return ({ level, event, text, fields }) => {
    // pino writes at once, so that what is put before a line stays before it.
    if (is_journal) stream.write(PRIORITY[level]);
    logger[level]({ event, ...fields }, text);
  };
}

/** As sd-daemon(3) has them. */
const PRIORITY = { info: "<6>", warn: "<4>", error: "<3>" } as const satisfies Record<Level, string>;

const EVENT_WIDTH = 8;

/** `15:40:00` in the exchanges' zone. */
export function clockText(at_ms: number, { zone }: Calendar): string {
  return new Date(at_ms + zone.offset_minutes * 60_000).toISOString().slice(11, 19);
}

/** `1,153` */
export function countText(count: number): string {
  return count.toLocaleString("en-IN");
}

/** `1 candle`, `1,153 candles`, `3 strategies`. */
export function countedText(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`;
}

/** The first few of a list: `A, B, C and 2 more`. */
export function namedText(names: readonly (string | number)[], max = 3): string {
  const rest = names.length - max;
  return rest > 0 ? `${names.slice(0, max).join(", ")} and ${countText(rest)} more` : names.join(", ");
}
