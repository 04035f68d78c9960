import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StratctlError } from "../errors.ts";
import { parseInstrument, withExchange } from "./instrument.ts";

/** name, type, strike, expiry, month */
function shortly(text: string): (string | number | null)[] {
  const { name, instrument_type, strike, expiry, month } = parseInstrument(text);
  return [name, instrument_type, strike, expiry, month];
}

function refusal(call: () => unknown): StratctlError {
  try {
    call();
  } catch (error) {
    if (error instanceof StratctlError) return error;
    throw error;
  }
  throw new Error("was not refused");
}

describe("parseInstrument", () => {
  test.each([
    ["NFO:NIFTY25N0424500CE", "NIFTY", "CE", 24500, "2025-11-04", "2025-11"],
    ["NFO:NIFTY2591624450PE", "NIFTY", "PE", 24450, "2025-09-16", "2025-09"],
    ["NFO:NIFTY25D3026000PE", "NIFTY", "PE", 26000, "2025-12-30", "2025-12"],
    ["NFO:NIFTY25O0724500CE", "NIFTY", "CE", 24500, "2025-10-07", "2025-10"],
    ["NFO:NIFTY2610624500CE", "NIFTY", "CE", 24500, "2026-01-06", "2026-01"],
    ["BFO:SENSEX2610185000CE", "SENSEX", "CE", 85000, "2026-01-01", "2026-01"],
    ["NFO:NIFTY25NOV24500CE", "NIFTY", "CE", 24500, null, "2025-11"],
    ["NFO:NIFTY25NOVFUT", "NIFTY", "FUT", null, null, "2025-11"],
    ["NFO:NIFTY25N0724500CE", "NIFTY", "CE", 24500, "2025-11-07", "2025-11"],
    ["NFO:NIFTY2422924500CE", "NIFTY", "CE", 24500, "2024-02-29", "2024-02"],
  ])("weekly-and-monthly-are-two-grammars: %s", (text, ...expected) => {
    expect(shortly(text)).toEqual(expected);
  });

  test.each([
    ["NFO:NIFTYNXT5025NOV70000CE", "NIFTYNXT50", "CE", 70000, null, "2025-11"],
    ["NFO:360ONE25NOV1200CE", "360ONE", "CE", 1200, null, "2025-11"],
    ["NFO:M&M25NOV3600CE", "M&M", "CE", 3600, null, "2025-11"],
    ["NFO:BAJAJ-AUTO25NOV9000PE", "BAJAJ-AUTO", "PE", 9000, null, "2025-11"],
    ["NFO:L&TFH25NOVFUT", "L&TFH", "FUT", null, null, "2025-11"],
    ["NFO:NIFTYNXT502611370000PE", "NIFTYNXT50", "PE", 70000, "2026-01-13", "2026-01"],
    ["BFO:SENSEX502610127000CE", "SENSEX50", "CE", 27000, "2026-01-01", "2026-01"],
    ["MCX:NATURALGAS26NOV400CE", "NATURALGAS", "CE", 400, null, "2026-11"],
  ])("names-with-digits-and-signs: %s", (text, ...expected) => {
    expect(shortly(text)).toEqual(expected);
  });

  test("decimal-strike-is-kept: 287.5 and 287 are two instruments", () => {
    const [half, whole] = ["NFO:BANKBARODA26FEB287.5PE", "NFO:BANKBARODA26FEB287PE"].map(parseInstrument);
    expect(half).toMatchObject({ name: "BANKBARODA", instrument_type: "PE", strike: 287.5, expiry: null, month: "2026-02" });
    expect(whole).toMatchObject({ name: "BANKBARODA", instrument_type: "PE", strike: 287, expiry: null, month: "2026-02" });
    expect(half?.instrument).not.toBe(whole?.instrument);
  });

  test.each([
    ["NSE:RELIANCE", "RELIANCE", "EQ", null, null, null],
    ["NSE:BAJFINANCE", "BAJFINANCE", "EQ", null, null, null],
    ["NSE:NIFTY 50", "NIFTY 50", "EQ", null, null, null],
    ["BSE:SENSEX", "SENSEX", "EQ", null, null, null],
    ["NSE:NIFTY25N0424500CE", "NIFTY25N0424500CE", "EQ", null, null, null], // an exchange of shares has no options
    ["NFO:RELIANCE25NOV1500CE", "RELIANCE", "CE", 1500, null, "2025-11"],
  ])("a-share-whose-name-ends-in-ce: %s", (text, ...expected) => {
    expect(shortly(text)).toEqual(expected);
  });

  test.each([
    ["NFO:NIFTY25N3124500CE", 'instrument "NFO:NIFTY25N3124500CE" expires on a day that does not exist, 2025-11-31'],
    ["NFO:NIFTY25N0024500CE", 'instrument "NFO:NIFTY25N0024500CE" expires on a day that does not exist, 2025-11-00'],
    ["NFO:NIFTY2522924500CE", 'instrument "NFO:NIFTY2522924500CE" expires on a day that does not exist, 2025-02-29'],
    ["NFO:NIFTY25N0424500CEX", 'instrument "NFO:NIFTY25N0424500CEX" is not a future or an option'],
    ["NFO:NIFTY25N04CE", 'instrument "NFO:NIFTY25N04CE" is not a future or an option'],
    ["NFO:NIFTY25NOVCE", 'instrument "NFO:NIFTY25NOVCE" is not a future or an option'],
    ["NFO:", 'instrument "NFO:" is not a future or an option'],
    ["NIFTY25N0424500CE", 'instrument "NIFTY25N0424500CE" names no exchange'],
    ["XYZ:NIFTY25N0424500CE", 'instrument "XYZ:NIFTY25N0424500CE" names no exchange that is known'],
    ["", 'instrument "" names no exchange'],
    [":", 'instrument ":" names no exchange that is known'],
    ["NFO:NIFTY", 'instrument "NFO:NIFTY" is not a future or an option'],
    ["NFO:NIFTY25NOV0CE", 'instrument "NFO:NIFTY25NOV0CE" is not a future or an option'],
    ["NFO:NIFTY25NOV024500CE", 'instrument "NFO:NIFTY25NOV024500CE" is not a future or an option'],
    ["NFO:NIFTY25NOV287.50CE", 'instrument "NFO:NIFTY25NOV287.50CE" is not a future or an option'], // a second key for 287.5
    ["NFO:NIFTY25NOV1.23456CE", 'instrument "NFO:NIFTY25NOV1.23456CE" is not a future or an option'],
    ["NFO:NIFTY25NOWFUT", 'instrument "NFO:NIFTY25NOWFUT" is not a future or an option'],
    ["NFO:2525N04100CE", 'instrument "NFO:2525N04100CE" is not a future or an option'], // nothing but digits is no name
    ["NFO:NIFTY 25NOVFUT", 'instrument "NFO:NIFTY 25NOVFUT" is not a future or an option'],
    ["NSE:", 'instrument "NSE:" is not a symbol'],
    ["NSE:REL:IANCE", 'instrument "NSE:REL:IANCE" is not a symbol'],
    ["NSE:REL\nIANCE", 'instrument "NSE:REL\\nIANCE" is not a symbol'],
    [`NSE:${"A".repeat(100)}`, `instrument "NSE:${"A".repeat(46)}…" is not a symbol`],
  ])("impossible-dates-and-tails-are-refused: %j", (text, message) => {
    const error = refusal(() => parseInstrument(text));
    expect(error.code).toBe("instrument_invalid");
    expect(error.message).toBe(message);
    expect(error.hint).not.toBeNull();
  });

  test("any text is an instrument or refused in one line, and an instrument reads itself again", () => {
    const texts = fc.oneof(
      fc.string(),
      fc.stringMatching(/^(NFO|NSE|XXX):[A-Z0-9&.-]{0,30}$/),
      fc.stringMatching(/^NFO:[A-Z]{1,3}\d{1,9}CE$/),
    );
    fc.assert(
      fc.property(texts, (text) => {
        let found: ReturnType<typeof parseInstrument>;
        try {
          found = parseInstrument(text);
        } catch (error) {
          expect(error).toMatchObject({ code: "instrument_invalid" });
          expect(String(error)).not.toContain("\n");
          return;
        }
        expect(parseInstrument(found.instrument)).toEqual(found);
      }),
    );
  });

  test("case and outer blanks do not matter", () => {
    expect(parseInstrument(" nfo:m&m25nov3600ce\n").instrument).toBe("NFO:M&M25NOV3600CE");
  });
});

