import { migrate, type Database } from "@stratctl/sdk/internal";
import { z } from "zod";
import { openPool } from "../packages/sdk/src/store/db.ts";
import { startTimescale } from "../test/support/timescale.ts";
import { enterCandles } from "./candles.ts";
import { figure, type PartResult } from "./figure.ts";
import { enterStrategies, sizeOf } from "./market.ts";
import type { Servers } from "./servers.ts";

const SIZE = { strategy_count: 200, day_count: 3 };

const Sizes = z.object({ heap: z.coerce.number(), index: z.coerce.number() });
const Compressed = z.object({ before: z.coerce.number(), after: z.coerce.number() });

/** What a candle takes on disk: its row and its part of the index; and compressed, by TimescaleDB in PGlite. */
export async function benchStorage(servers: Servers): Promise<PartResult> {
  const { heap, index, candle_count } = await plain(servers);
  const compressed = await inTimescale();
  return {
    figures: [
      figure("a candle, plain", [(heap + index) / candle_count], { unit: "B" }),
      figure("  of it the row", [heap / candle_count], { unit: "B" }),
      figure("  of it the index", [index / candle_count], { unit: "B" }),
      figure("a candle in TimescaleDB, a chunk a day", [compressed.before / compressed.candle_count], { unit: "B" }),
      figure("a candle in TimescaleDB, compressed", [compressed.after / compressed.candle_count], {
        unit: "B",
        against: [{ yardstick: "the chunk before", ratios: [compressed.after / compressed.before] }],
      }),
    ],
    notes: ["pages are filled to half when a minute is new: its row is written every few seconds, and the update stays on its page"],
  };
}

async function plain(servers: Servers): Promise<z.output<typeof Sizes> & { candle_count: number }> {
  await using database = await servers.database(servers.debian());
  const { db } = database;
  const candle_count = await filled(db);
  const sizes = await db.one(
    Sizes,
    "bench.sizes",
    "select pg_table_size('strategy_m2m_candles') as heap, pg_indexes_size('strategy_m2m_candles') as index",
  );
  return { ...sizes, candle_count };
}

async function inTimescale(): Promise<z.output<typeof Compressed> & { candle_count: number }> {
  await using server = await startTimescale();
  // It serves one connection at a time.
  const db = await openPool(server.url, { connections_max: 1, statement_timeout_ms: 600_000 });
  try {
    await db.script("create extension timescaledb");
    await migrate(db, { adopt: false });
    const candle_count = await filled(db);
    await db.script("select compress_chunk(chunk) from show_chunks('strategy_m2m_candles') chunk");
    const sizes = await db.one(
      Compressed,
      "bench.compressed",
      `select before_compression_total_bytes as before, after_compression_total_bytes as after
       from hypertable_compression_stats('strategy_m2m_candles')`,
    );
    return { ...sizes, candle_count };
  } finally {
    await db.close();
  }
}

async function filled(db: Database): Promise<number> {
  await enterStrategies(db, sizeOf(SIZE.strategy_count));
  return enterCandles(db, SIZE);
}
