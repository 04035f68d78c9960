import { setImmediate as breath } from "node:timers/promises";
import type { Db } from "./db.ts";

/** Rows from ≤ place < to of a batch. */
export interface Slice {
  readonly from: number;
  readonly to: number;
}

/**
 * Writes the places 0 ≤ place < length in slices, each committed by itself, as `abreast` does. A batch that is written again
 * changes nothing in what was written already.
 */
export function inSlices<Result>(db: Db, length: number, write: (slice: Slice) => Promise<Result>): Promise<Result[]> {
  return abreast(
    db,
    slicesOf(length, db.lanes).map((slice) => () => write(slice)),
  );
}

/**
 * Runs as many of the jobs at a time as the database runs statements; what they came to, in their order. After a failure none is
 * begun any more, those under way are waited for, and the first error is thrown.
 */
export async function abreast<Result>(db: Db, jobs: readonly (() => Promise<Result>)[]): Promise<Result[]> {
  const results: Result[] = [];
  const waiting = jobs.entries();
  let failed = false;
  const lane = async (): Promise<void> => {
    for (const [place, job] of waiting) {
      await breath(); // a job builds its parameters in one go: each in a turn of its own, they do not hold the event loop together
      if (failed) return;
      try {
        results[place] = await job();
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: db.lanes }, lane));
  for (const one of ended) if (one.status === "rejected") throw one.reason;
  return results;
}

/** Rows of a slice at most: their parameters are built in 3 ms without a stop, and the server sorts them within its work_mem. */
const ROWS_MAX = 20_000;

/** Rows of a slice at least, where there are several: fewer are not worth a statement more. */
const ROWS_MIN = 500;

/** Of one length, about; so many that no lane is left with one more than another. */
export function slicesOf(length: number, lanes: number): Slice[] {
  const rounds = Math.ceil(length / (ROWS_MAX * lanes));
  const count = Math.max(Math.min(rounds * lanes, Math.floor(length / ROWS_MIN)), Math.min(length, 1));
  const bound = (place: number): number => Math.floor((length * place) / count);
  return Array.from({ length: count }, (_, place) => ({ from: bound(place), to: bound(place + 1) }));
}
