import { dayOf, lastSession, writeDays, type Calendar, type Db, type Fence, type Shard } from "@stratctl/sdk/internal";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";
import { failureOf } from "./within.ts";

export interface DayEndOptions {
  readonly db: Db;
  readonly calendar: Calendar;
  readonly shard: Shard | undefined;
  readonly clock: Clock;
  readonly log: Log;
}

export interface DayEndNews {
  /** What was sampled up to then is in the tables. */
  readonly written_to_ms: number;
  readonly exchanges: readonly string[];
  readonly fence: Fence;
}

/** After a failure it is tried again so much later. */
const AGAIN_MS = 60_000;
/** A close is one when the clock has shown it for so long: one that was set wrong for a moment ends no session. */
const CLOSED_FOR_MS = 120_000;

/**
 * Writes the figures of days when a session has ended: once its last candles are in the tables, and at the start what ended while
 * no engine ran. Days that are there are left as they are, but for the one whose end it sees.
 */
export class DayEnd {
  readonly #options: DayEndOptions;
  readonly #ending = new AbortController();
  /** The close up to which days are written. */
  #done_ms = Number.NEGATIVE_INFINITY;
  /** The close that the clock shows, and since when, on the monotonic clock. */
  #shown = { ended_ms: Number.NaN, since_ms: 0 };
  /** On the monotonic clock. */
  #again_ms = Number.NEGATIVE_INFINITY;
  #writing: Promise<void> | null = null;
  #has_failed = false;

  constructor(options: DayEndOptions) {
    this.#options = options;
  }

  /** Begins to write where a session has ended, and waits for nothing. */
  look({ written_to_ms, exchanges, fence }: DayEndNews): void {
    if (this.#writing !== null || this.#ending.signal.aborted) return;
    const { calendar, clock } = this.#options;
    const now_ms = clock.monotonic();
    const ended_ms = Math.max(...exchanges.map((exchange) => lastCloseOf(calendar, exchange, written_to_ms)));
    if (ended_ms !== this.#shown.ended_ms) this.#shown = { ended_ms, since_ms: now_ms };
    if (now_ms - this.#shown.since_ms < CLOSED_FOR_MS || now_ms < this.#again_ms) return;
    // A clock that was ahead has gone back: what it wrote is written anew when it ends.
    if (ended_ms < this.#done_ms) this.#done_ms = ended_ms;
    if (ended_ms <= this.#done_ms) return;
    this.#again_ms = now_ms + AGAIN_MS;
    this.#writing = this.#write(ended_ms, fence).finally(() => {
      this.#writing = null;
    });
  }

  /** Ends what is under way: what is missing is written after the next start. */
  async end(): Promise<void> {
    this.#ending.abort();
    await this.#writing;
  }

  async #write(now_ms: number, fence: Fence): Promise<void> {
    const { db, calendar, shard, log } = this.#options;
    const { signal } = this.#ending;
    try {
      // A day whose end this engine sees is its to write, whoever has written it before by a clock that was ahead.
      const over_from = Number.isFinite(this.#done_ms) ? dayOf(calendar, now_ms) : undefined;
      const { day_count, strategy_count } = await writeDays(db, { now_ms, calendar, shard, fence, signal, over_from });
      this.#done_ms = now_ms;
      this.#again_ms = Number.NEGATIVE_INFINITY;
      this.#has_failed = false;
      if (day_count > 0)
        log({ level: "info", event: "day", text: `figures of ${day_count} days written`, fields: { day_count, strategy_count } });
    } catch (error) {
      if (signal.aborted || this.#has_failed) return;
      const { code, message } = failureOf(error);
      this.#has_failed = true;
      // Whoever leads by now writes them.
      if (code !== "leadership_lost") log({ level: "warn", event: "day", text: `the day's figures wait: ${message}`, fields: { code } });
    }
  }
}

/** The close of the last session of an exchange that has ended by then. */
function lastCloseOf(calendar: Calendar, exchange: string, at_ms: number): number {
  const begun = lastSession(calendar, exchange, at_ms);
  const ended = begun !== null && begun.close_ms > at_ms ? lastSession(calendar, exchange, begun.open_ms - 1) : begun;
  return ended?.close_ms ?? Number.NEGATIVE_INFINITY;
}
