import { setTimeout as timer } from "node:timers/promises";
import { assert, StratctlError } from "@stratctl/sdk/internal";

/** Time as the engine sees it. What is stored comes of `now`; ages, deadlines and intervals are measured by `monotonic`. */
export interface Clock {
  /** Milliseconds since the epoch, by the wall: may be set back and forth. */
  now(): number;
  /** Milliseconds since some instant: only ever goes on. */
  monotonic(): number;
  /** Resolves after about `ms`, or as soon as the signal is aborted; never rejects. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: (ms, signal) => timer(ms, undefined, { signal }).catch(() => undefined),
};

export interface Timing {
  /** Boundaries are the multiples of it since the epoch. */
  readonly interval_ms: number;
  /** A boundary is used up to this late, and skipped beyond. */
  readonly late_ms_max: number;
}

/** An instant at which a sample is due. */
export interface Boundary {
  readonly at_ms: number;
  /** How late the loop came to it. */
  readonly late_ms: number;
  /** Boundaries that went by unused since the one before: they are never caught up. */
  readonly skipped_count: number;
  /**
   * How far the wall clock moved since the boundary before beyond the time that passed: forward where somebody set it or the
   * machine was suspended, back (negative) where somebody set it. About 0 else.
   */
  readonly moved_ms: number;
}

/**
 * Every boundary of the wall clock, each as it comes, until the signal is aborted. The loop's body runs between two of
 * them, so there is one pass at a time; a body that takes longer than the interval costs boundaries, never precision,
 * since the wait is for the next boundary and not for the interval.
 */
export async function* boundaries(
  clock: Clock,
  { interval_ms, late_ms_max }: Timing,
  signal: AbortSignal,
): AsyncGenerator<Boundary, void, undefined> {
  assert(interval_ms > 0 && late_ms_max >= 0, `boundaries: interval ${interval_ms} ms, late ${late_ms_max} ms`);
  let skipped_count = 0;
  let apart_ms = clock.now() - clock.monotonic();
  let due = ceilTo(clock.now(), interval_ms);
  while (!signal.aborted) {
    const late_ms = clock.now() - due;
    if (late_ms < -interval_ms) {
      due = ceilTo(clock.now(), interval_ms); // the wall clock was set back: aim again, or sampling stops for that long
    } else if (late_ms < 0) {
      await clock.sleep(-late_ms, signal); // timers may fire early: look again
    } else if (late_ms > late_ms_max) {
      const next = ceilTo(clock.now(), interval_ms);
      skipped_count += (next - due) / interval_ms;
      due = next;
    } else {
      const before_ms = apart_ms;
      apart_ms = clock.now() - clock.monotonic();
      yield { at_ms: due, late_ms, skipped_count, moved_ms: apart_ms - before_ms };
      skipped_count = 0;
      due += interval_ms;
    }
  }
}

/** The least multiple of `step` that is not before `at_ms`. */
export function ceilTo(at_ms: number, step: number): number {
  return Math.ceil(at_ms / step) * step;
}

/** The greatest multiple of `step` that is not after `at_ms`. */
export function floorTo(at_ms: number, step: number): number {
  return Math.floor(at_ms / step) * step;
}

export const MINUTE_MS = 60_000;

/**
 * A sampling interval: whole seconds, since a candle keeps which seconds were sampled, that divide a minute, so that every
 * minute is sampled alike.
 *
 * @throws StratctlError input_invalid
 */
export function checkedInterval(interval_ms: number): number {
  if (interval_ms >= 1000 && interval_ms % 1000 === 0 && MINUTE_MS % interval_ms === 0) return interval_ms;
  throw new StratctlError("input_invalid", `a sampling interval of ${interval_ms / 1000} s does not divide a minute into whole seconds`, {
    hint: "take 1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30 or 60 s",
  });
}
