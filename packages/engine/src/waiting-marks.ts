import type { MarkBatch } from "@stratctl/sdk/internal";
import { countsAt, numbersAt } from "./minute.ts";

/** What later marks leave of earlier ones: a strategy waits with its last mark alone, however the book changes meanwhile. */
export function outdated(waiting: readonly MarkBatch[], later: MarkBatch): MarkBatch[] {
  const others = waiting.filter((batch) => !sameStrategies(batch, later));
  if (others.length === 0) return [];
  const marked = new Set(later.strategy_id);
  return others.map((batch) => marksWhere(batch, (strategy_id) => !marked.has(strategy_id))).filter(({ length }) => length > 0);
}

function sameStrategies(a: MarkBatch, b: MarkBatch): boolean {
  return a.length === b.length && a.strategy_id.every((id, place) => id === b.strategy_id[place]);
}

function marksWhere(batch: MarkBatch, isMeant: (strategy_id: number) => boolean): MarkBatch {
  const places = Int32Array.from(batch.strategy_id.keys()).filter((place) => isMeant(batch.strategy_id[place] ?? 0));
  return {
    length: places.length,
    at_ms: batch.at_ms,
    strategy_id: countsAt(batch.strategy_id, places),
    m2m_units: numbersAt(batch.m2m_units, places),
    entry_value_units: numbersAt(batch.entry_value_units, places),
    realized_pnl_units: numbersAt(batch.realized_pnl_units, places),
    instrument_count: countsAt(batch.instrument_count, places),
    priced: countsAt(batch.priced, places),
    stale: countsAt(batch.stale, places),
    oldest_age_ms: numbersAt(batch.oldest_age_ms, places),
    reason: Array.from(places, (place) => batch.reason[place] ?? null),
  };
}
