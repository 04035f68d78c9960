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
const EXPIRY = "2025-07-31";
const open_ms = sessionOn(builtinCalendar(), "NFO", DAY)?.open_ms ?? Number.NaN;

/** Start of the nth minute that is sampled: past what the open changes. */
export const minuteOf = (turn: number): number => open_ms + (5 + turn) * 60_000;

/** The instrument at a place, as it is entered and as its key is in Redis. */
export const symbolAt = (place: number): string => `NIFTY25JUL${STRIKE_FROM + place}CE`;
const keyAt = (place: number): string => `ltp:NFO:${symbolAt(place)}`;
const STRIKE_FROM = 100_000;

/**
 * Enters strategies with ids 1…n in the order of their names into an empty database. Leg j of a strategy is j quarters further
 * round the instruments than leg 0: each instrument is held by as many strategies as the next.
 */
export async function enterStrategies(db: Database, { strategy_count, legs_each, instrument_count }: MarketSize): Promise<void> {
  await db.script(`
    insert into trading_account (account_id) values ('BENCH');
    delete from strategy;
    alter sequence strategy_strategy_id_seq restart;
    insert into strategy (trading_account_id, strategy_name, created_at)
      select 'BENCH', 'bench ' || n, '2025-07-01' from generate_series(1, ${strategy_count}) n;
    insert into strategy_instruments
        (strategy_id, tradingsymbol, exchange, instrument_type, strike, expiry, direction, quantity, entry_price, cost, added_at)
      select n, 'NIFTY25JUL' || ${STRIKE_FROM} + place || 'CE', 'NFO', 'CE', ${STRIKE_FROM} + place, '${EXPIRY}',
        case when leg % 2 = 0 then 'BUY' else 'SELL' end, 75, 100 + leg, 75 * (100 + leg), '2025-07-01'
      from generate_series(1, ${strategy_count}) n, generate_series(0, ${legs_each - 1}) leg,
        lateral (select (n - 1 + leg * ${Math.max(1, Math.floor(instrument_count / legs_each))}) % ${instrument_count} as place) as at
      order by n, leg;
    analyze;
  `);
}

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
