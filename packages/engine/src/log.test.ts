import { builtinCalendar } from "@stratctl/sdk/internal";
import { expect, test } from "vitest";
import { countedText, createLog, namedText, type LogLine } from "./log.ts";

const NOW = Date.parse("2025-07-31T03:45:02.345Z");

async function written(is_terminal: boolean, lines: readonly LogLine[], is_journal = false): Promise<string> {
  let text = "";
  const stream = { write: (part: string) => (text += part) };
  const log = await createLog({ stream, is_terminal, is_journal, clock: { now: () => NOW }, calendar: builtinCalendar() });
  for (const line of lines) log(line);
  return text;
}

const LINES: readonly LogLine[] = [
  { level: "info", event: "priced", text: "all 8 instruments", fields: { instrument_count: 8 } },
  { level: "warn", event: "redis", text: "down (connection refused)", fields: { up: false, reason: "connection refused" } },
  { level: "error", event: "dropped", text: "3 candles, the oldest: 1,000 wait for the database" },
];

test("at a terminal: a line a thing, by the exchanges' clock, whatever the machine's zone", async () => {
  expect(await written(true, LINES)).toBe(
    [
      "09:15:02  priced   all 8 instruments",
      "09:15:02  redis    down (connection refused)",
      "09:15:02  dropped  error: 3 candles, the oldest: 1,000 wait for the database",
      "",
    ].join("\n"),
  );
});

test("elsewhere: JSON with the time, the level and the figures", async () => {
  const text = await written(false, LINES);
  expect(
    text
      .trim()
      .split("\n")
      .map((line): unknown => JSON.parse(line)),
  ).toEqual([
    { level: "info", time: "2025-07-31T03:45:02.345Z", event: "priced", instrument_count: 8, msg: "all 8 instruments" },
    {
      level: "warn",
      time: "2025-07-31T03:45:02.345Z",
      event: "redis",
      up: false,
      reason: "connection refused",
      msg: "down (connection refused)",
    },
    { level: "error", time: "2025-07-31T03:45:02.345Z", event: "dropped", msg: "3 candles, the oldest: 1,000 wait for the database" },
  ]);
});

test("to the journal: the same JSON behind the priority that it is to be kept under", async () => {
  const lines = (await written(false, LINES, true)).trim().split("\n");
  expect(lines.map((line) => line.slice(0, 3))).toEqual(["<6>", "<4>", "<3>"]);
  expect(lines.map((line) => line.slice(3)).join("\n")).toBe((await written(false, LINES)).trim());
});

test("counts and names as people read them", () => {
  expect([countedText(1, "candle"), countedText(1153, "candle"), countedText(123_456, "strategy", "strategies")]).toEqual([
    "1 candle",
    "1,153 candles",
    "1,23,456 strategies",
  ]);
  expect([namedText(["A", "B"]), namedText(["A", "B", "C", "D", "E"])]).toEqual(["A, B", "A, B, C and 2 more"]);
});
