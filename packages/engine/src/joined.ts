import { assert, type CandleBatch } from "@stratctl/sdk/internal";

/** Several batches of one source as one. */
export function joined(batches: readonly CandleBatch[]): CandleBatch {
  const [first] = batches;
  assert(first !== undefined && batches.every(({ source }) => source === first.source), "joined: no batch, or of several sources");
  if (batches.length === 1) return first;
  const length = batches.reduce((count, batch) => count + batch.length, 0);
  const numbers = (read: (batch: CandleBatch) => Float64Array): Float64Array => filled(new Float64Array(length), batches, read);
  const counts = (read: (batch: CandleBatch) => Int32Array): Int32Array => filled(new Int32Array(length), batches, read);
  return {
    length,
    strategy_id: counts((batch) => batch.strategy_id),
    minute_ms: numbers((batch) => batch.minute_ms),
    open_units: numbers((batch) => batch.open_units),
    high_units: numbers((batch) => batch.high_units),
    low_units: numbers((batch) => batch.low_units),
    close_units: numbers((batch) => batch.close_units),
    entry_value_units: numbers((batch) => batch.entry_value_units),
    realized_pnl_units: numbers((batch) => batch.realized_pnl_units),
    instrument_count: counts((batch) => batch.instrument_count),
    stale_count: counts((batch) => batch.stale_count),
    oldest_age_ms: counts((batch) => batch.oldest_age_ms),
    sampled: filled(new BigInt64Array(length), batches, (batch) => batch.sampled),
    first_at_ms: numbers((batch) => batch.first_at_ms),
    last_at_ms: numbers((batch) => batch.last_at_ms),
    source: first.source,
  };
}

interface Column<Self> {
  set(values: Self, offset: number): void;
  subarray(from: number, to: number): Self;
}

function filled<Values extends Column<Values>>(
  target: Values,
  batches: readonly CandleBatch[],
  read: (batch: CandleBatch) => Values,
): Values {
  let offset = 0;
  for (const batch of batches) {
    target.set(read(batch).subarray(0, batch.length), offset);
    offset += batch.length;
  }
  return target;
}
