import { z } from "zod";
import { parseInstrument, type Instrument } from "../../market/instrument.ts";
import type { Db } from "../db.ts";

/**
 * Legs as our tables can hold them, once the columns are there and before the constraints are. What a leg was is kept in its
 * metadata under `adopted`. A line for each thing done.
 */
export async function adoptLegs(db: Db): Promise<string[]> {
  await db.script(REFUSED);
  const refused = await db.many(Line, "adopt.legs_refused", REFUSE);
  const righted = await db.many(Line, "adopt.legs_righted", RIGHT);
  const read = await readSymbols(db);
  await db.script("alter table strategy_instruments drop column current_price, drop column current_pnl");
  return [...refused, ...righted].map(({ line }) => line).concat(read);
}

const Line = z.object({ line: z.string() });

/** Where legs are kept that no sum could use. */
const REFUSED = `
  create table strategy_instruments_refused (
    id integer constraint strategy_instruments_refused_pkey primary key,
    strategy_id integer not null constraint strategy_instruments_refused_strategy_ref references strategy on delete cascade,
    -- The row as it was.
    leg jsonb not null,
    reason text not null,
    refused_at timestamptz not null default now()
  )`;

const REFUSE = `
  with judged as (
    select id, concat_ws(', ',
      case when quantity <= 0 then format('quantity %s', quantity) end,
      case when (entry_price > 0 and entry_price <= 500000000000) is not true then format('entry_price %s', entry_price) end,
      case when entry_price <> 'NaN' and abs(entry_price * quantity) > 500000000000 then 'a cost past 500000000000' end,
      case when btrim(tradingsymbol) = '' then 'no tradingsymbol' end,
      case when upper(btrim(exchange)) !~ '^[A-Z]{1,10}$' then format('exchange "%s"', exchange) end
    ) as reason
    from strategy_instruments
  ), gone as (
    delete from strategy_instruments leg using judged where judged.id = leg.id and reason <> '' returning leg.*, reason
  ), kept as (
    insert into strategy_instruments_refused (id, strategy_id, leg, reason)
    select id, strategy_id, to_jsonb(gone) - '{reason,cost,exit_price,closed_at}'::text[], reason from gone
  )
  select format('leg %s of strategy %s (%s %s %s): moved to strategy_instruments_refused for %s', id, strategy_id, direction, quantity, tradingsymbol, reason)
    as line
  from gone order by id`;

/**
 * Symbols in upper case, as prices are keyed; a token, strike or lot size that is none becomes unknown. The older system wrote
 * EQ and a lot of 1 wherever it found no contract: on an exchange of derivatives that is unknown too.
 */
const RIGHT = `
  with due as (
    select id, upper(btrim(tradingsymbol)) as tradingsymbol, upper(btrim(exchange)) as exchange,
      case when instrument_token between 1 and 9007199254740991 then instrument_token end as instrument_token,
      case when instrument_type in ('CE', 'PE', 'FUT') or instrument_type = 'EQ' and upper(btrim(exchange)) in ('NSE', 'BSE') then instrument_type end
        as instrument_type,
      case when strike > 0 and strike <= 500000000000 then strike end as strike,
      case when lot_size > 0 and (lot_size > 1 or instrument_type <> 'EQ' or upper(btrim(exchange)) in ('NSE', 'BSE')) then lot_size end as lot_size
    from strategy_instruments
  ), changed as (
    select leg.id, jsonb_strip_nulls(jsonb_build_object(
      'tradingsymbol', nullif(leg.tradingsymbol, due.tradingsymbol), 'exchange', nullif(leg.exchange, due.exchange),
      'instrument_token', nullif(leg.instrument_token, due.instrument_token), 'instrument_type', nullif(leg.instrument_type, due.instrument_type),
      'strike', nullif(leg.strike, due.strike), 'lot_size', nullif(leg.lot_size, due.lot_size)
    )) as was
    from strategy_instruments leg join due using (id)
  ), done as (
    update strategy_instruments leg set
      tradingsymbol = due.tradingsymbol, exchange = due.exchange, instrument_token = due.instrument_token,
      instrument_type = due.instrument_type, strike = due.strike, lot_size = due.lot_size, cost = entry_price * quantity,
      metadata =
        case when metadata is null then '{}' when jsonb_typeof(metadata) = 'object' then metadata else jsonb_build_object('metadata', metadata) end
        || jsonb_build_object('adopted', was || jsonb_strip_nulls(jsonb_build_object('current_price', current_price, 'current_pnl', current_pnl)))
    from due join changed using (id) where due.id = leg.id
    returning leg.id, leg.strategy_id, was
  )
  select format('leg %s of strategy %s: put right, it had %s', id, strategy_id,
    (select string_agg(format('%s %s', key, value), ', ' order by key) from jsonb_each_text(was))) as line
  from done where was <> '{}' order by id`;

const LegSymbol = z.object({ id: z.int(), instrument: z.string() });

/** What the older system did not know of a contract its symbol tells. A symbol that tells nothing is kept as it is. */
async function readSymbols(db: Db): Promise<string[]> {
  const legs = await db.many(LegSymbol, "adopt.symbols", SYMBOLS);
  const read = legs.map(({ id, instrument }) => ({ id, instrument, told: told(instrument) }));
  const known = read.flatMap(({ id, told: contract }) => (contract === null ? [] : [{ id, ...contract }]));
  await db.run("adopt.read_symbols", READ, [
    known.map(({ id }) => String(id)),
    known.map(({ instrument_type }) => instrument_type),
    known.map(({ strike }) => (strike === null ? null : String(strike))),
    known.map(({ expiry }) => expiry),
    known.map(({ name }) => name),
  ]);
  return read
    .filter((leg) => leg.told === null)
    .map(({ id, instrument }) => `leg ${id}: ${instrument} is kept, though it is no symbol that stratctl reads`);
}

function told(instrument: string): Instrument | null {
  try {
    return parseInstrument(instrument);
  } catch {
    return null; // reported by the caller
  }
}

const SYMBOLS = "select id, exchange || ':' || tradingsymbol as instrument from strategy_instruments order by id";

const READ = `
  update strategy_instruments leg set
    instrument_type = coalesce(leg.instrument_type, given.instrument_type), strike = coalesce(leg.strike, given.strike),
    expiry = coalesce(leg.expiry, given.expiry), underlying_symbol = coalesce(leg.underlying_symbol, given.underlying_symbol)
  from unnest($1::text[]::integer[], $2::text[], $3::text[]::numeric[], $4::text[]::date[], $5::text[])
    as given (id, instrument_type, strike, expiry, underlying_symbol)
  where given.id = leg.id`;
