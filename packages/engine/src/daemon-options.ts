import {
  STALE_MS_MAX,
  type BoardCounts,
  type Calendar,
  type Database,
  type QuoteSource,
  type Shard,
  type SourceQuotes,
  type SourceStatus,
} from "@stratctl/sdk/internal";
import type { Clock } from "./clock.ts";
import type { Log } from "./log.ts";
import type { Loop, Served } from "./loop.ts";
import type { Pass } from "./sample.ts";
import type { WriterCounts } from "./writer.ts";

export interface DaemonOptions {
  /** A connection of its own beside the pool holds the lock of who leads. */
  readonly db: Database;
  /** In the order in which they are asked for a price. They and the database are closed by whoever opened them. */
  readonly sources: readonly QuoteSource[];
  readonly log: Log;
  /** Aborted: the minute under way is written, within 3 s, and the loop ends. */
  readonly signal: AbortSignal;
  readonly timing?: Partial<DaemonTiming> | undefined;
  /** A price further than this from the last one, in percent of it, waits for a second quote; off where it is null. */
  readonly jump_percent_max?: number | null | undefined;
  readonly calendar?: Calendar | undefined;
  readonly clock?: Clock | undefined;
  /**
   * The folder in which finished minutes wait for a database that is away, of that database alone; made at the start.
   * Null: they wait in memory, and are lost with the process.
   */
  readonly spool?: string | null | undefined;
  /** Several engines share a database: this one marks the accounts whose hash falls on its shard. */
  readonly shard?: Shard | undefined;
  /** One sample, written, and the end. Rejects where the database does not answer. */
  readonly once?: boolean | undefined;
  /** Given the loop before its first pass. */
  readonly onLoop?: ((loop: Loop) => void) | undefined;
  /** Begins what answers others beside the loop, before its first pass; closed with the loop. Not with `once`. */
  readonly serve?: ((loop: Loop) => Promise<Served>) | undefined;
  /** Called after each pass. */
  readonly onPass?: ((pass: DaemonPass) => void) | undefined;
}

export interface DaemonTiming {
  /** Whole seconds that divide a minute. 1000. */
  readonly interval_ms: number;
  /** Candles, marks and prices are written this often, and at each minute's end. 5000. */
  readonly write_interval_ms: number;
  /** A price older than this is stale. 60,000. */
  readonly stale_ms_max: number;
  /** This long after the open a leg that has not traded is carried at its last price before. 60,000. */
  readonly carry_after_ms: number;
  /** Candles that wait in memory, at most: 100 bytes each. 1,000,000. */
  readonly waiting_max: number;
}

export interface DaemonPass extends Pass {
  /** False outside every session: nothing was sampled then. */
  readonly sampled: boolean;
}

/** Counts since the start. */
export interface DaemonReport {
  readonly pass_count: number;
  readonly sample_count: number;
  /** Samples that the process came to late, and left out. */
  readonly skipped_count: number;
  readonly candles: Readonly<WriterCounts>;
  /** Candles of finished minutes that no database took and no disk; while the daemon runs they wait in memory. */
  readonly lost_count: number;
  /** Candles that wait on disk. */
  readonly spool_depth: number;
  readonly quotes: Readonly<BoardCounts>;
  readonly sources: readonly SourceStatus[];
  /** What each source was asked for and told. */
  readonly quotes_by_source: readonly SourceQuotes[];
}

export const TIMING: DaemonTiming = {
  interval_ms: 1000,
  write_interval_ms: 5000,
  stale_ms_max: STALE_MS_MAX,
  carry_after_ms: 60_000,
  waiting_max: 1_000_000,
};
