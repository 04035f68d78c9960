import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { formatUnits, type CandleBatch, type MarkBatch } from "@stratctl/sdk/internal";
import { Redis } from "ioredis";
import { Client } from "pg";
import { from as copyFrom } from "pg-copy-streams";
import { z } from "zod";
import { timed } from "./measure.ts";
import { symbolAt, type Feed } from "./market.ts";

/**
 * What the system that this replaces ran once a minute, in its own tables: for each strategy its legs; for each leg a GET and an
 * UPDATE, awaited; then an INSERT and an UPDATE. Its statements are prepared, as its driver prepared them.
 */
export class OldLoop implements AsyncDisposable {
  readonly #client: Client;
  readonly #redis: Redis;

  private constructor(client: Client, redis: Redis) {
    this.#client = client;
    this.#redis = redis;
  }

  static async open({ url, redis_url, strategy_count, feed }: OldMarket): Promise<OldLoop> {
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query(OLD_TABLES);
    const symbols = feed.keys.map((_, place) => symbolAt(place));
    await client.query(`insert into old.strategy select n, 'active', null, null from generate_series(1, $1::int) n`, [strategy_count]);
    await client.query(
      `insert into old.strategy_instruments (strategy_id, tradingsymbol, exchange, direction, quantity, lot_size, entry_price)
       select n, ($2::text[])[1 + (n * 4 + leg) % $3::int], 'NFO', case when leg % 2 = 0 then 'BUY' else 'SELL' end, 75, 1, 100 + leg
       from generate_series(1, $1::int) n, generate_series(0, 3) leg`,
      [strategy_count, symbols, symbols.length],
    );
    await client.query("analyze");
    return new OldLoop(client, new Redis(redis_url));
  }

  /** One minute of the first so many strategies; milliseconds. */
  run(minute_ms: number, strategy_count: number): Promise<number> {
    return timed(async () => {
      for (let strategy_id = 1; strategy_id <= strategy_count; strategy_id += 1) await this.#strategy(strategy_id, minute_ms);
    });
  }

  async #strategy(strategy_id: number, minute_ms: number): Promise<void> {
    const { rows } = await this.#client.query({ name: "legs", text: OLD_LEGS, values: [strategy_id] });
    let total = 0;
    for (const leg of OldLegs.parse(rows)) {
      const price = Number(await this.#redis.get(`ltp:${leg.exchange}:${leg.tradingsymbol}`));
      const sign = leg.direction === "BUY" ? 1 : -1;
      const pnl = (price - Number(leg.entry_price)) * sign * leg.quantity * leg.lot_size;
      total += pnl;
      const values = [price.toFixed(2), pnl.toFixed(2), strategy_id, leg.tradingsymbol, leg.exchange];
      await this.#client.query({ name: "leg", text: OLD_LEG, values });
    }
    await this.#client.query({ name: "candle", text: OLD_CANDLE, values: [strategy_id, new Date(minute_ms), total.toFixed(2)] });
    await this.#client.query({ name: "strategy", text: OLD_STRATEGY, values: [total.toFixed(2), strategy_id] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#redis.disconnect();
    await this.#client.end();
  }
}

interface OldMarket {
  readonly url: string;
  readonly redis_url: string;
  readonly strategy_count: number;
  readonly feed: Feed;
}

const OLD_TABLES = `
  create schema old;
  create table old.strategy (strategy_id int primary key, status text, current_m2m numeric(20,2), total_pnl numeric(20,2));
  create table old.strategy_instruments (
    id serial primary key, strategy_id int not null, tradingsymbol text not null, exchange text not null, direction text not null,
    quantity int not null, lot_size int not null, entry_price numeric(12,2) not null, current_price numeric(12,2),
    current_pnl numeric(20,2), unique (strategy_id, tradingsymbol, exchange));
  create table old.strategy_m2m_candles (
    strategy_id int not null, timestamp timestamptz not null, open numeric(20,2), high numeric(20,2), low numeric(20,2),
    close numeric(20,2), instrument_count int, primary key (strategy_id, timestamp));
  create index on old.strategy_m2m_candles (timestamp desc);`;
const OLD_LEGS = `select tradingsymbol, exchange, direction, quantity, lot_size, entry_price from old.strategy_instruments where strategy_id = $1`;
const OLD_LEG = `update old.strategy_instruments set current_price = $1, current_pnl = $2
  where strategy_id = $3 and tradingsymbol = $4 and exchange = $5`;
const OLD_CANDLE = `insert into old.strategy_m2m_candles values ($1, $2, $3, $3, $3, $3, 4)
  on conflict (strategy_id, timestamp) do update
    set open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close`;
const OLD_STRATEGY = `update old.strategy set current_m2m = $1, total_pnl = $1 where strategy_id = $2`;

const OldLegs = z.array(
  z.object({
    tradingsymbol: z.string(),
    exchange: z.string(),
    direction: z.string(),
    quantity: z.int(),
    lot_size: z.int(),
    entry_price: z.string(),
  }),
);

/** Rows in memory as COPY reads them. */
export interface FloorRows {
  readonly table: string;
  readonly bytes: Buffer;
}

