import { describe, expect, test } from "vitest";
import { candlesOf, OPEN_MS } from "../../../../test/cli/made-up.ts";
import { gapsOf, pnlSeries, sessionsOf, timelineOf } from "./timeline.ts";

const MINUTE_MS = 60_000;
const session = { open_ms: OPEN_MS, close_ms: OPEN_MS + 10 * MINUTE_MS };
const all = { from_ms: OPEN_MS, to_ms: OPEN_MS + 86_400_000 };

test("every minute of a session has a slot, with its candle or with none", () => {
  const timeline = timelineOf(
    candlesOf(10, (minute) => (minute === 4 ? null : minute)),
    { sessions: [session], interval: "1m", ...all },
  );
  expect(pnlSeries(timeline)).toEqual([0, 1, 2, 3, null, 5, 6, 7, 8, 9]);
  expect(timeline.end_ms).toBe(session.close_ms);
});

test("hours between sessions take no room, and a candle outside them has a slot all the same", () => {
  const next = { open_ms: OPEN_MS + 86_400_000, close_ms: OPEN_MS + 86_400_000 + 5 * MINUTE_MS };
  const late = candlesOf(1, () => 7, { open_ms: OPEN_MS + 60 * MINUTE_MS });
  const timeline = timelineOf(late, { sessions: [session, next], interval: "1m", from_ms: OPEN_MS, to_ms: next.close_ms });
  expect(timeline.starts.length).toBe(10 + 1 + 5);
  expect(pnlSeries(timeline)[10]).toBe(7);
});

test("a last candle that the close cuts short ends at the close", () => {
  const timeline = timelineOf([], { sessions: [session], interval: "15m", ...all });
  expect(timeline.starts).toEqual([OPEN_MS]);
  expect(timeline.end_ms).toBe(session.close_ms);
});

describe("gaps", () => {
  const timeline = timelineOf(
    candlesOf(10, (minute) => ([0, 3, 4].includes(minute) ? null : minute)),
    { sessions: [session], interval: "1m", ...all },
  );

  test("are stretches of slots without a candle", () => {
    expect(gapsOf(timeline, session.close_ms)).toEqual([
      { from_ms: OPEN_MS, to_ms: OPEN_MS + MINUTE_MS, count: 1 },
      { from_ms: OPEN_MS + 3 * MINUTE_MS, to_ms: OPEN_MS + 5 * MINUTE_MS, count: 2 },
    ]);
  });

  test("have passed: a minute under way is none", () => {
    expect(gapsOf(timeline, OPEN_MS + 4 * MINUTE_MS + 30_000)).toEqual([
      { from_ms: OPEN_MS, to_ms: OPEN_MS + MINUTE_MS, count: 1 },
      { from_ms: OPEN_MS + 3 * MINUTE_MS, to_ms: OPEN_MS + 4 * MINUTE_MS, count: 1 },
    ]);
  });
});

test("a strategy on two exchanges has a span from the first open to the last close", () => {
  const day = Date.parse("2025-07-31T00:00:00+05:30");
  const spans = sessionsOf([{ exchange: "NFO" }, { exchange: "MCX" }], { from_ms: day, to_ms: day + 86_399_999 });
  expect(spans.length).toBe(1);
  expect(spans[0]?.open_ms).toBeLessThanOrEqual(OPEN_MS);
  expect(spans[0]?.close_ms).toBeGreaterThan(OPEN_MS + 375 * MINUTE_MS);
});
