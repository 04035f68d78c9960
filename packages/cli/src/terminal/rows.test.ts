import { expect, test } from "vitest";
import { csv, json, tsv } from "./rows.ts";

test("formulas-are-text-negatives-are-numbers", () => {
  const names = ['=HYPERLINK("http://x")', "+cmd", "-hedge", "@sum", "\tx", 'iron, "condor"', "straddle"];
  const amounts = [-1500.5, 0, 12, -0.05, -1, 3, -2];
  const rows = names.map((name, index) => ({ name, m2m: amounts[index] ?? null }));
  const cells = read(csv(rows, ["name", "m2m"]));
  expect(cells[0]).toEqual(["name", "m2m"]);
  expect(cells.slice(1).map(([name]) => name)).toEqual([
    `'=HYPERLINK("http://x")`,
    "'+cmd",
    "'-hedge",
    "'@sum",
    "'\tx",
    'iron, "condor"',
    "straddle",
  ]);
  expect(cells.slice(1).map(([, m2m]) => m2m)).toEqual(["-1500.5", "0", "12", "-0.05", "-1", "3", "-2"]);
  expect(JSON.parse(json(rows))).toEqual(rows);
});

test("machines get plain numbers: lakhs-and-crores", () => {
  const values = [0, 5, 999.5, 1000, 99_999.99, 123_456.5, -12_345_678.9, 1_000_000_000, -0.004, 0.005, -0];
  const rows = values.map((value) => ({ value }));
  const texts = ["0", "5", "999.5", "1000", "99999.99", "123456.5", "-12345678.9", "1000000000", "-0.004", "0.005", "0"];
  expect(csv(rows, ["value"]).split("\r\n").slice(1, -1)).toEqual(texts);
  expect(tsv(rows, ["value"]).split("\n").slice(0, -1)).toEqual(texts);
});

test("a row with tabs stays one row: breaks within a text are blanks, the unknown is empty", () => {
  const rows = [{ id: 7, name: "two\nlines\tand a tab", pnl: null, tags: ["a", "b"], is_default: false }];
  expect(tsv(rows, ["id", "name", "pnl", "tags", "is_default"])).toBe("7\ttwo lines and a tab\t\ta,b\tfalse\n");
});

test("nothing is nothing, and a header is asked for", () => {
  expect(tsv([], ["id"])).toBe("");
  expect(tsv([], ["id", "name"], { header: true })).toBe("id\tname\n");
  expect(csv([], ["id", "name"])).toBe("id,name\r\n");
  expect(json([])).toBe("[]\n");
});

test("colour that is forced on a pipe is that of gains and losses", () => {
  const row = { strategy_id: -1, current_pnl: -5 };
  expect(tsv([row], ["strategy_id", "current_pnl"], { color: true })).toBe("-1\t\u001B[31m-5\u001B[39m\n");
});

test("JSON has an element a line in a pipe, and no control character of either kind", () => {
  expect(json([{ a: 1 }, { a: 2 }])).toBe('[\n{"a":1},\n{"a":2}\n]\n');
  const text = json({ name: "\u001B[2J\u009B2J\u007F" });
  expect(text.replace("\n", "")).not.toMatch(/\p{Cc}/u);
  expect(JSON.parse(text)).toEqual({ name: "\u001B[2J\u009B2J\u007F" });
});

/** A reader of RFC 4180, written from it. */
function read(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  let rest = text;
  while (rest !== "") {
    const quoted = /^"((?:[^"]|"")*)"/.exec(rest);
    const cell = quoted?.[0] ?? /^[^,\r\n"]*/.exec(rest)?.[0] ?? "";
    row.push(quoted?.[1]?.replaceAll('""', '"') ?? cell);
    rest = rest.slice(cell.length);
    if (rest.startsWith(",")) rest = rest.slice(1);
    else {
      expect(rest.startsWith("\r\n")).toBe(true);
      rest = rest.slice(2);
      rows.push(row);
      row = [];
    }
  }
  return rows;
}
