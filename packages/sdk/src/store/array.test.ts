import * as fc from "fast-check";
import { expect, test } from "vitest";
import { z } from "zod";
import { onEveryPostgres } from "../../../../test/support/store.ts";
import { bitsArray, instantArray, int4Array, int8Array, textArray } from "./array.ts";
import { InstantColumn } from "../model/instant.ts";
import { WholeColumn } from "./column.ts";

/** The greatest and least instants that JavaScript's Date and an int8 of microseconds both hold are far outside these. */
const instants = fc.integer({ min: Date.UTC(1900, 0), max: Date.UTC(2200, 0) });
const safe = fc.maxSafeInteger();

onEveryPostgres("columns as array parameters", (store) => {
  test("a law: what is sent is what Postgres reads, NaN as NULL, and places past the length not at all", async () => {
    const Row = z.object({
      ints: z.array(z.int()),
      wholes: z.array(WholeColumn.nullable()),
      instants: z.array(z.string().nullable()),
      bits: z.array(z.string().transform(BigInt)),
      texts: z.array(z.string().nullable()),
    });
    const columns = fc.record({
      ints: fc.array(fc.integer()),
      wholes: fc.array(fc.option(safe, { freq: 3 })),
      instants: fc.array(fc.option(instants, { freq: 3 })),
      bits: fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
      // Postgres has no text with a NUL in it.
      texts: fc.array(
        fc.option(
          fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\0", "")),
          { freq: 3 },
        ),
      ),
      spare: fc.nat(3),
    });
    const orNaN = (value: number | null): number => value ?? Number.NaN;
    await fc.assert(
      fc.asyncProperty(columns, async ({ ints, wholes, instants: times, bits, texts, spare }) => {
        const more = Array.from({ length: spare }, () => 7);
        const row = await store.db.one(
          Row,
          "test.arrays",
          "select $1::int4[] as ints, $2::int8[] as wholes, $3::timestamptz[] as instants, $4::int8[] as bits, $5::text[] as texts",
          [
            int4Array(Int32Array.from([...ints, ...more]), ints.length),
            int8Array(Float64Array.from([...wholes.map(orNaN), ...more]), wholes.length),
            instantArray(Float64Array.from([...times.map(orNaN), ...more]), times.length),
            bitsArray(BigInt64Array.from([...bits, ...more.map(BigInt)]), bits.length),
            textArray([...texts, ...more.map(String)], texts.length),
          ],
        );
        // −0 is a float's; to a whole number it is 0.
        expect({ ...row, instants: row.instants.map((at) => (at === null ? null : Date.parse(InstantColumn.parse(at)))) }).toEqual({
          ints,
          wholes: wholes.map((value) => (value === null ? null : value + 0)),
          instants: times,
          bits,
          texts,
        });
      }),
      { numRuns: 200 },
    );
  });

  test("a part of a unit, an infinity and a length past the column are faults", () => {
    for (const wrong of [0.5, Number.POSITIVE_INFINITY, 2 ** 53])
      expect(() => int8Array(Float64Array.of(1, wrong), 2)).toThrow("not a whole number");
    expect(() => int4Array(Int32Array.of(1), 2)).toThrow("a batch of 2 has a column of 1");
    expect(() => textArray(["a"], 2)).toThrow("a batch of 2 has a column of 1");
  });
});
