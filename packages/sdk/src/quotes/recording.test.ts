import { Decimal } from "decimal.js";
import * as fc from "fast-check";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { StratctlError } from "../errors.ts";
import { isoOf } from "../model/instant.ts";
import { openRecording, surveyRecording, type RecordedQuote, type RecordingSummary } from "./recording.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "stratctl-recording-"));
});
afterAll(() => rm(folder, { recursive: true }));

let files = 0;
async function file(content: string | Uint8Array, name = "ticks.csv"): Promise<string> {
  files += 1;
  const path = join(folder, `${files}-${name}`);
  await writeFile(path, content);
  return path;
}

async function read(path: string, every_ms = 1_000): Promise<{ quotes: [string, string, number][]; summary: RecordingSummary }> {
  const recording = await openRecording(path, { every_ms });
  const quotes: [string, string, number][] = [];
  for await (const { at_ms, instrument, price_units } of recording) quotes.push([isoOf(at_ms), instrument, price_units / 10_000]);
  return { quotes, summary: recording.summary };
}

async function failure(content: string | Uint8Array, name?: string): Promise<StratctlError> {
  const path = await file(content, name);
  const error = await read(path).catch((thrown: unknown) => thrown);
  if (!(error instanceof StratctlError)) throw new Error(`read without a fault: ${JSON.stringify(content)}`);
  expect(error.message).toContain(path);
  return error;
}

const TICKS = "at_utc,instrument,price\n";
const BARS = "minute_utc,instrument,open,high,low,close,volume\n";

describe("ticks", () => {
  const rows = "2025-07-31T03:45:00Z,NFO:A,64.95\n2025-07-31T03:45:00Z,NSE:NIFTY 50,24642.25\n2025-07-31T03:45:01Z,NFO:A,65\n";
  const expected = [
    ["2025-07-31T03:45:00Z", "NFO:A", 64.95],
    ["2025-07-31T03:45:00Z", "NSE:NIFTY 50", 24642.25],
    ["2025-07-31T03:45:01Z", "NFO:A", 65],
  ];

  test.each([
    ["as they are", TICKS + rows],
    ["with CRLF", (TICKS + rows).replaceAll("\n", "\r\n")],
    ["with a byte order mark", `\uFEFF${TICKS}${rows}`],
    ["without a newline at the end", (TICKS + rows).trimEnd()],
    ["without a newline at the end, CRLF", (TICKS + rows).trimEnd().replaceAll("\n", "\r\n")],
    ["with blank lines at the end", `${TICKS}${rows}\n\r\n\n`],
    ["with blank lines between", TICKS + rows.replaceAll("\n", "\n\n")],
    ["with a header of a spreadsheet", rows.replace(/^/, "At_UTC, Instrument ,PRICE\n")],
    ["with quotes", TICKS + rows.replaceAll(/(N[A-Z]+:[^,]*)/g, '"$1"')],
    ["with other columns", `volume,price,instrument,at_utc\n${rows.replaceAll(/(.*),(.*),(.*)\n/g, "7,$3,$2,$1\n")}`],
    ["with an offset", TICKS + rows.replaceAll("03:45:00Z", "09:15:00+05:30")],
  ])("%s", async (_how, text) => {
    expect((await read(await file(text))).quotes).toEqual(expected);
    expect((await read(await file(gzipSync(text), "ticks.csv.gz"))).quotes).toEqual(expected);
    expect((await read(await file(gzipSync(text), "misnamed.csv"))).quotes).toEqual(expected);
  });

  test("a file of several gzip members is one", async () => {
    const members = Buffer.concat([gzipSync(TICKS), gzipSync(rows.slice(0, 30)), gzipSync(rows.slice(30))]);
    expect((await read(await file(members, "ticks.csv.gz"))).quotes).toEqual(expected);
  });

  test("what is no price is counted and named, and a long price is rounded half to even and counted", async () => {
    const prices = ["0", "", "NaN", "-5", "0x10", "1,5".replace(",", ";"), "22545.900390625", "1.00005", "1.00015", "  7.5 "];
    const { quotes, summary } = await read(await file(TICKS + prices.map((price) => `2025-07-31T03:45:00Z,NFO:A,${price}\n`).join("")));
    expect(quotes.map(([, , price]) => price)).toEqual([22545.9004, 1, 1.0002, 7.5]);
    expect(summary).toMatchObject({
      row_count: 10,
      quote_count: 4,
      refused_count: 6,
      rounded_count: 3,
      first_refused: 'line 2: "0" is not a price',
    });
  });

  test("the summary is complete at the end, and of the last reading", async () => {
    const path = await file(
      `${TICKS}1970-01-01T00:00:00Z,NFO:A,5\n2025-07-30T18:29:59Z,NFO:A,6\n2025-07-30T18:30:00Z,NFO:B,7\n2025-08-01T04:00:00Z,NFO:A,8\n`,
    );
    const summary = {
      path,
      form: "ticks",
      row_count: 4,
      quote_count: 4,
      instruments: ["NFO:A", "NFO:B"],
      days: ["2025-07-30", "2025-07-31", "2025-08-01"],
      progress: 1,
    };
    expect(await surveyRecording(path)).toMatchObject(summary);
    const recording = await openRecording(path, { every_ms: 1_000 });
    for (let time = 0; time < 2; time += 1) {
      let count = 0;
      for await (const quote of recording) count += quote.price_units > 0 ? 1 : 0;
      expect(count).toBe(4);
      expect(recording.summary).toMatchObject(summary);
    }
  });

  test("whoever stops reading leaves no file open", async () => {
    const before = process.getActiveResourcesInfo().length;
    const text =
      TICKS +
      Array.from({ length: 50_000 }, (_, second) => `${isoOf(Date.parse("2025-07-31T03:45:00Z") + second * 100)},NFO:A,5\n`).join("");
    for (const path of [await file(text), await file(gzipSync(text), "ticks.csv.gz")])
      for await (const quote of await openRecording(path, { every_ms: 1_000 })) {
        expect(quote.instrument).toBe("NFO:A");
        break;
      }
    await expect.poll(() => process.getActiveResourcesInfo().length).toBeLessThanOrEqual(before);
  });
});

