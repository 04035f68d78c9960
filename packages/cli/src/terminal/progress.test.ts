import { expect, test } from "vitest";
import { displayWidth } from "./format.ts";
import { openProgress, progressLine } from "./progress.ts";
import { openScreen } from "./screen.ts";

function screenOf(given: { isTTY: boolean; columns?: number }) {
  const written: string[] = [];
  const stderr = { isTTY: given.isTTY, columns: given.columns ?? 80, rows: 24, write: (text: string) => written.push(text) };
  const screen = openScreen({ stdin: {}, stdout: { ...stderr, write: () => true }, stderr, env: {} });
  return { screen, written };
}

test("a bar says how much, and stays within the line", () => {
  expect(progressLine(0, "reading", 80)).toBe(` ${" ".repeat(26)}   0 %  reading`);
  expect(progressLine(0.5, "10:41 IST", 30)).toBe(" █████       50 %  10:41 IST");
  expect(progressLine(2, "done", 30)).toContain("100 %");
  expect(progressLine(null, "12,000 quotes", 80)).toBe(" 12,000 quotes");
});

test("draws ten frames a second at most, on one line, and takes itself away", () => {
  const { screen, written } = screenOf({ isTTY: true, columns: 40 });
  let now = 0;
  const progress = openProgress(screen, () => now);
  progress.show(0.1, "a text that is longer than the line it stands on");
  now = 50;
  progress.show(0.2, "too early");
  now = 100;
  progress.show(0.3, "in time");
  progress.close();
  expect(written.length).toBe(3);
  expect(written.every((text) => text.startsWith("\r\u001B[2K") && displayWidth(text) <= 41)).toBe(true);
  expect(written.at(-1)).toBe("\r\u001B[2K");
});

test("where standard error is no terminal nothing is drawn", () => {
  const { screen, written } = screenOf({ isTTY: false });
  const progress = openProgress(screen, () => 0);
  progress.show(0.5, "half");
  progress.close();
  expect(written).toEqual([]);
});
