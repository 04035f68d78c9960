import { StratctlError } from "@stratctl/sdk/internal";
import { expect, test } from "vitest";
import type { LogLine } from "./log.ts";
import { Troubles } from "./troubles.ts";
import type { WriterCounts, WriterTroubles } from "./writer.ts";

const COUNTS: WriterCounts = { carried: 0, written: 0, left_out: 0, dropped: 0, refused: 0, spooled: 0, torn: 0, aside: 0 };
const NONE: WriterTroubles = {
  refused_marks: 0,
  refused_quotes: 0,
  refused_why: null,
  spool_failure: null,
  vain_files: [],
  aside_files: [],
};

/** What is said after a write, level and line. */
function told(): (troubles: Partial<WriterTroubles>, spool_depth?: number, failure?: StratctlError) => string[] {
  const lines: LogLine[] = [];
  const troubles = new Troubles((line) => lines.push(line));
  return (given, spool_depth = 0, failure) => {
    const writer = { counts: COUNTS, waiting_count: 0, spool_depth, spool_folder: "/spool", troubles: { ...NONE, ...given } };
    troubles.write(failure ?? null, { at_ms: 0, write_ms: 1, writer });
    return lines.splice(0).map(({ level, event, text }) => `${level} ${event} ${text}`);
  };
}

const vain = (name: string) => ({ name, kind: "refused" as const, why: "database refused: closed" });

test("files that are tried in vain are said once, and each that is set aside by name, with what to do with it", () => {
  const say = told();
  const tried = "warn spool a, b refused (database refused: closed) · tried again for some minutes; what else waits is written";
  expect(say({ vain_files: [vain("a"), vain("b")] }, 10)).toEqual([tried]);
  expect(say({ vain_files: [vain("a"), vain("b"), vain("c")] }, 15)).toEqual([]);
  const aside = (name: string, why: string | null) => ({ name, candle_count: 5, why });
  const [a, b] = ["a", "b"].map((name) => aside(`${name}.refused`, "database refused: closed"));
  expect(say({ vain_files: [vain("b")], aside_files: [a!] }, 5)).toEqual([
    "error aside 5 candles on disk, a.refused in /spool: set aside: database refused: closed · " +
      "tried again once renamed without the last ending; else remove it",
  ]);
  expect(say({ aside_files: [a!, b!] })).toEqual([
    expect.stringMatching(/^error aside 5 candles on disk, b\.refused in/),
    "info spool empty: what waited on disk is written",
  ]);
  expect(say({ aside_files: [a!, b!] })).toEqual([]);
});

test("files that lie aside since before are said once after the start", () => {
  const say = told();
  const aside_files = ["a.refused", "b.unreadable"].map((name) => ({ name, candle_count: 5, why: null }));
  const away = new StratctlError("database_unreachable", "database does not answer");
  expect(say({ aside_files }, 0, away)).toEqual([
    "warn database database does not answer · candles wait on disk",
    "warn aside 10 candles on disk, a.refused, b.unreadable in /spool: set aside before · " +
      "tried again once renamed without the last ending; else remove it",
  ]);
  expect(say({ aside_files }, 0, away)).toEqual([]);
});

test("a folder that takes nothing is one line that names it, and one when it does again", () => {
  const say = told();
  expect(say({ spool_failure: "EACCES" })).toEqual(["error spool fails (EACCES) · candles wait in memory alone: see to /spool"]);
  expect(say({ spool_failure: "EACCES" })).toEqual([]);
  expect(say({})).toEqual(["info spool is well again"]);
});
