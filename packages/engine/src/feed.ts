import { amountOf, isoOf, pnlUnits, type Mark, type MarkBatch, type MarkFeed, type StreamOptions } from "@stratctl/sdk/internal";
import type { Book } from "./book.ts";
import type { Sampler } from "./sample.ts";

/** For so long a channel holds its marks, and stays after its last reader has left. */
const HELD_MS = 60_000;

interface Channel {
  /** By instant, ascending. */
  held: Mark[];
  /** Every mark after this instant is held. */
  since_ms: number;
  /** Called once, at the next news. */
  waiting: (() => void)[];
  reader_count: number;
  left_at_ms: number;
  /** The strategy is not in the book any more. */
  is_over: boolean;
}

/** The marks of strategies at each sample, for who listens; the others cost nothing. Of accounts nothing is held yet. */
export class LiveFeed implements MarkFeed {
  readonly #book: () => Book;
  readonly #channels = new Map<number, Channel>();
  #last_at_ms = Number.POSITIVE_INFINITY;

  constructor(book: () => Book) {
    this.#book = book;
  }

  get channel_count(): number {
    return this.#channels.size;
  }

  /** Tells the sampler's last sample. */
  publish(sampler: Sampler, at_ms: number): void {
    if (this.#channels.size > 0) this.#tell(sampler, at_ms);
    this.#last_at_ms = at_ms;
  }

  strategy(strategy_id: number, options: StreamOptions): AsyncIterable<Mark> | null {
    return this.#book().strategy_id.includes(strategy_id) ? this.#read(strategy_id, options) : null;
  }

  account(): null {
    return null;
  }

  #tell(sampler: Sampler, at_ms: number): void {
    const marks = new Map(marksOf(sampler.marksOf([...this.#channels.keys()])).map((mark) => [mark.strategy_id, mark]));
    for (const [strategy_id, channel] of this.#channels) {
      if (channel.reader_count === 0 && at_ms - channel.left_at_ms > HELD_MS) {
        this.#channels.delete(strategy_id);
        continue;
      }
      channel.since_ms = Math.min(channel.since_ms, at_ms - 1);
      const mark = marks.get(strategy_id);
      if (mark !== undefined) channel.held.push(mark);
      const first = channel.held.findIndex(({ at }) => Date.parse(at) > at_ms - HELD_MS);
      const old = channel.held.splice(0, first === -1 ? channel.held.length : first).at(-1);
      if (old !== undefined) channel.since_ms = Date.parse(old.at);
      channel.is_over = !this.#book().strategy_id.includes(strategy_id);
      for (const wake of channel.waiting.splice(0)) wake();
    }
  }

  async *#read(strategy_id: number, { signal, after, onGap }: StreamOptions): AsyncGenerator<Mark, void, undefined> {
    signal?.throwIfAborted();
    const channel = this.#enter(strategy_id);
    const wakeAll = (): void => channel.waiting.splice(0).forEach((wake) => wake());
    signal?.addEventListener("abort", wakeAll);
    try {
      const last = after ?? channel.held.at(-1)?.at;
      let seen_ms = last === undefined ? Number.NEGATIVE_INFINITY : Date.parse(last);
      for (;;) {
        signal?.throwIfAborted();
        const next = channel.held.find(({ at }) => Date.parse(at) > seen_ms);
        if (next !== undefined) {
          if (seen_ms !== Number.NEGATIVE_INFINITY && seen_ms < channel.since_ms) onGap?.({ from: isoOf(seen_ms), to: next.at });
          seen_ms = Date.parse(next.at);
          yield next;
        } else if (channel.is_over) return;
        else await new Promise<void>((resolve) => channel.waiting.push(resolve));
      }
    } finally {
      signal?.removeEventListener("abort", wakeAll);
      channel.reader_count -= 1;
      channel.left_at_ms = this.#last_at_ms;
    }
  }

  #enter(strategy_id: number): Channel {
    const channel = this.#channels.get(strategy_id) ?? {
      held: [],
      since_ms: this.#last_at_ms,
      waiting: [],
      reader_count: 0,
      left_at_ms: 0,
      is_over: false,
    };
    this.#channels.set(strategy_id, channel);
    channel.reader_count += 1;
    return channel;
  }
}

function marksOf(batch: MarkBatch | null): Mark[] {
  if (batch === null) return [];
  const at = isoOf(batch.at_ms);
  return Array.from(batch.strategy_id, (strategy_id, row) => {
    const entry_value_units = batch.entry_value_units[row] ?? 0;
    const realized_pnl_units = batch.realized_pnl_units[row] ?? 0;
    const m2m_units = batch.m2m_units[row] ?? Number.NaN;
    const is_mark = !Number.isNaN(m2m_units);
    const oldest_age_ms = batch.oldest_age_ms[row] ?? Number.NaN;
    return {
      strategy_id,
      at,
      age_ms: 0,
      m2m: is_mark ? amountOf(m2m_units) : null,
      pnl: is_mark ? amountOf(pnlUnits({ realized_pnl_units, entry_value_units, m2m_units })) : null,
      unrealized_pnl: is_mark ? amountOf(entry_value_units - m2m_units) : null,
      entry_value: amountOf(entry_value_units),
      realized_pnl: amountOf(realized_pnl_units),
      instrument_count: batch.instrument_count[row] ?? 0,
      priced: batch.priced[row] ?? 0,
      stale: batch.stale[row] ?? 0,
      oldest_age_ms: Number.isNaN(oldest_age_ms) ? null : oldest_age_ms,
      reason: batch.reason[row] ?? null,
    };
  });
}
