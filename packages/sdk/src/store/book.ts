import { z } from "zod";
import { assert } from "../errors.ts";
import { Day } from "../model/instant.ts";
import { MONEY_MAX } from "../model/money.ts";
import type { InstrumentRef } from "../quotes/source.ts";
import { int4Array } from "./array.ts";
import type { Db } from "./db.ts";
import { inShard, shardParams, type Shard } from "./shard.ts";

export interface BookInstrument extends InstrumentRef {
  /** YYYY-MM-DD where a leg says so. */
  readonly expiry: string | null;
}

/**
 * The legs of a book as a structure of arrays. Legs of strategy i are those from leg_from[i] up to, not including,
 * leg_from[i + 1], by id. Money in units (1 = 0.0001 rupee).
 */
export interface BookLegs {
  /** Each instrument of an open leg once, by exchange and tradingsymbol; also of one that was told to be left before it was entered. */
  readonly instruments: readonly BookInstrument[];
  /** Ascending. Active strategies with any leg, open or closed, or with a latest mark, which must not outlive its legs. */
  readonly strategy_id: Int32Array;
  /** One longer than strategy_id. */
  readonly leg_from: Int32Array;
  /** Σ(cost × direction) over the open legs; NaN where it is beyond what money can be. */
  readonly entry_value_units: Float64Array;
  /** Σ((cost − exit_value) × direction) over the closed legs; NaN as above. */
  readonly realized_pnl_units: Float64Array;
  /** When its last closed leg was closed, and that leg's exchange: that day a strategy without an open leg is worth 0. NaN, null: none. */
  readonly closed_at_ms: Float64Array;
  readonly closed_exchange: readonly (string | null)[];
  /** Place in `instruments`. */
  readonly leg_instrument: Int32Array;
  /** quantity × direction: SELL positive, BUY negative. */
  readonly leg_quantity: Int32Array;
  /** Strategies of which something is dated after the instant: they will have changed by then without a further write. */
  readonly due_strategy_ids: Int32Array;
}

/** Milliseconds since the epoch, or null for the legs as they are; all strategies where none are named. */
export interface BookQuery {
  readonly as_of_ms: number | null;
  readonly strategy_ids?: readonly number[] | undefined;
  readonly shard?: Shard | undefined;
}

/**
 * What the engine's Book is built from: the open legs of active strategies, and what closed ones realized, as of an instant: added
 * at or before it, closed or archived after it, each without what later entries brought to it. Whatever the order in which fills
 * were told, P&L is that of the fills up to the instant. One statement, so that the book is of one moment of the database.
 */
export async function readLegs(db: Db, { as_of_ms, strategy_ids, shard }: BookQuery): Promise<BookLegs> {
  const ids = strategy_ids === undefined ? null : int4Array(Int32Array.from(strategy_ids), strategy_ids.length);
  const { leg_count, ...columns } = await db.one(Row, "book.read", SQL, [as_of_ms, ids, ...shardParams(shard)]);
  const book = { ...columns, leg_from: offsetsOf(leg_count) };
  assert(book.leg_from.at(-1) === book.leg_instrument.length, "book: legs do not add up");
  return book;
}

/** 400,000 legs come as a text a column: a row each would cost ten times as much to read. */
const column = z
  .string()
  .nullable()
  .transform((text) => (text === null ? [] : text.split(",")));
const counts = column.transform((texts) => Int32Array.from(texts, Number));
/** NaN comes as such: a sum beyond the bound of money, an instant that is none. */
const units = column.transform((texts) => Float64Array.from(texts, Number));

const Row = z.object({
  instruments: z.array(z.tuple([z.string(), z.string(), z.int().nullable(), Day.nullable()])).transform((rows): BookInstrument[] =>
    rows.map(([exchange, tradingsymbol, instrument_token, expiry]) => ({
      instrument: `${exchange}:${tradingsymbol}`,
      exchange,
      tradingsymbol,
      instrument_token,
      expiry,
    })),
  ),
  strategy_id: counts,
  leg_count: counts,
  entry_value_units: units,
  realized_pnl_units: units,
  closed_at_ms: units,
  closed_exchange: column.transform((texts) => texts.map((text) => (text === "" ? null : text))),
  leg_instrument: counts,
  leg_quantity: counts,
  due_strategy_ids: counts,
});

