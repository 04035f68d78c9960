import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Form } from "../store/transfer-kinds.ts";
import { faultOf, type Cell } from "./cell.ts";
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

  test.each<[form: Form, good: readonly string[], bad: readonly string[]]>([
    ["flag", ["true", "FALSE"], ["yes", "1"]], // a spreadsheet writes TRUE
    ["day", ["2025-02-28"], ["2025-02-30", "28/02/2025"]],
    ["instant", ["2025-07-31T03:45:00.123456Z", "2025-07-31T09:15:00+05:30"], ["2025-07-31T03:45:00", "2025-02-30T03:45:00Z"]],
    ["amount", ["0", "-1500.5", "500000000000"], ["1e3", "1,500", "0.00001", "500000000000.0001", "NaN"]],
    ["whole", ["2147483647", "-1"], ["2147483648", "1.0", "075"]],
    ["long", ["9007199254740991"], ["9007199254740992"]],
    ["list", ["[]", '["a,b","ü"]'], ["a,b", "[1]", "{}", '["\\u0000"]']],
    ["json", ["{}", "null", '{"a":1.10}'], ["{", '{"a":"\\u0000"}']],
    ["text", ["", "=1"], ["\0", "\ud800"]],
  ])("a cell of %s is one or none", (form, good, bad) => {
    const column = { name: "x", column: "x", form, is_nullable: false };
    expect(good.filter((value) => faultOf(value, column) !== null)).toEqual([]);
    expect([...bad, null].filter((value) => faultOf(value, column) === null)).toEqual([]);
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