/**
 * What no pass can be faster than: MGET of the same keys, then COPY of the same rows, encoded before the clock starts, into
 * tables of the same columns, checks and keys.
 */
export class Floor implements AsyncDisposable {
  readonly #client: Client;
  readonly #redis: Redis;
  readonly #keys: readonly string[];
  #width: number = MGET_WIDTHS[0];

  private constructor(client: Client, redis: Redis, keys: readonly string[]) {
    this.#client = client;
    this.#redis = redis;
    this.#keys = keys;
  }

  static async open({ url, redis_url, feed }: Omit<OldMarket, "strategy_count">): Promise<Floor> {
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query(FLOOR_TABLES);
    const floor = new Floor(client, new Redis(redis_url), feed.keys);
    await floor.#chooseWidth();
    return floor;
  }

  /** The one of the widths that is fastest here, after a turn of each that is not counted. */
  async #chooseWidth(): Promise<void> {
    let best_ms = Number.POSITIVE_INFINITY;
    for (const width of [...MGET_WIDTHS, ...MGET_WIDTHS]) {
      const ms = Math.min(await this.#mget(width), await this.#mget(width));
      if (ms >= best_ms) continue;
      best_ms = ms;
      this.#width = width;
    }
  }

  mget(): Promise<number> {
    return this.#mget(this.#width);
  }

  #mget(width: number): Promise<number> {
    const reads = Array.from({ length: Math.ceil(this.#keys.length / width) }, (_, place) =>
      this.#keys.slice(place * width, (place + 1) * width),
    );
    return timed(() => Promise.all(reads.map((keys) => this.#redis.mget(keys))));
  }

  /** Milliseconds. Rows of marks, prices and columns replace those of the last run; candles stay, as a history does. */
  async copy(all: readonly FloorRows[]): Promise<number> {
    await this.#client.query("truncate floor.strategy_mark, floor.last_quote, floor.strategy");
    return timed(async () => {
      for (const { table, bytes } of all)
        await pipeline(Readable.from(chunksOf(bytes)), this.#client.query(copyFrom(`copy floor.${table} from stdin`)));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#redis.disconnect();
    await this.#client.end();
  }
}

const MGET_WIDTHS = [1_000, 250, 5_000, 20_000, 100_000] as const;

const FLOOR_TABLES = `
  create schema floor;
  create table floor.strategy_m2m_candles (like strategy_m2m_candles including all);
  create table floor.strategy_mark (like strategy_mark including all);
  create table floor.last_quote (like last_quote including all);
  create table floor.strategy (strategy_id integer primary key, current_m2m numeric(18,4), total_pnl numeric(18,4));`;

/** The rows that a pass writes, as text for COPY. */
export function floorRows(candles: CandleBatch, marks: MarkBatch, feed: Feed): FloorRows[] {
  const at = new Date(marks.at_ms).toISOString();
  const money = (units: number | undefined): string => formatUnits(units ?? Number.NaN);
  const instant = (at_ms: number | undefined): string => new Date(at_ms ?? Number.NaN).toISOString();
  const pnlOf = (place: number): number =>
    (marks.realized_pnl_units[place] ?? 0) + (marks.entry_value_units[place] ?? 0) - (marks.m2m_units[place] ?? 0);
  return [
    rowsOf("strategy_m2m_candles", candles.length, (place) => [
      candles.strategy_id[place],
      instant(candles.minute_ms[place]),
      money(candles.open_units[place]),
      money(candles.high_units[place]),
      money(candles.low_units[place]),
      money(candles.close_units[place]),
      money(candles.entry_value_units[place]),
      money(candles.realized_pnl_units[place]),
      candles.instrument_count[place],
      1,
      candles.stale_count[place],
      candles.oldest_age_ms[place],
      candles.sampled[place],
      instant(candles.first_at_ms[place]),
      instant(candles.last_at_ms[place]),
      candles.source,
    ]),
    rowsOf("strategy_mark", marks.length, (place) => [
      marks.strategy_id[place],
      at,
      money(marks.m2m_units[place]),
      money(pnlOf(place)),
      money(marks.entry_value_units[place]),
      money(marks.realized_pnl_units[place]),
      marks.instrument_count[place],
      marks.priced[place],
      marks.stale[place],
      marks.oldest_age_ms[place],
      "\\N",
    ]),
    rowsOf("last_quote", feed.keys.length, (place) => ["NFO", symbolAt(place), "101.05", at, "redis"]),
    rowsOf("strategy", marks.length, (place) => [marks.strategy_id[place], money(marks.m2m_units[place]), money(pnlOf(place))]),
  ];
}

type Field = string | number | bigint | undefined;

function rowsOf(table: string, count: number, row: (place: number) => readonly Field[]): FloorRows {
  const lines = Array.from({ length: count }, (_, place) => `${row(place).join("\t")}\n`);
  return { table, bytes: Buffer.from(lines.join("")) };
}

const CHUNK_BYTES = 65_536;

function* chunksOf(bytes: Buffer): Generator<Buffer> {
  for (let from = 0; from < bytes.length; from += CHUNK_BYTES) yield bytes.subarray(from, from + CHUNK_BYTES);
}
