import { z } from "zod";
import { InstantColumn } from "../model/instant.ts";
import { MoneyColumn } from "../model/money.ts";
import { instantArray, int8Array, textArray } from "./array.ts";
import { isForward } from "./column.ts";
import type { Db, Param } from "./db.ts";
import { retried } from "./failure.ts";
import { fenced, fenceParams, isFenced, type Fence } from "./leader.ts";
import { inSlices, type Slice } from "./slices.ts";

/** Last prices as a structure of arrays; the first `length` places count. Prices in units (1 = 0.0001 rupee). */
export interface QuoteBatch {
  readonly length: number;
  /** Each exchange and tradingsymbol once. */
  readonly exchange: readonly string[];
  readonly tradingsymbol: readonly string[];
  readonly price_units: Float64Array;
  readonly at_ms: Float64Array;
  readonly source: readonly string[];
}

/**
 * Keeps the last price of each instrument, only forward in time (of equal times the later call wins). How many rows it wrote. A large
 * batch is committed in slices. Rejects with leadership_lost where another engine leads by now than the one of the fence.
 */
export async function upsertMany(db: Db, batch: QuoteBatch, fence?: Fence): Promise<number> {
  const write = (slice: Slice): Promise<number> => {
    const params = [...paramsOf(batch, slice), ...fenceParams(fence)];
    return retried(() => db.run("quote.upsert", UPSERT, params));
  };
  const counts = await fenced(() => inSlices(db, batch.length, write));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** The rows of a slice; the numbers in the same memory. */
export function part(batch: QuoteBatch, { from, to }: Slice): QuoteBatch {
  return {
    length: to - from,
    exchange: batch.exchange.slice(from, to),
    tradingsymbol: batch.tradingsymbol.slice(from, to),
    price_units: batch.price_units.subarray(from, to),
    at_ms: batch.at_ms.subarray(from, to),
    source: batch.source.slice(from, to),
  };
}

function paramsOf(whole: QuoteBatch, slice: Slice): Param[] {
  const batch = part(whole, slice);
  const { length } = batch;
  return [
    textArray(batch.exchange, length),
    textArray(batch.tradingsymbol, length),
    int8Array(batch.price_units, length),
    instantArray(batch.at_ms, length),
    textArray(batch.source, length),
  ];
}

/**
 * Rows are taken in one order, whatever that of the batch: several engines keep prices of the same instruments, each in an order
 * of its own. What is unchanged is not written.
 */
const UPSERT = `insert into last_quote as kept (exchange, tradingsymbol, price, at, source)
  select exchange, tradingsymbol, price_units * 0.0001, at, source
  from (select unnest($1::text[]) as exchange, unnest($2::text[]) as tradingsymbol, unnest($3::int8[]) as price_units,
    unnest($4::timestamptz[]) as at, unnest($5::text[]) as source) as given
  where ${isFenced("$6", "$7", "$8")}
  order by exchange, tradingsymbol
  on conflict (exchange, tradingsymbol) do update set price = excluded.price, at = excluded.at, source = excluded.source
  where ${isForward("kept.at", "excluded.at")} and (kept.price, kept.at, kept.source) is distinct from (excluded.price, excluded.at, excluded.source)`;

const Row = z.object({
  exchange: z.string(),
  tradingsymbol: z.string(),
  /** Rupees. */
  price: MoneyColumn,
  at: InstantColumn,
  source: z.string(),
});
export type LastQuote = z.output<typeof Row>;

/** The last prices kept of these instruments, in no order; one without is not in it. */
export function findMany(db: Db, keys: readonly { readonly exchange: string; readonly tradingsymbol: string }[]): Promise<LastQuote[]> {
  return db.many(
    Row,
    "quote.findMany",
    `select exchange, tradingsymbol, price, at, source
     from last_quote join unnest($1::text[], $2::text[]) as key (exchange, tradingsymbol) using (exchange, tradingsymbol)`,
    [keys.map((key) => key.exchange), keys.map((key) => key.tradingsymbol)],
  );
}
