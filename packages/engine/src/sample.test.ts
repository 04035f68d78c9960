import { builtinCalendar, QuoteBoard, type CandleBatch } from "@stratctl/sdk/internal";
import { describe, expect, test } from "vitest";
import { testBook, type TestStrategy } from "../../../test/support/book.ts";
import { Sampler } from "./sample.ts";

const at = (text: string): number => Date.parse(text.includes("T") ? text : `2026-11-25T${text}Z`);
const NFO = { CE: "NFO:NIFTY26N1724500CE", PE: "NFO:NIFTY26N1724000PE", FUT: "NFO:NIFTY26DECFUT" };

interface Run {
  readonly strategies: readonly TestStrategy[];
  /** In order of visible_from (else of at): instrument, when traded, price in rupees. */
  readonly quotes: readonly { readonly instrument: string; readonly at: string; readonly visible_from?: string; readonly price: number }[];
  readonly samples: readonly string[];
}

/** Samples one minute and gives what came of it. */
function minuteOf({ strategies, quotes, samples }: Run): { sampler: Sampler; m2m: (number | null)[][]; candles: CandleBatch } {
  const book = testBook(strategies);
  const board = new QuoteBoard(book.instruments);
  const sampler = new Sampler({ calendar: builtinCalendar(), board, stale_ms_max: 60_000, carry_after_ms: 60_000, source: "live" });
  const waiting = [...quotes];
  const first = at(samples[0] ?? "");
  sampler.start(book, first - (first % 60_000));
  const m2m = samples.map((text) => {
    while (waiting[0] && at(waiting[0].visible_from ?? waiting[0].at) <= at(text)) {
      const quote = waiting.shift();
      const place = book.instruments.findIndex(({ instrument }) => instrument === quote?.instrument);
      if (quote) board.accept(place, Math.round(quote.price * 10_000), at(quote.at), at(text), "test");
    }
    sampler.sample(at(text));
    const marks = sampler.marks({ flat: true });
    return strategies.map(({ strategy_id }) => {
      const place = marks?.strategy_id.indexOf(strategy_id) ?? -1;
      const units = marks?.m2m_units[place] ?? Number.NaN;
      return Number.isNaN(units) ? null : units / 10_000;
    });
  });
  return { sampler, m2m, candles: sampler.candles({ changed: false }) };
}

function ohlc(candles: CandleBatch, place = 0): Record<string, number> {
  const rupees = (column: Float64Array): number => (column[place] ?? Number.NaN) / 10_000;
  return {
    open: rupees(candles.open_units),
    high: rupees(candles.high_units),
    low: rupees(candles.low_units),
    close: rupees(candles.close_units),
    sample_count: (candles.sampled[place] ?? 0n).toString(2).replaceAll("0", "").length,
  };
}

function every5s(from: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => new Date(at(from) + n * 5000).toISOString());
}

const buy = (instrument: string, quantity: number, entry: number, expiry: string | null = null) =>
  ({ instrument, direction: "BUY", quantity, entry_units: entry * 10_000, expiry }) as const;
const sell = (instrument: string, quantity: number, entry: number) => ({ ...buy(instrument, quantity, entry), direction: "SELL" }) as const;

