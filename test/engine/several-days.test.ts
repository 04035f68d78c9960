import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { onEveryPostgres } from "../support/store.ts";
import { Diary } from "./diary.ts";
import { quotesOf } from "./expected.ts";
import type { Law, PlainDay, PlainStrategy } from "./expected-metrics.ts";
import { roundsAt, type PlainTrade } from "./ledger.ts";
import { DAYS, TICKS } from "./made-up.ts";

/** Figures of days on end, of recordings that are always there: the two committed days, and a week and a half made up here. */

const FUT = "NFO:NIFTY26AUGFUT";
const INDEX = "NSE:NIFTY 50";

const dayOf = (day: string): PlainDay => ({
  day,
  hours: {
    NFO: { open: `${day}T03:45:00Z`, close: `${day}T10:10:00Z` },
    NSE: { open: `${day}T03:45:00Z`, close: `${day}T10:00:00Z` },
  },
});

function trade(at: string, text: string, more: Partial<PlainTrade> = {}): PlainTrade {
  const match = /^(BUY|SELL) (\d+) (.+) @ ([\d.]+)$/.exec(text);
  if (match === null) throw new Error(`no trade: ${text}`);
  const [, side, quantity, instrument = "", price = ""] = match;
  return { at: Date.parse(at), side: side === "SELL" ? "SELL" : "BUY", quantity: Number(quantity), instrument, price, ...more };
}

const [ONE, TWO] = DAYS;

/** Through replays: what is marked goes on being held with the future, which is what is silent on the second morning. */
const COMMITTED: Readonly<Record<string, PlainStrategy>> = {
  "sold in parts over two days": {
    capital: 150_000,
    margin: 90_000,
    trades: [
      trade(`${ONE}T03:40:00Z`, `BUY 65 ${FUT} @ 24531.25`),
      trade(`${ONE}T05:00:30Z`, `SELL 23 ${FUT} @ 24536`),
      trade(`${TWO}T06:30:30Z`, `SELL 21 ${FUT} @ 24570.0001`),
      trade(`${TWO}T06:31:20Z`, `SELL 21 ${FUT} @ 24490.35`),
    ],
  },
  "two exchanges, a flip on the first day": {
    capital: 30_000,
    trades: [
      trade(`${ONE}T03:40:00Z`, `BUY 1 ${INDEX} @ 24500`),
      trade(`${ONE}T03:40:00Z`, `SELL 1 ${FUT} @ 24531.25`),
      trade(`${ONE}T05:00:30Z`, `BUY 3 ${FUT} @ 24520`),
    ],
  },
  "left before the first day's close": {
    capital: 20_000,
    trades: [trade(`${ONE}T03:40:00Z`, `SELL 1 ${INDEX} @ 24510`), trade(`${ONE}T05:05:30Z`, `BUY 1 ${INDEX} @ 24490.3333`)],
  },
};

const NEAR_CE = "NFO:NIFTY2691524500CE";
const FAR_PE = "NFO:NIFTY2692224400PE";
const SEPFUT = "NFO:NIFTY26SEPFUT";

/** A holiday and a weekend lie among them, and nothing was recorded on the 16th; NEAR_CE expires on the 15th. */
const WEEK = ["2026-09-10", "2026-09-11", "2026-09-15", "2026-09-16", "2026-09-17", "2026-09-18"];
const SILENT = "2026-09-16";

function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
}

/** Quotes half a minute apart or so, the same each time. */
function madeUpWeek(): string {
  const lines = ["at_utc,instrument,price"];
  const random = seeded(20_260_910);
  const prices = new Map([
    [NEAR_CE, 140],
    [FAR_PE, 95],
    [SEPFUT, 24_540],
    [INDEX, 24_500],
  ]);
  for (const day of WEEK) {
    if (day === SILENT) continue;
    for (let t = Date.parse(`${day}T03:44:50Z`); t < Date.parse(`${day}T10:10:00Z`); t += 25_000)
      for (const [instrument, before] of prices) {
        if (random() < 0.3 || (instrument === NEAR_CE && day > "2026-09-15")) continue;
        const price = Math.max(1, before + Math.round((random() - 0.5) * (before > 1000 ? 300 : 60)) / 20);
        prices.set(instrument, price);
        lines.push(`${new Date(t + Math.floor(random() * 20_000)).toISOString()},${instrument},${price.toFixed(2)}`);
      }
  }
  const [header = "", ...rows] = lines;
  return [header, ...rows.toSorted(), ""].join("\n");
}

