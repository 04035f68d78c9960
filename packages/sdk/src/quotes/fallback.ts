import type { QuoteBoard } from "./board.ts";
import type { QuoteSource } from "./source.ts";

export interface FallbackOptions {
  /** The order in which they are asked. */
  readonly sources: readonly QuoteSource[];
  /** A price older than this is stale, and the next source is asked about it; 60 000. */
  readonly stale_ms_max?: number | undefined;
  /** How long one refresh may take; the sources share it. 800. */
  readonly deadline_ms?: number | undefined;
}

export interface SourceStatus {
  readonly name: string;
  /** Null until it was asked. */
  readonly up: boolean | null;
  /** What keeps it: `connection refused`, `429, asked to wait 3 s`. */
  readonly reason: string | null;
  /** Wall clock at the pass in which `up` last changed. */
  readonly since_ms: number | null;
  /** Quotes it gave in the last pass. */
  readonly quote_count: number;
}

/** Several sources as one: each is asked only about what those before it did not give, or gave stale. */
export class Fallback {
  readonly #options: FallbackOptions;

  constructor(options: FallbackOptions) {
    this.#options = options;
  }

  /**
   * One pass over the board's instruments, done within `deadline_ms` whatever the sources do. Never rejects for a source
   * that is away: `status` and `board.why` tell. `now_ms` is the sample's instant, `monotonic_ms` the monotonic time at its start.
   */
  refresh(_board: QuoteBoard, _now_ms: number, _monotonic_ms: number, _options: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    throw new Error(`not yet: ${this.#options.sources.length}`);
  }

  status(): SourceStatus[] {
    return [];
  }

  /** Closes the sources. */
  async close(): Promise<void> {}
}
