import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Day, Instant, InstantColumn, InstantInput, isoOf } from "./instant.ts";

const YEAR_9999_END_MS = 253_402_300_799_999;

describe("isoOf", () => {
  test("is read back to the same millisecond, and is an Instant", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: YEAR_9999_END_MS }), (at_ms) => {
        expect(Date.parse(isoOf(at_ms))).toBe(at_ms);
        expect(Instant.safeParse(isoOf(at_ms)).success).toBe(true);
      }),
    );
  });

  test("leaves out milliseconds that are 0 and keeps the others", () => {
    expect(isoOf(Date.UTC(2025, 6, 31, 3, 45))).toBe("2025-07-31T03:45:00Z");
    expect(isoOf(Date.UTC(2025, 6, 31, 3, 45, 0, 7))).toBe("2025-07-31T03:45:00.007Z");
  });
});

describe("InstantInput", () => {
  test.each([
    ["2025-07-31T09:15:00+05:30", "2025-07-31T03:45:00Z"],
    ["2025-07-31T03:45:00Z", "2025-07-31T03:45:00Z"],
    ["2025-07-31T03:45:00.250Z", "2025-07-31T03:45:00.250Z"],
    ["1753933500", "2025-07-31T03:45:00Z"],
    [1_753_933_500, "2025-07-31T03:45:00Z"],
    [1_753_933_500_000, "2025-07-31T03:45:00Z"],
    ["1753933500250", "2025-07-31T03:45:00.250Z"],
    [0, "1970-01-01T00:00:00Z"],
  ])("%j is %s", (given, instant) => {
    expect(InstantInput.parse(given)).toBe(instant);
  });

  test.each([
    "",
    "yesterday",
    "2025-07-31",
    "2025-07-31T09:15:00", // no zone: whose?
    "2025-02-30T09:15:00Z",
    "2025-13-01T09:15:00Z",
    "2025-07-31T25:00:00Z",
    "2025-07-31T09:15:00+99:00",
    "1e9",
    "17539335002501", // 14 digits: no unit that we take
    -1,
    1.5,
    9e15, // past the last instant that Date has
    1e20,
    Number.NaN,
    null,
  ])("%j is refused with a line that shows the form", (given) => {
    const result = InstantInput.safeParse(given);
    expect(result.success).toBe(false);
    expect(result.error?.issues[0]?.message).toContain("2025-07-31T09:15:00+05:30");
  });

  test("whatever is taken is an Instant in UTC", () => {
    fc.assert(
      fc.property(fc.oneof(fc.double(), fc.nat(), fc.stringMatching(/^\d{1,14}$/), fc.string()), (given) => {
        const result = InstantInput.safeParse(given);
        expect(!result.success || (Instant.safeParse(result.data).success && result.data.endsWith("Z"))).toBe(true);
      }),
    );
  });
});

describe("Day and columns", () => {
  test.each(["2025-02-30", "2025-2-3", "31-07-2025", "2025-07-31T00:00:00Z", ""])("%j is not a day", (text) => {
    expect(Day.safeParse(text).success).toBe(false);
  });

  test("a leap day is", () => {
    expect(Day.parse("2024-02-29")).toBe("2024-02-29");
  });

  test("timestamptz becomes an instant in UTC", () => {
    for (const [text, instant] of [
      ["2025-07-31 03:45:00+00", "2025-07-31T03:45:00Z"],
      ["2025-07-31 03:45:00.5+00", "2025-07-31T03:45:00.500Z"],
      ["2025-07-31 03:45:00.123456+00", "2025-07-31T03:45:00.123Z"],
      ["2025-07-31 03:45:00.0004+00", "2025-07-31T03:45:00Z"],
    ])
      expect(InstantColumn.parse(text)).toBe(instant);
    for (const text of ["infinity", "2025-07-31 09:15:00+05:30", "10000-01-01 00:00:00+00"])
      expect(InstantColumn.safeParse(text).success, text).toBe(false);
  });
});

test("an instant that is of no year from 0 to 9999 in UTC is refused as it was given", () => {
  for (const text of ["9999-12-31T23:59:59-05:30", "0000-01-01T00:00:00+14:00"]) {
    const told = InstantInput.safeParse(text);
    expect(told.success, text).toBe(false);
  }
  expect(InstantInput.parse("9999-12-31T23:59:59Z")).toBe("9999-12-31T23:59:59Z");
});
