import { builtinLots, lotSize, parseInstrument, withExchange } from "@stratctl/sdk";
import { expect, test } from "vitest";
import { nextCommands } from "./next.ts";

test.each([
  ["2026-11-25T04:20:00Z", "2026-12"],
  ["2026-12-31T18:29:59Z", "2027-01"],
  ["2026-12-31T18:30:00Z", "2027-02"], // midnight in India
  ["2030-08-31T10:00:00Z", "2030-09"],
])("the leg to try at %s is a contract of %s, whose lot is known", (at, month) => {
  const symbol = /1lot (\S+)/.exec(nextCommands({ now_ms: Date.parse(at), price: 24_800 }).join("\n"))?.[1] ?? "";
  const instrument = parseInstrument(withExchange(symbol));
  expect(instrument).toMatchObject({ name: "NIFTY", instrument_type: "FUT", month });
  expect(lotSize(builtinLots(), { underlying: instrument.name, contract: month })).toBeGreaterThan(0);
});
