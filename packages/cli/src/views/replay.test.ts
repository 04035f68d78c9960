import type { ReplayReport, StrategyNotes } from "@stratctl/engine";
import { describe, expect, test } from "vitest";
import { NOW_MS, strategyOf } from "../../../../test/cli/made-up.ts";
import { plain } from "../terminal/format.ts";
import { idleNotes, replayNotes, replayView } from "./replay.ts";

const NOTES: StrategyNotes = { strategy_id: 7, candle_count: 375, stale_candle_count: 0, gaps: [] };

function reportOf({ days = ["2025-07-31"], ...given }: Partial<ReplayReport> & { days?: string[] } = {}): ReplayReport {
  return {
    recording: {
      path: "a.csv",
      form: "ticks",
      row_count: 296_031,
      quote_count: 296_031,
      refused_count: 0,
      first_refused: null,
      rounded_count: 0,
      instruments: ["NFO:NIFTY2580724400PE"],
      days,
      progress: 1,
    },
    days: [],
    sample_count: 0,
    candle_count: 0,
    written_count: 0,
    left_out_count: 0,
    strategies: [NOTES],
    unquoted: [],
    ...given,
  };
}

test("numbers are plain for programs and grouped for readers", () => {
  const report = reportOf({ sample_count: 123_456, written_count: 200_000 });
  expect(replayNotes(report, plain)).toEqual(["296031 quotes of 1 instrument, 123456 samples, no candles", "200000 written"]);
  expect(replayNotes(report)[0]).toContain("2,96,031 quotes of 1 instrument, 1,23,456 samples");
});

describe("a replay with nothing to do says why", () => {
  const asked = { asked: null, now_ms: NOW_MS };

  test.each([
    [{ strategies: [] }, "nothing to mark: no active strategy has legs; stratctl leg add"],
    [{ days: ["2025-08-01"] }, "nothing to sample: the session of Fri 1 Aug 2025 has not come yet, and a replay stops at this moment"],
    [{ days: ["2025-07-26"] }, "nothing to sample: Sat 26 Jul 2025 has no session (holidays of 2025 are not listed)"],
    [{ days: ["2025-07-31"] }, "nothing to sample: no quote of Thu 31 Jul 2025 lies within a session of the legs' exchanges"],
    [{ days: [] }, "nothing to sample: the recording has no quotes"],
  ])("%j: %s", (given, why) => {
    expect(idleNotes(reportOf(given), asked)).toEqual([why]);
    expect(replayView(reportOf(given), { named: [], asked: null }, { width: 80, height: 24, color: false, now_ms: NOW_MS })).toContain(why);
  });

  test("a holiday of a listed year is plainly none", () => {
    const now_ms = Date.parse("2026-10-05T10:00:00Z");
    expect(idleNotes(reportOf({ days: ["2026-10-02"] }), { asked: null, now_ms })).toEqual([
      "nothing to sample: Fri 2 Oct 2026 has no session",
    ]);
  });

  test("of the strategies that were named, those without legs", () => {
    const named = [strategyOf({}), strategyOf({ strategy_id: 9, name: "Empty" })];
    expect(idleNotes(reportOf({ sample_count: 9 }), { ...asked, asked: named })).toEqual(["nothing to mark: Empty (9) has no legs"]);
  });

  test("many days are not told one by one, and what had samples is not told at all", () => {
    const days = ["2025-07-05", "2025-07-06", "2025-07-12", "2025-07-13", "2025-07-19"];
    expect(idleNotes(reportOf({ days }), asked).at(-1)).toBe("and nothing on 2 more days");
    expect(idleNotes(reportOf({ sample_count: 22_500 }), asked)).toEqual([]);
  });
});
