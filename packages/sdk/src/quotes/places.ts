import type { InstrumentRef } from "./source.ts";

/**
 * Of each instrument of a list its place in the list before, by name; −1 where it was not there. A book that changed has
 * nearly all its instruments in the order that they had: those are found side by side, and only where one is missed are
 * the names put into a map.
 */
export function placesBefore(instruments: readonly InstrumentRef[], before: readonly InstrumentRef[]): Int32Array {
  const from = new Int32Array(instruments.length);
  let by_name: Map<string, number> | null = null;
  let beside = 0;
  for (const [place, { instrument }] of instruments.entries()) {
    if (beside >= before.length || before[beside]?.instrument !== instrument) {
      by_name ??= new Map(before.map((known, index) => [known.instrument, index]));
      from[place] = by_name.get(instrument) ?? -1;
      if (from[place] >= 0) beside = from[place] + 1;
    } else {
      from[place] = beside;
      beside += 1;
    }
  }
  return from;
}

/** Fills `into` with the values that lie at those places, and with `none` where there is none. */
export function valuesFrom<Into extends Float64Array | Float32Array | Uint32Array | Int8Array | Uint8Array>(
  values: ArrayLike<number>,
  from: Int32Array,
  { into, none }: { into: Into; none: number },
): Into {
  for (let place = 0; place < from.length; place += 1) into[place] = values[from[place] ?? -1] ?? none;
  return into;
}
