import type { GapBatch } from "@stratctl/sdk/internal";
import { MINUTE_MS } from "./clock.ts";
import type { Gap } from "./sample.ts";

interface Span {
  readonly strategy_id: number;
  readonly from_ms: number;
  readonly reason: string;
  to_ms: number;
}

/** Beyond, the newest are not kept: the table then says that nobody marked those minutes. 100 bytes each. */
const SPANS_MAX = 1_000_000;

/** Minutes without a candle that the database does not know of yet: those on end for one reason are one span. */
export class UnwrittenGaps {
  /** The last span of each strategy, which the next minute may make longer. */
  readonly #last = new Map<number, Span>();
  #waiting: Span[] = [];
  #taken: Span[] = [];

  add(minute_ms: number, gaps: readonly Gap[]): void {
    for (const { strategy_id, reason } of gaps) {
      const last = this.#last.get(strategy_id);
      if (last?.reason === reason && last.to_ms === minute_ms - MINUTE_MS) last.to_ms = minute_ms;
      else if (this.#waiting.length + this.#taken.length < SPANS_MAX) {
        const span = { strategy_id, from_ms: minute_ms, to_ms: minute_ms, reason };
        this.#last.set(strategy_id, span);
        this.#waiting.push(span);
      }
    }
  }

  /** Those that wait; call `confirm` once they are written, or they are told again. */
  take(): { batch: GapBatch; confirm: () => void } {
    this.#taken = [...this.#taken, ...this.#waiting];
    this.#waiting = [];
    // What comes now begins a span of its own: the table puts it behind the one before.
    this.#last.clear();
    return { batch: batchOf(this.#taken), confirm: () => (this.#taken = []) };
  }
}

function batchOf(spans: readonly Span[]): GapBatch {
  return {
    length: spans.length,
    strategy_id: Int32Array.from(spans, ({ strategy_id }) => strategy_id),
    from_ms: Float64Array.from(spans, ({ from_ms }) => from_ms),
    to_ms: Float64Array.from(spans, ({ to_ms }) => to_ms),
    reason: spans.map(({ reason }) => reason),
  };
}
