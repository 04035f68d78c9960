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

/**
 * How fast a service may be asked: never more than `requests_per_second_max`, not at all while it ordered us to wait, and
 * with growing waits while it is away.
 */
export class TickerRate {
  readonly #options: RateOptions;
  #tokens: number;
  #filled_ms: number;
  #until_ms = Number.NEGATIVE_INFINITY;
  #why: string | null = null;
  /** Orders without a time, and failures, in a row. */
  #order_count = 0;
  #failure_count = 0;

  constructor(options: RateOptions) {
    this.#options = options;
    this.#tokens = options.requests_per_second_max;
    this.#filled_ms = options.clock.monotonic();
  }

  /** Requests that may be made at this moment; `why` where there are none for another reason than the rate. */
  allowance(): { request_count: number; why: string | null } {
    if (this.waits !== null) return { request_count: 0, why: this.waits };
    const now_ms = this.#options.clock.monotonic();
    const { requests_per_second_max } = this.#options;
    const earned = ((now_ms - this.#filled_ms) / 1000) * requests_per_second_max;
    this.#tokens = Math.min(this.#tokens + earned, Math.max(1, requests_per_second_max));
    this.#filled_ms = now_ms;
    return { request_count: Math.floor(this.#tokens), why: null };
  }

  /** The order to wait that is in force, or null. */
  get waits(): string | null {
    return this.#options.clock.monotonic() < this.#until_ms ? this.#why : null;
  }

  /** True where a request may be made now; it is then counted. */
  take(): boolean {
    if (this.allowance().request_count === 0) return false;
    this.#tokens -= 1;
    return true;
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

/** Retry-After: seconds, or an HTTP date. Null where it is neither. */
function retryAfterMs(header: string, now_ms: number): number | null {
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const at_ms = header.trim().endsWith(" GMT") ? Date.parse(header) : Number.NaN;
  return Number.isNaN(at_ms) ? null : Math.max(0, at_ms - now_ms);
}

function seconds(ms: number): string {
  return `${Number((ms / 1000).toFixed(1))} s`;
}
