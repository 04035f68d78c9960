import { AHEAD_MS_MAX } from "./board.ts";
import { MISSING, readMessage, type Told } from "./pubsub-message.ts";
import { MOCK } from "./price.ts";
import type { InstrumentRef, QuoteSink } from "./source.ts";
import type { RefusedFor } from "./tally.ts";

/** The last that was published of an instrument. */
interface Held {
  /** NaN where no price was. */
  price_units: number;
  at_ms: number;
  rounded: boolean;
  has_time: boolean;
  /** Why the last message was no price, where it was none. */
  refused: { readonly why: string; readonly reason: RefusedFor | undefined } | null;
}

/** As many as all exchanges list together; the one that has been silent for longest goes first. 60 MB at most. */
const HELD_MAX = 300_000;

/**
 * Prices as they were published, until somebody asks. The law: of an instrument the newest time is held (of equal times the
 * later told); a message without a time happened when it came, and one that only repeats such a price is no news.
 */
export class HeldQuotes {
  readonly #allow_mock: boolean;
  readonly #now: () => number;
  readonly #max: number;
  readonly #held = new Map<string, Held>();
  /** Messages that were not understood. */
  unread_count = 0;

  constructor({ allow_mock, now, held_max = HELD_MAX }: { allow_mock: boolean; now: () => number; held_max?: number }) {
    this.#allow_mock = allow_mock;
    this.#now = now;
    this.#max = held_max;
  }

  get size(): number {
    return this.#held.size;
  }

  take(text: string): void {
    const told = readMessage(text);
    if (told === null) this.unread_count += 1;
    else this.#hold(told);
  }

  /** Tells what is held of each; of a value that was refused once, or in each pass where there is no other. */
  tell(instruments: readonly InstrumentRef[], sink: QuoteSink): void {
    for (const [index, { instrument, instrument_token }] of instruments.entries()) {
      const held = this.#held.get(instrument) ?? (instrument_token === null ? undefined : this.#held.get(keyOf(instrument_token)));
      if (held === undefined) {
        sink.absent(index, "nothing published");
        continue;
      }
      const has_price = !Number.isNaN(held.price_units);
      if (held.refused !== null) sink.refused(index, held.refused.why, held.refused.reason);
      else if (!has_price) sink.absent(index, "published without a price");
      if (!has_price) continue;
      held.refused = null;
      sink.quote(index, held.price_units, held.at_ms, held.rounded);
    }
  }

  /** All its names lead to one thing: whoever asks by the token sees the message that came by the name. */
  #hold(told: Told): void {
    const keys = [...told.instruments, ...(told.instrument_token === null ? [] : [keyOf(told.instrument_token)])];
    const held = keys.map((key) => this.#held.get(key)).find((known) => known !== undefined) ?? nothing();
    this.#update(held, told);
    for (const key of keys) {
      this.#held.delete(key);
      this.#held.set(key, held);
    }
    for (const key of this.#held.keys()) {
      if (this.#held.size <= this.#max) break;
      this.#held.delete(key);
    }
  }

  #update(held: Held, { said, is_mock }: Told): void {
    const now_ms = this.#now();
    if (said === MISSING) return;
    if ("why" in said) held.refused = said;
    else if (is_mock && !this.#allow_mock) held.refused = MOCK;
    else if ((said.at_ms ?? now_ms) > now_ms + AHEAD_MS_MAX) held.refused = AHEAD;
    else this.#move(held, { ...said, now_ms });
  }

  #move(
    held: Held,
    { price_units, at_ms, rounded, now_ms }: { price_units: number; at_ms: number | null; rounded: boolean; now_ms: number },
  ): void {
    const repeats = at_ms === null && !held.has_time && held.price_units === price_units;
    const at = at_ms ?? (repeats ? held.at_ms : now_ms);
    // What was held before the clock was set back would hide every true quote.
    if (at < held.at_ms && held.at_ms <= now_ms + AHEAD_MS_MAX) return;
    held.price_units = price_units;
    held.at_ms = at;
    held.rounded = rounded;
    held.has_time = at_ms !== null;
    held.refused = null;
  }
}

const AHEAD = { why: "its time is ahead of this machine's clock", reason: "ahead" } as const;

function nothing(): Held {
  return { price_units: Number.NaN, at_ms: Number.NEGATIVE_INFINITY, rounded: false, has_time: false, refused: null };
}

/** No instrument is called so. */
function keyOf(instrument_token: number): string {
  return `#${instrument_token}`;
}