const MADE_UP: Readonly<Record<string, PlainStrategy>> = {
  "a short straddle by parts, settled": {
    capital: 180_000,
    margin: 240_000,
    trades: [
      trade("2026-09-10T04:30:00Z", `SELL 130 ${NEAR_CE} @ 141.35`),
      trade("2026-09-10T06:00:00Z", `SELL 65 ${NEAR_CE} @ 138.1`),
      trade("2026-09-11T05:15:30Z", `BUY 64 ${NEAR_CE} @ 120.05`),
      trade("2026-09-15T10:10:00Z", `BUY 131 ${NEAR_CE} @ 31.35`, { settles: { underlying: "NIFTY", figure: 24_531.35 } }),
    ],
  },
  "first in first out, over the weekend": {
    capital: 65_000,
    trades: [
      trade("2026-09-10T04:30:00Z", `BUY 65 ${FAR_PE} @ 95.3333`),
      trade("2026-09-11T05:15:00Z", `BUY 65 ${FAR_PE} @ 92.6667`),
      trade("2026-09-11T10:09:20Z", `SELL 70 ${FAR_PE} @ 99.15`, { cost_method: "fifo" }),
      trade("2026-09-17T06:00:10Z", `SELL 10 ${FAR_PE} @ 101.15`, { cost_method: "fifo" }),
    ],
  },
  "trades that win, lose and draw": {
    capital: 500_000,
    trades: [
      trade("2026-09-10T04:30:00Z", `BUY 65 ${SEPFUT} @ 24540`),
      trade("2026-09-10T06:00:00Z", `SELL 130 ${SEPFUT} @ 24550.5`),
      trade("2026-09-11T05:15:30Z", `BUY 130 ${SEPFUT} @ 24560`),
      trade("2026-09-15T05:00:00Z", `SELL 130 ${SEPFUT} @ 24501.05`),
      trade("2026-09-17T06:00:10Z", `BUY 65 ${SEPFUT} @ 24501.05`),
      trade("2026-09-17T06:00:40Z", `BUY 65 ${FAR_PE} @ 97`),
      trade("2026-09-17T06:00:50Z", `SELL 65 ${FAR_PE} @ 98.05`),
      trade("2026-09-17T08:00:00Z", `SELL 25 ${SEPFUT} @ 24533`),
    ],
  },
  "two exchanges, entered on the silent day": {
    capital: null,
    trades: [
      trade("2026-09-16T06:00:00Z", `BUY 2 ${INDEX} @ 24480`),
      trade("2026-09-16T06:00:00Z", `SELL 2 ${SEPFUT} @ 24520`),
      trade("2026-09-17T06:00:10Z", `BUY 1 ${SEPFUT} @ 24521.1111`),
      trade("2026-09-18T05:00:00Z", `SELL 2 ${INDEX} @ 24470.5`),
    ],
  },
  "a share of the cost that ends in a half": {
    capital: 49_000,
    trades: [
      trade("2026-09-10T04:30:00Z", `BUY 1 ${SEPFUT} @ 24540.0001`),
      trade("2026-09-10T06:00:00Z", `BUY 1 ${SEPFUT} @ 24540`),
      trade("2026-09-11T05:15:30Z", `SELL 1 ${SEPFUT} @ 24539.9999`),
    ],
  },
  default: {
    capital: 90_000,
    is_default: true,
    trades: [
      trade("2026-09-10T04:30:00Z", `SELL 65 ${FAR_PE} @ 95`),
      trade("2026-09-10T04:30:00Z", `BUY 25 ${SEPFUT} @ 24540`),
      trade("2026-09-11T10:09:20Z", `BUY 65 ${FAR_PE} @ 99`),
      trade("2026-09-15T05:00:00Z", `SELL 25 ${SEPFUT} @ 24560`),
      trade("2026-09-17T06:00:10Z", `SELL 65 ${FAR_PE} @ 95`),
    ],
  },
};

const INSTANTS = [
  "2026-09-10T04:30:00Z",
  "2026-09-10T06:00:00Z",
  "2026-09-11T05:15:30Z",
  "2026-09-11T10:09:20Z",
  "2026-09-15T05:00:00Z",
  "2026-09-16T06:00:00Z",
  "2026-09-17T06:00:10Z",
  "2026-09-17T06:00:50Z",
  "2026-09-17T08:00:00Z",
  "2026-09-18T05:00:00Z",
];

/** Trades at random, the same each time: enters, adds, leaves in part and flips, at prices of four decimals. */
function atRandom(seed: number): PlainStrategy {
  const random = seeded(seed);
  const pick = <T>(of: readonly [T, ...T[]]): T => of[Math.floor(random() * of.length)] ?? of[0];
  const trades = INSTANTS.map((at) => {
    const [instrument, price, cost_method] = pick([
      [FAR_PE, 95, "fifo"],
      [SEPFUT, 24_540, "average"],
    ] as const);
    const text = `${pick(["BUY", "SELL"])} ${1 + Math.floor(random() * 150)} ${instrument} @ ${(price * (0.95 + random() / 10)).toFixed(4)}`;
    return trade(at, text, { cost_method });
  });
  return { capital: 1 + Math.floor(random() * 1_000_000), is_default: false, trades };
}

