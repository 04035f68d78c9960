import type { Clock } from "./clock.ts";

/** What the promise brings, or null where it does not come within `ms` or before the signal is aborted. It goes on by itself. */
export async function within<Result>(
  promise: Promise<Result>,
  { ms, clock, signal }: { ms: number; clock: Clock; signal?: AbortSignal | undefined },
): Promise<Result | null> {
  const done = new AbortController();
  const either = signal === undefined ? done.signal : AbortSignal.any([done.signal, signal]);
  try {
    return await Promise.race([promise, clock.sleep(ms, either).then(() => null)]);
  } finally {
    done.abort();
    promise.catch(() => undefined); // past the deadline nobody waits for its failure
  }
}
