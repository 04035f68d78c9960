import { isoOf, type EngineStanding, type MarkFeed } from "@stratctl/sdk/internal";
import type { DaemonReport } from "./daemon-options.ts";
import { namedText } from "./log.ts";
import type { UnpricedInstrument } from "./unpriced.ts";

/** What a daemon can tell, while it runs, to those who serve others with it. */
export interface Loop {
  readonly standing: () => LoopStanding;
  /** Told of each pass and each write as they end. */
  readonly listen: (listener: LoopListener) => void;
  /** The marks of each sample; null where nobody keeps them. */
  readonly feed: MarkFeed | null;
}

export interface LoopStanding extends DaemonReport {
  /** Whether the loop makes its passes: it does so whatever the market, the sources and the database do. False before the first. */
  readonly is_turning: boolean;
  /** How long ago the last pass was, or the start where there was none yet. */
  readonly lag_ms: number;
  readonly last_pass_at_ms: number | null;
  /** The last pass within a session. */
  readonly last_sample_at_ms: number | null;
  /** Active strategies with legs, as of the minute under way. */
  readonly strategy_count: number;
  /** Strategies in session, at each sample, that got a Mark and that got none. */
  readonly marked_count: number;
  readonly unmarked_count: number;
  /** Instruments that keep strategies from being marked, a hundred at most; none outside sessions. */
  readonly unpriced: readonly UnpricedInstrument[];
  /** Why the last write failed; null where it did not, or none was due yet. */
  readonly write_failure: string | null;
  /** Whether what it marks is written, or another engine's marks of the same accounts are. */
  readonly role: "leader" | "stand_by";
  /** Under which it leads: one more with each change of leader. */
  readonly fence: number | null;
  readonly led_since_ms: number | null;
}

/** What an engine tells of itself in the database. */
export function standingOf(standing: LoopStanding): EngineStanding {
  const { last_sample_at_ms, sample_count, skipped_count, strategy_count, sources, lost_count, spool_depth } = standing;
  return {
    last_sample_at: last_sample_at_ms === null ? null : isoOf(last_sample_at_ms),
    sample_count,
    skipped_count,
    strategy_count,
    sources: sources.map(({ name, up, reason }) => ({ name, up, reason })),
    waiting_count: lost_count,
    spool_depth,
    degraded: degradedOf(standing),
  };
}

/** What is not well though the loop turns, in a few words each; nothing where all is. */
export function degradedOf({ sources, unpriced, write_failure }: Pick<LoopStanding, "sources" | "unpriced" | "write_failure">): string[] {
  const away = sources.flatMap(({ name, up }) => (up === false ? [`${name} is away`] : []));
  const named = unpriced.map(({ instrument, why }) => (why === null ? instrument : `${instrument} (${why})`));
  const unmarked = named.length === 0 ? [] : [`no price for ${namedText(named)}`];
  return [...away, ...unmarked, ...(write_failure === null ? [] : ["the last write failed; candles wait"])];
}

export interface LoopListener {
  readonly pass: (ms: number) => void;
  readonly write: (ms: number) => void;
}

/** What a daemon begins beside its loop and ends with it. */
export interface Served {
  /** Where it answers, for the line that says that the daemon is ready. */
  readonly url: string;
  readonly close: () => Promise<void>;
}
