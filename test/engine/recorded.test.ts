import { existsSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { replay } from "../../packages/engine/src/index.ts";
import { connect } from "../../packages/sdk/src/index.ts";
import { onEveryPostgres, type Store } from "../support/store.ts";
import { expectedCandles, quotesOf, type Expected, type PlainLeg, type Situation } from "./expected.ts";
import { candleRows } from "./rows.ts";

/** Recorded days of the real market lie beside the repository, and are not part of it. */
const SESSIONS = path.resolve(import.meta.dirname, "../../../shared/data/sessions");
const missing = existsSync(SESSIONS) ? null : `skipped: no recorded sessions in ${path.relative(process.cwd(), SESSIONS)}`;
if (missing !== null) console.warn(missing);

/** `BUY 75 NIFTY2580724400PE @ 64.95`; without an exchange it is NFO's. */
function leg(text: string): PlainLeg {
  const match = /^(BUY|SELL) (\d+) (.+) @ ([\d.]+)$/.exec(text);
  if (match === null) throw new Error(`no leg: ${text}`);
  const [, direction, quantity, instrument = "", price] = match;
  return {
    direction: direction === "SELL" ? "SELL" : "BUY",
    quantity: Number(quantity),
    instrument: instrument.includes(":") ? instrument : `NFO:${instrument}`,
    entry_price: Number(price),
  };
}

const day = (text: string): Situation["hours"] => {
  const session = { open: `${text}T03:45:00Z`, close: `${text}T10:00:00Z` };
  return { NFO: session, NSE: session };
};

interface Recorded {
  readonly file: string;
  readonly day: string;
  readonly strategies: Readonly<Record<string, readonly PlainLeg[]>>;
  /** M2M of the first strategy at the minutes' closes, as whoever collected the files found: first, least, greatest, last. */
  readonly closes?: readonly [first: number, least: number, greatest: number, last: number];
}

const JULY: Recorded["strategies"] = {
  "iron condor": [
    leg("BUY 75 NIFTY2580724400PE @ 64.95"),
    leg("SELL 75 NIFTY2580724600PE @ 111.95"),
    leg("SELL 75 NIFTY2580725000CE @ 98.1"),
    leg("BUY 75 NIFTY2580725200CE @ 65.9"),
  ],
  straddle: [leg("SELL 75 NIFTY2580724800CE @ 170.5"), leg("SELL 75 NIFTY2580724800PE @ 190")],
  "with a future": [leg("BUY 75 NIFTY25AUGFUT @ 24900.5"), leg("SELL 150 NIFTY2580725000CE @ 98.1")],
  "two expiries": [
    leg("SELL 75 NIFTY2580724800CE @ 170.5"),
    leg("BUY 150 NIFTY2580725200CE @ 65.9"),
    leg("SELL 75 NIFTY25AUGFUT @ 24900.5"),
  ],
};

const RECORDED: readonly Recorded[] = [
  { file: "nifty-2025-07-31/ticks.csv.gz", day: "2025-07-31", strategies: JULY },
  { file: "nifty-2025-07-31/bars_5s.csv.gz", day: "2025-07-31", strategies: JULY },
  {
    file: "nifty-2025-07-31/bars.csv",
    day: "2025-07-31",
    closes: [5940, 5838.75, 7477.5, 6221.25],
    strategies: {
      ...JULY,
      "a calendar whose near leg expires today": [leg("SELL 75 NIFTY25JULFUT @ 24700"), leg("BUY 75 NIFTY25AUGFUT @ 24900.5")],
      "a future against the index": [leg("SELL 75 NIFTY25AUGFUT @ 24900.5"), leg("BUY 75 NSE:NIFTY 50 @ 24700")],
    },
  },
  {
    file: "nifty-2024-10-25-monthly/ticks.csv.gz",
    day: "2024-10-25",
    closes: [1228.75, 1092.5, 1283.75, 1138.75],
    strategies: {
      "iron fly": [
        leg("BUY 25 NIFTY24OCT24100PE @ 54.75"),
        leg("SELL 25 NIFTY24OCT24150PE @ 60"),
        leg("SELL 25 NIFTY24OCT24150CE @ 350"),
        leg("BUY 25 NIFTY24OCT24200CE @ 300.05"),
      ],
    },
  },
  {
    file: "nifty-2024-10-25-monthly/bars.csv",
    day: "2024-10-25",
    strategies: { straddle: [leg("SELL 25 NIFTY24OCT24150PE @ 60"), leg("SELL 25 NIFTY24OCT24150CE @ 350")] },
  },
  {
    file: "nifty-2021-06-11/bars.csv",
    day: "2021-06-11",
    closes: [2902.5, 2812.5, 2977.5, 2835],
    strategies: {
      "iron condor": [
        leg("BUY 75 NIFTY2161715650PE @ 70"),
        leg("SELL 75 NIFTY2161715700PE @ 88.5"),
        leg("SELL 75 NIFTY2161715800CE @ 95"),
        leg("BUY 75 NIFTY2161715850CE @ 72.35"),
      ],
    },
  },
  {
    file: "banknifty-2021-08-20/ticks.csv.gz",
    day: "2021-08-20",
    strategies: { straddle: [leg("SELL 25 BANKNIFTY21SEP35300CE @ 900"), leg("SELL 25 BANKNIFTY21SEP35300PE @ 800")] },
  },
  { file: "nifty50-index-2022-11-24-1s/ticks.csv", day: "2022-11-24", strategies: { index: [leg("BUY 1 NSE:NIFTY 50 @ 18300")] } },
  {
    file: "nifty-2025-03-12-sparse/bars.csv",
    day: "2025-03-12",
    strategies: {
      "iron condor with holes": [
        leg("BUY 75 NIFTY2531322300PE @ 30"),
        leg("SELL 75 NIFTY2531322400PE @ 60"),
        leg("SELL 75 NIFTY2531322500CE @ 70"),
        leg("BUY 75 NIFTY2531322600CE @ 35"),
      ],
      "a leg that hardly trades": [leg("SELL 75 NIFTY2531322750PE @ 200"), leg("BUY 75 NIFTY25MARFUT @ 22600")],
      "a leg that nobody recorded": [leg("SELL 75 NIFTY2531323500CE @ 1"), leg("BUY 75 NIFTY25MARFUT @ 22600")],
      "an index of nine decimals": [leg("BUY 75 NSE:NIFTY 50 @ 22500"), leg("SELL 75 NIFTY25MARFUT @ 22600")],
    },
  },
];

const expectations = new Map<string, Map<string, Expected>>();

/** Computed once, for both databases. */
function expectationsOf({ file, day: on, strategies }: Recorded, every_s: number): Map<string, Expected> {
  const key = `${file} ${every_s}`;
  const situation: Situation = { path: path.join(SESSIONS, file), every_s, hours: day(on) };
  const compute = (): Map<string, Expected> => {
    const quotes = quotesOf(situation);
    return new Map(Object.entries(strategies).map(([name, legs]) => [name, expectedCandles(situation, quotes, legs)]));
  };
  const known = expectations.get(key) ?? compute();
  expectations.set(key, known);
  return known;
}

/** An account with these strategies, their ids by name. */
async function enter(store: Store, account_id: string, strategies: Recorded["strategies"]): Promise<Map<string, number>> {
  await using api = await connect({ url: store.url, account_id });
  await api.accounts.create({ account_id });
  const ids = new Map<string, number>();
  for (const [name, legs] of Object.entries(strategies)) {
    const { strategy_id } = await api.strategies.create({ name });
    ids.set(name, strategy_id);
    for (const { instrument, ...rest } of legs) await api.strategies.legs.add({ strategy_id, tradingsymbol: instrument, ...rest });
  }
  return ids;
}

let made = 0;

onEveryPostgres("candles of recorded sessions equal those computed from the recording", (store) => {
  describe.skipIf(missing).each(RECORDED)("$file", (recorded) => {
    test.each([1, 5])("sampled every %d s", async (every_s) => {
      const ids = await enter(store, `A${(made += 1)}`, recorded.strategies);
      const recording = path.join(SESSIONS, recorded.file);
      const report = await replay({ db: store.db, path: recording, every_ms: every_s * 1000, strategy_ids: [...ids.values()] });
      const expected = expectationsOf(recorded, every_s);
      for (const [name, strategy_id] of ids) {
        const { candles, gaps } = expected.get(name) ?? { candles: [], gaps: [] };
        expect(await candleRows(store.db, strategy_id), name).toEqual(candles);
        const told = report.strategies.find((one) => one.strategy_id === strategy_id);
        expect(told?.candle_count, name).toBe(candles.length);
        expect(told?.stale_candle_count, name).toBe(candles.filter(({ stale_count }) => stale_count > 0).length);
        const minutes = told?.gaps.flatMap(({ from_ms, to_ms, reason }) => minutesOf(from_ms, to_ms).map((minute) => ({ minute, reason })));
        expect(
          minutes?.map(({ minute }) => minute),
          name,
        ).toEqual(gaps.map(({ minute }) => minute));
        for (const [place, { unpriced }] of gaps.entries())
          for (const instrument of unpriced.slice(0, 3)) expect(minutes?.[place]?.reason, name).toContain(instrument);
      }
      if (recorded.closes !== undefined && every_s === 1) {
        const [first = 0] = ids.values();
        const closes = (await candleRows(store.db, first)).map(({ close }) => Number(close));
        expect([closes[0], Math.min(...closes), Math.max(...closes), closes.at(-1)]).toEqual(recorded.closes);
      }
      expect(report).toMatchObject({ days: [recorded.day], sample_count: (375 * 60) / every_s, left_out_count: 0 });
    });
  });
});

function minutesOf(from_ms: number, to_ms: number): string[] {
  return Array.from({ length: (to_ms - from_ms) / 60_000 + 1 }, (_, n) => new Date(from_ms + n * 60_000).toISOString());
}