describe("a minute of samples", () => {
  test("late-tick-never-replaces-a-newer-one", () => {
    const { m2m, candles } = minuteOf({
      strategies: [{ strategy_id: 1, legs: [buy(NFO.FUT, 50, 100)] }],
      quotes: [
        { instrument: NFO.FUT, visible_from: "04:02:04", at: "04:02:03", price: 101 },
        { instrument: NFO.FUT, visible_from: "04:02:06", at: "04:01:57", price: 95 },
        { instrument: NFO.FUT, visible_from: "04:02:12", at: "04:02:11", price: 102 },
      ],
      samples: ["04:02:05", "04:02:10", "04:02:15"],
    });
    expect(m2m.flat()).toEqual([-5050, -5050, -5100]);
    expect(ohlc(candles)).toEqual({ open: -5050, high: -5050, low: -5100, close: -5100, sample_count: 3 });
  });

  test("yesterdays-close-does-not-open-the-day", () => {
    const { m2m, candles } = minuteOf({
      strategies: [{ strategy_id: 1, legs: [buy("NFO:NIFTY26N1724500CE", 65, 180, "2026-12-01")] }],
      quotes: [
        { instrument: NFO.CE, visible_from: "03:44:00", at: "2026-11-23T10:09:58Z", price: 199.65 },
        { instrument: NFO.CE, at: "03:45:12", price: 197.1 },
        { instrument: NFO.CE, at: "03:45:40", price: 196.8 },
      ],
      samples: every5s("03:45:00", 12),
    });
    expect(m2m.flat().filter((value) => value === null)).toHaveLength(3);
    expect(ohlc(candles)).toEqual({ open: -12_811.5, high: -12_792, low: -12_811.5, close: -12_792, sample_count: 9 });
  });

  test("leg-without-a-price-makes-no-mark", () => {
    const missing = "NFO:NIFTY26D0123800PE";
    const { sampler, m2m, candles } = minuteOf({
      strategies: [{ strategy_id: 7, legs: [sell("NFO:NIFTY26D0124500CE", 75, 120), buy(missing, 75, 45)] }],
      quotes: [{ instrument: "NFO:NIFTY26D0124500CE", at: "04:00:00", price: 118 }],
      samples: ["04:00:00", "04:00:05"],
    });
    expect(m2m.flat()).toEqual([null, null]);
    expect(candles.length).toBe(0);
    const marks = sampler.marks({ flat: false });
    expect(marks).toMatchObject({ length: 1, reason: [`no price for ${missing}`] });
    expect([marks?.instrument_count[0], marks?.priced[0], marks?.stale[0], marks?.oldest_age_ms[0]]).toEqual([2, 1, 0, 5000]);
    expect(sampler.unmarked()).toEqual({ instruments: new Map([[missing, null]]), strategy_ids: [7], too_large_ids: [] });
    expect(sampler.finish({ with_marks: false }).gaps).toEqual([{ strategy_id: 7, reason: `no price for ${missing}` }]);
  });

  test("a leg that has not traded is carried from a minute after the open on, and counted stale", () => {
    const strategies: TestStrategy[] = [{ strategy_id: 1, legs: [buy(NFO.FUT, 10, 100)] }];
    const quotes = [{ instrument: NFO.FUT, at: "2026-11-25T03:40:00Z", price: 99 }];
    expect(minuteOf({ strategies, quotes, samples: every5s("03:45:00", 12) }).candles.length).toBe(0);
    const { candles, sampler } = minuteOf({ strategies, quotes, samples: ["03:46:00"] });
    expect(ohlc(candles)).toEqual({ open: -990, high: -990, low: -990, close: -990, sample_count: 1 });
    expect([candles.stale_count[0], candles.oldest_age_ms[0]]).toEqual([1, 360_000]);
    expect(sampler.marks({ flat: false })).toMatchObject({ stale: new Int32Array([1]), reason: [null] });
  });

  test("a carried leg is stale however young, and a price of the open's own instant is of the session", () => {
    const strategies: TestStrategy[] = [{ strategy_id: 1, legs: [buy(NFO.FUT, 10, 100)] }];
    const book = testBook(strategies);
    const board = new QuoteBoard(book.instruments);
    const sampler = new Sampler({ calendar: builtinCalendar(), board, stale_ms_max: 600_000, carry_after_ms: 0, source: "live" });
    sampler.start(book, at("03:45:00"));
    board.accept(0, 990_000, at("03:44:59"), at("03:45:00"), "test");
    sampler.sample(at("03:45:00"));
    expect(sampler.candles({ changed: true }).stale_count[0]).toBe(1);
    const { candles } = minuteOf({ strategies, quotes: [{ instrument: NFO.FUT, at: "03:45:00", price: 99 }], samples: ["03:45:00"] });
    expect([candles.length, candles.stale_count[0]]).toEqual([1, 0]);
  });

  test("stale is older than stale_ms_max: a minute is not, a millisecond more is", () => {
    const strategies: TestStrategy[] = [{ strategy_id: 1, legs: [buy(NFO.FUT, 10, 100)] }];
    const quotes = [{ instrument: NFO.FUT, at: "2026-11-25T04:00:00.000Z", price: 99 }];
    expect(minuteOf({ strategies, quotes, samples: ["04:01:00"] }).candles.stale_count[0]).toBe(0);
    const later = minuteOf({ strategies, quotes, samples: ["2026-11-25T04:01:00.001Z"] }).candles;
    expect([later.stale_count[0], later.oldest_age_ms[0]]).toEqual([1, 60_001]);
  });

  test("two exchanges: marked while either is open, the closed one's leg carried at its last price", () => {
    const strategies: TestStrategy[] = [{ strategy_id: 1, legs: [buy("NSE:NIFTY 50", 1, 100), buy(NFO.FUT, 1, 100)] }];
    const quotes = [
      { instrument: "NSE:NIFTY 50", at: "09:59:50", price: 110 },
      { instrument: NFO.FUT, at: "10:00:01", price: 120 },
      { instrument: NFO.FUT, at: "10:09:30", price: 121 },
    ];
    // NSE closes at 10:00Z, NFO at 10:10Z since August 2026.
    const { m2m, candles } = minuteOf({ strategies, quotes, samples: ["10:09:00", "10:09:59"] });
    expect(m2m.flat()).toEqual([-230, -231]);
    expect([candles.stale_count[0], candles.oldest_age_ms[0]]).toEqual([2, 609_000]);
    const closed = minuteOf({ strategies, quotes, samples: ["10:10:00"] });
    expect([closed.candles.length, closed.sampler.marks({ flat: true })?.length]).toEqual([0, 0]);
  });

  test("two exchanges: no Mark before both have opened that day, nor on a day when one has no session", () => {
    const legs = [buy("MCX:CRUDEOIL26DECFUT", 1, 100), buy(NFO.FUT, 1, 100)];
    const quotes = [{ instrument: "MCX:CRUDEOIL26DECFUT", at: "03:31:00", price: 110 }];
    const { sampler } = minuteOf({ strategies: [{ strategy_id: 1, legs }], quotes, samples: ["03:40:00"] });
    expect(sampler.marks({ flat: false })?.reason).toEqual([`no price for ${NFO.FUT} (NFO has not opened)`]);
    // 24 November 2026 is a holiday of NSE, on whose evening MCX trades.
    const holiday = minuteOf({ strategies: [{ strategy_id: 1, legs }], quotes: [], samples: ["2026-11-24T11:30:00Z"] });
    expect(holiday.sampler.marks({ flat: false })?.reason[0]).toContain(`${NFO.FUT} (NFO has no session on 2026-11-24)`);
  });

  test("past its expiry a leg is never priced again, and the reason names it", () => {
    const expired = "NFO:NIFTY26N2424500CE";
    const strategies: TestStrategy[] = [{ strategy_id: 1, legs: [buy(expired, 75, 10, "2026-11-24")] }];
    const quotes = [{ instrument: expired, at: "04:00:00", price: 5 }];
    const { sampler, m2m } = minuteOf({ strategies, quotes, samples: ["04:00:00"] });
    expect(m2m).toEqual([[null]]);
    expect(sampler.marks({ flat: false })?.reason).toEqual([`no price for ${expired} (expired on 2026-11-24)`]);
    const today: TestStrategy[] = [{ strategy_id: 1, legs: [buy(expired, 75, 10, "2026-11-25")] }];
    expect(minuteOf({ strategies: today, quotes, samples: ["10:09:59"] }).m2m).toEqual([[-375]]);
  });

  test("a monthly contract whose day nobody told is over after the day by the exchange's rule", () => {
    const strategies: TestStrategy[] = [{ strategy_id: 1, legs: [buy("NFO:NIFTY26OCT24500CE", 75, 10)] }];
    const quotes = [{ instrument: "NFO:NIFTY26OCT24500CE", at: "04:00:00", price: 5 }];
    const { sampler } = minuteOf({ strategies, quotes, samples: ["04:00:00"] });
    expect(sampler.marks({ flat: false })?.reason).toEqual(["no price for NFO:NIFTY26OCT24500CE (expired on 2026-10-27)"]);
  });

  test("without an open leg: worth 0 till the session's end on the day that realized something, from the next minute on", () => {
    const flat = (closed_at: string): TestStrategy[] => [
      { strategy_id: 1, legs: [], realized_pnl_units: -2_210_000, closed: { at: closed_at, exchange: "NFO" } },
    ];
    const marked = minuteOf({ strategies: flat("2026-11-25T05:00:20Z"), quotes: [], samples: ["05:01:00", "05:01:30"] });
    expect(ohlc(marked.candles)).toEqual({ open: 0, high: 0, low: 0, close: 0, sample_count: 2 });
    expect([marked.candles.instrument_count[0], marked.candles.realized_pnl_units[0]]).toEqual([0, -2_210_000]);
    expect(minuteOf({ strategies: flat("2026-11-25T05:00:20Z"), quotes: [], samples: ["05:00:30"] }).m2m).toEqual([[null]]);
    expect(minuteOf({ strategies: flat("2026-11-25T05:00:20Z"), quotes: [], samples: ["10:10:00"] }).m2m).toEqual([[null]]);
    const later = minuteOf({ strategies: flat("2026-11-23T05:00:20Z"), quotes: [], samples: ["05:01:00"] });
    expect(later.m2m).toEqual([[null]]);
    expect(later.sampler.marks({ flat: true })?.reason).toEqual(["no open legs"]);
    expect(later.sampler.marks({ flat: false })?.length).toBe(0);
  });

  test("products past 2^53 are exact, and past what money can be there is no Mark", () => {
    const strategies: TestStrategy[] = [
      { strategy_id: 1, legs: [buy(NFO.CE, 2_147_483_647, 0.0001), sell(NFO.PE, 2_147_483_647, 0.0001), buy(NFO.FUT, 3, 1)] },
      { strategy_id: 2, legs: [buy(NFO.CE, 2_147_483_647, 0.0001)] },
    ];
    const quotes = [
      { instrument: NFO.CE, at: "04:00:00", price: 98_765_432.1234 },
      { instrument: NFO.PE, at: "04:00:00", price: 98_765_432.1235 },
      { instrument: NFO.FUT, at: "04:00:00", price: 0.0001 },
    ];
    // Expiry of November's weeklies: 17 November.
    const alive = strategies.map((strategy) => ({ ...strategy, legs: strategy.legs.map((leg) => ({ ...leg, expiry: "2026-12-31" })) }));
    const { m2m, sampler } = minuteOf({ strategies: alive, quotes, samples: ["04:00:00"] });
    expect(m2m).toEqual([[214_748.3644, null]]);
    expect(sampler.marks({ flat: false })?.reason[1]).toContain("beyond");
  });
});
