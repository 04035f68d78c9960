import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { builtinLots, lotSize, parseLots } from "./lots.ts";

const lots = builtinLots();

describe("lotSize", () => {
  test.each([
    ["NIFTY", "2024-10", 25],
    ["NIFTY", "2025-03-13", 75],
    ["NIFTY", "2025-08-07", 75],
    ["NIFTY", "2025-12-30", 75],
    ["NIFTY", "2026-01", 65],
    ["NIFTY", "2026-01-06", 65],
    ["NIFTY", "2030-06", 65],
    ["NIFTY", "2024-12", 25],
    ["BANKNIFTY", "2021-09-30", 25],
    ["BANKNIFTY", "2024-10", 15],
    ["BANKNIFTY", "2025-06", 30],
    ["BANKNIFTY", "2025-07", 35],
    ["BANKNIFTY", "2025-12", 35],
    ["BANKNIFTY", "2026-01", 30],
    ["BANKNIFTY", "2026-11", 30],
    ["FINNIFTY", "2024-10", 25],
    ["FINNIFTY", "2025-03", 65],
    ["FINNIFTY", "2025-12", 65],
    ["FINNIFTY", "2026-01", 60],
    ["MIDCPNIFTY", "2024-10", 50],
    ["MIDCPNIFTY", "2025-06", 120],
    ["MIDCPNIFTY", "2025-07", 140],
    ["MIDCPNIFTY", "2025-12", 140],
    ["MIDCPNIFTY", "2026-01", 120],
    ["NIFTYNXT50", "2026-08", 25],
    ["SENSEX", "2026-08-20", 20],
    ["NIFTY", "2025-01", null], // weeklies had the new lot, the monthly the old one
    ["NIFTY", "2021-06", null],
    ["RELIANCE", "2026-08", null],
    ["constructor", "2026-08", null],
  ])("%s of %s: %s", (underlying, contract, size) => {
    expect(lotSize(lots, { underlying, contract })).toBe(size);
  });
});

test.each([
  [
    "months twice",
    {
      NIFTY: [
        { from: "2025-01", until: "2025-12", lot_size: 75 },
        { from: "2025-12", lot_size: 65 },
      ],
    },
    /twice/,
  ],
  [
    "an open end that is followed",
    {
      NIFTY: [
        { from: "2025-01", lot_size: 75 },
        { from: "2026-01", lot_size: 65 },
      ],
    },
    /twice/,
  ],
  ["an end before the beginning", { NIFTY: [{ from: "2025-12", until: "2025-01", lot_size: 75 }] }, /ends before/],
  ["a month that is none", { NIFTY: [{ from: "2025-13", lot_size: 75 }] }, /not a month/],
  ["a lot of nothing", { NIFTY: [{ from: "2025-01", lot_size: 0 }] }, /lot_size/],
])("lots are refused by name: %s", (_, data, message) => {
  expect(() => parseLots(data)).toThrow(message);
  expect(() => parseLots(data)).toThrow(expect.objectContaining({ code: "input_invalid" }));
});

const dump = fileURLToPath(new URL("../../../../../shared/data/instruments/kite-nfo-bfo-2026-08.csv.gz", import.meta.url));
const missing = existsSync(dump) ? null : "skipped: no dump of instruments in ../shared/data";
if (missing !== null) console.warn(missing);

test.skipIf(missing)("no contract of a real dump has another lot than ours", () => {
  const [header = "", ...lines] = gunzipSync(readFileSync(dump)).toString("utf8").trimEnd().split("\n");
  const columns = header.trim().split(",");
  let known = 0;
  const wrong = lines.filter((line) => {
    const row = line.trim().split(",");
    const of = (name: string): string => row[columns.indexOf(name)] ?? "";
    const size = lotSize(lots, { underlying: of("name"), contract: of("expiry") });
    if (size !== null) known++;
    return size !== null && size !== Number(of("lot_size"));
  });
  expect(wrong).toEqual([]);
  expect(known).toBeGreaterThan(5000);
});