describe("a bar is two quotes", () => {
  const minutes = `${BARS}2025-07-31T03:45:00Z,NFO:A,1,9,0.5,2,0\n2025-07-31T03:45:00Z,NFO:B,10,19,5,20,0\n2025-07-31T03:46:00Z,NFO:A,3,9,0.5,4,0\n`;

  test.each([
    [1_000, "03:45:59Z", "03:46:59Z"],
    [5_000, "03:45:55Z", "03:46:55Z"],
    [7_000, "03:45:59Z", "03:46:55Z"],
    [60_000, "03:45:00Z", "03:46:00Z"],
    [300_000, "03:45:00Z", "03:46:59.999Z"],
  ])("its open at its start, its close at the last boundary of %i ms inside it", async (every_ms, first, second) => {
    const { quotes } = await read(await file(minutes, "bars.csv"), every_ms);
    const of = (instrument: string): unknown[] =>
      quotes.filter(([, name]) => name === instrument).map(([at, , price]) => [at.slice(11), price]);
    expect(of("NFO:A")).toEqual([
      ["03:45:00Z", 1],
      [first, 2],
      ["03:46:00Z", 3],
      [second, 4],
    ]);
    expect(of("NFO:B")).toEqual([
      ["03:45:00Z", 10],
      [first, 20],
    ]);
    expect(quotes.map(([at]) => Date.parse(at))).toEqual(quotes.map(([at]) => Date.parse(at)).toSorted((a, b) => a - b));
  });

  test("bars of five seconds; highs and lows are not looked at", async () => {
    const text =
      "start_utc,instrument,open,high,low,close,volume\n2025-07-31T03:45:00Z,NFO:A,1,x,,2,0\n2025-07-31T03:45:05Z,NFO:A,0,1,1,4,0\n";
    const { quotes, summary } = await read(await file(text, "bars.csv"));
    expect(quotes.map(([at, , price]) => [at.slice(17), price])).toEqual([
      ["00Z", 1],
      ["04Z", 2],
      ["09Z", 4],
    ]);
    expect(summary).toMatchObject({ form: "bars", row_count: 2, quote_count: 3, refused_count: 1 });
  });

  test("whatever the bars and the interval, quotes ascend and each instrument's are open, close, open, close", async () => {
    const bar = fc.record({ minute: fc.integer({ min: 0, max: 5 }), instrument: fc.constantFrom("NFO:A", "NFO:B", "NFO:C") });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(bar, { minLength: 1, maxLength: 12, selector: ({ minute, instrument }) => minute + instrument }),
        fc.integer({ min: 1, max: 200_000 }),
        async (bars, every_ms) => {
          const start_ms = Date.parse("2025-07-31T03:45:00Z");
          const sorted = bars.toSorted((a, b) => a.minute - b.minute);
          const text = sorted.map(
            ({ minute, instrument }, row) => `${isoOf(start_ms + minute * 60_000)},${instrument},${2 * row + 1},0,0,${2 * row + 2},0\n`,
          );
          const { quotes } = await read(await file(BARS + text.join(""), "bars.csv"), every_ms);
          expect(quotes).toHaveLength(2 * bars.length);
          for (const [place, [at]] of quotes.entries())
            expect(Date.parse(at)).toBeGreaterThanOrEqual(Date.parse(quotes[place - 1]?.[0] ?? at));
          for (const name of ["NFO:A", "NFO:B", "NFO:C"]) {
            const prices = quotes.filter(([, instrument]) => instrument === name).map(([, , price]) => price);
            expect(prices).toEqual(sorted.flatMap(({ instrument }, row) => (instrument === name ? [2 * row + 1, 2 * row + 2] : [])));
          }
        },
      ),
      { numRuns: 40 },
    );
  });
});

