import { expect, test } from "vitest";
import { timeAxis } from "./axis.ts";

const OPEN_MS = Date.parse("2025-07-31T03:45:00Z");
const minutes = (count: number, step = 1, open_ms = OPEN_MS) =>
  Array.from({ length: count }, (_, minute) => open_ms + minute * step * 60_000);
const session = { starts: minutes(375), end_ms: OPEN_MS + 375 * 60_000, offset_minutes: 330 };

test("a session has its open, round times that fit, and its close", () => {
  expect(timeAxis(session, 70)).toBe("09:15   10:00      11:00      12:00       13:00      14:00       15:30");
  expect(timeAxis(session, 30)).toBe("09:15        12:00       15:30");
  expect(timeAxis(session, 12)).toBe("09:15  15:30");
  expect(timeAxis(session, 8)).toBe("09:15");
  expect(timeAxis(session, 3)).toBe("");
});

test("a label stands under the column in which its time begins", () => {
  const line = timeAxis(session, 375);
  expect(line.indexOf("12:00")).toBe(165);
});

test("hours from 09:15 have no round times and are labelled all the same", () => {
  const hours = { starts: minutes(7, 60), end_ms: OPEN_MS + 375 * 60_000, offset_minutes: 330 };
  expect(timeAxis(hours, 70)).toContain("10:15");
});

test("several days have their days", () => {
  const next = OPEN_MS + 86_400_000;
  const days = { starts: [...minutes(375), ...minutes(375, 1, next)], end_ms: next + 375 * 60_000, offset_minutes: 330 };
  expect(timeAxis(days, 40)).toMatch(/^31 Jul {14}1 Aug +1 Aug$/);
});

test("nothing has no axis", () => {
  expect(timeAxis({ starts: [], end_ms: OPEN_MS, offset_minutes: 330 }, 40)).toBe("");
});
