import { existsSync } from "node:fs";
import path from "node:path";
import { describe, test } from "vitest";
import { onEveryPostgres } from "../support/store.ts";
import { Diary } from "./diary.ts";
import { quotesOf } from "./expected.ts";
import type { Law, PlainStrategy } from "./expected-metrics.ts";
import { plansOf } from "./plans.ts";

/** Recorded days of the real market lie beside the repository, and are not part of it. */
const SESSIONS = path.resolve(import.meta.dirname, "../../../shared/data/sessions");
const missing = existsSync(SESSIONS) ? null : `skipped: no recorded sessions in ${path.relative(process.cwd(), SESSIONS)}`;
if (missing !== null) console.warn(missing);

interface Recorded {
  readonly file: string;
  readonly every_s: number;
  readonly instruments: readonly string[];
  readonly lot: number;
  readonly source?: Law["source"];
}

const RECORDED: readonly Recorded[] = [
  {
    file: "nifty-2025-07-31/bars.csv",
    every_s: 1,
    lot: 75,
    instruments: ["NFO:NIFTY2580724800CE", "NFO:NIFTY2580724800PE", "NFO:NIFTY25AUGFUT", "NFO:NIFTY2580724400PE"],
  },
  {
    file: "nifty-2025-07-31/ticks.csv.gz",
    every_s: 5,
    lot: 75,
    instruments: ["NFO:NIFTY2580724800CE", "NFO:NIFTY25AUGFUT", "NFO:NIFTY2580724600PE", "NFO:NIFTY2580725000CE"],
  },
  {
    file: "nifty-2024-10-25-monthly/ticks.csv.gz",
    every_s: 1,
    lot: 25,
    instruments: ["NFO:NIFTY24OCT24150CE", "NFO:NIFTY24OCT24150PE", "NFO:NIFTY24OCT24200CE"],
  },
  {
    file: "nifty-2021-06-11/bars.csv",
    every_s: 5,
    lot: 75,
    instruments: ["NFO:NIFTY2161715700PE", "NFO:NIFTY2161715800CE", "NFO:NIFTY2161715650PE", "NSE:NIFTY 50"],
  },
  {
    file: "banknifty-2021-08-20/ticks.csv.gz",
    every_s: 1,
    lot: 25,
    instruments: ["NFO:BANKNIFTY21SEP35300CE", "NFO:BANKNIFTY21SEP35300PE"],
  },
  { file: "nifty50-index-2022-11-24-1s/ticks.csv", every_s: 5, lot: 7, instruments: ["NSE:NIFTY 50"] },
  {
    file: "nifty-2025-03-12-sparse/bars.csv",
    every_s: 1,
    lot: 75,
    source: "backfill",
    instruments: ["NFO:NIFTY2531322400PE", "NFO:NIFTY25MARFUT", "NSE:NIFTY 50", "NFO:NIFTY2531322500CE"],
  },
];

const laws = new Map<string, { law: Law; strategies: Record<string, PlainStrategy> }>();

/** Made once, for both databases. */
function lawOf({ file, every_s, instruments, lot, source = "replay" }: Recorded) {
  const [, day = ""] = /(\d{4}-\d\d-\d\d)/.exec(file) ?? [];
  const session = { open: `${day}T03:45:00Z`, close: `${day}T10:00:00Z` };
  const make = () => {
    const recording = path.join(SESSIONS, file);
    const quotes = quotesOf({ path: recording, every_s });
    const law: Law = { path: recording, every_s, quotes, source, days: [{ day, hours: { NFO: session, NSE: session } }] };
    return { law, strategies: plansOf({ quotes, instruments, lot, ...session }) };
  };
  const known = laws.get(file) ?? make();
  laws.set(file, known);
  return known;
}

let made = 0;

onEveryPostgres("legs closed at set minutes of recorded sessions", (store) => {
  describe.skipIf(missing)("the day ends with the figures computed from the recording", () => {
    test.each(RECORDED)("$file", async (recorded) => {
      const { law, strategies } = lawOf(recorded);
      const diary = new Diary(store, law, `R${(made += 1)}`);
      await diary.live(strategies);
      for (const [name, strategy] of Object.entries(strategies)) await diary.expectEqual(name, strategy);
    });
  });
});
