import type { ErrorCode } from "@stratctl/sdk";

/** What was looked at, and how it is. */
export interface Finding {
  /** `database`, `redis`: a word. */
  readonly what: string;
  /** `warn`: it works, and somebody should look; `fail`: it does not. */
  readonly state: "ok" | "warn" | "fail";
  readonly told: string;
  /** What to do about it, one line; null where nothing is to be done. */
  readonly advice: string | null;
  /** Where it fails: what a command that needs it would end with. */
  readonly code: ErrorCode | null;
}

export const ok = (what: string, told: string): Finding => ({ what, state: "ok", told, advice: null, code: null });

export const warn = (what: string, told: string, advice: string): Finding => ({ what, state: "warn", told, advice, code: null });

export const fail = (what: string, told: string, { advice, code }: { advice: string; code: ErrorCode }): Finding => {
  return { what, state: "fail", told, advice, code };
};

/** Whatever is looked at answers within this, or counts as away. */
export const ANSWER_MS_MAX = 5_000;

export interface Limits {
  readonly signal: AbortSignal;
  /** What silence means. */
  readonly code: ErrorCode;
}

/**
 * The findings of a look, or a failure where it fails itself or has not come to an end in time: a doctor always answers. Rejects
 * with interrupted where the signal was aborted.
 */
export async function looked(what: string, look: () => Promise<Finding[]>, { signal, code }: Limits): Promise<Finding[]> {
  const { StratctlError } = await import("@stratctl/sdk");
  const { promise: late, resolve } = Promise.withResolvers<Finding[]>();
  const none = fail(what, `no answer within ${ANSWER_MS_MAX / 1000} s`, {
    advice: "is it up, and does a firewall let it through?",
    code,
  });
  const timer = setTimeout(() => resolve([none]), ANSWER_MS_MAX);
  try {
    return await Promise.race([look(), late]);
  } catch (error) {
    if (signal.aborted) throw new StratctlError("interrupted", "interrupted while it was looked", { cause: error });
    if (!(error instanceof StratctlError)) throw error;
    return [fail(what, error.message, { advice: error.hint ?? "stratctl config show says what is asked, and why", code: error.code })];
  } finally {
    clearTimeout(timer);
  }
}
