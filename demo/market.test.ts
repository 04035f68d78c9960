import { createHash } from "node:crypto";
import { parseInstrument, type RecordedQuote } from "@stratctl/sdk/internal";
import { describe, expect, test } from "vitest";
import { DEMO_DAY, madeUpMarket, type MadeUpMarket } from "./market.ts";

const market = madeUpMarket(DEMO_DAY);
const trades = [...market.trades()];
const rupees = ({ price_units }: RecordedQuote): number => price_units / 10_000;

const fingerprint = (one: MadeUpMarket): string => {
  const hash = createHash("sha256");
  for (const { at_ms, instrument, price_units } of one.trades()) hash.update(`${at_ms},${instrument},${price_units}\n`);
  return hash.digest("hex");
};

/** Minutes of the first and the last trade on an exchange, in its zone. */
const spanOf = (all: readonly RecordedQuote[], exchange: string): string[] =>
  [0, -1].map((place) => {
    const at_ms = all.filter(({ instrument }) => instrument.startsWith(exchange)).at(place)?.at_ms ?? 0;
    return new Date(at_ms + 19_800_000).toISOString().slice(0, 16);
  });

test("a seed fixes every byte, another seed tells another day", () => {
  const first = fingerprint(market);
  expect(fingerprint(madeUpMarket(DEMO_DAY))).toBe(first);
  expect(fingerprint(madeUpMarket({ ...DEMO_DAY, seed: DEMO_DAY.seed + 1 }))).not.toBe(first);
});

describe("trades", () => {
  test("come in order of time, within the session of their exchange's day", () => {
    expect(trades.every(({ at_ms }, place) => at_ms >= (trades[place - 1]?.at_ms ?? 0))).toBe(true);
    expect(spanOf(trades, "NFO:")).toEqual(["2025-07-18T09:15", "2025-07-18T15:29"]);
    expect(spanOf(trades, "NSE:")).toEqual(["2025-07-18T09:15", "2025-07-18T15:29"]);
  });

  test("derivatives trade ten minutes longer than the index from August 2026 on", () => {
    const later = [...madeUpMarket({ ...DEMO_DAY, day: "2026-10-07", expiry: "2026-10-13", future_expiry: "2026-10-27" }).trades()];
    expect(spanOf(later, "NFO:NIFTY26O13")).toEqual(["2026-10-07T09:15", "2026-10-07T15:39"]);
    expect(spanOf(later, "NSE:")).toEqual(["2026-10-07T09:15", "2026-10-07T15:29"]);
  });

  test("stand on the grid of five paise, above 0", () => {
    expect(trades.filter(({ price_units }) => !(price_units > 0) || price_units % 500 !== 0)).toEqual([]);
  });

  test("are of instruments that the market lists, each a symbol that parses", () => {
    expect(new Set(trades.map(({ instrument }) => instrument))).toEqual(new Set(market.instruments));
    const types = market.instruments.map((instrument) => parseInstrument(instrument).instrument_type);
    expect([types.filter((type) => type === "CE").length, types.filter((type) => type === "PE").length]).toEqual([13, 13]);
    const atm = market.option(market.strikes[6] ?? 0, "CE");
    expect(parseInstrument(atm)).toMatchObject({
      name: "NIFTY",
      instrument_type: "CE",
      strike: market.strikes[6],
      expiry: DEMO_DAY.expiry,
    });
  });

  test("come at uneven times, thick at the open and the close, thin at noon", () => {
    const within = (from: string, to: string): number => {
      const at = (time: string): number => Date.parse(`${DEMO_DAY.day}T${time}:00+05:30`);
      return trades.filter(({ at_ms }) => at_ms >= at(from) && at_ms < at(to)).length;
    };
    const [open, noon, close] = [within("09:15", "09:30"), within("12:00", "12:15"), within("15:15", "15:30")];
    expect(open).toBeGreaterThan(2 * noon);
    expect(close).toBeGreaterThan(2 * noon);
    const gaps = new Set(trades.slice(0, 200).map(({ at_ms }, place) => at_ms - (trades[place - 1]?.at_ms ?? at_ms)));
    expect(gaps.size).toBeGreaterThan(20);
  });

  test("are more at the money than far from it, but every instrument trades within the first minute", () => {
    const count = (instrument: string): number => trades.filter((trade) => trade.instrument === instrument).length;
    const [low = 0, , , , , , middle = 0] = market.strikes;
    expect(count(market.option(middle, "PE"))).toBeGreaterThan(2 * count(market.option(low, "PE")));
    const early = new Set(trades.filter(({ at_ms }) => at_ms < market.open_ms + 60_000).map(({ instrument }) => instrument));
    expect(market.instruments.filter((instrument) => !early.has(instrument))).toEqual([]);
  });
});

