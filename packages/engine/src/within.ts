import { StratctlError } from "@stratctl/sdk/internal";
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

/** What went wrong, as an error of ours: a fault that nobody foresaw is told, and does not end the loop. */
export function failureOf(error: unknown): StratctlError {
  if (error instanceof StratctlError) return error;
  return new StratctlError("internal", error instanceof Error ? error.message : String(error), { cause: error });
}
