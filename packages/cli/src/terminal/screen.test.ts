import { expect, test } from "vitest";
import { openScreen, wantsColor, type Surroundings } from "./screen.ts";

function surroundings(given: { in?: boolean; out?: boolean; err?: boolean; columns?: number; env?: Record<string, string> } = {}) {
  const written: string[] = [];
  const sink = (isTTY: boolean) => ({ isTTY, columns: given.columns, rows: undefined, write: (text: string) => written.push(text) });
  const all: Surroundings = {
    stdin: { isTTY: given.in ?? true },
    stdout: sink(given.out ?? true),
    stderr: sink(given.err ?? true),
    env: given.env ?? {},
  };
  return { all, written };
}

test("no-color-by-its-own-rules", () => {
  const table = [
    [true, {}, true],
    [true, { NO_COLOR: "" }, true],
    [true, { NO_COLOR: "1" }, false],
    [true, { NO_COLOR: "0" }, false],
    [false, {}, false],
    [false, { FORCE_COLOR: "1" }, true],
    [false, { FORCE_COLOR: "0" }, false],
    [true, { FORCE_COLOR: "0" }, false],
    [true, { TERM: "dumb" }, false],
  ] as const;
  expect(table.map(([isTerminal, env]) => wantsColor({ isTerminal, env }))).toEqual(table.map(([, , wanted]) => wanted));
  expect(openScreen(surroundings().all, { noColor: true }).color).toBe(false);
  expect(openScreen(surroundings({ out: false, env: { FORCE_COLOR: "1" } }).all, { noColor: true }).color).toBe(false);
});

test("asks only where input, output and the prompt's stream are terminals that move the cursor", () => {
  const asks = (given: Parameters<typeof surroundings>[0]) => openScreen(surroundings(given).all).canAsk;
  expect(asks({})).toBe(true);
  expect([{ in: false }, { out: false }, { err: false }, { env: { TERM: "dumb" } }].map(asks)).toEqual([false, false, false, false]);
});

test("a width that the terminal does not know is 80, or what COLUMNS says", () => {
  const width = (columns: number | undefined, env = {}) =>
    openScreen(surroundings({ ...(columns === undefined ? {} : { columns }), env }).all).width;
  expect([width(132), width(0), width(undefined), width(0, { COLUMNS: "100" }), width(0, { COLUMNS: "wide" })]).toEqual([
    132, 80, 80, 100, 80,
  ]);
});
