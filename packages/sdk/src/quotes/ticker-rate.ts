import type { SourceClock } from "./source.ts";

export interface RateOptions {
  readonly requests_per_second_max: number;
  readonly retry_after_ms_max: number;
  readonly clock: SourceClock;
  /** 0 ≤ n < 1. */
  readonly random: () => number;
}

/** A 429 that does not say how long: 1 s, 2 s, 4 s … 30 s. These waits are up to a quarter longer, so that clients part. */
const BACK_OFF_MS = { first: 1_000, max: 30_000 };
/** After a service did not answer, or with nothing but its own faults: one attempt every five seconds hurts nobody and finds it soon. */
const AWAY_MS = { first: 1_000, max: 5_000 };

/** Whether a request may be made now. */
export interface Gate {
  allowance(): { request_count: number; why: string | null };
  take(): boolean;
}

/** Of what a service may be asked, those who ask beside the one it is for get so much at most. */
const OTHERS_PART = 1 / 4;

/**
 * How fast a service may be asked: never more than `requests_per_second_max`, not at all while it ordered us to wait, and
 * with growing waits while it is away.
 */
export class TickerRate implements Gate {
  readonly #options: RateOptions;
  readonly #bucket: Bucket;
  #until_ms = Number.NEGATIVE_INFINITY;
  #why: string | null = null;
  /** Orders without a time, and failures, in a row. */
  #order_count = 0;
  #failure_count = 0;

  constructor(options: RateOptions) {
    this.#options = options;
    this.#bucket = new Bucket(options.requests_per_second_max, options.clock);
  }

  /** Requests that may be made at this moment; `why` where there are none for another reason than the rate. */
  allowance(): { request_count: number; why: string | null } {
    if (this.waits !== null) return { request_count: 0, why: this.waits };
    return { request_count: this.#bucket.level(), why: null };
  }

  /** For others: a part of it, so that however many ask, the rest is there for whom the service is for. */
  forOthers(): Gate {
    const { requests_per_second_max, clock } = this.#options;
    const part = new Bucket(requests_per_second_max * OTHERS_PART, clock);
    const allowance = (): ReturnType<Gate["allowance"]> => {
      const { request_count, why } = this.allowance();
      return { request_count: Math.min(request_count, part.level()), why };
    };
    return { allowance, take: () => allowance().request_count > 0 && part.take() && this.take() };
  }

  /** The order to wait that is in force, or null. */
  get waits(): string | null {
    return this.#options.clock.monotonic() < this.#until_ms ? this.#why : null;
  }

  /** True where a request may be made now; it is then counted. */
  take(): boolean {
    return this.waits === null && this.#bucket.take();
  }

  /** The service answered some request of a read. */
  answered(): void {
    this.#failure_count = 0;
  }

  /** The service answered none, or each with a fault of its own: waits, and says why. */
  failed(why: string): string {
    this.#failure_count += 1;
    return this.#wait(this.#growing(AWAY_MS, this.#failure_count), why);
  }

  /** Obeys an order to wait and says what it was; null where the answer held none. `retry_after` is the header as it came. */
  orderToWait(status: number, retry_after: string | string[] | undefined): string | null {
    const asked_ms = typeof retry_after === "string" ? retryAfterMs(retry_after, this.#options.clock.now()) : null;
    const orders = status === 429 || (status === 503 && asked_ms !== null);
    if (!orders) {
      this.#order_count = 0;
      return null;
    }
    if (asked_ms === null) {
      this.#order_count += 1;
      const wait_ms = this.#growing(BACK_OFF_MS, this.#order_count);
      return this.#wait(wait_ms, `${status}, waits ${seconds(wait_ms)}`);
    }
    const wait_ms = Math.min(asked_ms, this.#options.retry_after_ms_max);
    const capped = wait_ms < asked_ms ? ` (asked for ${seconds(asked_ms)})` : "";
    return this.#wait(wait_ms, `${status}, waits ${seconds(wait_ms)}${capped}`);
  }

  #growing({ first, max }: { first: number; max: number }, count: number): number {
    return Math.min(first * 2 ** Math.min(count - 1, 20), max) * (1 + this.#options.random() / 4);
  }

  /** Of several requests under way each may bring an order: the longest wait holds. */
  #wait(wait_ms: number, why: string): string {
    const until_ms = this.#options.clock.monotonic() + wait_ms;
    if (until_ms > this.#until_ms) {
      this.#until_ms = until_ms;
      this.#why = why;
    }
    return why;
  }
}

/** Fills with time, up to a second's worth, and one at least. */
class Bucket {
  readonly #per_second: number;
  readonly #clock: SourceClock;
  #tokens: number;
  #filled_ms: number;

  constructor(per_second: number, clock: SourceClock) {
    this.#per_second = per_second;
    this.#clock = clock;
    this.#tokens = Math.max(1, per_second);
    this.#filled_ms = clock.monotonic();
  }

  /** Whole tokens. */
  level(): number {
    const now_ms = this.#clock.monotonic();
    const earned = ((now_ms - this.#filled_ms) / 1000) * this.#per_second;
    this.#tokens = Math.min(this.#tokens + earned, Math.max(1, this.#per_second));
    this.#filled_ms = now_ms;
    return Math.floor(this.#tokens);
  }

  take(): boolean {
    if (this.level() === 0) return false;
    this.#tokens -= 1;
    return true;
  }
}

/** Retry-After: seconds, or an HTTP date. Null where it is neither. */
function retryAfterMs(header: string, now_ms: number): number | null {
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const at_ms = header.trim().endsWith(" GMT") ? Date.parse(header) : Number.NaN;
  return Number.isNaN(at_ms) ? null : Math.max(0, at_ms - now_ms);
}

function seconds(ms: number): string {
  return `${Number((ms / 1000).toFixed(1))} s`;
}
