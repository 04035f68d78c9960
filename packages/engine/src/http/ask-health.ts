import { Health } from "./health.ts";

/** A daemon of this machine answers within this, or it does not. */
const ANSWER_MS = 3_000;

/** Where a server that listens on `host` can be asked from this machine. */
export function localUrl({ host, port }: { host: string; port: number }): string {
  const here = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${here.includes(":") && !here.startsWith("[") ? `[${here}]` : here}:${port}`;
}

/** What the daemon at that URL says of itself; null where none answers, or something else does. */
export async function askHealth(url: string): Promise<Health | null> {
  try {
    const answer = await fetch(`${url}/health`, { signal: AbortSignal.timeout(ANSWER_MS) });
    return Health.safeParse(await answer.json()).data ?? null;
  } catch {
    return null;
  }
}
