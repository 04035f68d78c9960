import { readLines } from "./recording-lines.ts";
import { headerOf, recordingInvalid, RowReader, type RecordedQuote, type RecordingSummary } from "./recording-rows.ts";

export { createRecording, type RecordingWriter } from "./recording-writer.ts";
export type { RecordedQuote, RecordingSummary } from "./recording-rows.ts";

/** Quotes of a recording, ascending in time; each iteration reads the file anew. */
export interface Recording extends AsyncIterable<RecordedQuote> {
  /** Of the last iteration that began; grows while it reads, and is complete at its end. */
  readonly summary: Readonly<RecordingSummary>;
  /** The same quotes some thousands at a time. */
  batches(): AsyncIterable<readonly RecordedQuote[]>;
}

/**
 * Opens a recording: CSV, gzipped or not, ascending in time. Ticks are `at_utc,instrument,price`; bars are
 * `minute_utc,instrument,open,…,close,…` (a minute) or `start_utc,…` (five seconds). Times have their zone.
 *
 * A bar is two quotes: its open at its start, its close at the last multiple of `every_ms` (the sampling interval)
 * inside it, at its last millisecond where there is none. Highs and lows of different legs did not happen together and
 * are not used.
 *
 * Prices of more than four decimals are rounded half to even and counted; what is no price is left out and counted; any
 * other fault ends the reading.
 *
 * @throws StratctlError file_unusable; recording_invalid, which names file and line
 * @example
 * const recording = await openRecording("2025-07-31/ticks.csv.gz", { every_ms: 1_000 });
 * for await (const { at_ms, instrument, price_units } of recording) board.accept(index(instrument), price_units, at_ms, at_ms, "replay");
 */
export async function openRecording(path: string, { every_ms }: { readonly every_ms: number }): Promise<Recording> {
  const header = await firstLines(path);
  let reader = new RowReader(path, header, every_ms);
  async function* batches(): AsyncGenerator<readonly RecordedQuote[]> {
    reader = new RowReader(path, header, every_ms);
    let is_header = true;
    for await (const { lines, first_number, progress } of readLines(path)) {
      const rows = is_header ? lines.slice(1) : lines;
      const quotes = reader.read(rows, is_header ? first_number + 1 : first_number);
      is_header = false;
      reader.summary.progress = progress;
      if (quotes.length > 0) yield quotes;
    }
    const rest = reader.end();
    if (rest.length > 0) yield rest;
  }
  return {
    get summary() {
      return reader.summary;
    },
    batches,
    async *[Symbol.asyncIterator]() {
      for await (const quotes of batches()) yield* quotes;
    },
  };
}

/** The whole recording read once, for its instruments, days and counts. Throws as openRecording does. */
export async function surveyRecording(path: string): Promise<RecordingSummary> {
  const recording = await openRecording(path, { every_ms: 1_000 });
  for await (const quotes of recording.batches()) void quotes;
  return recording.summary;
}

/** The header; a file that has none, or nothing below it, is told before anybody begins. */
async function firstLines(path: string): Promise<ReturnType<typeof headerOf>> {
  let header: ReturnType<typeof headerOf> | null = null;
  for await (const { lines } of readLines(path)) {
    header ??= headerOf(path, lines[0] ?? "");
    if (lines.slice(1).some((line) => line !== "")) return header;
  }
  throw recordingInvalid({ path }, header === null ? "is empty" : "has no row below its header");
}
