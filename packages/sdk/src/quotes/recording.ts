/** One quote of a recording: milliseconds since the epoch, `EX:SYM`, units (1 = 0.0001 rupee). */
export interface RecordedQuote {
  readonly at_ms: number;
  readonly instrument: string;
  readonly price_units: number;
}

export interface RecordingSummary {
  readonly path: string;
  readonly form: "ticks" | "bars";
  /** Lines below the header that held something. */
  row_count: number;
  quote_count: number;
  /** Values that were not prices; the first with its line. */
  refused_count: number;
  first_refused: string | null;
  /** Prices of more than four decimals, rounded half to even. */
  rounded_count: number;
  /** In the order they appeared. */
  instruments: string[];
  /** Days of the exchange (IST) with quotes, ascending: `2025-07-31`. A sentinel of 1970 is no day. */
  days: string[];
  /** How much of the file was read, 0 to 1. */
  progress: number;
}

/** Quotes of a recording, ascending in time. `summary` grows while they are read and is complete at the end. */
export interface Recording extends AsyncIterable<RecordedQuote> {
  readonly summary: Readonly<RecordingSummary>;
  /** The same quotes in batches, for whoever reads hundreds of thousands. */
  batches(): AsyncIterable<readonly RecordedQuote[]>;
}

/**
 * Opens a recording: `.csv`, gzipped or not; ticks `at_utc,instrument,price`, or bars
 * `minute_utc|start_utc,instrument,open,high,low,close` (a minute, five seconds). `every_ms` is the sampling interval: a
 * bar's close is put at the last boundary of it inside the bar.
 */
export async function openRecording(_path: string, _options: { every_ms: number }): Promise<Recording> {
  throw new Error("not yet");
}

/** The whole recording read once for its instruments, days and counts. */
export async function surveyRecording(_path: string): Promise<RecordingSummary> {
  throw new Error("not yet");
}

export interface RecordingWriter extends AsyncDisposable {
  readonly path: string;
  /** Rows written, and quotes that came too late to be put in order. */
  readonly counts: { readonly written: number; readonly late: number };
  /** Keeps a quote until `advance` has passed its time. */
  write(quote: RecordedQuote): void;
  /** Writes out, in order of time, what is at or before `until_ms`; a quote that comes later with an earlier time is late. */
  advance(until_ms: number): Promise<void>;
  /** Writes out the rest and closes the file. */
  close(): Promise<void>;
}

/** A new recording of ticks, gzipped where the name ends in `.gz`. `file_unusable` where it exists or cannot be written. */
export async function createRecording(_path: string): Promise<RecordingWriter> {
  throw new Error("not yet");
}
