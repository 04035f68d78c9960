import { describe, expect, test } from "vitest";
import { almanac, alwaysOpen, builtinCalendar, EXCHANGES, knownUntil } from "@stratctl/sdk";
import { dayView, monthView } from "./calendar.ts";

const options = { width: 80, height: 24, color: false, now_ms: Date.parse("2026-11-25T05:00:00Z") };

function month(exchange: string, text: string, calendar = builtinCalendar()): string[] {
  const last = new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5)), 0)).toISOString().slice(0, 10);
  const days = almanac(calendar, exchange, { from_day: `${text}-01`, to_day: last });
  const known_until = knownUntil(calendar, exchange, `${text}-01`);
  return monthView(days, { today: "2026-11-25", known_until, options }).split("\n");
}

describe("a month", () => {
  test("shows weeks, and in words what a number cannot tell", () => {
    expect(month("NFO", "2026-11")).toEqual([
      "November 2026 · NFO",
      "",
      "  Mon  Tue  Wed  Thu  Fri  Sat  Sun",
      "                                 1-",
      "    2   3e    4    5    6   7-   8?",
      "   9e  10-   11   12   13  14-  15-",
      "   16  17e   18   19   20  21-  22-",
      "  23E  24- [25]   26   27  28-  29-",
      "   30",
      "",
      " 19 sessions 09:15–15:40 IST",
      " Sun 8 Nov   Muhurat: its time is not known: no session",
      " Tue 10 Nov  closed Diwali Balipratipada",
      " Tue 24 Nov  closed Guru Nanak Jayanti",
      " expiries 3, 9, 17, 23 (monthly)",
      " holidays are known until 2026-12-31",
    ]);
  });

  test("whose hours change tells both", () => {
    expect(month("MCX", "2026-03").slice(9)).toEqual([
      "",
      " 4 sessions 09:00–23:55 IST · 15 sessions 09:00–23:30 IST",
      " Tue 3 Mar   17:00–23:55 Holi, evening only",
      " Thu 26 Mar  17:00–23:30 Ram Navami, evening only",
      " Tue 31 Mar  17:00–23:30 Mahavir Jayanti, evening only",
      " holidays are known until 2026-12-31",
    ]);
  });

  test("of a year without a list says what is taken for granted", () => {
    const lines = month("MCX", "2027-01");
    expect(lines[3]).toBe("                       1?   2-   3-");
    expect(lines.at(-1)).toBe(" no list of holidays: a weekday with ? is taken for a session");
  });

  test("of a market that never closes", () => {
    expect(month("NFO", "2026-12", alwaysOpen(builtinCalendar())).slice(9, 10)).toEqual([" 31 sessions 00:00–24:00 IST"]);
  });
});

test("a day of all exchanges", () => {
  const days = EXCHANGES.flatMap((exchange) => almanac(builtinCalendar(), exchange, { from_day: "2026-11-23", to_day: "2026-11-23" }));
  expect(dayView(days, options).split("\n")).toEqual([
    "Mon 23 Nov 2026",
    "",
    " exchange  session (IST)  minutes  expires",
    " NSE       09:15–15:30        375",
    " BSE       09:15–15:30        375",
    " NFO       09:15–15:40        385  monthly",
    " BFO       09:15–15:40        385",
    " MCX       09:00–23:55        895",
    " CDS       09:00–17:00        480",
    " BCD       09:00–17:00        480",
  ]);
  const guessed = almanac(builtinCalendar(), "NFO", { from_day: "2027-01-04", to_day: "2027-01-04" });
  expect(dayView(guessed, options)).toContain("taken for granted: no list");
  const muhurat = almanac(builtinCalendar(), "NFO", { from_day: "2026-11-08", to_day: "2026-11-08" });
  expect(dayView(muhurat, options)).toContain("—");
});
