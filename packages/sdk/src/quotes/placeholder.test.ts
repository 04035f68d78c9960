import { describe, expect, test } from "vitest";
import { KnownValues } from "./known-values.ts";
import { tellText } from "./price.ts";
import type { QuoteSink } from "./source.ts";

/** What is told of one value: its price in units, or why not. */
function told(value: string, tell: (sink: QuoteSink) => boolean): unknown {
  const said: unknown[] = [];
  const sink: QuoteSink = {
    quote: (_, units) => said.push(units),
    refused: (_, why, reason) => said.push([why, reason]),
    absent: (_, why) => said.push(why),
  };
  expect(tell(sink)).toBe(typeof said[0] === "number");
  expect(said, value).toHaveLength(1);
  return said[0];
}

const both = (value: string): unknown[] => [
  told(value, (sink) => tellText(sink, 0, value)),
  told(value, (sink) => new KnownValues().into(sink)(0, Buffer.from(value))),
];

describe("what brokers send where they have no price is refused", () => {
  test.each([
    "999999",
    "999999.0",
    "999999.99",
    "9999999",
    "99999999.9999",
    "2147483647",
    "2147483648",
    "21474836.48",
    "21474836.4700",
    "42949672.95",
  ])("%s", (value) => {
    const refusal = [`${value} stands for no price`, "placeholder"];
    expect(both(value)).toEqual([refusal, refusal]);
  });

  test.each(['{"last_price":999999}', '{"ltp":"21474836.4800"}', '{"last_price":2147483648,"timestamp":"2026-11-25 09:20:05"}'])(
    "%s",
    (value) => {
      expect(both(value)).toEqual([
        [expect.stringMatching(/ stands for no price$/), "placeholder"],
        [expect.stringMatching(/ stands for no price$/), "placeholder"],
      ]);
    },
  );

  test.each(["-1", "0", "0.0", '{"last_price":-1}'])("%s is no price at all", (value) => {
    expect(both(value)).toEqual([
      [expect.stringMatching(/ is not a price$/), undefined],
      [expect.stringMatching(/ is not a price$/), undefined],
    ]);
  });
});

test.each([
  ["99999", 999_990_000],
  ["99999.99", 999_999_900],
  ["999998.99", 9_999_989_900],
  ["1000000", 10_000_000_000],
  ["999999.5", 9_999_995_000],
  ["21474836.5", 214_748_365_000],
])("%s is a price", (value, units) => {
  expect(both(value)).toEqual([units, units]);
});
