import { z } from "zod";
import { InstantColumn } from "../model/instant.ts";
import { MoneyColumn } from "../model/money.ts";
import { instantArray, int8Array } from "./array.ts";
import type { Db } from "./db.ts";
import { retried } from "./failure.ts";

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

/** Keeps the last price of each instrument, only forward in time (of equal times the later call wins). How many rows it wrote. */
export async function upsertMany(db: Db, batch: QuoteBatch): Promise<number> {
  const { length } = batch;
  if (length === 0) return 0;
  const params = [
    batch.exchange.slice(0, length),
    batch.tradingsymbol.slice(0, length),
    int8Array(batch.price_units, length),
    instantArray(batch.at_ms, length),
    batch.source.slice(0, length),
  ];
  return retried(() => db.run("quote.upsert", UPSERT, params));
}

/** Rows are taken in one order, so that two writers do not wait for each other; what is unchanged is not written. */
const UPSERT = `insert into last_quote as kept (exchange, tradingsymbol, price, at, source)
  select exchange, tradingsymbol, price_units * 0.0001, at, source
  from unnest($1::text[], $2::text[], $3::int8[], $4::timestamptz[], $5::text[])
    as given (exchange, tradingsymbol, price_units, at, source)
  order by exchange, tradingsymbol
  on conflict (exchange, tradingsymbol) do update set price = excluded.price, at = excluded.at, source = excluded.source
  where kept.at <= excluded.at and (kept.price, kept.at, kept.source) is distinct from (excluded.price, excluded.at, excluded.source)`;

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
