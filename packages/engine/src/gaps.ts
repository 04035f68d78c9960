import type { CandleBatch } from "@stratctl/sdk/internal";
import { legCount, type Book } from "./book.ts";
import { MINUTE_MS } from "./clock.ts";
import type { Gap } from "./sample.ts";

/** Minutes on end without a candle, for one reason. */
export interface GapSpan {
  /** The first and the last minute, by their starts. */
  readonly from_ms: number;
  readonly to_ms: number;
  readonly minute_count: number;
  readonly reason: string;
}

/** What became of a strategy through all its minutes. */
export interface StrategyNotes {
  readonly strategy_id: number;
  readonly candle_count: number;
  /** Candles in which a leg's price was stale at some sample. */
  readonly stale_candle_count: number;
  /** Minutes in session without a candle. */
  readonly gaps: readonly GapSpan[];
}

/** Keeps count of candles, stale ones and gaps, minute by minute. */
export class GapNotes {
  readonly #candles = new Map<number, number>();
  readonly #stale = new Map<number, number>();
  readonly #gaps = new Map<number, GapSpan[]>();
  #candle_count = 0;

  get candle_count(): number {
    return this.#candle_count;
  }

  add(minute_ms: number, candles: CandleBatch, gaps: readonly Gap[]): void {
    for (let place = 0; place < candles.length; place += 1) {
      const strategy_id = candles.strategy_id[place] ?? 0;
      count(this.#candles, strategy_id);
      if ((candles.stale_count[place] ?? 0) > 0) count(this.#stale, strategy_id);
    }
    this.#candle_count += candles.length;
    for (const { strategy_id, reason } of gaps) this.#addGap(strategy_id, { minute_ms, reason });
  }

  /** Strategies of the book that have legs, or had a candle. */
  of(book: Book): StrategyNotes[] {
    return this.ofStrategies([...book.strategy_id].filter((id, place) => legCount(book, place) > 0 || this.#candles.has(id)));
  }

  ofStrategies(strategy_ids: readonly number[]): StrategyNotes[] {
    return strategy_ids.map((strategy_id) => ({
      strategy_id,
      candle_count: this.#candles.get(strategy_id) ?? 0,
      stale_candle_count: this.#stale.get(strategy_id) ?? 0,
      gaps: this.#gaps.get(strategy_id) ?? [],
    }));
  }

  #addGap(strategy_id: number, { minute_ms, reason }: { minute_ms: number; reason: string }): void {
    const spans = this.#gaps.get(strategy_id) ?? [];
    this.#gaps.set(strategy_id, spans);
    const last = spans.at(-1);
    if (last?.reason === reason && last.to_ms === minute_ms - MINUTE_MS)
      spans[spans.length - 1] = { ...last, to_ms: minute_ms, minute_count: last.minute_count + 1 };
    else spans.push({ from_ms: minute_ms, to_ms: minute_ms, minute_count: 1, reason });
  }
}

function count(counts: Map<number, number>, key: number): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
