import * as fc from "fast-check";
import { expect, test } from "vitest";
import { placesBefore } from "./places.ts";
import type { InstrumentRef } from "./source.ts";

const list = (names: readonly string[]): InstrumentRef[] =>
  names.map((tradingsymbol) => ({ instrument: `NFO:${tradingsymbol}`, exchange: "NFO", tradingsymbol, instrument_token: null }));

test("each instrument is found where it was, whatever came, went or changed places", () => {
  const names = fc.uniqueArray(fc.constantFrom("A", "B", "C", "D", "E", "F", "G", "H"), { maxLength: 8 });
  fc.assert(
    fc.property(names, names, (now, before) => {
      expect([...placesBefore(list(now), list(before))]).toEqual(now.map((name) => before.indexOf(name)));
    }),
  );
});
