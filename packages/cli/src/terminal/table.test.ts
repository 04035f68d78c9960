import { expect, test } from "vitest";
import { displayWidth } from "./format.ts";
import { table, type Column } from "./table.ts";

interface Pair {
  readonly id: number;
  readonly name: string;
  readonly value: string;
}

const COLUMNS: readonly Column<Pair>[] = [
  { title: "id", cell: ({ id }) => String(id), align: "right" },
  { title: "name", cell: ({ name }) => name, shrink: { to: 6 } },
  { title: "notes", cell: () => "some words", rank: 2 },
  { title: "value", cell: ({ value }) => ({ text: value, tone: "loss" }), align: "right" },
];
const ROWS: readonly Pair[] = [
  { id: 7, name: "Condor", value: "-281.25" },
  { id: 12, name: "Straddle 24650", value: "+1,140.00" },
];

test("columns stand where their titles do", () => {
  expect(table(COLUMNS, ROWS, { width: 80, color: false })).toBe(
    [
      " id  name            notes           value",
      "  7  Condor          some words    -281.25",
      " 12  Straddle 24650  some words  +1,140.00",
    ].join("\n"),
  );
});

test("too narrow, a column of rank goes first, then texts are cut, and what has neither stays", () => {
  expect(table(COLUMNS, ROWS, { width: 32, color: false })).toBe(
    [" id  name                value", "  7  Condor            -281.25", " 12  Straddle 24650  +1,140.00"].join("\n"),
  );
  expect(table(COLUMNS, ROWS, { width: 24, color: false })).toBe(
    [" id  name          value", "  7  Condor      -281.25", " 12  Straddl…  +1,140.00"].join("\n"),
  );
});

test("columns go one rank at a time, the highest first", () => {
  const ranked = ["a", "b", "c"].map((title, place) => ({ title, cell: () => "wide enough", rank: place + 1 }));
  const shown = (width: number) => table(ranked, ROWS.slice(0, 1), { width, color: false }).split("\n")[0]?.replaceAll(/ +/g, " ");
  expect([60, 38, 25, 12].map(shown)).toEqual([" a b c", " a b c", " a b", " a"]);
});

test("a long list keeps its columns, one line a row", () => {
  const many = Array.from({ length: 250 }, (_, index) => ({ id: index + 1, name: `S${index + 1}`, value: "-1.00" }));
  const lines = table(COLUMNS, many, { width: 80, color: false, footer: { value: "-250.00" } }).split("\n");
  expect(lines.length).toBe(252);
  expect(new Set(lines.map(displayWidth)).size).toBe(1);
  expect(lines[200]).toBe("200  S200  some words    -1.00".padStart(31));
});

test("a footer stands under its column", () => {
  const lines = table(COLUMNS, ROWS, { width: 80, color: false, footer: { value: "+858.75" } }).split("\n");
  expect(lines.at(-1)).toBe("                                   +858.75");
});

test("what is left of the width goes to the rest, where it is enough", () => {
  const rest = { title: "course", least: 10, cell: (_row: Pair, width: number) => "#".repeat(width) };
  const lines = table(COLUMNS, ROWS, { width: 60, color: false, rest }).split("\n");
  expect(lines.map(displayWidth)).toEqual([50, 60, 60]);
  expect(table(COLUMNS, ROWS, { width: 50, color: false, rest })).not.toContain("#");
});

test("colour changes no width", () => {
  const text = table(COLUMNS, ROWS, { width: 80, color: true });
  expect(text).toContain("\u001B[31m-281.25\u001B[39m");
  expect(text.split("\n").map(displayWidth)).toEqual([42, 42, 42]);
});

test("wide characters keep the columns", () => {
  const lines = table(COLUMNS, [{ id: 1, name: "日本 条件", value: "1" }], { width: 80, color: false }).split("\n");
  expect(lines.map(displayWidth)).toEqual([33, 33]);
});