const SQL = `with picked as materialized (
    select strategy_id, archived_at from strategy
    where (status = 'active' or archived_at > to_timestamp($1::float8 / 1000)) and ($2::int4[] is null or strategy_id = any ($2))
      and ${inShard("$3", "$4")}
  ), leg as materialized (
    select leg.strategy_id, leg.id, coalesce(leg.part_of, leg.id) as leg_id, leg.exchange, leg.tradingsymbol, leg.instrument_token, leg.expiry,
      leg.quantity, leg.cost, leg.exit_value, leg.closed_at,
      case leg.direction when 'SELL' then 1 else -1 end as direction,
      leg.closed_at is not null and ($1 is null or leg.closed_at <= to_timestamp($1 / 1000)) as closed
    from strategy_instruments leg join picked using (strategy_id)
    where $1 is null or leg.added_at <= to_timestamp($1 / 1000)
  ), later as materialized (
    -- What a leg was added to after the instant. Where the table was written past the fills, its row is all that is known.
    select fill.strategy_id, fill.leg_id, sum(fill.quantity) as quantity, sum(fill.value) as cost
    from picked join strategy_fills fill using (strategy_id)
    where fill.at > to_timestamp($1 / 1000) and fill.cost_method is null
      and exists (
        select from strategy_fills first
        where first.leg_id = fill.leg_id and first.cost_method is null and (first.at, first.id) < (fill.at, fill.id)
      )
    group by fill.strategy_id, fill.leg_id
    having (select row(sum(entry.quantity), sum(entry.value)) from strategy_fills entry
        where entry.leg_id = fill.leg_id and entry.cost_method is null)
      = (select row(sum(part.quantity), sum(part.cost)) from strategy_instruments part
        where part.id = fill.leg_id or part.part_of = fill.leg_id)
  ), last_closed as (
    select distinct on (strategy_id) strategy_id, closed_at, exchange
    from leg where closed order by strategy_id, closed_at desc, id desc
  ), otherwise as materialized (
    select leg_id from leg where not closed and leg_id <> id union select leg_id from later
  ), held as (
    -- What was closed after the instant was not yet a part beside its leg. Hardly any is so, and the others are not grouped.
    select strategy_id, leg_id, exchange, tradingsymbol, quantity * direction as quantity, cost * direction as cost
    from leg where not closed and leg_id not in (select leg_id from otherwise)
    union all
    select strategy_id, leg_id, exchange, tradingsymbol,
      (coalesce(sum(leg.quantity) filter (where not closed), 0) - coalesce(later.quantity, 0)) * direction,
      (coalesce(sum(leg.cost) filter (where not closed), 0) - coalesce(later.cost, 0)) * direction
    from leg left join later using (strategy_id, leg_id) where leg_id in (select leg_id from otherwise)
    group by strategy_id, leg_id, exchange, tradingsymbol, direction, later.quantity, later.cost
  ), instrument as materialized (
    select exchange, tradingsymbol, max(instrument_token) as instrument_token, max(expiry) as expiry,
      row_number() over (order by exchange collate "C", tradingsymbol collate "C") - 1 as place
    from leg where not closed or leg_id in (select leg_id from later) group by exchange, tradingsymbol
  ), counted as (
    -- Told out of order, nothing may be left of a leg at the instant but a cost: it is realized.
    select strategy_id, count(*) filter (where quantity <> 0) as leg_count, sum(cost) filter (where quantity <> 0) as entry_value,
      sum(cost) filter (where quantity = 0) as realized_pnl
    from held group by strategy_id
  ), left_at as (
    select strategy_id, sum((cost - exit_value) * direction) as realized_pnl from leg where closed group by strategy_id
  ), total as (
    select strategy_id, coalesce(leg_count, 0) as leg_count, coalesce(entry_value, 0) as entry_value,
      coalesce(left_at.realized_pnl, 0) + coalesce(counted.realized_pnl, 0) as realized_pnl,
      last_closed.closed_at, last_closed.exchange as closed_exchange
    from picked
    left join counted using (strategy_id)
    left join left_at using (strategy_id)
    left join last_closed using (strategy_id)
    where counted.strategy_id is not null or left_at.strategy_id is not null
      or exists (select from strategy_mark mark where mark.strategy_id = picked.strategy_id)
    order by strategy_id
  ), open_leg as (
    select instrument.place, held.quantity
    from held join instrument using (exchange, tradingsymbol) where held.quantity <> 0 order by held.strategy_id, held.leg_id
  ), due as (
    -- By the index, strategy by strategy: one changed leg must not cost a look at all of them.
    select strategy_id from picked, lateral (
      select from strategy_instruments leg
      where leg.strategy_id = picked.strategy_id and (leg.added_at > to_timestamp($1 / 1000) or leg.closed_at > to_timestamp($1 / 1000))
      limit 1
    ) as later
    union select strategy_id from later
    union select strategy_id from picked where archived_at > to_timestamp($1 / 1000)
  )
  select instruments.instruments, totals.*, legs.*, (select string_agg(strategy_id::text, ',') from due) as due_strategy_ids
  from (
    select coalesce(json_agg(json_build_array(exchange, tradingsymbol, instrument_token, expiry) order by place), '[]') as instruments
    from instrument
  ) as instruments, (
    select string_agg(strategy_id::text, ',') as strategy_id, string_agg(leg_count::text, ',') as leg_count,
      string_agg(case when abs(entry_value) <= ${MONEY_MAX} then (entry_value * 10000)::int8::text else 'NaN' end, ',')
        as entry_value_units,
      string_agg(case when abs(realized_pnl) <= ${MONEY_MAX} then (realized_pnl * 10000)::int8::text else 'NaN' end, ',')
        as realized_pnl_units,
      string_agg(coalesce(trunc(extract(epoch from closed_at) * 1000)::int8::text, 'NaN'), ',') as closed_at_ms,
      string_agg(coalesce(closed_exchange, ''), ',') as closed_exchange
    from total
  ) as totals, (
    select string_agg(place::text, ',') as leg_instrument, string_agg(quantity::text, ',') as leg_quantity
    from open_leg
  ) as legs`;

function offsetsOf(leg_count: Int32Array): Int32Array {
  const offsets = new Int32Array(leg_count.length + 1);
  for (const [place, count] of leg_count.entries()) offsets[place + 1] = (offsets[place] ?? 0) + count;
  return offsets;
}
