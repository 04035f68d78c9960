import { describe, expect, test } from "vitest";
import { ageText, clean, counted, displayWidth, fit, joined, paint, priceText, rupees, wrapped } from "./format.ts";

test("lakhs-and-crores", () => {
  const table = [
    [0, "0.00"],
    [5, "5.00"],
    [999.5, "999.50"],
    [1000, "1,000.00"],
    [99_999.99, "99,999.99"],
    [123_456.5, "1,23,456.50"],
    [-12_345_678.9, "-1,23,45,678.90"],
    [1_000_000_000, "1,00,00,00,000.00"],
    [-0.004, "0.00"],
    [0.005, "0.01"],
    [-0.005, "-0.01"],
    [-0, "0.00"],
  ] as const;
  expect(table.map(([amount]) => rupees(amount))).toEqual(table.map(([, text]) => text));
});

test("a gain has its plus where asked, nothing has no sign, the unknown is no number", () => {
  expect([101.25, 0, -0.004, -1537.5, null].map((amount) => rupees(amount, { signed: true }))).toEqual([
    "+101.25",
    "0.00",
    "0.00",
    "-1,537.50",
    "—",
  ]);
});

test("a price keeps all its decimals, two at least", () => {
  expect([64.95, 98.1, 83.2575, 24_500, 1_23_456.5, null].map(priceText)).toEqual([
    "64.95",
    "98.10",
    "83.2575",
    "24,500.00",
    "1,23,456.50",
    "—",
  ]);
});

test("ages are told in the one unit that says them", () => {
  expect([-5, 0, 999, 59_999, 60_000, 3_599_999, 3_600_000, 86_400_000, null].map(ageText)).toEqual([
    "0s",
    "0s",
    "0s",
    "59s",
    "1m",
    "59m",
    "1h",
    "1d",
    "—",
  ]);
});

test("counts say their noun", () => {
  expect([0, 1, 2, 123_456].map((count) => counted(count, "leg"))).toEqual(["no legs", "1 leg", "2 legs", "1,23,456 legs"]);
});

describe("text from elsewhere", () => {
  test("cannot drive the terminal", () => {
    const nasty = "a\u001B[2Jb\u001B]0;title\u0007c\r\nd\u009B31me\u202Ef\tg";
    const shown = clean(nasty);
    expect(/[\p{Cc}\u202E]/u.test(shown)).toBe(false);
    expect(shown.startsWith("ab")).toBe(true);
  });

  test("is measured as a terminal shows it", () => {
    expect(["abc", "日本", "é", "e\u0301", "\u001B[31mab\u001B[39m", "📈x"].map(displayWidth)).toEqual([3, 4, 1, 1, 2, 3]);
  });

  test("is cut to columns, at the end that tells less", () => {
    expect(fit("NFO:NIFTY2580724400PE", 12, "start")).toBe("…580724400PE");
    expect(fit("Far calendar", 8)).toBe("Far cal…");
    expect(fit("日本日本", 5)).toBe("日本…");
    expect(fit("short", 8)).toBe("short");
    expect(fit("short", 0)).toBe("");
  });
});

test("parts go on one line while they fit, and no part is torn", () => {
  expect(joined(["open 0.00", "high +101.25", "low -1.00"], 26, " ")).toBe(" open 0.00 · high +101.25\n low -1.00");
  expect(joined(["a part that is far too long"], 5)).toBe("a part that is far too long");
  expect(wrapped("no price since the morning", 12, " ")).toBe(" no price\n since the\n morning");
  expect(joined([], 10)).toBe("");
});

test("a tone colours only where there is colour, and never blanks", () => {
  expect(paint("-5.00", "loss", true)).toBe("\u001B[31m-5.00\u001B[39m");
  expect(paint("-5.00", "loss", false)).toBe("-5.00");
  expect(paint("  ", "loss", true)).toBe("  ");
});
