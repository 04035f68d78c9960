import { beforeEach, expect, test } from "vitest";
import { onEveryPostgres } from "../../../../test/support/store.ts";
import { findMany, upsertMany, type QuoteBatch } from "./quote.ts";

const AT = Date.UTC(2025, 10, 4, 4);
const KEY = { exchange: "NFO", tradingsymbol: "NIFTY25N0424500CE" };

onEveryPostgres("last quotes", (store) => {
  beforeEach(() => store.db.script("truncate last_quote"));

  function batch(
    quotes: readonly { exchange?: string; tradingsymbol?: string; price: number; at_ms: number; source?: string }[],
  ): QuoteBatch {
    return {
      length: quotes.length,
      exchange: quotes.map(({ exchange = KEY.exchange }) => exchange),
      tradingsymbol: quotes.map(({ tradingsymbol = KEY.tradingsymbol }) => tradingsymbol),
      price_units: Float64Array.from(quotes, ({ price }) => price * 10_000),
      at_ms: Float64Array.from(quotes, ({ at_ms }) => at_ms),
      source: quotes.map(({ source = "redis" }) => source),
    };
  }

  test("prices are kept by exchange and symbol, never by symbol alone", async () => {
    const both = [
      { exchange: "NSE", tradingsymbol: "M&M", price: 3001.05, at_ms: AT },
      { exchange: "BSE", tradingsymbol: "M&M", price: 3000.9, at_ms: AT + 123, source: "ticker" },
    ];
    expect(await upsertMany(store.db, batch(both))).toBe(2);
    const found = await findMany(store.db, [
      { exchange: "BSE", tradingsymbol: "M&M" },
      { exchange: "NSE", tradingsymbol: "M&M" },
      { exchange: "NFO", tradingsymbol: "M&M" },
    ]);
    expect(found.toSorted((a, b) => a.exchange.localeCompare(b.exchange))).toEqual([
      { exchange: "BSE", tradingsymbol: "M&M", price: 3000.9, at: "2025-11-04T04:00:00.123Z", source: "ticker" },
      { exchange: "NSE", tradingsymbol: "M&M", price: 3001.05, at: "2025-11-04T04:00:00Z", source: "redis" },
    ]);
  });

  test("a price that a clock which was ahead has left is replaced by the next", async () => {
    await upsertMany(store.db, batch([{ price: 100, at_ms: Date.now() + 3_600_000 }]));
    expect(await upsertMany(store.db, batch([{ price: 101, at_ms: AT }]))).toBe(1);
    expect(await findMany(store.db, [KEY])).toMatchObject([{ price: 101 }]);
  });

  test("they move only forward in time; of equal times the later call wins, and the same again is not written", async () => {
    const writes = [
      { price: 100, at_ms: AT, written: 1, kept: 100 },
      { price: 101, at_ms: AT - 1, written: 0, kept: 100 },
      { price: 102, at_ms: AT, written: 1, kept: 102 },
      { price: 102, at_ms: AT, written: 0, kept: 102 },
      { price: 103, at_ms: AT + 1, written: 1, kept: 103 },
    ];
    for (const { price, at_ms, written, kept } of writes) {
      expect(await upsertMany(store.db, batch([{ price, at_ms }]))).toBe(written);
      expect(await findMany(store.db, [KEY])).toMatchObject([{ price: kept }]);
    }
    expect(await upsertMany(store.db, batch([]))).toBe(0);
  });

  test("a price of 0 or none is refused", async () => {
    for (const price of [0, -1, Number.NaN])
      await expect(upsertMany(store.db, batch([{ price, at_ms: AT }]))).rejects.toMatchObject({ code: "database_refused" });
  });
});
