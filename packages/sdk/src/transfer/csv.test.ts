import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Cell } from "./cell.ts";
import { csvLine, CsvFault, CsvReader } from "./csv.ts";

const ODD = fc.constantFrom(...'=+-@\t\r\n",;\'"" ü🎯a01.'.split(/(?:)/u));
const cell: fc.Arbitrary<Cell> = fc.oneof(
  fc.constant(null),
  fc.string({ unit: ODD, maxLength: 8 }),
  fc.string({ unit: "grapheme", maxLength: 8 }),
);

function read(text: string, sizes: readonly number[] = [text.length]): readonly (readonly Cell[])[] {
  const reader = new CsvReader();
  const records: (readonly Cell[])[] = [];
  let at = 0;
  for (let turn = 0; at < text.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1;
    records.push(...reader.read(text.slice(at, at + size)).map(({ cells }) => cells));
    at += size;
  }
  reader.end();
  return records;
}

describe("CSV", () => {
  test("comes back exactly, in whatever pieces it is read", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(cell, { minLength: 2, maxLength: 4 })),
        fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 }),
        (rows, sizes) => {
          expect(read(rows.map(csvLine).join(""), sizes)).toEqual(rows);
        },
      ),
    );
  });

  test("has nothing that a spreadsheet would run, and numbers as they are", () => {
    fc.assert(
      fc.property(cell, (given) => {
        const [field = ""] = /^"?.?/su.exec(csvLine([given, "x"])) ?? [];
        if (!/^-?\d+(\.\d+)?$/.test(given ?? "")) expect(field).not.toMatch(/^"?[=+\-@\t\r\n]/);
      }),
    );
    expect(csvLine(["-1500.5", "=1+1", "'=1", "-x", "", null])).toBe("-1500.5,'=1+1,''=1,'-x,\"\",\r\n");
  });

  test("is read as spreadsheets write it: LF, blank lines, quotes around anything", () => {
    expect(read('"a",b\n\n"1",""\n"x\n""y""",\n')).toEqual([
      ["a", "b"],
      ["1", ""],
      ['x\n"y"', null],
    ]);
  });

  test("counts lines within quotes", () => {
    expect(new CsvReader().read('a,b\r\n"1\n2",3\r\n4,5\r\n').map(({ line }) => line)).toEqual([1, 2, 4]);
  });

  test.each([
    ["a,b\n1,2", 2, "cut short"],
    ['a,b\n"1,2\n3,4\n', 2, "cut short"],
    ['a,b\n1,"2"3\n', 2, "behind the quote"],
    ['a,b\n1,2"3"\n', 2, "does not begin with one"],
  ])("%j is refused on its line", (text, line, what) => {
    let fault: unknown;
    try {
      read(text);
    } catch (error) {
      fault = error;
    }
    expect(fault).toBeInstanceOf(CsvFault);
    expect(fault).toMatchObject({ line, message: expect.stringContaining(what) });
  });
});
