import { StratctlError } from "../../errors.ts";

/** Why a call of the system failed, in a word: `EACCES`, or the whole message where there is no such word. */
export function reasonOf(error: unknown): string {
  if (error instanceof Error && "code" in error && typeof error.code === "string") return error.code;
  return error instanceof Error ? error.message : String(error);
}

/** The built-in database cannot be had here; a server can. */
export function unavailable(message: string, { hint, cause }: { hint?: string; cause?: unknown } = {}): StratctlError {
  return new StratctlError("embedded_unavailable", message, { hint: hint ?? "set DATABASE_URL to a Postgres server, 14 or newer", cause });
}

/** A pause between two looks, cut short by the signal. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const interrupted = (): void => {
      clearTimeout(timer);
      reject(interruption());
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", interrupted);
      resolve();
    }, ms);
    if (signal?.aborted) interrupted();
    else signal?.addEventListener("abort", interrupted, { once: true });
  });
}

export function interruption(): StratctlError {
  return new StratctlError("interrupted", "interrupted while the built-in database was awaited");
}