const AT_RANDOM = Object.fromEntries([1, 2, 3].map((n) => [`at random ${n}`, atRandom(n * 7919)]));

/** True where a leg was added to while it was open. */
function isAddedTo(trades: readonly PlainTrade[]): boolean {
  return trades.some(({ at, instrument, side }) =>
    roundsAt(trades, at - 1).some((round) => round.to === null && round.instrument === instrument && round.direction === side),
  );
}

const laws = new Map<string, Law>();

/** Made once, for both databases. */
function lawOf(key: string, make: () => Law): Law {
  const law = laws.get(key) ?? make();
  laws.set(key, law);
  return law;
}

function weekLaw(): Law {
  const every_s = 30;
  const quotes = quotesOf({ path: week, every_s });
  const quoted = new Set([...quotes.values()].flatMap((own) => own.map(({ at }) => Math.floor(at / 60_000))));
  const isSampled = (t: number): boolean => quoted.has(Math.floor(t / 60_000));
  return { path: week, every_s, quotes, source: "backfill", isSampled, days: WEEK.map(dayOf) };
}

let folder = "";
let week = "";
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "stratctl-t-"));
  week = path.join(folder, "week.csv");
  await writeFile(week, madeUpWeek());
});
afterAll(() => rm(folder, { recursive: true }));

let made = 0;

onEveryPostgres("days on end, with legs closed at set minutes", (store) => {
  async function holds(
    law: Law,
    strategies: Readonly<Record<string, PlainStrategy>>,
    options: { afterwards?: boolean } = {},
  ): Promise<Diary> {
    const diary = new Diary(store, law, `D${(made += 1)}`);
    await diary.live(strategies, options);
    for (const [name, strategy] of Object.entries(strategies)) await diary.expectEqual(name, strategy);
    return diary;
  }

  test.each([1, 5])("the committed recording, replayed every %d s", async (every_s) => {
    const law = lawOf(`committed ${every_s}`, () => {
      return { path: TICKS, every_s, quotes: quotesOf({ path: TICKS, every_s }), source: "replay", days: DAYS.map(dayOf) };
    });
    await holds(law, COMMITTED);
  });

  test("round-trip-inside-one-minute: no candle ever holds it, and its realized P&L is in the next one", async () => {
    const [put, other] = ["NFO:NIFTY26D0124000PE", "NFO:NIFTY26DECFUT"];
    const file = path.join(folder, "round-trip.csv");
    const quotes = ["04:39:00", "04:40:00", "04:41:00"].flatMap((time) => [
      `2026-11-25T${time}Z,${put},48`,
      `2026-11-25T${time}Z,${other},102`,
    ]);
    await writeFile(file, ["at_utc,instrument,price", ...quotes, ""].join("\n"));
    // The recording ends, and a minute later its prices are too old to go on by.
    const isSampled = (t: number): boolean => t <= Date.parse("2026-11-25T04:42:00Z");
    const law: Law = {
      path: file,
      every_s: 1,
      quotes: quotesOf({ path: file, every_s: 1 }),
      isSampled,
      source: "replay",
      days: [dayOf("2026-11-25")],
    };
    const spread: PlainStrategy = {
      capital: null,
      trades: [
        trade("2026-11-25T04:30:00Z", `SELL 75 ${put} @ 50`),
        trade("2026-11-25T04:40:10Z", `BUY 75 ${other} @ 100`),
        trade("2026-11-25T04:40:40Z", `SELL 75 ${other} @ 104`),
      ],
    };
    const diary = await holds(law, { spread });
    const candles = await diary.candles("spread");
    expect(candles.map(({ minute, instrument_count }) => [minute.slice(11, 16), instrument_count])).toEqual([
      ["04:39", 1],
      ["04:40", 1],
      ["04:41", 1],
      ["04:42", 1],
    ]);
    const [before, after] = [{ realized_pnl: "0.0000" }, { realized_pnl: "300.0000", entry_value: "3750.0000", open: "3600.0000" }];
    expect(candles).toMatchObject([before, before, after, after]);
    const { closed_positions, cumulative_pnl } = (await diary.days("spread")).at(-1) ?? {};
    expect([closed_positions, cumulative_pnl]).toEqual([1, 450]);
  });

  test("a made-up week and a half, filled as it goes by", async () => {
    await holds(lawOf("week", weekLaw), { ...MADE_UP, ...AT_RANDOM });
  });

  test("a made-up week and a half, filled when all is over", async () => {
    // What was added to a leg has no date of its own: the book of an earlier minute is not the one that was.
    const dated = Object.entries({ ...MADE_UP, ...AT_RANDOM }).filter(([, { trades }]) => !isAddedTo(trades));
    await holds(lawOf("week", weekLaw), Object.fromEntries(dated), { afterwards: true });
  });
});
