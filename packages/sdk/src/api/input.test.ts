import { expect, test } from "vitest";
import { StratctlError } from "../errors.ts";
import { LegAdd } from "../model/leg.ts";
import { M2mQuery } from "../model/candle.ts";
import { QuoteQuery } from "../model/quote.ts";
import { StrategyCreate, StrategyUpdate } from "../model/strategy.ts";
import { parseInput } from "./input.ts";
import type { z } from "zod";

function refusal(schema: z.ZodType, given: unknown): { message: string; fields: unknown } {
  try {
    parseInput(schema, given);
  } catch (error) {
    if (error instanceof StratctlError) return { message: error.message, fields: error.details["errors"] };
    throw error;
  }
  throw new Error("was accepted");
}

const leg = { strategy_id: 7, tradingsymbol: "NFO:NIFTY25N0424500CE", direction: "buy", quantity: 75, entry_price: 101.55 };

test.each([
  [{ quantity: 0 }, "quantity must be a whole number above 0, not 0"],
  [{ quantity: -75 }, "quantity must be a whole number above 0, not -75"],
  [{ quantity: 7.5 }, "quantity must be a whole number above 0, not 7.5"],
  [{ quantity: Number.NaN }, "quantity NaN is not a number"],
  [{ quantity: "75" }, 'quantity "75" is not a number'],
  [{ quantity: undefined }, "quantity is missing: give units, or lots"],
  [{ direction: "HOLD" }, 'direction must be BUY or SELL, not "HOLD"'],
  [{ entry_price: 0 }, "entry_price must be above 0, not 0"],
  [{ entry_price: 101.55555 }, "entry_price 101.55555 has more than four decimals"],
  [{ entry_price: Number.NaN }, "entry_price NaN is not a number"],
  [{ strategy_id: "condor" }, 'strategy_id must be a number, not "condor"'],
  [{ tradingsymbol: undefined }, "tradingsymbol is missing"],
  [{ entryprice: 5 }, "entryprice is not a field here; did you mean entry_price?"],
])("a leg with %j: %s", (change, message) => {
  expect(refusal(LegAdd, { ...leg, ...change }).message).toBe(message);
});

test("what is right passes, with the direction in upper case", () => {
  expect(parseInput(LegAdd, leg)).toMatchObject({ direction: "BUY", strategy_id: 7 });
});

test("a name of digits only, a blank name, and the same tag twice", () => {
  expect(refusal(StrategyCreate, { name: "2025" }).message).toBe('name "2025" is made of digits only, which would be an id; add a letter');
  expect(refusal(StrategyCreate, { name: "  " }).message).toBe('name "  " is empty');
  expect(parseInput(StrategyUpdate, { strategy_id: "7", tags: ["weekly", "weekly"] })).toEqual({ strategy_id: 7, tags: ["weekly"] });
});

test("every bad field is named at once", () => {
  expect(refusal(LegAdd, { ...leg, quantity: 0, direction: "x" }).fields).toMatchObject([{ field: "direction" }, { field: "quantity" }]);
});

test("instants: with a zone, epoch seconds, epoch milliseconds, never without a zone", () => {
  const at = (from_time: string | number) => parseInput(M2mQuery, { strategy_id: 1, from_time }).from_time;
  expect(at("2025-07-31T09:15:00+05:30")).toBe("2025-07-31T03:45:00Z");
  expect(at(1_753_933_500)).toBe("2025-07-31T03:45:00Z");
  expect(at("1753933500000")).toBe("2025-07-31T03:45:00Z");
  expect(refusal(M2mQuery, { strategy_id: 1, from_time: "2025-07-31T09:15:00" }).message).toContain("write it with its zone");
  expect(refusal(M2mQuery, { strategy_id: 1, from_time: 20, to_time: 10 }).message).toContain("lies after to_time");
});

test("an instrument to be quoted is called so, whatever its parameter is called", () => {
  expect(refusal(QuoteQuery, { i: [""] }).message).toBe('instrument "" is empty');
  expect(refusal(QuoteQuery, { i: ["NSE:A", "  "] })).toMatchObject({ message: 'instrument "  " is empty', fields: [{ field: "i.1" }] });
  expect(refusal(QuoteQuery, { i: "" }).message).toBe("instrument is empty");
  expect(refusal(QuoteQuery, {}).message).toBe("i is missing");
});