describe("withExchange", () => {
  test.each([
    ["NIFTY25N0424500CE", "NFO:NIFTY25N0424500CE"],
    ["reliance25nov1500ce", "NFO:RELIANCE25NOV1500CE"],
    ["SENSEX2610185000CE", "BFO:SENSEX2610185000CE"],
    ["BANKEX25NOVFUT", "BFO:BANKEX25NOVFUT"],
    ["FOCIT26AUG37900CE", "BFO:FOCIT26AUG37900CE"],
    ["SENSEX5025NOV27000PE", "BFO:SENSEX5025NOV27000PE"],
    ["mcx:crudeoil25novfut", "MCX:CRUDEOIL25NOVFUT"],
    ["NSE:RELIANCE", "NSE:RELIANCE"],
  ])("%s is %s", (text, instrument) => {
    expect(withExchange(text)).toBe(instrument);
  });

  test.each(["RELIANCE", "NIFTY 50", "NIFTY25N3124500CE", ""])("%j without an exchange is refused", (text) => {
    expect(refusal(() => withExchange(text)).code).toBe("instrument_invalid");
  });

  test("of a share it is told how one is written", () => {
    expect(refusal(() => withExchange("RELIANCE")).hint).toMatch(/^shares are like NSE:RELIANCE, /);
  });
});

const dump = fileURLToPath(new URL("../../../../../shared/data/instruments/kite-nfo-bfo-2026-08.csv.gz", import.meta.url));
const missing = existsSync(dump) ? null : "skipped: no dump of instruments in ../shared/data";
if (missing !== null) console.warn(missing);

test.skipIf(missing)("every symbol of a real dump reads as the dump says", () => {
  const [header = "", ...lines] = gunzipSync(readFileSync(dump)).toString("utf8").trimEnd().split("\n");
  const columns = header.trim().split(",");
  const place = (name: string): number => columns.indexOf(name);
  const wrong = lines.flatMap((line) => {
    const row = line.trim().split(",");
    const of = (name: string): string => row[place(name)] ?? "";
    const found = parseInstrument(`${of("exchange")}:${of("tradingsymbol")}`);
    const same =
      found.name === of("name") &&
      found.instrument_type === of("instrument_type") &&
      (found.strike ?? 0) === Number(of("strike")) &&
      found.month === of("expiry").slice(0, 7) &&
      (found.expiry === null || found.expiry === of("expiry")) &&
      withExchange(of("tradingsymbol")) === found.instrument;
    return same ? [] : [line];
  });
  expect(lines.length).toBeGreaterThan(39_000);
  expect(wrong).toEqual([]);
});
