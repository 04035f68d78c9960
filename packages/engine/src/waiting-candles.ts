import type { CandleBatch } from "@stratctl/sdk/internal";

export function candleCount(batches: readonly CandleBatch[]): number {
  return batches.reduce((count, { length }) => count + length, 0);
}

export function without(batches: readonly CandleBatch[], others: readonly CandleBatch[]): CandleBatch[] {
  return batches.filter((batch) => !others.includes(batch));
}

/** Those of so many minutes that came last, in whatever order a clock that was set had them end. */
export function lastMinutes(batches: readonly CandleBatch[], minute_count: number): CandleBatch[] {
  const minutes = new Set<number>();
  const older = batches.findLastIndex(({ minute_ms: [minute_ms = 0] }) => minutes.add(minute_ms).size > minute_count);
  return batches.slice(older + 1);
}

/** The first batches up to about `rows` rows, at least one. */
export function leading(batches: readonly CandleBatch[], rows: number): CandleBatch[] {
  let count = 0;
  const end = batches.findIndex(({ length }) => (count += length) >= rows);
  return batches.slice(0, end === -1 ? batches.length : end + 1);
}
