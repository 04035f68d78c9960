import { sessionOn, builtinCalendar, type Database } from "@stratctl/sdk/internal";
import { Redis } from "ioredis";

/** What the figures are made on: strategies of so many legs over so many instruments. */
export interface MarketSize {
  readonly strategy_count: number;
  readonly legs_each: number;
  readonly instrument_count: number;
}

export const sizeOf = (strategy_count: number): MarketSize => ({ strategy_count, legs_each: 4, instrument_count: strategy_count });

/** A session long past, in which every sample is taken. */
const DAY = "2025-07-18";
const EXPIRY = "2025-08-07";
const open_ms = sessionOn(builtinCalendar(), "NFO", DAY)?.open_ms ?? Number.NaN;

/** Start of the nth minute that is sampled: past what the open changes. */
export const minuteOf = (turn: number): number => open_ms + (5 + turn) * 60_000;

/** The instrument at a place, as it is entered and as its key is in Redis. */
export const symbolAt = (place: number): string => `NIFTY25JUL${STRIKE_FROM + place}CE`;
const keyAt = (place: number): string => `ltp:NFO:${symbolAt(place)}`;
const STRIKE_FROM = 100_000;

/** Enters strategies over as many instruments as the size says. */
export async function enterStrategies(db: Database, { strategy_count, legs_each, instrument_count }: MarketSize): Promise<void> {
  const symbols = Array.from({ length: instrument_count }, (_, place) => symbolAt(place));
  await enterLegs(db, { strategy_count, legs_each, symbols });
}

/**
 * Enters strategies with ids 1…n into an empty database. Leg j of a strategy is j quarters further round the symbols than leg 0:
 * each symbol is held by as many strategies as the next.
 */
export async function enterLegs(
  db: Database,
  { strategy_count, legs_each, symbols }: { strategy_count: number; legs_each: number; symbols: readonly string[] },
): Promise<void> {
  await db.script(`
    insert into trading_account (account_id) values ('BENCH');
    delete from strategy;
    alter sequence strategy_strategy_id_seq restart;
    insert into strategy (trading_account_id, strategy_name, created_at)
      select 'BENCH', 'bench ' || n, '2025-07-01' from generate_series(1, ${strategy_count}) n`);
  await db.run("bench.legs", ENTER_LEGS, [strategy_count, legs_each, symbols, EXPIRY]);
  await db.script("analyze");
}

const ENTER_LEGS = `insert into strategy_instruments
    (strategy_id, tradingsymbol, exchange, instrument_type, expiry, direction, quantity, entry_price, cost, added_at)
  select n, symbol, 'NFO', 'CE', $4::date, case when leg % 2 = 0 then 'BUY' else 'SELL' end, 75, 100 + leg, 75 * (100 + leg), '2025-07-01'
  from generate_series(1, $1::int) n, generate_series(0, $2::int - 1) leg, unnest($3::text[]) with ordinality as symbols (symbol, place)
  where place = 1 + (n - 1 + leg * greatest(1, cardinality($3::text[]) / $2::int)) % cardinality($3::text[])
  order by n, leg`;

/** The feed's side: plain numbers in Redis, the only form that the loop this replaces could read. */
export class Feed implements AsyncDisposable {
  readonly keys: readonly string[];
  readonly #redis: Redis;
  #turn = 0;

  constructor(url: string, { instrument_count }: MarketSize) {
    this.#redis = new Redis(url);
    this.keys = Array.from({ length: instrument_count }, (_, place) => keyAt(place));
  }

  /** Another price for all instruments, or for one in `every` of them, from the place `from` on. */
  async move({ every = 1, from = 0 }: { every?: number; from?: number } = {}): Promise<void> {
    this.#turn += 1;
    const places = this.keys.flatMap((_, place) => (place % every === from ? place : []));
    for (let start = 0; start < places.length; start += KEYS_A_WRITE) {
      const moved = places.slice(start, start + KEYS_A_WRITE);
      await this.#redis.mset(moved.flatMap((place) => [keyAt(place), this.#priceAt(place)]));
    }
  }

  #priceAt(place: number): string {
    return (100 + (place % 997) * 0.05 + ((this.#turn * 31 + place) % 200) * 0.05).toFixed(2);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#redis.flushall();
    this.#redis.disconnect();
  }
}

const KEYS_A_WRITE = 1_000;