describe("faults are named with file and line", () => {
  const row = "2025-07-31T03:45:00Z,NFO:A,64.95\n";
  test.each([
    ["an empty file", "", / is empty$/],
    ["blank lines only", "\n\n", /:1: no column at_utc/],
    ["a header only", TICKS, / has no row below its header$/],
    ["a header and blanks", `${TICKS}\n\r\n`, / has no row below its header$/],
    ["no header", row + row, /:1: no column at_utc, minute_utc or start_utc in "2025-07-31T03:45:00Z,NFO:A,64.95"$/],
    ["another file", "instrument_token,exchange_token,tradingsymbol\n1,2,X\n", /:1: no column at_utc/],
    ["ticks without a price", `at_utc,instrument,ltp\n${row}`, /:1: no column price in/],
    ["bars without a close", `minute_utc,instrument,open\n${row}`, /:1: no column close in/],
    ["a row cut short", `${TICKS}${row}2025-07-31T03:45:01Z,NFO:A`, /:3: 2 fields where the header has 3: "2025-07-31T03:45:01Z,NFO:A"$/],
    ["a row too long", `${TICKS}${row}2025-07-31T03:45:01Z,NFO:A,1,234.5\n`, /:3: 4 fields/],
    ["a time without a zone", `${TICKS}2025-07-31T03:45:00,NFO:A,64.95\n`, /:2: "2025-07-31T03:45:00" has no zone$/],
    ["no time", `${TICKS}${row}yesterday,NFO:A,64.95\n`, /:3: "yesterday" is not a time$/],
    ["31 February", `${TICKS}2025-02-31T03:45:00Z,NFO:A,64.95\n`, /:2: .* is not a time$/],
    ["time going back", `${TICKS}${row}\n2025-07-31T03:44:59Z,NFO:A,64.95\n`, /:4: 2025-07-31T03:44:59Z is before the row above it/],
    ["no exchange", `${TICKS}2025-07-31T03:45:00Z,NIFTY,64.95\n`, /:2: "NIFTY" is not an instrument/],
    ["no instrument", `${TICKS}2025-07-31T03:45:00Z,,64.95\n`, /:2: "" is not an instrument/],
    ["no price at all", `${TICKS}2025-07-31T03:45:00Z,NFO:A,NaN\n`, / holds no price \(line 2: "NaN" is not a price\)$/],
    ["a line without end", TICKS + "x".repeat(400_000), /:2: is longer than any row$/],
  ])("%s", async (_what, text, message) => {
    for (const [content, name] of [[text, "ticks.csv"] as const, [gzipSync(text), "ticks.csv.gz"] as const]) {
      const error = await failure(content, name);
      expect(error.code).toBe("recording_invalid");
      expect(error.message).toMatch(message);
    }
  });

  test("the line is right in the middle of a long file", async () => {
    const rows = Array.from({ length: 60_000 }, (_, second) => `${isoOf(Date.parse("2025-07-31T03:45:00Z") + second * 100)},NFO:A,5\n`);
    rows[49_998] = "2025-07-31T09:00:00Z,NFO:A\n";
    const error = await failure(TICKS + rows.join(""));
    expect(error.message).toMatch(/:50000: 2 fields/);
    expect(error.details).toMatchObject({ line: 50_000 });
  });

  test("gzip that ends in the middle, or is damaged; bytes that are no text", async () => {
    const rows = Array.from(
      { length: 60_000 },
      (_, second) => `${isoOf(Date.parse("2025-07-31T03:45:00Z") + second * 100)},NFO:A,${second + 1}\n`,
    );
    const whole = gzipSync(TICKS + rows.join(""));
    expect((await failure(whole.subarray(0, whole.length / 2), "cut.csv.gz")).message).toMatch(
      /:\d+: what follows is gzip data that ends in the middle$/,
    );
    const damaged = (at: number): Uint8Array => Uint8Array.from(whole, (byte, place) => (place === whole.length + at ? byte ^ 0xff : byte));
    expect((await failure(damaged(-8), "checksum.csv.gz")).message).toMatch(/:\d+: what follows is damaged gzip data$/);
    expect((await failure(damaged(10 - whole.length), "block.csv.gz")).message).toMatch(/ is damaged gzip data$/);
    expect((await failure(gzipSync(TICKS).subarray(0, 12), "short.csv.gz")).message).toMatch(/ is gzip data that ends in the middle$/);
    expect((await failure(Buffer.concat([Buffer.from(TICKS), Buffer.from([0xff, 0xfe, 0x0a])]))).message).toMatch(/ is not UTF-8 text$/);
  });

  test("a file that is not there, or a folder", async () => {
    await expect(openRecording(join(folder, "none.csv"), { every_ms: 1_000 })).rejects.toMatchObject({
      code: "file_unusable",
      message: `cannot read ${join(folder, "none.csv")} (no such file)`,
    });
    await expect(surveyRecording(folder)).rejects.toMatchObject({
      code: "file_unusable",
      message: `${folder} is a folder, not a recording`,
    });
  });
});