describe("prices hold together", () => {
  const instants = Array.from({ length: 75 }, (_, place) => market.open_ms + place * 300_000);
  // Both are worth the same forward: the later future for a later day, so its interest is taken off again.
  const years = (day: string, at_ms: number): number => (Date.parse(`${day}T15:30:00+05:30`) - at_ms) / (365 * 86_400_000);

  test("a call less a put is the forward less the strike, discounted", () => {
    for (const at_ms of instants) {
      const discount = Math.exp(-0.065 * years(DEMO_DAY.expiry, at_ms));
      for (const strike of market.strikes) {
        const parity = market.worth("NSE:NIFTY 50", at_ms) - strike * discount;
        const both = market.worth(market.option(strike, "CE"), at_ms) - market.worth(market.option(strike, "PE"), at_ms);
        expect(Math.abs(both - parity)).toBeLessThan(0.001);
      }
    }
  });

  test("as traded, a call and a put of the same moment keep it within the spread", () => {
    const strike = market.strikes[6] ?? 0;
    const [calls, puts] = (["CE", "PE"] as const).map((type) =>
      trades.filter(({ instrument }) => instrument === market.option(strike, type)),
    );
    const pairs = (calls ?? []).flatMap((call) => {
      const put = puts?.find(({ at_ms }) => Math.abs(at_ms - call.at_ms) <= 50);
      if (put === undefined) return [];
      const parity = market.worth("NSE:NIFTY 50", call.at_ms) - strike * Math.exp(-0.065 * years(DEMO_DAY.expiry, call.at_ms));
      return [Math.abs(rupees(call) - rupees(put) - parity)];
    });
    expect(pairs.length).toBeGreaterThan(100);
    expect(Math.max(...pairs)).toBeLessThan(1.5);
  });

  test("calls fall and puts rise with the strike; no option is worth less than nothing", () => {
    for (const at_ms of instants) {
      const calls = market.strikes.map((strike) => market.worth(market.option(strike, "CE"), at_ms));
      const puts = market.strikes.map((strike) => market.worth(market.option(strike, "PE"), at_ms));
      expect(calls).toEqual(calls.toSorted((a, b) => b - a));
      expect(puts).toEqual(puts.toSorted((a, b) => a - b));
      expect(Math.min(...calls, ...puts)).toBeGreaterThan(0);
    }
  });

  test("the index moves as an index does: neither frozen nor torn", () => {
    const levels = instants.map((at_ms) => market.worth("NSE:NIFTY 50", at_ms));
    const range = Math.max(...levels) / Math.min(...levels) - 1;
    expect(range).toBeGreaterThan(0.002);
    expect(range).toBeLessThan(0.03);
    const steps = trades.filter(({ instrument }) => instrument === "NSE:NIFTY 50").map(rupees);
    expect(Math.max(...steps.map((level, place) => Math.abs(level - (steps[place - 1] ?? level))))).toBeLessThan(60);
  });
});

test.for([101, 102, 103, 104, 105])("seed %d gives a session too", (seed) => {
  const opening: RecordedQuote[] = [];
  for (const trade of madeUpMarket({ ...DEMO_DAY, seed }).trades()) {
    if (opening.push(trade) === 5000) break;
  }
  expect(opening.filter(({ price_units }) => !(price_units > 0))).toEqual([]);
  expect(opening.length).toBe(5000);
});

test("a day without a session is refused by name", () => {
  expect(() => madeUpMarket({ ...DEMO_DAY, day: "2025-07-19" })).toThrow("NSE has no session on 2025-07-19");
});
