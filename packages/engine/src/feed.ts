import { amountOf, isoOf, pnlUnits, type Mark, type MarkBatch, type MarkFeed, type StreamOptions } from "@stratctl/sdk/internal";
import { legCount, placeOf, type Book } from "./book.ts";
import type { Sampler } from "./sample.ts";

/** For so long a channel holds its marks, and stays after its last reader has left. */
const HELD_MS = 60_000;
/** So often a group is asked whose marks it is of. */
const ASKED_MS = 60_000;

type Members = () => Promise<readonly number[]>;

/** The marks of an instant as they were made, in columns: as objects a minute of a large account would be hundreds of megabytes. */
type Sample = MarkBatch;

interface Channel {
  /** Ascending. */
  strategy_ids: readonly number[];
  /** Null: they stay as they are. */
  readonly members: Members | null;
  asked_ms: number;
  /** By instant, ascending. */
  held: Sample[];
  /** What was read last, as it was told: readers that follow are all given the same, and it is made once for all of them. */
  told: { readonly sample: Sample; readonly marks: Mark[] } | null;
  /** Every sample after this instant is held. */
  since_ms: number;
  /** Called once, at the next news. */
  waiting: (() => void)[];
  reader_count: number;
  left_at_ms: number;
  /** None of its strategies is in the book any more. */
  is_over: boolean;
}

/** The marks of strategies and groups of them at each sample, for who listens; the others cost nothing. */
export class LiveFeed implements MarkFeed {
  readonly #book: () => Book;
  readonly #channels = new Map<string, Channel>();
  /** The last pass, with or without a sample. */
  #now_ms = Number.NEGATIVE_INFINITY;
  #last_at_ms = Number.POSITIVE_INFINITY;

  constructor(book: () => Book) {
    this.#book = book;
  }

  get channel_count(): number {
    return this.#channels.size;
  }

  /** Forgets what nobody listens to any more; once a pass, since none may be sampled for days. */
  sweep(at_ms: number): void {
    this.#now_ms = at_ms;
    for (const [name, { reader_count, left_at_ms }] of this.#channels)
      if (reader_count === 0 && at_ms - left_at_ms > HELD_MS) this.#channels.delete(name);
  }

  /** Tells the sampler's last sample. */
  publish(sampler: Sampler, at_ms: number): void {
    for (const channel of this.#channels.values()) this.#tell(channel, sampler, at_ms);
    this.#last_at_ms = at_ms;
  }

  strategy(strategy_id: number, options: StreamOptions): AsyncIterable<Mark> | null {
    if (!this.#marks(strategy_id)) return null;
    return singly(this.#read(`strategy ${strategy_id}`, { strategy_ids: [strategy_id], members: null }, options));
  }

  async group(name: string, members: Members, options: StreamOptions): Promise<AsyncIterable<Mark[]> | null> {
    const strategy_ids = await members();
    if (!strategy_ids.some((strategy_id) => this.#marks(strategy_id))) return null;
    return this.#read(`group ${name}`, { strategy_ids, members }, options);
  }

  #marks(strategy_id: number): boolean {
    const place = placeOf(this.#book(), strategy_id);
    return place !== -1 && legCount(this.#book(), place) > 0;
  }

  #tell(channel: Channel, sampler: Sampler, at_ms: number): void {
    if (channel.members !== null && at_ms - channel.asked_ms >= ASKED_MS) void this.#ask(channel, channel.members, at_ms);
    channel.since_ms = Math.min(channel.since_ms, at_ms - 1);
    const sample = sampler.marksOf(channel.strategy_ids);
    if (sample !== null && sample.length > 0) channel.held.push(sample);
    const first = channel.held.findIndex((one) => one.at_ms > at_ms - HELD_MS);
    const old = channel.held.splice(0, first === -1 ? channel.held.length : first).at(-1);
    if (old !== undefined) channel.since_ms = old.at_ms;
    channel.is_over = !channel.strategy_ids.some((strategy_id) => placeOf(this.#book(), strategy_id) !== -1);
    for (const wake of channel.waiting.splice(0)) wake();
  }

  /** Where the database does not say, the channel goes on with those it has. */
  async #ask(channel: Channel, members: Members, at_ms: number): Promise<void> {
    channel.asked_ms = at_ms;
    channel.strategy_ids = await members().catch(() => channel.strategy_ids);
  }

  async *#read(
    name: string,
    of: Pick<Channel, "strategy_ids" | "members">,
    { signal, after, onGap }: StreamOptions,
  ): AsyncGenerator<Mark[], void, undefined> {
    signal?.throwIfAborted();
    const channel = this.#enter(name, of);
    const wakeAll = (): void => channel.waiting.splice(0).forEach((wake) => wake());
    signal?.addEventListener("abort", wakeAll);
    try {
      let seen_ms = after === undefined ? (channel.held.at(-1)?.at_ms ?? Number.NEGATIVE_INFINITY) : Date.parse(after);
      for (;;) {
        signal?.throwIfAborted();
        const next = channel.held.find(({ at_ms }) => at_ms > seen_ms);
        if (next !== undefined) {
          if (seen_ms !== Number.NEGATIVE_INFINITY && seen_ms < channel.since_ms) onGap?.({ from: isoOf(seen_ms), to: isoOf(next.at_ms) });
          seen_ms = next.at_ms;
          yield toldOf(channel, next);
        } else if (channel.is_over) return;
        else await new Promise<void>((resolve) => channel.waiting.push(resolve));
      }
    } finally {
      signal?.removeEventListener("abort", wakeAll);
      channel.reader_count -= 1;
      channel.left_at_ms = this.#now_ms;
    }
  }

  #enter(name: string, of: Pick<Channel, "strategy_ids" | "members">): Channel {
    const known = this.#channels.get(name);
    // One whose strategies had all gone from the book told its readers so: for those that are back it begins anew.
    if (known !== undefined && !known.is_over) {
      known.strategy_ids = of.strategy_ids;
      known.reader_count += 1;
      return known;
    }
    const channel: Channel = {
      ...of,
      asked_ms: this.#now_ms,
      held: [],
      told: null,
      since_ms: this.#last_at_ms,
      waiting: [],
      reader_count: 1,
      left_at_ms: 0,
      is_over: false,
    };
    this.#channels.set(name, channel);
    return channel;
  }
}

async function* singly(samples: AsyncIterable<Mark[]>): AsyncGenerator<Mark, void, undefined> {
  for await (const marks of samples) yield* marks;
}

function toldOf(channel: Channel, sample: Sample): Mark[] {
  if (channel.told?.sample !== sample) channel.told = { sample, marks: marksOf(sample) };
  return channel.told.marks;
}

function marksOf(batch: MarkBatch): Mark[] {
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
