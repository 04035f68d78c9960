import { setTimeout as sleep } from "node:timers/promises";

/** Times of a client, in milliseconds: tests shorten them. */
export interface Pace {
  /** The longest first wait; each further one may be twice as long. */
  readonly wait_first_ms: number;
  readonly wait_max_ms: number;
  /** An order to wait (Retry-After) that is longer is not waited for: the call fails, and tells it. */
  readonly order_max_ms: number;
  /** A stream without a byte for so long is cut off: three heartbeats of the server. */
  readonly silence_ms: number;
  /** 0 ≤ n < 1. */
  readonly random: () => number;
}

export const PACE: Pace = { wait_first_ms: 250, wait_max_ms: 10_000, order_max_ms: 30_000, silence_ms: 45_000, random: Math.random };

/** How long to wait before another attempt, by how many failed in a row: anywhere up to a bound that doubles, so that many clients do not come back at once. */
export function waitOf({ wait_first_ms, wait_max_ms, random }: Pace, failed_count: number): number {
  return Math.floor(random() * Math.min(wait_max_ms, wait_first_ms * 2 ** (failed_count - 1)));
}

/** Throws the signal's reason as soon as it is aborted. */
export async function pause(wait_ms: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(wait_ms, undefined, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
