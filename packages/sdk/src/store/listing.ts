import { z } from "zod";
import { Listing } from "../model/listing.ts";
import { MoneyColumn } from "../model/money.ts";
import { moneyText, WholeColumn } from "./column.ts";
import type { Db } from "./db.ts";

const Row = Listing.extend({
  instrument_token: WholeColumn,
  exchange_token: WholeColumn.nullable(),
  strike: MoneyColumn.nullable(),
  tick_size: MoneyColumn.nullable(),
});

const SELECT = `select exchange || ':' || tradingsymbol as instrument, exchange, tradingsymbol, instrument_token, exchange_token, name,
    instrument_type, strike, expiry, tick_size, lot_size, segment, seen_on
  from instrument`;

export interface ListingKey {
  readonly exchange: string;
  readonly tradingsymbol: string;
}

/** The instrument, or null where no dump had it. */
export function find(db: Db, { exchange, tradingsymbol }: ListingKey): Promise<Listing | null> {
  return db.maybeOne(Row, "listing.find", `${SELECT} where tradingsymbol = $1 and exchange = $2`, [tradingsymbol, exchange]);
}

/** Instruments of that symbol, by exchange. */
export function ofSymbol(db: Db, { tradingsymbol }: Pick<ListingKey, "tradingsymbol">): Promise<Listing[]> {
  return db.many(Row, "listing.ofSymbol", `${SELECT} where tradingsymbol = $1 order by exchange`, [tradingsymbol]);
}

/** Whether any instrument of the exchange is known: where none is, one that is not there says nothing. */
export async function isKnown(db: Db, { exchange }: Pick<ListingKey, "exchange">): Promise<boolean> {
  const row = await db.one(
    z.object({ is_known: z.boolean() }),
    "listing.isKnown",
    "select exists (select from instrument where exchange = $1) as is_known",
    [exchange],
  );
  return row.is_known;
}

export interface ListingSought {
  /** In capitals; each must be found, in whatever order. */
  readonly words: readonly string[];
  readonly exchange?: string | undefined;
  /** YYYY-MM-DD: what expired before it comes after what did not. */
  readonly today: string;
  readonly limit: number;
}

/** Those whose name is one of the words first, then the nearest expiry; what has expired comes last, the latest first. */
export function search(db: Db, { words, exchange, today, limit }: ListingSought): Promise<Listing[]> {
  return db.many(
    Row,
    "listing.search",
    `${SELECT}
     where ($2::text is null or exchange = $2)
       and not exists (
         select from unnest($1::text[]) as word
         where strpos(words, ' ' || word || case when word ~ '^[0-9.]+$' then ' ' else '' end) = 0 and not starts_with(name, word)
       )
     order by coalesce(expiry < $3::date, false), name = any ($1) desc nulls last,
       case when expiry < $3::date then $3::date - expiry else expiry - $3::date end nulls first,
       name, strike nulls first, instrument_type, tradingsymbol, exchange
     limit $4`,
    [words, exchange ?? null, today, limit],
  );
}

export type ListingRow = Omit<Listing, "instrument" | "seen_on">;

export interface Written {
  readonly added: number;
  /** Were there already, and are otherwise now. */
  readonly changed: number;
}

/** Keeps others that write instruments away until the transaction ends. */
export async function lock(db: Db): Promise<void> {
  await db.run("listing.lock", "lock table instrument in share row exclusive mode");
}

/** Keeps rows as a dump of a day has them, each instrument once; those that a dump of a later day told stay as they are. */
export function upsertMany(db: Db, rows: readonly ListingRow[], { seen_on }: { seen_on: string }): Promise<Written> {
  const texts = (of: (row: ListingRow) => string | number | null): (string | null)[] =>
    rows.map((row) => {
      const value = of(row);
      return value === null ? null : String(value);
    });
  const money = (amount: number | null): string | null => (amount === null ? null : moneyText(amount));
  return db.one(z.object({ added: z.int(), changed: z.int() }), "listing.upsert", UPSERT, [
    texts(({ exchange }) => exchange),
    texts(({ tradingsymbol }) => tradingsymbol),
    texts(({ instrument_token }) => instrument_token),
    texts(({ exchange_token }) => exchange_token),
    texts(({ name }) => name),
    texts(({ instrument_type }) => instrument_type),
    texts(({ strike }) => money(strike)),
    texts(({ expiry }) => expiry),
    texts(({ tick_size }) => money(tick_size)),
    texts(({ lot_size }) => lot_size),
    texts(({ segment }) => segment),
    seen_on,
  ]);
}

const VALUES = "instrument_token, exchange_token, name, instrument_type, strike, expiry, tick_size, lot_size, segment, words";
const valuesOf = (table: string): string =>
  VALUES.split(", ")
    .map((column) => `${table}.${column}`)
    .join(", ");

/** What stands between blanks may be looked for by its beginning: a name's parts, a symbol's, a strike, and an expiry in several forms. */
const UPSERT = `with given as materialized (
    select exchange, tradingsymbol, instrument_token, exchange_token, name, instrument_type, strike, expiry, tick_size, lot_size, segment,
      upper(concat_ws(' ', '', name, translate(name, '-&.', '   '), tradingsymbol, translate(tradingsymbol, '-&.', '   '),
        instrument_type, exchange, trim_scale(strike), expiry, to_char(expiry, 'MON'), to_char(expiry, 'YYMON'), to_char(expiry, 'DDMON'),
        '')) as words
    from unnest($1::text[], $2::text[], $3::int8[], $4::int8[], $5::text[], $6::text[], $7::numeric[], $8::date[], $9::numeric[],
      $10::int4[], $11::text[]) as row (exchange, tradingsymbol, instrument_token, exchange_token, name, instrument_type, strike, expiry,
      tick_size, lot_size, segment)
  ), before as materialized (
    select instrument.* from instrument join given using (tradingsymbol, exchange)
  ), written as (
    insert into instrument (exchange, tradingsymbol, ${VALUES}, seen_on)
    select exchange, tradingsymbol, ${VALUES}, $12::date from given
    on conflict (tradingsymbol, exchange) do update set (${VALUES}, seen_on) = (${valuesOf("excluded")}, excluded.seen_on)
      where instrument.seen_on <= excluded.seen_on
        and (${valuesOf("instrument")}, instrument.seen_on) is distinct from (${valuesOf("excluded")}, excluded.seen_on)
    returning tradingsymbol, exchange
  )
  select (select count(*)::int4 from given) - (select count(*)::int4 from before) as added,
    (select count(*)::int4 from before join given using (tradingsymbol, exchange)
      where before.seen_on <= $12::date and (${valuesOf("before")}) is distinct from (${valuesOf("given")})) as changed
  from (select count(*) from written) as all_of_them`;
