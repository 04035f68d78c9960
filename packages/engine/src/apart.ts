import { isOfTheRow, sqlstateOf } from "@stratctl/sdk/internal";
import { failureOf } from "./within.ts";

export interface Rows {
  readonly from: number;
  readonly to: number;
}

export interface Apart<Outcome> {
  /** Of each statement that was taken. */
  readonly outcomes: Outcome[];
  /** Rows that were refused. */
  refused: number;
  /** Why the last of them was. */
  why: string | null;
}

/** So many rows refused and none taken: it may be the statement that is refused. */
const REFUSED_MAX = 20;

/**
 * Writes rows so that one that the database refuses is given up and costs no other: they go in halves, down to it. Rejects where
 * the statement fails for another reason than a row, and where all rows are refused.
 */
export async function apart<Outcome>(length: number, write: (rows: Rows) => Promise<Outcome>): Promise<Apart<Outcome>> {
  const result: Apart<Outcome> = { outcomes: [], refused: 0, why: null };
  const parts: Rows[] = [{ from: 0, to: length }];
  /** Why the rows are refused; undefined: they are taken. */
  const attempt = async (rows: Rows): Promise<unknown> => {
    try {
      result.outcomes.push(await write(rows));
      return undefined;
    } catch (error) {
      if (!isOfTheRow(error)) throw error;
      result.why = failureOf(error).message;
      return error;
    }
  };
  for (let rows = parts.pop(); rows !== undefined; rows = parts.pop()) {
    const error = await attempt(rows);
    if (error === undefined) continue;
    const middle = (rows.from + rows.to) >>> 1;
    if (rows.to - rows.from > 1) parts.push({ from: middle, to: rows.to }, { from: rows.from, to: middle });
    else result.refused += 1;
    if (result.outcomes.length > 0) continue;
    // The minutes behind the first may well be taken: each part is asked as a whole before all are said to be refused.
    if (result.refused >= REFUSED_MAX) for (const rest of parts.splice(0)) if ((await attempt(rest)) !== undefined) parts.push(rest);
    if (isOfAll(error, result, parts.length)) throw error;
  }
  return result;
}

/** A trigger that refuses every row may do so for a while, as one does that closes the tables for maintenance: they wait. */
function isOfAll(error: unknown, { outcomes, refused }: Apart<unknown>, parts_left: number): boolean {
  if (outcomes.length > 0) return false;
  return refused >= REFUSED_MAX || (parts_left === 0 && sqlstateOf(error) === "P0001");
}
