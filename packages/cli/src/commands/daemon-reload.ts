import type { Log, Loop, LoopStanding } from "@stratctl/engine";
import type { Deps } from "../deps.ts";
import type { FoundSettings } from "../settings.ts";
import type { Prepared, Round } from "./daemon-round.ts";

/** What was read of the settings, and what came of it. */
export interface Read extends Prepared {
  readonly found: FoundSettings;
}

interface Given {
  readonly first: Read;
  readonly log: Log;
  readonly readAll: () => Promise<Read>;
}
type RunOne = (round: Prepared & Pick<Round, "signal" | "onPass" | "onLoop">) => Promise<void>;

/**
 * Rounds of the loop, each by the configuration as it was read last: SIGHUP ends one and begins the next, which goes on with the
 * same minute. What cannot be read, or cannot be begun with, leaves the one before in force.
 */
export async function inRounds(deps: Deps, { first, log, readAll }: Given, runOne: RunOne): Promise<void> {
  let current = first;
  /** To go back to, until the current one has made a pass. */
  let before: Read | null = null;
  const asked: { read: Read | null; ending: AbortController } = { read: null, ending: new AbortController() };
  let loop: Loop | null = null;
  const readAgain = async (): Promise<void> => {
    try {
      const read = await readAll();
      const loss = loop === null ? null : lossOf(loop.standing());
      if (loss !== null) throw new Error(loss);
      asked.read = read;
      asked.ending.abort();
    } catch (error) {
      tellRefused(log, error);
    }
  };
  deps.onHangUp(() => void readAgain());
  for (;;) {
    asked.ending = new AbortController();
    try {
      await runOne({
        ...current,
        signal: AbortSignal.any([deps.signal, asked.ending.signal]),
        onPass: () => (before = null),
        onLoop: (turning) => (loop = turning),
      });
    } catch (error) {
      if (before === null) throw error;
      tellRefused(log, error);
      [current, before] = [before, null];
      continue;
    }
    if (deps.signal.aborted || asked.read === null) return;
    [before, current, asked.read] = [current, asked.read, null];
    const keys = changedKeys(before.found, current.found);
    const what = keys.length === 0 ? "no setting has changed" : `changed: ${keys.join(", ")}`;
    log({ level: "info", event: "config", text: `read again · ${what}`, fields: { changed: keys } });
  }
}

function tellRefused(log: Log, error: unknown): void {
  const text = error instanceof Error ? error.message : String(error);
  log({ level: "error", event: "config", text: `${text} · the configuration before stays in force`, fields: { refused: true } });
}

/** Settings that have another value; the values may be secrets. */
function changedKeys(before: FoundSettings, after: FoundSettings): string[] {
  const keys = new Set([...before.keys(), ...after.keys()]);
  return [...keys].filter((key) => before.get(key)?.value !== after.get(key)?.value).toSorted();
}

/** What would be lost with this round of the loop; null: what is not in the tables is on disk. */
export function lossOf({ lost_count, write_failure }: Pick<LoopStanding, "lost_count" | "write_failure">): string | null {
  if (write_failure === null || lost_count === 0) return null;
  const candles = lost_count === 1 ? "1 candle waits" : `${lost_count} candles wait`;
  return `${candles} in memory alone (${write_failure}), and reading again would lose them: once they are written, or on disk, ask again`;
}
