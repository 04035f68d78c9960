import { describe, expect, test } from "vitest";
import { candlesOf, NOW_MS, OPEN_MS, strategyOf } from "../../../../test/cli/made-up.ts";
import { displayWidth } from "../terminal/format.ts";
import { historyView, type History } from "./history.ts";
import { timelineOf } from "./timeline.ts";

const CLOSE_MS = OPEN_MS + 375 * 60_000;

function historyOf(pnl: (minute: number) => number | null, given: Partial<Parameters<typeof strategyOf>[0]> = {}): History {
  const candles = candlesOf(375, pnl);
  const sessions = [{ open_ms: OPEN_MS, close_ms: CLOSE_MS }];
  const timeline = timelineOf(candles, { sessions, interval: "1m", from_ms: OPEN_MS, to_ms: CLOSE_MS });
  return { strategy: strategyOf(given), candles, timeline, interval: "1m", from_ms: OPEN_MS, to_ms: CLOSE_MS, exchanges: ["NFO"] };
}

const paise = (amount: number): number => Math.round(amount * 100) / 100;

/** A morning's loss, an afternoon's way back. */
const losses = (minute: number): number => paise(-1400 * Math.sin((minute / 375) * Math.PI) ** 2 - 281.25 * (minute / 375));
const HISTORIES = {
  losses: historyOf(losses),
  gains: historyOf((minute) => paise(minute * 31.07 + 120 * Math.sin(minute / 9))),
  "both sides of zero": historyOf((minute) => paise(900 * Math.cos(minute / 60) - 2 * minute)),
  gaps: historyOf((minute) => (minute === 3 || (minute >= 147 && minute < 190) || minute > 300 ? null : losses(minute)), {
    reason: "no price for NFO:NIFTY2580724400PE since 14:15",
  }),
  flat: historyOf(() => 0),
  none: historyOf(() => null, { reason: "no price for NFO:NIFTY2580724400PE (redis: no key; ticker: 404)", current_pnl: null }),
  "a crore": historyOf((minute) => paise(-12_345_678.9 + minute * 40_000)),
} as const;

describe.each([40, 80, 200])("at %i columns", (width) => {
  test.each(Object.entries(HISTORIES))("%s", async (name, history) => {
    const options = { width, height: 24, color: false, now_ms: NOW_MS };
    const text = [
      historyView(history, { asChart: false }, options),
      "-".repeat(width),
      historyView(history, { asChart: true }, options),
    ].join("\n");
    expect(
      Math.max(
        ...text
          .split("\n")
          .filter((line) => !line.includes("no price"))
          .map(displayWidth),
      ),
    ).toBeLessThanOrEqual(width);
    await expect(`${text}\n`).toMatchFileSnapshot(`../../../../test/cli/golden/m2m ${name}, ${width} columns.txt`);
  });
});

test("a session under way is blank where it has not come yet, and that is no gap", () => {
  const now_ms = OPEN_MS + 90 * 60_000;
  const history = historyOf((minute) => (minute < 90 ? losses(minute) : null));
  const text = historyView(history, { asChart: false }, { width: 80, height: 24, color: false, now_ms });
  expect(text).toContain("90 of 90 minutes");
  expect(text).not.toContain("no mark");
  const bars = text.split("\n")[3] ?? "";
  expect(displayWidth(bars)).toBeLessThan(35);
});

test("the reason of the latest mark has no place below another day", () => {
  const reason = "no price for NFO:NIFTY2580724400PE since 14:15";
  const said = (marked_at: string) =>
    historyView(historyOf(losses, { reason, marked_at }), { asChart: false }, { width: 80, height: 24, color: false, now_ms: NOW_MS });
  expect(said("2025-07-31T08:45:00Z")).toContain(reason);
  expect(said("2025-08-01T08:45:00Z")).not.toContain(reason);
});

test("stale prices are counted", () => {
  const candles = candlesOf(375, losses, { stale_count: 1 });
  const history = { ...HISTORIES.losses, candles };
  expect(historyView(history, { asChart: false }, { width: 80, height: 24, color: false, now_ms: NOW_MS })).toContain(
    "375 minutes with stale prices",
  );
});
