import type { Stratctl } from "@stratctl/sdk";
import type { Settings } from "./settings.ts";
import type { Ask } from "./terminal/prompt.ts";
import type { Environment, Screen } from "./terminal/screen.ts";

/** What commands need of the world: `run(deps, options)` touches no global, so that a test may bring a made-up one. */
export interface Deps {
  readonly screen: Screen;
  readonly env: Environment;
  /** Wall clock, milliseconds since the epoch. */
  readonly now: () => number;
  /** Fires on Ctrl-C and SIGTERM, and when the reader of standard output has gone. */
  readonly signal: AbortSignal;
  /** How the answer is wanted. */
  readonly output: Output;
  /** Flags, environment and config file, which is read anew each time; `isStrict` refuses a key of it that there is not. */
  readonly settings: (options?: { readonly isStrict?: boolean }) => Promise<Settings>;
  /** Opens stratctl by the settings; whoever ran the command closes it. */
  readonly connect: () => Promise<Stratctl>;
  /** All of standard input, where it is no terminal; null where it is. */
  readonly input: () => Promise<string | null>;
  /** Questions at a terminal; null where nobody is there to answer. */
  readonly ask: () => Promise<Ask | null>;
  /** Said by what has something to finish when it is stopped. All else ends at once. */
  readonly takeTime: (time: StopTime) => void;
  /** Said by what goes on when it is sent SIGHUP, as a daemon does; at a terminal that is its end all the same. */
  readonly onHangUp: (listener: () => void) => void;
}

export interface StopTime {
  /** How long the end may take. */
  readonly grace_ms: number;
  /** It runs until it is stopped, so that SIGTERM is no failure. */
  readonly isEndless: boolean;
  /** What it prints is its log: it goes on when nobody reads that any more. */
  readonly isLogged?: boolean;
}

export interface Output {
  /** `auto`: a view at a terminal, rows with tabs elsewhere. */
  readonly format: "auto" | "json" | "csv";
  /** Field names above rows with tabs. */
  readonly header: boolean;
}
