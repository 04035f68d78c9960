import { describe, expect, test } from "vitest";
import { ref } from "../../../../test/support/read.ts";
import { HeldQuotes } from "./pubsub-held.ts";

const T = Date.parse("2026-11-25T04:00:00Z");
const TS = T / 1000;
const CE = "NFO:NIFTY26N1724500CE";

const option = (more: Record<string, unknown> = {}): string =>
  JSON.stringify({
    symbol: "NIFTY",
    token: 11_428_098,
    tradingsymbol: "NIFTY26N1724500CE",
    segment: "NFO-OPT",
    exchange: "NFO",
    strike: 24_500,
    expiry: "2026-11-17",
    type: "CE",
    lot_size: 65,
    tick_size: 0.05,
    price: 118.35,
    volume: 1200,
    oi: 99,
    iv: 0.12,
    delta: 0.5,
    ts: TS,
    is_mock: false,
    ...more,
  });

/** What is told of one instrument after these messages, taken at T. */
function after(messages: readonly string[], { asked = CE, token = null as number | null, allow_mock = false } = {}): unknown {
  const held = new HeldQuotes({ allow_mock, now: () => T });
  for (const message of messages) held.take(message);
  return told(held, asked, token);
}

function told(held: HeldQuotes, asked: string, token: number | null = null): unknown {
  const said: unknown[] = [];
  held.tell([ref(asked, token)], {
    quote: (_, price_units, at_ms) => said.push([price_units / 10_000, at_ms]),
    refused: (_, why, reason) => said.push(reason ?? why),
    absent: (_, why) => said.push(why),
  });
  return said.length === 1 ? said[0] : said;
}

describe("what is published of a contract", () => {
  test("price and time, under its name and under its token", () => {
    expect(after([option()])).toEqual([118.35, T]);
    expect(after([option()], { asked: "NFO:OTHER", token: 11_428_098 })).toEqual([118.35, T]);
    expect(after([option({ exchange: undefined })])).toEqual([118.35, T]);
    expect(after([option({ exchange: undefined, segment: undefined })], { asked: "X:Y", token: 11_428_098 })).toEqual([118.35, T]);
  });

  test("its symbol names the underlying, whose price it is not", () => {
    expect(after([option()], { asked: "NSE:NIFTY 50" })).toBe("nothing published");
    expect(after([option()], { asked: "NSE:NIFTY" })).toBe("nothing published");
  });

  test("0.0 is none, and does not take away what there was", () => {
    expect(after([option({ price: 0.0 })])).toBe("published without a price");
    expect(after([option({ price: undefined })])).toBe("published without a price");
    expect(after([option(), option({ price: 0.0, ts: TS + 1 })])).toEqual([118.35, T]);
  });

  test("one that calls itself made up is refused, unless it is allowed", () => {
    expect(after([option({ is_mock: true })])).toBe("mock");
    expect(after([option({ is_mock: "true" })])).toBe("mock");
    expect(after([option({ is_mock: true })], { allow_mock: true })).toEqual([118.35, T]);
    expect(after([option(), option({ is_mock: true, price: 5, ts: TS + 1 })])).toEqual(["mock", [118.35, T]]);
    expect(after([option({ is_mock: true, price: 0 })])).toBe("published without a price");
  });

  test.each([
    [-1, '"-1" is not a price'],
    ["abc", '"abc" is not a price'],
    [true, "its price is neither a number nor a text"],
    [999_999, "placeholder"],
  ])("%j is no price", (price, why) => {
    expect(after([option({ price })])).toBe(why);
  });

  test("from the future it is refused, and hides nothing", () => {
    expect(after([option({ ts: TS + 3_600 })])).toBe("ahead");
    expect(after([option({ ts: TS + 3_600, price: 5 }), option({ price: 6 })])).toEqual([6, T]);
  });

  test("an older one that comes late changes nothing; of equal times the later told counts", () => {
    expect(after([option({ price: 6 }), option({ price: 5, ts: TS - 1 })])).toEqual([6, T]);
    expect(after([option({ price: 6 }), option({ price: 7 })])).toEqual([7, T]);
  });
});