describe("the recorded sessions", () => {
  const sessions = new URL("../../../../../shared/data/sessions/", import.meta.url);
  const missing = existsSync(sessions) ? null : "skipped: no ../shared/data";
  if (missing !== null) console.warn(`recording.test.ts ${missing}`);

  test.skipIf(missing).each([
    ["nifty-2025-07-31/ticks.csv.gz", 7, "2025-07-31", 0],
    ["nifty-2025-07-31/bars.csv", 35, "2025-07-31", 0],
    ["nifty-2025-07-31/bars_5s.csv.gz", 8, "2025-07-31", 0],
    ["nifty-2024-10-25-monthly/ticks.csv.gz", 4, "2024-10-25", 0],
    ["nifty-2024-10-25-monthly/bars.csv", 6, "2024-10-25", 0],
    ["nifty-2021-06-11/bars.csv", 13, "2021-06-11", 0],
    ["nifty-2025-03-12-sparse/bars.csv", 31, "2025-03-12", 593],
    ["banknifty-2021-08-20/ticks.csv.gz", 2, "2021-08-20", 0],
    ["nifty50-index-2022-11-24-1s/ticks.csv", 1, "2022-11-24", 0],
  ])("%s: every row, exactly", async (name, instrument_count, day, rounded_count) => {
    const path = new URL(name, sessions);
    const bytes = readFileSync(path);
    const [head = "", ...rows] = (name.endsWith(".gz") ? gunzipSync(bytes) : bytes).toString().trimEnd().split("\n");
    const is_bars = head !== "at_utc,instrument,price";
    const bar_ms = head.startsWith("start_utc") ? 5_000 : 60_000;
    // Written anew: the quotes of each row, then all by time, bars' closes before the opens of the same instant.
    const expected = rows.flatMap((row, order) => {
      const [at = "", instrument = "", price = "", , , close = ""] = row.split(",");
      const at_ms = Date.parse(at);
      const open = { at_ms, order: order + 0.5, instrument, price };
      return is_bars ? [open, { at_ms: at_ms + bar_ms - 1_000, order: order - rows.length, instrument, price: close }] : [open];
    });
    expected.sort((a, b) => a.at_ms - b.at_ms || a.order - b.order);
    const recording = await openRecording(path.pathname, { every_ms: 1_000 });
    const start_ms = performance.now();
    const quotes: RecordedQuote[] = [];
    for await (const batch of recording.batches()) quotes.push(...batch);
    if (rows.length > 200_000)
      console.log(`recording.test.ts: ${rows.length} ticks read in ${Math.round(performance.now() - start_ms)} ms`);
    expect(quotes).toHaveLength(expected.length);
    const differs = quotes.findIndex(({ at_ms, instrument, price_units }, place) => {
      const want = expected[place];
      const units = new Decimal(want?.price ?? 0).mul(10_000).toDecimalPlaces(0, Decimal.ROUND_HALF_EVEN).toNumber();
      return at_ms !== want?.at_ms || instrument !== want.instrument || price_units !== units;
    });
    expect(quotes[differs]).toBeUndefined();
    expect(recording.summary).toMatchObject({ row_count: rows.length, refused_count: 0, rounded_count, days: [day] });
    expect(recording.summary.instruments).toHaveLength(instrument_count);
  });
});