describe("what is published of an underlying", () => {
  const bar = { symbol: "NIFTY", open: 1, high: 3, low: 0.5, close: 24_531.25, volume: 0, ts: TS };
  const quote = {
    symbol: "RELIANCE",
    instrument_token: 738_561,
    last_price: 1_402.5,
    volume: 1,
    timestamp: "2026-11-25 09:30:00",
    ohlc: { close: 9 },
  };

  test("a bar, whose close is the last price", () => {
    expect(after([JSON.stringify(bar)], { asked: "NSE:NIFTY 50" })).toEqual([24_531.25, T]);
    expect(after([JSON.stringify(bar)], { asked: "NSE:NIFTY" })).toEqual([24_531.25, T]);
    expect(after([JSON.stringify({ ...bar, close: 0.0 })], { asked: "NSE:NIFTY 50" })).toBe("published without a price");
  });

  test("a quote with a last price and a time without a zone", () => {
    expect(after([JSON.stringify(quote)], { asked: "NSE:RELIANCE" })).toEqual([1_402.5, T]);
    expect(after([JSON.stringify(quote)], { asked: "X:Y", token: 738_561 })).toEqual([1_402.5, T]);
    expect(after([JSON.stringify(quote)], { asked: "BSE:RELIANCE" })).toBe("nothing published");
  });

  test("indices by the names that feeds have for them", () => {
    expect(after([JSON.stringify({ ...bar, symbol: "BANKNIFTY" })], { asked: "NSE:NIFTY BANK" })).toEqual([24_531.25, T]);
    expect(after([JSON.stringify({ ...bar, symbol: "SENSEX" })], { asked: "BSE:SENSEX" })).toEqual([24_531.25, T]);
    expect(after([JSON.stringify({ ...bar, symbol: "NSE:India Vix" })], { asked: "NSE:INDIA VIX" })).toEqual([24_531.25, T]);
  });
});

test("garbage is counted, and costs nobody anything", () => {
  const held = new HeldQuotes({ allow_mock: false, now: () => T });
  for (const text of ["", "soon", "[]", "null", "{}", '{"symbol":""}', '{"price":5}', '{"tradingsymbol":"X","price":5}']) held.take(text);
  expect([held.unread_count, held.size]).toEqual([8, 0]);
});

test("without a time it happened when it came, and one that repeats it is no news", () => {
  let now_ms = T;
  const held = new HeldQuotes({ allow_mock: false, now: () => now_ms });
  held.take(option({ ts: undefined }));
  now_ms += 5_000;
  held.take(option({ ts: undefined }));
  expect(told(held, CE)).toEqual([118.35, T]);
  held.take(option({ ts: undefined, price: 119 }));
  expect(told(held, CE)).toEqual([119, T + 5_000]);
  held.take(option({ ts: TS + 3 })); // it has a time, and that is older
  expect(told(held, CE)).toEqual([119, T + 5_000]);
});

test("a wall clock set back does not silence what is true", () => {
  let now_ms = T + 3_600_000;
  const held = new HeldQuotes({ allow_mock: false, now: () => now_ms });
  held.take(option({ ts: undefined }));
  now_ms = T;
  held.take(option({ price: 119 }));
  expect(told(held, CE)).toEqual([119, T]);
});

test("never more than so many: the one that has been silent for longest goes first", () => {
  const held = new HeldQuotes({ allow_mock: false, now: () => T, held_max: 3 });
  const share = (symbol: string): string => JSON.stringify({ symbol, last_price: 5, ts: TS });
  for (const symbol of ["A", "B", "C", "A", "D"]) held.take(share(symbol));
  expect(["A", "B", "C", "D"].map((symbol) => told(held, `NSE:${symbol}`) !== "nothing published")).toEqual([true, false, true, true]);
  expect(held.size).toBe(3);
});
